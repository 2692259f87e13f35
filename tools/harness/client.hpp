#pragma once

#include "common/socket_table.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace support {

using common::Address;

/// The address in "listening on 127.0.0.1:8080" or "[::1]:8080", unmapped: the last word of `text` that holds one.
/// Fails the test where there is none.
Address address_in(std::string_view text);

/// A socket of the test's own, spoken to with plain system calls, so that the judge of an Asio program is not Asio.
/// Every call ends after `patience`, with a failed assertion.
class Client {
  public:
    explicit Client(int descriptor, int error = 0) : descriptor_{descriptor}, error_{error} {}
    Client(Client&& other) noexcept;
    Client& operator=(Client&& other) noexcept;
    ~Client();

    int descriptor() const { return descriptor_; }
    int error() const { return error_; } ///< The errno of the call that made this socket; 0 when all went well.
    Address local() const;
    Address peer() const;

    void send(std::string_view bytes);
    std::string read_line();            ///< Up to a newline, which is not part of the answer.
    std::string read(std::size_t size); ///< Exactly so many bytes.
    std::string read_to_end();          ///< Until the peer closes; fails the test on a reset.
    std::string take();                 ///< What has come and has not been read; waits for nothing.
    bool reset_by_peer();               ///< Waits for the end; true where it is ECONNRESET.
    Client accept();                    ///< For a listening socket.
    void shut_down_sending();
    void close();
    std::string
    read_to_any_end(); ///< Until the connection ends; error() then says how: 0 where the peer has closed it.

  private:
    /// Reads once into buffer_; false at the end.
    bool fill(std::chrono::steady_clock::time_point deadline);
    int descriptor_ = -1;
    int error_ = 0;
    std::string buffer_;
};

/// An IPv4 address that the kernel holds in an IPv6 socket, `::ffff:127.0.0.1`, is that IPv4 address; any other is
/// itself.
Address unmapped(const Address& address);

/// common::kernel_sockets and common::kernel_socket, with all addresses unmapped: what a judge compares and shows.
std::vector<common::SocketRow> kernel_sockets(common::Protocol protocol);
std::optional<common::SocketRow> kernel_socket(common::Protocol protocol, const Address& local, const Address& peer);

/// A TCP client connected to `server`, from `source` where given. A refusal is in error().
Client connect_to(const Address& server, const Address& source = {});

/// The same, without waiting for the connection.
Client begin_to_connect(const Address& server, const Address& source = {});

/// Closes with a reset, which loses what is under way; socket(7), SO_LINGER.
void reset(Client client);

/// TCP sockets of the test's own, bound (and listening); port 0 lets the kernel choose. Failure is in error().
Client bound_socket(const std::string& ip, std::uint16_t port = 0);
Client listening_socket(const std::string& ip, std::uint16_t port = 0, int backlog = 16);

/// A UDP socket bound to `ip` and connected to `peer` where given.
Client udp_socket(const std::string& ip, std::uint16_t port = 0, const Address& peer = {});

} // namespace support
