#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace grader {

/// What a judge has found.
struct Verdict {
    std::string exercise;              ///< 02_bind/any_free_port
    std::string verdict;               ///< right, wrong, not started, not judged
    std::vector<std::string> checks{}; ///< That were begun, in order; all but a failed one, the last, have held.
    struct Failed {
        std::string check, expected, observed, section;
    };
    std::optional<Failed> failed{};
    std::vector<std::string> not_tried{}; ///< What this machine lacks.
    std::string story{};                  ///< What the judge prints.
    std::chrono::duration<double> took{};
};

/// Writes it as JSON, one key a line, in UTF-8 whatever the program under judgement printed. The file is whole at every
/// moment: it is written under another name and renamed. Throws std::filesystem::filesystem_error.
void write(const Verdict& verdict, const std::filesystem::path& file);

} // namespace grader
