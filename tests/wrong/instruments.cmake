wrong(instruments/port_ranges takes_allowed_for_denied
  REPLACE [[return error == asio::error::access_denied;]]
  BY      [[return error != asio::error::access_denied;]]
  FAILS "port_ranges: each range ends where its name, the right to bind or the setting ends"
  SAYING "allowed")
wrong(instruments/port_ranges believes_the_setting_alone
  REPLACE [[(ever ? "yes" : "never")]]
  BY      [[(from >= first ? "yes" : "never")]]
  FAILS "port_ranges: each range ends where its name, the right to bind or the setting ends"
  SAYING "50001-65535")
wrong(instruments/errors never_runs_out_of_descriptors
  REPLACE [[limit.rlim_cur = 3;]]
  BY      [[limit.rlim_cur = 300;]]
  FAILS "errors: where ports below 1024 are for everybody, the table says that nothing was refused"
  SAYING "none. . Success . .socket")
wrong(instruments/conflict_matrix reuses_a_port
  REPLACE [[    return socket.local_endpoint().port();]]
  BY      [[    static const auto port = socket.local_endpoint().port();
    return port;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "1 == 0.*conflict_matrix: bind: Address already in use")
wrong(instruments/conflict_matrix takes_every_listen_for_a_success
  REPLACE [[                answer.first_listen = errno_name(error);]]
  BY      [[                answer.first_listen = "OK";]]
  FAILS "the table says of every cell what --csv says, in lines that fit a terminal"
  SAYING "cells differ.*expected one listens, observed OK")
wrong(instruments/conflict_matrix lets_the_first_socket_listen_in_between
  REPLACE [[            second.listen(Socket::max_listen_connections, error);]]
  BY      [[            if (cell.state == "bound")
                first.listen();
            second.listen(Socket::max_listen_connections, error);]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "66 cells differ.*tcp,bound,0.0.0.0,both,0.0.0.0,reuse_address: expected OK,OK.*EADDRINUSE")
wrong(instruments/conflict_matrix rule_asks_only_the_new_socket
  REPLACE [[claim_of(cell.protocol, cell.first, cell.first_options);]]
  BY      [[claim_of(cell.protocol, cell.first, cell.first_options);
    first.reuse_address = true;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "189 cells differ.*tcp,bound,0.0.0.0,none,0.0.0.0,both: expected OK,OK, observed.*EADDRINUSE,-")
wrong(instruments/conflict_matrix rule_forgets_what_time_wait_holds
  REPLACE [[        first = common::left_in_time_wait(first, cell.called.to_string());]]
  BY      [[        first.state = common::Claim::State::time_wait;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "[0-9]+ cells differ.*tcp,time_wait,0.0.0.0,none,127.0.0.2,none: expected EADDRINUSE,-, observed.*OK,OK")
wrong(instruments/conflict_matrix forgets_the_commas
  REPLACE [[std::exchange(before, ",\n")]]
  BY      [[std::exchange(before, "\n")]]
  FAILS "the JSON output is strict JSON and holds the rows of the CSV output"
  SAYING "JSON, at byte")
wrong(instruments/conflict_matrix gives_up_without_ipv6
  REPLACE [[    probe.open(tcp::v6(), error);]]
  BY      [[    probe.open(tcp::v6());]]
  FAILS "without IPv6 the matrix leaves those rows out and says so"
  SAYING "open: Address family not supported")
wrong(instruments/conflict_matrix lets_the_client_close_first
  REPLACE [[    accepted.close();
    std::array<char, 1> nothing;
    asio::error_code end;
    client.read_some(asio::buffer(nothing), end);
    client.shutdown(tcp::socket::shutdown_send);
    client.wait(tcp::socket::wait_error); // until the other side has acknowledged the end]]
  BY      [[    client.close();
    accepted.wait(tcp::socket::wait_read);
    accepted.close();]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "the.kernel.has.127.0.0.1:.*in.the.state.*not.TIME-WAIT")
wrong(instruments/conflict_matrix short_table_forgets_that_the_server_is_gone
  REPLACE [[            left[{server, second}] = conflict;]]
  BY      [[            left[{server, second}] = meet.at({name, second});]]
  FAILS "the short table in Markdown says of every cell what --csv says"
  SAYING "cells differ.*expected OK, observed at bind")
wrong(instruments/backlog calls_four_times_at_most
  REPLACE [[    while (next.empty()) {]]
  BY      [[    while (next.empty() && clients.size() < 4) {]]
  FAILS "backlog: the kernel connects one client more than the backlog, and the next one waits"
  SAYING "listen.5.*4 . 5")
wrong(instruments/backlog gives_one_more
  REPLACE [[acceptor.listen(backlog);]]
  BY      [[acceptor.listen(backlog + 1);]]
  FAILS "backlog: the kernel connects one client more than the backlog, and the next one waits"
  SAYING "listen.0.*2 . 1")
wrong(instruments/families takes_every_wildcard_for_both
  REPLACE [[v6_only{v6_only}]]
  BY      [[v6_only{false}]]
  FAILS "families: who gets in over which family, and with which address"
  SAYING "with `v6_only` . `.:PORT`")
wrong(instruments/families tries_the_first_address_alone
  REPLACE [[{"::1", "127.0.0.1"}]]
  BY      [[{"::1", "::1"}]]
  FAILS "families: who gets in over which family, and with which address"
  SAYING "refused . refused")
