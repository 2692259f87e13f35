#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace loop {

/// A command that runs, in a process group of its own. Its output and its complaints come by one pipe.
class Command {
  public:
    /// Starts it: the program is looked for in PATH. Throws std::system_error.
    explicit Command(const std::vector<std::string>& words);
    ~Command(); ///< Ends it and its process group, where it still runs.
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    int output() const { return output_; } ///< To read from, until the end.
    int wait();                            ///< For its end: the exit status, or 128 + the number of a signal.

  private:
    pid_t pid_ = -1;
    int output_ = -1;
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
