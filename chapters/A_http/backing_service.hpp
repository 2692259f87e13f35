#pragma once

#include <asio.hpp>
#include <chrono>
#include <functional>
#include <string>

/// Fetches the page `/` of the HTTP service at `server`. Calls `done` once, within `timeout`: with status 200 and the
/// page, with 504 where the service was too slow, or with 502 and the reason where there is no page.
void fetch(asio::io_context& io, const asio::ip::tcp::endpoint& server, std::chrono::milliseconds timeout,
           std::function<void(int status, std::string text)> done);
