#!/usr/bin/env bash
# Each gate fails on a tree that breaks its rule, and on the copied tree itself it does not: gates_test.sh ROOT.
set -uo pipefail
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
faults=0

mkdir "$copy/tree"
(cd "$root" && cp -R .clang-format .ci portlab chapters common exercises solutions tests tools CMakeLists.txt book.md README.md "$copy/tree/")

# plant GATE FILE TEXT: the gate must fail once TEXT stands at the end of FILE, and its report must name the file.
plant() {
    local file=$copy/tree/$2
    mkdir -p "$(dirname "$file")"
    [ ! -e "$file" ] || cp -p "$file" "$copy/before"
    printf '%b\n' "$3" >>"$file"
    judge_gate "$@"
    rm "$file"
    if [ -e "$copy/before" ]; then mv "$copy/before" "$file"; else find "$copy/tree" -type d -empty -delete; fi
}

judge_gate() { # as plant
    local report status
    report=$(bash "$root/tests/gates/gates.sh" "$1" "$copy/tree" 2>&1)
    status=$?
    [ $status != 77 ] || { echo "skipped: $report"; return; }
    if [ $status = 0 ] || [[ $report != *"${4:-$2}"* ]]; then
        echo "gate $1 with \"$3\" in $2: status $status, report: $report"
        faults=$((faults + 1))
    fi
}

plant common_has_no_socket_verb common/listener.hpp 'inline int f(int s) { return ::listen(s, 5); }'
plant common_has_no_socket_verb common/config.hpp 'class Server;'
plant common_has_no_socket_verb common/config.hpp '#include <asio.hpp>'
plant nothing_sleeps tests/chapters/late_test.cpp 'std::this_thread::sl''eep_for(1s);'
plant nothing_sleeps chapters/nap.sh 'sl''eep 1'
plant formatting_is_clean chapters/02_bind/bind.cpp 'int  x ;'
plant shell_scripts_are_clean portlab 'echo $(find . | sort)' portlab
plant grading_is_typed tools/grading/slurm.py 'def later(x): return x' grading/slurm.py

plant chapters_are_listed_everywhere chapters/99_new/README.md '# 99' 99_new
plant chapters_are_listed_everywhere CMakeLists.txt 'chapter(98_ghost)' 98_ghost
plant chapters_are_listed_everywhere book.md '## Contents\n9. [x](chapters/97_ghost/README.md): y' 97_ghost

plant programs_are_figures chapters/99_new/long.cpp "$(yes '// and so on' | head -61)" 'a figure has at most 60'
plant programs_are_figures chapters/99_new/unseen.cpp 'int main() {}' 'unseen.cpp does not stand whole'

plant exercises_are_complete chapters/02_bind/README.md '### Exercise 2.9: a ghost\n\n`exercises/02_bind/ghost.cpp` · easy' 'Exercise 2.9: a ghost'
plant exercises_are_complete solutions/02_bind/orphan.cpp '' 02_bind/orphan
plant exercises_are_complete tests/wrong/02_bind/orphan/mistake.cpp '// A mistake without an exercise.' 02_bind/orphan
plant exercises_are_complete tests/wrong/02_bind/any_free_port/unnamed.cpp 'int main() {}'
plant exercises_are_complete tests/wrong/02_bind/any_free_port/unseen.cpp '// UDP.\n// Fails: it listens' 'unseen.cpp: its head has 0 lines Seen'
plant exercises_are_complete chapters/02_bind/README.md '### Exercise 2.1: any free port\n\n`exercises/02_bind/any_free_port.cpp` · hopeless' 02_bind/any_free_port
plant exercises_are_complete tests/exercises/02_bind/any_free_port_test.cpp 'const char section[] = "Exercise 2.1: any free port";' 'its judge has its number'
plant exercises_are_complete exercises/exercises.json '[' 'exercises.json'
plant exercises_are_complete solutions/02_bind/any_free_port.cpp "$(yes 'int x;' | head -80)" 'more than 70'

plant nothing_is_left_to_write chapters/02_bind/README.md "T""O BE WRITTEN"

plant demands_are_complete tests/exercises/02_bind/any_free_port.md '| It sings. | it sings | sings_not |' 'no sings_not'
plant demands_are_complete tests/exercises/02_bind/any_free_port.md '| It sings. | - | |' 'does not say why'
plant demands_are_complete tests/exercises/02_bind/any_free_port.md '| It sings. | - | a song |' 'the statement goes on with "", the table with "Itsings."'
plant demands_are_complete tests/wrong/02_bind/any_free_port/new_mistake.cpp '// Fails: it sings' 'no row names the wrong answer new_mistake'
plant demands_are_complete tests/exercises/02_bind/any_free_port_test.cpp '// grader.check("it sings", "a song", "The choir");' 'section "The choir"'

[ $faults = 0 ] && echo 'every gate fails where it should'
