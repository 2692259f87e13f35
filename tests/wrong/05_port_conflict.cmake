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
