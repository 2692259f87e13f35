wrong(05_port_conflict/restart sets_the_option_after_bind
  REPLACE [[        new_server.set_option(tcp::acceptor::reuse_address{new_reuses});
        new_server.bind(address, error);]]
  BY      [[        new_server.bind(address, error);
        new_server.set_option(tcp::acceptor::reuse_address{new_reuses});]]
  FAILS "restart: the new server gets the port only if the old one and the new one have set SO_REUSEADDR"
  SAYING "bind: Address already in use.*new_server := .reuse_address")
wrong(05_port_conflict/restart sets_the_option_on_the_new_socket_only
  REPLACE [[        old_server.set_option(tcp::acceptor::reuse_address{old_reuses});]]
  BY      [[]]
  FAILS "restart: the new server gets the port only if the old one and the new one have set SO_REUSEADDR"
  SAYING "Address already in.use")
wrong(05_port_conflict/restart lets_the_client_close_first
  REPLACE [[        connection.close(); // the server closes first]]
  BY      [[        display.close();
        std::array<char, 1> nothing;
        asio::error_code ended;
        connection.read_some(asio::buffer(nothing), ended);
        connection.close();]]
  FAILS "restart: the new server gets the port only if the old one and the new one have set SO_REUSEADDR"
  SAYING "the new server.s bind: OK.*old_server := .none")
wrong(05_port_conflict/port_conflict ignores_the_error_of_listen
  REPLACE [[                first.listen(tcp::acceptor::max_listen_connections, error);]]
  BY      [[                asio::error_code ignored;
                first.listen(tcp::acceptor::max_listen_connections, ignored);]]
  FAILS "port_conflict: which options share a port, and who may listen"
  SAYING "first listen: OK")
wrong(05_port_conflict/port_conflict shares_with_one_side_only
  REPLACE [[        const auto other_address = open(second, argc > 2 ? argv[2] : "127.0.0.1");]]
  BY      [[        const auto other_address = open(second, "127.0.0.1");]]
  FAILS "port_conflict: which options share a port, and who may listen"
  SAYING "second bind: Address already in use")
wrong(05_port_conflict/shared accepts_before_it_closes
  REPLACE [[        first.close(); // nobody has accepted what waits in its queue]]
  BY      [[        first.non_blocking(true);
        for (asio::error_code none; !none;)
            first.accept(none);
        first.close();]]
  FAILS "shared: each of two listeners gets some of 100 clients, and those of the one that closes are reset"
  SAYING "0 of the 100 clients were reset")
wrong(05_port_conflict/helper never_sets_close_on_exec
  REPLACE [[argc > 2 && ]]
  BY      [[argc > 3 && ]]
  FAILS "helper: what it starts keeps the port, unless close-on-exec is set"
  SAYING "98 == 0.*close_on_exec := true")
wrong(05_port_conflict/restart leaves_its_end_open
  REPLACE [[        connection.close(); // the server closes first]]
  BY      [[        display.close();]]
  FAILS "restart: what is left of the old server is a connection in TIME-WAIT, which no process holds"
  SAYING "CLOSE-WAIT.*==.*TIME-WAIT")
wrong(05_port_conflict/port_conflict knows_no_v6_only
  REPLACE [[            socket.set_option(asio::ip::v6_only{true});]]
  BY      [[            ;]]
  FAILS "port_conflict: which addresses are in each other's way"
  SAYING "second bind: Address already in use.*::.v6_only")
wrong(05_port_conflict/port_conflict passes_over_a_mistyped_option
  REPLACE [[            throw std::invalid_argument{"no such option: " + word};]]
  BY      [[            continue;]]
  FAILS "port_conflict: what is no address or no option is named, with status 1"
  SAYING "0 == 1")
wrong(05_port_conflict/helper ends_a_wrong_PORT_with_status_1
  REPLACE [[        return common::exit_config;]]
  BY      [[        return EXIT_FAILURE;]]
  FAILS "helper: a PORT that is taken ends it with status 1, and one that is none with status 78, without a socket"
  SAYING "1 == 78")
wrong(05_port_conflict/helper dies_of_a_signal
  REPLACE [[        common::Stop stop;]]
  BY      [[        struct {
            void wait() { std::cin.get(); }
        } stop;]]
  FAILS "Enter, end of input, SIGINT and SIGTERM each end restart, shared and helper with status 0"
  SAYING "130 == 0")
