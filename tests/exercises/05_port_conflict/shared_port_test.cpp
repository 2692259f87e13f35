#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <string>
#include <vector>

using namespace grader;

namespace {

std::vector<Address> listeners_on(std::uint16_t port) {
    std::vector<Address> addresses;
    for (const SocketRow& row : grader::kernel_sockets(Protocol::tcp))
        if (row.local.port == port && row.state == "LISTEN")
            addresses.push_back(row.local);
    return addresses;
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const Address address{"127.0.0.1", port};
    const unsigned workers = grader.draw(2, 4);
    const std::string on_port = "on port " + std::to_string(port);
    const Launch launch{.arguments = {std::to_string(workers)}, .environment = {{"PORT", std::to_string(port)}}};

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", with the port in PORT",
                 "The program");
    Program program = grader.start(launch);
    const Address says = program.ready();
    grader.expect(says == address, "it says " + to_string(says) + ", and PORT asks for " + to_string(address));

    grader.check(
        "each worker has a listening socket of its own",
        "as many sockets in the state LISTEN on 127.0.0.1:PORT as there are workers, once the ready line is there",
        "The program");
    const auto listeners = listeners_on(port);
    grader.did("asked the kernel who listens " + on_port + ": " + std::to_string(listeners.size()) + " sockets");
    grader.expect(listeners.size() == workers, std::to_string(workers) + " workers were asked for, and " +
                                                   std::to_string(listeners.size()) + " sockets listen " + on_port);
    for (const Address& listener : listeners)
        grader.expect(listener == address, "one listens on " + to_string(listener));

    grader.check("every client is told who serves it",
                 "the line \"worker K\", with K from 1 to the number of workers, and then the end of the stream",
                 "The program");
    constexpr std::size_t clients = 64; // a worker whom none of them reaches is as rare as 1 in 25 million runs
    std::vector<unsigned> told;
    for (std::size_t i = 0; i < clients; ++i) {
        Client client = grader.connect(address);
        const std::string line = client.read_to_end();
        unsigned worker = 1;
        while (worker <= workers && line != "worker " + std::to_string(worker) + "\n")
            ++worker;
        grader.expect(worker <= workers, "one of " + std::to_string(workers) + " workers said " + in_quotes(line));
        told.push_back(worker);
    }

    grader.check("every worker gets some of the clients",
                 "each number from 1 to the number of workers, among 64 clients", "What the kernel did");
    for (unsigned worker = 1; worker <= workers; ++worker)
        grader.expect(std::ranges::find(told, worker) != told.end(),
                      "none of 64 clients was told \"worker " + std::to_string(worker) + "\"");

    grader.check("the kernel deals the clients out, not the program",
                 "workers in the order that the kernel's hash of the addresses and ports gives: not each in turn",
                 "What the kernel did");
    bool in_turn = true;
    for (std::size_t i = workers; i < told.size(); ++i)
        in_turn = in_turn && told[i] == told[i - workers];
    grader.expect(!in_turn, "the clients were told 1 to " + std::to_string(workers) +
                                " in turn, all 64 of them: the program has counted");

    grader.check("it ends on SIGTERM with status 0, with all its workers", "status 0, and nobody listens on the port",
                 "Run it");
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
    grader.expect(listeners_on(port).empty(), "a socket still listens " + on_port);

    grader.check("where somebody has the port and does not share it, it ends with status 1",
                 "status 1, no ready line, and the kernel's reason on standard error", "What the kernel did");
    const std::uint16_t taken = grader.fresh_port();
    const Client holder = grader.listen("127.0.0.1", taken);
    Program refused =
        grader.start({.arguments = {std::to_string(workers)}, .environment = {{"PORT", std::to_string(taken)}}});
    const auto lines = refused.lines_to_the_end();
    const int how = refused.exit_status();
    grader.expect(how == 1, "it ended with " + status_in_words(how));
    grader.expect(lines.empty(), "it printed " + in_quotes(refused.printed()));
    grader.expect(gives(refused.complained(), EADDRINUSE), "the kernel's answer was " + in_words(EADDRINUSE) +
                                                               ", and on standard error is " +
                                                               in_quotes(refused.complained()));
}
