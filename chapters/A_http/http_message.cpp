#include "http_message.hpp"

#include <algorithm>
#include <asio/ip/address_v6.hpp>
#include <charconv>
#include <limits>

namespace {

// ---- The alphabets of RFC 9110, 5.6.2 and RFC 3986, 2. ASCII alone: the functions of <cctype> ask the locale.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_control(char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; }
bool is_unreserved(char c) {
    return is_letter(c) || is_digit(c) || std::string_view{"-._~"}.find(c) != std::string::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string::npos;
    });
}

// Characters of a URI that stand for themselves, those of `more` among them, and %-escapes.
bool is_uri_text(std::string_view text, std::string_view more) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]))
            i += 2;
        else if (!is_unreserved(text[i]) && std::string_view{"!$&'()*+,;="}.find(text[i]) == std::string::npos &&
                 more.find(text[i]) == more.npos)
            return false;
    }
    return true;
}

// HOST or HOST:PORT, with an IPv6 address in brackets: RFC 3986, 3.2.2 and 3.2.3.
bool is_authority(std::string_view text, bool port_needed = false) {
    const bool bracketed = text.starts_with('[');
    const auto host_end = bracketed ? text.find(']') + 1 : std::min(text.find(':'), text.size());
    const std::string_view host = text.substr(0, host_end), port = text.substr(host_end);
    if (host.empty() || (port_needed && port.size() < 2))
        return false;
    if (bracketed) {
        asio::error_code error;
        const std::string address{host.substr(1, host.size() - 2)};
        asio::ip::make_address_v6(address, error);
        if (error || address.find('%') != address.npos) // the interface behind a % is this machine's own affair
            return false;
    } else if (!is_uri_text(host, "")) {
        return false;
    }
    if (port.size() < 2)
        return port.empty() || port == ":";
    std::uint16_t number = 0;
    const auto [stopped_at, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
    return error == std::errc{} && stopped_at == port.data() + port.size();
}

std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

std::string_view trimmed(std::string_view text) {
    const auto first = std::min(text.find_first_not_of(" \t"), text.size());
    return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// "/%65cho" is "/echo", but "%2F" is no "/": only what needs no escape is the same with and without it (RFC 3986, 2.3).
std::string without_needless_escapes(std::string_view path) {
    std::string plain;
    for (std::size_t i = 0; i < path.size(); ++i) {
        int code = 0;
        if (path[i] == '%')
            std::from_chars(path.data() + i + 1, path.data() + i + 3, code, 16);
        if (code < 0x80 && is_unreserved(static_cast<char>(code))) {
            plain += static_cast<char>(code);
            i += 2;
        } else {
            plain += path[i];
        }
    }
    return plain;
}

// HTTP/x.y: the major version and the minor; nothing where it is not written so.
std::optional<std::pair<int, int>> version(std::string_view text) {
    if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
        return std::nullopt;
    return std::pair{text[5] - '0', text[7] - '0'};
}

} // namespace

std::size_t Message::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(fields.begin(), fields.end(), [name](const auto& field) { return field.first == name; }));
}

