wrong(08_twelve_factor/twelve_factor knows_no_sigterm
  REPLACE [[signals{io, SIGINT, SIGTERM};]]
  BY      [[signals{io, SIGINT};]]
  FAILS "twelve_factor: a signal closes the listener; the request half way is finished, and the status is 0"
  SAYING "no longer listening")
wrong(08_twelve_factor/twelve_factor drops_the_request_half_way
  REPLACE [[io.run_for(drain);]]
  BY      [[]]
  FAILS "twelve_factor: a signal closes the listener; the request half way is finished, and the status is 0"
  SAYING "slow.read_to_any_end.. == reading")
wrong(08_twelve_factor/twelve_factor resets_who_waits_in_the_queue
  REPLACE [[while (!error) {]]
  BY      [[while (false) {]]
  FAILS "twelve_factor: who waits in the queue when the signal comes is answered"
  SAYING "CHECK. client.read_to_any_end.. == reading")
wrong(08_twelve_factor/twelve_factor keeps_listening_while_it_stops
  REPLACE [[acceptor.close();]]
  BY      [[]]
  FAILS "twelve_factor: a signal closes the listener; the request half way is finished, and the status is 0"
  SAYING "refuses_connections")
wrong(08_twelve_factor/twelve_factor is_more_patient_than_its_manager
  REPLACE [["DRAIN_SECONDS", 4,]]
  BY      [["DRAIN_SECONDS", 6,]]
  FAILS "twelve_factor: a client that never finishes its request costs the stop four seconds, and less than five"
  SAYING "CHECK. in_time")
wrong(08_twelve_factor/twelve_factor forgets_reuse_address
  REPLACE [[acceptor.set_option(tcp::acceptor::reuse_address{true});]]
  BY      [[]]
  FAILS "it starts again at once on the same port, with a connection of the last instance in TIME-WAIT"
  SAYING "Address already in use")
wrong(08_twelve_factor/twelve_factor dies_with_its_log
  REPLACE [[std::signal(SIGPIPE, SIG_IGN);]]
  BY      [[]]
  FAILS "twelve_factor: it goes on when nobody reads its log any more"
  SAYING "reading")
wrong(08_twelve_factor/twelve_factor opens_a_socket_before_it_reads_its_configuration
  REPLACE [[const auto host =]]
  BY      [[asio::io_context early;
        tcp::acceptor first{early, tcp::v4()};
        const auto host =]]
  FAILS "an invalid configuration ends it with status 78 before a socket is opened, and names variable and value"
  SAYING "159 == 78")
wrong(08_twelve_factor/twelve_factor listens_everywhere
  REPLACE [[asio::ip::make_address(host)]]
  BY      [[(void(host), asio::ip::make_address("0.0.0.0"))]]
  FAILS "it listens on the address and the port of its environment, and nowhere else"
  SAYING "service.address.ip == host")
wrong(08_twelve_factor/thermometer finishes_nothing_but_says_so
  REPLACE [[        asio::io_context io;]]
  BY      [[        ::signal(SIGTERM, [](int) { std::_Exit(0); });
        asio::io_context io;]]
  FAILS "thermometer: a signal ends it at once: the client half way gets nothing, the one in the queue a reset"
  SAYING "0 == ")
wrong(08_twelve_factor/thermometer ends_with_its_input
  REPLACE [[while (true) {]]
  BY      [[while (std::cin.peek() != std::char_traits<char>::eof()) {]]
  FAILS "the end of its input does not end it"
  SAYING "reading")
wrong(08_twelve_factor/answer.hpp saves_its_lines_up
  REPLACE [[<< status << std::endl;]]
  BY      [[<< status << '\n';]]
  FAILS "each answer is a line on standard output, at once, and harmless to a terminal"
  SAYING "GET")
wrong(08_twelve_factor/answer.hpp obeys_a_stranger
  REPLACE [[common::shown(line)]]
  BY      [[line]]
  FAILS "each answer is a line on standard output, at once, and harmless to a terminal"
  SAYING "404 Not Found")
wrong(08_twelve_factor/answer.hpp takes_everything_for_http
  REPLACE [[line.find(" HTTP/1.") == line.npos]]
  BY      [[false]]
  FAILS "GET of / is answered with the reading, another page with 404, what is not HTTP with 400; then it closes"
  SAYING "400 Bad Request")
wrong(08_twelve_factor/serve.hpp waits_for_each_client
  REPLACE [[asio::async_read_until(visit->socket, asio::dynamic_buffer(visit->request, 8192), "\r\n\r\n", answer);]]
  BY      [[asio::error_code gone;
    asio::read_until(visit->socket, asio::dynamic_buffer(visit->request, 8192), "\r\n\r\n", gone);
    answer(gone, 0);]]
  FAILS "twelve_factor: a slow client holds up nobody"
  SAYING "reading")
wrong(08_twelve_factor/serve.hpp reads_without_end
  REPLACE [[8192]]
  BY      [[1'000'000]]
  FAILS "a header without an end closes the connection"
  SAYING "read_to_any_end")
wrong(08_twelve_factor/serve.hpp tries_again_at_once
  REPLACE [[milliseconds{100}]]
  BY      [[milliseconds{0}]]
  FAILS "twelve_factor: without a free descriptor it rests, and serves the waiting clients when it has one"
  SAYING "state")
