#pragma once

#include "common/socket_table.hpp"
#include "tools/harness/client.hpp"
#include "tools/harness/launch.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The judge of an exercise. A test source defines judge(); main() is in grader_main.cpp:
//
//   any_free_port_test PROGRAM                   0: right. 1: not right, and the story of why. 2: PROGRAM cannot be
//                                                started. 4: not started, or the machine lacks something. With
//                                                PORTLAB_STRICT set, not started is 1.
//   any_free_port_test PROGRAM --verdict FILE    the same, and writes it to the file: tools/judge/verdict.hpp
//       ... --sandbox COMMAND ...                of a program that nobody trusts: tools/harness/sandbox.hpp
//       ... --user NUMBER                        weaker, if no sandbox can be made: as that user
//   any_free_port_test PROGRAM --checks          for a solution: the same, and every check, each of which must refer
//                                                to a section of the text and be failed by a wrong answer
//   any_free_port_test PROGRAM --stub            0 where it is not started
//   any_free_port_test PROGRAM --wrong SOURCE    0 where it is rejected as the head of SOURCE says:
//                                                    // The misconception, in words.
//                                                    // Fails: the name of the check that it must fail
//                                                    // Seen: words of what is observed then
//
// PROGRAM is any executable file, in any language. It runs in a network of its own if the system allows that. All
// waits together end before CTest's limit of time, with a story; what was started ends with the judge
// (tools/harness/guard.hpp).
namespace support {
class Process;
}

namespace grader {

using common::Protocol;
using common::SocketRow;
using support::Address;
using support::kernel_socket;
using support::kernel_sockets;
using support::Lacking;
using support::Launch;

/// The program under judgement, running. Every call is a step of the story, and every wait ends: when `patience` is
/// over, or as soon as the program sleeps in such a way that nothing can wake it any more. Either fails the check.
class Program {
  public:
    explicit Program(support::Process* process) : process_{process} {}

    Address ready();                             ///< Waits for the line that begins with `listening on ADDRESS:PORT`.
    std::string line();                          ///< Waits for the next line of standard output.
    std::string wait_for_line(std::string_view); ///< Waits for a line that contains the text.
    std::vector<std::string> lines_to_the_end(); ///< Waits for its end; the lines that were not asked for before.
    int exit_status();                           ///< Waits for its end; 128 + the number of a signal that killed it.
    void type(std::string_view);                 ///< To its standard input.
    void close_input();
    void send_signal(int number);
    const std::string& printed() const;    ///< On standard output so far.
    const std::string& complained() const; ///< On standard error so far.
    pid_t pid() const;
    pid_t number() const; ///< For itself and for other programs: another one if they are in a sandbox.

    /// The sockets that it holds, or a process that it started, by the kernel's word.
    std::vector<SocketRow> sockets(Protocol) const;
    /// Its one listening TCP socket; fails the check if there is none, or another.
    SocketRow listener() const;
    /// Its descriptor, duplicated: for getsockopt(2). See support::Process::borrow.
    support::Client borrow(int number) const;
    /// The same, for the socket in that row of the kernel's table.
    support::Client borrow(const SocketRow& row) const;
    /// Its descriptors that are sockets of any kind, with or without a port, in order, and those of the processes that
    /// it started; a socket that several hold is there once. proc(5).
    std::vector<int> socket_descriptors() const;

    void limit_descriptors(unsigned from); ///< From now on it may have no descriptor from this number on; prlimit(2).
    /// Until it has done all that there was to do: it sleeps, with all that it started, or it has ended. One that wakes
    /// up on a clock of its own is given 0.2 s. So what it does wrong a moment later is seen by the next step.
    void settle() const;

    /// Fails the check unless it still runs, once it has done all that there was to do.
    void expect_running() const;

    /// Waits for a line that contains the text; nothing if the program ends instead.
    std::optional<std::string> line_or_end(std::string_view text);
    /// Waits until it has accepted the client's connection, has read all that the client sent, and sleeps again.
    void take_all_of(const class Client& client) const;
    /// Waits until nobody listens at the address any more: what a signal or a command makes of a server.
    void stop_listening_at(const Address& address) const;

