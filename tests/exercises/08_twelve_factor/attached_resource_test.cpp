#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sys/socket.h>

using namespace grader;

namespace {

Launch with(std::optional<std::string> url) {
    return {.environment = {{"PORT", "0"}, {"BACKING_URL", std::move(url)}}};
}

Client ask(Grader& grader, const Address& service) {
    Client client = grader.connect(service);
    client.send("GET / HTTP/1.1\r\nHost: portlab\r\nConnection: close\r\n\r\n");
    return client;
}

// The body of an answer that ends with its connection, whatever framing it has: chunks are put together; RFC 9112, 7.1.
std::string body_of(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    if (end == answer.npos)
        return {};
    std::string header = answer.substr(0, end), rest = answer.substr(end + 4), body;
    std::ranges::transform(header, header.begin(), [](unsigned char c) { return std::tolower(c); });
    if (header.find("\r\ntransfer-encoding: chunked") == header.npos)
        return rest;
    while (true) {
        const auto line = rest.find("\r\n");
        const std::size_t size = line == rest.npos ? 0 : std::strtoul(rest.c_str(), nullptr, 16);
        if (size == 0 || rest.size() < line + 2 + size)
            return body;
        body += rest.substr(line + 2, size);
        rest.erase(0, line + 2 + size + 2);
    }
}

// It may be one of HTTP/1.0 or HTTP/1.1.
void expect_answer(Grader& grader, Client& client, const std::string& status, const std::string& body) {
    const std::string answer = client.read_to_end();
    grader.expect(answer.starts_with("HTTP/1.") && answer.substr(8, 5) == " " + status + " ",
                  client.name() + " got " + in_quotes(answer));
    if (!body.empty() && body_of(answer) != body) {
        if (body.size() < 300)
            grader.fail(client.name() + " got " + in_quotes(answer));
        expect_bytes(grader, client.name(), body_of(answer), body);
    }
}

// The grader is the backing service: it takes one request, and returns its first line.
std::string be_asked(Client& connection) {
    const std::string first = connection.read_line();
    while (connection.read_line().size() > 1) {
    }
    return first;
}

std::string page(const std::string& status, std::size_t length, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(length) + "\r\nConnection: close\r\n\r\n" +
           body;
}

} // namespace

