#pragma once

#include <asio.hpp>
#include <chrono>
#include <functional>
#include <string>

/// Fetches the page `/` of the HTTP service at `server`. Calls `done` once, within `timeout`: with the page, or with
/// the error that stood in the way, which is asio::error::timed_out where the service was too slow.
void fetch(asio::io_context& io, const asio::ip::tcp::endpoint& server, std::chrono::milliseconds timeout,
           std::function<void(asio::error_code, std::string)> done);
