#include "tests/support/grader.hpp"

#include "tests/support/asleep.hpp"
#include "tests/support/network.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <ranges>
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
// arrived.
constexpr milliseconds silence{300};

constexpr int status_not_started = 77; // exercises/begin_here.hpp
constexpr int verdict_skipped = 4;     // CTest's SKIP_RETURN_CODE

struct Failed {
    std::string observed;
};
struct NotStarted {
    std::string words;
};

struct Check {
    std::string name, expected, section;
};

struct Started {
    std::string name;
    std::shared_ptr<Process> process;
    std::optional<int> status{};
};

// All that happened, for the story.
struct Story {
    std::string chapter, exercise, program;
    std::vector<std::string> steps;
    std::vector<Check> checks; // the last one is being made
    std::vector<Started> programs;
    unsigned clients = 0;
} story;

void tell(const std::string& step) { story.steps.push_back(step); }

// While all programs sleep, and have been woken by nothing for `silence`, waiting is in vain.
bool nothing_can_wake_them(milliseconds waited) {
    static std::optional<unsigned long long> before;
    static milliseconds since{}, last{};
    std::optional<unsigned long long> now;
    for (const Started& started : story.programs) {
        if (started.status)
            continue;
        const auto times = support::asleep(started.process->pid());
        if (!times) {
            now = std::nullopt;
            break;
        }
        now = now.value_or(0) + *times;
    }
    if (!now && std::ranges::all_of(story.programs, [](const Started& one) { return one.status.has_value(); }) &&
        !story.programs.empty())
        now = 0; // all have ended
    if (!now || now != before || waited < last)
        since = waited;
    before = now;
    last = waited;
    return now && waited - since >= silence;
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
        for (const char c : text.substr(start, std::min<std::size_t>(end - start, 200)))
            result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
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
    for (const SocketRow& row : rows | std::views::take(8))
        text += "\n             " + row_in_words(row);
    return text;
}

// Processes that the program left behind: they became ours when it ended.
std::vector<pid_t> left_behind() {
    auto all = support::descendants(::getpid());
    for (const Started& started : story.programs) {
        std::erase(all, started.process->pid());
        if (!started.status)
            for (const pid_t child : support::descendants(started.process->pid()))
                std::erase(all, child);
    }
    return all;
}

std::string command_of(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name.empty() ? "process " + std::to_string(pid) : name + " (process " + std::to_string(pid) + ")";
}

void kill_what_is_left_behind() {
    for (const pid_t pid : left_behind()) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
}

Started& entry(const std::shared_ptr<Process>& process) {
    return *std::ranges::find(story.programs, process, &Started::process);
}

// Takes a program's end down. An answer that has not been begun ends in a way of its own.
int note_end(const std::shared_ptr<Process>& process) {
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
    return process.output().empty() ? "printed nothing" : "printed no more than " + quoted(process.output());
}

std::string where_it_sleeps(pid_t process) {
    const std::string what = support::doing(process);
    return what + (what.starts_with("waits in") ? ", and nothing will wake it" : "");
}

// Runs a wait for the program; what ends it in vain becomes a sentence about the program.
template <class Wait>
auto waiting(const std::shared_ptr<Process>& process, Wait wait) {
    const auto start = std::chrono::steady_clock::now();
    try {
        return wait();
    } catch (const support::Overdue& overdue) {
        if (const std::string_view why = overdue.what(); why.starts_with("the program prints without end"))
            throw Failed{"it" + std::string{why.substr(std::strlen("the program"))}};
        const auto time = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
        throw Failed{"in " + support::in_seconds(time) + " it neither printed more nor ended: it " +
                     where_it_sleeps(process->pid()) + "; it " + what_it_printed(*process)};
    }
}

