#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A request or a response of HTTP/1.x: RFC 9110 says what its parts mean, RFC 9112 how it is written.
struct Message {
    std::string method, target;                              ///< Of a request, as they came.
    std::string path;                                        ///< That the target names; "*" of `OPTIONS *`.
    int status = 0;                                          ///< Of a response.
    int minor_version = 1;                                   ///< The x of HTTP/1.x.
    std::vector<std::pair<std::string, std::string>> fields; ///< Of the header: the name in lower case, the value.
    std::string body;                                        ///< Without the trailer, which is read and dropped.

    std::size_t count(std::string_view name) const; ///< How many lines of the header have this name, in lower case.

    /// The elements of a list, in lower case, from all the lines that have this name: RFC 9110, 5.6.1.
    std::vector<std::string> list(std::string_view name) const;

    /// Whether the connection may carry another message: RFC 9112, 9.3.
    bool keep_alive() const;
};

/// Cuts the bytes that arrive on a connection into messages, by the letter of RFC 9112: where a recipient may be strict
/// or lenient, it is strict. It knows no socket: put bytes into space(), call received(), then read() until it says
/// `incomplete`.
///
/// However the bytes are cut into pieces, the same messages and refusals come out (tests/fuzz/request_fuzz.cpp).
class MessageReader {
  public:
    static constexpr std::size_t header_limit = 8 * 1024; ///< Of a header; of a body's chunk extensions and trailer.
    static constexpr std::size_t body_limit = 64 * 1024;

    enum class Kind { request, response };
    enum class State { incomplete, complete, refused };

    explicit MessageReader(Kind kind) : kind_{kind} {}

    /// Room for the next bytes: never empty while read() says `incomplete`.
    std::span<char> space();
    void received(std::size_t size) { end_ += size; }

    /// Whether the bytes so far hold a whole message. Interim responses (1xx) are read over.
    State read();

    /// No more bytes will come: that is how the body of some responses ends.
    State end();

    const Message& message() const { return message_; } ///< What is known of it so far.
    int refusal() const { return refusal_; }            ///< The status that refuses it, where read() said `refused`.

    /// True once where the client waits for "100 Continue" before it sends the body.
    bool take_expectation() { return std::exchange(expects_continue_, false); }

    /// True where bytes are here that belong to no complete message.
    bool started() const { return part_ != Part::start_line || holds_more(); }

    /// True where bytes have arrived behind the complete message.
    bool holds_more() const { return begin_ != end_; }

    /// Forgets the complete message. What arrived behind it stays.
    void next();

  private:
    enum class Part { start_line, fields, body, body_to_end, chunk_size, chunk, chunk_end, trailer };

    std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }
    bool step();
    std::optional<std::string_view> line(std::size_t limit, int status_beyond);
    bool read_start_line(std::string_view line);
    bool read_target();
    bool read_status_line(std::string_view line);
    bool read_field(std::string_view line, bool keep);
    void end_header();
    void read_chunk_size(std::string_view line);
    void take_body();
    void refuse(int status);

    const Kind kind_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0; // what has arrived and is not read
    Message message_;
    Part part_ = Part::start_line;
    std::size_t header_left_ = header_limit;
    std::size_t body_left_ = 0; // of the body or the chunk
    State state_ = State::incomplete;
    int refusal_ = 0;
    bool expects_continue_ = false;
};
