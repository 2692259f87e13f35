// The service of chapter 8, grown up: HTTP with its hard cases, deadlines, a backing service, and a stop without a gap.
//
// It brings its own server along (factor VII, port binding). All that may differ between two deployments is in
// environment variables (III, config); another service is attached by a URL in one of them (IV, backing services); it
// starts in milliseconds and, told to stop, finishes what it has begun (IX, disposability); its log is its standard
// output (XI, logs). The handling of one connection is in http_connection.cpp.
#include "backing_service.hpp"
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/text.hpp"
#include "http_connection.hpp"

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <unordered_set>
#include <vector>

#ifdef __linux__
#include <linux/filter.h>
#include <netinet/tcp.h>
#endif

using asio::ip::tcp;
using namespace std::chrono_literals;

// ---- Configuration: from the environment, and from nowhere else. Each value is checked before a socket is opened.

struct Config {
    tcp::endpoint listen_on;              // HOST, PORT
    std::optional<tcp::endpoint> backing; // BACKING_URL
    std::chrono::milliseconds timeout;    // TIMEOUT_MS
};

[[noreturn]] void invalid(const std::string& variable, const std::string& text, const std::string& allowed) {
    throw common::ConfigError{variable + "=" + common::quoted(text) + " is not " + allowed};
}

std::optional<tcp::endpoint> backing_from_environment() {
    const char* const text = std::getenv("BACKING_URL");
    if (!text)
        return std::nullopt;
    const auto refuse = [&] { invalid("BACKING_URL", text, "the URL of a service: use http://ADDRESS:PORT"); };
    const std::string url = text, scheme = "http://";
    const auto colon = url.rfind(':');
    if (!url.starts_with(scheme) || colon < scheme.size())
        refuse();
    std::string host = url.substr(scheme.size(), colon - scheme.size());
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']'; // IPv6 in a URL
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    asio::error_code error;
    const auto address = asio::ip::make_address(host, error);
    std::uint16_t port = 0;
    const auto [stopped_at, wrong] = std::from_chars(url.data() + colon + 1, url.data() + url.size(), port);
    if (error || address.is_v6() != bracketed || wrong != std::errc{} || stopped_at != url.data() + url.size() ||
        port == 0)
        refuse();
    return tcp::endpoint{address, port};
}

std::chrono::milliseconds timeout_from_environment() {
    const char* const text = std::getenv("TIMEOUT_MS");
    if (!text)
        return 10s;
    const std::string digits = text;
    int value = 0;
    const auto [stopped_at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || stopped_at != digits.data() + digits.size() || value < 1 || value > 3'600'000)
        invalid("TIMEOUT_MS", digits, "a time: use a whole number of milliseconds from 1 to 3600000");
    return std::chrono::milliseconds{value};
}

Config config_from_environment() {
    const auto host = asio::ip::make_address(common::address_from_environment("HOST", "127.0.0.1"));
    return {
        {host, common::port_from_environment("PORT", 8080)}, backing_from_environment(), timeout_from_environment()};
}

// ---- The service: an accept loop, the connections that it made, and what is answered to whom.

class Service {
  public:
    Service(asio::io_context& io, tcp::acceptor& acceptor, const Config& config)
        : io_{io}, acceptor_{acceptor}, config_{config}, sweeper_{io} {
        std::ostringstream page;
        page << "<!doctype html>\n<title>Portlab</title>\n<h1>A service on its own port</h1>\n"
             << "<p>This page comes from process " << ::getpid() << ", which listens on " << acceptor.local_endpoint()
             << ".</p>\n"
             << "<p><a href=\"/backing\">/backing</a> is the page of its backing service. POST to /echo returns what "
             << "it was sent.</p>\n";
        page_ = page.str();
    }

    void accept() {
        if (accepting_ || !acceptor_.is_open())
            return;
        accepting_ = true;
        acceptor_.async_accept([this](asio::error_code error, tcp::socket socket) {
            accepting_ = false;
            if (error)
                return complain(error); // the next try is when a connection has ended, or at the sweep
            serve(std::move(socket));
            accept();
        });
    }

    // Connections that the kernel has completed and that nobody has accepted yet: closing the listener resets them.
    // True when there are none left.
    bool accept_waiting() {
        asio::error_code error;
        for (acceptor_.non_blocking(true, error); !error;) {
            tcp::socket socket{io_};
            acceptor_.accept(socket, error);
            if (!error)
                serve(std::move(socket));
        }
        return error == asio::error::would_block;
    }

    // One timer for all deadlines, so that a request does not cost a system call to arm its own.
    void sweep() {
        sweeper_.expires_after(std::clamp<std::chrono::milliseconds>(config_.timeout / 8, 1ms, 250ms));
        sweeper_.async_wait([this](asio::error_code) {
            const auto now = HttpConnection::Clock::now();
            for (const auto& connection : std::vector(connections_.begin(), connections_.end()))
                connection->check_deadline(now);
            accept();
            sweep();
        });
    }

    void finish() {
        finishing_ = true;
        for (const auto& connection : std::vector(connections_.begin(), connections_.end()))
            connection->finish();
    }

    bool busy() const { return !connections_.empty(); }

