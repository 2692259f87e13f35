#!/usr/bin/env bash
# What the judge of an exercise says of programs that go wrong in ways that every exercise shares:
# story_test.sh JUDGE SOLUTION STRICT_JUDGE STRICT_SOLUTION UNUSUAL, the judges of any_free_port and strict_port, programs that
# they accept, and one that is right in ways of its own (unusual.cpp).
set -uo pipefail
judge=$1 solution=$2 strict_judge=$3 strict_solution=$4 unusual=$5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
faults=0
export never=$scratch/never # to read from it takes for ever
mkfifo "$never"

# story STATUS WORDS... <SCRIPT: judged, the shell script on standard input leads to the status and to a story with the words.
story() {
    local wanted=$1 words report status
    shift
    { echo '#!/bin/bash'; cat; } >"$scratch/program"
    chmod +x "$scratch/program"
    report=$("$judge" "$scratch/program" 2>&1 </dev/null)
    status=$?
    [ $status = "$wanted" ] || { echo "status $status, wanted $wanted: $report"; faults=$((faults + 1)); return; }
    for words in "$@"; do
        [[ $report == *"$words"* ]] || { echo "no \"$words\" in: $report"; faults=$((faults + 1)); }
    done
}

# A line now and then does not make a wait last for ever. (This one takes its time, beside all others.)
cat >"$scratch/drips" <<PROGRAM
#!/bin/bash
while :; do echo "almost ready"; read -rt 0.5 <>$never; done
PROGRAM
chmod +x "$scratch/drips"
"$judge" "$scratch/drips" >"$scratch/dripped" &
drips=$!

story 0 'any_free_port: right' <<<"exec '$solution'"
for way in receive_timeout alarm_clock first_thread_ends supervisor_and_worker mapped; do
    [ $way = mapped ] && ! "$unusual" mapped </dev/null >"$scratch/log" 2>&1 && continue # without IPv6
    story 0 'any_free_port: right' <<<"exec '$unusual' $way"
done
story 1 'waits in accept on descriptor 3, and nothing will wake it' <<<"exec '$unusual' deaf"
story 1 'poll, and nothing will wake it' <<<"exec '$unusual' distant_timer"
story 1 'not right yet; it fails the check "it says where it listens"' 'it ended with status 0 before that, and printed nothing' <<<':'
story 1 'it neither printed more nor ended: it waits in read on descriptor 0, and nothing will wake it; it printed nothing' <<<'read -r line'
story 1 'it printed no more than "hello\n"' 'waits in read' <<<'echo hello; read -r line'
story 1 'it is stopped: nobody continues it' <<<'kill -STOP $$'
story 1 'it ended with status 0 before that' 'which it started, runs on' <<<"setsid bash -c 'read -r line <>$never' >/dev/null 2>&1 &"
story 1 'which it started, runs on' <<<"(setsid bash -c 'while :; do read -rt 1 <>$never; done' &)"
story 1 'it ended with status 127' <<<'exit 127'
story 1 'it ended with status 255 before that' <<<'exit 255'
story 1 'it ended with status 139: killed by signal 11 (Segmentation fault)' <<<'kill -SEGV $$'
story 1 'read its line "y", ' 'it prints without end' <<<'exec yes'
story 1 'names no ADDRESS:PORT' <<<'echo "listening on all"; read -r line'
story 1 'not right yet; it fails the check "it listens"' 'no socket of it listens' 'holds no socket' <<<'echo "listening on 127.0.0.1:8080"; read -r line'
story 1 'on standard error:' 'the reason' <<<'echo "the reason" >&2; exit 3'
story 1 'not right yet; it fails the check "it leaves no process behind"' 'runs on' <<<"trap '' TERM; (read -r forever <>'$never') >/dev/null 2>&1 & exec '$solution'"
story 1 'not right yet; it fails the check "it leaves no process behind"' 'runs on' <<<"trap '' TERM; (trap '' TERM; read -r forever <>'$never') & exec '$solution'"
story 4 'not started: begin at somewhere' <<<'echo "not started: begin at somewhere" >&2; exit 77'
PORTLAB_STRICT=1 story 1 'not started' <<<'echo "not started: begin at somewhere" >&2; exit 77'
story 1 'it printed no more than "\x1b[2J\xff\u202e\n"' <<<'printf "\e[2J\xff\u202e\n"; read -r line'
# What is found after many starts is told with the one that it is about, and with the settings that it had.
judge=$strict_judge
story 1 'it fails the check "the message names the variable' 'PORT=" ' 'steps after it, with other programs' "Try it     PORT=' " \
    'At the end strict_port' 'which is bad' <<PROGRAM
