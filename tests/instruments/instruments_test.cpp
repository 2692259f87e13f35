#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}
const std::string titles = "protocol,state,first,first_options,second,second_options,bind,listen";
const std::vector<std::string> v4{"0.0.0.0", "127.0.0.1", "127.0.0.2"};
const std::vector<std::string> all{"0.0.0.0", "127.0.0.1", "127.0.0.2", "[::]", "[::]v6only", "[::1]"};
const std::vector<std::string> options{"none", "reuse_address", "reuse_port", "both"};

using Matrix = std::map<std::string, std::string>; ///< "tcp,bound,0.0.0.0,none,[::],both" gives "EADDRINUSE,-"

std::set<std::string> cells(const std::vector<std::string>& addresses) {
    std::set<std::string> result;
    for (const char* const state : {"tcp,bound", "tcp,listening", "tcp,time_wait", "udp,bound"})
        for (const auto& first : addresses)
            for (const auto& first_options : options)
                for (const auto& second : addresses)
                    for (const auto& second_options : options)
                        result.insert(state + ("," + first) + "," + first_options + "," + second + "," +
                                      second_options);
    return result;
}

std::unique_ptr<Process> start_matrix(std::vector<std::string> arguments, Lacking lacking = Lacking::nothing) {
    return std::make_unique<Process>(support::program("conflict_matrix"),
                                     Launch{.arguments = std::move(arguments), .environment = {}, .lacking = lacking});
}

std::string output_of(Process& matrix) {
    const int status = matrix.wait_for_exit();
    INFO("standard error: " << matrix.complaints());
    REQUIRE(status == 0);
    return matrix.output();
}

/// Each row's cell and answer; a row that is malformed or comes twice fails the test.
Matrix parse_csv(const std::string& text) {
    const auto lines = lines_of(text);
    REQUIRE(!lines.empty());
    REQUIRE(lines.front() == titles);
    Matrix matrix;
    for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
        INFO("the row " << *line);
        REQUIRE(std::count(line->begin(), line->end(), ',') == 7);
        const auto answer = line->rfind(',', line->rfind(',') - 1);
        const bool once = matrix.emplace(line->substr(0, answer), line->substr(answer + 1)).second;
        REQUIRE(once);
    }
    return matrix;
}

Matrix csv(std::vector<std::string> arguments = {"--csv"}) { return parse_csv(output_of(*start_matrix(arguments))); }

std::set<std::string> keys(const Matrix& matrix) {
    std::set<std::string> result;
    for (const auto& [cell, answer] : matrix)
        result.insert(cell);
    return result;
}

/// How many cells differ between two matrices, and the first few of them; empty where there are none.
std::string differences(const Matrix& expected, const Matrix& observed) {
    std::vector<std::string> found;
    for (const auto& [cell, answer] : expected) {
        const auto other = observed.find(cell);
        if (other == observed.end())
            found.push_back(cell + " is missing");
        else if (other->second != answer)
            found.push_back(cell + ": expected " + answer + ", observed " + other->second);
    }
    for (const auto& [cell, answer] : observed)
        if (!expected.contains(cell))
            found.push_back(cell + " is not expected");
    if (found.empty())
        return "";
    std::string result = std::to_string(found.size()) + " cells differ; the first are\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 4); ++i)
        result += found[i] + "\n";
    return result;
}

/// A reader of JSON as strict as RFC 8259 for what is allowed here: an array of objects of strings without escapes.
class Json {
  public:
    explicit Json(const std::string& text) : text_{text} {}
    std::vector<std::vector<std::pair<std::string, std::string>>> array_of_objects() {
        std::vector<std::vector<std::pair<std::string, std::string>>> result;
        expect('[');
        do {
            expect('{');
            auto& members = result.emplace_back();
            do {
                auto name = string();
                expect(':');
                members.emplace_back(std::move(name), string());
            } while (next_is(','));
            expect('}');
        } while (next_is(','));
        expect(']');
        skip_space();
        INFO("after the array");
        REQUIRE(at_ == text_.size());
        return result;
    }

  private:
    void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
    bool next_is(char wanted) {
        skip_space();
        const bool found = at_ < text_.size() && text_[at_] == wanted;
        at_ += found;
        return found;
    }
    void expect(char wanted) {
        const bool found = next_is(wanted);
        INFO("JSON, at byte " << at_ << ": expected " << wanted << " before " << text_.substr(at_, 40));
        REQUIRE(found);
    }
    std::string string() {
        expect('"');
        const auto end = text_.find('"', at_);
        REQUIRE(end != std::string::npos);
        std::string result = text_.substr(at_, end - at_);
        REQUIRE(result.find_first_of("\\\n\t") == std::string::npos);
        at_ = end + 1;
        return result;
    }
    const std::string& text_;
    std::size_t at_ = 0;
};

