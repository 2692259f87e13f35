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

expect_not_in() { ! grep -qF -- "$2" "$work/$1" || fail "std$1 has \"$2\""; }
expect_width() { [ "$(awk '{ if (length($0) > most) most = length($0) } END { print most }' "$work/out")" -le "$1" ] || fail "wider than $1 columns"; }

# A clone in which nothing is built, in a path with a space.
fresh_tree() {
    mkdir "$work/a tree"
    mkdir "$work/a tree/tools"
    cp -R "$root/portlab" "$root/chapters" "$work/a tree/"
    cp -R "$root/tools/setup" "$work/a tree/tools/" # no tools/grading/: a student's copy
    portlab="$work/a tree/portlab"
}

# One that is configured, with a cmake in PATH whose build makes a program that prints how it was called.
configured_tree() {
    fresh_tree
    mkdir -p "$work/a tree"/{build/default,common,tools/loop,tools/harness} "$work/tools"
    touch -t 200001010000 "$work/a tree/build/default/build.ninja" "$work/a tree"/{tools/loop/main,common/config,tools/harness/wait}.cpp
    cat >"$work/tools/cmake" <<'TEXT'
#!/bin/sh
mkdir -p build/default/tools/loop
[ ! -e build/default/tools/loop/portlab ] || exit 0 # a source that makes no difference
printf '#!/bin/sh\necho "called: $*"\n' >build/default/tools/loop/portlab
chmod +x build/default/tools/loop/portlab
TEXT
    chmod +x "$work/tools/cmake"
    PATH=$work/tools:$PATH
}

