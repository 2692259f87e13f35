// A file of NAME=VALUE lines that Docker's --env-file and systemd's EnvironmentFile= read alike.
//
// The two formats look the same and differ in quotes, backslashes, spaces and comments. This reader takes what means
// the same to both, and refuses every other line with the reason: a file that it accepts may be handed to either.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace common {

struct EnvLine {
    std::string place; ///< FILE:LINE, fit for a terminal.
    std::string name, value;
};

/// The assignments in `text`, in order: of two with one name the later counts, for both programs. `file` names the text
/// in the ConfigError that a refused line causes: FILE:LINE: the line: why.
std::vector<EnvLine> parse_env_file(const std::string& file, std::string_view text);

/// The assignments in the file `path`, which has at most a mebibyte: whoever names a longer one has named the wrong
/// file. `setting` is where the path comes from, and begins the ConfigError if the file cannot be read.
std::vector<EnvLine> read_env_file(const std::string& setting, const std::string& path);

} // namespace common
