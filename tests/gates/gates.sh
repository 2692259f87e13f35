#!/usr/bin/env bash
# The rules of the house, each a test: gates.sh NAME ROOT prints what breaks the rule NAME in the tree ROOT and fails.
set -uo pipefail

# A grep whose hits are faults.
must_not_match() { # WHAT PATTERN FOLDER...
    local what=$1 pattern=$2 hits
    shift 2
    hits=$(grep -rnE --include='*.?pp' --include='*.sh' "$pattern" "$@" 2>/dev/null)
    [ -z "$hits" ] || { printf '%s\n' "$hits" "$what"; return 1; }
}

common_has_no_socket_verb() {
    must_not_match 'common/ hides a socket call: it belongs in the chapter, in plain sight' \
        '\b(bind|listen|accept|connect|open|set_option|setsockopt|async_[a-z_]+)\(|\bsocket\((AF_INET|PF_INET)|asio' common &&
        must_not_match 'common/ holds a wrapper around the act itself' \
            '\b(Server|make_listener|bind_or_die|find_free_port)\b' common
}

nothing_sleeps() {
    must_not_match 'readiness comes from output or from the kernel, never from time' \
        '([s]leep_for|[s]leep_until|[u]sleep|[n]anosleep|(^|[^a-z_])[s]leep[ (])' tests chapters common tools
}

formatting_is_clean() {
    local formatter=${CLANG_FORMAT:-clang-format}
    command -v "$formatter" >/dev/null || { echo "needs clang-format"; return 77; }
    local folder folders=() # of which a copy for students has not all
    for folder in chapters common exercises solutions tests tools; do
        [ ! -d $folder ] || folders+=("$folder")
    done
    find "${folders[@]}" -name '*.?pp' -print0 | xargs -0 "$formatter" --dry-run --Werror
}