std::vector<std::string> Message::list(std::string_view name) const {
    std::vector<std::string> elements;
    for (const auto& [field, value] : fields) {
        std::string_view rest = field == name ? std::string_view{value} : "";
        while (!rest.empty()) {
            const auto comma = std::min(rest.find(','), rest.size());
            if (const auto element = trimmed(rest.substr(0, comma)); !element.empty())
                elements.push_back(in_lower_case(element));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return elements;
}

bool Message::keep_alive() const {
    const auto options = list("connection");
    const auto has = [&](const char* option) {
        return std::find(options.begin(), options.end(), option) != options.end();
    };
    return !has("close") && (minor_version >= 1 || has("keep-alive"));
}

std::span<char> MessageReader::space() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    if (end_ == buffer_.size())
        buffer_.resize(std::max<std::size_t>(1024, 2 * buffer_.size()));
    return {buffer_.data() + end_, buffer_.size() - end_};
}

MessageReader::State MessageReader::read() {
    while (state_ == State::incomplete && step()) {
    }
    return state_;
}

MessageReader::State MessageReader::end() {
    if (state_ == State::incomplete && part_ == Part::body_to_end)
        state_ = State::complete;
    return state_;
}

void MessageReader::next() {
    message_ = {};
    part_ = Part::start_line;
    header_left_ = header_limit;
    state_ = State::incomplete;
    expects_continue_ = false;
}

void MessageReader::refuse(int status) {
    state_ = State::refused;
    refusal_ = status;
}

// Reads a line, or what there is of the body; false where that needs more bytes.
bool MessageReader::step() {
    if (part_ == Part::body || part_ == Part::body_to_end || part_ == Part::chunk) {
        const bool some = holds_more();
        take_body();
        return some;
    }
    const std::size_t limit = part_ == Part::chunk_end    ? 0
                              : part_ == Part::chunk_size ? 16 + header_left_
                                                          : header_left_;
    const auto text = line(limit, part_ == Part::chunk_end ? 400 : part_ == Part::start_line ? 414 : 431);
    if (!text)
        return false;
    if (part_ == Part::start_line && text->empty() && kind_ == Kind::request)
        return true; // some clients send an empty line after a request: RFC 9112, 2.2
    if (part_ == Part::start_line || part_ == Part::fields || part_ == Part::trailer)
        header_left_ -= std::min(header_left_, text->size() + 2);
    switch (part_) {
    case Part::start_line:
        part_ = Part::fields;
        if (!(kind_ == Kind::request ? read_start_line(*text) : read_status_line(*text)) && state_ != State::refused)
            refuse(400);
        break;
    case Part::fields:
        if (text->empty())
            end_header();
        else if (!read_field(*text, true))
            refuse(400);
        break;
    case Part::chunk_size:
        read_chunk_size(*text);
        break;
    case Part::chunk_end:
        part_ = Part::chunk_size;
        break;
    default: // a trailer never counts as the header: RFC 9110, 6.5.1
        if (text->empty())
            state_ = State::complete;
        else if (!read_field(*text, false))
            refuse(400);
    }
    return true;
}

// The next line, without the CR LF that ends it. No other control character may stand in a line, so that what ends in a
// mere LF is refused when that arrives, and not when the client has waited in vain.
std::optional<std::string_view> MessageReader::line(std::size_t limit, int status_beyond) {
    const std::string_view window = unread().substr(0, limit + 2);
    const auto end = static_cast<std::size_t>(std::find_if(window.begin(), window.end(), is_control) - window.begin());
    if (end > limit) {
        refuse(status_beyond);
    } else if (window.substr(end).starts_with("\r\n")) {
        begin_ += end + 2;
        return window.substr(0, end);
    } else if (end < window.size() && window.substr(end) != "\r") {
        refuse(400);
    }
    return std::nullopt;
}

bool MessageReader::read_start_line(std::string_view line) {
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == last) // also where there is none
        return false;
    const std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1);
    if (!is_token(method) || target.empty() || target.find_first_of(" \t") != target.npos)
        return false;
    message_.method = method;
    message_.target = target;
    const auto spoken = version(line.substr(last + 1));
    if (spoken && spoken->first != 1)
        refuse(505);
    message_.minor_version = spoken ? spoken->second : 1;
    return spoken && read_target();
}

// The four forms of RFC 9112, 3.2: "/path?query", "http://authority/path?query", "authority" and "*".
bool MessageReader::read_target() {
    std::string_view rest = message_.target;
    if (message_.method == "CONNECT")
        return is_authority(rest, true);
    if (rest == "*") {
        message_.path = "*";
        return message_.method == "OPTIONS";
    }
    bool here = true; // else it is a page of another protocol, which no path of ours names
    if (!rest.starts_with('/')) {
        const auto scheme_end = rest.find("://");
        if (scheme_end == rest.npos || !is_token(rest.substr(0, scheme_end)) || !is_letter(rest.front()))
            return false;
        here = in_lower_case(rest.substr(0, scheme_end)) == "http";
        rest.remove_prefix(scheme_end + 3);
        const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
        if (!is_authority(rest.substr(0, authority_end)))
            return false;
        rest.remove_prefix(authority_end);
    }
    const auto path_end = std::min(rest.find('?'), rest.size());
    const std::string_view path = rest.substr(0, path_end), query = rest.substr(path_end);
    if (!is_uri_text(path, "/:@") || !is_uri_text(query, "/:@?"))
        return false;
    if (here)
        message_.path = !path.empty()                                   ? without_needless_escapes(path)
                        : query.empty() && message_.method == "OPTIONS" ? "*" // 3.2.4
                                                                        : "/";
    return true;
}

