wrong(02_bind/first_bind takes_any_number
  REPLACE [[loopback(), 8080}]]
  BY      [[loopback(), 0}]]
  FAILS "first_bind: a second copy is aborted, with the call and the reason"
  SAYING "0 == 134")
wrong(02_bind/bind takes_every_address
  REPLACE [["127.0.0.1"]]
  BY      [["0.0.0.0"]]
  FAILS "without PORT the chosen port is 8080"
  SAYING "0.0.0.0:8080")
wrong(02_bind/bind echoes_what_it_asked_for
  REPLACE [[socket.local_endpoint()]]
  BY      [[wanted]]
  FAILS "port 0 lets the kernel choose a port, which the program then owns"
  SAYING "CHECK. program.address...port != 0 .")
wrong(02_bind/bind listens_as_well
  REPLACE [[        std::cout << "bound to "]]
  BY      [[        ::listen(socket.native_handle(), 16);
        std::cout << "bound to "]]
  FAILS "a bound socket that does not listen refuses connections"
  SAYING "0 == 111")
wrong(02_bind/bind leaves_the_answer_unread
  REPLACE [[        if (error) {]]
  BY      [[        if (false) {]]
  FAILS "a refusal names the endpoint and the reason on standard error, and ends with status 1"
  SAYING "0 == 1")
wrong(02_bind/bind opens_before_it_reads
  REPLACE [[        const auto host = common]]
  BY      [[        asio::io_context early;
        const tcp::socket first{early, tcp::v4()};
        const auto host = common]]
  FAILS "a PORT that is not a port stops it with status 78 before it opens a socket"
  SAYING "159 == 78")
wrong(02_bind/same_number takes_all_of_ipv6
  REPLACE [[asio::ip::address_v6::loopback()]]
  BY      [[asio::ip::address_v6::any()]]
  FAILS "same_number: who else may have the number that a TCP socket has"
  SAYING "TCP .::1.: Address already in use")
wrong(02_bind/refusals gives_one_reason_at_a_time
  REPLACE [[fresh, {foreign, 80}]]
  BY      [[fresh, {ours, 80}]]
  FAILS "refusals: five refusals, and of two reasons the one that the kernel asks about first"
  SAYING "foreign, below 1024: Permission denied")
wrong(02_bind/unread_answer reads_the_answer
  REPLACE [[acceptor.bind(wanted, error);]]
  BY      [[acceptor.bind(wanted);]]
  FAILS "unread_answer: after a refused bind it says one thing, and the kernel another"
  SAYING "bind: Address already in use")
wrong(02_bind/bind ignores_host
  REPLACE [[make_address(host)]]
  BY      [[make_address("127.0.0.1")]]
  FAILS "HOST and PORT choose where it is bound"
  SAYING "127.0.0.1:4711")
wrong(02_bind/bind takes_any_text_for_a_host
  REPLACE [[common::address_from_environment("HOST", "127.0.0.1")]]
  BY      [[std::string{std::getenv("HOST") ? std::getenv("HOST") : "127.0.0.1"}]]
  FAILS "a HOST that is not an address stops it with status 78 before it opens a socket"
  SAYING "1 == 78")
wrong(02_bind/bind dies_of_signals
  REPLACE [[        std::cout << "bound to "]]
  BY      [[        ::signal(SIGTERM, SIG_DFL);
        std::cout << "bound to "]]
  FAILS "it gives its ports back and succeeds on Enter, at the end of input and on SIGTERM"
  SAYING "143 == 0")
wrong(02_bind/bind narrows_the_wildcard
  REPLACE [[make_address(host)]]
  BY      [[make_address(host == "0.0.0.0" ? "127.0.0.1" : host)]]
  FAILS "the wildcard takes its port on every local address, loopback on one"
  SAYING "127.0.0.1. == .0.0.0.0")
wrong(02_bind/bind takes_the_number_in_udp_too
  REPLACE [[        if (error) {]]
  BY      [[        asio::ip::udp::socket both{io, asio::ip::udp::v4()};
        both.bind({wanted.address(), socket.local_endpoint().port()});
        if (error) {]]
  FAILS "TCP and UDP use the same number at once"
  SAYING "98 == 0")
wrong(02_bind/bind takes_an_address_that_may_come
  REPLACE [[        asio::error_code error;]]
  BY      [[        const int on = 1;
        ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
        asio::error_code error;]]
  FAILS "an address that is not ours cannot be bound"
  SAYING "0 == 1")
wrong(02_bind/bind takes_another_port
  REPLACE [[        if (error) {]]
  BY      [[        if (error == asio::error::access_denied)
            socket.bind({wanted.address(), 0}, error);
        if (error) {]]
  FAILS "a privileged port is denied to an ordinary user, which is not the same as in use"
  SAYING "0 == 1")
wrong(02_bind/bind knows_numbers_itself
  REPLACE [[        if (error) {]]
  BY      [[        if (error || (port > 0 && port < 1024)) {]]
  FAILS "where the system lets everyone have port 80, it is bound like any other"
  SAYING "bind: 127.0.0.1:80")
wrong(02_bind/bind listens_and_is_listed
  REPLACE [[        std::cout << "bound to "]]
  BY      [[        ::listen(socket.native_handle(), 16);
        std::cout << "bound to "]]
  FAILS "neither proc nor ss lists a bound socket among connections and listeners, and sock_diag knows it"
  SAYING "0100007F")
