wrong(05_port_conflict/port_conflict sets_the_option_after_bind
  REPLACE [[    new_server.set_option(reuse_address{new_reuses});
    new_server.bind(address, error);]]
  BY      [[    new_server.bind(address, error);
    new_server.set_option(reuse_address{new_reuses});]]
  FAILS "a port in TIME-WAIT is given again where the old and the new socket have SO_REUSEADDR"
  SAYING "new server with it, bind: Address already in.use\"")
wrong(05_port_conflict/port_conflict sets_the_option_on_the_new_socket_only
  REPLACE [[    old_server.set_option(reuse_address{old_reuses});]]
  BY      [[]]
  FAILS "a port in TIME-WAIT is given again where the old and the new socket have SO_REUSEADDR"
  SAYING "bind_error.address, true.*98 == 0")
wrong(05_port_conflict/port_conflict lets_the_client_close_first
  REPLACE [[    accepted.close(); // the]]
  BY      [[    client.shutdown(tcp::socket::shutdown_send);
    accepted.read_some(asio::buffer(std::array<char, 1>{}), error);
    accepted.close(); // the]]
  FAILS "a port in TIME-WAIT is given again where the old and the new socket have SO_REUSEADDR"
  SAYING "gone. the kernel has. .?starts with: \"old server")
wrong(05_port_conflict/port_conflict ignores_the_error_of_listen
  REPLACE [[        other.listen(backlog, error);]]
  BY      [[        error.clear();
        asio::error_code ignored;
        other.listen(backlog, ignored);]]
  FAILS "with SO_REUSEADDR on both and neither listening, both bind and the second listen is refused"
  SAYING "second listen: OK")
wrong(05_port_conflict/port_conflict shares_with_one_side_only
  REPLACE [[        set_reuse_port(right);]]
  BY      [[]]
  FAILS "with SO_REUSEPORT on both, both listen"
  SAYING "second bind: Address already in use")
wrong(05_port_conflict/port_conflict takes_another_port_in_silence
  REPLACE [[        if (error == asio::error::address_in_use) {]]
  BY      [[        if (error == asio::error::address_in_use)
            holder.bind(any_port, error);
        if (error == asio::error::address_in_use) {]]
  FAILS "a second run on a taken PORT is told the address, the reason, the holder and what to do"
  SAYING "program still prints")
wrong(05_port_conflict/conflict_matrix reuses_a_port
  REPLACE [[    return socket.local_endpoint().port();]]
  BY      [[    static const auto port = socket.local_endpoint().port();
    return port;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "bind: Address already in use.*1 == 0")
wrong(05_port_conflict/conflict_matrix ignores_the_error_of_listen
  REPLACE [[            answer.listen = errno_name(error);]]
  BY      [[            answer.listen = "OK";]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "tcp,bound,127.0.0.1,both,127.0.0.1,reuse_address: expected OK,EADDRINUSE,.observed OK,OK")
wrong(05_port_conflict/conflict_matrix rule_asks_only_the_new_socket
  REPLACE [[    const bool reuse = cell.first_options.reuse_address && cell.second_options.reuse_address;]]
  BY      [[    const bool reuse = cell.second_options.reuse_address;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "tcp,time_wait,127.0.0.1,none,127.0.0.1,both: expected OK,OK, observed EADDRINUSE,-")
wrong(05_port_conflict/conflict_matrix rule_forgets_what_time_wait_holds
  REPLACE [[        held.ip = client_connects_to(held.ip);]]
  BY      [[        held = cell.first;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "tcp,time_wait,0.0.0.0,none,127.0.0.2,none: expected EADDRINUSE,-, observed OK,OK")
wrong(05_port_conflict/conflict_matrix forgets_the_commas
  REPLACE [[std::exchange(before, ",\n")]]
  BY      [[std::exchange(before, "\n")]]
  FAILS "the JSON output is strict JSON and holds the rows of the CSV output"
  SAYING "JSON, at byte")
wrong(05_port_conflict/conflict_matrix gives_up_without_ipv6
  REPLACE [[    probe.open(tcp::v6(), error);]]
  BY      [[    probe.open(tcp::v6());]]
  FAILS "without IPv6 the matrix leaves those rows out and says so"
  SAYING "open: Address family not supported")
