#pragma once

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
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
    // What is expected next. Beast is shown the start line when it is whole, then the header fields when they are.
    enum class Part { start_line, fields, body };

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
            header_left_ = header_limit;
        }
        const std::string_view window = unread().substr(0, part_ == Part::body ? header_limit : header_left_);
        switch (part_) {
        case Part::start_line: {
            const auto end = window.find('\n');
            if (end == window.npos)
                return window.size() == header_left_ && refuse(http::status::uri_too_long);
            return put_whole(window.substr(0, end + 1), Part::fields);
        }
        case Part::fields: {
            const auto end = window.starts_with("\r\n") ? 0 : window.find("\r\n\r\n");
            if (end == window.npos)
                return window.size() == header_left_ && refuse(http::status::request_header_fields_too_large);
            return put_whole(window.substr(0, end + (end == 0 ? 2 : 4)), Part::body) && check_header();
        }
        case Part::body:
            break;
        }
        // A chunked body ends with five bytes, "0\r\n\r\n", so with fewer there is more to come. (Shown fewer twice,
        // Beast 1.74 fails an assertion.)
        if (parser_->chunked() && window.size() < 5)
            return false;
        boost::beast::error_code error;
        const std::size_t used = parser_->put({window.data(), window.size()}, error);
        begin_ += used;
        if (error && error != http::error::need_more)
            return refuse(status_for(error, window));
        if (parser_->is_done())
            state_ = State::complete;
        else if (used == 0)
            return window.size() == header_limit && refuse(http::status::request_header_fields_too_large);
        return true;
    }

    bool put_whole(std::string_view bytes, Part next_part) {
        boost::beast::error_code error;
        const std::size_t used = parser_->put({bytes.data(), bytes.size()}, error);
        if ((error && error != http::error::need_more) || used != bytes.size())
            return refuse(status_for(error, bytes));
        begin_ += used;
        header_left_ -= used;
        part_ = next_part;
        return true;
    }

    bool check_header() {
        if (state_ == State::refused)
            return true;
        const Request& header = parser_->get();
        const auto coding = header.find(http::field::transfer_encoding);
        if (coding != header.end() && !boost::beast::iequals(coding->value(), "chunked"))
            return refuse(http::status::not_implemented);
        if (header.version() >= 11 && header.count(http::field::host) != 1)
            return refuse(http::status::bad_request); // RFC 9112, 3.2
        expects_continue_ = header.version() >= 11 && !parser_->is_done() &&
                            boost::beast::iequals(header[http::field::expect], "100-continue");
        if (parser_->is_done())
            state_ = State::complete;
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
    std::size_t header_left_ = header_limit;
    State state_ = State::incomplete;
    http::status refusal_{};
    bool expects_continue_ = false;
};
