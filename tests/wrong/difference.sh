#!/usr/bin/env bash
# difference.sh tests/wrong/CHAPTER/EXERCISE/MISTAKE.cpp...: turns whole wrong answers, whose first lines say `// the mistake`,
# `// Fails: ` and `// Seen: `, into differences from the model answer, MISTAKE.diff, which is how they are kept. With --whole
# MISTAKE.diff... it writes the whole program beside the difference, to be edited and turned back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1-}" = --whole ]; then
    shift
    for difference in "$@"; do
        exercise=$(basename "$(dirname "$(dirname "$difference")")")/$(basename "$(dirname "$difference")")
        whole=${difference%.diff}.cpp
        sed '/^--- /,$d; s|^|// |' "$difference" >"$whole"
        patch --silent --force --reject-file=- --output=- "solutions/$exercise.cpp" "$difference" >>"$whole"
        rm "$difference"
    done
    exit
fi
for whole in "$@"; do
    exercise=$(basename "$(dirname "$(dirname "$whole")")")/$(basename "$(dirname "$whole")")
    grep -q '^// Seen: ' "$whole" || { echo "$whole: its head has no line \"// Seen: ...\"" >&2; exit 2; }
    {
        sed -n '1,/^\/\/ Seen: /s|^// ||p' "$whole"
        sed '1,/^\/\/ Seen: /d' "$whole" |
            diff -U1 --label "solutions/$exercise.cpp" --label "$(basename "$whole")" "solutions/$exercise.cpp" - || [ $? = 1 ]
    } >"${whole%.cpp}.diff"
    rm "$whole"
done
