// Proves, before anything is graded, that a program in the sandbox is apart from all else: by what it sees itself, and
// by what the kernel says of it.
#include "tools/harness/network.hpp"
#include "tools/judge/grader.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>

using namespace grader;

namespace {

std::string name_space(const std::string& process, const std::string& kind) {
    std::error_code unreadable;
    return std::filesystem::read_symlink("/proc/" + process + "/ns/" + kind, unreadable);
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string section = "Exercises", self = std::filesystem::read_symlink("/proc/self/exe");
    grader.check("it runs", "what it sees, line by line", section);
    const char* const place = std::getenv("PORTLAB_PRIVATE");
    Program program = grader.start({.arguments = {self, PORTLAB_SOURCE_DIR, place ? place : "/root", "/etc/passwd"}});
    std::map<std::string, std::string> sees;
    for (std::string line = program.line(); line != "end"; line = program.line())
        if (const auto colon = line.find(':'); colon != line.npos)
            sees[line.substr(0, colon)] = line.size() > colon + 2 ? line.substr(colon + 2) : "";
    const auto expect = [&](const std::string& what, const std::string& wanted) {
        grader.expect(sees.contains(what) && sees[what] == wanted,
                      "of \"" + what + "\" it says " + in_quotes(sees[what]) + " in place of " + in_quotes(wanted));
    };

    grader.check("the judge sees what it holds", "one socket of its that listens", section);
    program.listener();
    if (std::getenv("PORTLAB_NOT_APART") != nullptr) // the weaker launcher promises no more
        return;

    grader.check("it has no network but loopback", "the device lo, no way beyond it, and a connection on it", section);
    support::need_private_network();
    expect("interfaces", "lo");
    expect("beyond", "Network is unreachable");
    expect("loopback", "works");
    expect("vsock", "none");

    grader.check("it sees no file of the machine's", "programs and libraries under /usr, and nothing to write to",
                 section);
    grader.expect(!sees["root"].empty(), "it sees no files at all");
    const std::string scratch = *++std::filesystem::temp_directory_path().begin(); // as "tmp": the test's own is there
    const std::set<std::string> known{"answer", "bin",  "dev",  "etc", "lib", "lib32",
                                      "lib64",  "proc", "sbin", "tmp", "usr", scratch};
    std::istringstream root{sees["root"]};
    for (std::string name; root >> name;)
        grader.expect(known.contains(name), "it sees /" + name);
    expect("devices", "null urandom zero");
    expect("writable", "");
    expect("visible", "");

    grader.check("it sees no other process", "process 1 of its own, and itself", section);
    expect("processes", sees["self"].empty() ? "1" : "1 " + sees["self"].substr(0, sees["self"].find(' ')));

    grader.check("it has nothing but what it was given", "an empty environment, no privileges, no way to more",
                 section);
    expect("environment", "0");
    expect("kill", "nobody");
    expect("filter of process 1", "there");
    expect("privileges", "none");
    expect("namespace", "none");

    grader.check("it has limits", "a number of processes that it cannot exceed (root has no such limit)", section);
    expect("number of processes", "limited");

    grader.check("the kernel says so, too", "namespaces of its own, and the judge's network", section);
    const std::string process = std::to_string(program.pid());
    for (const std::string kind : {"user", "pid", "mnt", "ipc", "uts"})
        grader.expect(!name_space(process, kind).empty() && name_space(process, kind) != name_space("self", kind),
                      "its " + kind + " namespace is the judge's");
    grader.expect(name_space(process, "net") == name_space("self", "net"), "its network is not the judge's");
    grader.expect(name_space(std::to_string(::getppid()), "net") != name_space("self", "net"),
                  "the judge's network is the machine's");

    grader.check("the judge has its end from the kernel", "status 42", section);
    program.close_input();
    const int status = program.exit_status();
    grader.expect(status == 42, "it ended with " + status_in_words(status));
}
