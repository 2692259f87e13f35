#!/usr/bin/env bash
# The spelling check finds what it must find, with its line, and nothing else.
set -uo pipefail
check=$(dirname "${BASH_SOURCE[0]}")/../../tools/book/spelling.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

spelling() { # TEXT WORDS: the report and the status
    printf '%b' "$1" >"$work/page.md"
    printf '%b' "$2" >"$work/words"
    report=$(PORTLAB_WORDS=$work/words bash "$check" "$work/page.md" 2>&1)
    status=$?
    [ $status != 77 ] || { echo "skipped: $report"; exit 77; }
}
expect() { # STATUS TEXT
    if [ $status != "$1" ] || [[ $report != *"$2"* ]]; then
        echo "expected status $1 and \"$2\"; status $status, report: $report"
        faults=$((faults + 1))
    fi
}

spelling 'It receives.\n' '' && expect 0 ''
spelling 'It is\nhere. You recieve it.\n' '' && expect 1 'page.md:2: recieve'
spelling 'The color of it.\n' '' && expect 1 'page.md:1: color'
spelling '| a | recieve |\n|---|---|\n- *recieve*\n' '' && expect 1 'page.md:3: recieve'
spelling 'A portlab.\n' '' && expect 1 'page.md:1: portlab'
spelling 'A portlab.\n' 'portlab\n' && expect 0 ''
spelling 'One.\n' 'b\na\n' && expect 1 'is not sorted'
spelling 'A `recieve` [here](recieve.md).<!-- recieve -->\n\n```cpp\nrecieve\n```\n\nEADDRINUSE, IPv4.\n' '' && expect 0 ''
spelling 'A `code that\ngoes on`.\n\nIt recieves.\n' '' && expect 1 'page.md:4: recieves'

[ $faults = 0 ] && echo 'the spelling check fails where it should'
