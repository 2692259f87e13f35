wrong(02_bind/bind takes_every_address
  REPLACE [[address_v4::loopback()]]
  BY      [[address_v4::any()]]
  FAILS "PORT chooses the port of the first socket, on loopback alone"
  SAYING "0.0.0.0")
wrong(02_bind/bind echoes_what_it_asked_for
  REPLACE [["bound to " << socket.local_endpoint()]]
  BY      [["bound to " << endpoint]]
  FAILS "port 0 lets the kernel choose a port, which the program then owns"
  SAYING "CHECK. address.port != 0 .")
wrong(02_bind/bind listens_as_well
  REPLACE [[        asio::error_code error;
        client]]
  BY      [[        asio::error_code error;
        ::listen(any.native_handle(), 16);
        client]]
  FAILS "a bound socket that does not listen refuses connections"
  SAYING "0 == 111")
wrong(02_bind/bind gives_up_when_the_port_is_taken
  REPLACE [[        if (const auto error = bind_and_report("a chosen port", chosen, {loopback, port}))]]
  BY      [[        chosen.bind({loopback, port});
        if (const asio::error_code error; error)]]
  FAILS "a chosen port that is taken is refused, with its holder, and the program goes on"
  SAYING "bind: Address already in use")
