#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace loop {

/// A command that runs, in a process group of its own. It gets SIGTERM when this process dies. Processes whose parent
/// has ended become children of this one (prctl(2), PR_SET_CHILD_SUBREAPER).
class Command {
  public:
    enum class Complaints { with_the_output, apart };
    /// Starts it: the program is looked for in PATH. Throws std::system_error.
    explicit Command(const std::vector<std::string>& words, Complaints complaints = Complaints::with_the_output);
    ~Command(); ///< Ends it and its process group, where it still runs: SIGTERM, and SIGKILL if that does not help.
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    pid_t pid() const { return pid_; }     ///< Its number; -1 once its end has been waited for.
    int output() const { return output_; } ///< To read from, until the end.
    std::string complaints() const;        ///< What came on standard error so far, if that is kept apart.
    int wait();                            ///< For its end: the exit status, or 128 + the number of a signal.
    std::optional<int> ended();            ///< The same, or nothing while it runs.

  private:
    pid_t pid_ = -1;
    int output_ = -1;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> complaints_{nullptr, std::fclose};
};

/// Its end kills all that commands have started since it was made and left behind.
class Orphanage {
  public:
    Orphanage();
    ~Orphanage();
    Orphanage(const Orphanage&) = delete;
    Orphanage& operator=(const Orphanage&) = delete;

  private:
    std::vector<pid_t> before_; ///< Processes that are none of its business.
};

struct Finished {
    int status;
    std::string output;
};

/// Runs it to its end.
Finished run(const std::vector<std::string>& words);

/// As one would type it.
std::string as_typed(const std::vector<std::string>& words);

} // namespace loop
