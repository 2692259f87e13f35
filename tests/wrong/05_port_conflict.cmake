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
wrong(05_port_conflict/port_conflict ends_a_refusal_with_success
  REPLACE [[            return EXIT_FAILURE;
        }
        holder.listen();]]
  BY      [[            return EXIT_SUCCESS;
        }
        holder.listen();]]
  FAILS "a second run on a taken PORT is told the address, the reason, the holder and what to do"
  SAYING "0 == 1")
wrong(05_port_conflict/port_conflict names_itself_as_the_holder
  REPLACE [[common::why_refused(common::Protocol::tcp, wanted, error, {.host = ""})]]
  BY      [["held by port_conflict, process " + std::to_string(::getpid()) + ": stop it, or choose another PORT (0 lets the system choose)"]]
  FAILS "a second run on a taken PORT is told the address, the reason, the holder and what to do"
  SAYING "ends with: .*held by port_conflict, process")
wrong(05_port_conflict/conflict_matrix reuses_a_port
  REPLACE [[    return socket.local_endpoint().port();]]
  BY      [[    static const auto port = socket.local_endpoint().port();
    return port;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "1 == 0.*conflict_matrix: bind: Address already in use")
wrong(05_port_conflict/conflict_matrix takes_every_listen_for_a_success
  REPLACE [[            answer.listen = errno_name(error);]]
  BY      [[            answer.listen = "OK";]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "tcp,bound,0.0.0.0,both,0.0.0.0,reuse_address: expected OK,EADDRINUSE,.*observed OK,OK")
wrong(05_port_conflict/conflict_matrix rule_asks_only_the_new_socket
  REPLACE [[claim_of(cell.protocol, cell.first, cell.first_options);]]
  BY      [[claim_of(cell.protocol, cell.first, cell.first_options);
    first.reuse_address = true;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "189 cells differ.*tcp,bound,0.0.0.0,none,0.0.0.0,both: expected OK,EADDRINUSE, observed.*EADDRINUSE,-")
wrong(05_port_conflict/conflict_matrix rule_forgets_what_time_wait_holds
  REPLACE [[        first = common::left_in_time_wait(first, client_connects_to(cell.first.ip).to_string());]]
  BY      [[        first.state = common::Claim::State::time_wait;]]
  FAILS "the rule predicts the kernel's answer in every cell"
  SAYING "[0-9]+ cells differ.*tcp,time_wait,0.0.0.0,none,127.0.0.2,none: expected EADDRINUSE,-, observed.*OK,OK")
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
wrong(05_port_conflict/conflict_matrix lets_the_client_close_first
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
wrong(05_port_conflict/conflict_matrix short_table_forgets_that_the_server_is_gone
  REPLACE [[{"yyny", "while it lives"}]]
  BY      [[{"yyny", "yes"}]]
  FAILS "the short table in Markdown says of every cell what --csv says"
  SAYING "cells differ.*expected OK, observed at bind")
