#!/usr/bin/env bash
# What the judge started ends with the judge, however that ends: guard_test.sh JUDGE, the judge of any exercise.
set -uo pipefail
judge=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkfifo "$scratch/never"
exec 9<>"$scratch/never"
pause() { read -rt 0.05 -u 9; }

# An answer that never says where it listens, and has children in its session, in sessions of their own, and without a
# parent. None of them heeds a signal that can be ignored.
cat >"$scratch/program" <<PROGRAM
#!/usr/bin/env bash
trap '' TERM INT HUP
stay='trap "" TERM INT HUP; echo \$\$ >>$scratch/pids; while :; do read -rt 1 <>$scratch/never; done'
bash -c "\$stay" &
setsid bash -c "\$stay" &
(setsid bash -c "\$stay" &)
(setsid setsid bash -c "\$stay" >/dev/null 2>&1 &)
eval "\$stay"
PROGRAM
chmod +x "$scratch/program"

for signal in KILL TERM INT; do
    : >"$scratch/pids"
    setsid "$judge" "$scratch/program" >"$scratch/told" 2>&1 & # INT is ignored in the background, but for the judge
    number=$!
    for ((i = 0; i < 400; i++)); do
        [ "$(wc -l <"$scratch/pids")" = 5 ] && break
        pause
    done
    [ "$(wc -l <"$scratch/pids")" = 5 ] || { echo "the scene does not stand: $(cat "$scratch/told")"; exit 1; }
    kill -"$signal" "$number"
    wait "$number" 2>/dev/null
    for ((i = 0; i < 400; i++)); do
        left=
        while read -r pid; do [ -e "/proc/$pid/stat" ] && left+=" $pid"; done <"$scratch/pids"
        [ -z "$left" ] && break
        pause
    done
    [ -z "$left" ] || { echo "after SIG$signal to the judge these run on:$left"; kill -KILL $left; exit 1; }
done
echo 'nothing that a judge started outlives it'
