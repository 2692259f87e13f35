#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace support {

/// What a process does at this moment, for a message: "waits in accept4 on descriptor 3", "is running"; proc(5).
std::string doing(pid_t process);

/// The processes that `process` started, those that they started, and so on.
std::vector<pid_t> descendants(pid_t process);

/// Where every thread of the process and of its descendants waits for something without a time limit: the number of
/// times they have fallen asleep so far, in all. While it stays the same, nothing has woken them. Nothing where one
/// runs, sleeps for a time only, has a timer, or may not be looked at; and on systems other than Linux.
std::optional<unsigned long long> asleep(pid_t process);

} // namespace support
