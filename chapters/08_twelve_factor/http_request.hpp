#pragma once

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace http = boost::beast::http;
using Request = http::request<http::string_body>;

/// Cuts the bytes that arrive on a connection into requests. Boost.Beast's parser knows the grammar; this class decides
/// how much of a stranger's bytes to hold, and which status refuses the rest. It knows no socket: put bytes into
/// space(), call received(), then read() until it says `incomplete`.
///
/// However the bytes are cut into pieces, the same requests and refusals come out (tests/fuzz/request_fuzz.cpp).
class RequestReader {
  public:
    static constexpr std::size_t header_limit = 8 * 1024; ///< Of the header, of a chunk's header and of the trailer.
    static constexpr std::size_t body_limit = 64 * 1024;

    enum class State { incomplete, complete, refused };

    /// Room for the next bytes: never empty while read() says `incomplete`.
    std::span<char> space() {
        if (begin_ > 0) {
            std::copy(buffer_.begin() + position(begin_), buffer_.begin() + position(end_), buffer_.begin());
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == buffer_.size())
            buffer_.resize(std::max<std::size_t>(1024, 2 * buffer_.size()));
        return {buffer_.data() + end_, buffer_.size() - end_};
    }

    void received(std::size_t size) { end_ += size; }

    /// Whether the bytes so far hold a whole request, which is then in request().
    State read() {
        while (state_ == State::incomplete && step()) {
        }
        return state_;
    }

    const Request& request() const { return parser_->get(); }

    /// What is known so far of a request that is incomplete or refused; null where nothing is.
    const Request* seen() const { return parser_ ? &parser_->get() : nullptr; }

    http::status refusal() const { return refusal_; } ///< Why, where read() said `refused`.

    /// True once where the client waits for "100 Continue" before it sends the body.
    bool take_expectation() { return std::exchange(expects_continue_, false); }

    /// True where bytes are here that belong to no complete request.
    bool started() const { return parser_ || begin_ != end_; }

    /// True where bytes have arrived behind the complete request.
    bool holds_more() const { return begin_ != end_; }

    /// Forgets the complete request. What arrived behind it stays.
    void next() {
        parser_.reset();
        state_ = State::incomplete;
        expects_continue_ = false;
    }

  private:
    // What is expected next. Beast is shown each part of the grammar when it is whole, and of a body what has come: its
    // versions differ in what they make of less.
    enum class Part { start_line, fields, body, chunk_header, chunk };

    static std::ptrdiff_t position(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }

    std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

    // One step of the parser; false where it needs more bytes.
    bool step() {
        if (!parser_) {
            while (unread().starts_with("\r\n")) // some clients send an empty line after a request: RFC 9112, 2.2
                begin_ += 2;
            if (begin_ == end_ || unread() == "\r")
                return false;
            parser_.emplace();
            parser_->header_limit(2 * header_limit); // measured here, so that the cutting of the bytes plays no part
            parser_->body_limit(body_limit);
            part_ = Part::start_line;
        }
        if (begin_ == end_)
            return false;
        switch (part_) {
        case Part::start_line: {
            const std::string_view window = unread().substr(0, header_limit);
            const auto end = window.find('\n');
            if (end == window.npos)
                return window.size() == header_limit && refuse(http::status::uri_too_long);
            header_left_ = header_limit - (end + 1);
            return put_whole(window.substr(0, end + 1), Part::fields);
        }
        case Part::fields: {
            const std::string_view window = unread().substr(0, header_left_);
            const auto end = window.starts_with("\r\n") ? 0 : window.find("\r\n\r\n");
            if (end == window.npos)
                return window.size() == header_left_ && refuse(http::status::request_header_fields_too_large);
            return put_whole(window.substr(0, end + (end == 0 ? 2 : 4)), Part::body) && check_header();
        }
        case Part::body:
            return put(unread()) > 0;
        case Part::chunk_header: {
            const std::string_view window = unread().substr(0, header_limit);
            const auto end = end_of_chunk_header(window);
            if (end == window.npos)
                return window.size() == header_limit && refuse(http::status::request_header_fields_too_large);
            return put_whole(window.substr(0, end), Part::chunk);
        }
        case Part::chunk:
            break;
        }
        const std::size_t used = put(unread().substr(0, chunk_left_));
        chunk_left_ -= used;
        if (chunk_left_ == 0)
            part_ = Part::chunk_header;
        return used > 0;
    }

