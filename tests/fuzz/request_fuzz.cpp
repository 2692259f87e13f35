// However a stranger's bytes are cut into pieces, the same messages and refusals come out, and no more is held than the
// limits allow. The first byte of an input says of whom the rest is: `<` of a backing service.
#include "chapters/A_http/http_message.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

void require(bool holds, const char* what) {
    if (!holds) {
        std::cerr << "does not hold: " << what << '\n';
        std::abort();
    }
}

std::string describe(const Message& message) {
    std::string text =
        message.method + " " + message.target + " " + message.path + " " + std::to_string(message.status);
    text += " HTTP/1." + std::to_string(message.minor_version) + (message.keep_alive() ? " keep-alive" : " close");
    std::size_t header = 0;
    for (const auto& [name, value] : message.fields) {
        text += "\n" + name + ": " + value;
        header += name.size() + 1 + value.size() + 2;
    }
    require(header <= MessageReader::header_limit, "a header is bounded");
    require(message.body.size() <= MessageReader::body_limit, "a body is bounded");
    return text + "\n\n" + message.body;
}

// What comes out of `bytes` when they arrive in pieces of at most `piece` bytes.
std::vector<std::string> results(MessageReader::Kind kind, std::string_view bytes, std::size_t piece) {
    std::vector<std::string> found;
    MessageReader reader{kind};
    for (;;) {
        const auto state = reader.read();
        if (state == MessageReader::State::refused) {
            found.push_back("refused " + std::to_string(reader.refusal()));
            return found;
        }
        if (state == MessageReader::State::complete) {
            require(reader.started(), "a complete message has started");
            found.push_back(describe(reader.message()));
            reader.next();
            continue;
        }
        if (bytes.empty()) {
            const bool whole = reader.end() == MessageReader::State::complete;
            found.push_back(whole ? describe(reader.message()) : reader.started() ? "incomplete" : "nothing more");
            return found;
        }
        const auto space = reader.space();
        require(!space.empty(), "there is room for the next bytes");
        require(space.size() <= 4 * MessageReader::header_limit, "what is held is bounded");
        const std::size_t size = std::min({space.size(), piece, bytes.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        reader.received(size);
        bytes.remove_prefix(size);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto kind = bytes.starts_with('<') ? MessageReader::Kind::response : MessageReader::Kind::request;
    bytes.remove_prefix(kind == MessageReader::Kind::response ? 1 : 0);
    const auto whole = results(kind, bytes, size + 1);
    for (const std::size_t piece : {1U, 2U, 7U, 1000U})
        require(results(kind, bytes, piece) == whole, "the cutting of the bytes changes nothing");
    return 0;
}
