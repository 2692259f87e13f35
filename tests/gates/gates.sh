#!/usr/bin/env bash
# The rules of the house, each a test: gates.sh NAME ROOT prints what breaks the rule NAME in the tree ROOT and fails.
set -uo pipefail

# A grep whose hits are faults.
must_not_match() { # WHAT PATTERN FOLDER...
    local what=$1 pattern=$2
    shift 2
    if grep -rnE --include='*.?pp' --include='*.sh' "$pattern" "$@" 2>/dev/null; then
        echo "$what"
        return 1
    fi
}

common_has_no_socket_verb() {
    must_not_match 'common/ hides a socket call: it belongs in the chapter, in plain sight' \
        '\b(bind|listen|accept|connect|open|set_option|setsockopt|async_[a-z_]+)\(|\bsocket\((AF_INET|PF_INET)|asio' common &&
        must_not_match 'common/ holds a wrapper around the act itself' \
            '\b(Server|make_listener|bind_or_die|find_free_port)\b' common
}

nothing_sleeps() {
    must_not_match 'readiness comes from output or from the kernel, never from time' \
        '([s]leep_for|[s]leep_until|[u]sleep|[n]anosleep|(^|[^a-z_])[s]leep[ (])' tests chapters common
}

formatting_is_clean() {
    local formatter=${CLANG_FORMAT:-clang-format}
    command -v "$formatter" >/dev/null || { echo "needs clang-format"; return 77; }
    find chapters common exercises solutions tests cmake bench -name '*.?pp' -print0 | xargs -0 "$formatter" --dry-run --Werror
}

chapters_are_listed_everywhere() {
    local folders build book
    folders=$(cd chapters && ls -d [0-9]*/ | tr -d /)
    build=$(sed -nE 's/^chapter\(([0-9a-z_]+).*/\1/p' CMakeLists.txt)
    book=$(sed -n '/^## Contents/,/^## [^C]/p' book.md | sed -nE 's|^[0-9]+\. \[.*\]\(chapters/([0-9a-z_]+)/README\.md\).*|\1|p')
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

cd "$2" && "$1"
