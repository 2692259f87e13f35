wrong(04_client_port/client_port binds_before_it_connects
  REPLACE [[        display.open(server.protocol());]]
  BY      [[        display.open(server.protocol());
        display.bind({asio::ip::address_v4::loopback(), 0});]]
  FAILS "before connect the client has no port, and after it has one, as the kernel shows"
  SAYING "== \"before connect: 0.0.0.0:0\"")
wrong(04_client_port/client_port takes_the_next_number
  REPLACE [[        display.connect(server, error);]]
  BY      [[        display.bind({asio::ip::address_v4::loopback(), 8765}, error);
        display.connect(server, error);]]
  FAILS "the client's port is from the system's range"
  SAYING "8765")
wrong(04_client_port/client_port goes_on_after_a_refusal
  REPLACE [[            return EXIT_FAILURE;
        }
        std::cout << "after]]
  BY      [[        }
        std::cout << "after]]
  FAILS "a refusal is told with the server's endpoint, on standard error, with status 1"
  SAYING "not connected")
wrong(04_client_port/same_port shares_no_port
  REPLACE [[second.bind(first.local_endpoint());]]
  BY      [[second.bind({loopback, 0});]]
  FAILS "one source port serves connections to two destinations"
  SAYING "local.1. == local.0.")
wrong(04_client_port/same_port asks_nobody_to_share
  REPLACE [[        first.set_option(reuse);]]
  BY      [[]]
  FAILS "one source port serves connections to two destinations"
  SAYING "bind: Address already in use")
wrong(04_client_port/run_out gives_each_port_back
  REPLACE [[        if (error)
            break;]]
  BY      [[        if (error || connected == 8)
            break;
        client.close();]]
  FAILS "when the range is used up, connect, bind and UDP each say so in words of their own"
  SAYING "8080: 4 clients")
wrong(04_client_port/hang_up closes_from_the_other_end
  REPLACE [[        thermometer.shutdown(tcp::socket::shutdown_send);]]
  BY      [[        display.shutdown(tcp::socket::shutdown_send);
        thermometer.shutdown(tcp::socket::shutdown_send);]]
  FAILS "the end of a connection: one direction at a time, and TIME-WAIT for whoever closed first"
  SAYING "FIN-WAIT-2 CLOSE-WAIT")
