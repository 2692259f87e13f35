#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What else a machine can check of a Markdown file of the book. Comments, which a reader does not see, carry the marks:
//
//   <!-- listing: chapters/02_bind/bind.cpp -->       before a ```cpp block: its lines stand so in that file
//   <!-- difference: OLD.cpp NEW.cpp -->              before a ```diff block: it makes NEW of OLD, a file in which each
//                                                     stretch up to a line "..." stands once; without NEW, it fits OLD
//   <!-- generated: COMMAND -->                       before a table: it is what the command prints; before that line,
//                                                     <!-- needs: ipv6 -->, if it cannot be printed without IPv6
//   ... a sentence.<!-- test: NAME OF A TEST -->      the test that fails when the sentence is false
//   ... a sentence.<!-- untested: why -->             no test of ours can show it, for this reason
//   ... a sentence.<!-- definition -->                it says what a word means
//   ... a sentence.<!-- source: RFC 9293, 3.5 -->     it reports what is written there
namespace book {

/// A fault, with its FILE:LINE.
using Faults = std::vector<std::string>;

/// The file has this text, whole, or what it had: it is written under another name and renamed. Mismatch where it
/// cannot be written.
void write_whole(const std::string& path, const std::string& text);

/// Listings that do not stand in their file, cpp blocks without a mark, blocks of a kind that nobody checks.
Faults check_listings(const std::string& root, const std::string& path);

/// Tables that are not what their command prints. With `rewrite`, the file gets what it prints,
/// and only a command that fails is a fault. Unavailable where no
/// table is at fault, and one needs what this machine lacks.
Faults check_tables(const std::string& root, const std::string& path, const std::string& programs, bool rewrite);

/// Links to files or headings that do not exist, pictures without alternative text.
Faults check_links(const std::string& root, const std::string& path);

/// Entries of the sections "## Glossary" and "## Index", such as `- **port**: a number.
/// [2](chapters/02_bind/README.md)`, that lead nowhere, or to a file in which their term does not occur.
Faults check_terms(const std::string& root, const std::string& path);

struct Claims {
    Faults faults; ///< Marks that name no test, and comments that are no mark.
    /// Sentences with a mark, by its kind: test, untested, definition, source.
    std::map<std::string, std::size_t> marks{};
    std::size_t sections = 0; ///< Sections (## headings) that state behaviour.
    std::size_t covered = 0;  ///< Those with a mark, a transcript, a listing or a generated table.
    std::vector<std::string> uncovered{};
};

/// The marks of a file against the names of all tests.
Claims check_claims(const std::string& root, const std::string& path, const std::set<std::string>& tests);

} // namespace book
