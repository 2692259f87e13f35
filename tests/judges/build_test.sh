#!/usr/bin/env bash
# tools/cmake/build.cmake, which builds an exercise before it is judged: build_test.sh SOURCE_DIR, on a small tree of its own.
set -uo pipefail
source_dir=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "$*"; exit 1; }

mkdir "$scratch/tree"
cat >"$scratch/tree/CMakeLists.txt" <<'TREE'
cmake_minimum_required(VERSION 3.25)
project(tree LANGUAGES CXX)
add_executable(good EXCLUDE_FROM_ALL good.cpp)
add_executable(broken EXCLUDE_FROM_ALL broken.cpp)
TREE
echo 'int main() {}' >"$scratch/tree/good.cpp"
echo 'int main() { return no_such_name; }' >"$scratch/tree/broken.cpp"
cmake -S "$scratch/tree" -B "$scratch/build" -G Ninja >/dev/null || fail 'cannot configure'
build() { cmake -P "$source_dir/tools/cmake/build.cmake" "$scratch/build" "$@" 2>&1; }

report=$(build broken) && fail 'what does not compile is built'
[[ $report == 'it does not compile:'* ]] || fail "something stands before the compiler's words: $report"
[[ $report == *broken.cpp:1:*no_such_name* ]] || fail "the compiler's words are missing: $report"
[[ $report != *FAILED* && $report != *'broken.dir'* ]] || fail "there is more than the compiler's words: $report"

# A line of the source is the compiler's words as well, even if it looks like a command or like ninja's own words.
printf '%s\n' 'int main(int count, char**) {' 'int total = 1, left = total/count++ -nonsense; }' 'int ninja: x; // [1/2]' >"$scratch/tree/broken.cpp"
report=$(build broken) && fail 'what does not compile is built'
[[ $report == *'left = total/count++ -nonsense'* ]] || fail "a line of the source is missing: $report"
[[ $report == *'int ninja: x; // [1/2]'* ]] || fail "a line of the source is missing: $report"

[ -z "$(build good)" ] || fail 'a build that succeeds is not silent'
[ -x "$scratch/build/good" ] || fail 'nothing was built'

# Several at once build one after another; ninja would tell of a log that another wrote to.
for _ in 1 2; do
    echo '// again' >>"$scratch/tree/good.cpp"
    for _ in 1 2 3; do build good & done >"$scratch/log"
    wait
    [ ! -s "$scratch/log" ] || fail "builds at once disturb each other: $(cat "$scratch/log")"
done
[[ $(ninja -C "$scratch/build" -n good) == *'no work to do'* ]] || fail 'the tree is not up to date after that'
echo 'builds tell what the compiler says, and wait for each other'
