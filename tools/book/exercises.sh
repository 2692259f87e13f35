#!/usr/bin/env bash
# The exercises of all chapters as the rows of a Markdown table, from the line under the title of each.
awk -F ' · ' '
    BEGIN { print "| exercise | level | minutes | points | kind |"; print "|---|---|---|---|---|" }
    /^### Exercise / { title = substr($0, 14); heading = tolower(substr($0, 5)); gsub(/[^a-z0-9 -]/, "", heading); gsub(/ /, "-", heading) }
    /^`exercises\// { sub(/ minutes/, "", $3); sub(/ points/, "", $4); total += $4; n++
        printf "| [%s](%s#%s) | %s | %s | %s | %s |\n", title, FILENAME, heading, $2, $3, $4, $5 }
    END { printf "| %d exercises | | | %d | |\n", n, total }' chapters/*/README.md
