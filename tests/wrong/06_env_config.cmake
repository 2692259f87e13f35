wrong(06_env_config/env_config falls_back_to_the_default_on_a_bad_port
  REPLACE [[                    common::parse_port(setting.written, setting.value);]]
  BY      [[                    try {
                        common::parse_port(setting.written, setting.value);
                    } catch (const common::ConfigError&) {
                        continue;
                    }]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config reads_the_port_with_atoi
  REPLACE [[                    common::parse_port(setting.written, setting.value);
                settings[setting.name] = setting;]]
  BY      [[                    (void)setting;
                settings[setting.name] = setting;
                settings[setting.name].value = setting.name == "PORT" ? std::to_string(std::atoi(setting.value.c_str()) & 65535) : setting.value;]]
  FAILS "a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config takes_an_empty_variable_for_an_absent_one
  REPLACE [[std::getenv(name.c_str()))]]
  BY      [[std::getenv(name.c_str()); value && *value)]]
  FAILS "an invalid value is refused where a better source has a valid one too"
  SAYING "159 == 78")
wrong(06_env_config/env_config opens_before_it_checks
  REPLACE [[        std::map<std::string, Setting> settings;]]
  BY      [[        asio::io_context early_io;
        tcp::acceptor early{early_io};
        early.open(tcp::v4());
        std::map<std::string, Setting> settings;]]
  FAILS "a HOST that is not an address stops the program before it opens a socket"
  SAYING "159 == 78")
wrong(06_env_config/env_config lets_the_file_win
  REPLACE [[from_file(), from_environment(), from_command_line(argc, argv)]]
  BY      [[from_environment(), from_command_line(argc, argv), from_file()]]
  FAILS "the command line wins over the environment, that over the file, and that over the default"
  SAYING "127.0.0.2:8081. == .127.0.0.3:8082")
wrong(06_env_config/env_config lets_the_environment_win
  REPLACE [[from_environment(), from_command_line(argc, argv)]]
  BY      [[from_command_line(argc, argv), from_environment()]]
  FAILS "the command line wins over the environment, that over the file, and that over the default"
  SAYING "127.0.0.3:8082. == .127.0.0.4:8083")
wrong(06_env_config/env_config prints_the_port_that_it_asked_for
  REPLACE [[acceptor.local_endpoint() <<]]
  BY      [[endpoint <<]]
  FAILS "PORT=0 is valid: the kernel chooses, and the ready line has its choice"
  SAYING "printed.port != 0")
wrong(06_env_config/env_config names_no_holder
  REPLACE [[common::why_refused(common::Protocol::tcp, endpoint, error.code())]]
  BY      [["held by another process: stop it, or choose another PORT (0 lets the system choose)"]]
  FAILS "a port in use ends the program with status 1, the holder's name and what to do"
  SAYING "held by env_config, process")