# Calls the script as somebody who may not write what others own: a user, or root as nobody.
call_as_nobody() {
    chmod -R go+rX "$work"
    local as=()
    if [ "$(id -u)" = 0 ]; then
        as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
        "${as[@]}" test -r "$portlab" 2>/dev/null || { echo 'needs to become another user (setpriv)'; exit 77; }
    fi
    ${as[@]+"${as[@]}"} "$portlab" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

alone_in_a_fresh_clone_it_says_how_to_begin() {
    fresh_tree
    call
    expect_status 0
    for word in 'Nothing is built yet' './portlab watch' './portlab tour 01' './portlab help' chapters/01_socket/README.md; do expect_in out "$word"; done
    expect_not_in out instructors && expect_width 80
    [ "$(wc -l <"$work/out")" -le 20 ] || fail 'it leaves no room on a terminal of 24 rows'
    call help
    expect_status 0 && expect_in out 'portlab tour' && expect_in out 08_twelve_factor && expect_not_in out 'Nothing is built' && expect_width 80
    cp "$work/out" "$work/help"
    for word in --help -h; do call $word && cmp "$work/out" "$work/help" || fail "$word is not help"; done
}

alone_in_a_built_tree_it_says_where_you_stand() {
    configured_tree
    call
    expect_status 0 && expect_in out 'called: status'
}

the_program_is_built_when_a_source_is_newer() {
    configured_tree
    call check one --two 'three four'
    expect_status 0 && expect_in out 'called: check one --two three four' && expect_in err '+ cmake --build --preset default --target loop'
    call hint
    expect_status 0 && expect_in out 'called: hint'
    [ ! -s "$work/err" ] || fail 'it was built again'
    for source in tools/loop common tools/harness; do
        touch -t 200001020000 "$work/a tree/build/default/tools/loop/portlab"
        touch -t 200001030000 "$work/a tree/$source/new.cpp"
        call who 80
        expect_in err '+ cmake --build'
        call who 80
        [ ! -s "$work/err" ] || fail 'it was built again'
        rm "$work/a tree/$source/new.cpp"
    done
}

what_cannot_be_built_is_no_verdict() {
    configured_tree
    printf '#!/bin/sh\necho "CMake Error" >&2\nexit 1\n' >"$work/tools/cmake"
    call check
    expect_status 2 && expect_in err 'CMake Error' && expect_in err 'could not be built'
}

help_has_the_commands_of_the_program() {
    call status # which builds the program
    call help
    sed -nE 's|^  \./portlab ([a-z]+).*|\1|p' "$work/out" | sort -u >"$work/of_the_script"
    (cd "$root" && build/default/tools/loop/portlab --help) >"$work/out"
    sed -nE '1,/^S(ubcommands|UBCOMMANDS):/d; s|^  ([a-z]+) .*|\1|p' "$work/out" | sort >"$work/of_the_program"
    [ -s "$work/of_the_script" ] || fail 'no commands in the help of the script'
    diff "$work/of_the_script" "$work/of_the_program" || fail 'the script (<) and the program (>) list other commands'
    completed=$(cd "$work" && mkdir -p 'a tree/tools' && cp -R "$root/portlab" 'a tree/' && cp -R "$root/tools/setup" "$root/tools/grading" "$root/tools/authors" 'a tree/tools/' && 'a tree/portlab' complete | sort)
    diff "$work/of_the_script" <(printf '%s\n' "$completed") || fail 'a fresh clone (>) completes other commands'
    for command in $(cat "$work/of_the_script"); do
        call "$command" --help
        expect_status 0 && expect_in out "./portlab $command" && expect_in out 'Example: '
        [ ! -s "$work/err" ] || fail "$command --help complains"
    done
}

wrong_use_is_named_with_a_remedy() {
    call turo
    expect_status 2 && expect_in err '"turo"' && expect_in err 'did you mean ./portlab tour?' && expect_in err ' doctor ' && expect_in err './portlab help'
    call chekc
    expect_status 2 && expect_in err 'did you mean ./portlab check?'
    call wher
    expect_status 2 && expect_in err 'did you mean ./portlab who?'
    call where # a word of the help, and no command
    expect_status 2 && expect_in err '"where" is not something I can do'
    call $'\e[2J\ax'
    expect_status 2 && expect_in err '"?[2J?x"' && expect_not_in err $'\e'
    call "$(printf 'x%.0s' {1..1000})"
    expect_status 2
    [ "$(wc -c <"$work/err")" -lt 600 ] || fail 'a long word fills the screen'
    for word in xyzzy '.*' 'tour test' -; do
        call "$word"
        expect_status 2 && expect_in err "\"$word\"" && expect_not_in err 'did you mean' && expect_in err ' doctor '
    done
    call run
    expect_status 2 && expect_in err 02_bind
    call run 99_nothing
    expect_status 2 && expect_in err '"99_nothing"' && expect_in err 02_bind
    call tour 99
    expect_status 2 && expect_in err '"99"'
    call run 02_bind/listen
    expect_status 2 && expect_in err '"listen"'
    [ ! -s "$work/out" ] || fail 'something on stdout'
}

where_nothing_can_be_written_it_names_the_folder_and_a_remedy() {
    fresh_tree
    [ "$(id -u)" = 0 ] || chmod a-w "$work/a tree"
    for command in tour test check; do
        call_as_nobody $command
        expect_status 2 && expect_in err "$work/a tree cannot be written by" && expect_in err "cp -R $work/a\\ tree ~/portlab"
        expect_not_in err '+ '
    done
    chmod u+w "$work/a tree"
}

a_build_of_somebody_else_is_named_with_a_remedy() {
    configured_tree
    call status
    touch -t 200001010000 "$work/a tree/build/default/tools/loop/portlab"
    touch "$work/a tree/tools/loop/main.cpp"
    chmod a+w "$work/a tree"
    [ "$(id -u)" = 0 ] || chmod a-w "$work/a tree/build/default/build.ninja"
    call_as_nobody status
    expect_status 2 && expect_in err "$work/a tree/build/default/build.ninja cannot be written by" && expect_in err "sudo rm -r $work/a\\ tree/build"
    # What is built already can be asked all the same, where it writes nothing.
    touch "$work/a tree/build/default/tools/loop/portlab"
    call_as_nobody status
    expect_status 0 && expect_in out 'called: status'
    call_as_nobody check
    expect_status 2
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
    for tool in bash sh dirname cat ls tr sed grep id awk mktemp rm mkdir chmod uname head; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
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
    expect_status 2 && expect_in err 'could not install them' && expect_in err '    apt-get install g++ cmake ninja-build'
    [ ! -s "$work/out" ] || fail 'something on stdout'
}

# A clone with the builder of the edition, and nothing in PATH but what the script needs.
tree_without_node() {
    fresh_tree
    cp -R "$root/tools/edition" "$work/a tree/tools/"
    mkdir "$work/tools"
    for tool in bash sh env dirname sed tr cmp mkdir cp rm id stty cat; do ln -s "$(command -v $tool)" "$work/tools/$tool"; done
}

without_node_the_book_names_the_package() {
    tree_without_node
    PATH=$work/tools call book
    expect_status 2 && expect_in err 'needs node, of the package nodejs'
    printf '#!/bin/sh\nexit 1\n' >"$work/tools/node"
    chmod +x "$work/tools/node"
    PATH=$work/tools call book --watch
    expect_status 2 && expect_in err 'needs npm, of the package npm'
    [ ! -e "$work/a tree/build" ] || fail 'it has built something'
    call book --now
    expect_status 2 && expect_in err './portlab book takes nothing, or --watch'
}

without_npms_packages_the_book_names_them() {
    tree_without_node
    for tool in node npm; do printf '#!/bin/sh\nexit 1\n' >"$work/tools/$tool"; done # a network that fails
    chmod +x "$work/tools/node" "$work/tools/npm"
    for _ in first second; do # what failed is not taken for done
        PATH=$work/tools call book
        expect_status 2 && expect_in err 'could not be installed' && expect_in err markdown-it && expect_in err @dagrejs/dagre
    done
    [ ! -e "$work/a tree/build/edition" ] || fail 'it has built something'
}

doctor_says_what_there_is() {
    call doctor
    [ "$status" = 0 ] || [ "$status" = 1 ] || fail "status $status"
    for word in cmake asio.hpp clang-format inotifywait node bwrap 'The system:' 'IPv6' 'network namespaces' "$(uname -s) $(uname -r)"; do
        expect_in out "$word"
    done
    grep -qE "cmake +$(cmake --version | sed -nE '1s/[^0-9]*([0-9.]+).*/\1/p') " "$work/out" || fail 'not the version of cmake'
    expect_width 80
    expect_not_in out "$(printf '\033')"
    [ ! -s "$work/err" ] || fail 'complaints on stderr'
}

doctor_names_what_is_missing_on_a_bare_machine() {
    bare_machine 0
    fresh_tree
    PATH=$work/bin LC_ALL=C call doctor
    expect_status 1
    grep -qE '^  x cmake +missing +cmake +nothing can be built$' "$work/out" || fail 'cmake, its package and what it is for'
    grep -qE '^  x inotifywait +missing +inotify-tools +.*polls' "$work/out" || fail 'inotifywait, its package and what it is for'
    expect_in out './portlab tour installs' && expect_width 80
    [ ! -s "$work/err" ] || fail 'complaints on stderr'
    [ ! -e "$work/calls" ] || fail "it called $(cat "$work/calls")"
    [ ! -e "$work/a tree/build" ] || fail 'it has built something'
}

doctor_knows_what_is_too_old() {
    mkdir "$work/tools"
    printf '#!/bin/sh\necho "cmake version 3.9.5"\n' >"$work/tools/cmake"
    chmod +x "$work/tools/cmake"
    PATH=$work/tools:$PATH call doctor
    expect_status 1
    grep -qE 'cmake +3\.9\.5 +cmake +3\.25 or newer is needed$' "$work/out" || fail 'an old cmake is not named'
}

# ./portlab grade refuses to start with less.
doctor_knows_the_python_of_grading() {
    [ -d "$root/tools/grading" ] || { echo "a student's copy does not grade"; exit 77; }
    mkdir "$work/tools"
    for tool in bash sh dirname cat ls tr sed grep id awk mktemp uname head stty env; do ln -s "$(command -v $tool)" "$work/tools/$tool"; done
    printf '#!/bin/sh\ncase $1 in -c) exit 1 ;; esac\necho "Python 3.10.12"\n' >"$work/tools/python3"
    chmod +x "$work/tools/python3"
    sed "s|/usr/bin/python3|$work/tools/python3|g" "$root/tools/setup/needs.bash" >"$work/needs.bash"
    fresh_tree
    cp "$work/needs.bash" "$work/a tree/tools/setup/needs.bash"
    PATH=$work/tools LC_ALL=C call doctor
    sed -n '/^For instructors:/,/^The system:/p' "$work/out" | grep -qE '^  x python3 +3\.10\.12 +[a-z0-9]+ +3\.11 or newer is needed$' || fail 'an old Python passes for grading'
    rm "$work/tools/python3"
    PATH=$work/tools LC_ALL=C call doctor
    sed -n '/^For instructors:/,/^The system:/p' "$work/out" | grep -qE '^  x python3 +missing ' || fail 'no Python passes for grading'
}

doctor_knows_what_the_system_lacks() {
    local without=$root/build/default/tests/without
    [ -x "$without" ] || { echo "needs $without to be built"; exit 77; }
    portlab=$without call ipv6 "$root/portlab" doctor
    expect_in out 'no IPv6 on loopback' && expect_in out both_families
    portlab=$without call namespaces "$root/portlab" doctor
    expect_in out 'network namespaces cannot be made'
}

doctor_has_colours_on_a_terminal_alone() {
    command -v script >/dev/null && script --version 2>/dev/null | grep -q util-linux || { echo 'needs script of util-linux'; exit 77; }
    script -qec true /dev/null >/dev/null 2>&1 </dev/null || { echo 'needs a pseudo-terminal, of which this system gives none'; exit 77; }
    on_a_terminal() { TERM=xterm "$@" script -qec "'$root/portlab' doctor" /dev/null >"$work/out" 2>"$work/err" </dev/null; }
    on_a_terminal env -u NO_COLOR
    expect_in out "$(printf '\033[3')"
    on_a_terminal env NO_COLOR=1
    expect_in out cmake && expect_not_in out "$(printf '\033[3')"
    on_a_terminal env -u NO_COLOR TERM=dumb
    expect_in out cmake && expect_not_in out "$(printf '\033[3')"
}

# What Tab finds: completed WORD... prints it for the last of the words.
expect_completed() { # EXPECTED, on one line, WORD...
    local expected=$1 found
    shift
    found=$(completed "$@" | tr '\n' ' ')
    [ "$found" = "$expected " ] || { : >>"$work/out"; : >>"$work/err"; fail "completing \"$*\" gives $found"; }
}
expect_all_completed() {
    call status # which builds the program
    cd "$root" || exit
    expect_completed check ./portlab che
    expect_completed tour ./portlab to
    expect_completed any_free_port ./portlab check any
    expect_completed 02_bind ./portlab check 02
    expect_completed 2.1 ./portlab hint 2.1
    expect_completed '--answers' ./portlab predict --an
    expect_completed 05_port_conflict ./portlab predict --chapter 05
    expect_completed 02_bind/any_free_port ./portlab run 02_bind/any
    expect_completed instruments/port_ranges ./portlab run instruments/po
    expect_completed zsh ./portlab completion z
    expect_completed 'bash zsh fish' ./portlab completion ''
}

bash_completes() {
    completed() {
        bash --norc -c 'source <("$1" completion bash); shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _portlab "$1"; printf "%s\n" "${COMPREPLY[@]}"' - "$root/portlab" "$@"
    }
    expect_all_completed
    bash --norc -c 'source <("$1" completion bash); complete -p portlab' - "$root/portlab" >/dev/null || fail 'not registered'
}

fish_completes() {
    command -v fish >/dev/null || { echo 'needs fish'; exit 77; }
    completed() { HOME=$work fish --no-config -c './portlab completion fish | source; complete -C "$argv"' -- "$*"; }
    call status
    cd "$root" || exit
    expect_completed check ./portlab che
    expect_completed any_free_port ./portlab check any
    expect_completed 05_port_conflict ./portlab predict --chapter 05
    expect_completed instruments/port_ranges ./portlab run instruments/po
    expect_completed 'bash fish zsh' ./portlab completion ''
}

# In zsh's own line editor, on a terminal of its own: keys in, screen out.
zsh_completes() {
    command -v zsh >/dev/null && command -v timeout >/dev/null || { echo 'needs zsh, and timeout'; exit 77; }
    call status
    cd "$root" || exit
    HOME=$work ZDOTDIR=$work timeout 60 zsh -f >"$work/out" 2>"$work/err" <<'TEXT'
zmodload zsh/zpty || exit 77
zpty shell 'PS1="> " TERM=dumb zsh -f -i'
zpty -w shell 'source <(./portlab completion zsh); print re""ady'
zpty -r -m shell seen '*ready*'
zpty -w -n shell $'./portlab che\tany\t'
zpty -r -m shell seen '*./portlab check *any_free_port*' && print check
zpty -w -n shell $'\x15./portlab predict --chap\t05\t'
zpty -r -m shell seen '*./portlab predict --chapter *05_port_conflict*' && print predict
zpty -d shell
TEXT
    status=$?
    expect_status 0 && expect_in out check && expect_in out predict
}

# The commands that tasks call are commands; the files are JSON.
the_files_for_editors_are_right() {
    command -v python3 >/dev/null || { echo 'needs python3'; exit 77; }
    call help
    for file in .vscode/tasks.json .vscode/extensions.json .devcontainer/devcontainer.json; do
        python3 -m json.tool "$root/$file" 2>"$work/err" >/dev/null || fail "$file is no JSON"
    done
    python3 -c 'import json, sys; [print(task["command"], task["args"][0]) for task in json.load(sys.stdin)["tasks"]]' \
        <"$root/.vscode/tasks.json" >"$work/called"
    [ -s "$work/called" ] || fail 'no tasks'
    while read -r called; do expect_in out "$called "; done <"$work/called"
}

an_editor_finds_every_exercise_from_the_first_configuration_on() {
    cmake -S "$root" -B "$work/a build" -G Ninja -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/out" 2>"$work/err" || fail 'not configured'
    cp "$work/a build/compile_commands.json" "$work/out" || fail 'no compile_commands.json'
    for file in "$root"/exercises/*/*.cpp; do
        expect_in out "\"file\": \"$file\""
    done
}

clangd_accepts_an_exercise_and_its_answer() {
    command -v clangd >/dev/null || { echo 'needs clangd'; exit 77; }
    local file
    cd "$root" || exit
    for file in {exercises,solutions}/02_bind/any_free_port.cpp; do
        [ -f $file ] || continue # a copy for students has no solutions
        XDG_CACHE_HOME=$work XDG_CONFIG_HOME=$work timeout 100 clangd --check=$file >"$work/out" 2>"$work/err" </dev/null
        status=$?
        expect_status 0 && expect_in err 'Compile command from CDB' && expect_in err ' 0 errors'
        expect_not_in err '-include-pch'
    done
}

the_tour_plays_every_chapter() {
    cd "$root" && "$3/../tools/book/book" tour "$3" chapters/*/README.md >"$work/out" 2>"$work/err" </dev/null
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
