#include "tools/loop/story.hpp"

#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace loop {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
    Lines lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// A step, or what stands behind one of the labels.
struct Part {
    enum Kind { title, step, expected, observed, at_the_end, read_again, try_it } kind = title;
    Lines lines{};
    bool starts = false; // a program
    bool shown = false;
};

constexpr std::array<std::pair<std::string_view, Part::Kind>, 5> labels{{{"Expected   ", Part::expected},
                                                                         {"Observed   ", Part::observed},
                                                                         {"At the end ", Part::at_the_end},
                                                                         {"Read again ", Part::read_again},
                                                                         {"Try it     ", Part::try_it}}};

// `  1. started …`, or `     (12 steps before; …)`.
bool is_step(std::string_view line) {
    const auto digit = std::min(line.find_first_not_of(' '), line.size());
    const auto dot = std::min(line.find_first_not_of("0123456789", digit), line.size());
    return digit <= 5 && (dot > digit ? line.substr(dot).starts_with(". ") : line.starts_with("     ("));
}

std::vector<Part> parts_of(const std::string& story) {
    std::vector<Part> parts;
    bool after_the_steps = false;
    for (const std::string& line : lines_of(story)) {
        const auto label = std::ranges::find_if(labels, [&](const auto& one) { return line.starts_with(one.first); });
        if (label != labels.end()) {
            parts.push_back({.kind = label->second});
            after_the_steps = true;
        } else if (!after_the_steps && is_step(line)) {
            parts.push_back({.kind = Part::step, .starts = line.find(". started ") != line.npos});
        } else if (parts.empty()) {
            parts.push_back({});
        }
        for (auto& fitting : lines_of(terminal::wrapped(line, terminal::size().columns)))
            parts.back().lines.push_back(std::move(fitting));
    }
    return parts;
}

void shorten(Lines& lines, std::size_t most) {
    if (lines.size() > most) {
        lines.resize(most);
        lines.back() = std::string(std::min<std::size_t>(lines.back().find_first_not_of(' '), 11), ' ') + "...";
    }
}

// Where steps are left out stands a line that says so.
Lines shown_lines(const std::vector<Part>& parts) {
    Lines lines;
    const std::string gap = "     ...";
    for (const Part& part : parts)
        if (part.shown)
            std::ranges::copy(part.lines, std::back_inserter(lines));
        else if (part.kind == Part::step && (lines.empty() || lines.back() != gap))
            lines.push_back(gap);
    return lines;
}

// What there is room for, by what a reader needs most.
void choose(std::vector<Part>& parts, std::size_t room) {
    std::vector<Part*> order;
    const auto add = [&](auto&& fits) {
        for (Part& part : parts)
            if (fits(part) && std::ranges::find(order, &part) == order.end())
                order.push_back(&part);
    };
    const auto kind = [](Part::Kind wanted) { return [wanted](const Part& part) { return part.kind == wanted; }; };
    const auto last = [&](auto&& fits) {
        const auto found = std::find_if(parts.rbegin(), parts.rend(), fits);
        if (found != parts.rend() && std::ranges::find(order, &*found) == order.end())
            order.push_back(&*found);
    };
    add(kind(Part::observed));
    add(kind(Part::expected));
    last(kind(Part::step));
    last([](const Part& part) { return part.kind == Part::step && part.starts; }); // the settings are told there
    add(kind(Part::try_it));
    add(kind(Part::read_again));
    std::vector<Part*> steps;
    for (Part& part : parts)
        if (part.kind == Part::step)
            steps.push_back(&part);
    const std::size_t some = std::min<std::size_t>(steps.size(), 4); // then who was in which state; then the rest
    for (std::size_t i = 0; i < some; ++i)
        order.push_back(steps[steps.size() - 1 - i]);
    add(kind(Part::at_the_end));
    for (std::size_t i = some; i < steps.size(); ++i)
        order.push_back(steps[steps.size() - 1 - i]);
    add(kind(Part::title));
    const auto fits = [&](Part& part) {
        part.shown = true;
        part.shown = shown_lines(parts).size() <= room;
        return part.shown;
    };
    for (Part* const part : order) {
        const bool needed = part->kind == Part::observed || part->kind == Part::expected;
        if (!part->shown && !fits(*part) && needed) {
            shorten(part->lines, std::max<std::size_t>(room / 4, 1));
            fits(*part);
        }
    }
}

Lines fitting(const std::string& story, std::size_t room) {
    auto parts = parts_of(story);
    for (Part& part : parts)
        part.shown = true;
    if (shown_lines(parts).size() > room) {
        for (Part& part : parts)
            part.shown = false;
        choose(parts, room);
    }
    return shown_lines(parts);
}

} // namespace

void show_in_at_most(const std::string& text, std::size_t room, Words words) {
    room = std::max<std::size_t>(room, 4);
    Lines lines;
    if (words == Words::story) {
        const auto title = text.find("\n\n"); // before it stands what the headline says
        lines = fitting(terminal::printable(text.substr(title == text.npos ? 0 : title + 2)), room);
    } else {
        lines = lines_of(terminal::wrapped(terminal::printable(text), terminal::size().columns));
        if (lines.size() > room) {
            lines.resize(room - 1);
            lines.emplace_back("...");
        }
    }
    for (const std::string& line : lines) {
        const bool bad = line.find("error:") != line.npos || line.starts_with("Observed");
        std::cout << (bad ? terminal::red(line) : line.starts_with("Expected") ? terminal::green(line) : line) << '\n';
    }
}

} // namespace loop
