#include <cstdio>
#include <filesystem>

namespace grader {
class Grader;
void judge(Grader& grader);
int grade(int argc, char** argv, void (*judge)(Grader&));
} // namespace grader

int main(int argc, char** argv) try {
    return grader::grade(argc, argv, grader::judge);
} catch (const std::filesystem::filesystem_error& error) { // of the file with the verdict
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
}
