wrong(01_socket/first_socket takes_a_port
  REPLACE [[socket.open(tcp::v4()); // socket(2): the kernel makes a socket]]
  BY      [[socket.open(tcp::v4());
    socket.bind({tcp::v4(), 0});]]
  FAILS "first_socket: it has a descriptor, no address and no port, and is in no table of ports"
  SAYING "local endpoint 0.0.0.0:[1-9]")
wrong(01_socket/kinds goes_on_without
  REPLACE [[        return EXIT_FAILURE;]]
  BY      [[]]
  FAILS "kinds: without IPv6 it ends with status 1, the call and the reason"
  SAYING "0 == 1")
wrong(01_socket/socket gives_a_port
  REPLACE [[tcp4.open(tcp::v4());]]
  BY      [[tcp4.open(tcp::v4());
        tcp4.bind({tcp::v4(), 0});]]
  FAILS "no socket of the program is in the kernel's tables: none has a port"
  SAYING "CHECK. program.sockets.common::Protocol::tcp..empty")
wrong(01_socket/socket gives_up_without_ipv6
  REPLACE [[if (error == asio::error::address_family_not_supported) {]]
  BY      [[if (false) {]]
  FAILS "without IPv6 it says so, describes the rest and succeeds"
  SAYING "open: Address family not supported")
wrong(01_socket/socket prints_what_it_asked_for
  REPLACE [[(ask_kernel(descriptor, SO_PROTOCOL) == IPPROTO_TCP ? "TCP" : "UDP")]]
  BY      [["TCP"]]
  FAILS "each printed row is what the kernel holds behind that descriptor"
  SAYING "17 == 6")
wrong(01_socket/lowest_number closes_another
  REPLACE [[    first.close();]]
  BY      [[    third.close();]]
  FAILS "lowest_number: the next socket has the number that was closed first, which is the lowest"
  SAYING "CHECK. next == first")
wrong(01_socket/close_on_exec marks_nothing
  REPLACE [[    ::fcntl(kept.native_handle(), F_SETFD, FD_CLOEXEC); // fcntl(2): close it on exec]]
  BY      [[]]
  FAILS "close_on_exec: a child has the socket that is not marked, and not the other"
  SAYING "CHECK. kept_there == .nothing. .")
wrong(01_socket/kinds calls_all_ipv4
  REPLACE [[(ask_kernel(descriptor, SO_DOMAIN) == AF_INET6 ? "IPv6" : "IPv4")]]
  BY      [["IPv4"]]
  FAILS "kinds: with IPv6 it describes all four, as the kernel has them"
  SAYING "10 == 2")
wrong(01_socket/socket opens_one_family_twice
  REPLACE [[udp6.open(udp::v6());]]
  BY      [[udp6.open(udp::v4());]]
  FAILS "TCP and UDP are opened over both families"
  SAYING "TCP stream IPv6., .UDP datagram[^A-Z]+IPv4")
wrong(01_socket/socket names_its_parent
  REPLACE [[::getpid()]]
  BY      [[::getppid()]]
  FAILS "the last line names the process, whose descriptors the printed ones are"
  SAYING "Press Enter to close the sockets of process")
wrong(01_socket/socket fails_with_status_0
  REPLACE [[        return EXIT_FAILURE;]]
  BY      [[]]
  FAILS "where the process may open no more descriptors it ends with status 1 and the reason"
  SAYING "0 == 1")
wrong(01_socket/socket dies_of_signals
  REPLACE [[        std::cout << "Press Enter]]
  BY      [[        ::signal(SIGINT, SIG_DFL);
        ::signal(SIGTERM, SIG_DFL);
        std::cout << "Press Enter]]
  FAILS "Enter, end of input, SIGINT and SIGTERM each end it with status 0"
  SAYING "130 == 0")
