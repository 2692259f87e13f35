#pragma once

#include "http_message.hpp"

#include <asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

struct Response {
    int status = 200;
    std::string_view type = "text/plain; charset=utf-8";
    std::string body{};
    std::string_view allow{}; ///< The methods that would do, with status 405.
};

class HttpConnection;

/// What all connections of a service share.
struct HttpSettings {
    std::chrono::milliseconds timeout; ///< For a request to arrive whole, for an answer to be taken, for silence.

    /// Answers a request by connection->answer(), at once or later.
    std::function<void(const Message&, const std::shared_ptr<HttpConnection>&)> handle;

    /// A connection has ended.
    std::function<void(const std::shared_ptr<HttpConnection>&)> closed;
};

/// One client's connection: reads requests, has them answered in the order in which they came, and writes a line to
/// standard output for each. It lives as long as an operation on its socket is under way.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
  public:
    using Clock = std::chrono::steady_clock;

    HttpConnection(asio::ip::tcp::socket socket, const HttpSettings& settings);

    void start();
    void answer(const Response& response); ///< The answer to the request that was handled last.
    void check_deadline(Clock::time_point now);
    void finish(); ///< Answers what has been sent; closes when no more has come for a second.

  private:
    void read();
    void on_read(asio::error_code error, std::size_t size);
    void nothing_more();
    void serve();
    void append(const Response& response, bool keep_alive);
    void write();
    void linger();
    void discard();
    void close();
    bool more_has_arrived();

    asio::ip::tcp::socket socket_;
    const HttpSettings& settings_;
    std::string peer_; // for the log
    MessageReader reader_{MessageReader::Kind::request};
    std::string out_; // answers that are to be written
    Clock::time_point deadline_{}, linger_ends_{};
    enum class State { reading, answering, writing, lingering } state_ = State::reading;
    bool started_ = false;   // the deadline counts from the first byte of a request, not from the last
    bool in_serve_ = false;  // answer() is called by what serve() calls
    bool last_ = false;      // the answers in out_ are the last
    bool timed_out_ = false; // the deadline passed while reading
    std::optional<Clock::time_point> last_call_; // the service stops: until when requests may still come
};
