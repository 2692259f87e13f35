#!/usr/bin/env bash
# Plays every chapter: tour.sh PROGRAMS, where PROGRAMS is the folder of the built programs. Called by `./portlab tour`.
# A program is ready when it has printed its line; nothing here waits for time to pass, and every wait has an end.
set -euo pipefail
programs=$1
patience=20 # seconds
chapters=8
work=$(mktemp -d)
pids=()
clean_up() {
    local pid
    for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

chapter() { # NUMBER NAME
    if [ "$1" -gt 1 ] && [ -t 0 ] && [ -t 1 ]; then
        printf '\n%s-- a key for the next chapter, q to leave --%s' "$dim" "$plain"
        local key
        IFS= read -rsn 1 key </dev/tty || key=q
        printf '\r\e[K'
        [ "$key" != q ] || exit 0
    fi
    local done='' left='' i
    for ((i = 1; i <= chapters; i++)); do if [ "$i" -le "$1" ]; then done+='#'; else left+='.'; fi; done
    printf '\n%s[%s%s] %s of %s  %s%s\n' "$bold" "$done" "$left" "$1" "$chapters" "$2" "$plain"
}

tell() { printf '\n%s' "$*" | tr '\n' ' ' | sed 's/^ //' | fold -s -w 80 && echo; }

fail() { printf 'tour: %s\n' "$*" >&2; exit 1; }

# start SLOT [VARIABLE=VALUE ...] CHAPTER/PROGRAM [ARGUMENT ...]: a program with pipes for its streams; SLOT is 0, 1, 2 ...
start() {
    local slot=$1 settings=() in=$((20 + $1)) out=$((40 + $1))
    shift
    while [[ $1 == *=* ]]; do settings+=("$1"); shift; done
    printf '\n%s$ %s%s\n' "$bold" "${settings[*]+${settings[*]} }$*" "$plain"
    rm -f "$work/in.$slot" "$work/out.$slot"
    mkfifo "$work/in.$slot" "$work/out.$slot"
    env ${settings[@]+"${settings[@]}"} "$programs/$1" "${@:2}" <"$work/in.$slot" >"$work/out.$slot" 2>&1 &
    pids[slot]=$!
    eval "exec $in>\"\$work/in.$slot\" $out<\"\$work/out.$slot\""
}

# until_line SLOT TEXT: shows what the program prints, up to the line with TEXT, which is left in $line.
until_line() {
    while :; do
        IFS= read -r -t "$patience" -u $((40 + $1)) line || fail "\"$2\" did not come within $patience s"
        printf '  %s\n' "$line"
        [[ $line != *"$2"* ]] || return 0
    done
}

# ready SLOT: waits for the ready line; $address and $port are then the server's.
ready() {
    until_line "$1" 'listening on '
    address=${line##*listening on }
    port=${address##*:}
}

# end SLOT [SIGNAL]: Enter, or a signal; shows the rest of the output and expects status 0.
end() {
    local slot=$1 status=0
    if [ $# -gt 1 ]; then kill "-$2" "${pids[slot]}"; else printf '\n' >&$((20 + slot)) || true; fi
    while IFS= read -r -t "$patience" -u $((40 + slot)) line; do printf '  %s\n' "$line"; done
    wait "${pids[slot]}" || status=$?
    unset "pids[slot]"
    eval "exec $((20 + slot))>&- $((40 + slot))<&-"
    [ "$status" = 0 ] || fail "it ended with status $status"
}

client() { # a command, shown and run; its output is marked, and its failure does not end the tour
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@" 2>&1 | sed 's/^/  | /' || true
}

# One line from a server, read by the shell alone.
greeting_from() { # PORT
    printf '%s$ read -r line <%s%s\n' "$bold" "/dev/tcp/127.0.0.1/$1" "$plain"
    local text
    IFS= read -r -t "$patience" text <"/dev/tcp/127.0.0.1/$1" && printf '  | %s\n' "$text"
}

chapter 1 01_socket
tell 'A socket has a family, a type and a protocol, and no port yet: this is what the kernel says of four new sockets.'
start 0 01_socket/socket
until_line 0 'Press Enter'
end 0

chapter 2 02_bind
tell 'Binding gives a socket its port. TCP and UDP count their ports apart, and each refusal has its own error. The last lines
show a socket that owns its port although it does not listen.'
start 0 PORT=0 02_bind/bind
until_line 0 'Press Enter'
end 0
