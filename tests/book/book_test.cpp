// The machine that reads the book, shown to reject what it must reject.
#include "tools/book/markdown.hpp"
#include "tools/book/transcript.hpp"
#include "tools/harness/process.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace book;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

// A checkout of one file, page.md, removed at the end.
struct Page {
    explicit Page(const std::string& text) {
        std::string pattern = (std::filesystem::temp_directory_path() / ("portlab-page-" + std::string(6, 'X')))
                                  .string(); // mkdtemp replaces the last six
        REQUIRE(::mkdtemp(pattern.data()));
        root = pattern;
        write("page.md", text);
    }
    ~Page() { std::filesystem::remove_all(root); }
    void write(const std::string& name, const std::string& text) const { std::ofstream{root + "/" + name} << text; }
    std::string root;
    std::string path() const { return root + "/page.md"; }
};

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string console(const std::string& lines, const std::string& attributes = "") {
    return "# Title\n\nA paragraph.\n\n" + (attributes.empty() ? "" : "<!-- " + attributes + " -->\n") +
           "```console\n" + lines + "```\n";
}

void run(const std::string& page_text) {
    const Page page{page_text};
    for (const auto& transcript : read_transcripts(page.path()))
        check(transcript, "/nowhere", [](const Step&, const std::string&) {});
}

struct Wrong {
    std::string lines, attributes, complaint;
};

} // namespace

TEST_CASE("a transcript that is true is accepted") {
    CHECK_NOTHROW(run(console("$ echo one; echo two\none\ntwo\n")));
    CHECK_NOTHROW(run(console("$ sh -c 'exit 7'\n$ echo $?\n7\n")));
    CHECK_NOTHROW(run(console("$ seq 1 9\n1\n...\n8\n9\n")));
    CHECK_NOTHROW(run(console("$ echo \"a   b\"; echo complaint >&2\na b\ncomplaint\n")));
    CHECK_NOTHROW(run(console("# One\n$ cat\n# Two\n$ echo here\nhere\n# One\nhello⏎\nhello\n^D\n$ echo $?\n0\n")));
    CHECK_NOTHROW(
        run(console("$ echo pid $$; read -r line; echo pid $$\npid 4711\n⏎\npid 4711\n", "varies: pid=4711")));
}

TEST_CASE("the commentary of a transcript is the paragraph before it, without its marks") {
    const Page page{"# Title\n\nAnother.\n\nTrue.<!-- test: name -->\nSo\n*it* is.\n\n<!-- needs: sh -->\n"
                    "```console\n$ echo one\none\n```\n"};
    CHECK(read_transcripts(page.path()).front().commentary == "True. So *it* is.\n");
}

TEST_CASE("who is the program that portlab would start, where it is built") {
    const Page page{"# Title\n"};
    const std::string programs = page.root + "/chapters", command = "PATH=/bin ./portlab who 8080 | head -2";
    CHECK_THROWS_AS(without_set_up(command, programs), Unavailable);
    std::filesystem::create_directories(page.root + "/tools/loop");
    std::filesystem::create_directory(programs);
    page.write("tools/loop/portlab", "");
    CHECK(without_set_up(command, programs) == "PATH=/bin '" + programs + "/../tools/loop'/portlab who 8080 | head -2");
}

TEST_CASE("a value that varies is used in what is typed later") {
    CHECK_NOTHROW(run(console("# A\n$ echo it is $RANDOM\nit is 17\n# B\n$ test 17 -lt 40000 && echo small\nsmall\n",
                              "varies: n=17")));
}

TEST_CASE("of two samples that begin alike the longer one is meant") {
    const std::string lines = "$ echo \"from q to z-9\"\nfrom web to web-1\n$ echo \"z-9 q\"\nweb-1 web\n";
    CHECK_NOTHROW(run(console(lines, "varies: short=web full=web-1")));
    CHECK_NOTHROW(run(console(lines, "varies: full=web-1 short=web")));
}

TEST_CASE("a text is written whole, or stays as it was") {
    const Page page{"before\n"};
    write_whole(page.path(), "after\n");
    CHECK(read_file(page.path()) == "after\n");
    std::filesystem::create_symlink("/dev/full", page.path() + ".unfinished"); // a disk without room; full(4)
    CHECK_THROWS_MATCHES(write_whole(page.path(), "lost\n"), Mismatch,
                         MessageMatches(ContainsSubstring("page.md cannot be written")));
    CHECK(read_file(page.path()) == "after\n");
    CHECK(std::distance(std::filesystem::directory_iterator{page.root}, {}) == 1);
}

