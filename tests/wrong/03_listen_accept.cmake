wrong(03_listen_accept/listen_accept listens_everywhere
  REPLACE [[address{asio::ip::address_v4::loopback(), ]]
  BY      [[address{asio::ip::address_v4::any(), ]]
  FAILS "it listens on loopback alone, on the port of its ready line, which the kernel chose"
  SAYING "\"0.0.0.0\" == \"127.0.0.1\"")
wrong(03_listen_accept/listen_accept serves_one_client
  REPLACE [[            clients.push_back(std::move(client));]]
  BY      [[            clients.push_back(std::move(client));
            acceptor.close();]]
  FAILS "the listening socket goes on when clients have come and gone"
  SAYING "Connection re(fused|set by peer)")
wrong(03_listen_accept/listen_accept forgets_its_clients
  REPLACE [[            clients.push_back(std::move(client));]]
  BY      [[]]
  FAILS "a client is greeted while others stay connected and idle"
  SAYING "\"CLOSE-WAIT\" == \"ESTAB\"")
wrong(03_listen_accept/listen_accept greets_with_its_own_endpoint
  REPLACE [["hello " << peer]]
  BY      [["hello " << client.local_endpoint()]]
  FAILS "each client is greeted with its own endpoint and the one that it reached"
  SAYING "with: \"hello 127")
wrong(03_listen_accept/listen_accept prints_the_listener
  REPLACE [["descriptor " << client.native_handle()]]
  BY      [["descriptor " << acceptor.native_handle()]]
  FAILS "the descriptor and the 4-tuple that it prints are the accepted socket's"
  SAYING "getpeername: ")
wrong(03_listen_accept/listen_accept trusts_the_queue
  REPLACE [["hello " << peer]]
  BY      [["hello " << client.remote_endpoint()]]
  FAILS "a client that resets its connection before accept does not stop the server"
  SAYING "Transport endpoint is not connected")
wrong(03_listen_accept/listen_accept ends_without_descriptors
  REPLACE [[if (error == asio::error::no_descriptors && !clients.empty()) {]]
  BY      [[if (false) {]]
  FAILS "without a free descriptor the client that came first makes room for the next"
  SAYING "Connection reset by peer")
wrong(03_listen_accept/listen_accept keeps_the_gone
  REPLACE [[            clients.remove_if(has_gone);]]
  BY      [[]]
  FAILS "a socket whose client has gone is closed when the next one comes"
  SAYING "in_state.\"CLOSE-WAIT\"")
wrong(03_listen_accept/listen_accept ignores_the_refusal
  REPLACE [[        if (error) {
            std::cerr << "listen_accept: bind "]]
  BY      [[        if (false) {
            std::cerr << "listen_accept: bind "]]
  FAILS "a port that is taken is refused with the address, the reason, the holder and what to do"
  SAYING "0 == 1")
wrong(03_listen_accept/backlog has_room_for_all
  REPLACE [[acceptor.listen(1);]]
  BY      [[acceptor.listen(2);]]
  FAILS "backlog: the client beyond the backlog and one waits, and gets in when accept has made room"
  SAYING "count.waiting, .: SYN-SENT")
wrong(03_listen_accept/backlog closes_the_accepted_too
  REPLACE [[        acceptor.close();]]
  BY      [[        acceptor.close();
        accepted.close();]]
  FAILS "backlog: closing the listener leaves the accepted connection alive and resets those in the queue"
  SAYING "write: Bad file descriptor")
