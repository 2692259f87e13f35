#include "tests/support/network.hpp"
#include "tests/support/process.hpp"

#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>
#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    support::give_up = [](const std::string& story) { FAIL(story); };
    support::leave_out = [](const std::string& reason) { SKIP(reason); };
    support::enter_private_network();
    return Catch::Session().run(argc, argv);
}
