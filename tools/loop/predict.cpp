#include "common/text.hpp"
#include "tools/loop/commands.hpp"
#include "tools/loop/questions.hpp"
#include "tools/loop/scenario.hpp"
#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace loop {
namespace {

// In lines that fit into a terminal of 80 columns, indented.
std::string wrapped(const std::string& text) { return terminal::wrapped("    " + text, 78, 4); }

std::string chapter_named(const std::string& words) {
    std::string all;
    for (const std::string& chapter : chapters_with_questions()) {
        const std::string number = chapter.substr(0, 2);
        if (words == chapter || words == number || "0" + words == number || words == chapter.substr(3))
            return chapter;
        all += (all.empty() ? "" : ", ") + chapter;
    }
    throw WrongUse{"there are no questions on chapter \"" + words + "\"; there are on " + all};
}

void show(const Question& question, unsigned number, unsigned count) {
    std::cout << terminal::bold("Question " + std::to_string(number) + " of " + std::to_string(count)) << ", chapter "
              << std::stoi(question.chapter) << '\n';
    for (std::size_t i = 0; i < question.calls.size(); ++i)
        std::cout << (i < 9 ? "   " : "  ") << i + 1 << "  " << to_string(question.calls[i]) << '\n';
}

struct Reply {
    std::optional<Answer> answer{};
    std::string complaint{}; // why there is no answer
};

// Whether the system knows an error of that name, which the book need not know.
bool is_an_error(const std::string& name) {
#ifdef __GLIBC__
    for (int error = 1; error < 256; ++error)
        if (const char* const its_name = ::strerrorname_np(error); its_name != nullptr && name == its_name)
            return true;
#endif
    return false;
}

// Why that is the name of no error that a question can be about.
std::string unknown_error(const std::string& name) {
    if (is_an_error(name))
        return name + " is an error, but none of those that these questions are about.";
    const auto like = nearest(name, error_names());
    return common::shown(name, 20) + " is no error" +
           (like.empty() ? " that this book knows." : "; did you mean " + like.front() + "?");
}

// "ok", "4 EADDRINUSE", "eaddrinuse 4"
Reply read_reply(std::string line, std::size_t calls) {
    const std::string form = " Write OK, or the number of the call and its error, as in: 4 EADDRINUSE";
    const std::string typed = line;
    for (char& c : line)
        c = std::string_view{",;:"}.find(c) != std::string_view::npos
                ? ' '
                : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::istringstream in{line};
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(word);
    const auto is_number = [](const std::string& word) {
        return word.find_first_not_of("0123456789") == word.npos && !word.empty();
    };
    const auto is_error = [](const std::string& word) { return error_number(word) != 0; };
    if (words == std::vector<std::string>{"OK"})
        return {Answer{}};
    if (words.empty())
        return {{}, "Nothing is no answer." + form};
    if (words.size() > 2)
        return {{}, "That is more than a call and an error." + form};
    if (words.size() == 2 && !is_number(words[0]))
        std::swap(words[0], words[1]);
    const std::string& call = words.front();
    if (!is_number(call)) {
        const bool both_errors = words.size() == 2 && is_error(call) && is_error(words[1]);
        return {{},
                both_errors      ? "One error, please, and the number of its call." + form
                : is_error(call) ? call + " from which call? With its number, as in: 4 " + call
                : words.size() == 1 && call.starts_with("E") ? unknown_error(call) + form
                                                             : common::quoted(typed, 30) + " is no answer." + form};
    }
    Answer answer;
    const auto [stop, error] = std::from_chars(call.data(), call.data() + call.size(), answer.call);
    if (error != std::errc{} || answer.call < 1 || answer.call > calls)
        return {{},
                "There is no call " + common::shown(call, 20) + ": they are numbered from 1 to " +
                    std::to_string(calls) + "." + form};
    if (words.size() == 1)
        return {{}, "Call " + call + " fails with which error? As in: " + call + " EADDRINUSE"};
    if (words[1] == "OK")
        return {{}, "OK alone says that no call fails." + form};
    answer.error = error_number(words[1]);
    if (answer.error == 0)
        return {{},
                is_number(words[1]) ? "Of an error its name is wanted, not a number." + form
                                    : unknown_error(words[1]) + form};
    return {answer};
}

// Asks until there is an answer; nothing where the input has ended.
std::optional<Answer> ask(const Question& question) {
    const bool by_hand = ::isatty(STDIN_FILENO) == 1;
    while (true) {
        if (by_hand)
            std::cout << "> ";
        std::cout << std::flush;
        std::string line;
        if (!std::getline(std::cin, line))
            return {};
        const Reply reply = read_reply(line, question.calls.size());
        if (reply.answer)
            return reply.answer;
        std::cout << wrapped(reply.complaint);
    }
}

// Another program's socket can make a refusal, never a success: where ports are shared with others, what is not as the
// rule says is asked twice, on other ports.
Outcome answer_of_kernel(const Question& question) {
    const Outcome outcome = ask_kernel(question.calls);
    const bool again = !outcome.own_network && outcome.not_run.empty() && outcome.answer != question.rule;
    return again ? ask_kernel(question.calls) : outcome;
}

// The answer that counts.
Answer key(const Question& question, const Outcome& outcome) {
    return outcome.not_run.empty() ? outcome.answer : question.rule;
}

std::string in_words(const Answer& answer) {
    return to_string(answer) + (answer.error == 0 ? "" : std::string{" ("} + std::strerror(answer.error) + ")");
}

void explain(const Question& question, const Outcome& outcome) {
    if (!outcome.not_run.empty())
        std::cout << wrapped("Not run: " + outcome.not_run + ". The answer is the book's.");
    else if (outcome.answer != question.rule)
        std::cout << wrapped("This kernel answers otherwise than the book's rule, which says " +
                             to_string(question.rule) + ". The kernel is right about itself. The rule:");
    std::cout << wrapped(question.why);
    if (!outcome.remark.empty())
        std::cout << terminal::dim(wrapped(outcome.remark));
    std::cout << "    Read again: " << question.section << "\n\n";
}

// A terminal may have no room for a reason and the next question. False where the input has ended.
bool wait_for_reader() {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
        return true;
    std::cout << terminal::dim("Press Enter for the next question. ") << std::flush;
    std::string line;
    const bool goes_on = static_cast<bool>(std::getline(std::cin, line));
    if (line.find_first_not_of(" \t\r") != line.npos)
        std::cout << wrapped(common::quoted(line, 30) +
                             " answers nothing: the next question comes only now. Answer it at its >.");
    std::cout << '\n';
    return goes_on;
}

} // namespace

