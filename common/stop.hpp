#pragma once

#include <poll.h>
#include <span>

namespace common {

/// How a chapter's program ends: on Enter, at the end of its input, on SIGINT or on SIGTERM.
///
/// Construct one before the program says that it is ready. While it lives the two signals no longer kill
/// the process: they make the waits below return. Where the standard input is a terminal that another job
/// owns (`./bind &`), the input is not watched. One object a process.
class Stop {
  public:
    Stop();
    ~Stop();
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

    /// Returns when the program is asked to stop.
    void wait();

    /// True when `descriptor` has something to read, or a connection to accept; false when the program is
    /// asked to stop. See poll(2).
    bool wait_readable(int descriptor);

    /// poll(2) on these, without a limit of time: true when one of them has something, false when the program is asked
    /// to stop.
    bool poll(std::span<pollfd> descriptors);

  private:
    bool input_watched_;
    bool requested_ = false;
};

} // namespace common
