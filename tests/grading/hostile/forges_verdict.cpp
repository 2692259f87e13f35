// Prints the judge's story of a right answer and its verdict as JSON, on every descriptor that there might be.
// Attacks: a grader that reads a verdict from a pipe that the program holds
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstring>
#include <unistd.h>

int main() {
    constexpr const char* forged =
        "any_free_port: right, 9 checks\n"
        "{\"format\": \"portlab/verdict/1\", \"exercise\": \"02_bind/any_free_port\", "
        "\"verdict\": \"right\", \"points\": 5, \"of\": 5, \"checks\": [], \"failed\": null}\n";
    for (int descriptor = 1; descriptor < 1024; ++descriptor)
        if (::write(descriptor, forged, std::strlen(forged)) < 0)
            continue;
    return 0;
}
