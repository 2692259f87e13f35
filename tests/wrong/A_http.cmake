wrong(A_http/http ignores_sigterm
  REPLACE [[signals{io, SIGINT, SIGTERM};]]
  BY      [[signals{io, SIGINT};
        std::signal(SIGTERM, SIG_IGN);]]
  FAILS "when it says that it is ready it catches SIGTERM and SIGINT"
  SAYING "catches.SIGTERM.")
wrong(A_http/http drops_requests_in_flight
  REPLACE [[        while (service.busy() && io.run_one_until(patience_ends) > 0) {
        }]]
  BY      [[]]
  FAILS "at SIGTERM a request in flight is finished, while new clients are refused"
  SAYING "the connection ended")
wrong(A_http/http drops_waiting_clients
  REPLACE [[        io.run_for(200ms); // a client that the kernel has begun to connect is connected by then
        while (!service.accept_waiting() && io.run_one_until(patience_ends) > 0) {
        }]]
  BY      [[]]
  FAILS "no request that has arrived when SIGTERM comes is lost: kept, pipelined or not yet accepted"
  SAYING "the connection ended .Connection reset by peer")
wrong(A_http/http forgets_reuse_address
  REPLACE [[acceptor.set_option(tcp::acceptor::reuse_address{true});]]
  BY      [[]]
  FAILS "a restart on the same port succeeds at once, with connections of the last instance in TIME-WAIT"
  SAYING "Address already in use")
wrong(A_http/http takes_a_bad_port_for_the_default
  REPLACE [[common::port_from_environment("PORT", 8080)]]
  BY      [[static_cast<std::uint16_t>(std::atoi(std::getenv("PORT")))]]
  FAILS "an invalid configuration ends it with status 78 before a socket is opened, and names variable, value and what is allowed"
  SAYING "PORT=")
wrong(A_http/http_connection loses_pipelined_requests
  REPLACE [[    reader_.next();]]
  BY      [[    reader_.~MessageReader(); // a new reader for each request
    new (&reader_) MessageReader{MessageReader::Kind::request};]]
  FAILS "pipelined requests are all answered, in their order"
  SAYING "number 1")
wrong(A_http/http_connection resets_who_is_refused
  REPLACE [[self->linger();]]
  BY      [[self->close();]]
  FAILS "who is refused in the middle of a large body still gets to read why"
  SAYING "(reset by peer|Broken pipe)")
wrong(A_http/http_connection hangs_up_on_the_slow
  REPLACE [[append({.status = 408, .body = "The request did not arrive in time.\n"}, false);]]
  BY      [[return close();]]
  FAILS "a request that does not arrive in time gets 408, however busily it dribbles; silence is ended without a word"
  SAYING "the connection ended")
wrong(A_http/http_connection logs_what_strangers_send
  REPLACE [[common::shown(target, 200)]]
  BY      [[std::string{target}]]
  FAILS "each answer is a line on standard output, with what a stranger sends made harmless"
  SAYING "404 14")
