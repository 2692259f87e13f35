// What ./portlab runs for a student: the commands' options, in one place. Their names and what they do are in
// tools/setup/commands.txt, from where the script portlab has them, too.
#include "common/config.hpp"
#include "common/text.hpp"
#include "tools/loop/catalogue.hpp"
#include "tools/loop/check.hpp"
#include "tools/loop/commands.hpp"
#include "tools/loop/complete.hpp"
#include "tools/loop/terminal.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string_view>
#include <unistd.h>

namespace {

using loop::WrongUse;

struct Listed {
    std::string group, name, arguments, what;
};

std::vector<Listed> listed_commands() {
    std::vector<Listed> all;
    std::ifstream file{"tools/setup/commands.txt"};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        Listed one;
        if (line.starts_with('#') || !(words >> one.group >> one.name >> one.arguments >> std::ws))
            continue;
        std::getline(words, one.what);
        const std::string tools = one.group == "instructors" ? "tools/grading" : "tools/" + one.group;
        if ((one.group != "instructors" && one.group != "authors") || std::filesystem::exists(tools))
            all.push_back(one); // a student's copy has neither
    }
    if (all.empty())
        throw WrongUse{"there is no tools/setup/commands.txt in " + std::filesystem::current_path().string() +
                       ": call the script portlab in the folder that you cloned"};
    return all;
}

// CLI11's complaint in our words.
std::string in_our_words(const CLI::ParseError& error, const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    const CLI::App& command = chosen.empty() ? app : *chosen.front();
    const std::string name = "./portlab" + (chosen.empty() ? "" : " " + command.get_name()), what = error.what();
    std::string words;
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        std::vector<std::string> extra = app.remaining(true);
        const std::string first = extra.empty() ? "" : extra.front();
        words = common::quoted(first) +
                (first.starts_with("-") ? " is no option of " + name : " is more than " + name + " can take");
    } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        for (const CLI::Option* option : command.get_options())
            if (option->get_required() && option->empty())
                words = name + " " + option->get_name(option->get_positional()) + ": say which";
    } else {
        for (const CLI::Option* option : command.get_options())
            if (!option->get_positional() && what.find(option->get_name()) != what.npos)
                words = option->get_name() +
                        (option->get_items_expected_max() == 0 ? " takes no value" : " takes one value");
    }
    return (words.empty() ? name + " cannot be called so" : words) + "\n    " + name + " --help says more.";
}

} // namespace

