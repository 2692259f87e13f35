#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <array>
#include <csignal>
#include <filesystem>
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

void pass_bytes(Grader& grader, Client& from, Client& to, const std::string& bytes) {
    from.send(bytes);
    const std::string received = to.read(bytes.size());
    const auto differs = std::mismatch(bytes.begin(), bytes.end(), received.begin()).first - bytes.begin();
    grader.expect(received == bytes, "of " + std::to_string(bytes.size()) + " bytes sent, number " +
                                         std::to_string(differs) + " is another one");
}

void expect_goodbye(Grader& grader, Client& client, const std::string& words) {
    std::string answer = client.read_to_end();
    while (answer.ends_with('\n') || answer.ends_with('\r'))
        answer.pop_back();
    grader.expect(answer == words, "before the end the client received " + in_quotes(answer));
}

std::ptrdiff_t descriptors(const Program& program) {
    const std::filesystem::directory_iterator all{"/proc/" + std::to_string(program.pid()) + "/fd"};
    return std::distance(begin(all), end(all));
}

} // namespace

void grader::judge(Grader& grader) {
    Services services{grader.listen("127.0.0.1"), grader.listen("127.0.0.1")};
    const std::string web_at = to_string(services.web.local()), chat_at = to_string(services.chat.local());
    const Address wanted{"127.0.0.1", grader.fresh_port()};

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\"", "Run it");
    Program program = grader.start({.environment = {
                                        {"PORT", std::to_string(wanted.port)},
                                        {"WEB_BACKEND", web_at},
                                        {"CHAT_BACKEND", chat_at},
                                    }});
    const Address says = program.ready();

    grader.check("it listens at PORT on loopback", "one socket that listens, at " + to_string(wanted), "The program");
    const Address door = program.listener().local;
    grader.expect(door == wanted, "it listens on " + to_string(door));
    grader.expect(says == door, "it listens on " + to_string(door) + ", and says " + to_string(says));

    {
        grader.check("a web client reaches the web backend",
                     "a connection to " + web_at + ", when a client's first line begins with GET",
                     "The twelve factors");
        Client client = grader.connect(door);
        client.send("GET /news HTTP/1.1\r\n");
        Client backend = arrival(grader, services, true);

        grader.check("the backend receives the first line", "the line that told where to go is the backend's, too",
                     "Exercise 7.2: front door");
        const std::string line = backend.read_line();
        grader.expect(line == "GET /news HTTP/1.1\r", "the backend received the line " + in_quotes(line));

        grader.check("what the client sends next goes to the backend", "the same line at the backend",
                     "Exercise 7.2: front door");
        pass(grader, client, backend, "Host: example\r");

        grader.check("what the backend sends goes to the client", "the same line at the client",
                     "Exercise 7.2: front door");
        pass(grader, backend, client, "HTTP/1.1 200 OK\r");

        grader.check("both sides may speak at any time", "three lines from one side, then three from the other",
                     "The program");
        for (const char* const line_of : {"one", "two", "three"})
            pass(grader, backend, client, line_of);
        for (const char* const line_of : {"four", "five", "six"})
            pass(grader, client, backend, line_of);
    }

    grader.check("each first word finds its service",
                 "GET, HEAD and POST come to the web backend, NICK and USER to the chat backend", "The twelve factors");
    visit(grader, services, door, "NICK ada", false);
    visit(grader, services, door, "POST /form HTTP/1.1", true);
    visit(grader, services, door, "USER ada 0 * :Ada", false);
    visit(grader, services, door, "HEAD / HTTP/1.1", true);

    {
        grader.check("it waits for the end of the first line",
                     "\"PO\" and \"ST / HTTP/1.1\" are one line, and the web's", "The program");
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
                     "the lines after the first, when all of them come in one packet", "Exercise 7.2: front door");
        const std::string request = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        Client client = grader.connect(door);
        client.send(request);
        Client backend = arrival(grader, services, true);
        const std::string received = backend.read(request.size());
        grader.expect(received == request, "the backend received " + in_quotes(received));
    }
    {
        grader.check("it passes every byte on", "40000 bytes of any value come through unchanged, with no end of line",
                     "Exercise 7.2: front door");
        Visit one = visit(grader, services, door, "GET /picture HTTP/1.1", true);
        std::string bytes(300, 'x'); // what the story shows
        while (bytes.size() < 40'000)
            if (const auto byte = static_cast<char>(grader.draw(0, 255)); byte != '\n')
                bytes += byte;
        pass_bytes(grader, one.backend, one.client, bytes);
        pass_bytes(grader, one.client, one.backend, bytes);
    }
    {
        grader.check("it passes on the client's end", "the backend reads the end, when the client sends no more",
                     "Exercise 7.2: front door");
        Visit one = visit(grader, services, door, "GET / HTTP/1.1", true);
        one.client.shut_down_sending();
        one.backend.read_to_end();

        grader.check("the answer still comes after the client's end",
                     "the client has ended its half alone, and receives \"late\" and then the end",
                     "Exercise 7.2: front door");
        one.backend.send("late\n");
        one.backend.close();
        expect_goodbye(grader, one.client, "late");
    }
    {
        grader.check("it passes on the backend's end", "the client reads the end, when the backend sends no more",
                     "Exercise 7.2: front door");
        Visit one = visit(grader, services, door, "NICK bob", false);
        one.backend.shut_down_sending();
        one.client.read_to_end();

        grader.check("the client may go on after the backend's end",
                     "the backend has ended its half alone, and receives what the client says then",
                     "Exercise 7.2: front door");
        pass(grader, one.client, one.backend, "goodbye");
    }

    grader.check("a client that says nothing keeps nobody waiting",
                 "the next client is served, while the first has not said what it wants", "What goes wrong");
    Client silent = grader.connect(door);
    Visit web = visit(grader, services, door, "GET /1 HTTP/1.1", true);

    grader.check("it serves several clients at once, each with a connection of its own",
                 "what is sent between one client and its backend reaches these two alone", "The program");
    Visit chat = visit(grader, services, door, "NICK eve", false);
    Visit other = visit(grader, services, door, "GET /2 HTTP/1.1", true);
    pass(grader, web.client, web.backend, "from the first web client");
    pass(grader, chat.backend, chat.client, "to the chat client");
    pass(grader, other.backend, other.client, "to the second web client");
    pass(grader, web.backend, web.client, "to the first web client");
    pass(grader, chat.client, chat.backend, "from the chat client");

    grader.check("it turns an unknown service away", "the line \"unknown service\", and then the end",
                 "What goes wrong");
    Client stranger = grader.connect(door);
    stranger.send("BREW /coffee\r\n");
    expect_goodbye(grader, stranger, "unknown service");

    grader.check("a client that leaves ends nothing but its own visit",
                 "one ends in its first line, one resets before it, one resets later; then the others are served",
                 "What goes wrong");
    Client hurried = grader.connect(door);
    hurried.send("GE");
    hurried.shut_down_sending();
    hurried.read_to_end();
    silent.break_off();
    other.client.break_off();
    pass(grader, web.client, web.backend, "still there?");
    visit(grader, services, door, "GET /3 HTTP/1.1", true);

    grader.check("it gives back what a visit took",
                 "after eight more visits it holds about as many descriptors as before", "What goes wrong");
    const auto before = descriptors(program);
    for (int i = 0; i < 8; ++i)
        visit(grader, services, door, "GET /again HTTP/1.1", true);
    support::eventually([&] { return descriptors(program) <= before + 4; });
    const auto after = descriptors(program);
    grader.expect(after <= before + 4, "both ends of eight visits are closed, and it holds " + std::to_string(after) +
                                           " descriptors, " + std::to_string(after - before) + " more than before");

    grader.check("it says so where a backend is down", "the line \"service unavailable\", and then the end",
                 "What goes wrong");
    Client down{"the web backend", support::bound_socket("127.0.0.1")};
    grader.did("bound " + to_string(down.local()) + " for a web backend, which does not listen yet");
    Program lonely = grader.start({.environment = {
                                       {"PORT", "0"},
                                       {"WEB_BACKEND", to_string(down.local())},
                                       {"CHAT_BACKEND", chat_at},
                                   }});
    const Address second_door = lonely.ready();
    Client unlucky = grader.connect(second_door);
    unlucky.send("GET / HTTP/1.1\r\n");
    expect_goodbye(grader, unlucky, "service unavailable");

    grader.check("it goes on where a backend is down", "a chat client is served after that", "What goes wrong");
    visit(grader, services, second_door, "NICK zoe", false);

    grader.check("it finds a backend that has come back", "the next web client is served, when the backend listens",
                 "What goes wrong");
    ::listen(down.descriptor(), 16);
    grader.did("the web backend listens now");
    Client lucky = grader.connect(second_door);
    lucky.send("GET / HTTP/1.1\r\n");
    Services again{std::move(down), std::move(services.chat)};
    Client found = arrival(grader, again, true);

    grader.check("it ends on SIGTERM with status 0", "it waits for no client, and the status is 0", "The program");
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
    const Launch launch{.environment = {{"PORT", "0"}, {"WEB_BACKEND", web_at}, {"CHAT_BACKEND", chat_at}}};
    grader.check_restart(door, launch);
}