/// The cells that a reader of the table sees, with the answer in the table's words.
Matrix parse_table(const std::string& text) {
    Matrix letters; // the address pairs of each state, "tcp,bound,0.0.0.0,[::]" to "A"
    std::map<std::string, Matrix> grids;
    std::string block, letter;
    std::vector<std::string> columns;
    for (const std::string& line : lines_of(text)) {
        CHECK(line.size() <= 79);
        std::vector<std::string> words;
        std::istringstream stream{line};
        for (std::string word; stream >> word;)
            if (const std::string before = word; (word == "at" || word == "one") && stream >> word)
                words.push_back(before + " " + word);
            else
                words.push_back(word);
        if (line.find(", first ") == 3) {
            block = words.at(0) + words.at(2);
        } else if (words.size() == 5 && words[0].size() == 1 && words[1] == "none") {
            letter = words[0];
            columns.assign(words.begin() + 1, words.end());
        } else if (!words.empty() && words[0] == "0.0.0.0" && (words.size() == 6 || words.size() == 3) &&
                   words[1] == "127.0.0.1") {
            columns = words;
        } else if (words.size() == columns.size() + 1) {
            for (std::size_t i = 0; i < columns.size(); ++i)
                if (letter.empty())
                    letters[block + "," + words[0] + "," + columns[i]] = words[i + 1];
                else
                    grids[letter][words[0] + "," + columns[i]] = words[i + 1];
        }
    }
    Matrix seen;
    for (const auto& [pair, letter_of_pair] : letters) {
        const auto comma = pair.rfind(',');
        for (const auto& first : options)
            for (const auto& second : options)
                seen[pair.substr(0, comma) + "," + first + pair.substr(comma) + "," + second] =
                    letter_of_pair == "." ? "OK" : grids[letter_of_pair][first + "," + second];
    }
    return seen;
}

/// The cells of a row of a Markdown table, without the marks of code.
std::vector<std::string> row_of(const std::string& line) {
    std::vector<std::string> row;
    std::istringstream stream{line.substr(1)};
    for (std::string cell; std::getline(stream, cell, '|');) {
        std::erase(cell, '`');
        row.push_back(cell.substr(1, cell.size() - 2));
    }
    return row;
}

/// "yes" and "no" by row and column of a Markdown table.
Matrix parse_addresses(std::vector<std::string>::const_iterator line, std::vector<std::string>::const_iterator end) {
    Matrix seen;
    const auto columns = row_of(*line);
    for (line += 2; line != end; ++line) {
        const auto row = row_of(*line);
        REQUIRE(row.size() == columns.size());
        for (std::size_t i = 1; i < row.size(); ++i) {
            CHECK((row[i] == "yes" || row[i] == "no"));
            seen[row[0] + "|" + columns[i]] = row[i];
        }
    }
    return seen;
}

/// The cells that a reader of the three short tables sees: "OK" if the addresses do not meet, else what the options
/// say. Of a server for both families in TIME-WAIT it is the one whose client came over IPv6.
Matrix parse_markdown(const std::string& text) {
    const auto lines = lines_of(text);
    const auto end_of_first = std::find(lines.begin(), lines.end(), "");
    REQUIRE(end_of_first - lines.begin() > 3);
    const auto gap = std::find(end_of_first + 1, lines.end(), "");
    REQUIRE(lines.end() - gap == 11);
    CHECK(row_of(gap[1]) == std::vector<std::string>{"first's options", "second's options", "tcp, first bound",
                                                     "tcp, first listening", "tcp, first time_wait",
                                                     "udp, first bound"});
    Matrix answers; // "tcp,bound,none,both" gives "at bind"
    for (auto line = gap + 3; line != lines.end(); ++line) {
        const auto row = row_of(*line);
        REQUIRE(row.size() == 6);
        std::istringstream seconds{row[1]};
        for (std::string second; std::getline(seconds >> std::ws, second, ',');) {
            const std::string both = "," + row[0] + "," + second;
            answers["tcp,bound" + both] = row[2];
            answers["tcp,listening" + both] = row[3];
            answers["tcp,time_wait" + both] = row[4];
            answers["udp,bound" + both] = row[5];
        }
    }
    CHECK(answers.size() == 64);

    Matrix seen;
    const Matrix meet = parse_addresses(lines.begin(), end_of_first), left = parse_addresses(end_of_first + 1, gap);
    for (const auto& [pair, conflict] : meet) {
        const std::string server = pair.substr(0, pair.find('|')), second = pair.substr(pair.find('|') + 1);
        const auto kept =
            left.find(server + (server[0] == '[' ? ", its client over IPv6|" : ", its client over IPv4|") + second);
        for (const std::string state : {"tcp,bound", "tcp,listening", "tcp,time_wait", "udp,bound"})
            for (const auto& first_options : options)
                for (const auto& second_options : options) {
                    const bool gone = state == "tcp,time_wait" && kept != left.end();
                    seen[state + "," + server + "," + first_options + "," + second + "," + second_options] =
                        (gone ? kept->second : conflict) == "yes"
                            ? answers[state + "," + first_options + "," + second_options]
                            : "OK";
                }
    }
    return seen;
}

