#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

using Environment = std::map<std::string, std::optional<std::string>>;

// The service under test, ready.
struct Service : Process {
    explicit Service(Environment environment = {}) : Process{program("http"), launch(std::move(environment))} {
        address = address_in(wait_for_line("listening on"));
    }

    static Launch launch(Environment environment) {
        environment.try_emplace("PORT", "0");
        for (const char* variable : {"BACKING_URL", "TIMEOUT_MS"})
            environment.try_emplace(variable, std::nullopt);
        return {.environment = std::move(environment)};
    }

    std::vector<Address> listening() const {
        std::vector<Address> addresses;
        for (const auto& row : sockets(Protocol::tcp))
            if (row.state == "LISTEN")
                addresses.push_back(row.local);
        return addresses;
    }

    std::size_t connections() const { return sockets(Protocol::tcp).size() - listening().size(); }

    Address address;
};

struct Answer {
    int status = 0;
    std::map<std::string, std::string> fields;
    std::string body;

    // Empty where the header has no such field.
    std::string field(const std::string& name) const { return fields.contains(name) ? fields.at(name) : ""; }
};

Answer read_answer(Client& client, bool with_body = true) {
    Answer answer;
    std::string line = client.read_line();
    INFO("the first line of an answer: " << line);
    REQUIRE_THAT(line, StartsWith("HTTP/1.1 "));
    answer.status = std::stoi(line.substr(9, 3));
    while ((line = client.read_line()) != "\r") {
        INFO("a line of an answer's header: " << line);
        const auto colon = line.find(": ");
        REQUIRE(colon != std::string::npos);
        REQUIRE(line.back() == '\r');
        answer.fields[line.substr(0, colon)] = line.substr(colon + 2, line.size() - colon - 3);
    }
    if (with_body && answer.fields.contains("Content-Length"))
        answer.body = client.read(std::stoul(answer.fields["Content-Length"]));
    return answer;
}

std::string get(const std::string& target, const std::string& more = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: portlab\r\n" + more + "\r\n";
}

std::string echo(const std::string& body) {
    return "POST /echo HTTP/1.1\r\nHost: portlab\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Answer ask(const Address& server, const std::string& request) {
    Client client = connect_to(server);
    client.send(request);
    return read_answer(client);
}

// A close that leaves nothing in TIME-WAIT: the peer gets a reset.
void close_abruptly(Client& client) {
    const linger now{1, 0};
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client.close();
}

bool refuses_connections(const Address& address) { return connect_to(address).error() == ECONNREFUSED; }

} // namespace

TEST_CASE("it listens on the address and the port of its environment, and nowhere else") {
    const std::string host = GENERATE("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1");
    CAPTURE(host);
    if (host == "::1")
        need_ipv6();
    const Service service{{{"HOST", host}}};
    CHECK(service.address.ip == host);
    CHECK(service.listening() == std::vector{service.address});
}

TEST_CASE("without HOST and PORT it listens on 127.0.0.1:8080") {
    need_private_network();
    const Service service{{{"PORT", std::nullopt}}};
    CHECK(service.listening() == std::vector{Address{"127.0.0.1", 8080}});
}

TEST_CASE("an invalid configuration ends it with status 78 before a socket is opened, and names variable, value and "
          "what is allowed") {
    const std::vector<std::pair<std::string, std::vector<std::string>>> invalid{
        {"HOST", {"", "localhost", "127.0.0", "127.0.0.1 "}},
        {"PORT", {"", "80abc", " 8080", "-1", "65536", "70000"}},
        {"BACKING_URL",
         {"", "127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://localhost:80", "http://127.0.0.1:0",
          "http://127.0.0.1:70000", "http://127.0.0.1:80/", "http://::1:80", "http://[127.0.0.1]:80", "http://"}},
        {"TIMEOUT_MS", {"", "0", "-5", "1.5", "10s", "3600001", "99999999999999999999"}}};
    for (const auto& [variable, values] : invalid)
        for (const std::string& value : values) {
            Launch launch = Service::launch({{variable, value}});
            launch.lacking = Lacking::sockets; // to open one would end it by a signal
            Process refused{program("http"), launch};
            INFO(variable << "=\"" << value << '"');
            CHECK(refused.wait_for_exit() == 78);
            CHECK_THAT(refused.complaints(),
                       StartsWith("http: " + variable + "=\"" + value + "\" is not ") && ContainsSubstring(": use "));
            CHECK(refused.output().empty());
        }
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with valid settings the same watch ends the program") {
    Launch launch = Service::launch({});
    launch.lacking = Lacking::sockets;
    CHECK(Process{program("http"), launch}.wait_for_exit() == 128 + SIGSYS);
}
#endif

TEST_CASE("a value that would command the terminal is shown harmless and short in the message") {
    const std::string variable = GENERATE("PORT", "HOST", "BACKING_URL", "TIMEOUT_MS");
    Process refused{program("http"), Service::launch({{variable, "80\r\x1b[2J" + std::string(5000, 'x')}})};
    CHECK(refused.wait_for_exit() == 78);
    CHECK_THAT(refused.complaints(), StartsWith("http: " + variable + "=\"80\\r\\x1b[2Jxxx"));
    CHECK(refused.complaints().size() < 400);
}

TEST_CASE("where the port is taken it ends with status 1 and names the holder and the remedy") {
    const Service holder;
    const Address address = holder.address;
    Process refused{program("http"), Service::launch({{"PORT", std::to_string(address.port)}})};
    CHECK(refused.wait_for_exit() == 1);
    CHECK_THAT(refused.complaints(), ContainsSubstring(common::to_string(address) + ": Address already in use") &&
                                         ContainsSubstring("http, process " + std::to_string(holder.pid())) &&
                                         ContainsSubstring("choose another PORT"));
    CHECK(refused.output().empty());
}