std::string arguments_in_words(const Launch& launch) {
    std::string text;
    for (const auto& [name, value] : launch.environment)
        text += (text.empty() ? ", with " : " ") + (value ? name + "=" + quoted(*value) : name + " not set");
    if (!launch.arguments.empty())
        text += text.empty() ? ", with the arguments" : " and the arguments";
    for (const auto& argument : launch.arguments)
        text += " " + quoted(argument);
    return text;
}

void print_story(const Failed& failed) {
    const Check& check = story.checks.back();
    std::printf("%s: not right yet: %s\n\nWhat the grader did\n", story.exercise.c_str(), check.name.c_str());
    for (std::size_t i = 0; i < story.steps.size(); ++i)
        std::printf("%3zu. %s\n", i + 1, story.steps[i].c_str());
    std::printf("Expected   %s\nObserved   %s\n", check.expected.c_str(), failed.observed.c_str());
    for (const Started& started : story.programs) {
        std::printf("At the end %s\n", state_of(started).c_str());
        if (!started.process->complaints().empty())
            std::printf("           on standard error:%s\n",
                        lines_in(started.process->complaints(), "             ").c_str());
    }
    std::printf("Read again chapters/%s/README.md: \"%s\", and the exercise itself\nTry it     ./portlab run %s/%s\n",
                story.chapter.c_str(), check.section.c_str(), story.chapter.c_str(), story.exercise.c_str());
}

// What the head of a wrong answer's source says after `key`.
std::string announced(const std::string& source, const std::string& key) {
    std::ifstream file{source};
    for (std::string line; std::getline(file, line) && line.starts_with("//");)
        if (line.starts_with("// " + key + ": "))
            return line.substr(key.size() + 5);
    std::printf("%s: its head has no line \"// %s: ...\"\n", source.c_str(), key.c_str());
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

} // namespace

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text.substr(0, 300)) {
        if (c == '\n')
            result += "\\n";
        else if (c == '\r')
            result += "\\r";
        else if (static_cast<unsigned char>(c) < ' ' || c == 127)
            result += '?';
        else
            result += c;
    }
    return result + (text.size() > 300 ? "...\"" : "\"");
}

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

std::string status_in_words(int status) {
    std::string text = "status " + std::to_string(status);
    if (status > 128)
        text += ": killed by signal " + std::to_string(status - 128) + " (" + ::strsignal(status - 128) + ")";
    return text;
}

Program::Program(std::shared_ptr<Process> process) : process_{std::move(process)} {}

pid_t Program::pid() const { return process_->pid(); }
const std::string& Program::printed() const { return process_->output(); }
const std::string& Program::complained() const { return process_->complaints(); }

std::string Program::line() {
    return waiting(process_, [this] {
        if (auto line = process_->next_line()) {
            tell("read its line " + quoted(*line));
            return *line;
        }
        const int status = note_end(process_);
        throw Failed{"it ended with " + status_in_words(status) + " before that, and " + what_it_printed(*process_)};
    });
}

std::string Program::wait_for_line(std::string_view text) {
    while (true)
        if (std::string found = line(); found.find(text) != found.npos)
            return found;
}

Address Program::ready() {
    const std::string line = wait_for_line("listening on ");
    try {
        return support::address_in(line);
    } catch (const support::Overdue&) {
        throw Failed{"the line " + quoted(line) + " names no ADDRESS:PORT"};
    }
}

std::vector<std::string> Program::lines_to_the_end() {
    std::vector<std::string> lines;
    waiting(process_, [&] {
        while (auto line = process_->next_line())
            lines.push_back(*line);
        return note_end(process_);
    });
    tell("read what it printed until it ended: " + std::to_string(lines.size()) +
         (lines.size() == 1 ? " line" : " lines"));
    return lines;
}

int Program::exit_status() {
    const int status = waiting(process_, [this] { return note_end(process_); });
    tell("waited for its end: " + status_in_words(status));
    if (const auto left = left_behind(); !left.empty()) {
        story.checks.push_back(
            {"it leaves no process behind", "when the program ends, all that it started has ended too", "Exercises"});
        throw Failed{"it ended, and " + command_of(left.front()) + ", which it started, runs on"};
    }
    return status;
}

