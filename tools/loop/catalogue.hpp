#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace loop {

/// Wrong use, in words that name the thing, the value and the remedy. The program ends with status 2.
struct WrongUse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An exercise: its facts are in exercises/exercises.json, its statement and its hints in its chapter's text.
struct Exercise {
    std::string number;  ///< 2.1
    std::string title;   ///< any free port
    std::string chapter; ///< 02_bind
    std::string name;    ///< any_free_port
    std::string level;   ///< warm-up, easy, medium, hard, evening
    unsigned minutes = 0, points = 0;
    std::string statement{};          ///< Markdown, as all that follows.
    std::vector<std::string> hints{}; ///< From a nudge to the call; each its title, an empty line, its text.

    std::string path() const { return chapter + "/" + name; }
    std::string file() const { return "exercises/" + path() + ".cpp"; }
    std::string target() const { return "exercise." + chapter + "." + name; } ///< What builds the answer.
    std::string judge() const { return chapter + "." + name + "_test"; }      ///< What builds its judge.
};

/// `2.1 any free port`
std::string in_a_line(const Exercise& exercise);
/// `warm-up, 10 minutes, 5 points`
std::string effort(const Exercise& exercise);

struct Chapter {
    std::string name;  ///< 02_bind
    std::string title; ///< Bind
    std::vector<Exercise> exercises{};
};

/// All chapters and their exercises, in the book's order.
class Catalogue {
  public:
    /// Of the tree that is the current directory. Throws WrongUse where that is no tree of Portlab.
    Catalogue();
    const std::vector<Chapter>& chapters() const { return chapters_; }
    std::vector<Exercise> exercises() const;

    /// The exercise that is meant: by its number, its name, its path, or any part of these that no other one has.
    /// Throws WrongUse with the nearest names where there is none, and with all that fit where there are several.
    Exercise exercise(std::string_view words) const;
    /// The same, or all exercises of a chapter: 2, 02, bind or 02_bind.
    std::vector<Exercise> some(std::string_view words) const;

  private:
    std::vector<Chapter> chapters_;
};

/// The words that are most like `word`, at most three; none where none is like it.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& words);

} // namespace loop