int predict(const Catalogue&, const Questions& questions) {
    const std::string chapter = questions.chapter.empty() ? "" : chapter_named(questions.chapter);
    const std::uint32_t seed = questions.seed ? *questions.seed : std::random_device{}() % 10'000;
    Questioner questioner{seed, chapter};
    std::cout << "To repeat: ./portlab predict --seed " << seed
              << (chapter.empty() ? "" : " --chapter " + chapter.substr(0, 2))
              << (questions.count == Questions{}.count ? "" : " --count " + std::to_string(questions.count))
              << "\n\nA program makes these calls, in this order, and stops at the first that fails.\n";
    if (!questions.answers)
        std::cout << "What will the kernel say? OK, or the number of that call and its error,\n"
                     "as in: 4 EADDRINUSE. Nobody else uses the ports. Ctrl-D ends.\n";
    std::cout << '\n';

    unsigned answered = 0, right = 0, surprises = 0;
    for (unsigned number = 1; number <= questions.count; ++number) {
        const Question question = questioner.next();
        show(question, number, questions.count);
        std::optional<Answer> reply;
        if (!questions.answers) {
            reply = ask(question);
            if (!reply) {
                std::cout << '\n';
                break;
            }
            ++answered;
        }
        const Outcome outcome = answer_of_kernel(question);
        const Answer expected = key(question, outcome);
        surprises += outcome.not_run.empty() && outcome.answer != question.rule ? 1 : 0;
        if (questions.answers) {
            std::cout << "Answer: " << terminal::bold(in_words(expected)) << '\n';
        } else if (*reply == expected) {
            ++right;
            std::cout << terminal::tick() << " Right: " << in_words(expected) << '\n';
        } else {
            const std::string text =
                terminal::wrapped("  You said " + in_words(*reply) + "; the answer is " + in_words(expected), 78, 4);
            std::cout << terminal::cross() << text.substr(1);
            if (reply->error != 0 && reply->error == expected.error)
                std::cout << wrapped("The error is right, the call is not.");
        }
        explain(question, outcome);
        if (!questions.answers && number < questions.count && !wait_for_reader())
            break;
    }

    if (questions.answers) {
        if (surprises > 0)
            std::cout << "This kernel answered " << surprises << " of " << questions.count
                      << " questions otherwise than the book's rules.\n";
        return surprises == 0 ? 0 : 1;
    }
    std::cout << terminal::bold(std::to_string(right) + " of " + std::to_string(answered)) << " right";
    if (answered < questions.count)
        std::cout << "; " << questions.count - answered << " not answered";
    std::cout << '\n';
    return right < answered ? 1 : answered < questions.count ? 3 : 0;
}

} // namespace loop
