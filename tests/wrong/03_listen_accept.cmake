wrong(03_listen_accept/listen never_listens
  REPLACE [[    acceptor.listen();]]
  BY      [[    // acceptor.listen();]]
  FAILS "listen: a caller is connected although accept is never called, and nobody answers"
  SAYING "client.error\\(\\) == 0")
wrong(03_listen_accept/listen accepts
  REPLACE [[    stop.wait();]]
  BY      [[    acceptor.accept();
    stop.wait();]]
  FAILS "listen: a caller is connected although accept is never called, and nobody answers"
  SAYING "queue_holds")
wrong(03_listen_accept/first_server keeps_one_client
  REPLACE [[        clients.push_back(std::move(client));]]
  BY      [[        clients.clear();
        clients.push_back(std::move(client));]]
  FAILS "first_server: each client gets a new socket on the listener's port, and the 4-tuple tells them apart"
  SAYING "[12] == 5")
wrong(03_listen_accept/first_server leaves_after_one_client
  REPLACE [[    while (stop.wait_readable(acceptor.native_handle())) {]]
  BY      [[    while (stop.wait_readable(acceptor.native_handle()) && clients.empty()) {]]
  FAILS "first_server: one client that resets its connection in the queue ends it for all"
  SAYING "0 == 134")
wrong(03_listen_accept/listen_accept listens_everywhere
  REPLACE [[wanted{asio::ip::address_v4::loopback(), ]]
  BY      [[wanted{asio::ip::address_v4::any(), ]]
  FAILS "it listens on loopback alone, and with PORT=0 on a port that the kernel chose"
  SAYING "\"0.0.0.0\" == \"127.0.0.1\"")
wrong(03_listen_accept/listen_accept chooses_the_port_itself
  REPLACE [[        const tcp::endpoint wanted{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)};]]
  BY      [[        tcp::endpoint wanted{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)};
        if (wanted.port() == 0)
            wanted.port(4711);]]
  FAILS "it listens on loopback alone, and with PORT=0 on a port that the kernel chose"
  SAYING "4711 >= ")
wrong(03_listen_accept/listen_accept serves_one_client
  REPLACE [[            clients.push_back(std::move(client));]]
  BY      [[            clients.push_back(std::move(client));
            acceptor.close();]]
  FAILS "the listening socket goes on when clients have come and gone"
  SAYING "Connection re(fused|set by peer)")
wrong(03_listen_accept/listen_accept forgets_its_clients
  REPLACE [[            clients.push_back(std::move(client));]]
  BY      [[]]
  FAILS "a client is served while others stay connected and idle"
  SAYING "\"CLOSE-WAIT\" == \"ESTAB\"")
wrong(03_listen_accept/listen_accept prints_the_listener
  REPLACE [[<< " <- " << peer <<]]
  BY      [[<< " <- " << acceptor.local_endpoint() <<]]
  FAILS "each client gets a new socket on the listener's port, and the 4-tuple tells them apart"
  SAYING "waited|wait")
wrong(03_listen_accept/listen_accept trusts_the_queue
  REPLACE [[<< " <- " << peer <<]]
  BY      [[<< " <- " << client.remote_endpoint() <<]]
  FAILS "a client that resets its connection before accept does not stop the server"
  SAYING "Transport endpoint is not connected")
wrong(03_listen_accept/listen_accept ends_without_descriptors
  REPLACE [[if (error == asio::error::no_descriptors && !clients.empty()) {]]
  BY      [[if (false) {]]
  FAILS "without a free descriptor the client that came first makes room for the next"
  SAYING "Connection reset by peer")
wrong(03_listen_accept/listen_accept keeps_the_gone
  REPLACE [[            clients.remove_if(has_gone); // closes their sockets]]
  BY      [[]]
  FAILS "a socket whose client has gone is closed when the next one comes"
  SAYING "in_state.\"CLOSE-WAIT\"")
wrong(03_listen_accept/listen_accept ignores_the_refusal
  REPLACE [[        if (error) {
            std::cerr << "listen_accept: " << wanted]]
  BY      [[        if (false) {
            std::cerr << "listen_accept: " << wanted]]
  FAILS "a port that is taken is refused with the endpoint and the reason, and status 1"
  SAYING "0 == 1")
wrong(03_listen_accept/backlog has_room_for_all
  REPLACE [[acceptor.listen(1);]]
  BY      [[acceptor.listen(2);]]
  FAILS "backlog: two clients are connected before accept, and the third waits until accept has made room"
  SAYING "third: Success")
wrong(03_listen_accept/backlog closes_the_accepted_too
  REPLACE [[        acceptor.close();]]
  BY      [[        acceptor.close();
        accepted.close();]]
  FAILS "backlog: closing the listener leaves the accepted connection alive and resets those in the queue"
  SAYING "first: ")
wrong(03_listen_accept/wildcards leaves_the_option_to_the_system
  REPLACE [[        six.set_option(asio::ip::v6_only{true});]]
  BY      [[]]
  FAILS "wildcards: who gets in over which family, and as whom"
  SAYING "ffff:127")
wrong(03_listen_accept/short_form asks_for_it_in_steps_too
  REPLACE [[    in_steps.open(tcp::v4());]]
  BY      [[    in_steps.open(tcp::v4());
    in_steps.set_option(tcp::acceptor::reuse_address{true});]]
  FAILS "short_form: the constructor sets SO_REUSEADDR, and open leaves it off"
  SAYING "in steps: SO_REUSEADDR is on")
