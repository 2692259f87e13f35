#pragma once

#include "tools/judge/grader.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

// What many exercises demand, asked for in one way. Functions named check_... make a check of their own, with a name
// that does not depend on the exercise; the others are steps within a check of the judge's.
namespace grader {

// Ends

/// How a program is told to end.
enum class Ending { sigterm, sigint, enter, end_of_input };
inline const std::vector<Ending> all_four{Ending::sigterm, Ending::sigint, Ending::enter, Ending::end_of_input};

/// "on SIGTERM", "on SIGINT", "on Enter", "at the end of its input".
std::string in_words(Ending how);
void tell_to_end(Program& program, Ending how);
/// Tells it to end, and fails the check unless it does so with status 0 and leaves no process behind.
void end(Grader& grader, Program& program, Ending how);

/// Brings a program that has just been started to where it can be told to end; the clients stay connected meanwhile.
using SetUp = std::function<std::vector<Client>(Program&)>;
/// The check "it ends with status 0 when it is asked to", in each of the ways, each tried in a program of its own;
/// without `set_up`, as soon as its ready line is there.
void check_endings(Grader& grader, const Launch& launch, const std::string& section, const SetUp& set_up = {},
                   const std::vector<Ending>& ways = all_four);

// The ready line

/// What a program must have when it says that it is ready, and has not; empty if nothing is missing.
using Missing = std::function<std::string(const Program&)>;
/// "it does not listen yet"
std::string no_listener(const Program& program);
/// The check "it says that it is ready when it is, and not before": starts the program with a standard output that
/// takes nothing. So it stops in its ready line, and must have by then what the line says, however short the time
/// between the two would be. Returns the program; the line has not been read.
Program check_ready_line(Grader& grader, const Launch& launch, const std::string& section,
                         const Missing& missing = no_listener);
/// Fails the check unless its ready line, which has been read, is `listening on ADDRESS:PORT` and no word more.
void expect_ready_line(Grader& grader, const Program& program, const Address& says);

// Closing

/// How a client goes. One that is impatient goes before it has read what it was sent, which makes the kernel reset the
/// connection; one that is half closed may still read, and has not gone.
enum class Leaving { closes, speaks_and_closes, resets, half_closes_and_resets };
inline const std::vector<Leaving> all_leave{Leaving::closes, Leaving::speaks_and_closes, Leaving::resets,
                                            Leaving::half_closes_and_resets};
/// "closed", "said something and closed", ...
std::string in_words(Leaving how);
/// The client goes, and the kernel has told the server's end of it.
void leave(Client& client, Leaving how, std::string_view words = "bye\n");

/// How many sockets the program and all that it started have open, each counted once, in whatever state: a reset
/// connection is in no table of the kernel's, and its descriptor is still there. proc(5).
std::size_t sockets_held(const Program& program);
/// Fails the check unless it comes to hold no more sockets than that; `after` says what has happened.
void expect_sockets(Grader& grader, const Program& program, std::size_t at_most, const std::string& after);

/// The check "it closes the socket of a client that has gone", in whatever way: after each, and after hundreds of them,
/// the program holds no more sockets than before. `meet` connects a client and has it served; `at_next`: an answer may
/// wait with the close until it has met the next client.
void check_closing(Grader& grader, const Program& program, const std::string& section,
                   const std::function<Client()>& meet, bool at_next = false,
                   const std::vector<Leaving>& ways = all_leave);

// Many

/// 300: more than an array that somebody thought large enough has room for, and than a byte counts. Of an answer that
/// nobody trusts 20: it may have so few processes that one for each client is no more.
struct Hundreds {
    operator unsigned() const;
};
inline constexpr Hundreds hundreds;

/// Does `part` so many times as one step of the story, which is told in full only if it fails.
void many_times(Grader& grader, unsigned times, const std::string& step, const std::function<void()>& part);

/// So many clients that connect at the same moment; fails the check unless the queue of the listening socket has room
/// for all of them, whatever the program does meanwhile. (Nothing is stopped for it: that would end calls with EINTR;
/// signal(7).)
std::vector<Client> burst(Grader& grader, const Address& server, unsigned clients);

/// Waits until nobody waits in the queue of the socket that listens there, and the program sleeps again; it may have
/// ended.
void take_the_queue(const Program& program, const Address& server);
/// reset_in_the_queue(), and then clients that say before they reset the connection that they send no more: so a
/// program that writes gets EPIPE.
void break_off_in_the_queue(Grader& grader, const Address& server);

// Much

/// So many bytes of all 256 values, in an order in which none can be lost, doubled or changed for another unnoticed.
std::string all_values(std::size_t size);
/// The same without newlines, with one at the end: a line of `size` bytes, `size` > 0.
std::string long_line(std::size_t size);
/// The client sends the bytes in pieces of these sizes (the last one again and again): each when the program has read
/// the one before and waits for more.
void send_in_pieces(const Program& program, Client& client, std::string_view bytes,
                    const std::vector<std::size_t>& sizes = {1});
/// The client sends the bytes and reads meanwhile, until `size` bytes have come or the connection has ended.
std::string exchange(Client& client, std::string_view bytes, std::size_t size);
/// Fails the check unless nothing more comes to the client, and its connection stays open, once the program has done
/// all that there was to do.
void expect_silence(Grader& grader, const Program& program, Client& client);
/// Fails the check if the two are not equal, and says where they begin to differ.
void expect_bytes(Grader& grader, const std::string& who, std::string_view got, std::string_view wanted);

// Deaf and slow peers

/// The client sends these bytes again and again, and reads nothing, until the program takes no more of them (so that
/// its own sending has come to a stand, or it does not read) or `limit` bytes have gone. How many have gone.
std::size_t send_until_full(const Program& program, Client& client, std::string_view bytes,
                            std::size_t limit = 64'000'000);

/// The client takes its time: fails the check if its connection ends meanwhile, or something comes. Over as soon as
/// nothing can wake the program any more, or after 3 s, which is longer than the graces that are usual.
void take_long(Grader& grader, const Client& client);

/// Fails the check if the program uses the processor while it has nothing to do but to wait; `what` says for what.
void expect_rest(Grader& grader, const Program& program, const std::string& what);

// Strict numbers

/// Texts that are no port by chapter 6's rule: decimal digits alone, 0 to 65535. (The empty text is among them.)
/// `near` is a port, from which some are made; so an answer that reads them as that number does listen.
std::vector<std::string> no_ports(std::uint16_t near);
/// Texts that name that port by the same rule: leading zeros are digits.
std::vector<std::string> texts_of(std::uint16_t port);

// What is printed

/// Fails the check unless the program, which has ended, printed exactly these lines on standard output.
void expect_output(Grader& grader, const Program& program, const std::vector<std::string>& lines);
/// Fails the check unless it has printed nothing on standard error.
void expect_no_complaint(Grader& grader, const Program& program);
/// Fails the check unless the program ends with status 1 and has printed nothing on standard output.
void expect_failure(Grader& grader, Program& program);
/// Fails the check unless standard error has the system's reason: gives().
void expect_reason(Grader& grader, const Program& program, int error);
/// Whether the text has ADDRESS:PORT, and not merely the beginning of a longer number.
bool names(std::string_view text, const Address& address);

// Ports of the kernel's choice

/// While it lives, the kernel has a range of ports of its own to choose from, in which all but `free` are taken: so a
/// port that the program chooses for itself is one outside of it, or taken. Elsewhere than in a network of the grader's
/// own the range is the machine's. ip(7), ip_local_port_range.
class FewPorts {
  public:
    FewPorts(Grader& grader, unsigned free);

  private:
    std::vector<support::Client> taken_;
};

} // namespace grader