void grader::judge(Grader& grader) {
    support::Client bound = support::bound_socket(
        "127.0.0." + std::to_string(grader.draw(2, 250))); // has a port, and refuses whoever connects to it
    const Address where = bound.local();
    Client backing{"the backing service", std::move(bound)};
    grader.did("bound " + to_string(where) + " and did not listen: the backing service is away");
    const std::string path = "/page" + std::to_string(grader.draw(100, 999)) + "/of?x=1&y=/";

    grader.check("it starts while its backing service is away", "one listener, and the line that says where",
                 "What stands in front of it, and what behind?");
    Program service = grader.start(with("http://" + to_string(where) + path));
    const Address says = service.ready();
    const Address has = service.listener().local;
    grader.expect(says == has && has.ip == "127.0.0.1",
                  "it listens on " + to_string(has) + ", and says " + to_string(says));

    grader.check("a backing service that refuses gives 502", "status 502 for the client",
                 "What stands in front of it, and what behind?");
    Client early = ask(grader, has);
    expect_answer(grader, early, "502", "");

    grader.check("it asks the backing service for the page of the URL",
                 "a connection to the port in BACKING_URL, and a GET for its path",
                 "What stands in front of it, and what behind?");
    ::listen(backing.descriptor(), 16);
    grader.did("listened on " + to_string(where) + ": the backing service is there");
    Client client = ask(grader, has);
    Client asked = backing.accept();
    const std::string first = be_asked(asked);
    grader.expect(first.starts_with("GET " + path + " HTTP/1."),
                  "the first line of its request is " + in_quotes(first));

    grader.check("it answers with the body that it got", "status 200, and the very bytes",
                 "What stands in front of it, and what behind?");
    const std::string body = "page number " + std::to_string(grader.draw(10'000, 99'999)) + "\r\n\r\nand its end\n";
    asked.send(page("200 OK", body.size(), body));
    asked.close();
    expect_answer(grader, client, "200", body);

    grader.check("each request is answered with the page as it is then", "another body, if the page has changed",
                 "What stands in front of it, and what behind?");
    Client second = ask(grader, has);
    Client asked_again = backing.accept();
    be_asked(asked_again);
    asked_again.send(page("200 OK", 4, "new\n"));
    asked_again.close();
    expect_answer(grader, second, "200", "new\n");

    grader.check("a page that ends early gives 502", "status 502, if 100 bytes were announced and 9 came",
                 "What stands in front of it, and what behind?");
    Client third = ask(grader, has);
    Client broken = backing.accept();
    be_asked(broken);
    broken.send(page("200 OK", 100, "too short"));
    broken.close();
    expect_answer(grader, third, "502", "");

    grader.check("another status than 200 gives 502",
                 "status 502, if the backing service said 500, 404, 204, or nothing at all",
                 "What stands in front of it, and what behind?");
    for (const std::string& instead :
         {page("500 Internal Server Error", 4, "oops"), page("404 Not Found", 200, std::string(200, 'x')),
          std::string{"HTTP/1.1 204 No Content\r\n\r\n"}, std::string{"200 OK\r\n\r\nno header"}, std::string{}}) {
        Client fourth = ask(grader, has);
        Client failing = backing.accept();
        be_asked(failing);
        if (!instead.empty())
            failing.send(instead);
        failing.close();
        expect_answer(grader, fourth, "502", "");
    }
    {
        Client fifth = ask(grader, has);
        Client broken_off = backing.accept();
        be_asked(broken_off);
        broken_off.send("HTTP/1.1 200 OK\r\n");
        broken_off.break_off();
        expect_answer(grader, fifth, "502", "");
    }

    grader.check(
        "a page may be of any size, and come in any pieces",
        "status 200 and the very bytes: megabytes, all values of a byte, header and body apart, a name in small "
        "letters, HTTP/1.0",
        "What stands in front of it, and what behind?");
    const auto show = [&](const std::string& header, const std::string& shown, std::size_t first_piece) {
        Client reader = ask(grader, has);
        Client asked_for = backing.accept();
        be_asked(asked_for);
        send_in_pieces(service, asked_for, header, {first_piece, header.size()});
        service.take_all_of(asked_for);
        asked_for.send(shown);
        asked_for.close();
        expect_answer(grader, reader, "200", shown);
    };
    const std::string small = all_values(600), large = all_values(3'000'000);
    show("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", small, 100);
    show("HTTP/1.1 200 OK\r\ncontent-length:600\r\nX: 404\r\n\r\n", small, 3);
    show("HTTP/1.0 200 OK\r\nServer: old\r\nContent-Length: 600\r\n\r\n", small, 20);
    show("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", large, 50);

    grader.check("a client that breaks off harms nobody else", "the page for the next client",
                 "A stranger sends something else");
    {
        Client leaving = ask(grader, has);
        Client asked_for = backing.accept();
        be_asked(asked_for);
        leaving.break_off();
        asked_for.send(page("200 OK", 4, "old\n"));
        asked_for.close();
        service.settle();
        service.listener(); // it runs, and listens
        Client in_a_hurry = grader.connect(has);
        in_a_hurry.send("GET / HT");
        in_a_hurry.close();
        Client next = ask(grader, has);
        Client asked_next = backing.accept();
        be_asked(asked_next);
        asked_next.send(page("200 OK", 4, "new\n"));
        asked_next.close();
        expect_answer(grader, next, "200", "new\n");
    }

    grader.check("it shows no old page when its backing service is away again", "status 502, once more",
                 "What stands in front of it, and what behind?");
    backing.close();
    Client late = ask(grader, has);
    expect_answer(grader, late, "502", "");

    check_endings(grader, with("http://" + to_string(where) + path), "How does it finish what it has begun?");

    grader.check("without a BACKING_URL that can be used it ends with status 78",
                 "no listener; status 78, and the variable and its value on standard error",
                 "What may differ from one place to the next?");
    using Value = std::optional<std::string>;
    const std::string host = "http://127.0.0.1";
    for (const Value& value : {Value{},
                               Value{""},
                               Value{"127.0.0.1:80/"},
                               Value{host + "/"},
                               Value{host + ":80a/"},
                               Value{host + ":70000/"},
                               Value{host + ":0/"},
                               Value{"https://127.0.0.1:80/"},
                               Value{"file://127.0.0.1:80/"},
                               Value{"http://local:80/"},
                               Value{host + ":80"},
                               Value{host + ":+80/"},
                               Value{host + ": 80/"},
                               Value{host + ":80 /"},
                               Value{host + ":80/a page"},
                               Value{host + ":80/page "},
                               Value{host + ":0x50/"},
                               Value{host + ":65536/"},
                               Value{host + ":4294967376/"},
                               Value{host + ":/"},
                               Value{"http://127.1:80/"},
                               Value{"http://2130706433:80/"},
                               Value{"http://127.0.0.256:80/"},
                               Value{"http://ada@127.0.0.1:80/"},
                               Value{" " + host + ":80/"},
                               Value{"http:/127.0.0.1:80/"}}) {
        Program invalid = grader.start(with(value));
        const auto listens = invalid.line_or_end("listening on");
        grader.expect(!listens, "with BACKING_URL=" + in_quotes(value.value_or("")) + " it starts all the same");
        const int invalid_status = invalid.exit_status();
        const std::string with_what = value ? "with BACKING_URL=" + in_quotes(*value) + " " : "without BACKING_URL ";
        grader.expect(invalid_status == 78, with_what + "it ended with " + status_in_words(invalid_status));
        grader.expect(invalid.complained().find("BACKING_URL") != std::string::npos &&
                          invalid.complained().find(value.value_or("")) != std::string::npos,
                      with_what + "it said on standard error " + in_quotes(invalid.complained()));
    }
}
