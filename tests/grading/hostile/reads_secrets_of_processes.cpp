// Prints the secrets in its environment and in that of every process that it can see, process 1 above all.
// Attacks: the grader's environment
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

int main() {
    std::error_code none;
    for (const auto& process : std::filesystem::directory_iterator{"/proc", none})
        for (const char* what : {"environ", "cmdline"}) {
            std::ifstream file{process.path() / what};
            std::string text{std::istreambuf_iterator<char>{file}, {}};
            std::ranges::replace(text, '\0', '\n');
            for (const char* secret : {"portlab-secret-", "@ROOT@", "@RESULTS@"})
                if (const auto at = text.find(secret); at != text.npos)
                    std::cout << process.path() << " portlab-secret-path " << text.substr(at, 80) << '\n';
        }
}