TEST_CASE("a text that cannot be recorded is a failure of the whole") {
    const std::string text = console("$ echo one\ntwo\n");
    const Page page{text};
    const auto record = [&] {
        support::Process book{support::program("book"),
                              {.arguments = {"record", "/nowhere", "page.md"}, .directory = page.root}};
        return book.wait_for_exit();
    };
    std::filesystem::create_symlink("/dev/full", page.path() + ".unfinished");
    CHECK(record() == 1);
    CHECK(read_file(page.path()) == text);
    CHECK(record() == 0);
    CHECK(read_file(page.path()) == console("$ echo one\none\n"));
}

TEST_CASE("the tests of a build tree are found whatever its path is") {
    const Page page{"# Title\n\n## Claims\n\nTrue.<!-- test: one -->\n"};
    std::filesystem::create_directory(page.root + "/it's \"$HOME\"");
    page.write("it's \"$HOME\"/CTestTestfile.cmake", "add_test(one true)\n");
    support::Process book{support::program("book"),
                          {.arguments = {"prose", page.root + "/it's \"$HOME\"", "page.md"}, .directory = page.root}};
    CHECK(book.wait_for_exit() == 0);
    CHECK_THAT(book.output(), ContainsSubstring("claims: 1 with a test"));
}

TEST_CASE("a transcript that is not true is refused, with the line and what came instead") {
    const Wrong wrong = GENERATE(
        Wrong{"$ echo one\ntwo\n", "", "page.md:7: expected: two\n    but this came: one"},
        Wrong{"$ echo one\none\ntwo\n", "", "page.md:8: expected: two\n    but the command has ended"},
        Wrong{"$ echo one; echo two\none\n", "", "a line came that is not in the transcript: two"},
        Wrong{"$ echo one; cat; echo two\none\n", "", "a line came that is not in the transcript: two"},
        Wrong{"$ echo one; exit 3\none\n", "", "ended with status 3, and no `$ echo $?` shows it"},
        Wrong{"$ echo one; exit 3\none\n$ echo two\ntwo\n", "", "page.md:6: the command ended with status 3"},
        Wrong{"$ sh -c 'exit 7'\n$ echo $?\n8\n", "", "expected: 8\n    but this came: 7"},
        Wrong{"$ echo port 1 and 2\nport 40001 and 40001\n", "varies: port=40001", "expected: port 40001 and 40001"},
        Wrong{"$ echo port x1\nport 40001\n", "varies: port=40001", "but this came: port x1"},
        Wrong{"$ seq 1 9\n1\n...\n7\n8\n", "", "a line came that is not in the transcript: 9"});
    CAPTURE(wrong.lines);
    CHECK_THROWS_MATCHES(run(console(wrong.lines, wrong.attributes)), Mismatch,
                         MessageMatches(ContainsSubstring(wrong.complaint)));
}

TEST_CASE("a block that cannot be parsed, or that would pass with any output, is an error") {
    const Wrong wrong = GENERATE(
        Wrong{"output\n$ echo x\nx\n", "", "page.md:6: output or keys before the first command"},
        Wrong{"# Terminal 1\n", "", "a console block without a command"},
        Wrong{"$ echo x\n", "", "passes with any output"}, Wrong{"$ echo x\n...\n", "", "passes with any output"},
        Wrong{"$ echo $$\n4711\n", "varies: pid=4711", "passes with any output"},
        Wrong{"$ echo x\nx\n", "varies: pid=4711", "does not stand in the block"},
        Wrong{"$ echo x\nx\n", "varies: pid", "expected `varies: name=sample"},
        Wrong{"$ echo x\nx\n", "varies: a=1 b=1", "two names for the sample 1"});
    CAPTURE(wrong.lines, wrong.attributes);
    CHECK_THROWS_MATCHES(run(console(wrong.lines, wrong.attributes)), Mismatch,
                         MessageMatches(ContainsSubstring(wrong.complaint)));
    CHECK_THROWS_MATCHES(run("```console\n$ echo x\nx\n"), Mismatch,
                         MessageMatches(ContainsSubstring("page.md:1: this block has no end")));
}

TEST_CASE("a block that needs what is not here is not run, and says why") {
    CHECK_THROWS_MATCHES(run(console("$ echo x\nx\n", "needs: no-such-tool")), Unavailable,
                         MessageMatches(ContainsSubstring("needs no-such-tool")));
}

