#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <unistd.h>

using namespace grader;
namespace fs = std::filesystem;

namespace {

using Environment = std::map<std::string, std::optional<std::string>>;

Launch with(Environment environment, const std::string& directory = {}) {
    environment.try_emplace("GREETING", std::nullopt);
    return {.environment = std::move(environment), .directory = directory};
}

std::string get(const std::string& name, const std::string& more = "") {
    return "GET /greet/" + name + " HTTP/1.1\r\nHost: portlab\r\n" + more + "\r\n";
}

std::string post(const std::string& name) {
    return "POST /greet HTTP/1.1\r\nHost: portlab\r\nContent-Length: " + std::to_string(name.size()) + "\r\n\r\n" +
           name;
}

struct Response {
    int status = 0;
    std::string body;
};

// Lines of a header may end with \n alone; names of fields are the same in capitals.
Response read_response(Grader& grader, Client& client) {
    const auto line = [&] {
        std::string text = client.read_line();
        if (text.ends_with('\r'))
            text.pop_back();
        return text;
    };
    const std::string first = line();
    Response response;
    if (!first.starts_with("HTTP/1.1 ") ||
        std::from_chars(first.data() + 9, first.data() + first.size(), response.status).ec != std::errc{})
        grader.fail(client.name() + " got a first line that is not the one of a response: " + grader::in_quotes(first));
    std::optional<std::size_t> size;
    for (std::string field = line(); !field.empty(); field = line()) {
        const auto colon = std::min(field.find(':'), field.size());
        std::string name = field.substr(0, colon);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
        if (name == "content-length")
            size = std::strtoul(field.c_str() + colon + 1, nullptr, 10);
    }
    if (!size)
        grader.fail(client.name() + " got a response without a Content-Length");
    response.body = client.read(*size);
    return response;
}

// What the service under judgement must have logged so far.
std::vector<std::string> to_be_logged;

void expect_response(Grader& grader, Client& client, int status, const std::string& body, const std::string& logged) {
    const Response response = read_response(grader, client);
    to_be_logged.push_back(logged + " " + std::to_string(status));
    grader.expect(response.status == status, client.name() + " got the status " + std::to_string(response.status));
    grader.expect(body.empty() || response.body == body,
                  client.name() + " got the body " + grader::in_quotes(response.body));
}

void expect_greeting(Grader& grader, Client& client, const std::string& name, const std::string& greeting = "Hello") {
    expect_response(grader, client, 200, greeting + ", " + name + "\n", "GET /greet/" + name);
}

void expect_end(Grader& grader, Client& client) {
    const auto [bytes, error] = client.send_and_read_to_any_end("");
    grader.expect(bytes.empty() && error == 0,
                  client.name() + " received " + grader::in_quotes(bytes) + ", and then the end: " + in_words(error));
}

// What is not printable may be shown in another way.
bool printable(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string some_name(Grader& grader) {
    std::string name;
    for (int i = 0; i < 6; ++i)
        name += static_cast<char>('a' + grader.draw(0, 25));
    return name;
}

// A regular file that the program has open for writing; proc(5).
std::string file_written_by(pid_t process) {
    const fs::path here = "/proc/" + std::to_string(process);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{here / "fd", error}) {
        std::ifstream info{here / "fdinfo" / entry.path().filename()};
        std::string word;
        unsigned flags = 0;
        while (info >> word && word != "flags:") {
        }
        info >> std::oct >> flags;
        if (fs::is_regular_file(entry.path(), error) && (flags & 3u) != 0)
            return fs::read_symlink(entry.path(), error).string();
    }
    return {};
}

// An empty directory, removed in the end.
struct Directory {
    Directory() {
        std::string pattern = (fs::temp_directory_path() / ("portlab." + std::string(6, 'X'))).string(); // for mkdtemp
        if (!::mkdtemp(pattern.data()))
            support::leave_out("no directory can be made in " + fs::temp_directory_path().string());
        path = pattern;
        fs::permissions(path, fs::perms::all); // the program may be another user
    }
    ~Directory() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::string path;
};

} // namespace