    // Where the data of a chunk begin: behind the line with their size. After the last line, with size 0, come no data
    // but a trailer, and this is where it ends. npos where that has not arrived.
    std::size_t end_of_chunk_header(std::string_view window) {
        const std::size_t start = window.starts_with("\r\n") ? 2 : 0; // the line end behind the data before
        const auto end = window.find("\r\n", start);
        if (end == window.npos)
            return end;
        const auto read = std::from_chars(window.data() + start, window.data() + end, chunk_left_, 16);
        if (read.ec != std::errc{} || chunk_left_ > 0)
            return end + 2; // and Beast says whether it is right
        const auto trailer_end = window.find("\r\n\r\n", end);
        return trailer_end == window.npos ? trailer_end : trailer_end + 4;
    }

    std::size_t put(std::string_view bytes) {
        boost::beast::error_code error;
        const std::size_t used = parser_->put({bytes.data(), bytes.size()}, error);
        begin_ += used;
        if (error && error != http::error::need_more)
            refuse(status_for(error, bytes));
        else if (parser_->is_done())
            state_ = State::complete;
        return used;
    }

    bool put_whole(std::string_view bytes, Part next_part) {
        part_ = next_part;
        if (put(bytes) != bytes.size() && state_ != State::refused)
            refuse(http::status::bad_request);
        return true;
    }

    bool check_header() {
        if (state_ == State::refused)
            return true;
        const Request& header = parser_->get();
        const auto coding = header.find(http::field::transfer_encoding);
        if (coding != header.end() && (!parser_->chunked() || header.version() < 11))
            return refuse(http::status::bad_request); // nobody can say where its body ends: RFC 9112, 6.1 and 6.3
        if (coding != header.end() && !boost::beast::iequals(coding->value(), "chunked"))
            return refuse(http::status::not_implemented);
        if (header.version() >= 11 && header.count(http::field::host) != 1)
            return refuse(http::status::bad_request); // RFC 9112, 3.2
        expects_continue_ = header.version() >= 11 && !parser_->is_done() &&
                            boost::beast::iequals(header[http::field::expect], "100-continue");
        if (parser_->chunked())
            part_ = Part::chunk_header;
        return true;
    }

    static http::status status_for(boost::beast::error_code error, std::string_view bytes) {
        if (error == http::error::body_limit)
            return http::status::payload_too_large;
        if (error == http::error::bad_version && is_another_version(bytes))
            return http::status::http_version_not_supported;
        return http::status::bad_request;
    }

    // "... HTTP/2.0": well-formed, and not a version that this parser reads.
    static bool is_another_version(std::string_view start_line) {
        const auto digit = [](char c) { return c >= '0' && c <= '9'; };
        const auto name = start_line.rfind(" HTTP/");
        const std::string_view tail = name == start_line.npos ? "" : start_line.substr(name + 6);
        return tail.size() == 5 && digit(tail[0]) && tail[1] == '.' && digit(tail[2]) && tail.ends_with("\r\n");
    }

    bool refuse(http::status status) {
        state_ = State::refused;
        refusal_ = status;
        return true;
    }

    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0; // what has arrived and is not parsed
    std::optional<http::request_parser<http::string_body>> parser_;
    Part part_ = Part::start_line;
    std::size_t header_left_ = 0; // room for the fields
    std::size_t chunk_left_ = 0;  // data of a chunk that are still to come
    State state_ = State::incomplete;
    http::status refusal_{};
    bool expects_continue_ = false;
};
