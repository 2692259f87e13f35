#include "tools/harness/client.hpp"

#include "tools/harness/wait.hpp"

#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace support {
namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_kernel(const Address& address) {
    SocketAddress result;
    if (auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
        ::inet_pton(AF_INET6, address.ip.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        result.size = sizeof *v6;
    } else if (auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
               ::inet_pton(AF_INET, address.ip.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        result.size = sizeof *v4;
    } else {
        give_up("not an IP address: " + address.ip);
    }
    return result;
}

Address from_kernel(const SocketAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.storage.ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
        ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
        return unmapped({text.data(), ntohs(v6->sin6_port)});
    }
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4->sin_port)};
}

std::string text_of(int error) { return std::strerror(error); }

using Clock = std::chrono::steady_clock;

// Waits until then; what is told is how long the whole call has waited, which began `patience` before.
void wait_for(int descriptor, short events, const std::string& what,
              Clock::time_point deadline = Clock::now() + patience) {
    if (descriptor < 0) // poll(2) would wait for it in vain
        give_up("descriptor -1 is a socket that could not be made or connected: its error() says why");
    if (!wait_for_any({{descriptor, events}}, until(deadline)).ready)
        give_up("waited " + in_seconds(patience - until(deadline)) + " " + what);
}

Client open_socket(int type, const Address& bind_to) {
    const SocketAddress local = to_kernel(bind_to);
    const int descriptor = ::socket(local.storage.ss_family, type | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return Client{-1, errno};
    const bool bound = ::bind(descriptor, local.get(), local.size) == 0;
    return Client{descriptor, bound ? 0 : errno};
}

// Digits, and perhaps a mark behind them: a comma, a full stop.
bool is_a_port(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} &&
           (end == text.data() + text.size() || !std::isalnum(static_cast<unsigned char>(*end)));
}

} // namespace

Address unmapped(const Address& address) {
    constexpr std::string_view prefix = "::ffff:";
    const bool mapped = address.ip.starts_with(prefix) && address.ip.find('.') != std::string::npos;
    return {mapped ? address.ip.substr(prefix.size()) : address.ip, address.port};
}

std::vector<common::SocketRow> kernel_sockets(common::Protocol protocol) {
    auto rows = common::kernel_sockets(protocol);
    for (common::SocketRow& row : rows)
        row.local = unmapped(row.local), row.peer = unmapped(row.peer);
    return rows;
}

std::optional<common::SocketRow> kernel_socket(common::Protocol protocol, const Address& local, const Address& peer) {
    auto row = common::kernel_socket(protocol, local, peer);
    const auto mapped = [](const Address& address) { return Address{"::ffff:" + address.ip, address.port}; };
    if (!row && local.ip.find(':') == std::string::npos && peer.ip.find(':') == std::string::npos)
        row = common::kernel_socket(protocol, mapped(local), mapped(peer));
    if (row)
        row->local = local, row->peer = peer;
    return row;
}

Address address_in(std::string_view text) {
    while (!text.empty()) {
        const auto space = text.find_last_of(" \t\n");
        std::string_view word = space == text.npos ? text : text.substr(space + 1);
        const auto colon = word.rfind(':');
        std::uint16_t port = 0;
        if (colon != word.npos && colon > 0 && is_a_port(word.substr(colon + 1), port)) {
            std::string_view ip = word.substr(0, colon);
            if (ip.front() == '[' && ip.back() == ']')
                ip = ip.substr(1, ip.size() - 2);
            return unmapped({std::string{ip}, port});
        }
        text = space == text.npos ? std::string_view{} : text.substr(0, space);
    }
    give_up("no ADDRESS:PORT in the text");
    return {};
}

Client::Client(Client&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)}, error_{other.error_}, buffer_{std::move(other.buffer_)} {}

Client& Client::operator=(Client&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(error_, other.error_);
    std::swap(buffer_, other.buffer_);
    return *this;
}

Client::~Client() { close(); }

void Client::close() {
    if (descriptor_ >= 0)
        ::close(std::exchange(descriptor_, -1));
}

Address Client::local() const {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
        give_up("getsockname: " + text_of(errno));
    return from_kernel(address);
}

