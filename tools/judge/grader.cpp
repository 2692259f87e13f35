#include "tools/judge/grader.hpp"

#include "common/text.hpp"
#include "tools/harness/asleep.hpp"
#include "tools/harness/guard.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"
#include "tools/harness/sandbox.hpp"
#include "tools/judge/verdict.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <memory>
#include <poll.h>
#include <random>
#include <sched.h>
#include <set>
#include <sstream>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace grader {
namespace {

using std::chrono::milliseconds;
using support::Process;

// For how long everything must have slept before a wait counts as hopeless. What was sent on loopback has then long
// arrived. Longer if one may have a time limit that nobody sees.
constexpr milliseconds silence{300}, longer_silence{4000};

// A wait that is shorter than this needs no look at the programs: whatever they do, it was not in vain.
constexpr milliseconds first_look{80};

// All waits together: well below the limit of CTest (CMakePresets.json), after which there would be no story.
constexpr std::chrono::seconds patience_in_all{240};

// The same for a program that nobody trusts, unless PORTLAB_PATIENCE says another number of seconds; and how much of
// each start does not count.
constexpr std::chrono::seconds patience_with_strangers{6};
constexpr milliseconds free_at_a_start{1500};

// What programs that nobody trusts may have together: a limit for each of them is none for all.
constexpr support::Most most_for_strangers{.memory = 512 << 20, .threads = 750, .descriptors = 250'000};

constexpr int status_not_started = 77; // exercises/begin_here.hpp
constexpr int verdict_skipped = 4;     // CTest's SKIP_RETURN_CODE

struct Failed {
    explicit Failed(std::string words);
    std::string observed;
    std::vector<std::string> states; // of the programs, while the grader's own sockets are still there
};
struct NotStarted {
    std::string words;
};

struct Check {
    std::string name, expected, section;
};

struct Started {
    std::string name;
    std::unique_ptr<Process> process;
    std::optional<int> status{};
    bool settled = false; // had ended when the check began
    Launch launch{};
    std::size_t first_step = 0; // with which it was started
};

struct Step {
    std::string what;
    std::size_t times = 1; // in a row
};

// All that happened, for the story.
struct Story {
    std::string chapter, exercise, program;
    std::vector<Step> steps;
    std::vector<Check> checks; // the last one is being made
    std::vector<Started> programs;
    std::vector<std::unique_ptr<Process>> past; // of earlier scenes
    unsigned clients = 0;
    std::vector<std::string> not_here{};
    std::size_t over = 0;         // so many steps had been made when a check began with no program running
    std::size_t before_check = 0; // so many when the last check began
    Process* concerned = nullptr; // whom the last call was about
} story;

void tell(const std::string& step) {
    if (!story.steps.empty() && story.steps.back().what == step)
        ++story.steps.back().times;
    else
        story.steps.push_back({step});
}

// What waits in the buffers of their connections, in bytes, is the kernel's memory, and no process holds it.
std::size_t memory_of_connections() {
    std::size_t bytes = 0;
    for (const SocketRow& row : support::kernel_sockets(Protocol::tcp))
        if (row.state != "LISTEN")
            bytes += row.received + row.sent;
    return bytes;
}

// Ends programs that nobody trusts when they take too much. It is asked for during every wait.
void end_greed() {
    using Clock = std::chrono::steady_clock;
    static bool ended = false;
    static Clock::time_point next_look{};
    const auto start = Clock::now();
    if (!support::confined() || ended || start < next_look)
        return;
    const bool own_network = !support::keepers().empty();
    const std::string greed = support::greed(most_for_strangers, own_network ? memory_of_connections() : 0);
    const auto now = Clock::now(); // a look at hundreds of processes takes time, which they may need
    next_look = now + std::max<Clock::duration>(milliseconds{15}, 4 * (now - start));
    if (greed.empty())
        return;
    ended = true;
    support::kill_all_confined(); // before anybody looks at each of them
    throw Failed{greed};
}

// While all programs sleep, and have been woken by nothing for `silence`, waiting is in vain.
bool nothing_can_wake_them(milliseconds waited) {
    end_greed();
    // A look at hundreds of threads takes time, which they may need: so looking takes one tenth of the time at most.
    using Clock = std::chrono::steady_clock;
    static Clock::time_point next_look{};
    static bool another_wait = true;
    static std::optional<support::Sleep> before;
    static milliseconds since{}, last{};
    another_wait = another_wait || waited < last;
    last = waited;
    const auto start = Clock::now();
    if (start < next_look || waited < first_look)
        return false;
    std::optional<support::Sleep> now;
    for (const Started& started : story.programs) {
        if (started.status)
            continue;
        const auto rest = support::asleep(started.process->pid());
        if (!rest) {
            now = std::nullopt;
            break;
        }
        now = support::Sleep{now ? now->times + rest->times : rest->times, (!now || now->certain) && rest->certain};
    }
    if (!now && std::ranges::all_of(story.programs, [](const Started& one) { return one.status.has_value(); }) &&
        !story.programs.empty())
        now.emplace(); // all have ended
    if (!now || now != before || std::exchange(another_wait, false))
        since = waited;
    before = now;
    next_look = Clock::now() + 9 * (Clock::now() - start);
    return now && waited - since >= (now->certain ? silence : longer_silence);
}

std::string row_in_words(const SocketRow& row) {
    std::string text = row.protocol == Protocol::tcp ? "tcp " : "udp ";
    text += row.state + " " + to_string(row.local);
    if (row.state == "LISTEN")
        return text + ", backlog " + std::to_string(row.sent) + ", " + std::to_string(row.received) +
               " waiting for accept";
    if (row.peer.port != 0)
        text += ", peer " + to_string(row.peer);
    return row.received ? text + ", " + std::to_string(row.received) + " bytes not read" : text;
}

std::string lines_in(const std::string& text, std::string_view indent) {
    std::string result;
    std::size_t start = 0, lines = 0;
    while (start < text.size() && lines < 12) {
        const auto end = std::min(text.find('\n', start), text.size());
        result += "\n" + std::string{indent};
        result += common::shown(std::string_view{text}.substr(start, end - start), 200);
        start = end + 1;
        ++lines;
    }
    return start < text.size() ? result + "\n" + std::string{indent} + "..." : result;
}

// What a program is doing, and what the kernel says it holds.
std::string state_of(const Started& started) {
    const std::string who = started.name + ", process " + std::to_string(started.process->pid());
    if (started.status)
        return who + ", has ended with " + status_in_words(*started.status);
    std::string text = who + ", " + support::doing(started.process->pid());
    std::vector<SocketRow> rows = started.process->sockets(Protocol::tcp);
    std::ranges::copy(started.process->sockets(Protocol::udp), std::back_inserter(rows));
    text += rows.empty() ? ", and holds no socket with a port" : ", and holds";
    rows.resize(std::min<std::size_t>(rows.size(), 8)); // clang 14 has no std::views
    for (const SocketRow& row : rows)
        text += "\n             " + row_in_words(row);
    return text;
}

Failed::Failed(std::string words) : observed{std::move(words)} {
    for (const Started& started : story.programs)
        states.push_back(state_of(started));
}

// Processes that the program left behind: they became ours when it ended.
std::vector<pid_t> left_behind() {
    auto all = support::descendants(::getpid());
    for (const pid_t keeper : support::keepers())
        std::erase(all, keeper);
    for (const Started& started : story.programs) {
        std::erase(all, started.process->pid());
        if (!support::living_threads(started.process->pid()).empty())
            for (const pid_t child : support::descendants(started.process->pid()))
                std::erase(all, child);
    }
    return all;
}

std::string command_of(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name.empty() ? "process " + std::to_string(pid)
                        : common::shown(name) + " (process " + std::to_string(pid) + ")";
}

void kill_what_is_left_behind() {
    for (const pid_t pid : left_behind()) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
}

void fail_if_something_is_left_behind() {
    if (const auto left = left_behind(); !left.empty()) {
        story.checks.push_back(
            {"it leaves no process behind", "when the program ends, all that it started has ended too", "Exercises"});
        throw Failed{"it ended, and " + command_of(left.front()) + ", which it started, runs on"};
    }
}

// In a sandbox the network has been made for this test alone: who takes its ports is the program.
bool somebody_is_in_the_way() { return support::confined() && !story.checks.empty() && !story.programs.empty(); }

Process* about(Process* process) {
    story.concerned = process;
    return process;
}

Started& entry(Process* process) {
    return *std::ranges::find_if(story.programs, [&](const Started& one) { return one.process.get() == process; });
}

// Takes a program's end down. An answer that has not been begun ends in a way of its own.
int note_end(Process* process) {
    Started& started = entry(process);
    if (!started.status) {
        started.status = process->wait_for_exit();
        if (const auto& words = process->complaints();
            *started.status == status_not_started && words.starts_with("not started: "))
            throw NotStarted{words.substr(0, words.find('\n'))};
    }
    return *started.status;
}

bool has_ended(pid_t process) {
    siginfo_t what{};
    return ::waitid(P_PID, static_cast<id_t>(process), &what, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           what.si_pid == process;
}

std::string what_it_printed(const Process& process) {
    return process.output().empty() ? "printed nothing" : "printed no more than " + in_quotes(process.output());
}

std::string last_line(std::string_view text) {
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    return std::string{text.substr(text.rfind('\n') + 1)};
}

std::string where_it_sleeps(pid_t process) {
    const auto rest = support::asleep(process);
    const std::string what = support::doing(process);
    return what + (rest && rest->certain && what.starts_with("waits in") ? ", and nothing will wake it" : "");
}

// Runs a wait for the program; what ends it in vain becomes a sentence about the program.
template <class Wait>
auto waiting(Process* process, Wait wait) {
    const auto start = std::chrono::steady_clock::now();
    const auto printed = [process] { return process->output().size() + process->complaints().size(); };
    const std::size_t before = printed();
    try {
        return wait();
    } catch (const support::Overdue& overdue) {
        if (const std::string_view why = overdue.what(); why.starts_with("the program prints without end"))
            throw Failed{"it" + std::string{why.substr(std::strlen("the program"))}};
        if (has_ended(process->pid())) {
            fail_if_something_is_left_behind(); // which keeps the output open
            throw Failed{"it ended, and a process that the grader cannot see keeps its output open"};
        }
        const auto time = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
        const bool goes_on = printed() > before && time > support::patience - milliseconds{100};
        const std::string& output = process->output().empty() ? process->complaints() : process->output();
        const std::string so_far = "it " + where_it_sleeps(process->pid()) +
                                   (goes_on ? "; the last line of it is " + in_quotes(last_line(output))
                                            : "; it " + what_it_printed(*process));
        if (support::no_time_is_left())
            throw Failed{"the time that the grader has for it is over: " + so_far};
        throw Failed{"in " + support::in_seconds(time) +
                     (goes_on ? " it printed, but not what was waited for, and did not end: "
                              : " it neither printed more nor ended: ") +
                     so_far};
    }
}

// The end of a program that was to go on.
[[noreturn]] void fail_for_its_end(Process* process, const std::string& when) {
    const int status = waiting(process, [process] { return note_end(process); });
    const auto left = left_behind();
    throw Failed{"it ended with " + status_in_words(status) + " before " + when + ", and " + what_it_printed(*process) +
                 (left.empty() ? "" : "; " + command_of(left.front()) + ", which it started, runs on")};
}

std::string arguments_in_words(const Launch& launch) {
    std::string text;
    for (const auto& [name, value] : launch.environment)
        text += (text.empty() ? ", with " : " ") + (value ? name + "=" + in_quotes(*value) : name + " not set");
    if (!launch.arguments.empty())
        text += text.empty() ? ", with the arguments" : " and the arguments";
    for (const auto& argument : launch.arguments)
        text += " " + in_quotes(argument);
    if (launch.descriptors != 0)
        text += ", limited to " + std::to_string(launch.descriptors) + " descriptors";
    return text;
}

// A word for a POSIX shell, or for bash where it has characters that a terminal does not show.
std::string for_shell(const std::string& word) {
    const std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_";
    if (!word.empty() && word.find_first_not_of(plain) == word.npos)
        return word;
    if (const std::string shown = common::shown(word, word.size() * 4); shown != word) {
        std::string text = "$'";
        for (const char c : word) {
            const auto byte = static_cast<unsigned char>(c);
            std::array<char, 5> code{};
            std::snprintf(code.data(), code.size(), "\\x%02x", byte);
            text += byte < ' ' || byte >= 0x7F || c == '\'' || c == '\\' ? std::string{code.data()} : std::string{c};
        }
        return text + "'";
    }
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return text + "'";
}

const Started* concerned() {
    const auto found =
        std::ranges::find_if(story.programs, [](const Started& one) { return one.process.get() == story.concerned; });
    return found != story.programs.end() ? &*found : story.programs.empty() ? nullptr : &story.programs.back();
}

// The command that starts the program as it was started when it failed.
std::string to_try() {
    std::string settings, arguments;
    if (const Started* const failing = concerned(); failing && failing->name == story.exercise) {
        for (const auto& [name, value] : failing->launch.environment)
            if (value)
                settings += name + "=" + for_shell(*value) + " ";
        for (const std::string& argument : failing->launch.arguments)
            arguments += " " + for_shell(argument);
    }
    if (settings.size() + arguments.size() > 300) // nobody types that
        settings.clear(), arguments.clear();
    return settings + "./portlab run " + story.chapter + '/' + story.exercise + arguments;
}

// The steps that led to the failure: if the check made none of its own, those of the program that it is about.
std::pair<std::size_t, std::size_t> steps_to_show() {
    constexpr std::size_t most = 30; // the last ones
    const std::size_t all = story.steps.size();
    std::size_t first = story.over, last = all;
    if (const Started* const failing = concerned(); failing && story.before_check == all) {
        first = std::min(failing->first_step, all);
        for (const Started& other : story.programs)
            if (other.first_step > first)
                last = std::min(last, other.first_step);
    }
    return {std::max(first, last - std::min(last, most)), last};
}

std::string told_story(const Failed& failed) {
    const Check& check = story.checks.back();
    std::ostringstream out;
    out << story.exercise << ": not right yet; it fails the check \"" << check.name << "\"\n\nWhat the grader did\n";
    const auto [first, last] = steps_to_show();
    if (first > 0)
        out << "     (" << first << " steps before; the checks that they were made for held)\n";
    for (std::size_t i = first; i < last; ++i) {
        const auto& [what, times] = story.steps[i];
        out << std::setw(3) << i + 1 << ". " << what;
        if (times > 1)
            out << ", " << times << " times";
        out << '\n';
    }
    if (last < story.steps.size())
        out << "     (" << story.steps.size() - last << " steps after it, with other programs)\n";
    out << "Expected   " << check.expected << "\nObserved   " << failed.observed << '\n';
    for (std::size_t i = 0; i < story.programs.size(); ++i) {
        const Started& started = story.programs[i];
        const bool ran = i < failed.states.size() && failed.states[i].find(", has ended") == std::string::npos;
        if (&started != concerned() && !ran)
            continue; // it has done its part
        out << "At the end " << (started.status || i >= failed.states.size() ? state_of(started) : failed.states[i])
            << '\n';
        if (!started.process->complaints().empty())
            out << "           on standard error:" << lines_in(started.process->complaints(), "             ") << '\n';
    }
    out << "Read again chapters/" << story.chapter << "/README.md: \"" << check.section
        << "\", and the exercise itself\nTry it     " << to_try() << '\n';
    return out.str();
}

// What the head of a wrong answer's source says after `key`.
std::string announced(const std::string& source, const std::string& key) {
    std::ifstream file{source};
    for (std::string line; std::getline(file, line) && !line.starts_with("--- ") && !line.starts_with("#");) {
        const std::string_view words = std::string_view{line}.substr(line.starts_with("// ") ? 3 : 0);
        if (words.starts_with(key + ": "))
            return std::string{words.substr(key.size() + 2)};
    }
    std::printf("%s: its head has no line \"%s: ...\"\n", source.c_str(), key.c_str());
    std::exit(2);
}

// A check may send the reader only to a section that is there.
bool sections_exist() {
    const std::string path = std::string{PORTLAB_SOURCE_DIR} + "/chapters/" + story.chapter + "/README.md";
    std::ifstream file{path};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    bool all = true;
    for (const Check& check : story.checks)
        if (text.find("# " + check.section + "\n") == text.npos && text.find("**" + check.section) == text.npos) {
            std::printf("%s has no section \"%s\", to which the check \"%s\" refers\n", path.c_str(),
                        check.section.c_str(), check.name.c_str());
            all = false;
        }
    return all;
}

// A check that rejects nothing is no check: a wrong answer must fail it, or the judge's source says why none does.
bool wrong_answers_fail_every_check() {
    const std::string root = PORTLAB_SOURCE_DIR "/tests/", path = story.chapter + "/" + story.exercise;
    std::set<std::string> failed;
    for (const auto& file : std::filesystem::directory_iterator{root + "wrong/" + path})
        failed.insert(announced(file.path(), "Fails"));
    std::ifstream file{root + "exercises/" + path + "_test.cpp"};
    const std::string judge{std::istreambuf_iterator<char>{file}, {}};
    bool all = true;
    for (const Check& check : story.checks)
        if (!failed.contains(check.name) &&
            judge.find("// No wrong answer fails: " + check.name + ": ") == judge.npos) {
            std::printf("no wrong answer fails the check \"%s\"\n", check.name.c_str());
            all = false;
        }
    return all;
}

} // namespace

std::string in_quotes(std::string_view text) { return common::quoted(text, 300); }

std::string in_words(int error) {
    if (error == 0)
        return "no error";
#ifdef __GLIBC__
    const char* const name = ::strerrorname_np(error);
#else
    const char* const name = nullptr;
#endif
    return (name ? name : "error " + std::to_string(error)) + std::string{" ("} + std::strerror(error) + ")";
}

bool gives(std::string_view text, int error) {
    const auto lower = [](std::string_view from) {
        std::string result{from};
        std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
        return result;
    };
    const auto is_part_of_a_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    const std::string words = in_words(error), all = lower(text); // "EADDRINUSE (Address already in use)"
    for (const std::string& reason : {lower(words.substr(0, words.find(" ("))), lower(std::strerror(error))})
        for (auto place = all.find(reason); place != all.npos; place = all.find(reason, place + 1))
            if (const auto end = place + reason.size(); (place == 0 || !is_part_of_a_word(all[place - 1])) &&
                                                        (end == all.size() || !is_part_of_a_word(all[end])))
                return true;
    return false;
}

std::string status_in_words(int status) {
    std::string text = "status " + std::to_string(status);
    if (status > 128 && status - 128 < NSIG) // exit(-1) makes 255
        text += ": killed by signal " + std::to_string(status - 128) + " (" + ::strsignal(status - 128) + ")";
    return text;
}

pid_t Program::pid() const { return about(process_)->pid(); }
pid_t Program::number() const { return support::number_inside(pid()); }
const std::string& Program::printed() const { return about(process_)->output(); }
const std::string& Program::complained() const { return about(process_)->complaints(); }

std::string Program::next(const std::function<bool(const std::string&)>& wanted) {
    about(process_);
    return waiting(process_, [&] {
        const auto deadline = std::chrono::steady_clock::now() + support::patience;
        while (const auto line = process_->next_line(support::until(deadline))) {
            tell("read its line " + in_quotes(*line));
            if (wanted(*line))
                return *line;
        }
        fail_for_its_end(process_, "that");
    });
}

std::string Program::line() {
    return next([](const std::string&) { return true; });
}

std::string Program::wait_for_line(std::string_view text) {
    return next([text](const std::string& line) { return line.find(text) != line.npos; });
}

Address Program::ready() {
    const std::string line = next([](const std::string& one) { return one.starts_with("listening on "); });
    try {
        return support::address_in(line);
    } catch (const support::Overdue&) {
        throw Failed{"the line " + in_quotes(line) + " names no ADDRESS:PORT"};
    }
}

std::vector<std::string> Program::lines_to_the_end() {
    about(process_);
    std::vector<std::string> lines;
    waiting(process_, [&] {
        const auto deadline = std::chrono::steady_clock::now() + support::patience;
        while (auto line = process_->next_line(support::until(deadline)))
            lines.push_back(*line);
        return note_end(process_);
    });
    tell("read what it printed until it ended: " +
         (lines.size() == 1 ? in_quotes(lines.front()) : std::to_string(lines.size()) + " lines"));
    return lines;
}

int Program::exit_status() {
    about(process_);
    const int status = waiting(process_, [this] { return note_end(process_); });
    tell("waited for its end: " + status_in_words(status));
    support::eventually([] { // what it has just killed may be a moment later than itself
        for (const pid_t pid : left_behind())
            ::waitpid(pid, nullptr, WNOHANG);
        return left_behind().empty();
    });
    fail_if_something_is_left_behind();
    return status;
}

void Program::type(std::string_view text) {
    about(process_);
    tell("typed " + in_quotes(text.substr(0, 80)) + " to its standard input" +
         (text.size() > 80 ? ", the first of " + std::to_string(text.size()) + " bytes" : ""));
    try {
        process_->type(text);
    } catch (const std::system_error& error) {
        int status = 0;
        try {
            status = waiting(process_, [this] { return note_end(process_); });
        } catch (const Failed&) {
            throw Failed{"it does not read its standard input any more: " + in_words(error.code().value())};
        }
        throw Failed{"it ended with " + status_in_words(status) + " before that, and " + what_it_printed(*process_)};
    }
}

void Program::close_input() {
    about(process_);
    tell("closed its standard input");
    process_->close_input();
}

void Program::expect_running() const {
    about(process_);
    settle();
    if (has_ended(pid()))
        fail_for_its_end(process_, "it was told to end");
}

void Program::send_signal(int number) {
    expect_running();
    tell(std::string{"sent it the signal "} + std::to_string(number) + " (" + ::strsignal(number) + ")");
    process_->send_signal(number);
}

std::vector<SocketRow> Program::sockets(Protocol protocol) const {
    about(process_);
    tell(std::string{"asked the kernel for the "} + (protocol == Protocol::tcp ? "TCP" : "UDP") +
         " sockets of process " + std::to_string(pid()));
    return process_->sockets(protocol);
}

SocketRow Program::listener() const {
    expect_running();
    auto rows = sockets(Protocol::tcp);
    std::erase_if(rows, [](const SocketRow& row) { return row.state != "LISTEN"; });
    if (rows.empty())
        throw Failed{"no socket of it listens"};
    if (rows.size() > 1)
        throw Failed{std::to_string(rows.size()) + " sockets of it listen"};
    return rows.front();
}

support::Client Program::borrow(int number) const { return about(process_)->borrow(number); }

support::Client Program::borrow(const SocketRow& row) const { return about(process_)->borrow(row); }

std::vector<int> Program::socket_descriptors() const {
    about(process_);
    if (!std::filesystem::exists("/proc/self/fd"))
        support::leave_out("needs /proc/PID/fd, which Linux has");
    std::vector<int> result;
    for (const auto& held : process_->descriptors())
        if (held.what.starts_with("socket:"))
            result.push_back(held.descriptor);
    std::ranges::sort(result);
    return result;
}

void Program::limit_descriptors(unsigned from) { about(process_)->limit_descriptors(from); }

void Program::settle() const {
    about(process_);
    const auto start = std::chrono::steady_clock::now();
    std::optional<support::Sleep> before;
    support::eventually([&] {
        if (has_ended(pid()) || std::chrono::steady_clock::now() - start > milliseconds{200})
            return true;
        const auto rest = support::asleep(pid());
        return rest && rest == std::exchange(before, rest);
    });
}

std::optional<std::string> Program::line_or_end(std::string_view text) {
    about(process_);
    return waiting(process_, [&] {
        const auto deadline = std::chrono::steady_clock::now() + support::patience;
        while (auto line = process_->next_line(support::until(deadline))) {
            tell("read its line " + in_quotes(*line));
            if (line->find(text) != line->npos)
                return line;
        }
        tell("waited for its next line: it ended with " + status_in_words(note_end(process_)));
        return std::optional<std::string>{};
    });
}

void Program::take_all_of(const Client& client) const {
    about(process_);
    Address server;
    try {
        server = client.peer();
    } catch (const support::Overdue&) {
        return; // it has reset the connection, which the next step will tell
    }
    std::optional<SocketRow> row;
    const auto open = [&] { // at its end; if it has closed, it will read no more
        return row && (row->state == "ESTAB" || row->state == "CLOSE-WAIT" || row->state == "SYN-RECV");
    };
    const bool taken = support::eventually([&] {
        row = support::kernel_socket(Protocol::tcp, server, client.local());
        return !open() || (row->inode != 0 && row->received == 0 &&
                           (support::asleep(pid()) || support::doing(pid()) != "is running"));
    });
    tell("waited until it had read what " + client.name() + " sent");
    if (!taken && open() && row->inode == 0)
        throw Failed{"it does not accept the connection of " + client.name() + ": it " + where_it_sleeps(pid())};
    if (!taken && open() && row->received > 0)
        throw Failed{"it leaves " + std::to_string(row->received) + " bytes from " + client.name() + " unread: it " +
                     where_it_sleeps(pid())};
}

void Program::stop_listening_at(const Address& address) const {
    about(process_);
    const bool gone = support::eventually([&] {
        return std::ranges::none_of(support::kernel_sockets(Protocol::tcp), [&](const SocketRow& row) {
            return row.state == "LISTEN" && row.local == address;
        });
    });
    tell("waited until nobody listened on " + to_string(address));
    if (!gone)
        throw Failed{"it still listens on " + to_string(address) + ": it " + where_it_sleeps(pid())};
}

namespace {

template <class Act>
auto told(const std::string& name, Act act) {
    try {
        return act();
    } catch (const support::Overdue& overdue) {
        const bool over = support::no_time_is_left();
        throw Failed{(over ? "the time that the grader has for it is over: " : "") + name + ": " + overdue.what()};
    }
}

} // namespace

Client::Client(std::string name, support::Client socket) : name_{std::move(name)}, socket_{std::move(socket)} {}

void Client::send(std::string_view bytes) {
    tell(name_ + " sent " + in_quotes(bytes));
    told(name_, [&] { socket_.send(bytes); });
}

std::string Client::read_line() {
    std::string line = told(name_, [&] { return socket_.read_line(); });
    tell(name_ + " received the line " + in_quotes(line));
    return line;
}

std::string Client::read(std::size_t size) {
    std::string bytes = told(name_, [&] { return socket_.read(size); });
    tell(name_ + " received " + in_quotes(bytes));
    return bytes;
}

std::string Client::read_to_end() {
    std::string bytes = told(name_, [&] { return socket_.read_to_end(); });
    tell(name_ + " received " + in_quotes(bytes) + " and the end of the stream");
    return bytes;
}

std::string Client::take() {
    std::string bytes = told(name_, [&] { return socket_.take(); });
    if (!bytes.empty())
        tell(name_ + " received " + in_quotes(bytes));
    return bytes;
}

bool Client::reset_by_peer() {
    return told(name_, [&] { return socket_.reset_by_peer(); });
}

void Client::shut_down_sending() {
    tell(name_ + " said that it sends no more");
    socket_.shut_down_sending();
}

void Client::close() {
    tell(name_ + " closed");
    socket_.close();
}

void Client::break_off() {
    tell(name_ + " broke off: it reset its connection");
    support::reset(std::move(socket_));
}

Client Client::accept() {
    support::Client accepted = told(name_, [&] { return socket_.accept(); });
    const std::string peer = to_string(accepted.peer());
    tell(name_ + " accepted a connection from " + peer);
    return {"the connection from " + peer, std::move(accepted)};
}

void Client::send_datagram(std::string_view bytes) {
    tell(name_ + " sent a datagram of " + std::to_string(bytes.size()) + " bytes, " + in_quotes(bytes));
    if (::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
        throw Failed{name_ + " gets " + in_words(errno) + " when it sends a datagram to " + to_string(peer())};
}

std::string Client::read_datagram() {
    const support::Waited waited = support::wait_for_any({{descriptor(), POLLIN}}, support::patience);
    if (!waited.ready)
        throw Failed{name_ + " waited " + waited.time + " for a datagram from " + to_string(peer())};
    std::string bytes(65536, '\0');
    const auto size = ::recv(descriptor(), bytes.data(), bytes.size(), 0);
    if (size < 0)
        throw Failed{name_ + " gets " + in_words(errno) + " when it waits for a datagram from " + to_string(peer())};
    bytes.resize(static_cast<std::size_t>(size));
    tell(name_ + " received a datagram of " + std::to_string(size) + " bytes, " + in_quotes(bytes));
    return bytes;
}

std::pair<std::string, int> Client::send_and_read_to_any_end(std::string_view bytes) {
    if (!bytes.empty()) {
        tell(name_ + " sent " + in_quotes(bytes));
        [[maybe_unused]] const auto sent = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    std::string received = told(name_, [&] { return socket_.read_to_any_end(); });
    tell(name_ + " received " + in_quotes(received) + " and then the end: " + in_words(socket_.error()));
    return {std::move(received), socket_.error()};
}

void Grader::check(std::string name, std::string expected, std::string section) {
    story.checks.push_back({std::move(name), std::move(expected), std::move(section)});
    for (Started& started : story.programs)
        started.settled = started.status.has_value();
    story.before_check = story.steps.size();
    if (!story.programs.empty() && std::ranges::all_of(story.programs, &Started::settled))
        story.over = story.steps.size();
}

void Grader::expect(bool holds, const std::string& observed) {
    if (!holds)
        fail(observed);
}

void Grader::fail(const std::string& observed) { throw Failed{observed}; }

void Grader::did(const std::string& step) { tell(step); }

void Grader::as_one_step(const std::string& step, const std::function<void()>& part) {
    const std::vector<Step> before = story.steps;
    part();
    story.steps = before;
    tell(step);
}

Program Grader::start(const Launch& launch) { return start_other(story.exercise, story.program, launch); }

Program Grader::start_other(const std::string& what, const std::string& path, const Launch& launch) {
    support::note_start();
    story.programs.push_back({.name = what,
                              .process = std::make_unique<Process>(path, launch),
                              .launch = launch,
                              .first_step = story.steps.size()});
    Process* const process = about(story.programs.back().process.get());
    tell("started " + what + " as process " + std::to_string(process->pid()) + arguments_in_words(launch));
    return Program{process};
}

Client Grader::connect(const Address& server, const Address& source) {
    const std::string name = "client " + std::to_string(++story.clients);
    support::Client client = told(name, [&] { return support::connect_to(server, source); });
    if (client.error() != 0) {
        tell(name + " tried to connect to " + to_string(server));
        throw Failed{"a client that connects to " + to_string(server) + " gets " + in_words(client.error())};
    }
    tell(name + " connected from " + to_string(client.local()) + " to " + to_string(server));
    return {name, std::move(client)};
}

int Grader::try_to_connect(const Address& server) {
    const support::Client client = told("a client", [&] { return support::connect_to(server); });
    tell("tried to connect to " + to_string(server) + ": " + in_words(client.error()));
    return client.error();
}

namespace {

/// While it lives, this process and what it has started share one processor, and what wakes up does not take it from
/// the one that runs, so that a few calls in a row are made before any other process makes its next one: sched(7).
/// Where the system does not let it, nothing changes.
class OneProcessor {
  public:
#ifdef __linux__
    OneProcessor() {
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(static_cast<unsigned>(::sched_getcpu()), &here);
        std::vector<pid_t> threads{0}; // 0: this one
        for (const pid_t process : support::descendants(::getpid()))
            for (const pid_t thread : support::living_threads(process))
                threads.push_back(thread);
        for (const pid_t thread : threads) {
            Before before{thread, {}, ::sched_getscheduler(thread)};
            if (::sched_getaffinity(thread, sizeof before.processors, &before.processors) != 0)
                continue;
            before_.push_back(before);
            ::sched_setaffinity(thread, sizeof here, &here);
            if (thread != 0 && before.policy == SCHED_OTHER)
                ::sched_setscheduler(thread, SCHED_BATCH, &usual);
        }
    }
    ~OneProcessor() {
        for (const pid_t process : support::descendants(::getpid()))
            for (const pid_t thread : support::living_threads(process)) // one that is new has what its maker had
                if (!before_.empty() && std::ranges::find(before_, thread, &Before::thread) == before_.end())
                    before_.push_back({thread, before_.front().processors, SCHED_OTHER});
        for (const Before& before : before_) {
            if (before.thread != 0 && before.policy == SCHED_OTHER)
                ::sched_setscheduler(before.thread, SCHED_OTHER, &usual);
            ::sched_setaffinity(before.thread, sizeof before.processors, &before.processors);
        }
    }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;

  private:
    struct Before {
        pid_t thread;
        cpu_set_t processors;
        int policy;
    };
    static constexpr sched_param usual{};
    std::vector<Before> before_;
#endif
};

} // namespace

void Grader::reset_in_the_queue(const Address& server) {
    [[maybe_unused]] const OneProcessor one;
    constexpr unsigned times = 50;
    for (unsigned i = 0; i < times; ++i) {
        support::Client client = support::begin_to_connect(server);
        if (i % 2 == 1)
            client.shut_down_sending();
        support::reset(std::move(client));
    }
    tell(std::to_string(times) + " clients connected to " + to_string(server) +
         ", and each reset its connection at once, every second one when it had ended its sending: before accept, for "
         "most");
}

Client Grader::listen(const std::string& ip, std::uint16_t port) {
    support::Client socket = support::listening_socket(ip, port);
    if (socket.error() != 0 && somebody_is_in_the_way())
        fail("the grader cannot listen on " + to_string(Address{ip, port}) + " any more: " + in_words(socket.error()));
    if (socket.error() != 0)
        support::leave_out("the grader cannot listen on " + to_string(Address{ip, port}) + ": " +
                           in_words(socket.error()));
    const std::string where = to_string(socket.local());
    tell("listened on " + where);
    return {"the grader's listener on " + where, std::move(socket)};
}

unsigned Grader::draw(unsigned low, unsigned high) {
    static std::random_device source;
    return std::uniform_int_distribution<unsigned>{low, high}(source);
}

void Grader::not_here(const std::string& reason) { story.not_here.push_back(reason); }

std::uint16_t Grader::fresh_port() {
    static std::set<std::uint16_t> given;
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto port = static_cast<std::uint16_t>(draw(10'000, 30'000)); // below the ephemeral range
        const auto is_peer = [port](const SocketRow& row) { return row.peer.port == port; }; // of an old connection
        if (support::bound_socket("0.0.0.0", port).error() == 0 && given.insert(port).second &&
            std::ranges::none_of(support::kernel_sockets(Protocol::tcp), is_peer))
            return port;
    }
    if (somebody_is_in_the_way())
        fail("it, or what it started, leaves no port free for the grader");
    support::leave_out("found no port that is not in use");
    return 0;
}

void Grader::where_possible(const std::function<void()>& part) {
    try {
        part();
    } catch (const support::LeftOut& reason) {
        not_here(reason.what());
    }
}

void Grader::new_scene() {
    story.steps.clear();
    story.over = story.before_check = 0;
    story.concerned = nullptr;
    for (Started& started : story.programs)
        started.first_step = 0;
    for (Started& started : story.programs)
        if (started.status)
            story.past.push_back(std::move(started.process));
    std::erase_if(story.programs, [](const Started& one) { return !one.process; });
}

std::pair<std::uint16_t, std::uint16_t> Grader::ephemeral_range() {
    std::ifstream file{"/proc/sys/net/ipv4/ip_local_port_range"};
    std::uint16_t low = 49152, high = 65535; // if there is no such file: IANA's range
    file >> low >> high;
    return {low, high};
}

void Grader::check_refusal(Launch launch) {
    check("it ends with status 1 if the system refuses it a socket",
          "status 1, no ready line, and the reason on standard error", "Exercises");
    launch.lacking = Lacking::buffers;
#ifndef __linux__
    return not_here("a system that refuses sockets on demand");
#endif
    did("takes the memory for sockets away from the next program: it gets " + in_words(ENOBUFS));
    Program program = start(launch);
    const int status = program.exit_status();
    expect(program.printed().find("listening on") == std::string::npos, "it printed " + in_quotes(program.printed()));
    expect(status == 1, "it ended with " + status_in_words(status));
    expect(!program.complained().empty(), "it ended with status 1, and said nothing");
    // A library may keep the reason to itself, as asyncio does: then the trace of its exception must do.
    const bool traced = std::ranges::count(program.complained(), '\n') > 2;
    expect(traced || gives(program.complained(), ENOBUFS),
           "it ended with status 1, and said on standard error " + in_quotes(program.complained()));
}

void Grader::check_restart(const Address& address, Launch launch) {
    check("it can be started again at once", "the ready line, with the port on which it has just served clients",
          "Exercises");
    launch.environment["PORT"] = std::to_string(address.port);
    Program program = start(launch);
    const Address says = program.ready();
    expect(says.port == address.port,
           "it listens on " + to_string(says) + ", and was told to listen on port " + std::to_string(address.port));
    program.send_signal(SIGTERM);
    program.exit_status();
}

bool Grader::alone() {
    try {
        support::need_private_network();
        return true;
    } catch (const support::LeftOut&) {
        return false;
    }
}

Client Grader::udp_client(const Address& server, const std::string& ip) {
    const std::string name = "client " + std::to_string(++story.clients);
    Client client{name, support::udp_socket(ip, 0, server)};
    tell(name + " took the UDP port " + to_string(client.local()) + " and speaks to " + to_string(server));
    return client;
}

} // namespace grader

int grader::grade(int argc, char** argv, void (*judge)(Grader&)) {
    const std::string mode = argc > 2 ? argv[2] : "";
    const bool as_user = argc == 6 && argv[4] == std::string_view{"--user"},
               in_sandbox = argc > 5 && argv[4] == std::string_view{"--sandbox"};
    if (argc < 2 || (mode == "--verdict" ? argc != 4 && !as_user && !in_sandbox : (mode == "--wrong") != (argc == 4))) {
        std::fprintf(stderr,
                     "usage: %s PROGRAM [--checks | --stub | --wrong SOURCE |\n"
                     "       --verdict FILE [--sandbox COMMAND [ARGUMENT ...] | --user NUMBER]]\n",
                     argv[0]);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOFBF, 65536);
#ifdef __linux__
    if (in_sandbox || as_user)
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever grades may be killed; nothing is left then
#endif
    std::signal(SIGINT, SIG_DFL); // a shell starts what is in its background with SIGINT ignored, and that is inherited
    support::leave_nothing_behind();
    std::signal(SIGPIPE, SIG_IGN);
#ifdef __linux__
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
    const std::filesystem::path self = std::filesystem::absolute(argv[0]).lexically_normal();
    const std::string name = self.filename();
    story.exercise = name.substr(0, name.size() - std::strlen("_test"));
    story.chapter = self.parent_path().filename();
    story.program = argv[1];
    if (const std::string why = support::why_it_cannot_start(story.program); !why.empty()) {
        std::fprintf(stderr, "%s\n", why.c_str());
        return 2;
    }
    support::enter_private_network();
    support::hopeless = nothing_can_wake_them;
    const char* const seconds = std::getenv("PORTLAB_PATIENCE");
    if (in_sandbox || as_user)
        support::limit_waits(seconds ? std::chrono::seconds{std::atoi(seconds)} : patience_with_strangers,
                             free_at_a_start);
    else
        support::limit_waits(patience_in_all);

    auto began = std::chrono::steady_clock::now();
    enum { right, wrong, not_started, left_out } verdict = right;
    std::string observed, words;
    Grader grader;
    const auto not_begun = [&](const NotStarted& why) {
        words = why.words + "\n";
        verdict = not_started;
    };
    try {
        try {
            if (as_user)
                support::run_as(static_cast<uid_t>(std::strtoul(argv[5], nullptr, 10)));
            if (in_sandbox)
                support::need_private_network(), support::enter_sandbox({argv + 5, argv + argc}, story.program);
            began = std::chrono::steady_clock::now();
#ifdef __linux__
            if (in_sandbox || as_user)
                ::prctl(PR_SET_PDEATHSIG, SIGKILL); // again: a change of user takes it back
#endif
            judge(grader);
        } catch (const support::Overdue& overdue) { // of a call that the grader makes for itself
            const std::string_view why = overdue.what();
            throw Failed{std::string{why.substr(0, why.find("; standard output so far"))}};
        } catch (const support::CannotStart& why) {
            if ((in_sandbox || as_user) && !story.checks.empty())
                throw Failed{why.what()};
            std::fprintf(stderr, "%s\n", why.what());
            return 2;
        }
        for (const Started& started : story.programs)
            if (started.status == status_not_started)
                throw NotStarted{"not started: the program ends with status 77"};
    } catch (const Failed& failed) {
        try {
            kill_what_is_left_behind(); // it may hold the output of one that has ended
            for (const Started& started : story.programs)
                if (!started.status && has_ended(started.process->pid()))
                    try {
                        note_end(started.process.get());
                    } catch (const support::Overdue&) { // what it left behind holds its output
                    }
            observed = failed.observed;
            verdict = wrong;
            words = told_story(failed);
        } catch (const NotStarted& why) {
            not_begun(why);
        }
    } catch (const NotStarted& why) {
        not_begun(why);
    } catch (const support::LeftOut& reason) {
        words = story.exercise + " is not judged: " + reason.what() + "\n";
        verdict = left_out;
    }
    for (const Started& started : story.programs)
        if (!started.status)
            ::kill(-started.process->pid(), SIGKILL);
    const std::vector<Check> checks = story.checks;
    story.programs.clear();
    kill_what_is_left_behind();
    support::leave_sandbox();

    if (verdict == right) {
        words = story.exercise + ": right, " + std::to_string(checks.size()) + " checks\n";
        for (const std::string& reason : story.not_here)
            words += "not tried: " + reason + "\n";
    }
    if (mode == "--verdict") {
        Verdict found{.exercise = story.chapter + "/" + story.exercise,
                      .verdict = std::array{"right", "wrong", "not started", "not judged"}[verdict],
                      .not_tried = story.not_here,
                      .story = words,
                      .took = std::chrono::steady_clock::now() - began};
        for (const Check& check : checks)
            found.checks.push_back(check.name);
        if (verdict == wrong)
            found.failed = {checks.back().name, checks.back().expected, observed, checks.back().section};
        write(found, argv[3]);
    }
    std::fputs(words.c_str(), stdout);
    if (verdict == left_out)
        return verdict_skipped;
    if (mode == "--stub") {
        if (verdict == not_started)
            return EXIT_SUCCESS;
        if (std::getenv("CI") == nullptr) {
            std::printf("\n%s has been started; a stub is judged before that\n", story.exercise.c_str());
            return verdict_skipped;
        }
        std::printf("\nthis stub does not show as not started\n");
        return EXIT_FAILURE;
    }
    if (mode == "--wrong") {
        const std::string fails = announced(argv[3], "Fails"), seen = announced(argv[3], "Seen");
        const bool as_announced =
            verdict == wrong && checks.back().name == fails && observed.find(seen) != observed.npos;
        if (verdict == right && !story.not_here.empty()) {
            std::printf("%s is not judged: %s\n", story.exercise.c_str(), story.not_here.front().c_str());
            return verdict_skipped;
        }
        std::printf("\n%s\n", as_announced ? "rejected, as it must be" : "NOT REJECTED AS IT MUST BE");
        if (!as_announced)
            std::printf("it must fail: %s\nand be seen:  %s\n", fails.c_str(), seen.c_str());
        return as_announced ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (verdict == not_started) {
        const bool strict = std::getenv("PORTLAB_STRICT") != nullptr;
        return strict ? EXIT_FAILURE : verdict_skipped;
    }
    if (verdict == wrong)
        return EXIT_FAILURE;
    if (mode == "--checks") {
        for (const Check& check : checks)
            std::printf("check: %s\n", check.name.c_str());
        const bool sections = sections_exist(), all_fail = wrong_answers_fail_every_check();
        return sections && all_fail ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
