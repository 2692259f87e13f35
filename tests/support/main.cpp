#include "tests/support/network.hpp"

#include <catch2/catch_session.hpp>
#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    support::enter_private_network();
    return Catch::Session().run(argc, argv);
}
