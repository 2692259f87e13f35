#include "tools/loop/complete.hpp"

#include "common/text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string_view>
#include <utility>

namespace loop {
namespace {

// bash(1), Programmable Completion; zshcompsys(1); complete(1) of fish. Each asks the script by the word that the
// reader has typed for it, and offers files where the answer is empty.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> lines_of{{
    {"bash", R"(_portlab() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _portlab portlab
)"},
    {"zsh", R"((( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
_portlab() {
    local -a candidates
    candidates=("${(@f)$("${(Q)words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n $candidates ]]; then compadd -a candidates; else _files; fi
}
compdef _portlab portlab
)"},
    {"fish", R"(function __portlab_candidates
    set -l words (commandline -opc) (commandline -ct)
    $words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c portlab -f -a '(__portlab_candidates)'
)"},
}};

// What the argument or the value of that name may be.
std::vector<std::string> values(const std::string& name, std::string_view begun, const Catalogue& catalogue) {
    const bool number = !begun.empty() && begun[0] >= '1' && begun[0] <= '9';
    const bool exercise = name == "EXERCISE" || name == "EXERCISE|CHAPTER",
               chapter = name == "CHAPTER" || name == "--chapter" || name == "EXERCISE|CHAPTER" || name == "PROGRAM";
    std::vector<std::string> found;
    if (name == "SHELL")
        found = shells();
    const auto add_programs = [&](const std::string& folder, const std::string& prefix, const std::string& but) {
        for (const auto& file : std::filesystem::directory_iterator{folder})
            if (file.path().extension() == ".cpp" && file.path().stem() != but)
                found.push_back(prefix + "/" + file.path().stem().string());
    };
    if (name == "PROGRAM")
        add_programs("tools/instruments", "instruments", "");
    for (const Chapter& one : catalogue.chapters()) {
        if (chapter)
            found.push_back(one.name);
        for (const Exercise& its : one.exercises) {
            if (exercise)
                found.push_back(number ? its.number : its.name);
            if (name == "PROGRAM")
                found.push_back(its.path());
        }
        if (name == "PROGRAM")
            add_programs("chapters/" + one.name, one.name, one.name.substr(3));
    }
    return found;
}

} // namespace

int complete(const CLI::App& app, const std::vector<std::string>& words, const Catalogue& catalogue) {
    const std::string begun = words.empty() ? "" : words.back(),
                      before = words.size() < 2 ? "" : words[words.size() - 2];
    const auto listed = app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
    const auto command = std::ranges::find_if(
        listed, [&](const CLI::App* one) { return words.size() > 1 && one->get_name() == words.front(); });
    const CLI::App& of = command == listed.end() ? app : **command;

    std::vector<std::string> found;
    std::size_t given = 0; // arguments before the last word
    if (words.size() > 2)
        given = static_cast<std::size_t>(
            std::count_if(words.begin() + 1, words.end() - 1, [](const auto& word) { return !word.starts_with("-"); }));
    bool value = false; // of the option before it
    for (const CLI::Option* option : of.get_options()) {
        const std::string name = option->get_name(option->get_positional());
        if (!option->get_positional() && name == before && option->get_items_expected_max() > 0) {
            found = values(name, begun, catalogue);
            value = true;
            break;
        }
        if (option->get_positional() ? given == 0 && !begun.starts_with("-") : begun.starts_with("-"))
            std::ranges::copy(option->get_positional() ? values(name, begun, catalogue) : std::vector{name},
                              std::back_inserter(found));
    }
    if (!value && &of == &app && words.size() < 2)
        for (const CLI::App* one : listed)
            found.push_back(one->get_name());
    for (const auto& one : found)
        if (one.starts_with(begun))
            std::cout << one << '\n';
    return 0;
}

std::vector<std::string> shells() {
    std::vector<std::string> names;
    for (const auto& [shell, lines] : lines_of)
        names.emplace_back(shell);
    return names;
}

int completion(const std::string& shell) {
    const auto found = std::ranges::find(lines_of, shell, &std::pair<std::string_view, std::string_view>::first);
    if (found == lines_of.end())
        throw WrongUse{"there is a completion for bash, zsh and fish, and not for " + common::quoted(shell)};
    std::cout << found->second;
    return 0;
}

} // namespace loop