void grader::judge(Grader& grader) {
    const Directory directory;
    const std::string host = "127.0.0." + std::to_string(grader.draw(2, 200));
    const Environment place{{"HOST", host}, {"PORT", std::to_string(grader.fresh_port())}};

    grader.check("it listens on the address and the port of its environment",
                 "one listener, at the HOST and PORT of the environment, and the line that says so",
                 "What do they need to know?");
    Program service = grader.start(with(place, directory.path));
    const Address says = service.ready();
    const Address has = service.listener().local;
    grader.expect(to_string(has) == host + ":" + *place.at("PORT") && says == has,
                  "HOST is " + host + " and PORT is " + *place.at("PORT") + "; it listens on " + to_string(has) +
                      ", and says " + to_string(says));

    grader.check("it greets", "200 and the body \"Hello, NAME\\n\" for GET /greet/NAME", "Exercises");
    Client idle = grader.connect(has);
    std::string name = some_name(grader);
    idle.send(get(name));
    expect_greeting(grader, idle, name);

    grader.check("it greets whom the body names", "200 and the body \"Hello, NAME\\n\" for POST /greet", "Exercises");
    name = some_name(grader);
    Client poster = grader.connect(has);
    poster.send(post(name));
    expect_response(grader, poster, 200, "Hello, " + name + "\n", "POST /greet");

    grader.check("a connection carries one request after another", "an answer to a second request on each connection",
                 "Exercises");
    for (Client* client : {&idle, &poster}) {
        name = some_name(grader);
        client->send(get(name));
        expect_greeting(grader, *client, name);
    }

    grader.check("it closes the connection of a client that said so",
                 "the answer, and then the end of the stream, after \"Connection: close\"", "Exercises");
    poster.send(get("Ada", "Connection: close\r\n"));
    expect_greeting(grader, poster, "Ada");
    expect_end(grader, poster);

    grader.check(
        "an unknown page is 404, a method that is not the page's 405",
        "404 for /nowhere and /greeting, 405 for DELETE /greet/Ada and for GET /greet, whose bodies are no requests",
        "Exercises");
    idle.send("GET /nowhere HTTP/1.1\r\nHost: portlab\r\n\r\n");
    expect_response(grader, idle, 404, "", "GET /nowhere");
    for (const std::string page : {"GET /greeting", "POST /greetings", "GET /"}) {
        idle.send(page + " HTTP/1.1\r\nHost: portlab\r\nContent-Length: 3\r\n\r\nAda");
        expect_response(grader, idle, 404, "", page);
    }
    for (const std::string page : {"DELETE /greet/Ada", "POST /greet/Ada", "GET /greet", "PUT /greet"}) {
        idle.send(page + " HTTP/1.1\r\nHost: portlab\r\nContent-Length: 3\r\n\r\nAda");
        expect_response(grader, idle, 405, "", page);
    }

    grader.check("a request may come in pieces", "one answer, when the last piece has come",
                 "A stranger sends something else");
    Client slow = grader.connect(has);
    const std::string pieces = post("Grace");
    for (const auto& [from, to] : {std::pair{0, 9}, {9, 30}, {30, static_cast<int>(pieces.size()) - 2}}) {
        slow.send(pieces.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
        service.take_all_of(slow);
    }
    slow.send(pieces.substr(pieces.size() - 2));
    expect_response(grader, slow, 200, "Hello, Grace\n", "POST /greet");

    grader.check("one piece may hold several requests", "an answer to each of three, in their order",
                 "A stranger sends something else");
    slow.send(get("one") + post("two") + get("three"));
    expect_greeting(grader, slow, "one");
    expect_response(grader, slow, 200, "Hello, two\n", "POST /greet");
    expect_greeting(grader, slow, "three");

    grader.check("a slow client holds up nobody, and clients are kept apart",
                 "an answer to each of 16 clients by its own name, while another is in the middle of its request",
                 "How does it finish what it has begun?");
    const std::string late = some_name(grader);
    slow.send(get(late).substr(0, 12));
    service.take_all_of(slow);
    std::vector<std::pair<Client, std::string>> crowd;
    for (int i = 0; i < 16; ++i)
        crowd.emplace_back(grader.connect(has), some_name(grader));
    for (auto& [client, whom] : crowd)
        client.send(get(whom).substr(0, 15)); // all are half way
    for (auto& [client, whom] : crowd)
        service.take_all_of(client);
    for (auto& [client, whom] : crowd)
        client.send(get(whom).substr(15));
    for (auto& [client, whom] : crowd)
        expect_greeting(grader, client, whom);
    slow.send(get(late).substr(12));
    expect_greeting(grader, slow, late);
    crowd.clear();

    grader.check(
        "a body may be of any size and bytes, and come in any pieces",
        "the greeting of a name of a megabyte with all values of a byte, and of one that comes in single bytes",
        "A stranger sends something else");
    std::string much = all_values(1'000'000);
    slow.send(post(much));
    expect_response(grader, slow, 200, "Hello, " + much + "\n", "POST /greet");
    send_in_pieces(service, slow, post("Barbara"));
    expect_response(grader, slow, 200, "Hello, Barbara\n", "POST /greet");

    grader.check("it serves hundreds of clients at once",
                 "an answer to each of " + std::to_string(hundreds) + " that stay",
                 "How does it finish what it has begun?");
    const std::size_t before = sockets_held(service);
    {
        std::vector<Client> hall;
        many_times(grader, hundreds, "clients came and were greeted", [&] {
            hall.push_back(grader.connect(has));
            hall.back().send(get("Ada"));
            expect_greeting(grader, hall.back(), "Ada");
        });
        for (std::size_t i = 0; i < hall.size(); ++i)
            if (i % 2 == 0)
                hall[i].break_off();
    }
    expect_sockets(grader, service, before, std::to_string(hundreds) + " clients have gone, and");

    grader.check("bytes that are no request get 400",
                 "status 400, and then the end of the stream, for the line \"hello\"",
                 "A stranger sends something else");
    Client stranger = grader.connect(has);
    stranger.send("hello\r\n");
    expect_response(grader, stranger, 400, "", "- -");
    expect_end(grader, stranger);

    grader.check("a header of less than 8192 bytes is read",
                 "the answer to a request with one long field, whose header has 7000 bytes, and to one of 8191",
                 "A stranger sends something else");
    for (const std::size_t size : {7000U, 8191U}) {
        const std::size_t rest = get("Ada", "X: \r\n").size();
        idle.send(get("Ada", "X: " + std::string(size - rest, 'x') + "\r\n"));
        expect_greeting(grader, idle, "Ada");
    }

    grader.check("a header that goes on for 8192 bytes gets 431",
                 "status 431, and then the end of the stream, when 8192 bytes have come and the header has not ended",
                 "A stranger sends something else");
    Client talker = grader.connect(has);
    const std::string start = "GET /greet/Ada HTTP/1.1\r\nHost: portlab\r\nX: ";
    talker.send(start + std::string(8192 - start.size(), 'x'));
    expect_response(grader, talker, 431, "", "- -");
    expect_end(grader, talker);

    grader.check("each answer is a line on standard output, at once",
                 "a line that begins with method, target and status, for each answer so far",
                 "What do they need to know?");
    std::vector<std::string> logged;
    for (std::size_t i = 0; i < to_be_logged.size(); ++i)
        logged.push_back(service.line() + " ");
    std::vector<std::string> missing;
    for (const std::string& wanted : to_be_logged) {
        const auto found =
            std::ranges::find_if(logged, [&](const auto& line) { return line.starts_with(wanted + " "); });
        found == logged.end() ? missing.push_back(wanted) : void(logged.erase(found));
    }
    if (!missing.empty())
        grader.fail("no line begins with " + grader::in_quotes(missing.front()) + ", and no answer fits the line " +
                    grader::in_quotes(logged.front()));

    grader.check("it writes no file", "nothing in its working directory, and no file open for writing",
                 "What do they need to know?");
    const std::string file = file_written_by(service.pid());
    grader.expect(file.empty(), "it has " + grader::in_quotes(file) + " open for writing");
    for (const auto& entry : fs::directory_iterator{directory.path})
        grader.fail("it has written the file " + grader::in_quotes(entry.path().filename().string()));

    grader.check("instances run side by side, each with its own greeting",
                 "three more processes on ports of their own, which greet by the GREETING of their environment",
                 "How do you run more than one?");
    for (const std::string greeting : {"Servus", "Good morning", "100%s%n\\n"}) {
        Program another = grader.start(with({{"PORT", "0"}, {"GREETING", greeting}}));
        const Address there = another.ready();
        grader.expect(there.ip == "127.0.0.1", "without HOST it listens on " + to_string(there));
        Client guest = grader.connect(there);
        guest.send(get("Ada"));
        expect_greeting(grader, guest, "Ada", greeting);
        if (greeting == "Servus") {
            Client deaf = grader.connect(there); // sends requests, and reads no answer
            send_until_full(another, deaf, post(std::string(100'000, 'x')), 30'000'000);
            guest.send(get("Grace"));
            expect_greeting(grader, guest, "Grace", greeting);
            deaf.break_off();
            another.settle();
            guest.send(get("Grace"));
            expect_greeting(grader, guest, "Grace", greeting);
        }
        guest.close();
        another.send_signal(SIGINT);
        const int status = another.exit_status();
        grader.expect(status == 0, "after SIGINT it ended with " + status_in_words(status));
    }
    idle.send(get("Ada"));
    expect_greeting(grader, idle, "Ada");
    service.wait_for_line("GET /greet/Ada 200");

    grader.where_possible([&] {
        grader.check("without a descriptor for a client it waits, and rests",
                     "no processor time, while a client waits in the queue; its answer, when another client has gone",
                     "How does it finish what it has begun?");
        Program poor = grader.start(with({{"PORT", "0"}}));
        const Address there = poor.ready();
        Client first = grader.connect(there);
        first.send(get("Ada"));
        expect_greeting(grader, first, "Ada");
        poor.settle();
        poor.limit_descriptors(static_cast<unsigned>(poor.socket_descriptors().back()) + 1);
        Client second = grader.connect(there);
        second.send(get("Ada"));
        poor.settle();
        expect_rest(grader, poor, "a descriptor for its next client");
        first.close();
        expect_greeting(grader, second, "Ada");
    });

    grader.check("a second instance on the same port ends with status 1 and says why",
                 "status 1; the address, the port and the system's reason on standard error",
                 "What may differ from one place to the next?");
    Program refused = grader.start(with(place));
    const int refused_status = refused.exit_status();
    grader.expect(refused_status == 1, "it ended with " + status_in_words(refused_status));
    grader.expect(refused.complained().find(to_string(has)) != std::string::npos &&
                      gives(refused.complained(), EADDRINUSE),
                  "on standard error it said " + grader::in_quotes(refused.complained()));

    Program elsewhere = grader.start(with({{"HOST", "192.0.2.1"}, {"PORT", "0"}})); // nobody's: RFC 5737
    const int elsewhere_status = elsewhere.exit_status();
    grader.expect(elsewhere_status == 1,
                  "with the address of another machine it ended with " + status_in_words(elsewhere_status));
    expect_reason(grader, elsewhere, EADDRNOTAVAIL);

    grader.check("without HOST and PORT it asks for 127.0.0.1:8080",
                 "status 1 while another holds 127.0.0.1:8080, and that address on standard error",
                 "What may differ from one place to the next?");
    const support::Client holder = support::listening_socket("127.0.0.1", 8080);
    grader.did(holder.error() == 0 ? "listened on 127.0.0.1:8080" : "found 127.0.0.1:8080 taken by somebody else");
    Program without = grader.start(with({{"HOST", std::nullopt}, {"PORT", std::nullopt}}));
    const int without_status = without.exit_status();
    grader.expect(without_status == 1, "it ended with " + status_in_words(without_status));
    grader.expect(without.complained().find("127.0.0.1:8080") != std::string::npos,
                  "on standard error it said " + grader::in_quotes(without.complained()));

    grader.check("a value that is wrong ends it with status 78, and is named",
                 "no listener; status 78, and the variable and its value on standard error",
                 "What may differ from one place to the next?");
    std::vector<std::pair<std::string, std::string>> wrong_values{{"PORT", std::to_string(grader.fresh_port()) + "abc"},
                                                                  {"PORT", "70000"},
                                                                  {"PORT", "-1"},
                                                                  {"PORT", ""},
                                                                  {"HOST", "local"},
                                                                  {"HOST", ""},
                                                                  {"GREETING", ""}};
    for (const std::string& text : no_ports(grader.fresh_port()))
        wrong_values.emplace_back("PORT", text);
    for (const std::string text :
         {"127.1", "0x7f.0.0.1", "127.0.0.1 ", " 127.0.0.1", "127.0.0.256", "127.0.0.1:80", "localhost"})
        wrong_values.emplace_back("HOST", text);
    for (const auto& [variable, value] : wrong_values) {
        Environment environment{{"PORT", "0"}};
        environment[variable] = value;
        Program invalid = grader.start(with(environment));
        const auto listens = invalid.line_or_end("listening on");
        grader.expect(!listens, "with " + variable + "=" + grader::in_quotes(value) + " it starts all the same");
        const int status = invalid.exit_status();
        const std::string with_what = "with " + variable + "=" + grader::in_quotes(value) + " ";
        grader.expect(status == 78, with_what + "it ended with " + status_in_words(status));
        grader.expect(invalid.complained().find(variable) != std::string::npos &&
                          (invalid.complained().find(value) != std::string::npos || !printable(value)),
                      with_what + "it said on standard error " + grader::in_quotes(invalid.complained()));
    }

    grader.check("after SIGTERM new clients are refused", "no listener any more, though requests are in flight",
                 "How does it finish what it has begun?");
    const std::string request = post("Edsger"), first_half = get("Frances");
    slow.send(request.substr(0, request.size() - 3));
    service.take_all_of(slow);
    Client slower = grader.connect(has);
    slower.send(first_half.substr(0, 1));
    service.take_all_of(slower);
    Client newcomer = grader.connect(has); // says nothing
    service.take_all_of(newcomer);
    // Its first answer is more than the buffers hold, and it reads none of it yet. The end of its first request and the
    // second come in one piece; who reads no more than the first one needs has not read the second.
    Client deaf = grader.connect(has);
    const std::string much_more = post(std::string(8'000'000, 'x'));
    deaf.send(much_more.substr(0, much_more.size() - 3));
    service.take_all_of(deaf);
    deaf.send(much_more.substr(much_more.size() - 3) + get("Barbara"));
    service.settle();
    const auto unread = grader::kernel_socket(Protocol::tcp, has, deaf.local());
    const bool both_read = unread && unread->received == 0;
    grader.did(both_read ? "saw that it has read both" : "saw that it has not read the second yet");
    service.send_signal(SIGTERM);
    service.stop_listening_at(has);
    const int refusal = grader.try_to_connect(has);
    grader.expect(refusal == ECONNREFUSED, "a new client gets " + in_words(refusal));

    grader.check("an idle connection is closed after SIGTERM",
                 "the end of the stream for a client that has its answers, and for one that never said anything",
                 "How does it finish what it has begun?");
    expect_end(grader, idle);
    expect_end(grader, newcomer);

    grader.check("a request that is half sent when SIGTERM comes is answered",
                 "200 for each client that sends the rest of it after the signal, however late, and then the end",
                 "How does it finish what it has begun?");
    take_long(grader, slow);
    for (const auto& [client, rest, whom] : {std::tuple{&slow, request.substr(request.size() - 3), "Edsger"},
                                             {&slower, first_half.substr(1), "Frances"}}) {
        const auto [answer, error] = client->send_and_read_to_any_end(rest);
        grader.expect(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Hello, " + std::string{whom} + "\n") &&
                          error == 0,
                      client->name() + " got " + grader::in_quotes(answer) + ", and then the end: " + in_words(error));
    }

    grader.check("a request that was read behind another one when SIGTERM came is answered",
                 "both answers for a client that had sent two requests, and then the end",
                 "How does it finish what it has begun?");
    to_be_logged.clear();
    if (both_read) {
        expect_response(grader, deaf, 200, "Hello, " + std::string(8'000'000, 'x') + "\n", "POST /greet");
        expect_greeting(grader, deaf, "Barbara");
        expect_end(grader, deaf);
    } else { // to close a socket with unread bytes resets its connection: so no more can be asked for; tcp(7)
        deaf.break_off();
    }

    grader.check("then it ends with status 0", "status 0, when the last answer is out",
                 "How does it finish what it has begun?");
    const int status = service.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("its log has no other lines", "the ready line, a line for each answer, and an empty standard error",
                 "What do they need to know?");
    to_be_logged.insert(to_be_logged.end(), {"POST /greet 200", "GET /greet/Frances 200"});
    for (const std::string& line : service.lines_to_the_end()) {
        const auto wanted =
            std::ranges::find_if(to_be_logged, [&](const std::string& one) { return line.starts_with(one); });
        const bool of_the_deaf = line.starts_with("POST /greet 200") || line.starts_with("GET /greet/Barbara 200");
        grader.expect(wanted != to_be_logged.end() || (!both_read && of_the_deaf),
                      "no answer fits its line " + grader::in_quotes(line));
        if (wanted != to_be_logged.end())
            to_be_logged.erase(wanted);
    }
    if (!to_be_logged.empty())
        grader.fail("no line begins with " + grader::in_quotes(to_be_logged.front()));
    grader.expect(service.complained().empty(), "on standard error it said " + grader::in_quotes(service.complained()));

    grader.check("SIGINT lets a request that is half sent be answered, too",
                 "200 for a client that sends the rest of it after the signal, the end, and status 0",
                 "How does it finish what it has begun?");
    Program interrupted = grader.start(with({{"PORT", "0"}}));
    const Address there = interrupted.ready();
    Client last = grader.connect(there);
    const std::string begun = post("Edith");
    last.send(begun.substr(0, begun.size() - 2));
    interrupted.take_all_of(last);
    interrupted.send_signal(SIGINT);
    interrupted.stop_listening_at(there);
    interrupted.settle();
    last.send(begun.substr(begun.size() - 2));
    expect_response(grader, last, 200, "Hello, Edith\n", "POST /greet");
    expect_end(grader, last);
    const int interrupted_status = interrupted.exit_status();
    grader.expect(interrupted_status == 0, "it ended with " + status_in_words(interrupted_status));

    grader.check("it starts again at once on the same port",
                 "the ready line, while the connections of the last instance are in TIME-WAIT",
                 "How does it finish what it has begun?");
    const auto rows = grader::kernel_sockets(Protocol::tcp);
    const auto waiting =
        std::ranges::count_if(rows, [&](const SocketRow& row) { return row.state == "TIME-WAIT" && row.local == has; });
    grader.did("asked the kernel: " + std::to_string(waiting) + " connections of " + to_string(has) +
               " are in TIME-WAIT");
    Program again = grader.start(with(place));
    again.ready();
}