TEST_CASE("GET gives the page, HEAD its header alone, on one connection that stays open") {
    const Service service;
    Client client = connect_to(service.address);
    client.send(get("/"));
    const Answer page = read_answer(client);
    CHECK(page.status == 200);
    CHECK(page.field("Content-Type") == "text/html; charset=utf-8");
    CHECK_THAT(page.field("Date"), ContainsSubstring(" GMT"));
    CHECK_THAT(page.body, ContainsSubstring("process " + std::to_string(service.pid())) &&
                              ContainsSubstring(common::to_string(service.address)));
    client.send("HEAD / HTTP/1.1\r\nHost: portlab\r\n\r\n");
    const Answer head = read_answer(client, false);
    CHECK(head.status == 200);
    CHECK(head.field("Content-Length") == std::to_string(page.body.size()));
    client.send(get("/?a=query"));
    CHECK(read_answer(client).body == page.body);
}

TEST_CASE("the connection is closed where the client asks for it, and with HTTP/1.0 unless it asks to keep it") {
    const Service service;
    const auto stays_open = [&](const std::string& fields, const std::string& version = "HTTP/1.1") {
        Client client = connect_to(service.address);
        client.send("GET / " + version + "\r\nHost: portlab\r\n" + fields + "\r\n");
        client.shut_down_sending();
        const Answer answer = read_answer(client);
        INFO(version << " with " << fields);
        CHECK(answer.status == 200);
        CHECK(client.read_to_end().empty());
        return answer.field("Connection") != "close";
    };
    for (const std::string fields :
         {"Connection: close\r\n", "Connection: a\r\nConnection: close\r\n", "Connection: keep-alive, Close\r\n",
          "connection: ,a ,\tCLOSE, b\r\nX: y\r\n", "Connection: close\r\nConnection: keep-alive\r\n"}) {
        CHECK_FALSE(stays_open(fields));
        CHECK_FALSE(stays_open(fields, "HTTP/1.0"));
    }
    for (const std::string fields : {"", "Connection: closed\r\n", "Connection: \"close\"\r\n", "X: close\r\n"})
        CHECK(stays_open(fields));
    CHECK_FALSE(stays_open("", "HTTP/1.0"));
    CHECK_FALSE(stays_open("Connection: a\r\n", "HTTP/1.0"));
    CHECK(stays_open("Connection: a\r\nConnection: b, Keep-Alive\r\n", "HTTP/1.0"));
}

TEST_CASE("another 1.x is served as HTTP/1.1, in which this service answers") {
    const Service service;
    Client client = connect_to(service.address);
    for (const std::string version : {"HTTP/1.2", "HTTP/1.9", "HTTP/1.1"}) {
        client.send("GET / " + version + "\r\nHost: portlab\r\n\r\n");
        CHECK(read_answer(client).status == 200);
    }
}

TEST_CASE("what it does not do gets a status that says so, and the connection stays open") {
    const Service service;
    Client client = connect_to(service.address);
    client.send(get("/nothing/here"));
    CHECK(read_answer(client).status == 404);
    client.send("DELETE / HTTP/1.1\r\nHost: portlab\r\n\r\n");
    const Answer not_for_delete = read_answer(client);
    CHECK(not_for_delete.status == 405);
    CHECK(not_for_delete.field("Allow") == "GET, HEAD");
    client.send(get("/echo"));
    const Answer not_for_get = read_answer(client);
    CHECK(not_for_get.status == 405);
    CHECK(not_for_get.field("Allow") == "POST");
    client.send("BREW / HTTP/1.1\r\nHost: portlab\r\n\r\n");
    CHECK(read_answer(client).status == 501);
    client.send(get("/"));
    CHECK(read_answer(client).status == 200);
}

TEST_CASE("the target of a request may be a whole URL, as a proxy gets it") {
    const Service service;
    Client client = connect_to(service.address);
    const auto status_of = [&](const std::string& target) {
        client.send(get(target));
        return read_answer(client).status;
    };
    for (const std::string target :
         {"http://portlab/", "http://portlab:8080/?a=query", "HTTP://[::1]/", "http://portlab", "http://portlab?a=/"}) {
        CAPTURE(target);
        CHECK(status_of(target) == 200);
    }
    for (const std::string target :
         {"http://portlab/nothing", "http://portlab//", "ftp://portlab/", "/http://portlab/", "//", "/%2F"}) {
        CAPTURE(target);
        CHECK(status_of(target) == 404);
    }
    for (const std::string target : {"http://portlab/echo", "/%65cho", "http://portlab/%65%63%68%6F?query"}) {
        CAPTURE(target);
        client.send("POST " + target + " HTTP/1.1\r\nHost: other\r\nContent-Length: 4\r\n\r\nbody");
        CHECK(read_answer(client).body == "body");
    }
}

TEST_CASE("OPTIONS * is answered with the methods, CONNECT with 501: this is no proxy") {
    const Service service;
    Client client = connect_to(service.address);
    for (const std::string target : {"*", "http://portlab"}) {
        client.send("OPTIONS " + target + " HTTP/1.1\r\nHost: portlab\r\n\r\n");
        const Answer answer = read_answer(client);
        CHECK(answer.status == 200);
        CHECK(answer.field("Allow") == "GET, HEAD, POST, OPTIONS");
        CHECK(answer.field("Content-Length") == "0");
    }
    client.send("CONNECT portlab:80 HTTP/1.1\r\nHost: portlab:80\r\n\r\n");
    CHECK(read_answer(client).status == 501);
}

