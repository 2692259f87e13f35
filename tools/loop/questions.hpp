#pragma once

#include "tools/loop/scenario.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace loop {

struct Question {
    std::string chapter{}; ///< 05_port_conflict
    std::vector<Call> calls{};
    Answer rule{};         ///< What the book's rules say of the calls. The kernel decides.
    std::string why{};     ///< In one to three sentences.
    std::string section{}; ///< chapters/05_port_conflict/README.md#what-the-kernel-did
};

/// The chapters that have questions, in order.
std::vector<std::string> chapters_with_questions();

/// Draws questions. The same seed draws the same ones on every machine: the generator is the standard's, and the
/// distributions, which it leaves to the library, are our own.
class Questioner {
  public:
    /// Of this chapter, or of all where it is empty.
    Questioner(std::uint32_t seed, std::string chapter);
    Question next();

  private:
    std::mt19937 random_;
    std::string chapter_;
    std::vector<std::size_t> deck_{}; ///< Kinds of questions; each comes once before one comes again.
};

} // namespace loop