  private:
    std::string next(const std::function<bool(const std::string&)>& wanted); // line
    support::Process* process_;                                              // lives until the verdict
};

/// A client, or any other socket of the grader's own; its calls are steps of the story too.
class Client {
  public:
    Client(std::string name, support::Client socket);
    Address local() const { return socket_.local(); }
    Address peer() const { return socket_.peer(); }
    void send(std::string_view bytes);
    std::string read_line();
    std::string read(std::size_t size);
    std::string read_to_end();
    std::string take(); ///< What has come and has not been read; waits for nothing.
    bool reset_by_peer();
    void shut_down_sending();
    void close();
    Client accept(); ///< For a listening socket.
    int descriptor() const { return socket_.descriptor(); }
    void break_off(); ///< Closes with a reset, which loses what is under way; socket(7), SO_LINGER.
    void send_datagram(std::string_view bytes); ///< For a UDP socket; no bytes at all are a datagram, too.
    std::string read_datagram();
    const std::string& name() const { return name_; }
    /// Sends, and reads until the connection ends, in whatever way: what came, and how it ended (errno; 0: closed).
    std::pair<std::string, int> send_and_read_to_any_end(std::string_view bytes);

  private:
    std::string name_;
    support::Client socket_;
};

class Grader {
  public:
    /// From here on this must hold; `name` is a sentence about the program, `expected` says how it shows, and `section`
    /// is the heading in the chapter's text that explains it.
    void check(std::string name, std::string expected, std::string section);
    /// Fails the check unless it holds; `observed` is a sentence about the program, and has names for numbers.
    void expect(bool holds, const std::string& observed);
    [[noreturn]] void fail(const std::string& observed);
    /// A step of the story that no call below tells of itself.
    void did(const std::string& step);
    /// All that `part` does is this one step, unless it fails: then the story has the steps.
    void as_one_step(const std::string& step, const std::function<void()>& part);

    /// Starts the program.
    Program start(const Launch& launch = {});
    /// Starts something else, for the scene; it is told of as `what`.
    Program start_other(const std::string& what, const std::string& path, const Launch& launch = {});

    /// Connects; a refusal fails the check.
    Client connect(const Address& server, const Address& source = {});
    /// Connects and closes; the errno, or 0.
    int try_to_connect(const Address& server);
    /// Many clients, each of which connects and resets its connection at once: faster than any program accepts, so that
    /// most are still in the queue then, or all. Half of them end their sending before, so that a write to them does
    /// not give ECONNRESET, but EPIPE, with SIGPIPE. Nothing is stopped for it: that would end calls with EINTR;
    /// signal(7).
    void reset_in_the_queue(const Address& server);
    /// A listening socket of the grader's, on a port that the kernel chooses unless one is given.
    Client listen(const std::string& ip, std::uint16_t port = 0);

    /// A port that nobody uses and nobody can foresee; each call gives another.
    std::uint16_t fresh_port();
    /// The ports from which the kernel chooses; ip(7).
    std::pair<std::uint16_t, std::uint16_t> ephemeral_range();
    /// A number from `low` to `high`, another in each run.
    unsigned draw(unsigned low, unsigned high);

    /// Checks that a program to which the system refuses its socket tells so, and ends with status 1.
    void check_refusal(Launch launch = {});
    /// Checks that a server which was stopped while it had clients can have its port again at once.
    void check_restart(const Address& address, Launch launch = {});

    /// Makes the last check of all, if this machine has what it needs; elsewhere the verdict says that it was left
    /// out.
    void where_possible(const std::function<void()>& part);

    /// What follows needs nothing of what was done before: the story begins here, without the programs that have ended.
    void new_scene();
    /// What cannot be tried on this machine: the rest is judged, and a wrong answer that nothing else rejects is left
    /// out.
    void not_here(const std::string& reason);
    /// Whether the network is the grader's own: then a port is free unless somebody in the story has it.
    bool alone();
    /// A UDP client on a port of its own, which hears of `server` and nobody else.
    Client udp_client(const Address& server, const std::string& ip = "127.0.0.1");
};

/// "ECONNREFUSED (Connection refused)"; "no error".
std::string in_words(int error);
/// Whether the text gives the system's reason: its words in any case, "address already in use", or its name,
/// EADDRINUSE, alone or among others.
bool gives(std::string_view text, int error);
/// "status 0", "status 139: killed by signal 11 (Segmentation fault)".
std::string status_in_words(int status);
/// In quotes, of a limited length, and fit for a terminal: common::quoted.
std::string in_quotes(std::string_view text);

/// main(): judges, by what `judge` checks, the program that the arguments name.
int grade(int argc, char** argv, void (*judge)(Grader&));

/// What an exercise's test defines: it starts the program and checks, from the plainest demand to the finest.
void judge(Grader& grader);

} // namespace grader
