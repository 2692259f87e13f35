#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#ifdef __linux__
#include <linux/filter.h>
#endif

using namespace grader;

namespace {

std::vector<SocketRow> listeners_on(std::uint16_t port) {
    auto rows = grader::kernel_sockets(Protocol::tcp);
    std::erase_if(rows, [port](const SocketRow& row) { return row.local.port != port || row.state != "LISTEN"; });
    return rows;
}

Launch with_workers(unsigned workers, std::optional<std::string> port) {
    return {.arguments = {std::to_string(workers)}, .environment = {{"PORT", std::move(port)}}};
}

// The number of the worker that serves a client; it has said its line and closed.
unsigned served(Grader& grader, const Address& server, unsigned workers, const Address& source = {}) {
    Client client = grader.connect(server, source);
    const std::string line = client.read_to_end();
    unsigned worker = 1;
    while (worker <= workers && line != "worker " + std::to_string(worker) + "\n")
        ++worker;
    grader.expect(worker <= workers, "one of " + std::to_string(workers) + " workers said " + in_quotes(line));
    return worker;
}

// From now on the kernel gives every client to the listener that came as number `index` into the group, instead of to
// one that a hash finds; socket(7), SO_ATTACH_REUSEPORT_CBPF. False if the system does not allow that.
bool deal_to(const support::Client& listener, unsigned index) {
#ifdef __linux__
    sock_filter always[] = {{BPF_RET | BPF_K, 0, 0, index}};
    const sock_fprog program{1, always};
    return ::setsockopt(listener.descriptor(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
#else
    return listener.descriptor() < 0 && index == 0;
#endif
}

void expect_listeners(Grader& grader, const Address& address, unsigned workers) {
    const auto listeners = listeners_on(address.port);
    const std::string on_port = " on port " + std::to_string(address.port);
    grader.did("asked the kernel who listens" + on_port + ": " + std::to_string(listeners.size()) + " sockets");
    grader.expect(listeners.size() == workers, std::to_string(workers) + " workers were asked for, and " +
                                                   std::to_string(listeners.size()) + " sockets listen" + on_port);
    for (const SocketRow& listener : listeners)
        grader.expect(listener.local == address, "one listens on " + to_string(listener.local));
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const Address address{"127.0.0.1", port};
    constexpr unsigned workers = 3, most = 16;
    const Launch launch = with_workers(workers, std::to_string(port));

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", with the port in PORT",
                 "Exercises");
    Program program = grader.start(launch);
    const Address says = program.ready();
    grader.expect(says == address, "it says " + to_string(says) + ", and PORT asks for " + to_string(address));

    grader.check(
        "each worker has a listening socket of its own",
        "as many sockets in the state LISTEN on 127.0.0.1:PORT as there are workers, once the ready line is there",
        "When may two sockets have one port?");
    program.settle();
    expect_listeners(grader, address, workers);

    grader.check("every client is told who serves it",
                 "the line \"worker K\", with K from 1 to the number of workers, and then the end of the stream",
                 "Exercises");
    constexpr std::size_t clients = 64; // a worker whom none of them reaches is as rare as 1 in 25 million runs
    std::vector<unsigned> told;
    for (std::size_t i = 0; i < clients; ++i)
        told.push_back(served(grader, address, workers));

    grader.check("every worker gets some of the clients",
                 "each number from 1 to the number of workers, among 64 clients",
                 "Who gets the client when two listen?");
    for (unsigned worker = 1; worker <= workers; ++worker)
        grader.expect(std::ranges::find(told, worker) != told.end(),
                      "none of 64 clients was told \"worker " + std::to_string(worker) + "\"");

    grader.check("the kernel deals the clients out, not the program",
                 "the same worker for a client that calls again from the same port: the kernel's hash of the addresses "
                 "and ports is the same",
                 "Who gets the client when two listen?");
    for (int i = 0; i < 24; ++i) {
        const Address source{"127.0.0.1", grader.fresh_port()};
        const unsigned one = served(grader, address, workers, source), other = served(grader, address, workers, source);
        grader.expect(one == other, "a client that called twice from " + to_string(source) + " was told \"worker " +
                                        std::to_string(one) + "\" and \"worker " + std::to_string(other) + "\"");
    }

    grader.check("it closes each connection, and waits for no client",
                 "hundreds of clients that do not close are served, and no socket of theirs is left with the program",
                 "Exercises");
    program.settle();
    const std::size_t before = sockets_held(program);
    std::vector<Client> lingering;
    many_times(grader, hundreds, "clients were served, and did not close", [&] {
        lingering.push_back(grader.connect(address));
        lingering.back().read_to_end();
    });
    expect_sockets(grader, program, before, "all clients have been served, and");

    grader.check("each worker serves on when a client breaks off", "a line for each client that comes then",
                 "Exercises");
    break_off_in_the_queue(grader, address);
    take_the_queue(program, address);
    program.expect_running();
    std::set<unsigned> alive;
    many_times(grader, clients, "clients were served", [&] { alive.insert(served(grader, address, workers)); });
    grader.expect(alive.size() == workers, "of " + std::to_string(workers) + " workers " +
                                               std::to_string(alive.size()) + " serve clients after that");

    grader.check("it prints one line", "the ready line alone on standard output", "Exercises");
    end(grader, program, Ending::enter);
    expect_output(grader, program, {"listening on " + to_string(address)});

    const std::uint16_t full = grader.fresh_port();
    check_ready_line(grader, with_workers(workers, std::to_string(full)), "Exercises", [full](const Program&) {
        const std::size_t listen = listeners_on(full).size();
        return listen == workers ? "" : "only " + std::to_string(listen) + " of its workers listen";
    });

    check_endings(grader, with_workers(workers, std::to_string(grader.fresh_port())), "Exercises");

    grader.check("each of 16 workers serves the clients of its own socket",
                 "if the kernel is told to give all clients to one of the sockets, the same worker for all; and "
                 "another one for each socket",
                 "Who gets the client when two listen?");
    const std::uint16_t another = grader.fresh_port();
    const Address many{"127.0.0.1", another};
    Program crowd = grader.start(with_workers(most, std::to_string(another)));
    crowd.ready();
    expect_listeners(grader, many, most);
    grader.where_possible([&] {
        const support::Client listener = crowd.borrow(listeners_on(another).front());
        std::vector<unsigned> numbers;
        for (unsigned index = 0; index < most; ++index) {
            if (!deal_to(listener, index))
                support::leave_out("a kernel that deals clients out as it is told");
            grader.did("told the kernel to give all clients to socket " + std::to_string(index + 1) + " of 16");
            const unsigned number = served(grader, many, most), again = served(grader, many, most);
            grader.expect(number == again, "clients of one and the same socket were told \"worker " +
                                               std::to_string(number) + "\" and \"worker " + std::to_string(again) +
                                               "\"");
            grader.expect(std::ranges::find(numbers, number) == numbers.end(),
                          "clients of two sockets were told \"worker " + std::to_string(number) + "\"");
            numbers.push_back(number);
        }
    });
    end(grader, crowd, Ending::enter);

    grader.check(
        "if the kernel chooses the port, all workers share it",
        "with PORT=0, and without PORT, a line with the port that the kernel chose, on which all of them listen",
        "When may two sockets have one port?");
    for (const auto& none : {std::optional<std::string>{"0"}, std::optional<std::string>{}}) {
        Program any = grader.start(with_workers(2, none));
        const Address chosen = any.ready();
        grader.expect(chosen.ip == "127.0.0.1" && chosen.port != 0, "it says " + to_string(chosen));
        expect_listeners(grader, chosen, 2);
        end(grader, any, Ending::enter);
    }

    grader.check("one worker is enough", "a listening socket, and \"worker 1\" for each client", "Exercises");
    const std::uint16_t lonely = grader.fresh_port();
    Program alone = grader.start(with_workers(1, std::to_string(lonely)));
    alone.ready();
    expect_listeners(grader, {"127.0.0.1", lonely}, 1);
    for (int i = 0; i < 3; ++i)
        served(grader, {"127.0.0.1", lonely}, 1);

    grader.check("if somebody has the port and does not share it, it ends with status 1",
                 "status 1, no ready line, and the kernel's reason on standard error",
                 "When may two sockets have one port?");
    const std::uint16_t taken = grader.fresh_port();
    const Client holder = grader.listen("127.0.0.1", taken);
    Program refused = grader.start(with_workers(workers, std::to_string(taken)));
    const auto ready = refused.line_or_end("listening on ");
    grader.expect(!ready, "it says " + in_quotes(ready.value_or("")));
    expect_failure(grader, refused);
    expect_reason(grader, refused, EADDRINUSE);
}
