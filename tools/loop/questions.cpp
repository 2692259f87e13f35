#include "tools/loop/questions.hpp"

#include "common/conflict.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace loop {
namespace {

constexpr const char *loopback = "127.0.0.1", *neighbour = "127.0.0.2", *wildcard = "0.0.0.0";

// From 0 to n - 1. Draw before you call: in which order arguments are evaluated is left to the compiler.
unsigned below(std::mt19937& random, unsigned n) { return static_cast<unsigned>((std::uint64_t{random()} * n) >> 32); }

// A question while it is drawn.
class Script {
  public:
    explicit Script(std::mt19937& random) : random_{random} {}
    Question question{};

    unsigned below(unsigned n) { return loop::below(random_, n); }
    bool percent(unsigned n) { return below(100) < n; }
    template <class T>
    T one_of(std::initializer_list<T> all) {
        return *(all.begin() + below(static_cast<unsigned>(all.size())));
    }
    // Another one each time; below those that a kernel chooses, above those that it keeps for the privileged.
    std::uint16_t port() {
        static constexpr std::array<std::uint16_t, 8> all{2525, 3000, 5000, 5432, 8000, 8080, 8081, 9000};
        std::uint16_t port = 0;
        do
            port = all[below(all.size())];
        while (std::ranges::find(ports_, port) != ports_.end());
        ports_.push_back(port);
        return port;
    }

    char socket(const Constant& family, const Constant& type, const Constant& protocol = any_protocol) {
        add({.what = What::socket, .socket = next_++, .family = family, .type = type, .protocol = protocol});
        return question.calls.back().socket;
    }
    char tcp_socket() { return socket(inet, stream); }
    char udp_socket() { return socket(inet, datagrams); }
    void set(char socket, const Constant& option, int value = 1) {
        add({.what = What::setsockopt, .socket = socket, .option = option, .value = value});
    }
    void bind(char socket, std::string host, std::uint16_t port) {
        add({.what = What::bind, .socket = socket, .endpoint = {std::move(host), port}});
    }
    void connect(char socket, std::string host, std::uint16_t port) {
        add({.what = What::connect, .socket = socket, .endpoint = {std::move(host), port}});
    }
    char accept(char listener) {
        add({.what = What::accept, .socket = next_++, .listener = listener});
        return question.calls.back().socket;
    }
    void call(What what, char socket) { add({.what = what, .socket = socket}); }
    void listen(char socket) { call(What::listen, socket); }
    void close(char socket) { call(What::close, socket); }

    // A server on an address, and a client that is connected to it.
    char listener(const std::string& host, std::uint16_t port) {
        const char server = tcp_socket();
        bind(server, host, port);
        listen(server);
        return server;
    }
    char client(const std::string& host, std::uint16_t port) {
        const char client = tcp_socket();
        connect(client, host, port);
        return client;
    }

    // A call that changes nothing, or none; `port` is one that only TCP has so far.
    void by_the_way(char socket, std::uint16_t port = 0) {
        switch (below(6)) {
        case 0:
            return set(socket, keep_alive);
        case 1:
            return call(What::getsockname, socket);
        case 2:
            if (port != 0)
                bind(udp_socket(), loopback, port);
        }
    }

    // So that the call that fails need not be the last.
    void close_at_the_end() {
        const Call& last = question.calls.back();
        if (last.what != What::close && percent(50))
            close(last.socket);
    }

    // The call that was added last fails. What comes after it is not made.
    void fails(int error) {
        if (question.rule.error == 0)
            question.rule = {static_cast<unsigned>(question.calls.size()), error};
    }
    bool fails() const { return question.rule.error != 0; }
    void because(std::string_view section, std::string why) {
        if (question.why.empty()) {
            question.section = section;
            question.why = std::move(why);
        }
    }

