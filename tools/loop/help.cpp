// The model answer, and a new beginning.
#include "tools/loop/command.hpp"
#include "tools/loop/commands.hpp"
#include "tools/loop/progress.hpp"
#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

namespace loop {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// Whole or not at all: written under another name, and renamed.
void write_whole(const fs::path& path, const std::string& text) {
    fs::path unfinished = path;
    unfinished += ".unfinished";
    std::ofstream file{unfinished};
    file << text;
    file.close();
    if (!file) {
        std::error_code ignored;
        fs::remove(unfinished, ignored);
        throw WrongUse{"cannot write " + path.string() + ": is the folder yours, and is there room on the disk?"};
    }
    fs::rename(unfinished, path);
}

bool is_a_stub(const std::string& source) {
    std::istringstream in{source};
    for (std::string line; std::getline(in, line);)
        if (begins(line))
            return true;
    return false;
}

// The newest version in the history that nobody has begun.
std::string stub_of(const Exercise& exercise) {
    const Finished commits = run({"git", "rev-list", "HEAD", "--", exercise.file()});
    if (commits.status == 0) {
        std::istringstream in{commits.output};
        for (std::string commit; std::getline(in, commit);)
            if (const Finished version = run({"git", "show", commit + ":./" + exercise.file()});
                version.status == 0 && is_a_stub(version.output))
                return version.output;
    }
    throw WrongUse{"the history has no version of " + exercise.file() +
                   " from before you began (git is asked); take the file from a fresh copy of the book"};
}

fs::path place_to_save(const Exercise& exercise) {
    const std::time_t now = std::time(nullptr);
    std::string time(20, '\0');
    time.resize(std::strftime(time.data(), time.size(), "%Y-%m-%dT%H-%M-%S", std::localtime(&now)));
    const fs::path folder = fs::path{"saved"} / exercise.chapter;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw WrongUse{"cannot make the folder " + folder.string() + " for your version: " + error.message()};
    fs::path place = folder / (exercise.name + "." + time + ".cpp");
    for (int n = 2; fs::exists(place); ++n)
        place = folder / (exercise.name + "." + time + "-" + std::to_string(n) + ".cpp");
    return place;
}

} // namespace

int solution(const Catalogue& catalogue, const std::string& name, bool anyway) {
    const Exercise exercise = catalogue.exercise(name);
    const std::string model = "solutions/" + exercise.path() + ".cpp";
    if (!fs::exists(model))
        throw WrongUse{"this copy of the book has no model answers: there is no " + model};
    if (!anyway && progress_of(exercise).state != State::done) {
        std::cout << in_a_line(exercise) << " is not right yet: ./portlab check " << exercise.name
                  << ", or ./portlab hint " << exercise.name << ". With --anyway the model answer is shown now.\n";
        return 1;
    }
    std::vector<std::string> command{"diff", "-u", exercise.file(), model};
    std::cerr << "+ " << as_typed(command) << '\n';
    if (terminal::colours())
        command.insert(command.begin() + 1, "--color=always");
    const Finished difference = run(command);
    std::cout << difference.output;
    if (difference.status == 0)
        std::cout << "no difference\n";
    return difference.status <= 1 ? 0 : 2;
}

int reset(const Catalogue& catalogue, const std::string& name) {
    const Exercise exercise = catalogue.exercise(name);
    const std::string stub = stub_of(exercise), now = contents(exercise.file());
    if (now == stub) {
        std::cout << exercise.file() << " is as it was at the beginning\n";
        return 0;
    }
    if (!now.empty()) {
        const fs::path place = place_to_save(exercise);
        write_whole(place, now);
        std::cout << "your version is now in " << place.string() << '\n';
    }
    write_whole(exercise.file(), stub);
    std::cout << exercise.file() << " is as it was at the beginning: begin at line " << progress_of(exercise).line
              << '\n';
    return 0;
}

} // namespace loop
