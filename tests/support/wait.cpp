#include "tests/support/wait.hpp"

#include <algorithm>
#include <poll.h>
#include <vector>

namespace support {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often `hopeless` is asked.
constexpr milliseconds slice{20};

Clock::time_point end_of_waits = Clock::time_point::max();

milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }

// A wait of `limit` that begins now, or of what is left.
milliseconds at_most(milliseconds limit) {
    if (end_of_waits == Clock::time_point::max())
        return limit;
    return std::clamp(std::chrono::duration_cast<milliseconds>(end_of_waits - Clock::now()), milliseconds{0}, limit);
}

} // namespace

void (*give_up)(const std::string& story) = [](const std::string& story) { throw Overdue{story}; };
void (*leave_out)(const std::string& reason) = [](const std::string& reason) { throw LeftOut{reason}; };
bool (*hopeless)(milliseconds waited) = nullptr;

std::string in_seconds(milliseconds time) {
    const auto tenths = time.count() / 100;
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

void limit_waits(milliseconds total) { end_of_waits = Clock::now() + total; }

bool no_time_is_left() { return Clock::now() >= end_of_waits; }

Waited wait_for_any(std::initializer_list<Watched> descriptors, milliseconds limit) {
    std::vector<pollfd> watched;
    for (const auto& [descriptor, events] : descriptors)
        watched.push_back({descriptor, events, 0});
    const auto start = Clock::now();
    limit = at_most(limit);
    while (true) {
        const auto left = std::max(limit - since(start), milliseconds{0});
        const auto time = hopeless ? std::min(left, slice) : left;
        if (::poll(watched.data(), watched.size(), static_cast<int>(time.count())) > 0)
            return {true, in_seconds(since(start))};
        if (left == left.zero() || (hopeless && hopeless(since(start))))
            return {false, in_seconds(since(start))};
    }
}

bool eventually(const std::function<bool()>& holds) {
    const auto start = Clock::now();
    const milliseconds limit = at_most(patience);
    while (!holds()) {
        if (since(start) >= limit || (hopeless && hopeless(since(start))))
            return holds();
        ::poll(nullptr, 0, 1);
    }
    return true;
}

} // namespace support
