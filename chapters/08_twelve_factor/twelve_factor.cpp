// A service exports itself by binding the port that it finds in its environment.
//
// No web server is put in front of it or around it: this program is the web server (factor VII, port binding). All that
// may differ between two deployments is in environment variables (III, config); another service is attached by a URL in
// one of them (IV, backing services); it starts in milliseconds and stops without losing a request (IX, disposability);
// its log is its standard output (XI, logs). The handling of one connection is in http_connection.cpp.
#include "backing_service.hpp"
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/text.hpp"
#include "http_connection.hpp"

#include <algorithm>
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

// The path of a request's target, without the query. The target may be a whole URL: RFC 9112, 3.2.2.
std::string_view path_in(std::string_view target) {
    constexpr std::size_t scheme = 7; // the length of "http://"
    if (boost::beast::iequals({target.data(), std::min(target.size(), scheme)}, "http://")) {
        const auto path = std::min(target.size(), target.find_first_of("/?", scheme));
        if (path > scheme) // else the URL names no host
            target.remove_prefix(path);
        if (target.empty() || target.front() == '?')
            return "/";
    }
    return target.substr(0, target.find('?'));
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
            if (!error) {
                serve(std::move(socket));
                accept();
            } // else out of descriptors, most likely: the next try is when a connection has ended, or at the sweep
        });
    }

    // Connections that the kernel has completed and that nobody has accepted yet: closing the listener resets them.
    void accept_waiting() {
        asio::error_code error;
        for (acceptor_.non_blocking(true, error); !error;) {
            tcp::socket socket{io_};
            acceptor_.accept(socket, error);
            if (!error)
                serve(std::move(socket));
        }
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
        for (const auto& connection : std::vector(connections_.begin(), connections_.end()))
            connection->finish();
    }

    bool busy() const { return !connections_.empty(); }

  private:
    void serve(tcp::socket socket) {
        const auto connection = std::make_shared<HttpConnection>(std::move(socket), settings_);
        connections_.insert(connection);
        connection->start();
        if (!acceptor_.is_open()) // it was accepted in the moment of the stop
            connection->finish();
    }

    void handle(const Request& request, const std::shared_ptr<HttpConnection>& connection) {
        const bool get = request.method() == http::verb::get || request.method() == http::verb::head;
        const auto target = request.target();
        const auto path = path_in({target.data(), target.size()});
        if (request.method() == http::verb::unknown)
            connection->answer({.status = http::status::not_implemented, .body = "No such method.\n"});
        else if (path != "/" && path != "/backing" && path != "/echo")
            connection->answer({.status = http::status::not_found, .body = "No such page.\n"});
        else if (path == "/echo" && request.method() == http::verb::post)
            connection->answer({.body = request.body()});
        else if (path == "/echo")
            connection->answer(
                {.status = http::status::method_not_allowed, .body = "This is for POST.\n", .allow = "POST"});
        else if (!get)
            connection->answer(
                {.status = http::status::method_not_allowed, .body = "This is for GET.\n", .allow = "GET, HEAD"});
        else if (path == "/")
            connection->answer({.type = "text/html; charset=utf-8", .body = page_});
        else if (!config_.backing)
            connection->answer({.status = http::status::not_found, .body = "BACKING_URL is not set.\n"});
        else
            fetch(io_, *config_.backing, config_.timeout, [connection](asio::error_code error, std::string page) {
                if (error == asio::error::timed_out)
                    connection->answer(
                        {.status = http::status::gateway_timeout, .body = "The backing service is too slow.\n"});
                else if (error)
                    connection->answer({.status = http::status::bad_gateway,
                                        .body = "The backing service failed: " + error.message() + "\n"});
                else
                    connection->answer({.type = "text/html; charset=utf-8", .body = std::move(page)});
            });
    }

    asio::io_context& io_;
    tcp::acceptor& acceptor_;
    const Config& config_;
    asio::steady_timer sweeper_;
    std::string page_;
    bool accepting_ = false;
    std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
    const HttpSettings settings_{config_.timeout,
                                 [this](const auto& request, const auto& connection) { handle(request, connection); },
                                 [this](const auto& connection) {
                                     connections_.erase(connection);
                                     accept();
                                 }};
};

int main() {
    try {
        const Config config = config_from_environment();

        asio::io_context io{1}; // one thread: a second core is used by a second process (factor VIII, concurrency)
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
        service.accept_waiting();
        acceptor.close(); // from here on the port is free, and new clients are refused
        std::cout << "no longer listening" << std::endl;
        service.finish();
        io.restart();
        const auto patience_ends = HttpConnection::Clock::now() + config.timeout + 1s;
        while (service.busy() && io.run_one_until(patience_ends) > 0) {
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "twelve_factor: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "twelve_factor: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
