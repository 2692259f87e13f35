#!/usr/bin/env bash
# The spelling of the book, British, without code, comments and names in capitals or with digits: spelling.sh FILE...
# prints FILE:LINE of each word that neither aspell nor words.txt knows, and fails where there is one.
set -uo pipefail
words=${PORTLAB_WORDS:-$(dirname "${BASH_SOURCE[0]}")/words.txt}

command -v aspell >/dev/null || { echo "needs aspell"; exit 77; }
aspell dump dicts | grep -x en_GB >/dev/null || { echo "needs aspell's dictionary en_GB (aspell-en)"; exit 77; }
LC_ALL=C sort -cu "$words" || { echo "$words is not sorted, or has a word twice"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ echo 'personal_ws-1.1 en 0 utf-8'; cat "$words"; } >"$work/words"

# Blanks what is not prose: fenced blocks, generated tables, comments, code, targets of links, names in capitals or with
# digits. The lines stay, and so do their numbers.
prose() {
    perl -0777 -pe '
        sub blank { $_[0] =~ s/[^\n]+/ /gr }
        s/^```.*?^```$/blank($&)/gmse; s/^<!-- generated:.*?(?=^$)/blank($&)/gmse;
        s/<!--.*?-->/blank($&)/gse; s/`[^`]*`/blank($&)/ge; s/^ {4}\S.*//gm;
        s/\]\([^)]*\)/]/g; s/<?https?:[^ >)]*>?//g; s/\b\w+(\.(cpp|hpp|md|env|sh|cmake|service)\b|\(\d\))//g;
        s/\b(\w*\d\w*|[A-Z][A-Z0-9_-]+)(\x27s)?\b//g' "$1"
}

status=0
for file in "$@"; do
    [ -r "$file" ] || { echo "$file: cannot be read"; status=1; continue; }
    prose "$file" >"$work/prose"
    LC_ALL=C.UTF-8 aspell list --mode=markdown --lang=en_GB --encoding=utf-8 --personal="$work/words" \
        <"$work/prose" >"$work/unknown" || { echo "$file: aspell failed"; exit 1; }
    while read -r word; do
        { grep -nF -- "$word" "$work/prose" || echo 0:; } | head -n 3 | sed -E "s|^([0-9]+):.*|$file:\1: $word|"
        status=1
    done < <(LC_ALL=C sort -u "$work/unknown")
done
[ $status = 0 ] || echo "misspelt, or to be added to tools/book/words.txt (LC_ALL=C sort)"
exit $status
