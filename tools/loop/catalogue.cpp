#include "tools/loop/catalogue.hpp"

#define BOOST_BIND_GLOBAL_PLACEHOLDERS // or it says on each compilation that the way is old
#include <algorithm>
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace loop {
namespace {

/// All exercises in the book's order, without what the texts say. One without points is not part of the assignment of
/// which this tree is a student's copy; it has its number all the same.
std::vector<Exercise> read_exercises(const std::string& file) {
    using boost::property_tree::ptree;
    std::vector<Exercise> exercises;
    std::map<std::string, unsigned> count; // in a chapter
    try {
        ptree entries;
        boost::property_tree::read_json(file, entries);
        for (const auto& [nothing, entry] : entries) {
            const std::filesystem::path path = entry.get<std::string>("path");
            const std::string chapter = path.parent_path();
            const std::string number = std::to_string(std::stoi(chapter)) + "." + std::to_string(++count[chapter]);
            if (const auto points = entry.get_optional<unsigned>("points"))
                exercises.push_back({.number = number,
                                     .title = entry.get<std::string>("title"),
                                     .chapter = chapter,
                                     .name = path.filename(),
                                     .level = entry.get<std::string>("level"),
                                     .minutes = entry.get<unsigned>("minutes"),
                                     .points = *points});
        }
    } catch (const std::exception& error) { // of the file, or of a value in it
        throw WrongUse{file + " cannot be read: " + error.what() + "; bring it back with git restore " + file};
    }
    return exercises;
}

void trim(std::string& text) { // empty lines at the beginning and at the end
    text.erase(0, text.find_first_not_of('\n'));
    text.erase(text.find_last_not_of('\n') + 1);
}

// A statement begins after the line with the exercise's file and ends at the first hint; each hint is between
// `<details><summary>…</summary>` and `</details>`. In a block of code a line means nothing of that.
Chapter read_chapter(const std::filesystem::path& folder, const std::vector<Exercise>& exercises) {
    Chapter chapter{.name = folder.filename(), .title = {}};
    std::ranges::copy_if(exercises, std::back_inserter(chapter.exercises),
                         [&](const Exercise& exercise) { return exercise.chapter == chapter.name; });
    std::ifstream file{folder / "README.md"};
    bool in_code = false;
    enum { elsewhere, statement, between_hints, hint } where = elsewhere;
    auto current = chapter.exercises.end();
    for (std::string line; std::getline(file, line);) {
        const bool fence = line.starts_with("```"), code = in_code || fence;
        in_code = in_code != fence;
        if (!code && line.starts_with("#")) {
            where = elsewhere;
            if (chapter.title.empty() && line.starts_with("# "))
                chapter.title = line.substr(std::min(line.find_first_not_of("0123456789. ", 2), line.size()));
        } else if (!code && line.starts_with("`exercises/")) {
            current = std::ranges::find(chapter.exercises, line.substr(1, line.find('`', 1) - 1), &Exercise::file);
            where = current == chapter.exercises.end() ? elsewhere : statement;
        } else if (!code && where != elsewhere && line.starts_with("<details><summary>")) {
            const auto from = line.find("<summary>") + 9;
            current->hints.push_back(line.substr(from, line.find("</summary>") - from) + "\n");
            where = hint;
        } else if (!code && where == hint && line.starts_with("</details>")) {
            trim(current->hints.back());
            where = between_hints;
        } else if (where == hint) {
            current->hints.back() += line + "\n";
        } else if (where == statement) {
            current->statement += line + "\n";
        }
    }
    for (Exercise& exercise : chapter.exercises)
        trim(exercise.statement);
    return chapter;
}

std::size_t edits_between(std::string_view a, std::string_view b) { // Levenshtein's distance
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({row[j] + 1, row[j + 1] + 1, replaced}));
        }
    }
    return row.back();
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

bool names(const Chapter& chapter, std::string_view words) {
    const auto number = chapter.name.substr(0, 2);
    return words == chapter.name || words == number || (number[0] == '0' && words == number.substr(1)) ||
           words == chapter.name.substr(3);
}

} // namespace

std::string in_a_line(const Exercise& exercise) { return exercise.number + " " + exercise.title; }

std::string effort(const Exercise& exercise) {
    return exercise.level + ", " + std::to_string(exercise.minutes) + " minutes, " + std::to_string(exercise.points) +
           " points";
}

Catalogue::Catalogue() {
    std::set<std::filesystem::path> folders;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"chapters", error})
        if (std::filesystem::exists(entry.path() / "README.md"))
            folders.insert(entry.path());
    if (folders.empty())
        throw WrongUse{"there is no folder chapters/ with texts in " + std::filesystem::current_path().string() +
                       ": call the script portlab in the folder that you cloned"};
    const auto exercises = read_exercises("exercises/exercises.json");
    std::ranges::transform(folders, std::back_inserter(chapters_),
                           [&](const auto& folder) { return read_chapter(folder, exercises); });
}

std::vector<Exercise> Catalogue::exercises() const {
    std::vector<Exercise> all;
    for (const Chapter& chapter : chapters_)
        std::ranges::copy(chapter.exercises, std::back_inserter(all));
    return all;
}

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& words) {
    std::vector<std::pair<std::size_t, std::string>> ranked;
    for (const auto& candidate : words)
        if (const auto edits = edits_between(word, candidate); edits <= std::max<std::size_t>(2, candidate.size() / 3))
            ranked.emplace_back(edits, candidate);
    std::ranges::sort(ranked);
    ranked.resize(std::min<std::size_t>(ranked.size(), 3));
    std::vector<std::string> result;
    std::ranges::transform(ranked, std::back_inserter(result), [](const auto& one) { return one.second; });
    return result;
}

Exercise Catalogue::exercise(std::string_view words) const {
    std::vector<Exercise> fitting;
    std::vector<std::string> fitting_names, all_names;
    std::string_view wanted = words; // what a shell completes may be the file
    if (wanted.starts_with("exercises/"))
        wanted.remove_prefix(10);
    if (wanted.ends_with(".cpp"))
        wanted.remove_suffix(4);
    for (const Exercise& exercise : exercises()) {
        all_names.push_back(exercise.name);
        if (wanted == exercise.number || wanted == exercise.name || wanted == exercise.path())
            return exercise;
        if (!wanted.empty() &&
            (exercise.path().find(wanted) != std::string::npos || exercise.title.find(wanted) != std::string::npos)) {
            fitting.push_back(exercise);
            fitting_names.push_back(exercise.name);
        }
    }
    if (fitting.size() == 1)
        return fitting.front();
    const std::string asked = "\"" + std::string{words} + "\"";
    if (fitting.size() > 1)
        throw WrongUse{asked + " may be any of these exercises: " + joined(fitting_names) + "; say which"};
    if (const auto like = nearest(wanted, all_names); !like.empty())
        throw WrongUse{"there is no exercise " + asked + "; did you mean " + joined(like) + "?"};
    throw WrongUse{"there is no exercise " + asked + "; ./portlab lists them all"};
}

std::vector<Exercise> Catalogue::some(std::string_view words) const {
    for (const Chapter& chapter : chapters_)
        if (names(chapter, words))
            return chapter.exercises;
    return {exercise(words)};
}

} // namespace loop