wrong(A_http/http listens_everywhere
  REPLACE [[        {host, common]]
  BY      [[        {asio::ip::make_address("0.0.0.0"), common]]
  FAILS "it listens on the address and the port of its environment, and nowhere else"
  SAYING "service.address.ip == host")
wrong(A_http/http_message takes_no_whole_url
  REPLACE [[here = in_lower_case(rest.substr(0, scheme_end)) == "http";]]
  BY      [[here = false;]]
  FAILS "the target of a request may be a whole URL, as a proxy gets it"
  SAYING "404 .*== 200")
wrong(A_http/http_message compares_paths_as_they_came
  REPLACE [[without_needless_escapes(path)]]
  BY      [[std::string{path}]]
  FAILS "the target of a request may be a whole URL, as a proxy gets it"
  SAYING "/%65cho")
wrong(A_http/http_message reads_one_line_of_a_list
  REPLACE [[field == name ?]]
  BY      [[field == name && elements.empty() ?]]
  FAILS "the connection is closed where the client asks for it, and with HTTP/1.0 unless it asks to keep it"
  SAYING "stays_open.fields")
wrong(A_http/http_message counts_hosts_and_looks_at_none
  REPLACE [[!is_authority(host->second)]]
  BY      [[false]]
  FAILS "Host is a name or an address, perhaps with a port, once; all else gets 400"
  SAYING "200 == 400")
wrong(A_http/http_message merges_the_trailer_into_the_header
  REPLACE [[read_field(*text, false)]]
  BY      [[read_field(*text, true)]]
  FAILS "what a trailer says never counts: its Connection, its Host, its Content-Length"
  SAYING "the connection ended|Connection")
wrong(A_http/http_message takes_an_interim_response_for_the_answer
  REPLACE [[message_.status < 200 && message_.status != 101]]
  BY      [[false]]
  FAILS "a backing service that is away, talks nonsense or fails gives 502 and the reason, a slow one 504, and nobody else waits"
  SAYING "103 Early Hints")
wrong(A_http/http_message measures_only_what_is_announced
  REPLACE [[body_left_ = body_limit;]]
  BY      [[body_left_ = std::numeric_limits<std::size_t>::max();]]
  FAILS "a backing service that is away, talks nonsense or fails gives 502 and the reason, a slow one 504, and nobody else waits"
  SAYING "200 == 502")
wrong(A_http/backing_service borrows_an_errno
  REPLACE [["it answered with status " + std::to_string(status)]]
  BY      [[asio::error_code{asio::error::fault}.message()]]
  FAILS "a backing service that is away, talks nonsense or fails gives 502 and the reason, a slow one 504, and nobody else waits"
  SAYING "Bad address")
wrong(A_http/http opens_a_socket_before_it_reads_its_configuration
  REPLACE [[        const Config config = config_from_environment();]]
  BY      [[        asio::io_context early;
        tcp::acceptor first{early, tcp::v4()};
        const Config config = config_from_environment();]]
  FAILS "an invalid configuration ends it with status 78 before a socket is opened, and names variable, value and what is allowed"
  SAYING "159 == 78")
wrong(A_http/http lets_clients_in_while_it_stops
  REPLACE [[        ignore_new_clients(acceptor);]]
  BY      [[]]
  FAILS "while it stops, waiting clients are served as descriptors come free, and nobody joins them"
  SAYING "SYN-SENT")
wrong(A_http/http_connection hangs_up_on_who_is_about_to_ask
  REPLACE [[last_call_ = Clock::now() + linger_time;]]
  BY      [[last_call_ = Clock::now();
    socket_.cancel();]]
  FAILS "a connection that was idle at SIGTERM has a while left for a request"
  SAYING "CHECK. answered")
wrong(A_http/http complains_again_and_again
  REPLACE [[silent_until_ = now + 1min;]]
  BY      [[]]
  FAILS "without a free descriptor it says so once, waits, idle, and serves the waiting clients when it has one"
  SAYING "new clients wait.*new clients wait")
wrong(A_http/http_connection sends_a_body_after_head
  REPLACE [[request.method == "HEAD" ? "" : std::string_view{response.body}]]
  BY      [[response.body]]
  FAILS "GET gives the page, HEAD its header alone, on one connection that stays open"
  SAYING "first line of an answer: <!doctype html>")
wrong(A_http/http dies_with_its_log
  REPLACE [[std::signal(SIGPIPE, SIG_IGN);]]
  BY      [[]]
  FAILS "it goes on when nobody reads its log any more"
  SAYING "the connection ended")
wrong(A_http/http_connection forgets_half_a_request
  REPLACE [[if (found == MessageReader::State::incomplete)
            break;]]
  BY      [[if (found == MessageReader::State::incomplete) {
            reader_.next();
            break;
        }]]
  FAILS "a request may arrive a byte at a time"
  SAYING "(Bad Request|Broken pipe)")
wrong(A_http/http dies_of_a_second_sigterm
  REPLACE [[signals.remove(SIGINT);]]
  BY      [[signals.clear();]]
  FAILS "after Ctrl-C the SIGTERM of a process manager costs no request, and a second Ctrl-C ends it at once"
  SAYING "the connection ended")
