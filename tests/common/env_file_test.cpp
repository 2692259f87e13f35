#include "common/config.hpp"
#include "common/env_file.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

using Catch::Matchers::ContainsSubstring;
using common::parse_env_file;

TEST_CASE("the file format is what Docker and systemd read alike") {
    using namespace std::string_literals;
    const auto [text, name, value] = GENERATE(table<std::string, std::string, std::string>({
        {"PORT=8081", "PORT", "8081"},                             // the last line may lack its newline
        {"PORT=8081\r\n\r\n", "PORT", "8081"},                     // and may end as on Windows
        {"\n \t\n# PORT=1\n  # caf\xC3\xA9\nA_1=b\n", "A_1", "b"}, // blank lines and comments
        {"  PORT=8081\n", "PORT", "8081"},                         // spaces before the name go
        {"X=\n", "X", ""},                                         // empty is a value
        {"X=a=b\n", "X", "a=b"},                                   // the first = ends the name
        {"X=a #b\n", "X", "a #b"},                                 // a comment has a line of its own
        {"X=a\"b'c\n", "X", "a\"b'c"},                             // quotes matter to systemd at the beginning alone
        {"X=$HOME ${Y} `z`\n", "X", "$HOME ${Y} `z`"},             // neither expands anything
        {"X=\xF0\x9F\x9A\xA2\n", "X", "\xF0\x9F\x9A\xA2"},
        {"# C:\\\\\nX=1\n", "X", "1"},                          // two backslashes escape no line end
        {"# C:\\\r\nX=1\r\n", "X", "1"},                        // nor does one before a carriage return
        {"# C:\\\n# more\n\nX=1\n", "X", "1"},                  // and what follows is a comment anyway
        {"X=1\n# C:\\", "X", "1"},                              // or nothing
        {"# \xEF\xBF\xBF\nX=1\n", "X", "1"},                    // U+FFFF in a comment
        {"X=\xEF\xBB\xBFy\n", "X", "\xEF\xBB\xBFy"},            // a byte order mark that is none
        {"# " + std::string(65533, 'c') + "\nX=1\n", "X", "1"}, // the longest line
    }));
    CAPTURE(text);
    const auto lines = parse_env_file("x.env", text);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].name == name);
    CHECK(lines[0].value == value);
}

TEST_CASE("a line that Docker and systemd read differently is refused with its number and the reason") {
    using namespace std::string_literals;
    const auto [line, why] = GENERATE(table<std::string, std::string>({
        {"PORT=\"8081\"", "drops the quotes"},
        {"PORT='8081'", "drops the quotes"},
        {"PORT=\"8081", "drops the quotes"},
        {"PORT= 8081", "drops the spaces"},
        {"PORT=8081 ", "drops the spaces"},
        {"PORT=8081\t", "drops the spaces"},
        {"PORT=80\\81", "reads a backslash as an escape"},
        {"PORT=8081\\", "reads a backslash as an escape"},
        {"; PORT=8081", "begin a comment with #"},
        {"PORT", "no =, so systemd skips the line"},
        {"PORT =8081", "Docker refuses a space before the ="},
        {"export PORT=8081", "export is a word of the shell"},
        {"export\tPORT=8081", "export is a word of the shell"},
        {"MY PORT=8081", "a space in the name"},
        {"=8081", "no name before the ="},
        {"8PORT=8081", "systemd skips one that is not made of letters"},
        {"MY-PORT=8081", "systemd skips one that is not made of letters"},
        {"PORT=80\r81", "a carriage return within the line"},
        {"PORT=8081\r\r", "a carriage return within the line"},
        {"# a\rPORT=1", "a carriage return within the line"},
        {"PORT=80\0"s
         "81",
         "a NUL byte"},
        {"# B\xFCro", "not UTF-8"},          // Latin-1
        {"X=\xC0\x80", "not UTF-8"},         // longer than need be
        {"X=\xE0\x80\x80", "not UTF-8"},     // the same
        {"X=\xED\xA0\x80", "not UTF-8"},     // half of a surrogate pair
        {"X=\xF4\x90\x80\x80", "not UTF-8"}, // beyond U+10FFFF
        {"X=\xC3", "not UTF-8"},             // cut short
        {"X=\xFF", "not UTF-8"},
        {"X=\xEF\xBF\xBE", "noncharacters"}, // U+FFFE
        {"X=\xEF\xB7\x90", "noncharacters"}, // U+FDD0
        {"X=" + std::string(65534, 'y'), "Docker refuses a line of more than 65535 bytes"},
    }));
    CAPTURE(line);
    std::string message;
    try {
        parse_env_file("x.env", "# first\nOTHER=1\n" + line + "\nLAST=1\n");
    } catch (const common::ConfigError& error) {
        message = error.what();
    }
    CHECK_THAT(message, Catch::Matchers::StartsWith("x.env:3: "));
    CHECK_THAT(message, ContainsSubstring(why));
    CHECK(message.size() < 400);
    CHECK(std::ranges::all_of(message, [](unsigned char c) { return c >= ' ' && c != 0x7F; }));
}

TEST_CASE("what older versions of systemd take for a part of a comment is refused, and the byte order mark of a file") {
    const auto refusal = [](const std::string& text) {
        try {
            parse_env_file("x.env", text);
        } catch (const common::ConfigError& error) {
            return std::string{error.what()};
        }
        return std::string{};
    };
    CHECK_THAT(refusal("# C:\\\nPORT=1\n"), Catch::Matchers::StartsWith("x.env:2: PORT=1: for systemd before 254"));
    CHECK_THAT(refusal("# \\\\\\\n \t PORT=1"), Catch::Matchers::StartsWith("x.env:2: PORT=1: for systemd before 254"));
    CHECK_THAT(refusal("\xEF\xBB\xBFPORT=1\n"),
               Catch::Matchers::StartsWith("x.env:1: \\ufeffPORT=1: a byte order mark"));
}

TEST_CASE("of two lines with one name the later counts, and both are checked") {
    const auto lines = parse_env_file("x.env", "PORT=1\nHOST=::1\nPORT=2\n");
    REQUIRE(lines.size() == 3);
    CHECK(lines[2].name == "PORT");
    CHECK(lines[2].value == "2");
    CHECK(lines[2].place == "x.env:3");
}
