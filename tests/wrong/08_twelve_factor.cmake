wrong(08_twelve_factor/twelve_factor ignores_sigterm
  REPLACE [[signals{io, SIGINT, SIGTERM};]]
  BY      [[signals{io, SIGINT};
        std::signal(SIGTERM, SIG_IGN);]]
  FAILS "when it says that it is ready it catches SIGTERM and SIGINT"
  SAYING "catches.SIGTERM.")
wrong(08_twelve_factor/twelve_factor drops_requests_in_flight
  REPLACE [[        while (service.busy() && io.run_one_until(patience_ends) > 0) {
        }]]
  BY      [[]]
  FAILS "at SIGTERM a request in flight is finished, while new clients are refused"
  SAYING "the connection ended")
wrong(08_twelve_factor/twelve_factor drops_waiting_clients
  REPLACE [[        service.accept_waiting();]]
  BY      [[]]
  FAILS "no request that has arrived when SIGTERM comes is lost: kept, pipelined or not yet accepted"
  SAYING "the connection ended .Connection reset by peer")
wrong(08_twelve_factor/twelve_factor forgets_reuse_address
  REPLACE [[acceptor.set_option(tcp::acceptor::reuse_address{true});]]
  BY      [[]]
  FAILS "a restart on the same port succeeds at once, with connections of the last instance in TIME-WAIT"
  SAYING "Address already in use")
wrong(08_twelve_factor/twelve_factor takes_a_bad_port_for_the_default
  REPLACE [[common::port_from_environment("PORT", 8080)]]
  BY      [[static_cast<std::uint16_t>(std::atoi(std::getenv("PORT")))]]
  FAILS "an invalid configuration ends it with status 78 and names the variable, the value and what is allowed"
  SAYING "PORT=")
wrong(08_twelve_factor/http_connection loses_pipelined_requests
  REPLACE [[    reader_.next();]]
  BY      [[    reader_.~RequestReader(); // a new reader for each request
    new (&reader_) RequestReader;]]
  FAILS "pipelined requests are all answered, in their order"
  SAYING "number 1")
wrong(08_twelve_factor/http_connection resets_who_is_refused
  REPLACE [[self->linger();]]
  BY      [[self->close();]]
  FAILS "who is refused in the middle of a large body still gets to read why"
  SAYING "(reset by peer|Broken pipe)")
wrong(08_twelve_factor/http_connection hangs_up_on_the_slow
  REPLACE [[    if (!timed_out_)]]
  BY      [[    if (timed_out_)
        return close();
    if (!timed_out_)]]
  FAILS "a request that does not arrive in time gets 408, however busily it dribbles; silence is ended without a word"
  SAYING "the connection ended")
wrong(08_twelve_factor/http_connection logs_what_strangers_send
  REPLACE [[if (c > ' ' && c < 0x7f)]]
  BY      [[if (true)]]
  FAILS "each answer is a line on standard output, with what a stranger sends made harmless"
  SAYING "404 14")
wrong(08_twelve_factor/twelve_factor listens_everywhere
  REPLACE [[        {host, common]]
  BY      [[        {asio::ip::make_address("0.0.0.0"), common]]
  FAILS "it listens on the address and the port of its environment, and nowhere else"
  SAYING "service.address.ip == host")
wrong(08_twelve_factor/twelve_factor takes_no_whole_url
  REPLACE [[boost::beast::iequals({target.data(), std::min(target.size(), scheme)}, "http://")]]
  BY      [[false]]
  FAILS "the target of a request may be a whole URL, as a proxy gets it"
  SAYING "404 .*== 200")
wrong(08_twelve_factor/http_connection sends_a_body_after_head
  REPLACE [[method == "HEAD" ? "" : std::string_view{response.body}]]
  BY      [[response.body]]
  FAILS "GET gives the page, HEAD its header alone, on one connection that stays open"
  SAYING "first line of an answer: <!doctype html>")
wrong(08_twelve_factor/twelve_factor dies_with_its_log
  REPLACE [[std::signal(SIGPIPE, SIG_IGN);]]
  BY      [[]]
  FAILS "it goes on when nobody reads its log any more"
  SAYING "the connection ended")
wrong(08_twelve_factor/http_connection forgets_half_a_request
  REPLACE [[if (found == RequestReader::State::incomplete)
            break;]]
  BY      [[if (found == RequestReader::State::incomplete) {
            reader_.next();
            break;
        }]]
  FAILS "a request may arrive a byte at a time"
  SAYING "(Bad Request|Broken pipe)")
wrong(08_twelve_factor/twelve_factor dies_of_a_second_sigterm
  REPLACE [[signals.remove(SIGINT);]]
  BY      [[signals.clear();]]
  FAILS "after Ctrl-C the SIGTERM of a process manager costs no request, and a second Ctrl-C ends it at once"
  SAYING "the connection ended")
