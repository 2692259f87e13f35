// The first words of SMTP, the language of mail servers. There is no socket in here, and no mail is taken.
#pragma once

#include <string>
#include <strings.h>

inline std::string smtp_reply(const std::string& line) {
    const std::string verb = line.substr(0, line.find_first_of(" \r\n"));
    const auto is = [&](const char* word) { return ::strcasecmp(verb.c_str(), word) == 0; };
    return is("EHLO") || is("HELO")   ? "250 mail.example\r\n"
           : is("NOOP") || is("RSET") ? "250 OK\r\n"
           : is("QUIT")               ? "221 goodbye\r\n"
                                      : "502 not implemented\r\n";
}
