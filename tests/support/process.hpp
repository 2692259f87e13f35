#pragma once

#include "common/socket_table.hpp"
#include "tests/support/client.hpp"
#include "tests/support/launch.hpp"
#include "tests/support/wait.hpp"

#include <map>
#include <optional>
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

/// A child process with pipes for its standard streams. Every wait ends after `patience` in give_up(). The child
/// dies with the test: it is killed, with its process group, and reaped.
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

    /// Waits for the child's end, and for the end of its output. The exit status, or 128 + the number of the signal.
    int wait_for_exit();

    const std::string& output() const { return output_; }         ///< What came on standard output so far.
    const std::string& complaints() const { return complaints_; } ///< What came on standard error so far.

    /// What the child has open, as proc(5) names it, by descriptor; nothing on systems without /proc.
    std::map<int, std::string> descriptors() const;

    /// The sockets of one protocol that the child holds, as the kernel's tables have them.
    std::vector<common::SocketRow> sockets(common::Protocol protocol) const;

    /// The child's descriptor `number`, duplicated into the test: the same socket, for getsockopt(2) to ask about
    /// (pidfd_getfd(2)). Skips the test where the system does not allow it.
    Client borrow(int number) const;
    /// The same, for the socket in that row of the kernel's table.
    Client borrow(const common::SocketRow& row) const;

    /// Takes the descriptors from this number on away from the running child.
    void limit_descriptors(unsigned from) const;

  private:
    /// Waits for output and takes it; false when both streams have ended. More than 4 MB is a reason to give up.
    bool read_more(std::chrono::milliseconds limit = patience);
    std::string seen() const;
    pid_t pid_ = -1;
    int input_ = -1, out_ = -1, err_ = -1;
    std::optional<int> status_;
    std::size_t searched_ = 0;
    std::string output_, complaints_;
};

} // namespace support
