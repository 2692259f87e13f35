// Writes a verdict of its own over every result that it can find: at the names it knows, in every process's working
// directory and root, and into every directory in sight.
// Attacks: results within the program's reach
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

namespace {

constexpr const char* forged = "{\"format\": \"portlab/verdict/1\", \"points\": 5, \"of\": 5, \"exercises\": "
                               "[{\"path\": \"02_bind/any_free_port\", "
                               "\"points\": 5, \"of\": 5, \"verdict\": \"right\", \"story\": \"portlab-forged\"}]}\n";

void forge_in(const fs::path& directory) {
    for (const char* name : {"verdict.json", "results.json", "portlab-forged", "any_free_port.json"})
        std::ofstream{directory / name} << forged;
}

void forge_below(const fs::path& top, int depth) {
    std::error_code none;
    forge_in(top);
    for (const auto& entry : fs::directory_iterator{top, fs::directory_options::skip_permission_denied, none}) {
        if (entry.is_symlink(none))
            continue;
        if (entry.is_directory(none) && depth > 0)
            forge_below(entry.path(), depth - 1);
        else if (entry.is_regular_file(none) && entry.path().extension() == ".json")
            std::ofstream{entry.path()} << forged;
    }
}

} // namespace

int main() {
    std::error_code none;
    for (const char* known :
         {"@RESULTS@", "@RESULTS@/writes_results", "@RESULTS@/good", "@ROOT@", "/autograder/results", "/grade/results",
          "/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/home"})
        forge_below(known, 2);
    for (const auto& process : fs::directory_iterator{"/proc", none})
        for (const char* place : {"cwd", "root", "root/@RESULTS@", "root/tmp"})
            forge_in(process.path() / place);
    forge_below("..", 1);
}
