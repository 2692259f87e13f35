#pragma once

#include "common/socket_table.hpp"
#include "tools/harness/client.hpp"
#include "tools/harness/launch.hpp"
#include "tools/harness/wait.hpp"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace support {

/// Takes the thing away from this process and all that it starts (seccomp(2), capabilities(7)). Linux only.
void do_without(Lacking lacking);

/// The path of a program under test: in the directory that CTest names in PORTLAB_PROGRAMS.
std::string program(const std::string& name);

/// The path of a tool of the system, such as curl; skips the running test where it is not installed.
std::string installed(const std::string& tool);

/// The descriptor of another process, duplicated into this one (pidfd_getfd(2)); -1 and the errno where that is
/// refused.
int duplicate(pid_t process, int descriptor, int& error);

/// Why that file cannot be started as a program, in a sentence: it is not there, not executable, or its interpreter is
/// not there. Empty where nothing speaks against it; execve(2).
std::string why_it_cannot_start(const std::string& path);

/// A program that cannot be started; `what()` is that sentence.
struct CannotStart : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A child process with pipes for its standard streams. Every wait ends after `patience` in give_up(). The child
/// dies with the test: it is killed, with its process group, and reaped. CannotStart where execve(2) refuses it.
class Process {
  public:
    explicit Process(const std::string& path, const Launch& launch = {});
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }

    /// Waits for the next line of standard output; nothing at the end of the output.
    std::optional<std::string> next_line(std::chrono::milliseconds limit = patience);

    /// Waits for a line of standard output that contains `text`, from the last line so found onwards; returns it.
    std::string wait_for_line(std::string_view text);

    void type(std::string_view text); ///< To the child's standard input.
    void close_input();
    void close_output(); ///< Nobody reads the child's standard output any more.
    void send_signal(int number);

    /// Waits for the child's end, and for the end of its output, which what it started may hold open. The exit status,
    /// or 128 + the number of the signal.
    int wait_for_exit();

    const std::string& output() const { return output_; }         ///< What came on standard output so far.
    const std::string& complaints() const { return complaints_; } ///< What came on standard error so far.

    /// What the child and all that it started have open, as proc(5) names it, the child's own first; a socket that
    /// several hold is there once. Nothing on systems without /proc.
    struct Held {
        pid_t process;
        int descriptor;
        std::string what;
    };
    std::vector<Held> descriptors() const;

    /// The sockets of one protocol that they hold, as the kernel's tables have them; see support::kernel_sockets.
    std::vector<common::SocketRow> sockets(common::Protocol protocol) const;

    /// The descriptor `number` of the child, or of one that it started, duplicated into the test: the same socket, for
    /// getsockopt(2) to ask about (pidfd_getfd(2)). Skips the test where the system does not allow it.
    Client borrow(int number) const;
    /// The same, for the socket in that row of the kernel's table.
    Client borrow(const common::SocketRow& row) const;

    /// Takes the descriptors from this number on away from the running child.
    void limit_descriptors(unsigned from) const;

  private:
    /// Waits for output and takes it; false when both streams have ended. More than 4 MB is a reason to give up.
    bool read_more(std::chrono::steady_clock::time_point deadline);
    Client borrow(const Held& held) const;
    std::string seen() const;
    pid_t pid_ = -1;
    int input_ = -1, out_ = -1, err_ = -1, end_ = -1; // the last is readable when it has ended
    std::optional<int> status_;
    std::size_t filling_ = 0; // so much of the output is the test's own: Launch::full_output
    std::size_t searched_ = 0;
    std::string output_, complaints_;
};

} // namespace support
