#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <poll.h>
#include <sys/socket.h>

using namespace grader;

namespace {

// The grader plays both services.
struct Services {
    Client web, chat;
};

// The backend's end of the connection that must come now.
Client arrival(Grader& grader, Services& services, bool at_web) {
    const int web = services.web.descriptor(), chat = services.chat.descriptor();
    const support::Waited waited = support::wait_for_any({{web, POLLIN}, {chat, POLLIN}}, support::patience);
    if (!waited.ready)
        grader.fail("in " + waited.time + " no connection came to either backend");
    std::array<pollfd, 2> seen{{{web, POLLIN, 0}, {chat, POLLIN, 0}}};
    ::poll(seen.data(), seen.size(), 0);
    Client& expected = at_web ? services.web : services.chat;
    if (seen.at(at_web ? 0 : 1).revents == 0)
        grader.fail(std::string{"the connection came to the "} + (at_web ? "chat" : "web") + " backend");
    return expected.accept();
}

struct Visit {
    Client client, backend;
};

Visit visit(Grader& grader, Services& services, const Address& door, const std::string& first_line, bool at_web) {
    Client client = grader.connect(door);
    client.send(first_line + "\r\n");
    Client backend = arrival(grader, services, at_web);
    const std::string line = backend.read_line();
    grader.expect(line == first_line + "\r", "the backend received the line " + in_quotes(line));
    return {std::move(client), std::move(backend)};
}

// One sends a line, and the other must receive it.
void pass(Grader& grader, Client& from, Client& to, const std::string& line) {
    from.send(line + "\n");
    const std::string received = to.read_line();
    grader.expect(received == line, in_quotes(line) + " was sent, and " + in_quotes(received) + " was received");
}

// One of the two directions of a visit.
struct Direction {
    Client& from;
    Client& to;
    std::string_view bytes;
    std::string received{};
    std::size_t sent = 0;
    bool over = false;
};

// Both sides send and read at the same time, until all has come.
void pour(Grader& grader, Direction one, Direction other) {
    std::array<char, 65536> chunk;
    const auto all_came = [](const Direction& d) { return d.over || d.received.size() >= d.bytes.size(); };
    while (!all_came(one) || !all_came(other)) {
        const auto events = [&](const Direction& in, const Direction& out) {
            return static_cast<short>((all_came(in) ? 0 : POLLIN) |
                                      (out.sent < out.bytes.size() && !out.over ? POLLOUT : 0));
        };
        if (!support::wait_for_any(
                 {{one.from.descriptor(), events(other, one)}, {one.to.descriptor(), events(one, other)}},
                 support::patience)
                 .ready)
            break;
        for (Direction* const d : {&one, &other}) {
            const auto rest = d->bytes.substr(d->sent);
            const auto sent = ::send(d->from.descriptor(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            d->sent += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
            const auto got = ::recv(d->to.descriptor(), chunk.data(), chunk.size(), MSG_DONTWAIT);
            if (got > 0)
                d->received.append(chunk.data(), static_cast<std::size_t>(got));
            else if (got == 0 || errno != EAGAIN)
                d->over = true;
        }
    }
    for (const Direction* const d : {&one, &other}) {
        grader.did(d->from.name() + " sent " + std::to_string(d->sent) + " bytes, and " + d->to.name() + " received " +
                   std::to_string(d->received.size()));
        expect_bytes(grader, d->to.name(), d->received, d->bytes);
    }
}

// One sends until the front door takes no more, for the other does not read: how much.
std::size_t fill(const Program& program, Client& from, Client& to, const std::string& block) {
    const int little = 262'144; // several segments: of less, TCP would only tell now and then that there is room
    ::setsockopt(from.descriptor(), SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    ::setsockopt(to.descriptor(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    return send_until_full(program, from, block);
}

// It reads so much now, which is the block again and again.
void drain(Grader& grader, Client& client, std::size_t size, const std::string& block) {
    const std::string received = client.read(size);
    for (std::size_t at = 0; at < size; at += block.size()) {
        const std::size_t part = std::min(block.size(), size - at);
        expect_bytes(grader, client.name(), std::string_view{received}.substr(at, part),
                     std::string_view{block}.substr(0, part));
    }
}

void expect_goodbye(Grader& grader, Client& client, const std::string& words) {
    std::string answer = client.read_to_end();
    while (answer.ends_with('\n') || answer.ends_with('\r'))
        answer.pop_back();
    grader.expect(answer == words, "before the end the client received " + in_quotes(answer));
}

// How a visit ends.
enum class Leaves { client_first, backend_first, client_resets, backend_resets };

std::string in_words(Leaves how) {
    return std::array{"the client ended first", "the backend ended first", "the client reset its connection",
                      "the backend reset its connection"}[static_cast<std::size_t>(how)];
}

// The side that goes has sent something that the other side has not read; the other side must learn of the end.
void end_visit(Visit& visit, Leaves how) {
    const bool client_goes = how == Leaves::client_first || how == Leaves::client_resets;
    Client& goes = client_goes ? visit.client : visit.backend;
    Client& stays = client_goes ? visit.backend : visit.client;
    if (how == Leaves::client_first || how == Leaves::backend_first) {
        goes.send("the end\n");
        goes.shut_down_sending();
        stays.read_to_end();
    } else {
        stays.send(std::string(100'000, 'x'));
        goes.break_off();
        stays.send_and_read_to_any_end("");
    }
    stays.close();
    goes.close();
}

} // namespace

void grader::judge(Grader& grader) {
    Services services{grader.listen("127.0.0.1"), grader.listen("127.0.0." + std::to_string(grader.draw(2, 250)))};
    const std::string web_at = to_string(services.web.local()), chat_at = to_string(services.chat.local());
    const Address wanted{"127.0.0.1", grader.fresh_port()};

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\"",
                 "How does each client get its own wait?");
    Program program = grader.start({.environment = {
                                        {"PORT", std::to_string(wanted.port)},
                                        {"WEB_BACKEND", web_at},
                                        {"CHAT_BACKEND", chat_at},
                                    }});
    const Address says = program.ready();

    grader.check("it listens at PORT on loopback", "one socket that listens, at " + to_string(wanted),
                 "How does each client get its own wait?");
    const Address door = program.listener().local;
    grader.expect(door == wanted, "it listens on " + to_string(door));
    grader.expect(says == door, "it listens on " + to_string(door) + ", and says " + to_string(says));

    {
        grader.check("a web client reaches the web backend",
                     "a connection to " + web_at + ", when a client's first line begins with GET",
                     "One process or three?");
        Client client = grader.connect(door);
        client.send("GET /news HTTP/1.1\r\n");
        Client backend = arrival(grader, services, true);

        grader.check("the backend receives the first line", "the line that told where to go is the backend's, too",
                     "Exercises");
        const std::string line = backend.read_line();
        grader.expect(line == "GET /news HTTP/1.1\r", "the backend received the line " + in_quotes(line));

        grader.check("what the client sends next goes to the backend", "the same line at the backend", "Exercises");
        pass(grader, client, backend, "Host: example\r");

        grader.check("what the backend sends goes to the client", "the same line at the client", "Exercises");
        pass(grader, backend, client, "HTTP/1.1 200 OK\r");

        grader.check("both sides may speak at any time", "three lines from one side, then three from the other",
                     "How does each client get its own wait?");
        for (const char* const line_of : {"one", "two", "three"})
            pass(grader, backend, client, line_of);
        for (const char* const line_of : {"four", "five", "six"})
            pass(grader, client, backend, line_of);
    }

    grader.check("each first word finds its service",
                 "GET, HEAD and POST come to the web backend, NICK and USER to the chat backend",
                 "One process or three?");
    visit(grader, services, door, "NICK ada", false);
    visit(grader, services, door, "POST /form HTTP/1.1", true);
    visit(grader, services, door, "USER ada 0 * :Ada", false);
    visit(grader, services, door, "HEAD / HTTP/1.1", true);
    visit(grader, services, door, "NICK GET POST", false);
    visit(grader, services, door, "GET NICK", true);

    {
        grader.check("it waits for the end of the first line",
                     "\"PO\" and \"ST / HTTP/1.1\" are one line, and the web's",
                     "How does each client get its own wait?");
        Client client = grader.connect(door);
        client.send("PO");
        support::eventually([&] { // most programs read it at once; some only look at it
            const auto row = grader::kernel_socket(Protocol::tcp, door, client.local());
            return row && row->inode != 0 && row->received == 0;
        });
        client.send("ST / HTTP/1.1\r\n");
        Client backend = arrival(grader, services, true);
        const std::string line = backend.read_line();
        grader.expect(line == "POST / HTTP/1.1\r", "the backend received the line " + in_quotes(line));
    }
    {
        grader.check("what comes with the first line is not lost",
                     "the lines after the first, when all of them come in one packet", "Exercises");
        const std::string request = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        Client client = grader.connect(door);
        client.send(request);
        Client backend = arrival(grader, services, true);
        const std::string received = backend.read(request.size());
        grader.expect(received == request, "the backend received " + in_quotes(received));
    }
    {
        grader.check("a first line may be long, and come in many pieces",
                     "the whole line at the backend: 8000 bytes, one at a time at its beginning and at its end",
                     "How does each client get its own wait?");
        std::string line = "GET /";
        while (line.size() < 7998)
            line += static_cast<char>('a' + line.size() % 26);
        line += "\r\n";
        std::vector<std::size_t> sizes(6, 1);
        sizes.push_back(line.size() - 9);
        sizes.push_back(1);
        Client client = grader.connect(door);
        send_in_pieces(program, client, line, sizes);
        Client backend = arrival(grader, services, true);
        expect_bytes(grader, backend.name(), backend.read(line.size()), line);
    }
    {
        grader.check("it passes every byte on",
                     "megabytes of any value come through unchanged, in both directions at the same time", "Exercises");
        Visit one = visit(grader, services, door, "GET /picture HTTP/1.1", true);
        const std::string up = all_values(3'000'000), down = long_line(2'000'000), zeros("\0a\0\0b", 5);
        pour(grader, {one.client, one.backend, up}, {one.backend, one.client, down});
        pour(grader, {one.client, one.backend, zeros}, {one.backend, one.client, zeros});
    }
    {
        grader.check("it passes on the client's end", "the backend reads the end, when the client sends no more",
                     "Exercises");
        Visit one = visit(grader, services, door, "GET / HTTP/1.1", true);
        one.client.shut_down_sending();
        one.backend.read_to_end();

        grader.check("the answer still comes after the client's end",
                     "the client has ended its half alone, and receives \"late\" and then the end", "Exercises");
        one.backend.send("late\n");
        one.backend.close();
        expect_goodbye(grader, one.client, "late");
    }
    {
        grader.check("it passes on the backend's end", "the client reads the end, when the backend sends no more",
                     "Exercises");
        Visit one = visit(grader, services, door, "NICK bob", false);
        one.backend.shut_down_sending();
        one.client.read_to_end();

        grader.check("the client may go on after the backend's end",
                     "the backend has ended its half alone, and receives what the client says then", "Exercises");
        pass(grader, one.client, one.backend, "goodbye");
    }

    grader.check("a client that says nothing keeps nobody waiting",
                 "the next client is served, while the first has not said what it wants", "What breaks it?");
    Client silent = grader.connect(door);
    Visit web = visit(grader, services, door, "GET /1 HTTP/1.1", true);

    grader.check("it serves several clients at once, each with a connection of its own",
                 "what is sent between one client and its backend reaches these two alone",
                 "How does each client get its own wait?");
    Visit chat = visit(grader, services, door, "NICK eve", false);
    Visit other = visit(grader, services, door, "GET /2 HTTP/1.1", true);
    pass(grader, web.client, web.backend, "from the first web client");
    pass(grader, chat.backend, chat.client, "to the chat client");
    pass(grader, other.backend, other.client, "to the second web client");
    pass(grader, web.backend, web.client, "to the first web client");
    pass(grader, chat.client, chat.backend, "from the chat client");

    grader.check("it serves hundreds of clients at once", "each speaks with its backend while all are connected",
                 "What breaks it?");
    {
        std::vector<Visit> crowd;
        constexpr unsigned many = 200; // each has four descriptors, of which the grader has two
        many_times(grader, many, "more clients came, each to its service", [&] {
            crowd.push_back(visit(grader, services, door, crowd.size() % 2 ? "GET /" : "USER x", crowd.size() % 2));
        });
        many_times(grader, many, "times the client that had come last said something, got an answer, and went", [&] {
            pass(grader, crowd.back().client, crowd.back().backend, "a question");
            pass(grader, crowd.back().backend, crowd.back().client, "an answer");
            crowd.pop_back();
        });
    }

    grader.check(
        "who does not read keeps nobody waiting",
        "while one side of a visit does not read, the other direction goes on, and so do other visits; and when it "
        "reads, nothing is lost",
        "What breaks it?");
    {
        const std::string block = all_values(50'021);
        Visit page = visit(grader, services, door, "GET /film", true),
              upload = visit(grader, services, door, "POST /film", true);
        const std::size_t much = fill(program, page.backend, page.client, block);
        const std::size_t more = fill(program, upload.client, upload.backend, block);
        pass(grader, web.client, web.backend, "from another client");
        pass(grader, web.backend, web.client, "to another client");
        visit(grader, services, door, "NICK new", false);
        pass(grader, page.client, page.backend, std::string(16'000, 's'));
        pass(grader, upload.backend, upload.client, std::string(16'000, 's'));
        drain(grader, page.client, much, block);
        drain(grader, upload.backend, more, block);
    }

    grader.check("it turns an unknown service away", "the line \"unknown service\", and then the end",
                 "What breaks it?");
    for (const std::string& line :
         {std::string{"BREW /coffee\r\n"}, std::string{"GETS /\r\n"}, std::string{"get / HTTP/1.1\r\n"},
          std::string{"GET\r\n"}, std::string{"GET\t/\r\n"}, std::string{"NICKNAME ada\r\n"},
          std::string{"nick ada\r\n"}, std::string{"USER\n"}, std::string{" GET / HTTP/1.1\r\n"},
          std::string{"PUT / HTTP/1.1\r\n"}, std::string{"POSTGET /\n"}, std::string{"\r\n"}, std::string{"\n"},
          std::string{"the word GET / is not first\r\n"}, std::string("GET\0/ HTTP/1.1\r\n", 16)}) {
        Client stranger = grader.connect(door);
        stranger.send(line);
        expect_goodbye(grader, stranger, "unknown service");
    }
    Client talkative = grader.connect(door);
    auto [told, how] = talkative.send_and_read_to_any_end("BREW /coffee\r\n" + std::string(20'000, 'x'));
    grader.expect(told == "unknown service\n" || told == "unknown service\r\n",
                  "who says more than a line received " + in_quotes(told));

    grader.check("a client that leaves ends nothing but its own visit",
                 "one ends in its first line, one resets before it, one resets later; then the others are served",
                 "What breaks it?");
    Client hurried = grader.connect(door);
    hurried.send("GE");
    hurried.shut_down_sending();
    hurried.read_to_end();
    silent.break_off();
    other.client.break_off();
    pass(grader, web.client, web.backend, "still there?");
    visit(grader, services, door, "GET /3 HTTP/1.1", true);

    grader.check("it gives back what a visit took",
                 "when a visit has ended, in whatever way, both of its sockets are closed", "What breaks it?");
    program.settle();
    const std::size_t before = sockets_held(program);
    constexpr Leaves all[] = {Leaves::client_first, Leaves::backend_first, Leaves::client_resets,
                              Leaves::backend_resets};
    for (const Leaves leaves : all) {
        Visit one = visit(grader, services, door, "GET /again", true);
        end_visit(one, leaves);
        expect_sockets(grader, program, before, "a visit is over, in which " + in_words(leaves) + ", and");
    }
    for (const std::string line : {"BREW /coffee\r\n", "GE"}) {
        Client stranger = grader.connect(door);
        stranger.send(line);
        stranger.shut_down_sending();
        stranger.send_and_read_to_any_end("");
        stranger.close();
        expect_sockets(grader, program, before, "a client has said " + in_quotes(line) + " and gone, and");
    }
    unsigned visits = 0;
    many_times(grader, 100, "more visits came and went, one after another", [&] {
        Visit one = visit(grader, services, door, "GET /again", true);
        end_visit(one, all[visits++ % std::size(all)]);
    });
    expect_sockets(grader, program, before, "100 visits are over, and");
    pass(grader, web.client, web.backend, "am I still there?");

    Client down{"the web backend", support::bound_socket("127.0.0.1")};
    grader.did("bound " + to_string(down.local()) + " for a web backend, which does not listen yet");
    Program lonely = grader.start({.environment = {
                                       {"PORT", "0"},
                                       {"WEB_BACKEND", to_string(down.local())},
                                       {"CHAT_BACKEND", chat_at},
                                   }});
    const Address second_door = lonely.ready();
    const int at_once = grader.try_to_connect(second_door);

    grader.check("it listens when it says so", "a client that connects as soon as the ready line is there is connected",
                 "How does each client get its own wait?");
    grader.expect(at_once == 0, "the client got " + in_words(at_once));

    grader.check("it says so if a backend is down", "the line \"service unavailable\", and then the end",
                 "What breaks it?");
    Client unlucky = grader.connect(second_door);
    unlucky.send("GET / HTTP/1.1\r\n");
    expect_goodbye(grader, unlucky, "service unavailable");

    grader.check("it goes on if a backend is down", "a chat client is served after that", "What breaks it?");
    visit(grader, services, second_door, "NICK zoe", false);

    grader.check("it finds a backend that has come back", "the next web client is served, when the backend listens",
                 "What breaks it?");
    ::listen(down.descriptor(), 16);
    grader.did("the web backend listens now");
    Client lucky = grader.connect(second_door);
    lucky.send("GET / HTTP/1.1\r\n");
    Services again{std::move(down), std::move(services.chat)};
    Client found = arrival(grader, again, true);

    const Launch launch{.environment = {{"PORT", "0"}, {"WEB_BACKEND", web_at}, {"CHAT_BACKEND", chat_at}}};
    Services last{grader.listen("127.0.0.1"), grader.listen("127.0.0.1")};
    const Launch apart{.environment = {{"PORT", "0"},
                                       {"WEB_BACKEND", to_string(last.web.local())},
                                       {"CHAT_BACKEND", to_string(last.chat.local())}}};
    check_endings(grader, apart, "How does each client get its own wait?", [&](Program& ending) {
        const Address at = ending.ready();
        std::vector<Client> clients;
        clients.push_back(grader.connect(at)); // has not said what it wants
        for (const bool is_deaf : {false, true}) {
            Visit one = visit(grader, last, at, "GET /", true);
            if (is_deaf)
                fill(ending, one.backend, one.client, std::string(10'000, 'x'));
            clients.push_back(std::move(one.client));
            clients.push_back(std::move(one.backend));
        }
        return clients;
    });

    grader.check("it prints the ready line, and nothing else", "one line on standard output, whatever its clients do",
                 "How does each client get its own wait?");
    end(grader, program, Ending::sigterm);
    expect_output(grader, program, {"listening on " + to_string(door)});
    grader.check_restart(door, launch);
}
