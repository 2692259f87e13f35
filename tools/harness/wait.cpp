#include "tools/harness/wait.hpp"

#include <algorithm>
#include <poll.h>
#include <vector>

namespace support {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What is free after starts does not add up beyond this: one who drags each of a hundred starts has all of it used.
constexpr std::chrono::seconds free_in_all{60};

// How often `hopeless` is asked.
constexpr milliseconds slice{20};

milliseconds budget = milliseconds::max(), free_time{}, free_left = free_in_all;
Clock::time_point free_until{};

milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }

// A wait of `limit` that begins now, or of what is left.
milliseconds at_most(milliseconds limit) {
    return budget == milliseconds::max() ? limit : std::min(limit, budget + std::min(until(free_until), free_left));
}

// What a wait takes of it.
struct Charge {
    Clock::time_point start = Clock::now();
    ~Charge() {
        if (budget == milliseconds::max())
            return;
        const auto all = since(start),
                   free = std::min(
                       {all, std::max(std::chrono::duration_cast<milliseconds>(free_until - start), milliseconds{0}),
                        free_left});
        free_left -= free;
        budget = std::max(budget - (all - free), milliseconds{0});
    }
};

} // namespace

void (*give_up)(const std::string& story) = [](const std::string& story) { throw Overdue{story}; };
void (*leave_out)(const std::string& reason) = [](const std::string& reason) { throw LeftOut{reason}; };
bool (*hopeless)(milliseconds waited) = nullptr;

std::string in_seconds(milliseconds time) {
    const auto tenths = time.count() / 100;
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

milliseconds until(Clock::time_point deadline) {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), milliseconds{0});
}

void limit_waits(milliseconds total, milliseconds free) { budget = total, free_time = free; }

void note_start() { free_until = Clock::now() + free_time; }

bool no_time_is_left() { return at_most(patience) == milliseconds{0}; }

Waited wait_for_any(std::initializer_list<Watched> descriptors, milliseconds limit) {
    const Charge charge;
    std::vector<pollfd> watched;
    for (const auto& [descriptor, events] : descriptors)
        watched.push_back({descriptor, events, 0});
    const auto start = Clock::now();
    limit = at_most(limit);
    if (hopeless)
        hopeless(milliseconds{0}); // of waits that all end at once, too
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
    const Charge charge;
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
