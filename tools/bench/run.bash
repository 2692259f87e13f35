#!/usr/bin/env bash
# Portlab's speed, measured: medians of RUNS runs, and ratios of pairs that were measured in alternation.
#   run.bash SOURCE_DIR BUILD_DIR PROBE
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
runs=${RUNS:-5}
source_dir=$1 build_dir=$2 probe=$3
release=$build_dir/bench/release # the service as it would be deployed; the default tree is built for the reader, without -O2
service=$release/chapters/A_http/http

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { awk -v n="$1" '{ print $n }'; }
ratios() { awk '{ print $1 / $2 }' | median; } # of the first column to the second
verdict() { awk -v value="$1" -v limit="$2" -v kind="$3" \
    'BEGIN { met = kind == "atmost" ? value <= limit : value >= limit; print met ? "reached" : "MISSED" }'; }
seconds() { # of a command; its output is dropped unless it fails
    local start=$EPOCHREALTIME log=$scratch/log
    "$@" </dev/null >"$log" 2>&1 || { cat "$log" >&2; echo "bench: failed: $*" >&2; return 1; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }'
}
scratch=$(mktemp -d)
children=()
clean_up() { [ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null || true; wait; rm -rf "$scratch"; }
trap clean_up EXIT

# ---- Inside a private network, where ports 8080 and 8081 are free.
measure_service() {
    ip link set lo up
    ulimit -n 4096

    for _ in $(seq $((4 * runs))); do
        echo "$(PORT=8080 "$probe" ready "$service") $("$probe" ready /bin/true)"
    done >"$scratch/ready"
    local ready; ready=$(field 1 <"$scratch/ready" | median)
    echo "exec to ready line: $ready us, $(ratios <"$scratch/ready") x /bin/true; target 10000: $(verdict "$ready" 10000 atmost)"

    mkdir "$scratch/html" "$scratch/logs"
    cat >"$scratch/nginx.conf" <<CONF
user root;
worker_processes 1;
pid nginx.pid;
daemon off;
error_log stderr crit;
events { worker_connections 4096; }
http {
    access_log /dev/null;
    default_type text/html;
    keepalive_requests 1000000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server { listen 127.0.0.1:8081; root html; }
}
CONF
    start_both
    # A file that makes nginx's answer as long as ours, header included.
    local ours theirs bytes=100
    for _ in 1 2 3; do
        head -c "$bytes" /dev/zero | tr '\0' x >"$scratch/html/index.html"
        ours=$("$probe" size 8080) theirs=$("$probe" size 8081)
        [ "$ours" = "$theirs" ] && break
        bytes=$((bytes + ours - theirs))
    done
    [ "$ours" = "$theirs" ] || { echo "bench: answers of $ours and $theirs bytes cannot be compared" >&2; exit 1; }

    rate() { taskset -c 1 wrk -t1 -c64 -d"${SECONDS_PER_RUN:-2}" "http://127.0.0.1:$1/" | awk '
        /Non-2xx|Socket errors/ { print > "/dev/stderr"; bad = 1 } /Requests\/sec/ { print $2 } END { exit bad }'; }
    for _ in $(seq "$runs"); do echo "$(rate 8080) $(rate 8081)"; done >"$scratch/rate"
    local ratio; ratio=$(ratios <"$scratch/rate")
    echo "requests per second: $(field 1 <"$scratch/rate" | median), nginx $(field 2 <"$scratch/rate" | median)" \
         "(wrk, 64 connections, answers of $ours bytes, both logs to /dev/null, a core each):" \
         "$ratio x nginx; target 1: $(verdict "$ratio" 1 atleast)"
    stop_both

    for _ in $(seq "$runs"); do
        start_both
        echo "$("$probe" idle 8080 1000 "$service_pid") $("$probe" idle 8081 1000 "$nginx_pid" $(pgrep -P "$nginx_pid"))"
        stop_both
    done >"$scratch/memory"
    local resident; resident=$(field 1 <"$scratch/memory" | median)
    echo "memory with 1000 idle connections: $resident KiB resident, $(field 2 <"$scratch/memory" | median) KiB" \
         "proportional; nginx $(field 3 <"$scratch/memory" | median) and $(field 4 <"$scratch/memory" | median):" \
         "$(awk '{ print $2, $4 }' "$scratch/memory" | ratios) x nginx (proportional); target 10240:" \
         "$(verdict "$resident" 10240 atmost)"
}
start_both() {
    PORT=8080 taskset -c 0 "$service" >"$scratch/log8080" & service_pid=$!
    taskset -c 0 nginx -p "$scratch" -c nginx.conf & nginx_pid=$!
    children=("$service_pid" "$nginx_pid")
    local port deadline=$((SECONDS + 10))
    for port in 8080 8081; do
        until (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do
            [ $SECONDS -lt $deadline ] || { echo "bench: nothing answers on port $port" >&2; exit 1; }
        done
    done
}
stop_both() { kill "${children[@]}"; wait "${children[@]}" || true; children=(); }

if [ "${4:-}" = inside ]; then
    measure_service
    exit
fi

# ---- Outside.
missing=()
for pair in wrk:wrk nginx:nginx-light taskset:util-linux ip:iproute2 unshare:util-linux pgrep:procps; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "bench: missing tools; on Debian or Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
[ "$(nproc)" -ge 2 ] || { echo "bench: needs two cores: one for the server, one for the client" >&2; exit 1; }
for namespace in "unshare --net" "unshare --user --map-root-user --net" none; do
    [ "$namespace" = none ] && { echo "bench: needs a network namespace, which this system does not allow" >&2; exit 1; }
    $namespace true 2>/dev/null && break
done
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg) at the start, medians of $runs runs"

# The same, as a reader without CMake would do it: the header parsed anew, all sources in one command.
plain() { "${CXX:-c++}" -std=c++20 -g -DASIO_STANDALONE -I"$source_dir" "$source_dir/chapters/01_socket/socket.cpp" \
    "$source_dir"/common/{config,conflict,refusal,socket_table,stop,text}.cpp -pthread -o "$scratch/plain" && "$scratch/plain"; }
first() { cmake --build "$scratch/build" --target 01_socket && "$scratch/build/chapters/01_socket/socket"; }
configure() { cmake -S "$source_dir" -B "$1" -G Ninja -DCMAKE_BUILD_TYPE="$2"; }
for _ in $(seq "$runs"); do
    rm -rf "$scratch/build"
    seconds configure "$scratch/build" Debug >/dev/null
    a=$(seconds first)
    b=$(seconds plain)
    echo "$a $b"
done >"$scratch/first"
echo "configured to first chapter run: $(field 1 <"$scratch/first" | median) s," \
     "$(ratios <"$scratch/first") x one plain compiler command ($(field 2 <"$scratch/first" | median) s)"

# An exercise, in a copy of the tree in which it is solved: from clean to the first verdict, and from an edit to the next one.
copy=$scratch/copy exercise=02_bind/any_free_port
mkdir "$copy"
(cd "$source_dir" && find . -path ./build -prune -o -path ./.git -prune -o -type f -print0 | xargs -0 cp --parents -t "$copy")
cp "$copy/solutions/$exercise.cpp" "$copy/exercises/$exercise.cpp"
verdict_of_exercise() { ctest --test-dir "$copy/build" -R "^exercise.${exercise/\//.}$" --no-tests=error; }
from_clean() { cmake -S "$copy" -B "$copy/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug && verdict_of_exercise; }
# shellcheck disable=SC2086
naive() { "${CXX:-c++}" -std=c++20 -g -DASIO_STANDALONE "$copy/tools/bench/naive.cpp" $NAIVE_FLAGS -pthread -o "$scratch/naive" && "$scratch/naive"; }
for _ in $(seq "$runs"); do rm -rf "$copy/build"; seconds from_clean; done >"$scratch/from_clean"
clean=$(median <"$scratch/from_clean")
echo "one exercise from clean to its first verdict: $clean s; target 5: $(verdict "$clean" 5 atmost)"
for run in $(seq "$runs"); do
    echo "// edit $run" | tee -a "$copy/tools/bench/naive.cpp" >>"$copy/exercises/$exercise.cpp"
    a=$(seconds verdict_of_exercise)
    b=$(seconds naive)
    echo "$a $b"
done >"$scratch/edit"
edit=$(field 1 <"$scratch/edit" | median) part=$(ratios <"$scratch/edit")
echo "from an edit to the verdict: $edit s; target 0.6: $(verdict "$edit" 0.6 atmost)"
echo "that is $part x one translation unit with Asio and Catch2 ($(field 2 <"$scratch/edit" | median) s); target 0.35:" \
     "$(verdict "$part" 0.35 atmost)"

suite() { # WHAT TARGET CTEST_ARGUMENT...
    local what=$1 target=$2 time
    shift 2
    time=$(for _ in $(seq "$runs"); do seconds ctest --test-dir "$build_dir" -j2 --output-on-failure --no-tests=error "$@"; done | median)
    echo "$what, -j2: $time s; target $target: $(verdict "$time" "$target" atmost)"
}
suite 'the suite of chapters, book and house' 15 -LE 'judge|exercise|loop|grading'
suite "the student's loop" 25 -L loop
suite 'all stubs, solutions and wrong answers of the exercises' 60 -L judge

{ seconds configure "$release" Release && seconds cmake --build "$release" --target A_http; } >/dev/null
$namespace bash "$0" "$source_dir" "$build_dir" "$probe" inside
