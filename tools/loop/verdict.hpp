#pragma once

#include "tools/judge/verdict.hpp"

#include <filesystem>
#include <optional>

namespace loop {

/// What a judge has written there; nothing where there is no such file, or something else in it.
std::optional<grader::Verdict> read_verdict(const std::filesystem::path& file);

} // namespace loop