Address Client::peer() const {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getpeername(descriptor_, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
        give_up("getpeername: " + text_of(errno));
    return from_kernel(address);
}

void Client::send(std::string_view bytes) {
    const auto deadline = Clock::now() + patience;
    while (!bytes.empty()) {
        const std::string what = "to send " + std::to_string(bytes.size()) + " bytes";
        wait_for(descriptor_, POLLOUT, what, deadline);
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            give_up(what + ": " + text_of(errno));
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool Client::fill(Clock::time_point deadline) {
    const bool much = buffer_.size() > 300;
    wait_for(descriptor_, POLLIN,
             "for bytes from the peer; so far: \"" + buffer_.substr(0, 300) + '"' +
                 (much ? "... of " + std::to_string(buffer_.size()) + " bytes" : ""),
             deadline);
    std::array<char, 65536> chunk;
    const auto received = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
    error_ = received < 0 ? errno : 0;
    if (received > 0)
        buffer_.append(chunk.data(), static_cast<std::size_t>(received));
    if (constexpr std::size_t limit = 16'000'000; buffer_.size() > limit)
        give_up("the peer sends without end: more than 16 MB so far");
    return received > 0;
}

std::string Client::read_line() {
    const auto deadline = Clock::now() + patience;
    std::size_t end;
    while ((end = buffer_.find('\n')) == std::string::npos) {
        if (!fill(deadline))
            give_up("the connection ended" + (error_ != 0 ? " (" + text_of(error_) + ")" : "") +
                    (buffer_.empty() ? " before a line came" : " in the middle of a line: \"" + buffer_ + '"'));
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return line;
}

std::string Client::read(std::size_t size) {
    const auto deadline = Clock::now() + patience;
    while (buffer_.size() < size) {
        if (!fill(deadline))
            give_up("the connection ended (" + text_of(error_) + ") " + std::to_string(size - buffer_.size()) +
                    " bytes early");
    }
    std::string bytes = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return bytes;
}

std::string Client::read_to_end() {
    const auto deadline = Clock::now() + patience;
    while (fill(deadline)) {
    }
    if (error_ != 0)
        give_up("the connection ended with: " + text_of(error_));
    return std::exchange(buffer_, {});
}

std::string Client::take() {
    pollfd entry{descriptor_, POLLIN, 0};
    while (::poll(&entry, 1, 0) == 1 && fill(Clock::now() + patience)) {
    }
    return std::exchange(buffer_, {});
}

bool Client::reset_by_peer() {
    const auto deadline = Clock::now() + patience;
    while (fill(deadline)) {
    }
    return error_ == ECONNRESET;
}

Client Client::accept() {
    wait_for(descriptor_, POLLIN, "for a connection");
    const int accepted = ::accept(descriptor_, nullptr, nullptr);
    return Client{accepted, accepted < 0 ? errno : 0};
}

std::string Client::read_to_any_end() {
    const auto deadline = Clock::now() + patience;
    while (fill(deadline)) {
    }
    return std::exchange(buffer_, {});
}

void Client::shut_down_sending() { ::shutdown(descriptor_, SHUT_WR); }

Client begin_to_connect(const Address& server, const Address& source) {
    const SocketAddress remote = to_kernel(server);
    Client client = source.ip.empty() ? Client{::socket(remote.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)}
                                      : open_socket(SOCK_STREAM, source);
    if (client.descriptor() < 0 || client.error() != 0)
        return Client{-1, client.error() != 0 ? client.error() : errno};
    ::fcntl(client.descriptor(), F_SETFL, O_NONBLOCK);
    if (::connect(client.descriptor(), remote.get(), remote.size) != 0 && errno != EINPROGRESS)
        return Client{-1, errno};
    return client;
}

Client connect_to(const Address& server, const Address& source) {
    Client client = begin_to_connect(server, source);
    if (client.error() != 0)
        return client;
    wait_for(client.descriptor(), POLLOUT, "to be connected to " + common::to_string(server));
    ::fcntl(client.descriptor(), F_SETFL, 0);
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(client.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return Client{-1, error};
    return client;
}

void reset(Client client) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Client bound_socket(const std::string& ip, std::uint16_t port) { return open_socket(SOCK_STREAM, {ip, port}); }

Client listening_socket(const std::string& ip, std::uint16_t port, int backlog) {
    Client socket = bound_socket(ip, port);
    if (socket.error() == 0 && ::listen(socket.descriptor(), backlog) != 0)
        return Client{-1, errno};
    return socket;
}

Client udp_socket(const std::string& ip, std::uint16_t port, const Address& peer) {
    Client socket = open_socket(SOCK_DGRAM, {ip, port});
    if (socket.error() == 0 && !peer.ip.empty()) {
        const SocketAddress remote = to_kernel(peer);
        if (::connect(socket.descriptor(), remote.get(), remote.size) != 0)
            give_up("connect to " + common::to_string(peer) + ": " + text_of(errno));
    }
    return socket;
}

} // namespace support