shell_scripts_are_clean() {
    command -v shellcheck >/dev/null || { echo 'needs shellcheck'; return 77; }
    local scripts
    mapfile -t scripts < <(find portlab .ci tests tools chapters -type f ! -path '*/__pycache__/*' -exec awk '
        FNR == 1 && (/^#!.*sh$/ || /^# shellcheck shell=/) { print FILENAME } { nextfile }' {} +)
    [ ${#scripts[@]} -gt 5 ] || { echo 'no scripts found'; return 1; }
    shellcheck --severity=warning --external-sources "${scripts[@]}"
}

grading_is_typed() {
    [ -d tools/grading ] || { echo 'needs the kit, which a copy for students does not have'; return 77; }
    command -v mypy >/dev/null || { echo 'needs mypy'; return 77; }
    (cd tools && mypy --strict --cache-dir=/dev/null -p grading -p book -p authors)
}

chapters_are_listed_everywhere() {
    local folders build book
    folders=$(cd chapters && LC_ALL=C ls -d [0-9A-Z]*_*/ | tr -d /) # an appendix begins with a letter
    build=$(sed -nE 's/^chapter\(([0-9A-Za-z_]+).*/\1/p' CMakeLists.txt)
    book=$(sed -n '/^## Contents/,/^## [^C]/p' book.md | sed -nE 's#^([0-9]+\.|-) \[.*\]\(chapters/([0-9A-Za-z_]+)/README\.md\).*#\2#p')
    diff <(echo "$folders") <(echo "$build") >&2 || { echo 'the folders of chapters/ (<) and CMakeLists.txt (>) differ'; return 1; }
    diff <(echo "$folders") <(echo "$book") >&2 || { echo 'the folders of chapters/ (<) and the contents of book.md (>) differ'; return 1; }
    local chapter status=0
    for chapter in $folders; do
        for file in "chapters/$chapter/README.md" "tests/chapters/${chapter}_test.cpp" "tests/wrong/$chapter.cmake"; do
            [ -f "$file" ] || { echo "missing: $file"; status=1; }
        done
        [ "$(grep -cE '^wrong\(' "tests/wrong/$chapter.cmake")" -ge 2 ] ||
            { echo "tests/wrong/$chapter.cmake: fewer than two wrong variants"; status=1; }
        [ "$(grep -c "chapters/$chapter/" README.md)" -ge 1 ] || { echo "README.md does not mention $chapter"; status=1; }
    done
    return $status
}

# A chapter's program is a figure: it fits a screen, and stands whole in the chapter's text, in one piece or as a
# difference from one that does. An appendix, whose name begins with a letter, has what outgrew its figure.
programs_are_figures() {
    local file chapter status=0
    fault() { echo "$*"; status=1; }
    for file in chapters/[0-9]*/*.?pp; do
        chapter=$(basename "$(dirname "$file")")
        [ "$(wc -l <"$file")" -le 60 ] || fault "$file: $(wc -l <"$file") lines, and a figure has at most 60"
        awk -v mark="<!-- listing: $file -->" -v program="$file" '
            BEGIN { while ((getline line < program) > 0) whole = whole line "\n" }
            inside && /^```$/ { inside = 0; found = found || shown == whole }
            inside { shown = shown $0 "\n" }
            marked && /^```cpp$/ { inside = 1; shown = "" }
            { marked = $0 == mark }
            $0 ~ "^<!-- difference: [^ ]+ " program " -->$" { found = 1 } # which the machine of the book applies
            END { exit !found }' "chapters/$chapter/README.md" ||
            fault "$file does not stand whole in chapters/$chapter/README.md, after <!-- listing: $file -->"
    done
    return $status
}

# An exercise has a stub, a solution, a judge, five wrong answers or more, and in its chapter's text an example run and three
# hints; and no file belongs to none. Only its author's tree has solutions: a student's copy is not judged.
exercises_are_complete() {
    [ -d solutions ] || { echo 'needs the solutions, which a student has not got'; return 77; }
    command -v python3 >/dev/null || { echo 'needs python3'; return 77; }
    local status=0 exercise file
    fault() { echo "$*"; status=1; }
    local exercises
    exercises=$(python3 tools/book/exercises.py paths) || return 1
    for exercise in $exercises; do
        for file in "exercises/$exercise.cpp" "solutions/$exercise.cpp" "tests/exercises/${exercise}_test.cpp"; do
            [ -f "$file" ] || fault "missing: $file"
        done
        grep -q '^ *begin_here();' "exercises/$exercise.cpp" || fault "exercises/$exercise.cpp does not say begin_here()"
        [ "$(find "tests/wrong/$exercise" -name '*.cpp' -o -name '*.diff' | wc -l)" -ge 5 ] || fault "tests/wrong/$exercise: fewer than five wrong answers"
    done
    python3 tests/gates/statements.py . || status=1
    # In the head of each wrong answer the mistake, in words, and once each the check that it fails and what is seen.
    local wrong
    mapfile -t wrong < <(find tests/wrong -mindepth 3 -type f)
    awk 'function fault(what) { print file ": its head " what; bad = 1 }
        function judge() {
            if (!file) return
            if (!named) fault("does not begin with the mistake, in a sentence")
            if (fails != 1) fault("has " fails " lines Fails: ..., and must have one")
            if (seen != 1) fault("has " seen " lines Seen: ..., and must have one")
        }
        FNR == 1 { judge(); file = FILENAME; fails = seen = 0; head = 1; named = / .*[.]$/ }
        /^(--- |#)/ { head = 0 }
        head && /^(\/\/ )?Fails: ./ { fails++ }
        head && /^(\/\/ )?Seen: ./ { seen++ }
        END { judge(); exit bad }' "${wrong[@]}" || status=1
    # Every file belongs to an exercise. A header belongs to its chapter.
    diff <(find exercises solutions tests/exercises -mindepth 2 -type f ! -name '*.hpp' | sed -E 's!^(tests/)?(exercises|solutions)/!!; s!(_test)?\.[a-z]+$!!' | sort -u) \
        <(sort -u <<<"$exercises") || { echo 'files (<) and exercises of exercises/exercises.json (>) differ'; status=1; }
    diff <(find tests/wrong -mindepth 2 -type d | sed 's!^tests/wrong/!!' | sort) <(sort -u <<<"$exercises") ||
        { echo 'folders of wrong answers (<) and exercises of exercises/exercises.json (>) differ'; status=1; }
    return $status
}

# What ./portlab new leaves to its author has been written.
nothing_is_left_to_write() {
    local hits
    hits=$(grep -rn '[T]O BE WRITTEN' chapters exercises solutions tests README.md book.md)
    [ -z "$hits" ] || { printf '%s\n' "$hits"; return 1; }
}

# Each sentence of a statement is asked for by a check, and each check rejects a wrong answer.
demands_are_complete() {
    [ -d solutions ] || { echo 'needs the wrong answers, which a copy for students does not have'; return 77; }
    command -v python3 >/dev/null || { echo 'needs python3'; return 77; }
    python3 tests/gates/demands.py .
}

cd "$2" && "$1"
