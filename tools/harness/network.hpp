#pragma once

#include <string>

namespace support {

/// Puts this process and its children into a network namespace of their own, with loopback up, every port free and
/// ports below 1024 bindable without privilege. False where the system does not allow it; the tests then use the
/// machine's own network. Called once, by main().
bool enter_private_network();

/// Skips the running test, with the reason, where the process has no network of its own.
void need_private_network();

/// Gives this process and its children a file /etc/hosts of their own: `localhost` is 127.0.0.1 and ::1, and `roof` is
/// 192.168.7.20 and 2001:db8:7::20, which are this machine's from then on, as is fe80::20%lo. Skips the running test
/// where the system does not allow it.
void need_private_names();

/// Skips the running test where this system has no IPv6 loopback.
void need_ipv6();

/// Writes a network sysctl of the private network, such as "net/ipv4/ip_local_port_range".
void set_sysctl(const std::string& name, const std::string& value);

} // namespace support