void Program::type(std::string_view text) {
    tell("typed " + quoted(text) + " to its standard input");
    try {
        process_->type(text);
    } catch (const std::system_error& error) {
        throw Failed{"it does not read its standard input any more: " + in_words(error.code().value())};
    }
}

void Program::close_input() {
    tell("closed its standard input");
    process_->close_input();
}

void Program::send_signal(int number) {
    tell(std::string{"sent it the signal "} + std::to_string(number) + " (" + ::strsignal(number) + ")");
    process_->send_signal(number);
}

std::vector<SocketRow> Program::sockets(Protocol protocol) const {
    tell(std::string{"asked the kernel for the "} + (protocol == Protocol::tcp ? "TCP" : "UDP") +
         " sockets of process " + std::to_string(pid()));
    return process_->sockets(protocol);
}

SocketRow Program::listener() const {
    auto rows = sockets(Protocol::tcp);
    std::erase_if(rows, [](const SocketRow& row) { return row.state != "LISTEN"; });
    if (rows.empty())
        throw Failed{"no socket of it listens"};
    if (rows.size() > 1)
        throw Failed{std::to_string(rows.size()) + " sockets of it listen"};
    return rows.front();
}

support::Client Program::borrow(int number) const { return process_->borrow(number); }

void Program::take_all_of(const Client& client) const {
    Address server;
    try {
        server = client.peer();
    } catch (const support::Overdue&) {
        return; // it has reset the connection, which the next step will tell
    }
    std::optional<SocketRow> row;
    const auto open = [&] { // at its end; where it has closed, it will read no more
        return row && (row->state == "ESTAB" || row->state == "CLOSE-WAIT" || row->state == "SYN-RECV");
    };
    const bool taken = support::eventually([&] {
        row = common::kernel_socket(Protocol::tcp, server, client.local());
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
    const bool gone = support::eventually([&] {
        return std::ranges::none_of(common::kernel_sockets(Protocol::tcp), [&](const SocketRow& row) {
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
        throw Failed{name + ": " + overdue.what()};
    }
}

} // namespace

Client::Client(std::string name, support::Client socket) : name_{std::move(name)}, socket_{std::move(socket)} {}

void Client::send(std::string_view bytes) {
    tell(name_ + " sent " + quoted(bytes));
    told(name_, [&] { socket_.send(bytes); });
}

std::string Client::read_line() {
    std::string line = told(name_, [&] { return socket_.read_line(); });
    tell(name_ + " received the line " + quoted(line));
    return line;
}

std::string Client::read(std::size_t size) {
    std::string bytes = told(name_, [&] { return socket_.read(size); });
    tell(name_ + " received " + quoted(bytes));
    return bytes;
}

std::string Client::read_to_end() {
    std::string bytes = told(name_, [&] { return socket_.read_to_end(); });
    tell(name_ + " received " + quoted(bytes) + " and the end of the stream");
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

Client Client::accept() {
    support::Client accepted = told(name_, [&] { return socket_.accept(); });
    const std::string peer = to_string(accepted.peer());
    tell(name_ + " accepted a connection from " + peer);
    return {"the connection from " + peer, std::move(accepted)};
}

std::pair<std::string, int> Client::send_and_read_to_any_end(std::string_view bytes) {
    if (!bytes.empty()) {
        tell(name_ + " sent " + quoted(bytes));
        [[maybe_unused]] const auto sent = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    std::string received = told(name_, [&] { return socket_.read_to_any_end(); });
    tell(name_ + " received " + quoted(received) + " and then the end: " + in_words(socket_.error()));
    return {std::move(received), socket_.error()};
}

void Grader::check(std::string name, std::string expected, std::string section) {
    story.checks.push_back({std::move(name), std::move(expected), std::move(section)});
}

void Grader::expect(bool holds, const std::string& observed) {
    if (!holds)
        fail(observed);
}

void Grader::fail(const std::string& observed) { throw Failed{observed}; }

void Grader::did(const std::string& step) { tell(step); }

Program Grader::start(const Launch& launch) { return start_other(story.exercise, story.program, launch); }

Program Grader::start_other(const std::string& what, const std::string& path, const Launch& launch) {
    const auto process = std::make_shared<Process>(path, launch);
    story.programs.push_back({what, process});
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

Client Grader::listen(const std::string& ip, std::uint16_t port) {
    support::Client socket = support::listening_socket(ip, port);
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

std::uint16_t Grader::fresh_port() {
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto port = static_cast<std::uint16_t>(draw(10'000, 30'000)); // below the ephemeral range
        if (support::bound_socket("0.0.0.0", port).error() == 0)
            return port;
    }
    support::leave_out("found no port that is not in use");
    return 0;
}

std::pair<std::uint16_t, std::uint16_t> Grader::ephemeral_range() {
    std::ifstream file{"/proc/sys/net/ipv4/ip_local_port_range"};
    std::uint16_t low = 49152, high = 65535; // where there is no such file: IANA's range
    file >> low >> high;
    return {low, high};
}

} // namespace grader

int main(int argc, char** argv) {
    using namespace grader;
    const std::string mode = argc > 2 ? argv[2] : "";
    if (argc < 2 || (mode == "--wrong" && argc != 4)) {
        std::fprintf(stderr, "usage: %s PROGRAM [--checks | --stub | --wrong SOURCE]\n", argv[0]);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOFBF, 65536);
    std::signal(SIGPIPE, SIG_IGN);
#ifdef __linux__
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
    const std::string self = argv[0];
    const auto slash = self.rfind('/'), before = self.rfind('/', slash - 1);
    story.exercise = self.substr(slash + 1, self.size() - slash - 1 - std::strlen("_test"));
    story.chapter = self.substr(before + 1, slash - before - 1);
    story.program = argv[1];
    support::enter_private_network();
    support::hopeless = nothing_can_wake_them;

    enum { right, wrong, not_started, left_out } verdict = right;
    std::string observed;
    Grader grader;
    const auto not_begun = [&](const NotStarted& words) {
        std::printf("%s\n", words.words.c_str());
        verdict = not_started;
    };
    try {
        try {
            judge(grader);
        } catch (const support::Overdue& overdue) { // of a call that the grader makes for itself
            throw Failed{overdue.what()};
        }
        for (const Started& started : story.programs)
            if (started.status == status_not_started)
                throw NotStarted{"not started: the program ends with status 77"};
    } catch (const Failed& failed) {
        try {
            for (const Started& started : story.programs)
                if (!started.status && has_ended(started.process->pid()))
                    note_end(started.process);
            observed = failed.observed;
            verdict = wrong;
            print_story(failed);
        } catch (const NotStarted& words) {
            not_begun(words);
        }
    } catch (const NotStarted& words) {
        not_begun(words);
    } catch (const support::LeftOut& reason) {
        std::printf("%s is not judged: %s\n", story.exercise.c_str(), reason.what());
        verdict = left_out;
    }
    for (const Started& started : story.programs)
        if (!started.status)
            ::kill(-started.process->pid(), SIGKILL);
    const std::vector<Check> checks = story.checks;
    story.programs.clear();
    kill_what_is_left_behind();

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
    if (verdict == left_out)
        return verdict_skipped;
    if (mode == "--wrong") {
        const std::string fails = announced(argv[3], "Fails"), seen = announced(argv[3], "Seen");
        const bool as_announced =
            verdict == wrong && checks.back().name == fails && observed.find(seen) != observed.npos;
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
    std::printf("%s: right, %zu checks\n", story.exercise.c_str(), checks.size());
    if (mode == "--checks") {
        for (const Check& check : checks)
            std::printf("check: %s\n", check.name.c_str());
        return sections_exist() ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
