#include "tools/loop/check.hpp"
#include "tools/loop/command.hpp"
#include "tools/loop/commands.hpp"
#include "tools/loop/progress.hpp"
#include "tools/loop/terminal.hpp"
#include "tools/loop/texts.hpp"

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#ifdef __linux__
#include <sys/vfs.h>
#endif

namespace loop {
namespace {

namespace fs = std::filesystem;
using asio::posix::stream_descriptor;

// One watch a tree: two would judge every save twice.
class Lock {
  public:
    Lock() : file_{::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644)} {
        if (file_ < 0)
            throw WrongUse{std::string{"cannot write "} + path + ": is the folder yours, and has it been configured?"};
        if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
            std::string holder;
            std::getline(std::ifstream{path}, holder);
            throw WrongUse{"process " + holder + " watches this folder already; end that one first (q)"};
        }
        const std::string self = std::to_string(::getpid()) + "\n";
        [[maybe_unused]] const bool told = ::ftruncate(file_, 0) == 0 && ::write(file_, self.data(), self.size()) > 0;
    }
    ~Lock() { ::close(file_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    static constexpr const char* path = "build/default/watch.lock";
    int file_;
};

// A file that another machine changes is reported by no notice of the kernel; statfs(2) knows such file systems.
bool on_a_network([[maybe_unused]] const char* path) {
#ifdef __linux__
    constexpr std::array<unsigned, 8> kinds{0x6969,     0x517B,     0xFF534D42, 0xFE534D42,  // NFS, SMB, CIFS, SMB 2
                                            0x65735546, 0x01021997, 0x786F4256, 0x00C36400}; // FUSE, 9P, vboxsf, Ceph
    struct statfs about = {};
    if (::statfs(path, &about) == 0)
        for (const unsigned kind : kinds)
            if (static_cast<unsigned>(about.f_type) == kind)
                return true;
#endif
    return false;
}

class Watch {
  public:
    Watch(const Catalogue& catalogue, const Watching& how, std::chrono::seconds limit)
        : catalogue_{catalogue},
          exercise_{how.exercise.empty() ? current(catalogue) : catalogue.exercise(how.exercise)},
          poll_{how.poll || on_a_network("exercises")},
          limit_{limit} {
        changed(); // from now on
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT})
            signals_.add(number);
    }

    int run() {
        signals_.async_wait([this](auto error, int number) { on_signal(error, number); });
        read_keys();
        poll_ ? look_again() : notice_saves();
        judge();
        io_.run();
        return status_;
    }

  private:
    // ---- What is saved ----------------------------------------------------------------------------------------------

    // The exercise whose file has changed since the last call; of several the one that was saved last.
    std::optional<Exercise> changed() {
        std::optional<Exercise> latest;
        fs::file_time_type when{};
        for (const Exercise& exercise : catalogue_.exercises()) {
            std::error_code error; // an editor may be between two names
            const auto time = fs::last_write_time(exercise.file(), error);
            if (error || std::exchange(saved_[exercise.number], time) == time)
                continue;
            if (!latest || time > when) {
                latest = exercise;
                when = time;
            }
        }
        return latest;
    }

    void on_change() {
        if (const auto exercise = changed()) {
            exercise_ = *exercise;
            judge();
        }
    }

    void look_again() {
        timer_.expires_after(std::chrono::milliseconds{250});
        timer_.async_wait([this](auto error) {
            if (error)
                return;
            on_change();
            look_again();
        });
    }

    void notice_saves() {
        std::vector<std::string> command{"inotifywait", "--monitor", "--event", "close_write,moved_to,create"};
        for (const Chapter& chapter : catalogue_.chapters()) // not --recursive, which passes a folder over when a file
            if (!chapter.exercises.empty())                  // in it, such as an editor's, vanishes meanwhile
                command.push_back("exercises/" + chapter.name);
        try {
            notices_.emplace(command);
        } catch (const std::system_error&) {
            how_ = "inotifywait is not there (Debian: inotify-tools), so the files are looked at four times a second";
            return look_again();
        }
        from_notices_.assign(::dup(notices_->output()));
        read_notices();
    }

    void read_notices() {
        from_notices_.async_read_some(asio::buffer(some_notices_), [this](auto error, std::size_t) {
            if (!error) {
                on_change();
                read_notices();
            } else if (error != asio::error::operation_aborted) {
                how_ = "inotifywait has ended, so the files are looked at four times a second";
                look_again();
            }
        });
    }

    // ---- The verdict ------------------------------------------------------------------------------------------------

    void judge() {
        checking_.reset(); // an older one, of what has been changed since, is ended
        report_.reset();
        doing_.clear();
        show();
        checking_.emplace(io_, exercise_, limit_,
                          Checking::Told{.command = [](const auto&) {},
                                         .at_work = [this](const auto& words) { show_progress(words); },
                                         .done =
                                             [this](Report report) {
                                                 report_ = std::move(report);
                                                 doing_.clear();
                                                 show();
                                             }});
    }

    // On the first line, which stays free for it, whatever stands below.
    void show_progress(const std::string& words) {
        doing_ = words;
        if (terminal::has_cursor())
            std::cout << "\0337\033[1;1H\033[K" << first_line() << "\0338" << std::flush;
    }

