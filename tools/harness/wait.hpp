#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace support {

/// How long a test waits for what must happen. Generous: it is reached only when something is wrong.
inline constexpr std::chrono::seconds patience{20};

/// "20 s", "0.3 s"
std::string in_seconds(std::chrono::milliseconds time);

/// What did not happen in time, or cannot happen any more; `what()` tells what was waited for and what was seen.
struct Overdue : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What happens then: an Overdue is thrown. Under Catch2 it is a failure of the test case, which ends it even within a
/// CHECK.
extern void (*give_up)(const std::string& story);

/// What this machine has not got: the running test is left out, with the reason.
struct LeftOut : std::runtime_error {
    using std::runtime_error::runtime_error;
};
extern void (*leave_out)(const std::string& reason);

/// Asked from time to time during every wait, with the time waited so far: true where no waiting can help any more, and
/// the wait ends early. A null pointer: every wait may be long.
extern bool (*hopeless)(std::chrono::milliseconds waited);

/// What is left of the time until then; 0 where it is past.
std::chrono::milliseconds until(std::chrono::steady_clock::time_point deadline);

/// From now on all waits together end after so long: a program may make each of many waits long. What is waited within
/// `free` after a start (note_start) does not count, since a program may be started many times, and slowly.
void limit_waits(std::chrono::milliseconds total, std::chrono::milliseconds free = {});
void note_start();

/// Whether that time is over.
bool no_time_is_left();

struct Watched {
    int descriptor; ///< Negative: not watched.
    short events;   ///< As for poll(2).
};
struct Waited {
    bool ready;       ///< False: in vain.
    std::string time; ///< How long, for a message.
};

/// Waits until one of the descriptors is ready, or `limit` has passed, or the wait is hopeless.
Waited wait_for_any(std::initializer_list<Watched> descriptors, std::chrono::milliseconds limit);

/// Waits for a state of the kernel's tables: asks again and again until `holds` is true. False after `patience`, or
/// when the wait is hopeless.
bool eventually(const std::function<bool()>& holds);

} // namespace support
