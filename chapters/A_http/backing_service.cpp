#include "backing_service.hpp"

#include "http_message.hpp"

#include <memory>
#include <sstream>
#include <utility>

using asio::ip::tcp;

namespace {

struct Fetch : std::enable_shared_from_this<Fetch> {
    Fetch(asio::io_context& io, std::function<void(int, std::string)> callback)
        : socket{io}, timer{io}, done{std::move(callback)} {}

    void start(const tcp::endpoint& server, std::chrono::milliseconds timeout) {
        timer.expires_after(timeout);
        timer.async_wait([self = shared_from_this()](asio::error_code error) {
            if (!error)
                self->end(504, "The backing service is too slow.\n");
        });
        std::ostringstream text;
        text << "GET / HTTP/1.1\r\nHost: " << server << "\r\nConnection: close\r\n\r\n";
        request = text.str();
        socket.async_connect(server, [self = shared_from_this()](asio::error_code error) {
            if (error)
                return self->fail(error.message());
            asio::async_write(self->socket, asio::buffer(self->request), [self](asio::error_code, std::size_t) {
                self->read(); // also after an error: a service that has refused the request has said why
            });
        });
    }

    void read() {
        const auto space = reader.space();
        socket.async_read_some(
            asio::buffer(space.data(), space.size()),
            [self = shared_from_this()](asio::error_code error, std::size_t size) { self->on_read(error, size); });
    }

    void on_read(asio::error_code error, std::size_t size) {
        reader.received(size);
        auto state = reader.read();
        if (error == asio::error::eof)
            state = reader.end();
        const int status = reader.message().status;
        if (status == 101 || (status >= 200 && status != 200))
            fail("it answered with status " + std::to_string(status));
        else if (state == MessageReader::State::complete)
            end(200, reader.message().body);
        else if (state == MessageReader::State::refused)
            fail(reader.refusal() == 400   ? "its answer is malformed"
                 : reader.refusal() == 501 ? "its answer is in a transfer coding that was not asked for"
                                           : "its answer is too large");
        else if (error == asio::error::eof)
            fail(reader.started() ? "its answer was cut off" : "it closed the connection without an answer");
        else if (error)
            fail(error.message());
        else
            read();
    }

    void fail(const std::string& why) { end(502, "The backing service failed: " + why + "\n"); }

    void end(int status, std::string text) {
        if (!done)
            return;
        asio::error_code ignored;
        socket.close(ignored);
        timer.cancel();
        std::exchange(done, nullptr)(status, std::move(text));
    }

    tcp::socket socket;
    asio::steady_timer timer;
    std::function<void(int, std::string)> done;
    std::string request;
    MessageReader reader{MessageReader::Kind::response};
};

} // namespace

void fetch(asio::io_context& io, const tcp::endpoint& server, std::chrono::milliseconds timeout,
           std::function<void(int, std::string)> done) {
    std::make_shared<Fetch>(io, std::move(done))->start(server, timeout);
}
