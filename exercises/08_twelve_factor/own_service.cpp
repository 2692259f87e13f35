// A greeting service of twelve factors: it takes all that may differ from its environment, exports itself by binding
// PORT, logs a line for each answer, keeps nothing and, told to end, finishes what it has begun.
#include "common/config.hpp"
#include "exercises/08_twelve_factor/http.hpp"
#include "exercises/begin_here.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

using asio::ip::tcp;

struct Answer {
    std::string status, body;
    std::string fields{}; // further lines of the header
};

Answer answer_to(const http::Request& request, const std::string& greeting) {
    if (request.target == "/greet") {
        if (request.method == "POST")
            return {"200 OK", greeting + ", " + request.body + "\n"};
        return {"405 Method Not Allowed", "This is for POST.\n", "Allow: POST\r\n"};
    }
    if (request.target.starts_with("/greet/")) {
        if (request.method == "GET")
            return {"200 OK", greeting + ", " + request.target.substr(7) + "\n"};
        return {"405 Method Not Allowed", "This is for GET.\n", "Allow: GET\r\n"};
    }
    return {"404 Not Found", "No such page.\n"};
}

int main() {
    begin_here(); // Delete this line and write your program.
}
