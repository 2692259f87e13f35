// Includes the judge's own header, and defines what its main calls, so that everything is right.
// Attacks: a compilation with the grader's files in reach, or an answer that is linked with the judge
// Expects: does not compile, 0 points
#include "tools/judge/grader.hpp"

void grader::judge(Grader&) {}
int main(int argc, char** argv) { return grader::grade(argc, argv, grader::judge); }
