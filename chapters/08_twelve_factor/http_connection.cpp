#include "http_connection.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <iostream>
#include <sstream>
#include <utility>

using asio::ip::tcp;

namespace {

constexpr std::size_t enough_to_write = 64 * 1024; // pipelined answers are gathered up to this size
constexpr std::chrono::milliseconds linger_time{1000};

// "Sun, 06 Nov 1994 08:49:37 GMT", made once a second.
const std::string& http_date() {
    static std::time_t made_at = 0;
    static std::string text;
    if (const std::time_t now = std::time(nullptr); now != made_at) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        std::array<char, 64> line;
        text.assign(line.data(), std::strftime(line.data(), line.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
        made_at = now;
    }
    return text;
}

// Factor XI: one line an answer, on standard output; whoever started the service keeps, joins or drops the lines.
void log(std::string_view method, std::string_view target, http::status status, std::size_t size,
         std::string_view peer) {
    static std::string line;
    line.assign(method.empty() ? "-" : method).append(" ");
    for (const char c : target.empty() ? "-" : target) {
        if (c > ' ' && c < 0x7f) {
            line += c;
        } else { // a terminal may take it for a command
            constexpr std::string_view digits = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(c);
            (line += "\\x") += {digits[byte >> 4], digits[byte & 15]};
        }
    }
    line.append(" ").append(std::to_string(static_cast<unsigned>(status)));
    line.append(" ").append(std::to_string(size));
    line.append(" ").append(peer).append("\n");
    std::cout << line;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

} // namespace

HttpConnection::HttpConnection(tcp::socket socket, const HttpSettings& settings)
    : socket_{std::move(socket)}, settings_{settings} {}

void HttpConnection::start() {
    asio::error_code error; // the client may have gone already: the first read will say so
    const tcp::endpoint peer = socket_.remote_endpoint(error);
    std::ostringstream text;
    text << peer;
    peer_ = text.str();
    socket_.non_blocking(true, error);
    socket_.set_option(tcp::no_delay{true}, error); // an answer is one write: nothing to gain from waiting
    deadline_ = Clock::now() + settings_.timeout;
    read();
}

void HttpConnection::read() {
    state_ = State::reading;
    if (finishing_ && !reader_.started())
        return on_read(asio::error::operation_aborted, 0);
    const auto space = reader_.space();
    socket_.async_read_some(
        asio::buffer(space.data(), space.size()),
        [self = shared_from_this()](asio::error_code error, std::size_t size) { self->on_read(error, size); });
}

void HttpConnection::on_read(asio::error_code error, std::size_t size) {
    if (error == asio::error::operation_aborted) { // by us, to end this: but has something arrived after all?
        const auto space = reader_.space();
        size = socket_.read_some(asio::buffer(space.data(), space.size()), error);
    }
    if (error == asio::error::would_block)
        return nothing_more();
    if (error)
        return close(); // the client has closed or reset the connection
    reader_.received(size);
    serve();
}

// The read was ended by check_deadline() or finish().
void HttpConnection::nothing_more() {
    if (!reader_.started())
        return close();
    if (!timed_out_)
        return read();
    append({.status = http::status::request_timeout, .body = "The request did not arrive in time.\n"}, false);
    refused_ = true;
    write();
}

// Answers the requests that have arrived whole, in their order, and writes all the answers at once.
void HttpConnection::serve() {
    while (!last_ && out_.size() < enough_to_write) {
        const auto found = reader_.read();
        if (found == RequestReader::State::incomplete)
            break;
        if (found == RequestReader::State::refused) {
            const http::status status = reader_.refusal();
            append({.status = status, .body = std::string{view(http::obsolete_reason(status))} + "\n"}, false);
            refused_ = true;
            break;
        }
        state_ = State::answering;
        in_serve_ = true;
        settings_.handle(reader_.request(), shared_from_this());
        in_serve_ = false;
        if (state_ == State::answering)
            return; // answer() will go on from here
    }
    if (reader_.take_expectation())
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!out_.empty())
        return write();
    if (timed_out_)
        return nothing_more();
    if (!started_ && reader_.started()) {
        started_ = true;
        deadline_ = Clock::now() + settings_.timeout;
    }
    read();
}

void HttpConnection::answer(const Response& response) {
    // A stopping service says of the last answer that it is the last.
    const bool keep_alive = reader_.request().keep_alive() && (!finishing_ || more_has_arrived());
    append(response, keep_alive);
    reader_.next();
    started_ = false;
    state_ = State::reading;
    if (!in_serve_)
        serve();
}

void HttpConnection::append(const Response& response, bool keep_alive) {
    const Request* const request = reader_.seen();
    const std::string_view method = request ? view(request->method_string()) : "";
    const std::string_view body = method == "HEAD" ? "" : std::string_view{response.body};
    log(method, request ? view(request->target()) : "", response.status, body.size(), peer_);
    out_.append("HTTP/1.1 ").append(std::to_string(static_cast<unsigned>(response.status))).append(" ");
    out_.append(view(http::obsolete_reason(response.status))).append("\r\nDate: ").append(http_date());
    out_.append("\r\nContent-Type: ").append(response.type);
    out_.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
    if (!response.allow.empty())
        out_.append("\r\nAllow: ").append(response.allow);
    if (!keep_alive)
        out_.append("\r\nConnection: close");
    else if (request->version() < 11)
        out_.append("\r\nConnection: keep-alive");
    out_.append("\r\n\r\n").append(body);
    last_ = !keep_alive;
}

void HttpConnection::write() {
    std::cout.flush(); // whoever has an answer can count on its line in the log
    state_ = State::writing;
    timed_out_ = false;
    deadline_ = Clock::now() + settings_.timeout;
    asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](asio::error_code error, std::size_t) {
        self->out_.clear();
        if (error)
            self->close();
        else if (self->refused_ || (self->last_ && self->more_has_arrived()))
            self->linger();
        else if (self->last_)
            self->close();
        else
            self->serve();
    });
}

// Closing a socket with unread bytes resets the connection, and the reset can overtake the answer. So the client is
// told that there will be no more, and what it still sends is thrown away until it closes too.
void HttpConnection::linger() {
    state_ = State::lingering;
    deadline_ = Clock::now() + std::min(settings_.timeout, linger_time);
    asio::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    discard();
}

void HttpConnection::discard() {
    static std::array<char, 16 * 1024> rubbish;
    socket_.async_read_some(asio::buffer(rubbish), [self = shared_from_this()](asio::error_code error, std::size_t) {
        error ? self->close() : self->discard();
    });
}

void HttpConnection::check_deadline(Clock::time_point now) {
    if (state_ == State::answering || now < deadline_)
        return;
    if (state_ != State::reading)
        return close();
    timed_out_ = true;
    socket_.cancel();
}

void HttpConnection::finish() {
    finishing_ = true;
    if (state_ == State::reading && !reader_.started())
        socket_.cancel();
}

bool HttpConnection::more_has_arrived() {
    asio::error_code error;
    return reader_.holds_more() || socket_.available(error) > 0;
}

void HttpConnection::close() {
    if (!socket_.is_open())
        return;
    asio::error_code ignored;
    socket_.close(ignored);
    settings_.closed(shared_from_this());
}