TEST_CASE("recording writes what comes, and keeps the samples of what varies") {
    const Page page{console("$ echo pid $$; echo new; echo pid $$\npid 4711\nold\n", "varies: pid=4711")};
    const auto lines = record(read_transcripts(page.path()).front(), "/nowhere");
    CHECK(lines == std::vector<std::string>{"$ echo pid $$; echo new; echo pid $$", "pid 4711", "new", "pid 4711"});
    const Page equal{
        console("$ echo one $$; echo other $$; echo one $$\none 11\nother 12\none 11\n", "varies: one=11 other=12")};
    CHECK(record(read_transcripts(equal.path()).front(), "/nowhere") ==
          std::vector<std::string>{"$ echo one $$; echo other $$; echo one $$", "one 11", "other 12", "one 11"});
    const Page skipping{console("$ echo first\nold\n...\n")}; // what is left out may be nothing
    CHECK(record(read_transcripts(skipping.path()).front(), "/nowhere") ==
          std::vector<std::string>{"$ echo first", "first", "..."});
}

TEST_CASE("a listing is the lines of its file, at any indentation") {
    const auto faults = [](const std::string& mark, const std::string& listing) {
        const Page page{mark + "```cpp\n" + listing + "```\n"};
        page.write("a.cpp", "int main() {\n    if (true)\n        return 1;\n}\n");
        const auto found = check_listings(page.root, "page.md");
        return found.empty() ? std::string{} : found.front();
    };
    CHECK(faults("<!-- listing: a.cpp -->\n", "if (true)\n    return 1;\n").empty());
    CHECK_THAT(faults("<!-- listing: a.cpp -->\n", "if (true)\n    return 2;\n"),
               ContainsSubstring("do not stand so in a.cpp"));
    CHECK_THAT(faults("<!-- listing: a.cpp -->\n", "if (true)\nreturn 1;\n"),
               ContainsSubstring("do not stand so in a.cpp"));
    CHECK_THAT(faults("<!-- listing: b.cpp -->\n", "int x;\n"), ContainsSubstring("file does not exist: b.cpp"));
    CHECK_THAT(faults("", "int x;\n"), ContainsSubstring("no <!-- listing: FILE --> before this block"));
    CHECK_THAT(check_listings(Page{"```sh\nls\n```\n"}.root, "page.md").at(0),
               ContainsSubstring("nobody checks a block"));
}

TEST_CASE("a difference makes one file of the other") {
    const Page page{"<!-- difference: old.cpp new.cpp -->\n```diff\n one\n-two\n+2\n...\n four\n+five\n```\n"};
    page.write("old.cpp", "one\ntwo\nthree\nfour\n");
    page.write("new.cpp", "one\n2\nthree\nfour\nfive\n");
    CHECK(check_listings(page.root, "page.md").empty());
    page.write("new.cpp", "one\n2\nthree\nfour\n");
    REQUIRE(check_listings(page.root, "page.md").size() == 1);
    CHECK_THAT(check_listings(page.root, "page.md").front(),
               ContainsSubstring("page.md:2: this does not change old.cpp to new.cpp"));
    page.write("page.md", "<!-- difference: old.cpp -->\n```diff\n three\n+four\n```\n");
    CHECK(check_listings(page.root, "page.md").empty());
    page.write("old.cpp", "three\nthree\n");
    CHECK_THAT(check_listings(page.root, "page.md").front(), ContainsSubstring("this does not change old.cpp"));
    page.write("page.md", "```diff\n+four\n```\n");
    CHECK_THAT(check_listings(page.root, "page.md").front(), ContainsSubstring("no <!-- difference: OLD [NEW] -->"));
}

TEST_CASE("a table is what its command prints") {
    const Page page{"<!-- generated: printf 'a\\nb\\n' -->\na\nb\n\ntext\n"};
    CHECK(check_tables(page.root, "page.md", "/nowhere", false).empty());
    const Page stale{"<!-- generated: printf 'a\\nb\\n' -->\na\nc\n\ntext\n"};
    const auto faults = check_tables(stale.root, "page.md", "/nowhere", false);
    REQUIRE(faults.size() == 1);
    CHECK_THAT(faults.front(), ContainsSubstring("in the book: c") && ContainsSubstring("measured:    b"));
    CHECK(check_tables(stale.root, "page.md", "/nowhere", true).empty());
    CHECK(check_tables(stale.root, "page.md", "/nowhere", false).empty()); // it has been written anew
    CHECK(check_tables(Page{"<!-- generated: true -->\n\n"}.root, "page.md", "/nowhere", false).size() == 1);
    CHECK(check_tables(Page{"<!-- generated: echo a; false -->\na\n"}.root, "page.md", "/nowhere", false).size() == 1);
}

