#pragma once

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

// Transcripts: the ```console blocks of the book, run by a machine.
//
//   <!-- varies: port=40123 pid=4711; needs: namespace ss -->
//   ```console
//   # Terminal 1: the server
//   $ ./portlab run 03_listen_accept
//   listening on 127.0.0.1:40123
//   # Terminal 2: a client
//   $ curl -s telnet://127.0.0.1:40123 </dev/null
//   ...
//   # Terminal 1: the server
//   ⏎
//   ```
//
// `# ` changes to a terminal, a new one at its first mention. `$ ` runs a command there, by bash, in the checkout's
// root. ⏎ is the Enter key; text before it is typed first. ^C and ^D are keys too. Any other line is output, standard
// error included; `...` stands for lines left out. A number or word that differs from run to run is declared in the
// comment before the block, as name=sample: the sample then stands for whatever comes, which must be the same wherever
// the sample recurs, in commands too. Runs of spaces are equal to one. A command that ends with another status than 0
// is an error unless `$ echo $?` is the next command of that terminal. What still runs at the end of the block gets an
// end of input, and must then end with status 0 and print no more.
namespace book {

struct Step {
    enum Kind { command, keys, output } kind;
    std::string terminal;
    std::string text;
    int line; ///< In the file, from 1.
};

struct Transcript {
    std::string file;
    int line = 0;                                ///< Of the opening fence.
    std::string commentary;                      ///< The paragraph before the block.
    std::map<std::string, std::string> varies{}; ///< Sample to name.
    std::set<std::string> needs{};               ///< namespace, names, root, ipv6, or a tool's name.
    std::vector<Step> steps{};
};

/// What is wrong with a block, or how a run differs from it; begins with FILE:LINE.
struct Mismatch : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Why a block cannot be run here.
struct Unavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The console blocks of a Markdown file. Mismatch where one cannot be parsed or, unless drafts are allowed, would pass
/// with any output.
std::vector<Transcript> read_transcripts(const std::string& path, bool drafts_allowed = false);

/// The command with `./portlab run CHAPTER[/PROGRAM]` or `./portlab who` replaced by the program itself: what portlab
/// prints of its set-up is left out of the book. An exercise is replaced by its solution; Unavailable where there is
/// none, as in a student's copy.
std::string without_set_up(const std::string& command, const std::string& programs);

/// Whether it shows an exercise's program.
bool of_an_exercise(const Transcript& transcript);

/// Is told of each step when it has happened, with what really came, or what is typed.
using Watcher = std::function<void(const Step&, const std::string&)>;

/// Runs the block and compares; `programs` is the folder of the chapters' programs. Mismatch or Unavailable.
void check(const Transcript& transcript, const std::string& programs, const Watcher& watch);

/// Runs the block and returns its lines as they are now, with the samples where the values vary.
std::vector<std::string> record(const Transcript& transcript, const std::string& programs);

} // namespace book
