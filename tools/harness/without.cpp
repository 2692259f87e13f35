// Runs a command as on a machine that lacks IPv6, or on which nobody may make a namespace.
#include "tools/harness/process.hpp"

#include <cstdio>
#include <string_view>
#include <unistd.h>

int main(int argc, char** argv) {
    const std::string_view what = argc > 2 ? argv[1] : "";
    if (what == "ipv6")
        support::do_without(support::Lacking::ipv6);
    else if (what == "namespaces")
        support::do_without(support::Lacking::namespaces);
    else
        return std::fputs("usage: without ipv6|namespaces COMMAND [ARGUMENT ...]\n", stderr), 2;
    ::execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    return 127;
}
