#include "tools/judge/verdict.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace grader {
namespace {

// The length of the character in UTF-8 with which the text begins, or 0 where it begins with none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first < 0xF0)
        return follows(1) && follows(2) && (first != 0xE0 || second >= 0xA0) && (first != 0xED || second < 0xA0) ? 3
                                                                                                                 : 0;
    if (first >= 0xF0 && first < 0xF5)
        return follows(1) && follows(2) && follows(3) && (first != 0xF0 || second >= 0x90) &&
                       (first != 0xF4 || second < 0x90)
                   ? 4
                   : 0;
    return 0;
}

std::string json_string(std::string_view text) { // RFC 8259
    std::string result = "\"";
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const char c = text.front();
        if (length == 0) {
            result += "\\ufffd";
        } else if (c == '"' || c == '\\') {
            (result += '\\') += c;
        } else if (c == '\n') {
            result += "\\n";
        } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) {
            std::array<char, 7> code{};
            std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
            result += code.data();
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result + '"';
}

std::string json_list(const std::vector<std::string>& texts) {
    std::string result = "[";
    for (const auto& text : texts)
        result += (result.size() > 1 ? ", " : "") + json_string(text);
    return result + "]";
}

} // namespace

void write(const Verdict& verdict, const std::filesystem::path& file) {
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::path unfinished = file;
    unfinished += "." + std::to_string(::getpid());
    std::ofstream out{unfinished};
    out << "{\n\"exercise\": " << json_string(verdict.exercise) << ",\n\"verdict\": " << json_string(verdict.verdict)
        << ",\n\"checks\": " << json_list(verdict.checks) << ",\n\"failed\": ";
    if (verdict.failed)
        out << "{\"check\": " << json_string(verdict.failed->check)
            << ", \"expected\": " << json_string(verdict.failed->expected)
            << ", \"observed\": " << json_string(verdict.failed->observed)
            << ", \"section\": " << json_string(verdict.failed->section) << "}";
    else
        out << "null";
    out << ",\n\"not_tried\": " << json_list(verdict.not_tried) << ",\n\"seconds\": " << verdict.took.count()
        << ",\n\"story\": " << json_string(verdict.story) << "\n}\n";
    out.close();
    if (!out) {
        const int error = errno;
        std::error_code ignored;
        std::filesystem::remove(unfinished, ignored);
        throw std::filesystem::filesystem_error{"the verdict cannot be written", file, {error, std::system_category()}};
    }
    std::filesystem::rename(unfinished, file);
}

} // namespace grader