  private:
    void add(const Call& call) { question.calls.push_back(call); }
    std::mt19937& random_;
    std::vector<std::uint16_t> ports_{};
    char next_ = 'A';
};

// ---- 1. Socket ------------------------------------------------------------------------------------------------------

constexpr std::string_view what_kind = "what-kind-of-socket-is-it", kernel_says_no = "what-if-the-kernel-says-no",
                           the_number = "what-becomes-of-the-number";

void protocol_of_a_type(Script& s) {
    const unsigned sockets = 2 + s.below(3), wrong = s.below(5); // none is wrong where `wrong` is not reached
    for (unsigned i = 0; i < sockets; ++i) {
        const bool is_stream = s.percent(50), named = s.percent(50);
        const Constant &family = s.percent(75) ? inet : inet6, &type = is_stream ? stream : datagrams;
        if (i == wrong) {
            s.socket(family, type, is_stream ? udp : tcp);
            s.fails(EPROTONOSUPPORT);
            s.because(what_kind, is_stream ? "A stream's protocol is TCP. No stream is to be had from UDP, which sends "
                                             "single datagrams."
                                           : "The protocol for datagrams is UDP. TCP makes streams, and nothing else.");
        } else {
            s.socket(family, type, !named ? any_protocol : is_stream ? tcp : udp);
        }
    }
    s.because(what_kind,
              "Each type has its protocol, TCP for streams and UDP for datagrams: 0 asks for it, and its own "
              "name says the same. No two of these sockets can be in each other's way, for none has a port.");
}

void closed_descriptor(Script& s) {
    const char first = s.tcp_socket();
    const unsigned when = s.below(4); // the second socket: before the close, never, or after it
    if (when == 0)
        s.udp_socket();
    s.close(first);
    if (when >= 2)
        s.socket(inet, s.percent(50) ? stream : datagrams);
    const unsigned last = s.below(3);
    if (last == 0)
        s.bind(first, loopback, 0);
    else
        s.call(last == 1 ? What::getsockname : What::close, first);
    if (when < 2) {
        s.fails(EBADF);
        s.because(the_number, "A is closed, so the number in A is no descriptor any more, and nothing has been opened "
                              "since that could have got it again.");
    }
    s.because(the_number,
              "close gives the number back, and the next socket gets the lowest that is free: the same. So A "
              "and B are one number now, and the last call works on B's socket. It is a fault of the program, "
              "and the kernel cannot see it.");
}

void family_of_an_address(Script& s) {
    const bool v6 = s.percent(40), fits = s.percent(45), is_tcp = s.percent(70);
    const bool binds = s.percent(60) || !is_tcp; // an IPv6 UDP socket may have an IPv4 peer
    const char one = s.socket(v6 ? inet6 : inet, is_tcp ? stream : datagrams);
    s.by_the_way(one);
    const std::string host = v6 == fits ? "::1" : loopback;
    if (binds || fits)
        s.bind(one, host, s.port());
    else
        s.connect(one, host, s.port());
    if (!fits) {
        s.fails(v6 ? EINVAL : EAFNOSUPPORT);
        s.because(kernel_says_no,
                  v6 ? "An IPv6 socket expects the longer address of its family. The IPv4 address is too short, "
                       "so to the kernel it is an invalid argument."
                     : "An IPv4 socket has no room for an IPv6 address. Open the socket with the family of the "
                       "address.");
    }
    s.because(kernel_says_no, "The socket has the family of the address, and nobody else has the port.");
}

// ---- 2. Bind --------------------------------------------------------------------------------------------------------

constexpr std::string_view a_no = "what-do-you-do-with-a-no", what_is_yours = "what-exactly-is-yours",
                           refusals = "in-how-many-ways-can-bind-say-no", still_dark = "why-is-the-display-still-dark",
                           unread_answer = "what-if-nobody-reads-the-answer";

void bound_twice(Script& s) {
    const std::uint16_t port = s.port();
    const bool another = s.percent(40), zero = s.percent(30);
    char socket = s.percent(75) ? s.tcp_socket() : s.udp_socket();
    s.bind(socket, loopback, zero ? std::uint16_t{0} : port);
    s.by_the_way(socket);
    if (another)
        socket = s.tcp_socket();
    const std::uint16_t other_port = zero ? std::uint16_t{0} : s.port();
    s.bind(socket, s.percent(50) ? loopback : wildcard, other_port);
    if (!another) {
        s.fails(EINVAL);
        s.because(refusals, "A socket is bound once. It has a port, so another bind is an invalid argument, whichever "
                            "address and port it names.");
    }
    s.because(refusals,
              zero ? "Each socket is bound once, and port 0 leaves the number to the kernel, which gives each a "
                     "free one."
                   : "Two sockets, two ports: neither is in the way of the other.");
    s.listen('A'); // not reached where the second bind fails
    if (!s.fails() && s.question.calls.front().type.value == SOCK_DGRAM)
        s.question.calls.pop_back();
}

void whose_address(Script& s) {
    const std::string host = s.percent(60) ? s.one_of({"192.0.2.1", "198.51.100.7", "203.0.113.9"})
                                           : s.one_of({wildcard, neighbour, "127.1.2.3"});
    const bool ours = host.starts_with("127.") || host == wildcard;
    const char socket = s.percent(60) ? s.tcp_socket() : s.udp_socket();
    s.by_the_way(socket);
    s.bind(socket, host, s.percent(50) ? s.port() : std::uint16_t{0});
    if (!ours) {
        s.fails(EADDRNOTAVAIL);
        s.because(refusals, "bind wants an address of this machine, and " + host +
                                " is kept for examples in books: no machine has it.");
    }
    s.because(refusals, host == wildcard ? "0.0.0.0 stands for every address of this machine, so each machine has it."
                                         : "Linux counts the whole of 127.0.0.0/8 as this machine's own: " + host +
                                               " is an address like 127.0.0.1.");
    s.call(What::getsockname, socket);
}

void two_protocols(Script& s) {
    const std::uint16_t port = s.port();
    const bool first_tcp = s.percent(50), second_tcp = s.percent(65) ? !first_tcp : first_tcp;
    const char first = first_tcp ? s.tcp_socket() : s.udp_socket();
    s.bind(first, s.percent(60) ? loopback : wildcard, port);
    if (first_tcp && s.percent(50))
        s.listen(first);
    const char second = second_tcp ? s.tcp_socket() : s.udp_socket();
    s.bind(second, loopback, port);
    if (first_tcp == second_tcp) {
        s.fails(EADDRINUSE);
        s.because(what_is_yours,
                  "Both sockets are " + std::string{first_tcp ? "TCP" : "UDP"} + ", and the first one has the port.");
    }
    s.because(what_is_yours, "TCP and UDP count their ports apart, so one number may be taken in each.");
    if (second_tcp)
        s.listen(second);
}

void freed_port(Script& s) {
    const std::uint16_t port = s.port();
    const char first = s.tcp_socket();
    s.bind(first, loopback, port);
    s.by_the_way(first, port);
    const bool listens = s.percent(40), closes = s.percent(55);
    if (listens)
        s.listen(first);
    if (closes)
        s.close(first);
    const char second = s.tcp_socket();
    s.bind(second, loopback, port);
    if (!closes) {
        s.fails(EADDRINUSE);
        s.because(a_no, listens ? "The first socket has the port."
                                : "The first socket has the port. That it does not listen makes no difference: a bound "
                                  "port is owned.");
    }
    s.because(a_no,
              "The first socket is closed, and nobody was ever connected to it. The kernel takes such a port back "
              "at once.");
    s.listen(second);
}

void bound_is_not_listening(Script& s) {
    const std::uint16_t port = s.port();
    const char server = s.tcp_socket();
    s.bind(server, s.percent(60) ? loopback : wildcard, port);
    s.by_the_way(server, port);
    const bool listens = s.percent(45);
    if (listens)
        s.listen(server);
    s.client(loopback, port);
    if (!listens) {
        s.fails(ECONNREFUSED);
        s.because(still_dark,
                  "The server's socket is bound and does not listen: it owns the port, and the kernel refuses whoever "
                  "calls.");
        s.listen(server);
    }
    s.because(still_dark, "The server's socket listens, so the kernel answers for it. Nobody need have called accept.");
    s.accept(server);
}

void specific_addresses(Script& s) {
    const std::uint16_t port = s.port();
    const unsigned first = s.below(3), second = s.percent(70) ? (first + 1 + s.below(2)) % 3 : first;
    const std::array<const char*, 3> hosts{loopback, neighbour, wildcard};
    const char one = s.tcp_socket();
    s.bind(one, hosts[first], port);
    s.by_the_way(one, port);
    const char other = s.tcp_socket();
    s.bind(other, hosts[second], port);
    if (first == second || first == 2 || second == 2) {
        s.fails(EADDRINUSE);
        s.because(what_is_yours, first == second
                                     ? "It is the same address and port, and the first socket has it."
                                     : "0.0.0.0 stands for every address of this machine, so it takes its port at "
                                       "all of them, and gets none that is taken at one.");
    }
    s.because(what_is_yours, "127.0.0.1 and 127.0.0.2 are two addresses, and each has its own ports.");
    s.listen(one);
    s.listen(other);
}

void listen_without_bind(Script& s) {
    const char socket = s.tcp_socket();
    s.by_the_way(socket);
    s.listen(socket);
    const unsigned then = s.below(5);
    if (then <= 1) {
        s.bind(socket, loopback, s.port());
        s.fails(EINVAL);
        s.because(unread_answer,
                  "listen without bind succeeds: the kernel chooses a port, at every address. So the socket has "
                  "one when bind comes, and a socket is bound once.");
    } else if (then == 2) {
        s.call(What::getpeername, socket);
        s.fails(ENOTCONN);
        s.because(unread_answer,
                  "listen without bind succeeds: the kernel chooses a port, at every address. But a socket that "
                  "listens has no peer.");
    } else if (then == 3) {
        s.call(What::getsockname, socket);
    }
    s.because(unread_answer,
              "listen without bind succeeds: the kernel chooses a port, at every address. A program that does not "
              "look at a failed bind ends up there.");
}

// ---- 3. Listen and accept -------------------------------------------------------------------------------------------

constexpr std::string_view listen_changes = "what-does-listen-change", who_talks = "who-talks-to-the-display",
                           after_a_restart = "address-already-in-use-right-after-a-restart";

void listen_is_for_streams(Script& s) {
    const bool is_tcp = s.percent(45);
    const std::uint16_t port = s.port();
    const char server = is_tcp ? s.tcp_socket() : s.udp_socket();
    s.bind(server, s.percent(50) ? loopback : wildcard, port);
    s.by_the_way(server, is_tcp ? port : std::uint16_t{0});
    s.listen(server);
    if (!is_tcp) {
        s.fails(EOPNOTSUPP);
        s.because(listen_changes,
                  "UDP has no connections, so there is none to listen for: a bound UDP socket gets its datagrams "
                  "as it is.");
    }
    const unsigned then = s.below(3);
    if (then == 0)
        s.listen(server);
    s.because(listen_changes, then == 0
                                  ? "A socket may listen twice. The second call sets the length of the queue anew."
                                  : "socket, bind, listen: the first three of a server's four calls.");
    if (then == 1) {
        s.client(loopback, port);
        s.accept(server);
    }
}

void accept_needs_a_listener(Script& s) {
    const std::uint16_t port = s.port();
    const unsigned kind = s.below(5);
    const char server = kind == 0 ? s.udp_socket() : s.tcp_socket();
    s.bind(server, loopback, port);
    s.by_the_way(server, kind == 0 ? std::uint16_t{0} : port);
    if (kind == 0) {
        s.accept(server);
        s.fails(EOPNOTSUPP);
        s.because(listen_changes, "accept takes a connection, and UDP has none.");
    } else if (kind == 1) {
        s.accept(server);
        s.fails(EINVAL);
        s.because(listen_changes,
                  "The server does not listen, so there is no queue to take a connection from. accept does not "
                  "wait for one: it fails.");
    } else if (kind == 2) {
        s.client(loopback, port);
        s.fails(ECONNREFUSED);
        s.because(listen_changes,
                  "The server's socket is bound and does not listen, so the client is refused. accept, which "
                  "would have failed too, is not reached.");
        s.accept(server);
    } else {
        s.listen(server);
        s.client(loopback, port);
        const char accepted = s.accept(server);
        if (kind == 3) {
            s.accept(accepted);
            s.fails(EINVAL);
            s.because(who_talks,
                      "What accept yields is a connection. It does not listen, so nothing can be accepted from it; "
                      "the listener goes on as before.");
        } else {
            s.call(What::getpeername, accepted);
        }
    }
    s.because(listen_changes,
              "socket, bind, listen, accept: the four calls of a server, in their order, with a client that has "
              "called.");
}

void nobody_waits(Script& s) {
    const std::uint16_t port = s.port();
    const char server = s.listener(loopback, port);
    const unsigned clients = s.below(3), accepts = s.percent(60) ? clients + 1 : std::max(clients, 1U);
    for (unsigned i = 0; i < clients; ++i)
        s.client(loopback, port);
    s.call(What::set_nonblocking, server);
    for (unsigned i = 0; i < accepts; ++i)
        s.accept(server);
    if (accepts > clients) {
        s.fails(EAGAIN);
        s.because(listen_changes,
                  clients == 0
                      ? "No client has called, and the socket is not to block: accept says so instead of waiting."
                      : "Each accept takes one client out of the queue. It is empty when the last one comes, and the "
                        "socket is not to block: accept says so instead of waiting.");
    }
    s.because(listen_changes,
              "The kernel has completed the connections and queued them, so each accept has one to take.");
}

void before_accept(Script& s) {
    const std::uint16_t port = s.port();
    const char server = s.listener(s.percent(60) ? loopback : wildcard, port);
    const char client = s.client(loopback, port);
    const bool accepts = s.percent(50), server_sends = s.percent(50);
    const char accepted = accepts ? s.accept(server) : 'A';
    const unsigned ending = s.below(4);
    if (ending == 0) { // the listener stays
        s.call(What::send, client);
        if (accepts)
            s.call(What::recv, accepted);
        s.because(listen_changes,
                  accepts ? "The connection stands, and what the client sends waits until it is read."
                          : "The kernel has answered for the server: the client is connected before accept, and "
                            "what it sends waits, too.");
        return;
    }
    s.close(server);
    if (ending == 1) {
        s.client(loopback, port);
        s.fails(ECONNREFUSED);
        s.because(listen_changes,
                  "The listener is closed, so nobody answers for the port any more. A connection that has been "
                  "accepted goes on; a new one is refused.");
    } else if (accepts) {
        s.call(What::send, server_sends ? accepted : client);
        s.call(What::recv, server_sends ? client : accepted);
        s.because(listen_changes,
                  "What accept has yielded is a socket of its own: the connection goes on when the listener is "
                  "closed.");
    } else {
        s.call(What::recv, client);
        s.fails(ECONNRESET);
        s.because(listen_changes,
                  "The connection was in the queue, and nobody had accepted it. With its listener the kernel ends "
                  "it, by a reset.");
    }
}

void listener_is_no_connection(Script& s) {
    const std::uint16_t port = s.port();
    const char server = s.listener(loopback, port);
    const char client = s.client(loopback, port);
    const bool on_listener = s.percent(60);
    const char socket = on_listener || s.percent(40) ? server : client;
    s.by_the_way(socket);
    const char accepted = s.accept(server);
    const char other = s.percent(50) ? client : accepted;
    switch (s.below(4)) {
    case 0:
        s.call(What::getpeername, on_listener ? server : other);
        if (on_listener)
            s.fails(ENOTCONN);
        break;
    case 1:
        s.listen(on_listener ? server : other);
        if (!on_listener)
            s.fails(EINVAL);
        break;
    case 2:
        if (on_listener) {
            s.call(What::recv, server);
            s.fails(ENOTCONN);
        } else {
            s.call(What::send, other);
        }
        break;
    default:
        s.connect(on_listener ? server : other, loopback, port);
        s.fails(EISCONN);
    }
    s.because(who_talks,
              on_listener ? "The listening socket carries no talk and has no peer: accept yields a new socket for each "
                            "client. What it can do is listen, which it may do twice, and accept. It cannot connect."
                          : "A connection has a peer and carries talk. It is there already, so it cannot be connected "
                            "again, and it cannot listen either.");
}

void restart_while_connected(Script& s) {
    const std::uint16_t port = s.port();
    const unsigned options = s.below(4); // of the old server and of the new one
    const bool old_reuses = options > 0, new_reuses = options != 1;
    const char server = s.tcp_socket();
    if (old_reuses)
        s.set(server, reuse_address);
    s.bind(server, loopback, port);
    s.listen(server);
    s.client(loopback, port);
    s.accept(server);
    s.close(server);
    const char restarted = s.tcp_socket();
    if (new_reuses)
        s.set(restarted, reuse_address);
    s.bind(restarted, loopback, port);
    if (!old_reuses || !new_reuses) {
        s.fails(EADDRINUSE);
        s.because(after_a_restart,
                  "The listener is closed, and the accepted connection lives on, with the same address and port. So "
                  "the port is taken; SO_REUSEADDR on the old and on the new server would have helped.");
    }
    s.because(after_a_restart,
              "The accepted connection still has the port. But both servers have set SO_REUSEADDR, and the "
              "connection has it from its listener, so the new one gets the port.");
    s.listen(restarted);
}

// ---- 4. The client's port -------------------------------------------------------------------------------------------

constexpr std::string_view which_port = "which-port-does-the-display-have",
                           same_port = "may-two-connections-have-the-same-port";

void connected_twice(Script& s) {
    const std::uint16_t port = s.port(), other_port = s.port();
    s.listener(loopback, port);
    const bool two_servers = s.percent(50), two_clients = s.percent(50);
    if (two_servers)
        s.listener(loopback, other_port);
    char client = s.client(loopback, port);
    s.by_the_way(client);
    if (two_clients)
        client = s.tcp_socket();
    s.connect(client, loopback, two_servers ? other_port : port);
    if (!two_clients) {
        s.fails(EISCONN);
        s.because(which_port, "The socket is connected, and a TCP socket has one peer: a socket for each connection.");
    }
    s.because(which_port, two_servers
                              ? "A socket for each connection, and a server for each: nothing is in the way."
                              : "Two sockets may be connected to one server. The kernel gives the second a port of its "
                                "own, so that the 4-tuples differ.");
    s.call(What::send, client);
}

void bind_and_connect(Script& s) {
    const std::uint16_t server_port = s.port(), own_port = s.percent(60) ? s.port() : std::uint16_t{0};
    s.listener(loopback, server_port);
    const char client = s.tcp_socket();
    const bool bind_first = s.percent(45);
    if (bind_first)
        s.bind(client, loopback, own_port);
    s.by_the_way(client);
    s.connect(client, loopback, server_port);
    if (!bind_first) {
        s.bind(client, loopback, own_port);
        s.fails(EINVAL);
        s.because(which_port,
                  "connect has given the socket a port already. A client that wants one of its own binds it "
                  "before.");
    }
    s.because(which_port,
              "A client may bind first, as a server does. It then has its port before connect, and keeps it.");
    s.call(What::getpeername, client);
}

void one_source_port(Script& s) {
    const std::uint16_t server = s.port(), other_server = s.port(), own = s.port();
    const unsigned options = s.below(10);
    const bool first_reuses = options > 1, second_reuses = options != 0 && options != 2, elsewhere = s.percent(60);
    s.listener(loopback, server);
    s.listener(loopback, other_server);
    const char first = s.tcp_socket();
    if (first_reuses)
        s.set(first, reuse_address);
    s.bind(first, loopback, own);
    s.connect(first, loopback, server);
    const char second = s.tcp_socket();
    if (second_reuses)
        s.set(second, reuse_address);
    s.bind(second, loopback, own);
    if (!first_reuses || !second_reuses) {
        s.fails(EADDRINUSE);
        s.because(same_port, "Two sockets may bind one port if both have set SO_REUSEADDR and neither listens. "
                             "Here not both have set it.");
    }
    s.connect(second, loopback, elsewhere ? other_server : server);
    if (!elsewhere && !s.fails()) {
        s.fails(EADDRNOTAVAIL);
        s.because(same_port, "SO_REUSEADDR on both lets both bind the port. But the 4-tuple would be that of the first "
                             "connection: address, port, and the same server. There can be one of it.");
    }
    s.because(same_port, "SO_REUSEADDR on both lets both bind the port, for neither listens. The two connections have "
                         "different peers, so the 4-tuples differ.");
}

void no_peer_yet(Script& s) {
    const std::uint16_t server = s.port();
    s.listener(loopback, server);
    const char client = s.tcp_socket();
    const bool binds = s.percent(40), connects = s.percent(45), asks_name = s.percent(60);
    if (binds)
        s.bind(client, loopback, 0);
    if (connects)
        s.connect(client, loopback, server);
    s.call(What::getsockname, client);
    s.call(connects || asks_name ? What::getpeername : What::recv, client);
    if (!connects) {
        s.fails(ENOTCONN);
        s.because(which_port,
                  binds ? "bind gives a socket its own address and port; the peer comes with connect. getsockname "
                          "succeeds, for every socket has a local endpoint."
                        : "Before connect a client has no peer. It has a local endpoint, 0.0.0.0:0, so getsockname "
                          "succeeds.");
    }
    s.because(which_port, "After connect the socket has both ends of its 4-tuple, its own and the peer's.");
    s.call(What::send, client);
}

void which_server(Script& s) {
    const std::uint16_t port = s.port(), other = s.port(), own = s.port();
    const bool right = s.percent(45), at_neighbour = s.percent(50);
    s.listener(loopback, port);
    const char client = s.tcp_socket();
    if (s.percent(40))
        s.bind(client, loopback, own);
    s.connect(client, !right && at_neighbour ? neighbour : loopback, !right && !at_neighbour ? other : port);
    if (!right) {
        s.fails(ECONNREFUSED);
        s.because(which_port, at_neighbour
                                  ? "The server listens at 127.0.0.1 alone. At 127.0.0.2 nobody has the port, and the "
                                    "kernel refuses."
                                  : "Nobody listens on that port, and the kernel refuses.");
    }
    s.because(which_port,
              "The server listens where the client calls, so the kernel completes the connection. accept may come "
              "later.");
    s.call(What::getpeername, client);
}

// ---- 5. Port conflicts ----------------------------------------------------------------------------------------------

constexpr std::string_view when_shared = "when-may-two-sockets-have-one-port",
                           server_gone = "who-has-the-port-when-the-server-has-gone",
                           old_server = "what-must-the-old-server-have-done";

using common::Verdict;
enum class State { bound, listening, time_wait, udp };

struct Party {
    std::string host;
    bool v6_only = false;
    bool reuses_address = false, reuses_port = false;
    bool v6() const { return Endpoint{host}.is_v6(); }
    bool any() const { return host == "::" || host == wildcard; }
    std::string name() const { return v6() ? "[" + host + "]" : host; }
};

common::Claim claim_of(State state, const Party& one) {
    common::Claim claim{state == State::udp ? common::Protocol::udp : common::Protocol::tcp, one.host};
    claim.v6_only = one.v6_only;
    claim.reuse_address = one.reuses_address;
    claim.reuse_port = one.reuses_port;
    return claim;
}

std::string client_connects_to(const Party& server) {
    return !server.any() ? server.host : server.v6() ? "::1" : loopback;
}

// What the second meets: the first, or what that has left.
common::Claim held_by(State state, const Party& first) {
    common::Claim held = claim_of(state, first);
    if (state == State::listening)
        held.state = common::Claim::State::listening;
    return state == State::time_wait ? left_in_time_wait(held, client_connects_to(first)) : held;
}

Verdict conflict(State state, const Party& first, const Party& second) {
    return common::conflict(held_by(state, first), claim_of(state, second));
}

std::string options(const Party& one) {
    return one.reuses_address ? (one.reuses_port ? "both" : "SO_REUSEADDR") : one.reuses_port ? "SO_REUSEPORT" : "none";
}

std::string why(State state, const Party& first, const Party& second) {
    const common::Claim wanted = claim_of(state, second), held = held_by(state, first);
    if (!overlap(claim_of(state, first), wanted))
        return first.v6() == second.v6()
                   ? first.name() + " and " + second.name() +
                         " do not overlap: two specific addresses do so only where they are equal."
               : (first.v6() ? first : second).any()
                   ? "[::] is restricted to IPv6 here (IPV6_V6ONLY), so the two addresses do not overlap."
                   : "[::1] is an address of IPv6 alone, so the two addresses do not overlap.";
    if (!overlap(held, wanted))
        return "What TIME-WAIT keeps is one connection, with the address that its client had called, " +
               Party{held.ip}.name() + ". The server is gone, and its " + first.name() + " with it.";
    const std::string meet = first.host == second.host ? "It is the same address"
                             : first.any() && second.any()
                                 ? "Both are wildcards, and [::] takes IPv4 as well unless it is restricted"
                             : first.any() ? first.name() + " stands for " + second.name() + " as well"
                                           : second.name() + " stands for " + first.name() + " as well";
    if (first.reuses_port && second.reuses_port)
        return meet + ", and both sockets have set SO_REUSEPORT: they share the port, whatever the first is doing.";
    if (!first.reuses_address || !second.reuses_address)
        return meet + ", and sharing takes the same option on both sockets. The first has set " + options(first) +
               ", the second " + options(second) + "." +
               (state == State::time_wait
                    ? " The server is gone, and the kernel still keeps its connection in TIME-WAIT."
                    : "");
    switch (state) {
    case State::bound:
        return meet +
               ". With SO_REUSEADDR on both, both may bind while neither listens. The first to listen has the port, "
               "and the second listen is refused.";
    case State::listening:
        return meet +
               ", and the first socket listens. SO_REUSEADDR on both lets a port pass to a successor; it never lets "
               "two listen.";
    case State::time_wait:
        return "The old server and the new one have set SO_REUSEADDR, and TIME-WAIT alone is left: for that the option "
               "is "
               "made.";
    case State::udp:
        break;
    }
    return meet + ". In UDP nobody listens, so SO_REUSEADDR on both is enough.";
}

Party party(Script& s, bool ipv6_too) {
    const unsigned which = s.below(ipv6_too ? 6 : 3), options = s.below(5); // SO_REUSEADDR twice as often
    static const std::array<Party, 6> all{{{loopback}, {wildcard}, {neighbour}, {"::"}, {"::", true}, {"::1"}}};
    Party one = all[which];
    one.reuses_address = options == 1 || options == 2 || options == 4;
    one.reuses_port = options >= 3;
    return one;
}

char socket_of(Script& s, const Party& one, State state) {
    const char socket = s.socket(one.v6() ? inet6 : inet, state == State::udp ? datagrams : stream);
    if (one.host == "::")
        s.set(socket, v6_only, one.v6_only ? 1 : 0);
    if (one.reuses_address)
        s.set(socket, reuse_address);
    if (one.reuses_port)
        s.set(socket, reuse_port);
    return socket;
}

void pair(Script& s, State state) {
    // Were each pair as likely as another, most answers would be the same: so the verdict is drawn first.
    const unsigned drawn = s.below(100);
    const Verdict wanted = drawn < 45                            ? Verdict::ok
                           : drawn < 70 && state == State::bound ? Verdict::one_listens
                                                                 : Verdict::refused_at_bind;
    const bool ipv6_too = s.percent(40);
    Party first, second;
    do {
        first = party(s, ipv6_too);
        second = party(s, ipv6_too);
    } while (conflict(state, first, second) != wanted);

    const std::uint16_t port = s.port();
    const char one = socket_of(s, first, state);
    s.bind(one, first.host, port);
    if (state == State::listening || state == State::time_wait)
        s.listen(one);
    if (state == State::time_wait) {
        const std::string server = client_connects_to(first);
        const char client = s.socket(Endpoint{server}.is_v6() ? inet6 : inet, stream);
        s.connect(client, server, port);
        const char accepted = s.accept(one);
        s.close(one);
        s.close(accepted); // closes first
        s.close(client);
    }
    const char other = socket_of(s, second, state);
    s.bind(other, second.host, port);
    if (wanted == Verdict::refused_at_bind)
        s.fails(EADDRINUSE);
    if (state == State::bound)
        s.listen(one);
    if (state != State::udp)
        s.listen(other);
    if (wanted == Verdict::one_listens)
        s.fails(EADDRINUSE);
    s.because(when_shared, why(state, first, second));
}

void bound_pair(Script& s) { pair(s, State::bound); }
void listening_pair(Script& s) { pair(s, State::listening); }
void time_wait_pair(Script& s) { pair(s, State::time_wait); }
void udp_pair(Script& s) { pair(s, State::udp); }

void who_closes_first(Script& s) {
    const std::uint16_t port = s.port();
    const bool server_first = s.percent(65), listener_stays = s.percent(20);
    const bool old_reuses = s.percent(60), new_reuses = s.percent(80);
    const char server = s.tcp_socket();
    if (old_reuses)
        s.set(server, reuse_address);
    s.bind(server, loopback, port);
    s.listen(server);
    const char client = s.client(loopback, port);
    const char accepted = s.accept(server);
    s.close(server_first ? accepted : client);
    s.close(server_first ? client : accepted);
    if (!listener_stays)
        s.close(server);
    const char restarted = s.tcp_socket();
    if (new_reuses)
        s.set(restarted, reuse_address);
    s.bind(restarted, loopback, port);
    if (listener_stays) {
        s.fails(EADDRINUSE);
        s.because(old_server, "The connection has ended; the listener has not, and it has the port.");
    } else if (server_first && !(old_reuses && new_reuses)) {
        s.fails(EADDRINUSE);
        s.because(old_server, "The server closed first, so its end stays in TIME-WAIT, with its port. SO_REUSEADDR "
                              "must be set in the old server and in the new one, and that is not so here.");
    } else if (server_first) {
        s.because(old_server, "The server closed first, so its end stays in TIME-WAIT, with its port. But the old "
                              "server and the new one have set SO_REUSEADDR.");
    }
    s.because(server_gone,
              "The side that closes first keeps its end in TIME-WAIT. That was the client, so the server's "
              "port is free as soon as its sockets are closed.");
    s.listen(restarted);
}

void option_in_time(Script& s) {
    const std::uint16_t port = s.port();
    const bool in_time = s.percent(45);
    const Constant& option = s.percent(50) ? reuse_address : reuse_port;
    const char first = s.tcp_socket();
    s.set(first, option);
    s.bind(first, loopback, port);
    s.by_the_way(first, port);
    const char second = s.tcp_socket();
    if (in_time)
        s.set(second, option);
    s.bind(second, loopback, port);
    if (!in_time) {
        s.fails(EADDRINUSE);
        s.because(old_server, "The kernel looks at the options when bind is called. The second socket sets its own "
                              "afterwards: too late.");
        s.set(second, option);
    }
    s.because(old_server, "Both sockets have set the option before bind, where the kernel looks at it. One of them "
                          "listens, which either option allows.");
    s.listen(first);
}

// ---- 7. Many services -----------------------------------------------------------------------------------------------

constexpr std::string_view one_number = "can-two-services-have-one-number", who_gets_it = "who-gets-what-arrives",
                           nobody_there = "what-if-nobody-has-the-port";

void arrival_by_tcp(Script& s) {
    const std::uint16_t port = s.port(), other_port = s.port();
    const bool reached = s.percent(45);
    const unsigned missed = s.below(3); // by protocol, by address or by port
    const bool everywhere = reached && s.percent(50);
    const std::string called = everywhere && s.percent(60) ? neighbour : loopback;
    if (reached || missed != 0)
        s.listener(everywhere                ? wildcard
                   : !reached && missed == 1 ? neighbour
                                             : loopback,
                   !reached && missed == 2 ? other_port : port);
    if ((!reached && missed == 0) || s.percent(40))
        s.bind(s.udp_socket(), loopback, port);
    s.client(called, port);
    if (!reached) {
        s.fails(ECONNREFUSED);
        s.because(who_gets_it,
                  missed == 0   ? "The number is taken in UDP alone. The protocol is part of what decides, and in "
                                  "TCP nobody has the port."
                  : missed == 1 ? "The service listens at 127.0.0.2 alone, and the client calls 127.0.0.1: the "
                                  "address counts as much as the port."
                                : "The service listens on another port.");
    }
    s.because(who_gets_it,
              everywhere ? "The service listens at 0.0.0.0, which is every address of the machine, and protocol and "
                           "port fit."
                         : "Protocol, address and port are those of the listener.");
}

void arrival_by_udp(Script& s) {
    const std::uint16_t port = s.port();
    const unsigned kind = s.below(5);
    const bool there = kind >= 3, looks = kind != 2;
    char server = 'A';
    if (there) {
        server = s.udp_socket();
        s.bind(server, s.percent(50) ? loopback : wildcard, port);
    } else {
        s.listener(loopback, port); // in TCP, which does not count
    }
    const char client = s.udp_socket();
    s.by_the_way(client);
    s.connect(client, loopback, port);
    s.call(What::send, client);
    if (looks)
        s.call(What::recv, there ? server : client);
    if (!there && looks) {
        s.fails(ECONNREFUSED);
        s.because(nobody_there, "In UDP nobody has the port. connect only notes the address, and send succeeds; \"port "
                                "unreachable\" comes back after it, and the client learns of it when it reads.");
    }
    s.because(
        there ? one_number : nobody_there,
        there ? "The UDP socket is bound where the datagram goes, and that is all that UDP needs: no listen, no accept."
              : "In UDP nobody has the port, and nobody has said so yet: connect only notes the address, and send does "
                "not wait for an answer.");
}

void one_number_many_services(Script& s) {
    struct Service {
        bool is_tcp;
        const char* host;
    };
    std::array<Service, 4> services{{{true, loopback}, {true, neighbour}, {false, loopback}, {false, neighbour}}};
    std::rotate(services.begin(), services.begin() + s.below(4), services.end());
    if (s.percent(50))
        std::ranges::reverse(services);
    const std::uint16_t port = s.port();
    const auto offer = [&](const Service& service) {
        const char socket = service.is_tcp ? s.tcp_socket() : s.udp_socket();
        s.bind(socket, service.host, port);
        return socket;
    };
    for (const Service& service : {services[0], services[1], services[2]}) {
        const char socket = offer(service);
        if (service.is_tcp && s.percent(70))
            s.listen(socket);
    }
    if (s.percent(55)) {
        const Service& again = services[s.below(3)];
        offer({again.is_tcp, s.percent(50) ? again.host : wildcard});
        s.fails(EADDRINUSE);
        s.because(who_gets_it, "Protocol, address and port together decide who gets an arrival, and for these three "
                               "there is a socket already. 0.0.0.0 would be every address, the taken ones among them.");
    } else {
        offer(services[3]);
    }
    s.because(who_gets_it, "Protocol, address and port together decide who gets an arrival. One number serves four "
                           "sockets, for no two of them have all three in common.");
}

// ---- All of them ----------------------------------------------------------------------------------------------------

struct Kind {
    const char* chapter;
    void (*draw)(Script&);
};
constexpr auto kinds = std::to_array<Kind>({{"01_socket", protocol_of_a_type},
                                            {"01_socket", closed_descriptor},
                                            {"01_socket", family_of_an_address},
                                            {"02_bind", bound_twice},
                                            {"02_bind", whose_address},
                                            {"02_bind", two_protocols},
                                            {"02_bind", freed_port},
                                            {"02_bind", bound_is_not_listening},
                                            {"02_bind", specific_addresses},
                                            {"02_bind", listen_without_bind},
                                            {"03_listen_accept", listen_is_for_streams},
                                            {"03_listen_accept", accept_needs_a_listener},
                                            {"03_listen_accept", nobody_waits},
                                            {"03_listen_accept", before_accept},
                                            {"03_listen_accept", listener_is_no_connection},
                                            {"03_listen_accept", restart_while_connected},
                                            {"04_client_port", connected_twice},
                                            {"04_client_port", bind_and_connect},
                                            {"04_client_port", one_source_port},
                                            {"04_client_port", no_peer_yet},
                                            {"04_client_port", which_server},
                                            {"05_port_conflict", bound_pair},
                                            {"05_port_conflict", listening_pair},
                                            {"05_port_conflict", time_wait_pair},
                                            {"05_port_conflict", udp_pair},
                                            {"05_port_conflict", who_closes_first},
                                            {"05_port_conflict", option_in_time},
                                            {"07_many_services", arrival_by_tcp},
                                            {"07_many_services", arrival_by_udp},
                                            {"07_many_services", one_number_many_services}});

} // namespace

std::vector<std::string> chapters_with_questions() {
    std::vector<std::string> chapters;
    for (const Kind& kind : kinds)
        if (chapters.empty() || chapters.back() != kind.chapter)
            chapters.emplace_back(kind.chapter);
    return chapters;
}

Questioner::Questioner(std::uint32_t seed, std::string chapter) : random_{seed}, chapter_{std::move(chapter)} {}

Question Questioner::next() {
    if (deck_.empty())
        for (std::size_t i = 0; i < kinds.size(); ++i)
            if (chapter_.empty() || chapter_ == kinds[i].chapter)
                deck_.push_back(i);
    const auto card = deck_.begin() + below(random_, static_cast<unsigned>(deck_.size()));
    const Kind& kind = kinds[*card];
    deck_.erase(card);
    Script script{random_};
    kind.draw(script);
    script.close_at_the_end();
    Question question = script.question;
    question.chapter = kind.chapter;
    question.section = "chapters/" + question.chapter + "/README.md#" + question.section;
    return question;
}

} // namespace loop
