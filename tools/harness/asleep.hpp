#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace support {

/// What a file of /proc says; empty where it cannot be read. Linux only.
std::string read_file(const std::string& path);

/// What a process does at this moment, for a message: "waits in accept4 on descriptor 3", "is running"; proc(5).
std::string doing(pid_t process);

/// The threads of a process that have not ended, the first one first; it may have ended before the others.
std::vector<pid_t> living_threads(pid_t process);

/// The processes that `process` started, those that they started, and so on; those that have lost their parent as well,
/// as long as they are in its process group.
std::vector<pid_t> descendants(pid_t process);

struct Sleep {
    unsigned long long times =
        0;               ///< How often they have fallen asleep so far, in all: while it stays, nothing woke them.
    bool certain = true; ///< False where one may have a time limit that cannot be seen.
    friend bool operator==(const Sleep&, const Sleep&) = default;
};

/// Where every thread of the process and of its descendants waits for something without a time limit, or is stopped:
/// their sleep. Nothing where one runs, sleeps for a time only, has a timer that is due within `patience` or may have
/// an alarm (alarm(2)), makes a call that is not known here, or may not be looked at; and on systems other than Linux.
std::optional<Sleep> asleep(pid_t process);

} // namespace support
