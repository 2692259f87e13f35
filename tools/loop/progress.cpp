#include "tools/loop/progress.hpp"

#include "tools/loop/verdict.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

namespace loop {
namespace {

namespace fs = std::filesystem;

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
    const bool hidden = tests_are_hidden(exercise);
    const auto judged = saved(verdict_file(exercise)),
               built = saved(fs::path{"build/default/exercises"} / exercise.path());
    if (!built || (!judged && !hidden))
        return {State::in_progress, "not checked yet", source.main};
    const auto edited = saved(exercise.file());
    if (hidden)
        return edited > built ? Progress{State::in_progress, "changed since it was compiled", source.main}
                              : Progress{State::compiles, "your instructor runs its tests", source.main};
    if (edited > built || built > judged)
        return {State::in_progress, "changed since its last verdict", source.main};
    const auto verdict = read_verdict(verdict_file(exercise));
    if (!verdict)
        return {State::in_progress, "its last verdict cannot be read", source.main};
    if (verdict->verdict == "right")
        return {State::done, {}, source.main};
    return {State::in_progress, verdict->failed ? "fails \"" + verdict->failed->check + "\"" : verdict->verdict,
            source.main};
}

fs::path verdict_file(const Exercise& exercise) {
    return fs::path{"build/default/verdicts"} / (exercise.path() + ".json");
}

bool tests_are_hidden(const Exercise& exercise) {
    return !fs::exists("tests/exercises/" + exercise.path() + "_test.cpp");
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
