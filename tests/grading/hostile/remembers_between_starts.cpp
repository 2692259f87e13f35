// Keeps a count in files wherever it can write, to know at each start which check is being made.
// Attacks: what one start, or one student, can leave for the next
// Expects: wrong, 0 points
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <string>

int main() {
    int count = 0;
    for (const char* directory : {".", "..", "/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/home", "/root"}) {
        const std::string name = directory + std::string{"/portlab-forged-count"};
        int before = 0;
        std::ifstream{name} >> before;
        std::ofstream{name} << before + 1;
        count = before > count ? before : count;
    }
    if (count > 0)
        std::cout << "portlab-forged: start number " << count + 1 << std::endl;
    std::cout << "listening on 127.0.0.1:40123" << std::endl;
}
