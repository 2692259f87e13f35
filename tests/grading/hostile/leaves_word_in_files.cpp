// Leaves files wherever it can write, and looks for files that it or others have left.
// Attacks: what one student can leave for the next
// Expects: wrong, 0 points
// Seen: no socket of it listens
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <string>

int main() {
    std::error_code none;
    for (const char* directory :
         {".", "..", "/", "/tmp", "/var/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/run", "/home", "/root"}) {
        for (const auto& entry : std::filesystem::directory_iterator{directory, none})
            if (entry.path().string().find("portlab-forged") != std::string::npos)
                std::cout << "portlab-forged: found " << entry.path() << std::endl;
        std::ofstream{directory + std::string{"/portlab-forged-word"}} << "hello\n";
    }
    std::cout << "listening on 127.0.0.1:40123" << std::endl;
    std::cin.get();
}
