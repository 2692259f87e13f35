#include "tests/support/grader.hpp"

#include <csignal>
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

void expect_answer(Grader& grader, Client& client, const std::string& status, const std::string& body) {
    const std::string answer = client.read_to_end();
    const auto end = answer.find("\r\n\r\n");
    const std::string got = end == answer.npos ? "" : answer.substr(end + 4);
    grader.expect(answer.starts_with("HTTP/1.1 " + status) && (body.empty() || got == body),
                  client.name() + " got " + in_quotes(answer));
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
    support::Client bound = support::bound_socket("127.0.0.1"); // has a port, and refuses whoever connects to it
    const Address where = bound.local();
    Client backing{"the backing service", std::move(bound)};
    grader.did("bound " + to_string(where) + " and did not listen: the backing service is away");
    const std::string path = "/page" + std::to_string(grader.draw(100, 999));

    grader.check("it starts while its backing service is away", "one listener, and the line that says where",
                 "The program");
    Program service = grader.start(with("http://" + to_string(where) + path));
    const Address says = service.ready();
    const Address has = service.listener().local;
    grader.expect(says == has && has.ip == "127.0.0.1",
                  "it listens on " + to_string(has) + ", and says " + to_string(says));

    grader.check("a backing service that refuses gives 502", "status 502 for the client", "What the kernel did");
    Client early = ask(grader, has);
    expect_answer(grader, early, "502", "");

    grader.check("it asks the backing service for the page of the URL",
                 "a connection to the port in BACKING_URL, and a GET for its path", "What the kernel did");
    ::listen(backing.descriptor(), 16);
    grader.did("listened on " + to_string(where) + ": the backing service is there");
    Client client = ask(grader, has);
    Client asked = backing.accept();
    const std::string first = be_asked(asked);
    grader.expect(first.starts_with("GET " + path + " HTTP/1."),
                  "the first line of its request is " + in_quotes(first));

    grader.check("it answers with the body that it got", "status 200, and the very bytes", "What the kernel did");
    const std::string body = "page number " + std::to_string(grader.draw(10'000, 99'999)) + "\r\n\r\nand its end\n";
    asked.send(page("200 OK", body.size(), body));
    asked.close();
    expect_answer(grader, client, "200", body);

    grader.check("each request is answered with the page as it is then", "another body, where the page has changed",
                 "The twelve factors");
    Client second = ask(grader, has);
    Client asked_again = backing.accept();
    be_asked(asked_again);
    asked_again.send(page("200 OK", 4, "new\n"));
    asked_again.close();
    expect_answer(grader, second, "200", "new\n");

    grader.check("a page that ends early gives 502", "status 502, where 100 bytes were announced and 9 came",
                 "What the kernel did");
    Client third = ask(grader, has);
    Client broken = backing.accept();
    be_asked(broken);
    broken.send(page("200 OK", 100, "too short"));
    broken.close();
    expect_answer(grader, third, "502", "");

    grader.check("another status than 200 gives 502", "status 502, where the backing service said 500",
                 "What the kernel did");
    Client fourth = ask(grader, has);
    Client failing = backing.accept();
    be_asked(failing);
    failing.send(page("500 Internal Server Error", 4, "oops"));
    failing.close();
    expect_answer(grader, fourth, "502", "");

    grader.check("SIGTERM ends it with status 0", "status 0", "The program");
    service.send_signal(SIGTERM);
    const int status = service.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("without a BACKING_URL that can be used it ends with status 78",
                 "no listener; status 78, and the variable and its value on standard error",
                 "The configuration is wrong");
    using Value = std::optional<std::string>;
    const std::string host = "http://127.0.0.1";
    for (const Value& value : {Value{}, Value{""}, Value{"127.0.0.1:80/"}, Value{host + "/"}, Value{host + ":80a/"},
                               Value{host + ":70000/"}, Value{host + ":0/"}, Value{"https://127.0.0.1:80/"},
                               Value{"file://127.0.0.1:80/"}, Value{"http://local:80/"}, Value{host + ":80"}}) {
        Program invalid = grader.start(with(value));
        const int invalid_status = invalid.exit_status();
        const std::string with_what = value ? "with BACKING_URL=" + in_quotes(*value) + " " : "without BACKING_URL ";
        grader.expect(invalid_status == 78, with_what + "it ended with " + status_in_words(invalid_status));
        grader.expect(invalid.complained().find("BACKING_URL") != std::string::npos &&
                          invalid.complained().find(value.value_or("")) != std::string::npos,
                      with_what + "it said on standard error " + in_quotes(invalid.complained()));
    }
}
