#!/usr/bin/env bash
# What ./portlab predict promises: predict_test.sh CASE ROOT PROGRAM WITHOUT runs one case, a function below. PROGRAM is what
# ./portlab builds, WITHOUT runs a command as on a machine that lacks something.
set -uo pipefail
case=$1 root=$2 portlab=$3 without=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root" || exit 1

# The place of a section is one word, which is not broken.
long_lines() { LC_ALL=C.UTF-8 awk 'length($0) > 80 && !/^ +Read again: [^ ]+$/' "$1"; }
fail() { echo "FAILED: $*"; echo "--- stdout"; head -60 "$work/out"; echo "--- stderr"; cat "$work/err"; exit 1; }
# The standard input is that of the caller.
predict() { "$portlab" predict "$@" >"$work/out" 2>"$work/err"; status=$?; }
# The same questions with their answers, which `right` and `wrong` take from here.
answers() { predict --answers "$@" </dev/null; cp "$work/out" "$work/key"; }
expect_status() { [ "$status" = "$1" ] || fail "status $status, expected $1"; }
expect_in() { grep -qF -- "$2" "$work/$1" || fail "std$1 lacks \"$2\""; }

# Each answer as a student would write it, and its opposite.
right() { sed -nE 's/^Answer: (OK|[0-9]+ [A-Z]+).*/\1/p' "$work/key"; }
wrong() { right | sed -E 's/^OK$/1 EINVAL/; t; s/.*/OK/'; }
questions() { grep -E '^Question|^ +[0-9]+  ' "$work/$1"; }