int main(int argc, char** argv) try {
    std::setlocale(LC_CTYPE, "");
    CLI::App app{"Portlab: the student's loop. Without a command it says where you stand.", "./portlab"};
    app.require_subcommand(0, 1);
    app.get_formatter()->column_width(26);

    const auto listed = listed_commands();
    std::map<std::string, CLI::App*> commands;
    for (const Listed& one : listed) {
        std::string what = one.what + ".";
        what.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(what.front())));
        commands[one.name] = app.add_subcommand(one.name, what);
    }
    std::function<int(const loop::Catalogue&)> chosen = loop::status;
    std::map<std::string, bool> ours;
    const auto command = [&](const std::string& name, const std::string& example, auto&& act) {
        CLI::App* const it = commands.at(name);
        it->footer("Example: ./portlab " + example);
        it->callback([&chosen, act] { chosen = act; });
        ours[name] = true;
        return it;
    };

    std::string name;
    const std::string exercise = "An exercise: 2.1, any_free_port, or any part of a name that no other has",
                      current = "; without it, the current one";
    const auto takes = [&name](CLI::App* to, const char* as, const std::string& what) {
        return to->add_option(as, name, what);
    };

    command("status", "status", [](const auto& all) { return loop::status(all); });

    std::string limit_text = std::to_string(loop::usual_limit.count());
    const auto limit = [&] { return std::chrono::seconds{common::parse_number("--limit", limit_text, 1, 86'400)}; };
    const auto takes_limit = [&](CLI::App* to) {
        to->add_option("--limit", limit_text, "End a test that takes more seconds (" + limit_text + ")");
    };
    auto* check =
        command("check", "check any_free_port", [&](const auto& all) { return loop::check(all, name, limit()); });
    takes(check, "EXERCISE|CHAPTER",
          "An exercise (2.1, any_free_port, any part that no other has) or a chapter (2)" + current);
    takes_limit(check);

    loop::Watching watching;
    auto* watch = command("watch", "watch", [&](const auto& all) { return loop::watch(all, watching, limit()); });
    watch->add_option("EXERCISE", watching.exercise, "The exercise to begin with" + current);
    watch->add_flag("--poll", watching.poll,
                    "Look at the files four times a second; for file systems that report no change");
    takes_limit(watch);

    takes(command("statement", "statement 2.1", [&](const auto& all) { return loop::statement(all, name); }),
          "EXERCISE", exercise + current);
    takes(command("hint", "hint any_free_port", [&](const auto& all) { return loop::hint(all, name); }), "EXERCISE",
          exercise + current);

    bool anyway = false;
    auto* solution = command("solution", "solution any_free_port",
                             [&](const auto& all) { return loop::solution(all, name, anyway); });
    takes(solution, "EXERCISE", exercise)->required();
    solution->add_flag("--anyway", anyway, "Show it although yours is not right");

    takes(command("reset", "reset any_free_port", [&](const auto& all) { return loop::reset(all, name); }), "EXERCISE",
          exercise)
        ->required();

    loop::Questions questions;
    std::string seed, count = std::to_string(questions.count); // text: one reader knows what a number is
    CLI::App* predict = nullptr;
    predict = command("predict", "predict --chapter 05 --seed 7", [&](const auto& all) {
        if (predict->count("--seed") > 0)
            questions.seed = static_cast<std::uint32_t>(common::parse_number("--seed", seed, 0, 0xFFFF'FFFF));
        questions.count = static_cast<unsigned>(common::parse_number("--count", count, 1, 100));
        return loop::predict(all, questions);
    });
    predict->add_option("--seed", seed, "The same seed gives the same questions");
    predict->add_option("--chapter", questions.chapter, "Only questions of this chapter");
    predict->add_option("--count", count, "So many questions, from 1 to 100 (5)");
    predict->add_flag("--answers", questions.answers,
                      "Do not ask; show each question with its answer, for instructors");

    std::string port;
    command("who", "who 8080",
            [&](const auto&) {
                return loop::who(static_cast<std::uint16_t>(common::parse_number("PORT", port, 1, 65535)));
            })
        ->add_option("PORT", port, "From 1 to 65535")
        ->required();

    std::string shell;
    command("completion", "completion bash >>~/.bashrc", [&](const auto&) { return loop::completion(shell); })
        ->add_option("SHELL", shell, "bash, zsh or fish")
        ->required();

    for (const Listed& one : listed) { // the others the script does itself, where nothing is built yet
        if (ours[one.name])
            continue;
        auto* const by_script = command(one.name, one.name, [](const auto&) -> int {
            throw WrongUse{"that is done by the script portlab, in the folder above build/"};
        });
        if (one.arguments != "-") {
            auto argument = one.arguments;
            std::erase_if(argument, [](char c) { return c == '[' || c == ']'; });
            by_script->add_option(argument, name, "");
        }
    }

    try {
        if (argc > 2 && argv[1] == std::string_view{"complete"}) // for a shell: complete -- WORD...
            return loop::complete(app, {argv + 3, argv + argc}, loop::Catalogue{});
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0)
            throw WrongUse{in_our_words(error, app)};
        std::ostringstream help;
        app.exit(error, help);
        std::cout << loop::terminal::wrapped(help.str(), std::min(loop::terminal::size().columns, 100U));
        return 0;
    }
    return chosen(loop::Catalogue{});
} catch (const std::exception& error) {
    const std::string words = loop::terminal::printable(std::string{"portlab: "} + error.what()) + "\n";
    std::cerr << (::isatty(STDERR_FILENO) == 1 ? loop::terminal::wrapped(words, loop::terminal::size().columns, 4)
                                               : words);
    return 2;
}
