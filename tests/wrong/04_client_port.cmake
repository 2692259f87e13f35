wrong(04_client_port/client_port binds_before_it_connects
  REPLACE [[        client.open(tcp::v4());]]
  BY      [[        client.open(tcp::v4());
        client.bind({loopback, 0});]]
  FAILS "before connect the client has no port, and after it has one, as the kernel shows"
  SAYING "== \"0.0.0.0:0\"")
wrong(04_client_port/client_port shares_no_port
  REPLACE [[sharing.bind(bound.local_endpoint());]]
  BY      [[sharing.bind({loopback, 0});]]
  FAILS "one source port serves connections to two destinations"
  SAYING "sharing.local == bound.local")
wrong(04_client_port/client_port asks_nobody_to_share
  REPLACE [[bound.set_option(tcp::socket::reuse_address{true});]]
  BY      [[]]
  FAILS "one source port serves connections to two destinations"
  SAYING "bind: Address already in use")
wrong(04_client_port/client_port believes_in_the_iana_range
  REPLACE [[setting >> range.first >> range.last]]
  BY      [[range = Range{49152, 65535}, true]]
  FAILS "the range that it prints is the system's, and it says rightly whether each port is in it"
  SAYING "the system picks ports from the range 49152-65535")
wrong(04_client_port/client_port one_connection_after_another
  REPLACE [[        third.connect(server.local_endpoint());]]
  BY      [[        second.close();
        third.connect(server.local_endpoint());
        second.connect(other_server.local_endpoint());]]
  FAILS "several connections at once to one server have a port each"
  SAYING "3 == 4")
wrong(04_client_port/client_port keeps_the_range_to_itself
  REPLACE [[if (range && (error.code()]]
  BY      [[if (false && (error.code()]]
  FAILS "when the range is used up it says so and ends with status 1"
  SAYING "no port from 20000 to 20003 is free")