the_rules_are_this_kernels_answers() { # each kind of question comes once in any 30
    local chapter
    answers --seed 1 --count 100
    expect_status 0
    [ "$(right | wc -l)" = 100 ] || fail "$(right | wc -l) answers to 100 questions"
    expect_in out AF_INET6
    if unshare -n true 2>/dev/null || unshare -rn true 2>/dev/null; then
        grep 'no network namespace' "$work/out" && fail 'it can have a network namespace, and took none'
    fi
    for chapter in 01 2 03_listen_accept client_port 05 7; do
        answers --seed 4 --chapter $chapter --count 20
        expect_status 0
        [ "$(grep -cE "^Question [0-9]+ of 20, chapter ${chapter//[^1-7]/}" "$work/out")" = 20 ] || fail "not 20 on chapter $chapter"
    done
}

two_of_five_answers_are_ok() {
    local seed ok=0
    for seed in 5 6 7; do
        answers --seed $seed --count 100
        ok=$((ok + $(right | grep -cx OK)))
    done
    { [ $ok -ge 105 ] && [ $ok -le 150 ]; } || fail "$ok of 300 are OK: 35 to 50 of 100 keep both worth a thought"
}

# A library's own distributions, or two draws among the arguments of one call, would make this differ between compilers.
the_same_seed_gives_the_same_questions_everywhere() {
    answers --seed 7 --count 20
    cp "$work/out" "$work/first"
    answers --seed 7 --count 20
    cmp "$work/first" "$work/out" || fail 'the second time it is another text'
    answers --seed 8 --count 20
    cmp -s <(questions out) <(questions first) && fail 'another seed gives the same questions'
    answers --seed 7 --count 100
    local sum
    sum=$(questions out | cksum)
    [ "$sum" = "1791066382 26234" ] ||
        fail "the questions of seed 7 are others than those that were recorded: $sum. If tools/loop/questions.cpp was to change them, record this"
}

right_answers_are_right() {
    answers --seed 7 --chapter 05
    predict --seed 7 --chapter 05 < <(right)
    expect_status 0 && expect_in out '5 of 5 right' && expect_in out 'predict --seed 7 --chapter 05'
    answers --seed 7 --count 12
    predict --seed 7 --count 12 < <(right | awk '{ print NR % 2 ? tolower($0) : $2 ", " $1 }' | sed 's/^, OK$/Ok/')
    expect_status 0 && expect_in out '12 of 12 right'
    answers --seed 7 --chapter 03 --count 40 # EAGAIN has a second name
    right | grep -q EAGAIN || fail 'no EAGAIN among 40 questions'
    predict --seed 7 --chapter 03 --count 40 < <(right | sed 's/EAGAIN/EWOULDBLOCK/')
    expect_status 0 && expect_in out '40 of 40 right'
}

wrong_answers_are_wrong() {
    answers --seed 7 --count 12
    predict --seed 7 --count 12 < <(wrong)
    expect_status 1 && expect_in out '0 of 12 right'
    answers --seed 7 --chapter 03 --count 6
    predict --seed 7 --chapter 03 --count 6 < <({ right | head -5; wrong | tail -1; })
    expect_status 1 && expect_in out '5 of 6 right'
    answers --seed 7 --count 12
    predict --seed 7 --count 12 < <(right | sed -E 's/^[0-9]+/1/')
    expect_in out 'The error is right, the call is not.'
}

what_cannot_be_read_is_asked_again() {
    answers --seed 7 --count 1
    predict --seed 7 --count 1 < <(printf '%s\n' '' hello '4 5' 'EINVAL EINVAL' '0 EINVAL' '99 EINVAL' eaddrinuse '1 EADRINUSE' '-1 EINVAL' '1x EINVAL' 'OK OK'; right)
    expect_status 0
    expect_in out '1 of 1 right'
    expect_in out 'as in: 4 EADDRINUSE'
    expect_in out 'There is no call 99'
    expect_in out 'from which call?'
    expect_in out 'did you mean EADDRINUSE?'
}

what_cannot_be_read_is_answered_fittingly() {
    answers --seed 7 --count 1
    while IFS='|' read -r typed answer; do
        predict --seed 7 --count 1 < <(printf '%s\n' "$typed"; right)
        tr -s ' \n' ' ' <"$work/out" >"$work/line"
        grep -qF -- "$answer" "$work/line" || fail "\"$typed\" is not answered with \"$answer\""
        expect_in out '1 of 1 right'
    done <<'TEXT'
1|Call 1 fails with which error? As in: 1 EADDRINUSE
EINVAL|EINVAL from which call? With its number, as in: 4 EINVAL
1 EFOO|EFOO is no error
1 EXDEV|EXDEV is an error, but none of those
1 OK|OK alone says that no call fails
1 98|its name is wanted, not a number
EINVAL EACCES|One error, please
1 2 EINVAL|more than a call and an error
99|There is no call 99
99999999999999999999 EINVAL|There is no call 99999
|Nothing is no answer
yes|"yes" is no answer
TEXT
    answers --seed 7 --count 12
    predict --seed 7 --count 12 < <(wrong)
    while read -r said; do expect_in out "You said $said"; done < <(wrong)
}

the_end_of_the_input_ends_the_questions() {
    predict --seed 7 </dev/null
    expect_status 3 && expect_in out '0 of 0 right; 5 not answered'
    answers --seed 7
    predict --seed 7 < <(right | head -2)
    expect_status 3 && expect_in out '2 of 2 right; 3 not answered'
    answers --seed 7
    predict --seed 7 < <(wrong | head -2)
    expect_status 1 && expect_in out '0 of 2 right; 3 not answered'
    answers --seed 7 --count 2
    predict --seed 7 --count 2 < <(right | head -c -1) # the last line has no end
    expect_status 0 && expect_in out '2 of 2 right'
}

without_a_seed_it_draws_one_and_says_so() {
    answers
    expect_status 0
    local seed
    seed=$(sed -nE 's/^To repeat: .* --seed ([0-9]+)$/\1/p' "$work/out")
    cp "$work/out" "$work/first"
    answers --seed "$seed"
    cmp "$work/first" "$work/out" || fail "seed $seed draws other questions"
}

wrong_use_is_named_with_a_remedy() {
    answers --chapter 06
    expect_status 2 && expect_in err 'no questions on chapter "06"' && expect_in err 05_port_conflict
    answers --chapter 1_socket
    expect_status 2
    answers --count 0
    expect_status 2
    answers --seed twelve
    expect_status 2 && expect_in err twelve
}

# One call is made to fail, as no kernel does it: what it answers counts, for the student as well.
the_kernel_is_the_key() {
    strace -o /dev/null true 2>/dev/null || { echo 'needs strace'; exit 77; }
    local -x ASAN_OPTIONS=detect_leaks=0 # which cannot be done under strace
    local strange=(strace -f -qq -o /dev/null -e inject=listen:error=EACCES "$portlab" predict --seed 7 --chapter 03 --count 6)
    "${strange[@]}" --answers >"$work/out" 2>"$work/err" </dev/null
    status=$?
    cp "$work/out" "$work/key"
    expect_status 1 && expect_in out 'EACCES' && expect_in out "otherwise than the book's rule" && expect_in out 'questions otherwise'
    [ -z "$(long_lines "$work/out")" ] || fail 'lines of more than 80 columns'
    "${strange[@]}" >"$work/out" 2>"$work/err" < <(right)
    status=$?
    expect_status 0 && expect_in out '6 of 6 right'
}

where_namespaces_are_missing_it_says_which_ports_it_took() {
    answers --seed 7 --count 60
    "$without" namespaces "$portlab" predict --answers --seed 7 --count 60 >"$work/out" 2>"$work/err"
    status=$?
    expect_status 0 && expect_in out 'no network namespace' && expect_in out ' stood for '
    cmp <(grep ^Answer "$work/key") <(grep ^Answer "$work/out") || fail 'other answers'
}

where_ipv6_is_missing_the_answer_is_the_books() {
    answers --seed 7 --count 100
    "$without" ipv6 "$portlab" predict --answers --seed 7 --count 100 >"$work/out" 2>"$work/err"
    status=$?
    expect_status 0 && expect_in out 'Not run: this machine has no IPv6'
    cmp <(questions key; grep ^Answer "$work/key") <(questions out; grep ^Answer "$work/out") || fail 'other questions or answers'
}

each_explanation_leads_to_a_section_that_exists() {
    local file section seed
    for seed in 7 8 9; do # each kind of question ten times, with the sections that only some of its answers name
        answers --seed $seed --count 100
        sed -nE 's/^ +Read again: //p' "$work/out"
    done | sort -u >"$work/sections"
    [ -s "$work/sections" ] || fail 'no section'
    while read -r section; do
        file=${section%#*}
        sed -nE 's/^#+ //p' "$file" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9\n-' | grep -qx -- "${section#*#}" || fail "no $section"
    done <"$work/sections"
}

a_line_fits_a_terminal() {
    answers --seed 7 --count 40
    {
        "$portlab" predict --answers --seed 4294967295 --count 40 --chapter 05
        "$without" namespaces "$portlab" predict --seed 7 --count 40 < <(wrong)
        "$without" ipv6 "$portlab" predict --seed 7 --count 40 < <(right | sed -E 's/^[0-9]+/1/')
    } >"$work/lines"
    [ -z "$(long_lines "$work/lines")" ] || fail "lines of more than 80 columns: $(long_lines "$work/lines")"
}

"$case"
