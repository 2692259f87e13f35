// race NAME [PORT]: a client that calls the next endpoint when the one before has failed, or is silent for 250 ms.
#include <asio.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <optional>

using asio::ip::tcp;

class Race {
  public:
    Race(asio::io_context& io, const tcp::resolver::results_type& endpoints)
        : timer_{io}, next_{endpoints.begin()}, end_{endpoints.end()} {
        call_next();
    }

    bool won() const { return winner_.has_value(); }

  private:
    void call_next() {
        if (next_ == end_)
            return;
        const tcp::endpoint server = (next_++)->endpoint();
        tcp::socket& socket = sockets_.emplace_back(timer_.get_executor());
        socket.async_connect(server, [=, this, &socket](const asio::error_code& error) {
            if (winner_) // somebody else has answered, and this one was closed
                return;
            std::cout << server << ": " << (error ? error.message() : "connected") << std::endl;
            if (error)
                return call_next(); // no need to wait any longer
            winner_ = std::move(socket);
            sockets_.clear(); // which closes the others
            timer_.cancel();
        });
        timer_.expires_after(std::chrono::milliseconds{250}); // this ends the wait before
        timer_.async_wait([this](const asio::error_code& cancelled) {
            if (!cancelled)
                call_next();
        });
    }
    asio::steady_timer timer_;
    tcp::resolver::results_type::iterator next_, end_;
    std::list<tcp::socket> sockets_;
    std::optional<tcp::socket> winner_;
};

int main(int argc, char** argv) {
    try {
        asio::io_context io;
        Race race{io, tcp::resolver{io}.resolve(argc > 1 ? argv[1] : "localhost", argc > 2 ? argv[2] : "8080")};
        io.run();
        return race.won() ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "race: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