#ifdef __linux__
TEST_CASE("without IPv6 a table that needs it is left alone, and the others are checked all the same") {
    const std::string needs_it = "<!-- needs: ipv6 -->\n<!-- generated: echo a -->\nb\n\n";
    support::do_without(support::Lacking::ipv6);
    CHECK_THROWS_MATCHES(check_tables(Page{needs_it}.root, "page.md", "/nowhere", false), Unavailable,
                         MessageMatches(ContainsSubstring("page.md:2: needs IPv6")));
    const std::string at_fault = "<!-- generated: echo a -->\nc\n";
    const auto faults = check_tables(Page{needs_it + at_fault}.root, "page.md", "/nowhere", false);
    REQUIRE(faults.size() == 1);
    CHECK_THAT(faults.front(), ContainsSubstring("in the book: c"));
}
#endif

TEST_CASE("a link leads somewhere, and a picture has a text") {
    const Page page{"# The Title: one\n[a](page.md#the-title-one) [b](#the-title-one) [c](https://example.org/)\n"};
    CHECK(check_links(page.root, "page.md").empty());
    CHECK_THAT(check_links(Page{"[a](gone.md)\n"}.root, "page.md").at(0),
               ContainsSubstring("page.md:1: leads nowhere: gone.md"));
    CHECK_THAT(check_links(Page{"# A\n[two\nlines](#a)\n"}.root, "page.md").at(0),
               ContainsSubstring("page.md:3: a link must stand on one line"));
    CHECK_THAT(check_links(Page{"# A\n[a](#b)\n"}.root, "page.md").at(0), ContainsSubstring("no such heading: #b"));
    CHECK_THAT(check_links(Page{"![](page.md)\n"}.root, "page.md").at(0),
               ContainsSubstring("without alternative text"));
}

TEST_CASE("an entry of glossary and index leads to a text in which its term occurs") {
    const auto fault = [](const std::string& entry) {
        const Page page{"# Book\n- no: entry\n## Glossary\n" + entry + "\n"};
        page.write("a.md", "# A\nA *Local\nendpoint* and `bind`.<!-- test: of a wildcard -->\n");
        const auto found = check_terms(page.root, "page.md");
        return found.empty() ? std::string{} : found.front();
    };
    CHECK(fault("- **local endpoint**: its own. [A](a.md#a)").empty());
    CHECK(fault("- `bind`: [A](a.md)").empty());
    CHECK(fault("- `bind`: a call.\n  [A](a.md)").empty());
    CHECK_THAT(fault("- wildcard:\n  [A](a.md)"), ContainsSubstring("page.md:4: \"wildcard\" does not occur"));
    CHECK_THAT(fault("- **wildcard**: every address. [A](a.md)"),
               ContainsSubstring("\"wildcard\" does not occur in a.md"));
    CHECK_THAT(fault("- **wildcard**: every address."),
               ContainsSubstring("page.md:4: \"wildcard\" leads to no chapter"));
}

TEST_CASE("a claim names a test, and a section without any check is reported") {
    const Page page{"## One\nIt holds.<!-- test: chapter.x.it holds -->\n## Two\nIt is so.\n## Exercises\nDo.\n"};
    const Claims good = check_claims(page.root, "page.md", {"chapter.x.it holds"});
    CHECK(good.faults.empty());
    CHECK((good.marks == std::map<std::string, std::size_t>{{"test", 1}}));
    CHECK((good.sections == 2 && good.covered == 1));
    CHECK(good.uncovered == std::vector<std::string>{"page.md: ## Two"});
    const Claims bad = check_claims(page.root, "page.md", {"chapter.x.something else"});
    REQUIRE(bad.faults.size() == 1);
    CHECK_THAT(bad.faults.front(), ContainsSubstring("page.md:2: no such test: chapter.x.it holds"));
}

TEST_CASE("a sentence that no test can show says why, and a mark that nobody reads is a fault") {
    const Page page{"## One\nSo on Windows.<!-- untested: there is no such machine here -->\n"
                    "## Two\nA port is a number.<!-- definition --> It has 16 bits.<!-- source: RFC 9293, 3.1 -->\n"
                    "## What to remember\nIt holds.\n"};
    const Claims good = check_claims(page.root, "page.md", {});
    CHECK(good.faults.empty());
    CHECK((good.marks == std::map<std::string, std::size_t>{{"untested", 1}, {"definition", 1}, {"source", 1}}));
    CHECK((good.sections == 2 && good.covered == 2));
    for (const char* mark : {"<!-- untested -->", "<!-- untestet: why -->", "<!-- test: a line that goes on"}) {
        const Page bad{"## One\nIt is so." + std::string{mark} + "\n"};
        const Claims claims = check_claims(bad.root, "page.md", {});
        CAPTURE(mark);
        REQUIRE(claims.faults.size() == 1);
        CHECK_THAT(claims.faults.front(), ContainsSubstring("page.md:2: no"));
    }
}