TEST_CASE("Host is a name or an address, perhaps with a port, once; all else gets 400") {
    const Service service;
    const auto status_with = [&](const std::string& fields, const std::string& version = "HTTP/1.1") {
        return ask(service.address, "GET / " + version + "\r\n" + fields + "\r\n").status;
    };
    for (const std::string host : {"portlab", "PORTLAB.example:8080", "h:", "127.0.0.1:80", "[::1]", "[::1]:65535",
                                   "%41", "a,b", "xn--bcher-kva.example", "", " \th "}) {
        CAPTURE(host);
        CHECK(status_with("Host: " + host + "\r\n") == 200);
    }
    for (const std::string host :
         {"u@h", "h/p",  "a b",  "a, b",  "h:abc",  "h:1:2",    "h:65536",     "h:-1", "http://h",
          "::1", "[::1", "[zz]", "[]",    "[::1]x", "[::1%lo]", "[127.0.0.1]", "%zz",  "%4",
          "h?x", "h#x",  "h\\i", "\"h\"", "<h>",    "\xff",     "{h}",         ":80"}) {
        CAPTURE(host);
        CHECK(status_with("Host: " + host + "\r\n") == 400);
        CHECK(status_with("Host: " + host + "\r\n", "HTTP/1.0") == 400);
    }
    CHECK(status_with("") == 400);
    CHECK(status_with("Host: one\r\nX: y\r\nhost: one\r\n") == 400);
    CHECK(status_with("Host: one\r\nHost: one\r\n", "HTTP/1.0") == 400);
    CHECK(status_with("", "HTTP/1.0") == 200);
}

TEST_CASE("what a trailer says never counts: its Connection, its Host, its Content-Length") {
    const Service service;
    Client client = connect_to(service.address);
    for (int i = 0; i < 2; ++i) {
        client.send("POST /echo HTTP/1.1\r\nHost: portlab\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
                    "Connection: close\r\nHost: a b\r\nContent-Length: 7\r\n\r\n");
        const Answer answer = read_answer(client);
        CHECK(answer.body == "body");
        CHECK(answer.field("Connection").empty());
    }
}

