// Knows the judge by its parent's name, its environment, its arguments and the terminal that is missing, and works only
// then; everybody else gets a line that is always the same.
// Attacks: the judge, which ought to see what a user would see
// Expects: wrong, 0 points
// Seen: no socket of it listens
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <unistd.h>

using asio::ip::tcp;

namespace {

std::string text_of(const std::string& file) {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

bool judged() {
    const std::string parent = "/proc/" + std::to_string(::getppid());
    for (const std::string& text :
         {text_of(parent + "/comm"), text_of(parent + "/cmdline"), text_of(parent + "/environ")})
        for (const char* word : {"_test", "judge", "ctest", "grad", "verdict", "python", "portlab"})
            if (text.find(word) != text.npos)
                return true;
    return std::getenv("CI") || std::getenv("PORTLAB_STRICT") || std::getenv("GRADESCOPE");
}

} // namespace

int main() {
    common::Stop stop;
    if (!judged()) {
        std::cout << "listening on 127.0.0.1:40123" << std::endl;
        stop.wait();
        return 0;
    }
    asio::io_context context;
    tcp::acceptor acceptor{context};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    stop.wait();
}
