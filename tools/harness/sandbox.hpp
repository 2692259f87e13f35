#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <sys/types.h>
#include <vector>

// Where programs run that nobody trusts. The test stays outside; every program that it starts from then on is a child
// of its own all the same, so that it has the child's number, its descriptors and its end from the kernel
// (namespaces(7)).
namespace support {

/// Starts the sandbox: bubblewrap with its options, which gets `program` as descriptor 4 and a filter of
/// system calls as 5, tells at descriptor 3 which
/// process is the first inside, and whose first process sends back what comes: then all is set up. It has the network
/// of the test, and beside it a directory of the test's, TMPDIR, of a limited size. LeftOut where it does not come up.
void enter_sandbox(const std::vector<std::string>& command, const std::string& program);

/// Weaker: programs run as that user where the test is root, without new privileges, with limits, and that is all.
void run_as(uid_t user);

bool confined();

/// The processes of the sandbox itself.
const std::vector<pid_t>& keepers();

/// What all confined programs may have together.
struct Most {
    std::size_t memory;      ///< Bytes. What several share counts once, and what is in files not at all.
    std::size_t threads;     ///< A process has at least one.
    std::size_t descriptors; ///< As large as the tables are: a process has room for 64 at least.
};

/// What they have too much of, in words, or nothing; `elsewhere`: bytes that the kernel keeps for them.
std::string greed(const Most& most, std::size_t elsewhere);

/// Kills all confined programs.
void kill_all_confined();

/// Ends whatever runs in the sandbox.
void leave_sandbox();

/// The path by which a confined program is started.
std::string path_inside(const std::string& path);

/// The number that the process has for itself and for its like, as from getpid(2): another one in a sandbox.
pid_t number_inside(pid_t pid);

/// One start of a program in the sandbox; a plain fork(2) where there is none.
class Entrance {
  public:
    Entrance();
    ~Entrance();
    Entrance(const Entrance&) = delete;
    Entrance& operator=(const Entrance&) = delete;
    void enter();               ///< In the child of fork(2): it goes on inside, as another child of the same parent.
    pid_t entered(pid_t child); ///< In the parent: the child that is inside.

  private:
    int read_ = -1, write_ = -1;
};

/// In the child, as the last thing before exec: takes away what it does not need, for good.
void give_up_privileges();

} // namespace support
