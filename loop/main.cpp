// What ./portlab runs for a student, beside tour, test and run: the commands and their options, in one place.
#include "common/config.hpp"
#include "loop/catalogue.hpp"
#include "loop/commands.hpp"
#include "loop/complete.hpp"
#include "loop/terminal.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <sstream>
#include <string_view>

int main(int argc, char** argv) {
    std::setlocale(LC_CTYPE, "");
    CLI::App app{"Portlab: the student's loop. Without a command it says where you stand.", "./portlab"};
    app.require_subcommand(0, 1);
    app.get_formatter()->column_width(26);

    std::function<int(const loop::Catalogue&)> chosen = loop::status;
    const auto command = [&](const char* name, const char* what, const char* example) {
        CLI::App* const added = app.add_subcommand(name, what);
        added->footer("Example: ./portlab " + std::string{example});
        return added;
    };

    std::string name;
    const auto exercise = [&name](CLI::App* to, const char* what) { return to->add_option("EXERCISE", name, what); };
    const std::string any_part = "An exercise: 2.1, any_free_port, or any part of a name that no other has";

    command("status", "Say where you stand, and what is next.", "status");

    auto* check = command("check", "Build an exercise and judge it.", "check any_free_port");
    check->add_option(
        "EXERCISE|CHAPTER", name,
        "An exercise (2.1, any_free_port, any part that no other has) or a chapter (2); without it, the current one");
    check->callback([&] { chosen = [&](const auto& all) { return loop::check(all, name); }; });

    bool poll = false;
    auto* watch = command("watch", "Judge each exercise whenever you save it.", "watch");
    watch->add_flag("--poll", poll, "Look at the files four times a second; for file systems that report no change");
    watch->callback([&] { chosen = [&](const auto& all) { return loop::watch(all, poll); }; });

    auto* hint = command("hint", "Give the next hint to an exercise, from a nudge to the call.", "hint any_free_port");
    exercise(hint, (any_part + "; without it, the current one").c_str());
    hint->callback([&] { chosen = [&](const auto& all) { return loop::hint(all, name); }; });

    bool anyway = false;
    auto* solution = command("solution", "Compare your answer with the model answer, once yours is right.",
                             "solution any_free_port");
    exercise(solution, any_part.c_str())->required();
    solution->add_flag("--anyway", anyway, "Show it although yours is not right");
    solution->callback([&] { chosen = [&](const auto& all) { return loop::solution(all, name, anyway); }; });

    auto* reset =
        command("reset", "Begin an exercise anew; your version is kept, and it says where.", "reset any_free_port");
    exercise(reset, any_part.c_str())->required();
    reset->callback([&] { chosen = [&](const auto& all) { return loop::reset(all, name); }; });

    loop::Questions questions;
    std::string seed, count = std::to_string(questions.count); // text: one reader knows what a number is
    auto* predict =
        command("predict", "Say what the kernel will answer; then the kernel does.", "predict --chapter 05 --seed 7");
    predict->add_option("--seed", seed, "The same seed gives the same questions");
    predict->add_option("--chapter", questions.chapter, "Only questions of this chapter");
    predict->add_option("--count", count, "So many questions, from 1 to 100 (5)");
    predict->add_flag("--answers", questions.answers,
                      "Do not ask; show each question with its answer, for instructors");
    predict->callback([&] {
        if (predict->count("--seed") > 0)
            questions.seed = static_cast<std::uint32_t>(common::parse_number("--seed", seed, 0, 0xFFFF'FFFF));
        questions.count = static_cast<unsigned>(common::parse_number("--count", count, 1, 100));
        chosen = [&](const auto& all) { return loop::predict(all, questions); };
    });

    std::string port;
    auto* who = command("who", "Say who holds a port, and in what state.", "who 8080");
    who->add_option("PORT", port, "From 1 to 65535")->required();
    who->callback([&] {
        const auto number = static_cast<std::uint16_t>(common::parse_number("PORT", port, 1, 65535));
        chosen = [number](const auto&) { return loop::who(number); };
    });

    std::string shell;
    auto* completion = command("completion", "Print what a shell needs to complete all of this at the Tab key.",
                               "completion bash >>~/.bashrc");
    completion->add_option("SHELL", shell, "bash, zsh or fish")->required()->check(CLI::IsMember(loop::shells()));
    completion->callback([&] { chosen = [&](const auto&) { return loop::completion(shell); }; });

    // The script does these itself, where nothing is built yet.
    std::vector<std::array<const char*, 3>> by_the_script{
        {"tour", "Play the book's transcripts.", "CHAPTER"},
        {"test", "Build everything and run every test.", ""},
        {"run", "Build and run a program of a chapter, or an answer.", "PROGRAM"},
        {"doctor", "Say what this machine has and lacks.", ""}};
    if (std::filesystem::exists("grading")) // which a student's copy has not
        by_the_script.insert(by_the_script.end(), {{"handout", "Make an archive for students.", ""},
                                                   {"grade", "Grade submissions.", ""},
                                                   {"report", "Report on a class.", ""},
                                                   {"convert", "Make what course systems read.", ""},
                                                   {"gradescope", "Make an autograder for Gradescope.", ""}});
    for (const auto& [own, what, argument] : by_the_script) {
        auto* const by_script = command(own, what, own);
        by_script->callback(
            [] { throw loop::WrongUse{"that is done by the script portlab, in the folder above build/"}; });
        if (*argument != '\0')
            by_script->add_option(argument, name, "");
    }

    try {
        if (argc > 2 && argv[1] == std::string_view{"complete"}) // for a shell: complete -- WORD...
            return loop::complete(app, {argv + 3, argv + argc}, loop::Catalogue{});
        app.parse(argc, argv);
        return chosen(loop::Catalogue{});
    } catch (const CLI::ParseError& error) {
        std::ostringstream help;
        const int status = app.exit(error, help);
        std::cout << loop::terminal::wrapped(help.str(), std::min(loop::terminal::size().columns, 100U));
        return status == 0 ? 0 : 2;
    } catch (const loop::WrongUse& wrong) {
        std::cerr << "portlab: " << wrong.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "portlab: " << error.what() << '\n';
        return 2;
    }
}