[[ \$PORT != ' '* ]] || { echo "\$PORT, which is bad, 65535" >&2; exit 78; }
exec '$strict_solution'
PROGRAM
judge=$1

# What cannot be started is not judged.
refused() {
    local words=$1 report status
    report=$("$judge" "$scratch/other" 2>&1 </dev/null)
    status=$?
    [ $status = 2 ] && [[ $report == *"$words"* ]] || { echo "status $status, wanted 2 and \"$words\": $report"; faults=$((faults + 1)); }
}
refused "no such program: $scratch/other"
mkdir "$scratch/other"; refused 'is no program: it is a directory'; rmdir "$scratch/other"
: >"$scratch/other"; refused "is not executable: chmod +x $scratch/other"
chmod +x "$scratch/other"; refused 'is empty'
printf '#!/no/such\n' >"$scratch/other"; refused ', "/no/such", does not exist'
printf '#!/bin/sh\r\n' >"$scratch/other"; refused ', "/bin/sh\r", does not exist'
printf '#!/usr/bin/env no-such-interpreter\n' >"$scratch/other"; refused 'is not in PATH'
printf 'print(1)\n' >"$scratch/other"; refused 'is neither a program of this machine nor a script'
# The story comes first.
report=$("$judge" /bin/true)
[[ $report == "any_free_port: not right yet; it fails"* ]] || { echo "something stands before the story: $report"; faults=$((faults + 1)); }
# The file with the verdict is JSON whatever the program prints, and says what the story says.
printf '#!/bin/bash\nprintf %s\n' "'h\"\\303\\251\\377\\e[2J\\x00\\303\\n'" >"$scratch/program"
"$judge" "$scratch/program" --verdict "$scratch/new/verdict.json" >"$scratch/told"
[ $? = 1 ] || { echo 'the verdict changes the status'; faults=$((faults + 1)); }
if command -v python3 >/dev/null; then
    python3 - "$scratch/new/verdict.json" "$scratch/told" <<'PYTHON' || { echo 'the file with the verdict is at fault'; faults=$((faults + 1)); }
import json, pathlib, sys
file, told = map(pathlib.Path, sys.argv[1:])
verdict = json.loads(file.read_bytes().decode("utf-8"))
assert verdict["exercise"].endswith("/any_free_port") and verdict["verdict"] == "wrong", verdict
assert verdict["failed"]["check"] == verdict["checks"][-1] == "it says where it listens", verdict
assert "printed no more than" in verdict["failed"]["observed"] or "printed nothing" not in verdict["failed"]["observed"], verdict
assert verdict["story"] == told.read_text(errors="replace"), verdict["story"]
assert verdict["not_tried"] == [] and 0 < verdict["seconds"] < 60, verdict
assert [name.name for name in file.parent.iterdir()] == ["verdict.json"]
PYTHON
fi
"$judge" "$solution" --verdict "$scratch/new/verdict.json" >/dev/null
grep -q '^"verdict": "right",$' "$scratch/new/verdict.json" || { echo 'an older verdict is still there'; faults=$((faults + 1)); }
"$judge" "$solution" --verdict /proc/verdict.json >/dev/null 2>"$scratch/told"
[ $? = 2 ] && grep -q '/proc/verdict.json' "$scratch/told" || { echo 'a verdict that cannot be written is passed over'; faults=$((faults + 1)); }
# A wrong answer must be rejected for its reason.
printf '// It does nothing.\n// Fails: it says where it listens\n// Seen: it ended with status 0\n' >"$scratch/wrong.cpp"
"$judge" /bin/true --wrong "$scratch/wrong.cpp" >/dev/null || { echo 'the right reason is not taken'; faults=$((faults + 1)); }
for other in 's/it says where it listens/it listens/' 's/status 0/status 1/'; do
    sed "$other" "$scratch/wrong.cpp" >"$scratch/other.cpp"
    "$judge" /bin/true --wrong "$scratch/other.cpp" >/dev/null && { echo "another reason is taken: $other"; faults=$((faults + 1)); }
done
"$judge" "$solution" --wrong "$scratch/wrong.cpp" >/dev/null && { echo 'a right answer passes as a wrong one'; faults=$((faults + 1)); }
"$judge" "$solution" --stub >/dev/null; [ $? != 0 ] || { echo 'a started program passes as a stub'; faults=$((faults + 1)); }
wait $drips
grep -q 'it printed, but not what was waited for, and did not end: .*the last line of it is "almost ready"' "$scratch/dripped" ||
    { echo "no story of what prints now and then: $(cat "$scratch/dripped")"; faults=$((faults + 1)); }

[ $faults = 0 ] && echo 'every story is told'