  private:
    void serve(tcp::socket socket) {
        const auto connection = std::make_shared<HttpConnection>(std::move(socket), settings_);
        connections_.insert(connection);
        connection->start();
        if (finishing_)
            connection->finish();
    }

    // Out of descriptors, most likely. Once a minute is enough: the client waits in the kernel's queue.
    void complain(asio::error_code error) {
        const auto now = HttpConnection::Clock::now();
        if (error == asio::error::operation_aborted || now < silent_until_)
            return;
        std::cerr << "http: accept: " << error.message() << "; new clients wait" << std::endl;
        silent_until_ = now + 1min;
    }

    void handle(const Message& request, const std::shared_ptr<HttpConnection>& connection) {
        const std::string &method = request.method, &path = request.path;
        const auto known = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
        if (std::find(known.begin(), known.end(), method) == known.end())
            connection->answer({.status = 501, .body = "No such method.\n"});
        else if (path == "*") // OPTIONS, of the service as a whole
            connection->answer({.allow = "GET, HEAD, POST, OPTIONS"});
        else if (path != "/" && path != "/backing" && path != "/echo")
            connection->answer({.status = 404, .body = "No such page.\n"});
        else if (path == "/echo" && method == "POST")
            connection->answer({.body = request.body});
        else if (path == "/echo")
            connection->answer({.status = 405, .body = "This is for POST.\n", .allow = "POST"});
        else if (method != "GET" && method != "HEAD")
            connection->answer({.status = 405, .body = "This is for GET.\n", .allow = "GET, HEAD"});
        else if (path == "/")
            connection->answer({.type = "text/html; charset=utf-8", .body = page_});
        else if (!config_.backing)
            connection->answer({.status = 404, .body = "BACKING_URL is not set.\n"});
        else
            fetch(io_, *config_.backing, config_.timeout, [connection](int status, std::string text) {
                const char* const type = status == 200 ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
                connection->answer({status, type, std::move(text)});
            });
    }

    asio::io_context& io_;
    tcp::acceptor& acceptor_;
    const Config& config_;
    asio::steady_timer sweeper_;
    std::string page_;
    bool accepting_ = false;
    bool finishing_ = false;
    HttpConnection::Clock::time_point silent_until_{};
    std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
    const HttpSettings settings_{config_.timeout,
                                 [this](const auto& request, const auto& connection) { handle(request, connection); },
                                 [this](const auto& connection) {
                                     connections_.erase(connection);
                                     accept();
                                 }};
};

// Has the kernel drop the first packet (SYN without ACK) of whoever wants to connect now: the client sends it again in
// a second, and is refused then, or served by the next instance. Without this somebody could still join the queue
// between the last accept and close, which would reset that connection. See SO_ATTACH_FILTER in socket(7).
void ignore_new_clients([[maybe_unused]] tcp::acceptor& acceptor) {
#ifdef __linux__
    std::array<sock_filter, 5> program{{{BPF_LD | BPF_B | BPF_ABS, 0, 0, 13}, // the flags in the TCP header
                                        {BPF_ALU | BPF_AND | BPF_K, 0, 0, TH_SYN | TH_ACK},
                                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TH_SYN},
                                        {BPF_RET | BPF_K, 0, 0, 0},            // none of this packet passes
                                        {BPF_RET | BPF_K, 0, 0, 0xffffffff}}}; // all of it passes
    const sock_fprog filter{program.size(), program.data()};
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
#endif
}

int main() {
    try {
        const Config config = config_from_environment();

        asio::io_context io{1}; // one thread; a second core is used by a second process
        asio::signal_set signals{io, SIGINT, SIGTERM};
        signals.async_wait([&](asio::error_code, int) { io.stop(); });
        std::signal(SIGPIPE, SIG_IGN); // when nobody reads the log any more, the service goes on

        tcp::acceptor acceptor{io};
        acceptor.open(config.listen_on.protocol());
        // The connections of the instance before this one may still be in TIME-WAIT on this port. With this option on
        // both their listener and ours they do not stand in the way of a restart (chapter 5).
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        asio::error_code error;
        acceptor.bind(config.listen_on, error);
        if (!error)
            acceptor.listen(tcp::acceptor::max_listen_connections, error);
        if (error)
            throw std::runtime_error{
                (std::ostringstream{} << config.listen_on << ": " << error.message() << ": ").str() +
                common::why_refused(common::Protocol::tcp, config.listen_on, error, {.reuse_address = true})};

        Service service{io, acceptor, config};
        service.accept();
        service.sweep();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        io.run(); // until a signal stops it

        signals.remove(SIGINT); // a second Ctrl-C ends the process at once; a second SIGTERM changes nothing
        const auto patience_ends = HttpConnection::Clock::now() + config.timeout + 1s;
        service.finish(); // from here on each answer says that it is the last
        ignore_new_clients(acceptor);
        io.restart();
        io.run_for(200ms); // a client that the kernel has begun to connect is connected by then
        while (!service.accept_waiting() && io.run_one_until(patience_ends) > 0) {
        }
        acceptor.close(); // from here on the port is free, and new clients are refused
        std::cout << "no longer listening" << std::endl;
        while (service.busy() && io.run_one_until(patience_ends) > 0) {
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "http: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "http: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