    std::string first_line() const {
        const std::string text = report_ ? effort(exercise_) + ": " + exercise_.file()
                                         : "checking " + in_a_line(exercise_) + (doing_.empty() ? "" : ": " + doing_);
        return terminal::dim(terminal::cut(text, terminal::size().columns - 1));
    }

    void show() {
        page_ = 0;
        terminal::clear();
        std::cout << first_line() << '\n';
        if (report_)
            show_verdict();
        else if (progress_of(exercise_).state == State::not_started) // which is seen at once
            loop::show(exercise_, {Result::not_started}, room());
        else
            std::cout << terminal::wrapped(exercise_.file() + " (" + effort(exercise_) + ")", terminal::size().columns);
        show_keys();
    }

    void show_verdict() const {
        loop::show(exercise_, *report_, room());
        if (report_->result == Result::right || report_->result == Result::compiles)
            show_next(catalogue_, exercise_);
    }

    // What the exercise asks for, as much as there is room for; the next time the rest.
    void show_statement() {
        const auto lines = statement_lines(exercise_);
        const std::size_t most = room() - 1, pages = (lines.size() + most - 1) / most;
        terminal::clear();
        std::cout << first_line() << '\n';
        for (std::size_t i = page_ * most; i < std::min(lines.size(), (page_ + 1) * most); ++i)
            std::cout << lines[i] << '\n';
        if (pages > 1)
            std::cout << terminal::dim("page " + std::to_string(page_ + 1) + " of " + std::to_string(pages) +
                                       ", s: " + (page_ + 1 < pages ? "the next" : "the first"))
                      << '\n';
        page_ = (page_ + 1) % std::max<std::size_t>(pages, 1);
        show_keys();
    }

    // Between the first line and what show_keys() prints.
    std::size_t room() const {
        const auto [rows, columns] = terminal::size();
        return terminal::is_terminal() ? std::max(rows, 12U) - 3 - (how_.empty() ? 0 : 1 + how_.size() / columns)
                                       : 1000;
    }

    void show_keys() const {
        if (keys_.from_terminal())
            std::cout << '\n'
                      << (how_.empty() ? "" : terminal::wrapped(how_, terminal::size().columns))
                      << terminal::dim("s statement  h hint  l list  n next  r rerun  q quit");
        std::cout << std::flush;
    }

    // ---- Keys and signals -------------------------------------------------------------------------------------------

    void read_keys() {
        if (!input_.is_open()) // of a terminal an opening of its own: Asio makes it non-blocking, for all who share it
            input_.assign(keys_.from_terminal() ? ::open("/dev/tty", O_RDONLY | O_CLOEXEC) : ::dup(STDIN_FILENO));
        input_.async_read_some(asio::buffer(typed_), [this](auto error, std::size_t size) {
            if (error) // nobody types: a pipe whose writer has gone ends the watch, /dev/null does not
                return is_pipe() ? end(0) : void();
            for (std::size_t i = 0; i < size; ++i)
                on_key(typed_[i]);
            if (!over_)
                read_keys();
        });
    }

    static bool is_pipe() {
        struct stat about = {};
        return ::fstat(STDIN_FILENO, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode));
    }

    void on_key(char key) {
        if (key != 's')
            page_ = 0;
        switch (key) {
        case 's':
            return show_statement();
        case 'h':
            terminal::clear();
            std::cout << first_line() << '\n' << next_hint(exercise_);
            return show_keys();
        case 'l':
            terminal::clear();
            std::cout << first_line() << '\n';
            print_status(catalogue_, 3);
            return show_keys();
        case 'n':
            exercise_ = next_after(catalogue_, exercise_);
            return judge();
        case 'r':
            return judge();
        case 'q':
            return end(0);
        default:
            return;
        }
    }

    void on_signal(std::error_code error, int number) {
        if (error)
            return;
        if (number == SIGINT || number == SIGTERM || number == SIGHUP)
            return end(128 + number);
        if (number == SIGCONT)
            keys_.begin();
        show();
        signals_.async_wait([this](auto failed, int next) { on_signal(failed, next); });
    }

    void end(int status) {
        over_ = true;
        status_ = status;
        if (keys_.from_terminal())
            std::cout << std::endl;
        io_.stop();
    }

    const Catalogue& catalogue_;
    Exercise exercise_;
    bool poll_, over_ = false;
    int status_ = 0;
    std::chrono::seconds limit_;
    std::size_t page_ = 0; // of the statement, which `s` shows next
    std::string how_{}, doing_{};
    std::map<std::string, fs::file_time_type> saved_{};
    std::optional<Report> report_{};
    Lock lock_{};
    terminal::Keys keys_{};
    asio::io_context io_{};
    asio::signal_set signals_{io_};
    asio::steady_timer timer_{io_};
    std::optional<Command> notices_{};
    std::optional<Checking> checking_{};
    stream_descriptor from_notices_{io_}, input_{io_};
    std::array<char, 4096> some_notices_{};
    std::array<char, 16> typed_{};
};

} // namespace

int watch(const Catalogue& catalogue, const Watching& how, std::chrono::seconds limit) {
    return Watch{catalogue, how, limit}.run();
}

} // namespace loop
