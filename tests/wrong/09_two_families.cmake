wrong(09_two_families/look_up asks_for_ipv4_alone
  REPLACE [[resolver.resolve(name, port)]]
  BY      [[resolver.resolve(tcp::v4(), name, port)]]
  FAILS "look_up: localhost is ::1 before it is 127.0.0.1, although the file has them the other way round"
  SAYING "127.0.0.1:8080")
wrong(09_two_families/call_first takes_the_last
  REPLACE [[*resolver.resolve(name, port).begin();]]
  BY      [[*std::next(resolver.resolve(name, port).begin());]]
  FAILS "call_first: the first endpoint refuses, and the client gives up"
  SAYING "127.0.0.1:8080: connected")
wrong(09_two_families/call_each gives_up_at_the_first
  REPLACE [[            if (!error)
                return EXIT_SUCCESS;]]
  BY      [[            return error ? EXIT_FAILURE : EXIT_SUCCESS;]]
  FAILS "call_each: the first endpoint refuses, and the second answers"
  SAYING "::1.:8080: Connection refused")
wrong(09_two_families/call_each calls_all
  REPLACE [[                return EXIT_SUCCESS;]]
  BY      [[                continue;]]
  FAILS "call_each: it stops at the first that answers, and fails if none does"
  SAYING "192.168.7.20:8080: connected")
wrong(09_two_families/race waits_for_the_first
  REPLACE [[            if (!cancelled)
                call_next();]]
  BY      [[            if (!cancelled && sockets_.size() > 1)
                call_next();]]
  FAILS "race: when the first endpoint has been silent for 250 ms, the second is called, and wins"
  SAYING "waited")
wrong(09_two_families/race calls_all_at_once
  REPLACE [[milliseconds{250}]]
  BY      [[milliseconds{0}]]
  FAILS "race: when the first endpoint has been silent for 250 ms, the second is called, and wins"
  SAYING "250")
wrong(09_two_families/race stops_at_a_refusal
  REPLACE [[                return call_next(); // no need to wait any longer]]
  BY      [[                return void(timer_.cancel());]]
  FAILS "race: the next endpoint is called when the one before has refused, and none is called after the winner"
  SAYING "127.0.0.1:8080: connected")
wrong(09_two_families/race succeeds_without_a_winner
  REPLACE [[race.won() ? EXIT_SUCCESS : EXIT_FAILURE]]
  BY      [[EXIT_SUCCESS]]
  FAILS "race: it fails if nobody answers"
  SAYING "0 == 1")
wrong(09_two_families/door relies_on_the_default
  REPLACE [[        if (wanted.address().is_v6())
            acceptor.set_option(asio::ip::v6_only{false}); // both families, whatever the system's default is]]
  BY      [[]]
  FAILS "door: on the wildcard of IPv6 it takes both families, whatever net.ipv6.bindv6only says, and sees IPv4 clients as mapped"
  SAYING "111 == 0")
wrong(09_two_families/door names_its_own_address
  REPLACE [[std::cout << peer.address()]]
  BY      [[std::cout << acceptor.local_endpoint().address()]]
  FAILS "door: on the wildcard of IPv6 it takes both families, whatever net.ipv6.bindv6only says, and sees IPv4 clients as mapped"
  SAYING ":: came in by ::ffff")
wrong(09_two_families/stuck has_room
  REPLACE [[listen(0)]]
  BY      [[listen(8)]]
  FAILS "stuck: its queue is full, and whoever comes next is not answered"
  SAYING "1 > 8")
wrong(09_two_families/beacon answers_over_one_family
  REPLACE [[v6_only{false}]]
  BY      [[v6_only{true}]]
  FAILS "beacon: one UDP socket answers both families, and sees IPv4 as mapped"
  SAYING "127.0.0.1")