TEST_CASE("a malformed or oversized request gets the status that says what is wrong, and the connection is closed") {
    const std::string kilobytes(9000, 'x');
    const auto post = [](const std::string& fields) { return "POST /echo HTTP/1.1\r\nHost: portlab\r\n" + fields; };
    const std::vector<std::pair<int, std::string>> table{
        {400, "nonsense\r\n"},
        {400, "GET /\r\n\r\n"},
        // Nothing follows: whoever ends a line with a mere line feed (nc, say) waits for the answer.
        {400, "\n"},
        {400, "GET / HTTP/1.1\n"},
        {400, "GET / HTTP/1.1\r\nHost: portlab\n"},
        {400, "GET / HTTP/1.1\r\nHost: portlab\r\n\n"},
        {400, "GET / HTTP/1.1\r\nHost: portlab\r\nX: a\rY"},
        {400, post("Transfer-Encoding: chunked\r\n\r\n4\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n4\r\nbody\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n0\r\n\n")},
        {400, "GET /a b HTTP/1.1\r\n"},
        {400, "GET /  HTTP/1.1\r\n"},
        {400, " GET / HTTP/1.1\r\n"},
        {400, "GET / HTTP/1.1 \r\n"},
        {400, "GET / HTTP/1.10\r\n"},
        {400, "GET / http/1.1\r\n"},
        {400, "GET / HTTP/2\r\n"},
        {400, "GET portlab HTTP/1.1\r\n"},
        {400, "GET * HTTP/1.1\r\n"},
        {400, "GET /%zz HTTP/1.1\r\n"},
        {400, "GET /# HTTP/1.1\r\n"},
        {400, "GET /\xff HTTP/1.1\r\n"},
        {400, "GET http:/// HTTP/1.1\r\n"},
        {400, "GET http://:80/ HTTP/1.1\r\n"},
        {400, "GET http://h:abc/ HTTP/1.1\r\n"},
        {400, "GET http://u@h/ HTTP/1.1\r\n"},
        {400, "OPTIONS *x HTTP/1.1\r\n"},
        {400, "CONNECT portlab HTTP/1.1\r\n"},
        {400, "CONNECT / HTTP/1.1\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: portlab\r\nX: a\r\n folded\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : portlab\r\n"},
        {400, "GET / FTP/1.1\r\n\r\n"},
        {400, std::string{"GET /\0 HTTP/1.1\r\nHost: portlab\r\n\r\n", 35}},
        {400, "\x16\x03\x01\x02 the start of TLS\n"},
        {400, "GET / HTTP/1.1\r\nHost portlab\r\n\r\n"},
        {400, post("Content-Length: -1\r\n\r\n")},
        {400, post("Content-Length: 5\r\nContent-Length: 6\r\n\r\n")},
        {400, post("Content-Length: 5, 6\r\n\r\n")},
        {400, post("Content-Length: ,\r\n\r\n")},
        {400, post("Content-Length: 5\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n")},
        {400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n")},
        {400, post("Transfer-Encoding: chunked, chunked\r\n\r\n")},
        {400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\nten\r\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n5 6\r\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n")},
        {400, post("Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n")},
        {400, post("Transfer-Encoding: gzip\r\n\r\n")}, // where it ends nobody can say
        {400, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {413, post("Content-Length: 65537\r\n\r\n")},
        {413, post("Content-Length: 99999999999999\r\nExpect: 100-continue\r\n\r\n")},
        {413, post("Transfer-Encoding: chunked\r\n\r\n8000\r\n" + std::string(0x8000, 'x') + "\r\n8001\r\n")},
        {414, "GET /" + kilobytes},
        {431, "GET / HTTP/1.1\r\nHost: portlab\r\nX: " + kilobytes},
        {431, post("Transfer-Encoding: chunked\r\n\r\n5;x=" + kilobytes)},
        {431, post("Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + kilobytes)},
        {431, post("Transfer-Encoding: chunked\r\n\r\n1;" + kilobytes.substr(4500) + "\r\na\r\n1;" +
                   kilobytes.substr(4500) + "\r\n")},
        {501, post("Transfer-Encoding: gzip, chunked\r\n\r\n")},
        {501, post("Transfer-Encoding: gzip\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n")},
        {505, "GET / HTTP/0.9\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: portlab\r\n\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}};
    const Service service;
    for (const auto& [status, bytes] : table) {
        INFO("the request begins with " << bytes.substr(0, 120));
        Client client = connect_to(service.address);
        client.send(bytes);
        const Answer answer = read_answer(client);
        CHECK(answer.status == status);
        CHECK(answer.field("Connection") == "close");
        CHECK(client.read_to_end().empty());
    }
    CHECK(ask(service.address, get("/")).status == 200);
}

TEST_CASE("who is refused in the middle of a large body still gets to read why") {
    const Service service;
    Client client = connect_to(service.address);
    client.send("POST /echo HTTP/1.1\r\nHost: portlab\r\nContent-Length: 20000000\r\n\r\n");
    client.send(std::string(20000000, 'x'));
    CHECK(read_answer(client).status == 413);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("a request may arrive a byte at a time") {
    const Service service;
    Client slow = connect_to(service.address);
    const int at_once = 1;
    ::setsockopt(slow.descriptor(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    const auto send_bytes = [&](const std::string& bytes) {
        for (const char byte : bytes) {
            slow.send({&byte, 1});
            CHECK(eventually([&] { // the service has read it
                const auto row = common::kernel_socket(Protocol::tcp, service.address, slow.local());
                return !row || row->received == 0;
            }));
        }
    };
    send_bytes("\r\n" + echo("drop by drop"));
    CHECK(read_answer(slow).body == "drop by drop");
    const std::string chunked = "POST /echo HTTP/1.1\r\nHost: portlab\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "4;a=b\r\nport\r\n3\r\nlab\r\n0\r\nTrailer: x\r\n\r\n";
    send_bytes(chunked);
    CHECK(read_answer(slow).body == "portlab");
}

TEST_CASE("a body may be as large as the limit") {
    const Service service;
    Client client = connect_to(service.address);
    const std::string body(65536, 'x');
    client.send(echo(body));
    CHECK(read_answer(client).body == body);
}

TEST_CASE("pipelined requests are all answered, in their order") {
    const Service service;
    Client client = connect_to(service.address);
    std::string requests;
    for (int i = 0; i < 200; ++i)
        requests += echo("number " + std::to_string(i));
    requests += get("/", "Connection: close\r\n") + get("/after/the/last");
    client.send(requests);
    client.shut_down_sending(); // whoever sends no more still wants the answers
    for (int i = 0; i < 200; ++i) {
        const Answer answer = read_answer(client);
        REQUIRE(answer.body == "number " + std::to_string(i));
    }
    CHECK(read_answer(client).status == 200);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("a client that expects 100-continue is told to send its body") {
    const Service service;
    Client client = connect_to(service.address);
    for (const std::string expect :
         {"Expect: 100-continue", "expect: x\r\nExpect: 100-Continue", "Expect: x, 100-continue"}) {
        client.send("POST /echo HTTP/1.1\r\nHost: portlab\r\n" + expect + "\r\nContent-Length: 4, 4\r\n\r\n");
        CHECK(client.read_line() == "HTTP/1.1 100 Continue\r");
        CHECK(client.read_line() == "\r");
        client.send("body");
        CHECK(read_answer(client).body == "body");
    }
}

TEST_CASE(
    "a request that does not arrive in time gets 408, however busily it dribbles; silence is ended without a word") {
    const Service service{{{"TIMEOUT_MS", "400"}}};
    Client slow = connect_to(service.address);
    slow.send("GET / HTTP/1.1\r\nHost: ");
    Client silent = connect_to(service.address);
    Client kept = connect_to(service.address);
    kept.send(get("/"));
    CHECK(read_answer(slow).status == 408);
    CHECK(slow.read_to_end().empty());
    CHECK(silent.read_to_end().empty());
    CHECK(read_answer(kept).status == 200);
    CHECK(kept.read_to_end().empty());
}

TEST_CASE("a client that does not read its answers is dropped, and holds up nobody") {
    const Service service{{{"TIMEOUT_MS", "400"}}};
    Client client = connect_to(service.address);
    const int small = 4096;
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const std::string request = echo(std::string(60000, 'x'));
    while (::send(client.descriptor(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
    CHECK(ask(service.address, get("/")).status == 200);
    CHECK(eventually([&] { return service.connections() == 0; }));
    CHECK(ask(service.address, get("/")).status == 200);
}

TEST_CASE("ten thousand connections, good and bad, under a limit of 64 descriptors: no well-formed request is lost") {
    Service service;
    const rlimit limit{64, 64};
    REQUIRE(::prlimit(service.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
    const std::string too_long = "GET /" + std::string(9000, 'x');
    int good = 0, answered = 0, bad = 0, refused = 0, opened = 0;
    while (opened < 10000) {
        std::vector<Client> clients;
        for (int i = 0; i < 25; ++i, ++opened) {
            clients.push_back(connect_to(service.address));
            INFO("connection " << opened << ": " << std::strerror(clients.back().error()));
            REQUIRE(clients.back().error() == 0);
            switch (i % 5) {
            case 0:
                clients.back().send(get("/"));
                break;
            case 1: // pipelined
                clients.back().send(get("/") + echo("second"));
                break;
            case 2:
                clients.back().send("malformed\r\n\r\n");
                break;
            case 3:
                clients.back().send(too_long);
                break;
            case 4: // in the middle of a request, the client is gone
                clients.back().send("GET / HTTP/1.1\r\nHo");
                close_abruptly(clients.back());
                break;
            }
        }
        for (int i = 0; i < 25; ++i) {
            Client& client = clients[static_cast<std::size_t>(i)];
            if (i % 5 == 4)
                continue;
            if (i % 5 < 2) {
                ++good;
                answered += read_answer(client).status == 200;
            } else {
                ++bad;
                refused += read_answer(client).status == (i % 5 == 2 ? 400 : 414);
            }
            if (i % 5 == 1) {
                ++good;
                answered += read_answer(client).body == "second";
            }
            close_abruptly(client);
        }
        for (int i = 0; i < 25; ++i) // the log is read, or its pipe would fill
            service.wait_for_line(" ");
    }
    CHECK(answered == good);
    CHECK(refused == bad);
    CHECK(eventually([&] { return service.connections() == 0; }));
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0);
    CHECK(std::count(service.output().begin(), service.output().end(), '\n') ==
          2 + good + bad); // "listening", "no longer"
}

TEST_CASE("without a free descriptor it says so once, waits, idle, and serves the waiting clients when it has one") {
    Service service;
    const rlimit limit{20, 20};
    REQUIRE(::prlimit(service.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
    std::vector<Client> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(connect_to(service.address));
        clients.back().send(get("/"));
    }
    CHECK(read_answer(clients.front()).status == 200);
    CHECK(eventually([&] {
        std::ifstream file{"/proc/" + std::to_string(service.pid()) + "/stat"};
        const std::string stat{std::istreambuf_iterator<char>{file}, {}};
        return stat.at(stat.rfind(')') + 2) == 'S' && service.connections() < clients.size();
    }));
    clients.front().close();
    for (std::size_t i = 1; i < clients.size(); ++i) {
        CHECK(read_answer(clients[i]).status == 200);
        clients[i].close();
    }
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0);
    CHECK(service.complaints() == "http: accept: Too many open files; new clients wait\n");
}

#ifdef __linux__
TEST_CASE("when it says that it is ready it catches SIGTERM and SIGINT") {
    const Service service;
    std::ifstream file{"/proc/" + std::to_string(service.pid()) + "/status"};
    std::string word;
    while (file >> word && word != "SigCgt:") { // a mask: see proc(5)
    }
    REQUIRE(file >> word);
    const auto mask = std::stoull(word, nullptr, 16);
    const auto catches = [mask](int number) { return (mask >> (number - 1) & 1) == 1; };
    CHECK(catches(SIGTERM));
    CHECK(catches(SIGINT));
}
#endif

#ifdef __linux__
TEST_CASE("it has one thread") {
    const Service service;
    std::ifstream file{"/proc/" + std::to_string(service.pid()) + "/status"};
    std::string word;
    while (file >> word && word != "Threads:") { // see proc(5)
    }
    REQUIRE(file >> word);
    CHECK(word == "1");
}
#endif

TEST_CASE("SIGTERM or SIGINT closes idle connections and ends it with status 0; the end of its input does not") {
    const int number = GENERATE(SIGTERM, SIGINT);
    CAPTURE(number);
    Service service{{{"TIMEOUT_MS", "3600000"}}}; // so that no deadline ends the idle ones
    service.close_input();
    Client idle = connect_to(service.address);
    idle.send(get("/"));
    CHECK(read_answer(idle).status == 200);
    Client silent = connect_to(service.address);
    service.send_signal(number);
    CHECK(service.wait_for_exit() == 0);
    CHECK(idle.read_to_end().empty());
    CHECK(refuses_connections(service.address));
    CHECK(service.complaints().empty());
}

TEST_CASE("at SIGTERM a request in flight is finished, while new clients are refused") {
    Service service;
    Client client = connect_to(service.address);
    client.send("POST /echo HTTP/1.1\r\nHost: portlab\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_line() == "HTTP/1.1 100 Continue\r");
    client.read_line();
    client.send("in fl");
    service.send_signal(SIGTERM);
    CHECK(eventually([&] { return service.listening().empty(); }));
    CHECK(refuses_connections(service.address));
    client.send("ight!");
    const Answer answer = read_answer(client);
    CHECK(answer.body == "in flight!");
    CHECK(answer.field("Connection") == "close");
    CHECK(client.read_to_end().empty());
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("after Ctrl-C the SIGTERM of a process manager costs no request, and a second Ctrl-C ends it at once") {
    const int second = GENERATE(SIGTERM, SIGINT);
    CAPTURE(second);
    Service service;
    Client client = connect_to(service.address);
    client.send("POST /echo HTTP/1.1\r\nHost: portlab\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_line() == "HTTP/1.1 100 Continue\r");
    client.read_line();
    service.send_signal(SIGINT);
    service.wait_for_line("no longer listening");
    service.send_signal(second);
    if (second == SIGINT) {
        CHECK(service.wait_for_exit() == 128 + SIGINT);
        return;
    }
    client.send("body");
    CHECK(read_answer(client).body == "body");
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("no request that has arrived when SIGTERM comes is lost: kept, pipelined or not yet accepted") {
    Service service;
    Client kept = connect_to(service.address);
    kept.send(get("/"));
    CHECK(read_answer(kept).status == 200);
    service.send_signal(SIGSTOP); // so that all arrives before it looks
    REQUIRE(eventually([&] {
        std::ifstream file{"/proc/" + std::to_string(service.pid()) + "/stat"};
        const std::string stat{std::istreambuf_iterator<char>{file}, {}};
        return stat.at(stat.rfind(')') + 2) == 'T';
    }));
    kept.send(echo("kept"));
    std::vector<Client> fresh;
    for (int i = 0; i < 20; ++i) {
        fresh.push_back(connect_to(service.address));
        fresh.back().send(echo("one") + echo("two") + echo("three"));
    }
    service.send_signal(SIGTERM);
    service.send_signal(SIGCONT);
    CHECK(read_answer(kept).body == "kept");
    CHECK(kept.read_to_end().empty());
    for (Client& client : fresh) {
        CHECK(read_answer(client).body == "one");
        CHECK(read_answer(client).body == "two");
        CHECK(read_answer(client).body == "three");
        CHECK(client.read_to_end().empty());
    }
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("a connection that was idle at SIGTERM has a while left for a request") {
    bool answered = false;
    for (int attempt = 0; attempt < 10 && !answered; ++attempt) { // on a busy machine the while may have passed
        Service service;
        Client kept = connect_to(service.address), silent = connect_to(service.address);
        kept.send(get("/"));
        CHECK(read_answer(kept).status == 200);
        service.send_signal(SIGTERM);
        service.wait_for_line("no longer listening");
        answered = true;
        for (Client* const client : {&kept, &silent}) {
            const std::string request = get("/");
            ::send(client->descriptor(), request.data(), request.size(), MSG_NOSIGNAL);
            const std::string answer = client->read_to_any_end();
            answered = answered && answer.starts_with("HTTP/1.1 200") &&
                       answer.find("\r\nConnection: close\r\n") != answer.npos;
        }
        CHECK(service.wait_for_exit() == 0);
    }
    CHECK(answered);
}

TEST_CASE("a request that comes when the stopping service has closed the idle connection is lost") {
    Service service;
    Client kept = connect_to(service.address);
    kept.send(get("/"));
    CHECK(read_answer(kept).status == 200);
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0); // the client has not looked yet
    const std::string request = get("/");
    ::send(kept.descriptor(), request.data(), request.size(), MSG_NOSIGNAL);
    CHECK(kept.read_to_any_end().empty());
}

#ifdef __linux__
TEST_CASE("while it stops, waiting clients are served as descriptors come free, and nobody joins them") {
    Service service;
    service.limit_descriptors(20);
    std::vector<Client> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(connect_to(service.address));
        clients.back().send(get("/"));
    }
    CHECK(read_answer(clients.front()).status == 200);
    service.send_signal(SIGTERM);
    CHECK(eventually([&] { // it has seen the signal
        clients.front().send(get("/"));
        return read_answer(clients.front()).field("Connection") == "close";
    }));
    const Client late = begin_to_connect(service.address);
    for (std::size_t i = 1; i < clients.size(); ++i) {
        CAPTURE(i);
        CHECK(read_answer(clients[i]).status == 200);
    }
    clients.clear();
    CHECK(service.wait_for_exit() == 0);
    int error = late.error();
    socklen_t size = sizeof error;
    if (error == 0)
        ::getsockopt(late.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    const auto row = common::kernel_socket(Protocol::tcp, late.local(), service.address);
    CHECK((error == ECONNREFUSED || (row && row->state == "SYN-SENT")));
}
#endif

namespace {

// What the clients of a service have seen, until it was gone.
struct Tally {
    std::atomic<int> answered{0}, lost{0};
    std::atomic<bool> gone{false};
};

// Connects, asks, connects again, until it is refused. A request that is sent on a connection must be answered, unless
// an answer before it has said that the connection closes. `at_once` requests are sent together; `fresh`: a connection
// for each, two of them open at a time, so that the kernel has connected a client that has said nothing yet.
void be_a_client(const Address& server, int at_once, bool fresh, Tally& tally) {
    const auto connected = [&](Client client) -> std::optional<Client> {
        pollfd watched{client.descriptor(), POLLOUT, 0};
        while (client.error() == 0 && ::poll(&watched, 1, 20) == 0)
            if (tally.gone)
                return std::nullopt;
        int error = client.error();
        socklen_t size = sizeof error;
        if (error == 0)
            ::getsockopt(client.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0)
            return std::nullopt;
        ::fcntl(client.descriptor(), F_SETFL, 0);
        const timeval limit{patience.count(), 0};
        ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return client;
    };
    std::string requests;
    for (int i = 0; i < at_once; ++i)
        requests += get("/", fresh ? "Connection: close\r\n" : "");
    std::optional<Client> current = connected(begin_to_connect(server)), next;
    while (current) {
        if (fresh)
            next = begin_to_connect(server);
        bool goes_on = ::send(current->descriptor(), requests.data(), requests.size(), MSG_NOSIGNAL) > 0;
        tally.lost += goes_on ? 0 : at_once;
        std::string bytes;
        for (int i = 0; i < at_once && goes_on; ++i) { // the page ends with these words
            constexpr std::string_view page_end = "what it was sent.</p>\n";
            std::array<char, 4096> piece;
            ssize_t size = 1;
            while (bytes.find(page_end) == bytes.npos &&
                   (size = ::recv(current->descriptor(), piece.data(), piece.size(), 0)) > 0)
                bytes.append(piece.data(), static_cast<std::size_t>(size));
            if (size <= 0) {
                tally.lost += at_once - i;
                goes_on = false;
            } else {
                ++tally.answered;
                const auto end = bytes.find(page_end) + page_end.size();
                goes_on = bytes.substr(0, end).find("Connection: close") == bytes.npos;
                bytes.erase(0, end);
            }
        }
        if (!goes_on) {
            current.reset();
            current = connected(fresh ? std::move(*next) : begin_to_connect(server));
        }
    }
}

} // namespace

TEST_CASE("whenever it is stopped under load, each request on a connection that it kept open is answered") {
    const char* const wanted = std::getenv("PORTLAB_STOPS"); // a thousand take ten minutes
    int answered = 0;
    for (int stops = wanted ? std::atoi(wanted) : 5; stops > 0; --stops) {
        Service service;
        Tally tally;
        std::vector<std::thread> clients;
        for (const auto& [at_once, fresh] :
             std::vector<std::pair<int, bool>>{{1, false}, {3, false}, {1, true}, {1, true}})
            clients.emplace_back(be_a_client, service.address, at_once, fresh, std::ref(tally));
        const bool busy = eventually([&] { return tally.answered >= 80; });
        service.send_signal(SIGTERM);
        const int status = service.wait_for_exit();
        tally.gone = true;
        for (std::thread& client : clients)
            client.join();
        CHECK(busy);
        CHECK(status == 0);
        CHECK(tally.lost == 0);
        answered += tally.answered;
    }
    UNSCOPED_INFO(answered << " requests answered");
    CHECK(answered > 0);
}

TEST_CASE("a client that never finishes its request does not keep it from ending") {
    Service service{{{"TIMEOUT_MS", "400"}}};
    Client client = connect_to(service.address);
    client.send("GET / HTTP/1.1\r\n");
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("a restart on the same port succeeds at once, with connections of the last instance in TIME-WAIT") {
    Address address;
    {
        Service first;
        address = first.address;
        Client client = connect_to(address);
        client.send(get("/", "Connection: close\r\n"));
        CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200")); // the server has closed first
        client.close();
        first.send_signal(SIGTERM);
        CHECK(first.wait_for_exit() == 0);
    }
    const auto rows = common::kernel_sockets(Protocol::tcp);
    CHECK(std::any_of(rows.begin(), rows.end(),
                      [&](const auto& row) { return row.local == address && row.state == "TIME-WAIT"; }));
    const Service second{{{"PORT", std::to_string(address.port)}}};
    CHECK(second.address == address);
    CHECK(ask(address, get("/")).status == 200);
}

TEST_CASE("one instance serves as the backing service of another") {
    const Service backing;
    Service front{{{"BACKING_URL", "http://" + common::to_string(backing.address)}}};
    const std::string page = ask(backing.address, get("/")).body;
    CHECK_THAT(page, ContainsSubstring("process " + std::to_string(backing.pid())));
    Client client = connect_to(front.address);
    client.send(get("/backing") + echo("after it"));
    const Answer answer = read_answer(client);
    CHECK(answer.status == 200);
    CHECK(answer.body == page);
    CHECK(read_answer(client).body == "after it");
    CHECK(ask(backing.address, get("/backing")).status == 404);
}

TEST_CASE("the backing service sees the address of the service in front of it, not the client's") {
    Client backing = listening_socket("127.0.0.1");
    const Service front{{{"BACKING_URL", "http://" + common::to_string(backing.local())}}};
    Client client = connect_to(front.address);
    client.send(get("/backing", "X-Forwarded-For: 192.0.2.1\r\n"));
    Client asked = backing.accept();
    const auto rows = front.sockets(Protocol::tcp);
    CHECK(asked.peer() != client.local());
    CHECK(std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.local == asked.peer(); }));
    std::string request, line;
    while ((line = asked.read_line()) != "\r")
        request += line + "\n";
    CHECK(request.find("X-Forwarded-For") == request.npos); // what the client claims is not passed on
}

TEST_CASE("one instance serves as the backing service of another over IPv6") {
    need_ipv6();
    const Service backing{{{"HOST", "::1"}}};
    const Service front{{{"BACKING_URL", "http://" + common::to_string(backing.address)}}};
    CHECK_THAT(ask(front.address, get("/backing")).body, ContainsSubstring("process " + std::to_string(backing.pid())));
}

// A service whose backing service is the test.
struct Front : Service {
    using Service::Service;
    Answer answer_after(Client& listener, const std::string& text) const {
        Client client = connect_to(address);
        client.send(get("/backing"));
        Client backing = listener.accept();
        while (backing.read_line() != "\r") { // else the close below would be a reset
        }
        ::send(backing.descriptor(), text.data(), text.size(), MSG_NOSIGNAL); // it may have heard enough before the end
        ::shutdown(backing.descriptor(), SHUT_WR);
        return read_answer(client);
    }
};

TEST_CASE(
    "a backing service that is away, talks nonsense or fails gives 502 and the reason, a slow one 504, and nobody "
    "else waits") {
    Client silent = listening_socket("127.0.0.1");
    const std::string url = "http://" + common::to_string(silent.local());
    SECTION("away") {
        const Client bound = bound_socket("127.0.0.1"); // does not listen: connections are refused
        const Service front{{{"BACKING_URL", "http://" + common::to_string(bound.local())}}};
        const Answer answer = ask(front.address, get("/backing"));
        CHECK(answer.status == 502);
        CHECK(answer.body == "The backing service failed: Connection refused\n");
    }
    SECTION("no HTTP, an error, or half an answer") {
        const Front front{{{"BACKING_URL", url}}};
        const std::string ok = "HTTP/1.1 200 OK\r\n", too_much(65537, 'x');
        for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
                 {"SSH-2.0-portlab\r\n\r\n", "its answer is malformed"},
                 {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "its answer is malformed"},
                 {"HTTP/2.0 200 OK\r\n\r\n", "its answer is malformed"},
                 {"HTTP/1.1 2000 OK\r\n\r\n", "its answer is malformed"},
                 {ok + "Content-Length: 1, 2\r\n\r\nab", "its answer is malformed"},
                 {ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "its answer is malformed"},
                 {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "its answer is malformed"},
                 {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
                  "its answer is in a transfer coding that was not asked for"},
                 {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "it answered with status 500"},
                 {"HTTP/1.1 404\r\nContent-Length: 99999999\r\n\r\n", "it answered with status 404"},
                 {"HTTP/1.1 204 No Content\r\n\r\n", "it answered with status 204"},
                 {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "it answered with status 101"},
                 {ok + "Content-Length: 50\r\n\r\nless", "its answer was cut off"},
                 {ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nless\r\n", "its answer was cut off"},
                 {"HTTP/1.1 20", "its answer was cut off"},
                 {ok + "Content-Length: 65537\r\n\r\n" + too_much, "its answer is too large"},
                 {ok + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + too_much, "its answer is too large"},
                 {ok + "\r\n" + too_much, "its answer is too large"},
                 {ok + "X: " + too_much, "its answer is too large"},
                 {"HTTP/1.1 100 Continue\r\n\r\n", "it closed the connection without an answer"},
                 {"", "it closed the connection without an answer"}}) {
            INFO("the backing service says: " << text.substr(0, 100));
            const Answer answer = front.answer_after(silent, text);
            CHECK(answer.status == 502);
            CHECK(answer.body == "The backing service failed: " + why + "\n");
        }
    }
    SECTION("right, in whatever way it is sent") {
        const Front front{{{"BACKING_URL", url}}};
        const std::string ok = "HTTP/1.1 200 OK\r\n", page(65536, 'x');
        for (const auto& [text, body] : std::vector<std::pair<std::string, std::string>>{
                 {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100\r\n\r\n" + ok +
                      "Content-Length: 4\r\n\r\npage",
                  "page"},
                 {ok + "Content-Length: 65536\r\n\r\n" + page, page},
                 {ok + "transfer-encoding: Chunked\r\n\r\n10000\r\n" + page + "\r\n0\r\nX: y\r\n\r\n", page},
                 {ok + "\r\n" + page, page},
                 {"HTTP/1.9 200 \r\nContent-Length: 4, 4\r\n\r\npage and more", "page"},
                 {ok + "Content-Length: 0\r\n\r\n", ""}}) {
            INFO("the backing service says: " << text.substr(0, 100));
            const Answer answer = front.answer_after(silent, text);
            CHECK(answer.status == 200);
            CHECK(answer.body == body);
        }
    }
    SECTION("slow") {
        const Service front{{{"BACKING_URL", url}, {"TIMEOUT_MS", "400"}}};
        Client client = connect_to(front.address);
        client.send(get("/backing"));
        CHECK(ask(front.address, get("/")).status == 200);
        CHECK(read_answer(client).status == 504);
    }
}

TEST_CASE("a page that ends where the backing service closes is whole; SIGTERM waits for it") {
    Client listener = listening_socket("127.0.0.1");
    Service front{{{"BACKING_URL", "http://" + common::to_string(listener.local())}}};
    Client client = connect_to(front.address);
    client.send(get("/backing"));
    Client backing = listener.accept();
    backing.read_line();
    front.send_signal(SIGTERM);
    CHECK(eventually([&] { return front.listening().empty(); }));
    backing.send("HTTP/1.0 200 OK\r\n\r\nto the end");
    backing.close();
    const Answer answer = read_answer(client);
    CHECK(answer.status == 200);
    CHECK(answer.body == "to the end");
    CHECK(answer.field("Connection") == "close");
    CHECK(front.wait_for_exit() == 0);
}

TEST_CASE("each answer is a line on standard output, with what a stranger sends made harmless") {
    Service service;
    Client client = connect_to(service.address);
    const std::string from = common::to_string(client.local());
    client.send(get("/nothing/" + std::string(300, 'x')));
    CHECK(service.wait_for_line("GET ") == "GET /nothing/" + std::string(191, 'x') + "... (309 bytes) 404 14 " + from);
    CHECK(read_answer(client).status == 404);
    client.send("GET /\xff HTTP/1.1\r\n");
    CHECK(service.wait_for_line("GET ") == "GET /\\xff 400 12 " + from);
    Client other = connect_to(service.address);
    other.send("\x1b[2J\n");
    CHECK(service.wait_for_line("400") == "- - 400 12 " + common::to_string(other.local()));
}

TEST_CASE("it goes on when nobody reads its log any more") {
    Process service{program("http"), {.environment = {{"PORT", "0"}}}};
    const Address address = address_in(service.wait_for_line("listening on"));
    service.close_output();
    for (int i = 0; i < 3; ++i)
        CHECK_THAT(ask(address, get("/")).body, ContainsSubstring("A service on its own port"));
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("curl gets the page, posts, and is refused what is too large") {
    const std::string curl = "/usr/bin/curl";
    if (::access(curl.c_str(), X_OK) != 0)
        SKIP("needs curl in /usr/bin");
    const Service service;
    const std::string url = "http://" + common::to_string(service.address);
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--silent", "--show-error", "--noproxy", "*", "--max-time", "15"});
        Process process{curl, {.arguments = std::move(arguments)}};
        const int status = process.wait_for_exit();
        INFO("curl's complaints: " << process.complaints());
        CHECK(status == 0);
        return process.output();
    };
    CHECK_THAT(run({url}), ContainsSubstring("A service on its own port"));
    CHECK_THAT(run({"--head", url}), StartsWith("HTTP/1.1 200 OK"));
    CHECK(run({"--data", "a=1", url + "/echo"}) == "a=1");
    CHECK_THAT(run({"--proxy", url, "--noproxy", "", "http://portlab.example/"}), ContainsSubstring("A service"));
    CHECK(run({"--http1.0", "--data", "a=1", url + "/echo"}) == "a=1");
    CHECK(run({"--header", "Transfer-Encoding: chunked", "--data", "in chunks", url + "/echo"}) == "in chunks");
    CHECK_THAT(run({"--data", std::string(70000, 'x'), "--write-out", "%{http_code}", url + "/echo"}),
               ContainsSubstring("413"));
}

TEST_CASE("foreman runs the Procfile: each instance answers on its own PORT, and none is left after SIGTERM") {
    need_private_network();
    const std::string foreman = "/usr/bin/foreman";
    if (::access(foreman.c_str(), X_OK) != 0)
        SKIP("needs foreman in /usr/bin (Debian: ruby-foreman)");
    program("http");
    const auto procfile = std::filesystem::path{__FILE__}.parent_path() / "../../chapters/A_http/Procfile";
    Process manager{
        foreman,
        {.arguments = {"start", "--procfile", procfile.string(), "--port", "5600", "--formation", "web=2,front=1"},
         .environment = {{"BACKING_URL", std::nullopt}, {"TIMEOUT_MS", std::nullopt}}}};
    for (int i = 0; i < 3; ++i)
        manager.wait_for_line("listening on");
    std::vector<pid_t> instances;
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{5600, 5601, 5700}) {
        const Address address{"127.0.0.1", port};
        const Answer answer = ask(address, get("/"));
        CHECK(answer.status == 200);
        CHECK_THAT(answer.body, ContainsSubstring("listens on " + common::to_string(address)));
        for (const auto& row : common::kernel_sockets(Protocol::tcp))
            if (const auto holder = common::holder_of(row); row.state == "LISTEN" && row.local == address && holder)
                instances.push_back(holder->pid);
    }
    CHECK(instances.size() == 3);
    CHECK_THAT(ask({"127.0.0.1", 5700}, get("/backing")).body, ContainsSubstring("listens on 127.0.0.1:5600"));
    manager.send_signal(SIGTERM);
    CHECK(manager.wait_for_exit() == 0);
    for (const pid_t instance : instances) {
        CAPTURE(instance);
        CHECK(::kill(instance, 0) == -1);
    }
}