/// What the tables say of each cell. Of two sockets that are both bound at addresses that meet, only one may listen,
/// unless both share the port.
Matrix in_words_of(const Matrix& matrix) {
    Matrix result;
    for (const auto& [cell, answer] : matrix) {
        std::vector<std::string> part; // protocol, state, first, its options, second, its options
        std::istringstream stream{cell};
        for (std::string one; std::getline(stream, one, ',');)
            part.push_back(one);
        const std::string without_options = part[0] + ",bound," + part[2] + ",none," + part[4] + ",none";
        const bool meet = matrix.at(without_options).starts_with("EADDRINUSE"),
                   shared = part[3].ends_with("_port") || part[5].ends_with("_port") ||
                            (part[3] == "both" && part[5] == "both");
        result[cell] = answer.starts_with("EADDRINUSE")                            ? "at bind"
                       : part[0] == "tcp" && part[1] == "bound" && meet && !shared ? "one listens"
                                                                                   : "OK";
    }
    return result;
}

} // namespace

// ---- conflict_matrix

TEST_CASE("the matrix has each of its 2,304 cells once, and an answer in each") {
    need_ipv6();
    const Matrix matrix = csv();
    rusage used{}; // processor time: others may use the machine too
    REQUIRE(::getrusage(RUSAGE_CHILDREN, &used) == 0);
    CHECK(used.ru_utime.tv_sec + used.ru_stime.tv_sec < 5);
    CHECK(matrix.size() == 2304);
    CHECK(keys(matrix) == cells(all));
    for (const auto& [cell, answer] : matrix) {
        CAPTURE(cell, answer);
        const bool tcp = cell.starts_with("tcp");
        CHECK((answer == "EADDRINUSE,-" || answer == (tcp ? "OK,OK" : "OK,-")));
    }
    // Here, too, because this test runs where there is no private network.
    const Matrix predicted = csv({"--rule", "--csv"});
    CHECK(differences(predicted, matrix) == "");
}

// Each run of the matrix leaves hundreds of ports in TIME-WAIT for a minute, so the tests that follow need a network
// that goes away with them.

TEST_CASE("the rule predicts the kernel's answer in every cell") {
    need_private_network();
    need_ipv6();
    const Matrix predicted = csv({"--rule", "--csv"});
    const Matrix measured = csv();
    CHECK(predicted.size() == 2304);
    CHECK(differences(predicted, measured) == "");
}

