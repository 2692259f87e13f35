#pragma once

#include "tools/loop/catalogue.hpp"
#include "tools/loop/command.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace loop {

enum class Result { right, wrong, does_not_compile, not_started, not_judged, compiles, no_verdict };

struct Report {
    Result result;
    std::string words{};                  ///< The judge's story, the compiler's words, or why there is no verdict.
    std::string failed{};                 ///< The check that it fails, where it is wrong.
    std::vector<std::string> not_tried{}; ///< What this machine lacks.
};

/// How long a test may take, unless somebody says otherwise; as CMakePresets.json has it.
constexpr std::chrono::seconds usual_limit{300};

/// An exercise on its way to a verdict: built, and then judged. The verdict is what the build's status, the judge's
/// status and the file that the judge has written in this run say together; what is printed becomes none. Its
/// destructor ends what runs, with all that it has started.
class Checking {
  public:
    /// Calls `at_work` with each command that it starts, and with what is going on at that moment ("building 3 of 21,
    /// 12 s"), and at last `done`.
    struct Told {
        std::function<void(const std::string&)> command, at_work;
        std::function<void(Report)> done;
    };
    Checking(asio::io_context& io, Exercise exercise, std::chrono::seconds limit, Told told);
    ~Checking();
    Checking(const Checking&) = delete;
    Checking& operator=(const Checking&) = delete;

  private:
    void build();
    void judge();
    void start(const std::vector<std::string>& words, Command::Complaints complaints);
    void read();
    void on_child();
    void tick();
    void say_what_is_going_on();
    void take(std::size_t size);
    void take_the_rest();
    void built(int status);
    void judged(int status);
    void over_time();
    void finish(Report report);
    std::chrono::seconds passed() const;

    Exercise exercise_;
    std::chrono::seconds limit_;
    Told told_;
    enum { building, judging } stage_ = building;
    std::string printed_{}, progress_{};
    std::chrono::steady_clock::time_point began_{};
    std::optional<Orphanage> orphans_{};
    std::optional<Command> command_{};
    asio::posix::stream_descriptor output_;
    asio::signal_set children_;
    asio::steady_timer clock_;
    std::array<char, 4096> some_{};
};

/// Prints it, in about so many lines at most.
void show(const Exercise& exercise, const Report& report, std::size_t lines);

/// Prints which exercise is next, once nothing is left to do for this one.
void show_next(const Catalogue& catalogue, const Exercise& exercise);

} // namespace loop
