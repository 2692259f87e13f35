#include "http_connection.hpp"

#include "common/text.hpp"

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
void log(std::string_view method, std::string_view target, int status, std::size_t size, std::string_view peer) {
    static std::string line;
    line.assign(method.empty() ? "-" : common::shown(method, 20)).append(" ");
    line.append(target.empty() ? "-" : common::shown(target, 200));
    line.append(" ").append(std::to_string(status));
    line.append(" ").append(std::to_string(size));
    line.append(" ").append(peer).append("\n");
    std::cout << line;
}

// RFC 9110, 15 and, for 431, RFC 6585.
std::string_view reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default: // may be left empty: RFC 9112, 4
        return "";
    }
}

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
    if (last_call_ && !reader_.started())
        deadline_ = std::min(deadline_, *last_call_);
    const auto space = reader_.space();
    socket_.async_read_some(
        asio::buffer(space.data(), space.size()),
        [self = shared_from_this()](asio::error_code error, std::size_t size) { self->on_read(error, size); });
}

void HttpConnection::on_read(asio::error_code error, std::size_t size) {
    if (error == asio::error::operation_aborted) { // by check_deadline(): but has something arrived after all?
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

// The deadline has passed.
void HttpConnection::nothing_more() {
    if (!reader_.started())
        return close();
    append({.status = 408, .body = "The request did not arrive in time.\n"}, false);
    write();
}

// Answers the requests that have arrived whole, in their order, and writes all the answers at once.
void HttpConnection::serve() {
    while (!last_ && out_.size() < enough_to_write) {
        const auto found = reader_.read();
        if (found == MessageReader::State::incomplete)
            break;
        if (found == MessageReader::State::refused) {
            append({.status = reader_.refusal(), .body = std::string{reason(reader_.refusal())} + "\n"}, false);
            break;
        }
        state_ = State::answering;
        in_serve_ = true;
        settings_.handle(reader_.message(), shared_from_this());
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
    const bool goes_on = !last_call_ || (more_has_arrived() && Clock::now() < *last_call_);
    const bool keep_alive = reader_.message().keep_alive() && goes_on;
    append(response, keep_alive);
    reader_.next();
    started_ = false;
    state_ = State::reading;
    if (!in_serve_)
        serve();
}

void HttpConnection::append(const Response& response, bool keep_alive) {
    const Message& request = reader_.message();
    const std::string_view body = request.method == "HEAD" ? "" : std::string_view{response.body};
    log(request.method, request.target, response.status, body.size(), peer_);
    out_.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason(response.status));
    out_.append("\r\nDate: ").append(http_date());
    out_.append("\r\nContent-Type: ").append(response.type);
    out_.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
    if (!response.allow.empty())
        out_.append("\r\nAllow: ").append(response.allow);
    if (!keep_alive)
        out_.append("\r\nConnection: close");
    else if (request.minor_version == 0)
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
        else if (self->last_)
            self->linger();
        else
            self->serve();
    });
}

// Bytes that nobody reads reset the connection when it is closed, and the reset can overtake the answer. So the client
// is told that there will be no more, and what it still sends is thrown away until it closes, too: RFC 9112, 9.6.
void HttpConnection::linger() {
    state_ = State::lingering;
    linger_ends_ = Clock::now() + settings_.timeout;
    asio::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    discard();
}

void HttpConnection::discard() {
    static std::array<char, 16 * 1024> rubbish;
    deadline_ = std::min(linger_ends_, Clock::now() + linger_time); // a client that is still sending gets more of it
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

// A request may be under way to a connection that is idle as seen from here. So it is not closed at once.
void HttpConnection::finish() {
    last_call_ = Clock::now() + linger_time;
    if (state_ == State::reading && !reader_.started())
        deadline_ = std::min(deadline_, *last_call_);
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