TEST_CASE("the matrix shows what the chapter says") {
    need_private_network();
    need_ipv6();
    const Matrix matrix = csv();
    const auto shows = [&](const std::string& cell, const std::string& answer) {
        CAPTURE(cell);
        CHECK(matrix.at(cell) == answer);
    };
    shows("tcp,bound,127.0.0.1,none,127.0.0.1,none", "EADDRINUSE,-");
    shows("tcp,bound,127.0.0.1,none,127.0.0.2,none", "OK,OK");
    shows("tcp,bound,0.0.0.0,none,127.0.0.1,none", "EADDRINUSE,-");
    shows("tcp,bound,127.0.0.1,none,0.0.0.0,none", "EADDRINUSE,-");
    shows("tcp,bound,[::],none,127.0.0.2,none", "EADDRINUSE,-");
    shows("tcp,bound,[::]v6only,none,0.0.0.0,none", "OK,OK");
    shows("tcp,bound,[::1],none,0.0.0.0,none", "OK,OK");
    shows("tcp,bound,127.0.0.1,reuse_address,127.0.0.1,reuse_address", "OK,OK");
    shows("tcp,bound,127.0.0.1,none,127.0.0.1,reuse_address", "EADDRINUSE,-");
    shows("tcp,listening,127.0.0.1,reuse_address,127.0.0.1,reuse_address", "EADDRINUSE,-");
    shows("tcp,listening,127.0.0.1,reuse_port,127.0.0.1,reuse_port", "OK,OK");
    shows("tcp,listening,127.0.0.1,reuse_port,127.0.0.1,reuse_address", "EADDRINUSE,-");
    shows("tcp,time_wait,127.0.0.1,none,127.0.0.1,reuse_address", "EADDRINUSE,-");
    shows("tcp,time_wait,127.0.0.1,reuse_address,127.0.0.1,none", "EADDRINUSE,-");
    shows("tcp,time_wait,127.0.0.1,reuse_address,127.0.0.1,reuse_address", "OK,OK");
    shows("tcp,time_wait,127.0.0.1,reuse_port,127.0.0.1,reuse_port", "OK,OK");
    shows("tcp,time_wait,0.0.0.0,none,127.0.0.2,none", "OK,OK");
    shows("tcp,time_wait,[::],none,127.0.0.1,none", "OK,OK");
    shows("tcp,time_wait,[::],none,0.0.0.0,none", "EADDRINUSE,-");
    shows("udp,bound,127.0.0.1,reuse_address,127.0.0.1,reuse_address", "OK,-");
    shows("udp,bound,127.0.0.1,none,127.0.0.1,both", "EADDRINUSE,-");
}

TEST_CASE("each TIME-WAIT cell has a port of its own, and the server's side of the connection is left on it") {
    need_private_network();
    need_ipv6();
    const auto count = [] {
        std::set<std::uint16_t> ports;
        for (const auto& row : common::kernel_sockets(Protocol::tcp))
            if (row.state == "TIME-WAIT")
                ports.insert(row.local.port);
        return ports.size();
    };
    csv({"--rule", "--csv"});
    CHECK(count() == 0);
    csv();
    CHECK(count() >= 576); // a refusal is measured on a second port
}

TEST_CASE("the JSON output is strict JSON and holds the rows of the CSV output") {
    need_private_network();
    const std::string text = output_of(*start_matrix({"--json"}));
    std::string rows = titles + "\n";
    for (const auto& object : Json{text}.array_of_objects()) {
        std::string names, values;
        for (const auto& [name, value] : object) {
            names += (names.empty() ? "" : ",") + name;
            values += (values.empty() ? "" : ",") + value;
        }
        REQUIRE(names == titles + ",first_listen"); // which the CSV output leaves out
        rows += values.substr(0, values.rfind(',')) + "\n";
    }
    const Matrix measured = csv();
    CHECK(differences(measured, parse_csv(rows)) == "");
}

TEST_CASE("the table says of every cell what --csv says, in lines that fit a terminal") {
    need_private_network();
    const Matrix in_words = in_words_of(csv());
    const auto table = start_matrix({});
    const Matrix seen = parse_table(output_of(*table));
    CHECK(differences(in_words, seen) == "");
    CHECK_THAT(table->output(), ContainsSubstring("All " + std::to_string(in_words.size()) +
                                                  " answers are what the rule in common/conflict.cpp predicts."));
}

TEST_CASE("the short table in Markdown says of every cell what --csv says") {
    need_private_network();
    const Matrix in_words = in_words_of(csv());
    const Matrix seen = parse_markdown(output_of(*start_matrix({"--markdown"})));
    CHECK(differences(in_words, seen) == "");
}

TEST_CASE("without IPv6 the matrix leaves those rows out and says so") {
    const auto matrix = start_matrix({"--csv"}, Lacking::ipv6);
    const Matrix measured = parse_csv(output_of(*matrix));
    CHECK(matrix->complaints() ==
          "conflict_matrix: no IPv6 on this system: the rows with IPv6 addresses are left out\n");
    CHECK(keys(measured) == cells(v4));
    const auto predicted = start_matrix({"--rule", "--csv"}, Lacking::ipv6);
    const Matrix rule = parse_csv(output_of(*predicted));
    CHECK(differences(rule, measured) == "");
}

TEST_CASE("64 descriptors are enough for the matrix") {
    need_private_network();
    Process matrix{"/bin/sh", {.arguments = {"-c", "ulimit -n 64; exec \"$0\" --csv", program("conflict_matrix")}}};
    const Matrix measured = parse_csv(output_of(matrix)), predicted = csv({"--rule", "--csv"});
    CHECK(differences(predicted, measured) == "");
}

