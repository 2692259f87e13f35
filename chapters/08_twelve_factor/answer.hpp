// What the thermometer says: the response to a request, and a line in the log for each.
#pragma once

#include "common/text.hpp"

#include <iostream>
#include <string>

inline std::string answer_to(const std::string& request) {
    const std::string line = request.substr(0, request.find("\r\n")); // such as GET / HTTP/1.1
    std::string status = "200 OK", page = "21.5 degrees\n";           // the sensor is left out
    if (line.find(" HTTP/1.") == line.npos) {
        status = "400 Bad Request";
        page = "This is not HTTP.\n";
    } else if (!line.starts_with("GET / ")) {
        status = "404 Not Found";
        page = "No such page.\n";
    }
    std::cout << common::shown(line) << ": " << status << std::endl; // at once, to a pipe as well
    return "HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(page.size()) +
           "\r\nConnection: close\r\n\r\n" + page;
}
