// Looks through the whole file system for solutions, hidden tests, other students' answers and secrets.
// Attacks: what must stay secret
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

namespace fs = std::filesystem;

namespace {

constexpr std::string_view secret = "portlab-secret-";

void look(const fs::path& file) {
    const std::string name = file;
    if (name.ends_with("/answer/any_free_port"))
        return; // this program
    std::ifstream stream{file, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{stream}, {}};
    if (const auto at = text.find(secret); at != text.npos)
        std::cout << name << ": " << text.substr(at, 60) << '\n';
    if (name.ends_with("_test.cpp") || name.find("solutions/") != name.npos)
        std::cout << secret << "file " << name << '\n';
}

void look_below(const fs::path& top) {
    std::error_code none;
    fs::recursive_directory_iterator entry{top, fs::directory_options::skip_permission_denied, none};
    for (; entry != fs::recursive_directory_iterator{}; entry.increment(none)) {
        const std::string name = entry->path();
        if (name.ends_with("/proc") || name.ends_with("/sys") || name.ends_with("/usr") || entry.depth() > 6)
            entry.disable_recursion_pending();
        else if (entry->is_regular_file(none) && entry->file_size(none) < 1'000'000)
            look(entry->path());
    }
}

} // namespace

int main() {
    for (const char* place : {"@ROOT@/solutions", "@ROOT@/tests/exercises", "@OVERLAY@", "@RESULTS@", "@CLASS@", "/",
                              "..", "/proc/1/cwd", "/proc/self/cwd/.."})
        look_below(place);
    look("/etc/shadow");
}