TEST_CASE("three matrices measured at once in one network are alike") {
    need_private_network();
    const Matrix predicted = csv({"--rule", "--csv"});
    std::vector<std::unique_ptr<Process>> matrices;
    for (int i = 0; i < 3; ++i)
        matrices.push_back(start_matrix({"--csv"}));
    for (auto& matrix : matrices) {
        const Matrix measured = parse_csv(output_of(*matrix));
        CHECK(differences(predicted, measured) == "");
    }
}

TEST_CASE("where the kernel keeps no socket in TIME-WAIT the matrix says so and fails") {
    set_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
    const auto matrix = start_matrix({"--csv"});
    CHECK(matrix->wait_for_exit() == 1);
    CHECK(matrix->output().empty());
    CHECK_THAT(matrix->complaints(),
               ContainsSubstring("in the state none, not TIME-WAIT (is tcp_max_tw_buckets reached?)"));
}

TEST_CASE("where no port is left the matrix says so and fails") {
    set_sysctl("net/ipv4/ip_local_port_range", "40000 40009");
    const auto matrix = start_matrix({"--csv"});
    CHECK(matrix->wait_for_exit() == 1);
    CHECK(matrix->output().empty());
    CHECK_THAT(matrix->complaints(), StartsWith("conflict_matrix: "));
}

TEST_CASE("an unknown option is refused with status 78, its name and the usage") {
    const auto matrix = start_matrix({"--xml"});
    CHECK(matrix->wait_for_exit() == 78);
    CHECK(matrix->output().empty());
    CHECK_THAT(matrix->complaints(), StartsWith("conflict_matrix: no such option: \"--xml\"\nusage: conflict_matrix "));
}

#ifdef __linux__
// ---- port_ranges and errors

TEST_CASE("port_ranges: each range ends where its name, the right to bind or the setting ends") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "600");
    set_sysctl("net/ipv4/ip_local_port_range", "40001 50000");
    Process program{support::program("port_ranges"), {.lacking = Lacking::low_ports}};
    REQUIRE(program.wait_for_exit() == 0);
    CHECK(program.output() == "| ports | IANA's name | `bind` by an ordinary program | chosen for port 0 |\n"
                              "|---|---|---|---|\n"
                              "| 1-599 | well-known (system) | refused: EACCES | never |\n"
                              "| 600-1023 | well-known (system) | allowed | never |\n"
                              "| 1024-40000 | registered (user) | allowed | never |\n"
                              "| 40001-49151 | registered (user) | allowed | yes |\n"
                              "| 49152-50000 | dynamic (private) | allowed | yes |\n"
                              "| 50001-65535 | dynamic (private) | allowed | never |\n");
}

TEST_CASE("errors: where ports below 1024 are for everybody, the table says that nothing was refused") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "0");
    Process program{support::program("errors")};
    REQUIRE(program.wait_for_exit() == 0);
    CHECK_THAT(program.output(), ContainsSubstring("| `none` | Success | `bind` | a port below 1024"));
    CHECK_THAT(program.output(), ContainsSubstring("| `EMFILE` | Too many open files | `socket` |"));
}
#endif

TEST_CASE("backlog: the kernel connects one client more than the backlog, and the next one waits") {
    Process backlog{program("backlog")};
    CHECK(backlog.wait_for_exit() == 0);
    CHECK(backlog.complaints().empty());
    const auto lines = lines_of(backlog.output());
    REQUIRE(lines.size() == 7);
    std::size_t row = 2;
    for (const unsigned n : {0U, 1U, 2U, 5U, 16U}) {
        const std::string number = std::to_string(n);
        CHECK(lines[row++] ==
              "| `listen(" + number + ")` | " + std::to_string(n + 1) + " | " + number + " | waits: SYN-SENT |");
    }
}

TEST_CASE("families: who gets in over which family, and with which address") {
    need_ipv6();
    Process families{support::program("families")};
    CHECK(families.wait_for_exit() == 0);
    const auto lines = lines_of(families.output());
    REQUIRE(lines.size() == 7);
    const std::vector<std::string> rows{lines.begin() + 2, lines.end()};
    CHECK(rows == std::vector<std::string>{"| `127.0.0.1` | `127.0.0.1:PORT` | `127.0.0.1` | refused | `127.0.0.1` |",
                                           "| `0.0.0.0` | `0.0.0.0:PORT` | `127.0.0.1` | refused | `127.0.0.1` |",
                                           "| `[::1]` | `[::1]:PORT` | refused | `::1` | `::1` |",
                                           "| `[::]` | `*:PORT` | `::ffff:127.0.0.1` | `::1` | `::1` |",
                                           "| `[::]` with `v6_only` | `[::]:PORT` | refused | `::1` | `::1` |"});
}
