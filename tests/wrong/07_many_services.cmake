wrong(07_many_services/many_services asks_a_reset_client_for_its_address
  REPLACE [[c->peer, [&service, c](auto error) {]]
  BY      [[[&service, c](auto error) {
        if (!error)
            c->peer = c->socket.remote_endpoint();]]
  FAILS "a client that resets its connection, even before it is accepted, ends nothing but that"
  SAYING "remote_endpoint: Transport endpoint is not connected")
wrong(07_many_services/many_services accepts_again_at_once_without_descriptors
  REPLACE [[std::chrono::milliseconds{100}]]
  BY      [[std::chrono::milliseconds{0}]]
  FAILS "out of descriptors it neither ends nor spins, and serves again when there is one"
  SAYING "CHECK. attempts <= ")
wrong(07_many_services/many_services answers_udp_at_length
  REPLACE [[.substr(0, size - 1)]]
  BY      ""
  FAILS "a UDP answer is the sender's endpoint as the kernel saw it, and shorter than the question"
  SAYING "ask.client, \"1234\".")
wrong(07_many_services/many_services gives_udp_a_number_of_its_own
  REPLACE [[udp_at{host, web.acceptor.local_endpoint().port()}]]
  BY      [[udp_at{host, 0}]]
  FAILS "three sockets: TCP for the web, TCP for mail, and UDP on the web's number"
  SAYING "to_string.udp.0..local. == to_string.host.web.")
wrong(07_many_services/many_services cannot_be_restarted
  REPLACE [[        web.acceptor.set_option(tcp::acceptor::reuse_address(true));]]
  BY      ""
  FAILS "the same ports are free again at once after it has closed connections"
  SAYING "bind: Address already in use")
wrong(07_many_services/many_services takes_every_address
  REPLACE [[const tcp::endpoint web_at{host,]]
  BY      [[const tcp::endpoint web_at{asio::ip::address_v4::any(),]]
  FAILS "two hosts' services with the same ports are told apart by address"
  SAYING "0.0.0.0:8080: bind: Address already in use")
wrong(07_many_services/many_services knows_commands_in_capitals_alone
  REPLACE [[::strcasecmp(verb.c_str(), word) == 0]]
  BY      [[verb == word]]
  FAILS "the mail service says 220, knows EHLO, HELO, NOOP, RSET and QUIT, and answers 502 to the rest"
  SAYING "502 not implemented")
wrong(07_many_services/many_services announces_a_wrong_length
  REPLACE [[std::to_string(page.size())]]
  BY      [[std::to_string(page.size() - 1)]]
  FAILS "the web service answers a complete request with a page of the announced length, and closes"
  SAYING "Content-Length")
wrong(07_many_services/many_services resets_who_sends_too_much
  REPLACE [[failure ? void() : part(c);]]
  BY      [[(void)failure;]]
  FAILS "an answer is not lost to what the client has sent too much"
  SAYING "reset by peer")
wrong(07_many_services/many_services says_nothing_of_what_is_too_long
  REPLACE [[if (error && !too_long)]]
  BY      [[if (error)]]
  FAILS "what is too long gets an answer that says so, and the service goes on"
  SAYING "(HTTP/1.1 431|reset by peer)")
