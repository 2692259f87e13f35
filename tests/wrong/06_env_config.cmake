wrong(06_env_config/careless reads_the_whole_number
  REPLACE [[static_cast<asio::ip::port_type>(number)]]
  BY      [[static_cast<asio::ip::port_type>(number > 65535 ? 9999 : number)]]
  FAILS "careless: every value comes to something, and some to a port that nobody asked for"
  SAYING "9999 == 8081")
wrong(06_env_config/env_config falls_back_to_the_default_on_a_bad_port
  REPLACE [[        throw common::ConfigError{std::string{variable} + "=" + common::quoted(text) +
                                  " is not a port: use a whole number from 0 to 65535 (0 lets the system choose)"};]]
  BY      [[        return fallback;]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config reads_the_port_with_atoi
  REPLACE [[port_in("PORT", 8080)};]]
  BY      [[static_cast<std::uint16_t>(std::getenv("PORT") ? std::atoi(std::getenv("PORT")) : 8080)};]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config reads_into_a_signed_number
  REPLACE [[std::uint16_t port = 0;]]
  BY      [[int port = 0;]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config does_not_ask_whether_all_was_read
  REPLACE [[ || stopped != text.data() + text.size())]]
  BY      [[)]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config takes_an_empty_variable_for_an_absent_one
  REPLACE [[    if (!value)]]
  BY      [[    if (!value || !*value)]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config prints_the_value_as_it_is
  REPLACE [[common::quoted(text)]]
  BY      [['"' + std::string{text} + '"']]
  FAILS "a refusal can be read whatever the value is"
  SAYING "message")
wrong(06_env_config/env_config opens_before_it_checks
  REPLACE [[        const auto host = common]]
  BY      [[        asio::io_context early_io;
        tcp::acceptor early{early_io};
        early.open(tcp::v4());
        const auto host = common]]
  FAILS "a HOST that is not an address stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config prints_the_port_that_it_asked_for
  REPLACE [[acceptor.local_endpoint() <<]]
  BY      [[wanted <<]]
  FAILS "PORT=0 is valid: the kernel chooses, and the ready line has its choice"
  SAYING "printed.port != 0")
wrong(06_env_config/env_config does_not_say_which_address
  REPLACE [["env_config: " << wanted << ": " << error.what()]]
  BY      [["env_config: " << error.what()]]
  FAILS "a port in use ends the program with status 1, the address and the reason"
  SAYING "env_config: bind: Address already in use")
wrong(06_env_config/env_config has_its_port_in_the_code
  REPLACE [[port_in("PORT", 8080)};]]
  BY      [[8080};]]
  FAILS "one file, proven by its SHA-256, runs on two ports side by side"
  SAYING "Address already in use")
wrong(06_env_config/sources checks_only_what_wins
  REPLACE [[        common::parse_port(new_origin, new_value);]]
  BY      ""
  FAILS "an invalid value is refused even if a stronger source has a valid one"
  SAYING "159 == 78")
wrong(06_env_config/sources lets_the_environment_win
  REPLACE [[        if (argc == 3 && std::string{argv[1]} == "--port")]]
  BY      [[        if (argc == 3 && std::string{argv[1]} == "--port" && std::getenv("PORT"))
            common::parse_port("option --port", argv[2]);
        else if (argc == 3 && std::string{argv[1]} == "--port")]]
  FAILS "the command line wins over the environment, that over the file, and that over the default"
  SAYING "127.0.0.1:8082. == .127.0.0.1:8083")
wrong(06_env_config/sources lets_the_file_win
  REPLACE [[        if (const char* const value = std::getenv("PORT"))]]
  BY      [[        if (const char* const value = std::getenv("CONFIG_FILE") ? nullptr : std::getenv("PORT"))]]
  FAILS "the command line wins over the environment, that over the file, and that over the default"
  SAYING "127.0.0.1:8081. == .127.0.0.1:8082")
