wrong(01_socket/socket gives_a_port
  REPLACE [[    const int domain]]
  BY      [[    socket.bind({protocol, 0});
    const int domain]]
  FAILS "no socket of the program is in the kernel's tables: none has a port"
  SAYING "CHECK. program.sockets.common::Protocol::tcp..empty")
wrong(01_socket/socket gives_up_without_ipv6
  REPLACE [[    if (error == asio::error::address_family_not_supported) {]]
  BY      [[    if (false) {]]
  FAILS "without IPv6 it says so, describes the rest and succeeds"
  SAYING "open: Address family not supported")
wrong(01_socket/socket prints_what_it_asked_for
  REPLACE [[(number == IPPROTO_TCP ? "TCP" : "UDP")]]
  BY      [["TCP"]]
  FAILS "each printed row is what the kernel holds behind that descriptor"
  SAYING "17 == 6")
