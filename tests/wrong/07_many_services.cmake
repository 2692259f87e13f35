wrong(07_many_services/takes_turns does_not_wait_for_the_datagram
  REPLACE [[        if (!stop.wait_readable(beacon.native_handle())) // then a datagram
            break;]]
  BY      [[        pollfd ready{beacon.native_handle(), POLLIN, 0};
        if (::poll(&ready, 1, 0) == 0)
            continue;]]
  FAILS "takes_turns: the beacon waits for a client of the web, and the web for a datagram"
  SAYING "is_silent.next.")
wrong(07_many_services/two_services waits_for_the_web_alone
  REPLACE [[{beacon.native_handle(), POLLIN, 0}]]
  BY      [[{-1, POLLIN, 0}]]
  FAILS "two_services: each answers whatever the other does, until a client of the web says nothing"
  SAYING "recv after")
wrong(07_many_services/nobody_there is_always_connected
  REPLACE [[        unconnected.send_to(]]
  BY      [[        unconnected.connect(nobody);
        unconnected.send_to(]]
  FAILS "nobody_there: an unconnected UDP socket hears nothing, a connected one the refusal"
  SAYING "silence")
wrong(07_many_services/loops.hpp asks_a_reset_client_for_its_address
  REPLACE [[async_accept(peer, asio::use_awaitable);]]
  BY      [[async_accept(asio::use_awaitable);
        peer = client.remote_endpoint();]]
  FAILS "a client that resets its connection, even before it is accepted, ends nothing but that"
  SAYING "wait_for_line|no line")
wrong(07_many_services/loops.hpp waits_for_each_client
  REPLACE [[        co_spawn(acceptor.get_executor(), serve(std::move(client)), asio::detached);]]
  BY      [[        co_await serve(std::move(client));]]
  FAILS "a slow client makes nobody wait, and is served when it is ready"
  SAYING "get_page|read_line")
wrong(07_many_services/loops.hpp answers_udp_at_length
  REPLACE [[        if (size > answer.size())]]
  BY      [[        if (size + answer.size() > 0)]]
  FAILS "a UDP answer is shorter than the question; a short question gets none"
  SAYING "is_silent.client.")
wrong(07_many_services/many_services gives_udp_a_number_of_its_own
  REPLACE [[same_number{host, web.local_endpoint().port()}]]
  BY      [[same_number{host, 0}]]
  FAILS "three sockets: TCP for the web, TCP for mail, and UDP with the web's number"
  SAYING "to_string.udp.0..local. == to_string.host.web.")
wrong(07_many_services/many_services cannot_be_restarted
  REPLACE [[    acceptor.set_option(tcp::acceptor::reuse_address{true});]]
  BY      ""
  FAILS "the same ports are free again at once after it has closed connections"
  SAYING "bind: Address already in use")
wrong(07_many_services/many_services takes_every_address
  REPLACE [[        listen_at(web, {host, web_port});]]
  BY      [[        listen_at(web, {asio::ip::address_v4::any(), web_port});]]
  FAILS "two hosts' services with the same ports are told apart by address"
  SAYING "bind: Address already in use")
wrong(07_many_services/many_services does_not_say_which_service
  REPLACE [["many_services: " << service << ": " << error.what()]]
  BY      [["many_services: " << error.what()]]
  FAILS "a port that is taken, in TCP or in UDP, ends it with status 1, the service and the reason"
  SAYING "many_services: bind: Address already in use")
wrong(07_many_services/smtp.hpp knows_commands_in_capitals_alone
  REPLACE [[::strcasecmp(verb.c_str(), word) == 0]]
  BY      [[verb == word]]
  FAILS "the mail service says 220, knows EHLO, HELO, NOOP, RSET and QUIT, and answers 502 to the rest"
  SAYING "502 not implemented")
wrong(07_many_services/robust has_the_plain_loops
  REPLACE [["robust_loops.hpp"]]
  BY      [["loops.hpp"]]
  FAILS "out of descriptors it neither ends nor spins, and serves again when there is one"
  SAYING "eventually")
wrong(07_many_services/robust has_the_plain_web
  REPLACE [["robust_web.hpp"]]
  BY      [["web.hpp"]]
  FAILS "what is too long gets an answer that says so, and the service goes on"
  SAYING "(HTTP/1.0 431|reset by peer)")
wrong(07_many_services/robust has_the_plain_mail
  REPLACE [["robust_mail.hpp"]]
  BY      [["mail.hpp"]]
  FAILS "an answer is not lost to what the client has sent too much"
  SAYING "reset by peer")