bool MessageReader::read_status_line(std::string_view line) {
    const auto spoken = version(line.substr(0, 8));
    if (!spoken || spoken->first != 1 || line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
        return false;
    message_.minor_version = spoken->second;
    const std::string_view code = line.substr(9, 3);
    std::from_chars(code.data(), code.data() + 3, message_.status);
    return std::all_of(code.begin(), code.end(), is_digit) && message_.status >= 100 && message_.status < 600;
}

bool MessageReader::read_field(std::string_view line, bool keep) {
    const auto colon = std::min(line.find(':'), line.size());
    if (colon == line.size() || !is_token(line.substr(0, colon))) // a line that begins with a space goes here, too
        return false;
    if (keep)
        message_.fields.emplace_back(in_lower_case(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return true;
}

// The header is whole: is it right, and where does the body end? RFC 9112, 3.2 and 6.3.
void MessageReader::end_header() {
    header_left_ = header_limit; // for the chunks' extensions and the trailer
    const auto host = std::find_if(message_.fields.begin(), message_.fields.end(),
                                   [](const auto& field) { return field.first == "host"; });
    if (kind_ == Kind::request) {
        const auto hosts = message_.count("host");
        if (hosts > 1 || (hosts == 0 && message_.minor_version >= 1))
            return refuse(400);
        if (hosts == 1 && !host->second.empty() && !is_authority(host->second))
            return refuse(400);
    } else if (message_.status < 200 && message_.status != 101) {
        return next();
    } else if (message_.status == 204 || message_.status == 304) {
        state_ = State::complete;
        return;
    }
    const auto lengths = message_.list("content-length");
    if (message_.count("transfer-encoding") > 0) {
        const auto codings = message_.list("transfer-encoding");
        if (message_.minor_version == 0 || message_.count("content-length") > 0 ||
            std::count(codings.begin(), codings.end(), "chunked") != 1 || codings.back() != "chunked")
            return refuse(400); // no two programs agree on where such a body ends
        if (codings.size() > 1)
            return refuse(501);
        part_ = Part::chunk_size;
    } else if (message_.count("content-length") > 0) {
        std::optional<std::size_t> size;
        for (const std::string& length : lengths) {
            std::size_t number = 0;
            const auto [stopped_at, error] = std::from_chars(length.data(), length.data() + length.size(), number);
            if (error == std::errc::result_out_of_range)
                number = std::numeric_limits<std::size_t>::max();
            if (error == std::errc::invalid_argument || stopped_at != length.data() + length.size() ||
                number != size.value_or(number))
                return refuse(400);
            size = number;
        }
        if (!size)
            return refuse(400);
        if (*size > body_limit)
            return refuse(413);
        part_ = Part::body;
        body_left_ = *size;
    } else if (kind_ == Kind::response) {
        part_ = Part::body_to_end;
        body_left_ = body_limit;
    } else {
        part_ = Part::body;
        body_left_ = 0;
    }
    if (part_ == Part::body && body_left_ == 0)
        state_ = State::complete;
    const auto expectations = message_.list("expect");
    expects_continue_ = state_ == State::incomplete && message_.minor_version >= 1 &&
                        std::find(expectations.begin(), expectations.end(), "100-continue") != expectations.end();
}

// SIZE in hexadecimal digits, then perhaps extensions, which mean nothing here but fill their share of the limit.
void MessageReader::read_chunk_size(std::string_view line) {
    const auto digits_end = static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_hex) - line.begin());
    const std::string_view extensions = line.substr(digits_end);
    if (digits_end == 0 || digits_end > 16 || (!extensions.empty() && !trimmed(extensions).starts_with(';')))
        return refuse(400);
    if (extensions.size() > header_left_)
        return refuse(431);
    header_left_ -= extensions.size();
    std::from_chars(line.data(), line.data() + digits_end, body_left_, 16);
    if (body_left_ > body_limit - message_.body.size())
        return refuse(413);
    part_ = body_left_ > 0 ? Part::chunk : Part::trailer;
}

void MessageReader::take_body() {
    const std::string_view piece = unread().substr(0, body_left_);
    if (piece.empty() && holds_more()) // behind the last byte that a body without a length may have
        return refuse(413);
    message_.body += piece;
    begin_ += piece.size();
    body_left_ -= piece.size();
    if (body_left_ > 0 || part_ == Part::body_to_end)
        return;
    if (part_ == Part::chunk)
        part_ = Part::chunk_end;
    else
        state_ = State::complete;
}
