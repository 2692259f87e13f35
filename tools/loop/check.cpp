#include "tools/loop/check.hpp"

#include "tools/harness/asleep.hpp"
#include "tools/loop/commands.hpp"
#include "tools/loop/progress.hpp"
#include "tools/loop/story.hpp"
#include "tools/loop/terminal.hpp"
#include "tools/loop/verdict.hpp"

#include <algorithm>
#include <asio/buffer.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <regex>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace loop {
namespace {

namespace fs = std::filesystem;

// The compiler's words without those of the script around them, and with short paths.
std::string compilers_words(std::string text) {
    const std::string here = fs::current_path().string() + "/";
    text.erase(std::min(text.rfind("CMake Error at tools/cmake/build.cmake:"), text.size()));
    for (auto place = text.find(here); place != text.npos; place = text.find(here, place))
        text.erase(place, here.size());
    return text;
}

std::string in_words(std::chrono::seconds time) { return std::to_string(time.count()) + " s"; }

} // namespace

Checking::Checking(asio::io_context& io, Exercise exercise, std::chrono::seconds limit, Told told)
    : exercise_{std::move(exercise)},
      limit_{limit},
      told_{std::move(told)},
      output_{io},
      children_{io, SIGCHLD},
      clock_{io} {
    build();
}

Checking::~Checking() {
    clock_.cancel();
    children_.cancel();
    output_.close();
    command_.reset(); // before the orphans: it is asked to end what it has started by itself
}

void Checking::build() {
    std::vector<std::string> words{"cmake",         "-P",     "tools/cmake/build.cmake",
                                   "build/default", "--live", exercise_.target()};
    if (!tests_are_hidden(exercise_))
        words.push_back(exercise_.judge());
    stage_ = building;
    start(words, Command::Complaints::apart);
}

void Checking::judge() {
    const fs::path program = fs::path{"build/default/exercises"} / exercise_.path(),
                   judge = fs::path{"build/default/tests/exercises"} / (exercise_.path() + "_test");
    std::error_code error;
    fs::remove(verdict_file(exercise_), error); // so that what is there afterwards is of this run
    if (error)
        return finish({Result::no_verdict, "The last verdict, " + verdict_file(exercise_).string() +
                                               ", cannot be removed: " + error.message() + "\n"});
    ::unsetenv("PORTLAB_STRICT"); // which would make a wrong answer of one that is not started
    stage_ = judging;
    orphans_.emplace();
    start({judge, program, "--verdict", verdict_file(exercise_)}, Command::Complaints::with_the_output);
}

void Checking::start(const std::vector<std::string>& words, Command::Complaints complaints) {
    told_.command(as_typed(words));
    printed_.clear();
    progress_.clear();
    began_ = std::chrono::steady_clock::now();
    command_.emplace(words, complaints);
    const int end = ::dup(command_->output());
    ::fcntl(end, F_SETFL, O_NONBLOCK);
    output_.assign(end);
    children_.async_wait([this](auto error, int) {
        if (!error)
            on_child();
    });
    say_what_is_going_on();
    read();
    tick();
}

std::chrono::seconds Checking::passed() const {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
}

void Checking::tick() {
    clock_.expires_after(std::chrono::seconds{1});
    clock_.async_wait([this](auto error) {
        if (error)
            return;
        if (stage_ == judging && passed() >= limit_)
            return over_time();
        say_what_is_going_on();
        tick();
    });
}

void Checking::say_what_is_going_on() {
    told_.at_work((stage_ == judging ? "judging" : "building" + progress_) +
                  (passed().count() > 0 ? ", " + in_words(passed()) : ""));
}

void Checking::read() {
    output_.async_read_some(asio::buffer(some_), [this](auto error, std::size_t size) {
        if (error)
            return; // its end is told by the signal
        take(size);
        read();
    });
}

