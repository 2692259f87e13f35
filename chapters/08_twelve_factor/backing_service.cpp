#include "backing_service.hpp"

#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <sstream>
#include <utility>

using asio::ip::tcp;
namespace http = boost::beast::http;

namespace {

struct Fetch : std::enable_shared_from_this<Fetch> {
    Fetch(asio::io_context& io, std::function<void(asio::error_code, std::string)> callback)
        : socket{io}, timer{io}, done{std::move(callback)} {
        parser.eager(true);
        parser.body_limit(64 * 1024);
    }

    void start(const tcp::endpoint& server, std::chrono::milliseconds timeout) {
        timer.expires_after(timeout);
        timer.async_wait([self = shared_from_this()](asio::error_code error) {
            if (!error)
                self->end(asio::error::timed_out);
        });
        std::ostringstream text;
        text << "GET / HTTP/1.1\r\nHost: " << server << "\r\nConnection: close\r\n\r\n";
        request = text.str();
        socket.async_connect(server, [self = shared_from_this()](asio::error_code error) {
            if (error)
                return self->end(error);
            asio::async_write(self->socket, asio::buffer(self->request),
                              [self](asio::error_code write_error, std::size_t) {
                                  write_error ? self->end(write_error) : self->read();
                              });
        });
    }

    void read() {
        socket.async_read_some(
            asio::buffer(chunk),
            [self = shared_from_this()](asio::error_code error, std::size_t size) { self->on_read(error, size); });
    }

    void on_read(asio::error_code error, std::size_t size) {
        boost::beast::error_code parse_error;
        if (error == asio::error::eof && parser.got_some())
            parser.put_eof(parse_error); // a page may end where the connection does
        else if (error)
            return end(error);
        arrived.append(chunk.data(), size);
        if (!arrived.empty() && !parser.is_done() && !parse_error)
            arrived.erase(0, parser.put({arrived.data(), arrived.size()}, parse_error));
        const bool needs_more = !parse_error || parse_error == http::error::need_more;
        if (parser.is_done() && needs_more)
            return end(parser.get().result() == http::status::ok ? asio::error_code{} : asio::error::fault);
        if (!needs_more || error || arrived.size() > 64 * 1024)
            return end(asio::error::invalid_argument);
        read();
    }

    void end(asio::error_code error) {
        if (!done)
            return;
        asio::error_code ignored;
        socket.close(ignored);
        timer.cancel();
        std::exchange(done, nullptr)(error, error ? std::string{} : std::move(parser.get().body()));
    }

    tcp::socket socket;
    asio::steady_timer timer;
    std::function<void(asio::error_code, std::string)> done;
    std::string request, arrived;
    std::array<char, 4096> chunk;
    http::response_parser<http::string_body> parser;
};

} // namespace

void fetch(asio::io_context& io, const tcp::endpoint& server, std::chrono::milliseconds timeout,
           std::function<void(asio::error_code, std::string)> done) {
    std::make_shared<Fetch>(io, std::move(done))->start(server, timeout);
}
