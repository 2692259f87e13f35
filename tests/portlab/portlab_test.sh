#!/usr/bin/env bash
# What ./portlab promises: portlab_test.sh CASE ROOT runs one case, a function below, against the script in ROOT.
set -uo pipefail
case=$1
root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
portlab=$root/portlab

fail() { echo "FAILED: $*"; echo "--- stdout"; cat "$work/out"; echo "--- stderr"; cat "$work/err"; exit 1; }
call() { "$portlab" "$@" >"$work/out" 2>"$work/err" </dev/null; status=$?; }
expect_status() { [ "$status" = "$1" ] || fail "status $status, expected $1"; }
expect_in() { grep -qF -- "$2" "$work/$1" || fail "std$1 lacks \"$2\""; }

alone_it_says_what_it_can_do() {
    call
    expect_status 0
    for word in 'portlab tour' 'portlab test' 'portlab run' 01_socket 08_twelve_factor; do expect_in out "$word"; done
}

wrong_use_is_named_with_a_remedy() {
    call turo
    expect_status 1 && expect_in err '"turo"' && expect_in err './portlab alone'
    call run
    expect_status 1 && expect_in err 02_bind
    call run 09_nothing
    expect_status 1 && expect_in err '"09_nothing"' && expect_in err 02_bind
    call tour 09
    expect_status 1 && expect_in err '"09"'
    call run 02_bind/listen
    expect_status 1 && expect_in err '"listen"'
}

run_keeps_stdout_and_the_exit_status_for_the_program() {
    call run 01_socket
    expect_status 0 && expect_in err '+ cmake --build --preset default --target 01_socket'
    [ "$(head -c 10 "$work/out")" = descriptor ] || fail 'stdout does not begin with what the program prints'
    PORT=80abc call run 02_bind
    expect_status 78 && expect_in err 'PORT="80abc"'
    [ ! -s "$work/out" ] || fail 'something of its own on stdout'
}

run_passes_signals_and_input_on() {
    mkfifo "$work/in" "$work/lines"
    "$portlab" run 01_socket <"$work/in" >"$work/lines" 2>"$work/err" &
    local pid=$! line
    exec 5>"$work/in" 6<"$work/lines"
    until [[ ${line-} == *'Press Enter'* ]]; do read -r -t 60 -u 6 line || fail 'no line from the program'; done
    kill -TERM $pid
    wait $pid
    status=$? && : >"$work/out"
    expect_status 0
}

# A machine on which the tools are missing: PATH holds what the script itself needs, and an apt-get that refuses.
bare_machine() { # STATUS of apt-get
    mkdir "$work/bin"
    for tool in bash sh dirname cat ls tr sed grep id awk mktemp rm mkdir chmod; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
    printf '#!/bin/sh\necho "apt-get $*" >>"%s/calls"\nexit %s\n' "$work" "$1" >"$work/bin/apt-get"
    printf '#!/bin/sh\necho "  Candidate: 3.7.1"\n' >"$work/bin/apt-cache"
    printf '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n' >"$work/bin/sudo"
    chmod +x "$work"/bin/apt-* "$work/bin/sudo"
}

what_is_missing_is_named_before_it_is_installed() {
    bare_machine 0
    PATH=$work/bin call tour # ends without cmake, which this apt-get did not bring
    expect_in err 'to be installed, with apt-get install: g++ cmake ninja-build'
    grep -q 'apt-get install .*cmake' "$work/calls" || fail "apt-get was called so: $(cat "$work/calls")"
}

where_it_may_not_install_it_names_the_packages_and_stops() {
    bare_machine 100
    PATH=$work/bin call tour
    expect_status 1 && expect_in err 'could not install them' && expect_in err '    apt-get install g++ cmake ninja-build'
    [ ! -s "$work/out" ] || fail 'something on stdout'
}

the_tour_plays_every_chapter() {
    cd "$root" && "$3/../tests/book/book" tour "$3" chapters/*/README.md >"$work/out" 2>"$work/err" </dev/null
    status=$?
    expect_status 0
    if grep '^skipped: ' "$work/out"; then exit 77; fi # not every transcript can be played on this machine
    for text in "$root"/chapters/*/README.md; do
        expect_in out "$(head -n 1 "$text" | tr -d '#')"
        expect_in out "$(grep -m 1 '^\$ ' "$text")" # its first command
    done
    [ ! -s "$work/err" ] || fail 'complaints on stderr'
}

"$case" "$@"
