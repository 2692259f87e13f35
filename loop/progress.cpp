#include "loop/progress.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

namespace loop {
namespace {

namespace fs = std::filesystem;

// A text after `"key": ` in a verdict, which has one key a line; see tests/support/verdict.hpp.
std::string value(const std::string& line, const std::string& key) {
    const auto place = line.find("\"" + key + "\": \"");
    std::string text;
    if (place != line.npos)
        for (std::size_t i = place + key.size() + 5; i < line.size() && line[i] != '"'; ++i)
            text += line[i] == '\\' && i + 1 < line.size() ? line[++i] : line[i];
    return text;
}

struct Source {
    std::optional<unsigned> begin_here{};
    unsigned main = 1;
};

Source read_source(const std::string& path) {
    Source source;
    std::ifstream file{path};
    unsigned number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (begins(line) && !source.begin_here)
            source.begin_here = number;
        if (line.starts_with("int main"))
            source.main = number;
    }
    return source;
}

std::optional<fs::file_time_type> saved(const fs::path& file) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    return error ? std::nullopt : std::optional{time};
}

} // namespace

bool begins(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.starts_with("begin_here();");
}

Progress progress_of(const Exercise& exercise) {
    const Source source = read_source(exercise.file());
    if (source.begin_here)
        return {State::not_started, {}, *source.begin_here};
    const fs::path build = "build/default", verdict_file = build / "verdicts" / (exercise.path() + ".json");
    const bool hidden = !fs::exists("tests/exercises/" + exercise.path() + "_test.cpp");
    const auto judged = saved(verdict_file), built = saved(build / "exercises" / exercise.path());
    if (!built || (!judged && !hidden))
        return {State::in_progress, "not checked yet", source.main};
    const auto edited = saved(exercise.file());
    if (hidden)
        return edited > built ? Progress{State::in_progress, "changed since it was compiled", source.main}
                              : Progress{State::compiles, "your instructor runs its tests", source.main};
    if (edited > built || built > judged)
        return {State::in_progress, "changed since its last verdict", source.main};
    std::string verdict, failed_check;
    std::ifstream file{verdict_file};
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("\"verdict\""))
            verdict = value(line, "verdict");
        else if (line.starts_with("\"failed\""))
            failed_check = value(line, "check");
    }
    if (verdict == "right")
        return {State::done, {}, source.main};
    return {State::in_progress, verdict == "wrong" ? "not yet: " + failed_check : verdict, source.main};
}

bool is_open(const Exercise& exercise) {
    const State state = progress_of(exercise).state;
    return state == State::not_started || state == State::in_progress;
}

Exercise current(const Catalogue& catalogue) {
    std::optional<Exercise> latest, first_open;
    for (const Exercise& exercise : catalogue.exercises()) {
        const State state = progress_of(exercise).state;
        if (state == State::in_progress && (!latest || saved(exercise.file()) > saved(latest->file())))
            latest = exercise;
        if (!first_open && is_open(exercise))
            first_open = exercise;
    }
    return latest ? *latest : first_open.value_or(catalogue.exercises().back());
}

Exercise next_after(const Catalogue& catalogue, const Exercise& exercise) {
    auto all = catalogue.exercises();
    const auto here = std::ranges::find(all, exercise.number, &Exercise::number);
    std::rotate(all.begin(), here + 1, all.end()); // clang 14 has no std::ranges::rotate
    const auto next = std::ranges::find_if(all, is_open);
    return next == all.end() ? exercise : *next;
}

} // namespace loop
