// However a stranger's bytes are cut into pieces, the same requests and refusals come out, and no more is held than the
// limits allow.
#include "chapters/08_twelve_factor/http_request.hpp"

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

std::string describe(const Request& request, bool keep_alive) {
    std::string text = "request ";
    text += std::string{request.method_string()} + " " + std::string{request.target()};
    text += " HTTP/" + std::to_string(request.version()) + (keep_alive ? " keep-alive" : " close");
    for (const auto& field : request) {
        text += "\n" + std::string{field.name_string()} + ": " + std::string{field.value()};
        require(field.name_string().size() + field.value().size() <= RequestReader::header_limit, "a field is bounded");
    }
    require(request.body().size() <= RequestReader::body_limit, "a body is bounded");
    return text + "\n\n" + request.body();
}

// What comes out of `bytes` when they arrive in pieces of at most `piece` bytes.
std::vector<std::string> results(std::string_view bytes, std::size_t piece) {
    std::vector<std::string> found;
    RequestReader reader;
    for (;;) {
        const auto state = reader.read();
        if (state == RequestReader::State::refused) {
            found.push_back("refused " + std::to_string(static_cast<unsigned>(reader.refusal())));
            return found;
        }
        if (state == RequestReader::State::complete) {
            require(reader.started(), "a complete request has started");
            found.push_back(describe(reader.request(), reader.request().keep_alive()));
            reader.next();
            continue;
        }
        if (bytes.empty()) {
            found.push_back(reader.started() ? "incomplete" : "nothing more");
            return found;
        }
        const auto space = reader.space();
        require(!space.empty(), "there is room for the next bytes");
        require(space.size() <= 4 * RequestReader::header_limit, "what is held is bounded");
        const std::size_t size = std::min({space.size(), piece, bytes.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        reader.received(size);
        bytes.remove_prefix(size);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto whole = results(bytes, size + 1);
    for (const std::size_t piece : {1U, 2U, 7U, 1000U})
        require(results(bytes, piece) == whole, "the cutting of the bytes changes nothing");
    return 0;
}
