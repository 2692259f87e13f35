#pragma once

#include "tools/loop/catalogue.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

// What ./portlab can do for a student: one function a command. Each returns the program's exit status:
//   0  right, or done as asked
//   1  not right yet; nothing found
//   2  wrong use (WrongUse), or it cannot be done here
//   3  nothing wrong, and something not started or not judged
namespace loop {

int status(const Catalogue& catalogue);
/// Prints it in as much detail as the terminal has room for beside so many other lines.
void print_status(const Catalogue& catalogue, unsigned other_lines);
/// `limit`: how long a test may take.
int check(const Catalogue& catalogue, const std::string& name, std::chrono::seconds limit);
struct Watching {
    std::string exercise{}; ///< To begin with; empty: the current one.
    bool poll = false;      ///< Look at the files, for file systems that report no change.
};
int watch(const Catalogue& catalogue, const Watching& how, std::chrono::seconds limit);
int statement(const Catalogue& catalogue, const std::string& name);
int hint(const Catalogue& catalogue, const std::string& name);
int solution(const Catalogue& catalogue, const std::string& name, bool anyway);
int reset(const Catalogue& catalogue, const std::string& name);

struct Questions {
    std::optional<std::uint32_t> seed{}; ///< The same seed draws the same questions.
    std::string chapter{};               ///< Only what this chapter is about; empty: all.
    unsigned count = 5;
    bool answers = false; ///< Do not ask, show the answers.
};
int predict(const Catalogue& catalogue, const Questions& questions);

int who(std::uint16_t port);

} // namespace loop