// Of a build the number of its step; of a judge the last that it said, in case that it writes no verdict.
void Checking::take(std::size_t size) {
    printed_.append(some_.data(), size);
    if (constexpr std::size_t most = 100'000; printed_.size() > most)
        printed_.erase(0, printed_.size() - most);
    if (stage_ == judging)
        return;
    static const std::regex step{R"(\[(\d+)/(\d+)\] )"};
    std::smatch match;
    const auto line = printed_.rfind("\n[");
    const std::string last = printed_.substr(line == printed_.npos ? 0 : line + 1);
    if (std::regex_search(last, match, step, std::regex_constants::match_continuous)) {
        const std::string before = std::exchange(progress_, " " + match[1].str() + " of " + match[2].str());
        if (before != progress_)
            say_what_is_going_on();
    }
}

void Checking::take_the_rest() {
    for (ssize_t size = 0; (size = ::read(output_.native_handle(), some_.data(), some_.size())) > 0;)
        take(static_cast<std::size_t>(size));
}

void Checking::on_child() {
    const auto status = command_->ended();
    if (!status) // another one
        return children_.async_wait([this](auto error, int) {
            if (!error)
                on_child();
        });
    clock_.cancel();
    take_the_rest();
    output_.close();
    stage_ == building ? built(*status) : judged(*status);
}

void Checking::built(int status) {
    const std::string words = compilers_words(command_->complaints());
    command_.reset();
    if (status != 0)
        return finish({Result::does_not_compile,
                       words.empty() ? "The build ended with status " + std::to_string(status) + ".\n" : words});
    if (tests_are_hidden(exercise_))
        return finish({progress_of(exercise_).state == State::not_started ? Result::not_started : Result::compiles});
    judge();
}

void Checking::over_time() {
    std::string words = "The test did not end in " + in_words(limit_) + ", and was ended. There is no verdict.\n";
    auto tested = support::descendants(command_->pid());
    tested.resize(std::min<std::size_t>(tested.size(), 3));
    for (const pid_t pid : tested)
        words += "At the end process " + std::to_string(pid) + ", which it had started, " + support::doing(pid) + ".\n";
    output_.close();
    children_.cancel();
    command_.reset();
    std::error_code ignored; // it is of an answer that has not been judged, whoever wrote it
    fs::remove(verdict_file(exercise_), ignored);
    finish({Result::no_verdict, words});
}

void Checking::judged(int status) {
    command_.reset();
    orphans_.reset(); // nobody writes there any more
    const auto verdict = read_verdict(verdict_file(exercise_));
    const auto says = [&](int its_status, std::string_view word) {
        return status == its_status && verdict && verdict->exercise == exercise_.path() && verdict->verdict == word;
    };
    if (says(0, "right"))
        return finish({Result::right, {}, {}, verdict->not_tried});
    if (says(1, "wrong") && verdict->failed)
        return finish({Result::wrong, verdict->story, verdict->failed->check});
    if (says(4, "not started"))
        return finish({Result::not_started});
    if (says(4, "not judged"))
        return finish({Result::not_judged, verdict->story});
    std::error_code ignored; // it is of an answer that has not been judged, whoever wrote it
    fs::remove(verdict_file(exercise_), ignored);
    std::string words = status > 128 ? "The judge was killed by signal " + std::to_string(status - 128) + " (" +
                                           ::strsignal(status - 128) + ")"
                                     : "The judge ended with status " + std::to_string(status);
    words += status > 128 || status == 2 ? ". There is no verdict.\n"
                                         : ", which is not what its file says. There is no verdict.\n";
    finish({Result::no_verdict, words + printed_});
}

void Checking::finish(Report report) {
    orphans_.reset();
    told_.done(std::move(report));
}

void show_next(const Catalogue& catalogue, const Exercise& exercise) {
    const Exercise next = next_after(catalogue, exercise);
    if (next.number != exercise.number)
        std::cout << terminal::wrapped("  Next: " + in_a_line(next) + " (" + effort(next) + ")\n  " + next.file() +
                                           ":" + std::to_string(progress_of(next).line),
                                       terminal::size().columns);
    else
        std::cout << "  That was the last one: none is open.\n";
    std::cout << std::flush;
}

namespace {

std::string place_of(const Exercise& exercise) {
    return exercise.file() + ":" + std::to_string(progress_of(exercise).line);
}

// `✓ 2.1 any free port: right, 5 points`, in lines that fit; returns how many.
std::size_t headline(const std::string& mark, const Exercise& exercise, const std::string& rest) {
    const std::string name = in_a_line(exercise); // of which no line breaks before its end
    std::string text = terminal::wrapped("  " + name + ": " + rest, std::max(terminal::size().columns, 40U), 2);
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    if (const auto place = text.find(name); place != text.npos)
        text.replace(place, name.size(), terminal::bold(name));
    std::cout << mark << text.substr(1);
    return lines;
}

} // namespace

void show(const Exercise& exercise, const Report& report, std::size_t lines) {
    const auto say = [&](const std::string& mark, const std::string& rest) {
        const std::size_t used = headline(mark, exercise, rest);
        lines -= std::min(lines, used);
    };
    switch (report.result) {
    case Result::right:
        say(terminal::tick(), "right, " + std::to_string(exercise.points) + " points");
        for (const auto& reason : report.not_tried)
            std::cout << terminal::wrapped("  not tried here: " + reason, terminal::size().columns);
        break;
    case Result::compiles:
        say("-", "compiles; " + progress_of(exercise).note);
        break;
    case Result::not_started:
        if (progress_of(exercise).state == State::not_started)
            say("-", "not started; begin at\n  " + place_of(exercise));
        else
            say("-", "not started: it ends with status 77, as one that has not been begun");
        break;
    case Result::not_judged:
        say("-", "not judged on this machine");
        show_in_at_most(report.words, lines, Words::compilers);
        break;
    case Result::no_verdict:
        say(terminal::cross(), "no verdict");
        show_in_at_most(report.words, lines, Words::compilers);
        break;
    case Result::does_not_compile:
        say(terminal::cross(), "does not compile");
        show_in_at_most(report.words, lines, Words::compilers);
        break;
    case Result::wrong:
        say(terminal::cross(), "not right yet; it fails the check \"" + report.failed + "\"");
        show_in_at_most(report.words, lines, Words::story);
    }
    std::cout << std::flush;
}

int check(const Catalogue& catalogue, const std::string& name, std::chrono::seconds limit) {
    const auto exercises = name.empty() ? std::vector{current(catalogue)} : catalogue.some(name);
    if (exercises.empty())
        throw WrongUse{"the chapter \"" + name + "\" has no exercises"};
    bool wrong = false, unknown = false, open = false;
    for (const Exercise& exercise : exercises) {
        asio::io_context io;
        std::optional<Report> report;
        int interrupted = 0;
        asio::signal_set signals{io, SIGINT, SIGTERM, SIGHUP};
        signals.async_wait([&](auto error, int number) {
            if (error)
                return;
            interrupted = number;
            io.stop();
        });
        terminal::Line line{in_a_line(exercise) + ": "};
        const Checking::Told told{.command =
                                      [&](const std::string& words) {
                                          line.clear();
                                          std::cerr << "+ " << words << '\n';
                                      },
                                  .at_work = [&](const std::string& words) { line.show(words); },
                                  .done =
                                      [&](Report found) {
                                          report = std::move(found);
                                          io.stop();
                                      }};
        std::optional<Checking> checking{std::in_place, io, exercise, limit, told};
        io.run();
        checking.reset();
        line.clear();
        if (!report)
            return 128 + interrupted;
        wrong = wrong || report->result == Result::wrong || report->result == Result::does_not_compile;
        unknown = unknown || report->result == Result::no_verdict;
        open = open || report->result == Result::not_started || report->result == Result::not_judged;
        show(exercise, *report, exercises.size() > 1 ? 12 : 1000);
    }
    if (!wrong && !unknown && !open)
        show_next(catalogue, exercises.back());
    return wrong ? 1 : unknown ? 2 : open ? 3 : 0;
}

} // namespace loop
