"""The student's loop as a person uses it: loop_test.py CASE ROOT COPY LOOP runs one case, a function below, in COPY, a copy of the
tree ROOT in which the exercises may be edited. The case `copy` makes it; LOOP is the program that ./portlab builds there."""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

ROOT, COPY, LOOP = (Path(word) for word in sys.argv[2:5])
ANY_FREE_PORT = "02_bind/any_free_port"
FOUR_SOCKETS = "01_socket/four_sockets"
SMALL, LARGE = (24, 80), (50, 200)


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    sys.exit(77)


try:
    from terminal import PATIENCE, Terminal
except ModuleNotFoundError:
    skip("needs pyte, a terminal emulator (Debian: python3-pyte)")


# ---- The copy -----------------------------------------------------------------------------------------------------------------


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=Portlab", "-c", "user.email=portlab@localhost", *words], cwd=COPY, check=True,
                   stdout=subprocess.DEVNULL)


def files_of_the_tree() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return [file for file in listed if file and not re.match(r"tests/wrong/\d+_\w+/", file) and (ROOT / file).is_file()]


def copy() -> None:
    """Without the wrong answers, which take long to configure. What is in COPY already is used again."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        skip("needs git, and a tree that was cloned")
    wanted = files_of_the_tree()
    for file in wanted:
        source, target = ROOT / file, COPY / file
        if not target.exists() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    kept = {COPY / file for file in wanted}
    for folder in ("chapters", "exercises", "tests", "loop"):
        for old in (COPY / folder).rglob("*"):
            if old.is_file() and old not in kept and "__pycache__" not in old.parts:
                old.unlink()
    if not (COPY / ".git").exists():
        git("init", "-q")
    git("add", "-A")
    if subprocess.run(["git", "diff", "--cached", "--quiet"], cwd=COPY).returncode:
        git("commit", "-q", "-m", "The book")
    for exercise in (FOUR_SOCKETS, ANY_FREE_PORT):
        stub(exercise)
    if not (COPY / "build/default/build.ninja").exists():
        subprocess.run(["cmake", "--preset", "default", "-DPORTLAB_WRONG_ANSWERS=OFF"], cwd=COPY, check=True)
    judges = [f"{exercise.replace('/', '.')}_test" for exercise in (FOUR_SOCKETS, ANY_FREE_PORT)]
    subprocess.run(["cmake", "--build", "--preset", "default", "--target", *judges, "answer_headers"], cwd=COPY, check=True)
    built = COPY / "build/default/loop/portlab"
    built.parent.mkdir(exist_ok=True)
    shutil.copy(LOOP, built)


# ---- What a student does ------------------------------------------------------------------------------------------------------


def source_of(exercise: str) -> Path:
    return COPY / "exercises" / f"{exercise}.cpp"


def save(exercise: str, text: str) -> None:
    source_of(exercise).write_text(text)


def stub(exercise: str) -> str:
    text = (ROOT / "exercises" / f"{exercise}.cpp").read_text()
    if source_of(exercise).read_text() != text:
        save(exercise, text)
    for memory in ("verdicts", "hints"):
        for file in (COPY / "build/default" / memory).glob(f"{exercise}.*"):
            file.unlink()
    return text


def right(exercise: str) -> str:
    return (ROOT / "solutions" / f"{exercise}.cpp").read_text()


def wrong_answer() -> str:
    """Any free port, which does not flush its line."""
    text = right(ANY_FREE_PORT).replace("std::endl", "'\\n'")
    assert text != right(ANY_FREE_PORT)
    return text


def does_not_compile() -> str:
    return right(ANY_FREE_PORT).replace("int main() {", "int main() {\n    undeclared();")


def command(*words: str) -> list[str]:
    return [str(COPY / "portlab"), *words]


def call(*words: str, status: int, cwd: Path = COPY, **environment: str) -> str:
    """Runs it without a terminal; what it printed, all together."""
    done = subprocess.run(command(*words), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=PATIENCE, env={**os.environ, **environment})
    assert done.returncode == status, f"{words}: status {done.returncode}, expected {status}\n{done.stdout}"
    return done.stdout


def expect(text: str, *words: str) -> None:
    for word in words:
        assert word in text, f"no {word!r} in:\n{text}"


@contextmanager
def watching(*options: str, size: tuple[int, int] = SMALL, **environment: str) -> Iterator[Terminal]:
    os.chdir(COPY)
    with Terminal(command("watch", *options), *size, **environment) as terminal:
        yield terminal


# ---- Cases --------------------------------------------------------------------------------------------------------------------


def the_screen_shows_where_you_stand() -> None:
    stub(FOUR_SOCKETS)
    save(ANY_FREE_PORT, right(ANY_FREE_PORT))
    call("check", "2.1", status=0)
    os.chdir(COPY)
    for rows, columns in (SMALL, LARGE):
        with Terminal(command(), rows, columns) as terminal:
            assert terminal.end() == 0
            screen = terminal.text()
            assert len(screen.splitlines()) < rows, "the screen has scrolled"
            expect(screen, "1 of 26 exercises, 5 of 315 points", "█", "1 %", "02  Bind: a socket gets its port", "1 of 4, 5 of 35 points")
            expect(screen, "Next: exercise 1.1 four sockets", "exercises/01_socket/four_sockets.cpp:25", "1.1 four sockets")
            assert ("8.3 a service of your own" in screen) == (rows == 50), "all exercises, where there is room"
            assert b"\033[" in terminal.written
    expect(screen, "2.1 any free port                    done, 5 points", "not started")
    line = next(n for n, text in enumerate(source_of(FOUR_SOCKETS).read_text().splitlines(), 1) if "begin_here();" in text)
    assert line == 25


def it_computes_the_state_from_the_files_and_the_last_run() -> None:
    stub(ANY_FREE_PORT)
    expect(call(status=0), "2.1 any free port                    not started, 5 points")
    save(ANY_FREE_PORT, wrong_answer())
    expect(call(status=0), "in progress, 5 points, not checked yet", "Next: exercise 2.1", "02_bind/any_free_port.cpp:")
    call("check", "any_free", status=1)
    expect(call(status=0), "in progress, 5 points, not yet: it says where it listens")
    save(ANY_FREE_PORT, right(ANY_FREE_PORT))
    expect(call(status=0), "in progress, 5 points, changed since its last verdict")
    subprocess.run(["ctest", "--preset", "default", "-R", "exercise.02_bind.any_free_port"], cwd=COPY, check=True,
                   stdout=subprocess.DEVNULL)  # by hand: the loop is not needed
    expect(call(status=0), "1 of 26", "2.1 any free port                    done")
    os.utime(source_of(ANY_FREE_PORT))
    expect(call(status=0), "0 of 26", "changed since its last verdict")


def check_says_each_verdict() -> None:
    stub(ANY_FREE_PORT)
    expect(call("check", "any_free_port", status=3), "+ ctest --preset default -R exercise.02_bind.any_free_port\n",
           "2.1 any free port: not started; begin at\n  exercises/02_bind/any_free_port.cpp:10")
    save(ANY_FREE_PORT, wrong_answer())
    said = call("check", status=1)  # the current one
    expect(said, "2.1 any free port: not right yet", "What the grader did", "Expected   ", "Observed   ", "Read again ")
    assert "Test #" not in said and "tests passed" not in said
    save(ANY_FREE_PORT, right(ANY_FREE_PORT))
    expect(call("check", "exercises/02_bind/any_free_port.cpp", status=0), "right, 5 points", "Next: 2.2 one number twice")
    said = call("check", "bind", status=3)
    expect(said, "2.1 any free port: right", "2.2 one number twice: not started", "2.4 read the trace: not started")


def a_compiler_error_comes_first_and_short() -> None:
    save(ANY_FREE_PORT, does_not_compile())
    said = call("check", "2.1", status=1).splitlines()
    assert said[1].endswith("2.1 any free port: does not compile"), said
    assert said[2].startswith("exercises/02_bind/any_free_port.cpp: In function"), said
    expect("\n".join(said), "any_free_port.cpp:11:5: error: ")
    assert len(said) < 12 and "CMake" not in " ".join(said) and "ninja" not in " ".join(said), said


def wrong_use_gets_help() -> None:
    expect(call("check", "any_fre_prt", status=2), '"any_fre_prt"', "did you mean any_free_port?")
    expect(call("check", "the", status=2), '"the" may be any of', "read_the_trace", "name_the_holder")
    expect(call("hint", "unheard_of", status=2), "no exercise", "./portlab lists them all")
    expect(call("check", "02_bind/errors", status=2), '"02_bind/errors"')
    expect(call("chekc", status=2), '"chekc"', "check")
    expect(call("check", "2.1", "2.2", status=2), "2.2")
    expect(call("solution", status=2), "EXERCISE is required")
    expect(call("check", "--help", status=0), "Example: ./portlab check any_free_port")


def hints_come_one_at_a_time() -> None:
    stub(ANY_FREE_PORT)
    first, second, third = (call("hint", "any_free_port", status=0) for _ in range(3))
    expect(first, "Hint 1: a nudge", "2 more")
    assert "Hint 2" not in first and "Hint 1" not in second
    expect(second, "Hint 2: the idea", "1 more")
    expect(third, "Hint 3: the call", "the last one", "chapters/02_bind/README.md")
    assert call("hint", "any_free_port", status=0) == third
    body = [line for line in right(ANY_FREE_PORT).splitlines() if len(line) > 30]
    assert not any(line in first + second + third for line in body), "a hint is no solution"


def the_model_answer_comes_after_your_own() -> None:
    stub(ANY_FREE_PORT)
    expect(call("solution", "any_free_port", status=1), "not right yet", "--anyway")
    expect(call("solution", "any_free_port", "--anyway", status=0), "+ diff -u exercises/02_bind/any_free_port.cpp solutions/",
           "+        acceptor.listen")
    save(ANY_FREE_PORT, right(ANY_FREE_PORT) + "// mine\n")
    call("check", "2.1", status=0)
    expect(call("solution", "any_free_port", status=0), "-// mine")


def reset_keeps_your_version() -> None:
    before = stub(ANY_FREE_PORT)
    shutil.rmtree(COPY / "saved", ignore_errors=True)
    expect(call("reset", "any_free_port", status=0), "as it was at the beginning")
    assert not (COPY / "saved").exists()
    save(ANY_FREE_PORT, "// my own\n")
    git("commit", "-q", "-a", "-m", "My answer")  # the stub is in the history, not in the last commit
    try:
        said = call("reset", "any_free_port", status=0)
        place = re.search(r"your version is now in (saved/02_bind/any_free_port\.\S+\.cpp)", said)
        assert place and (COPY / place[1]).read_text() == "// my own\n", said
        assert source_of(ANY_FREE_PORT).read_text() == before
        save(ANY_FREE_PORT, "// another\n")
        call("reset", "any_free_port", status=0)
        assert len(list((COPY / "saved/02_bind").iterdir())) == 2, "both versions are kept"
    finally:
        git("reset", "-q", "--hard", "HEAD~1")
        shutil.rmtree(COPY / "saved", ignore_errors=True)


def watch_judges_what_is_saved() -> None:
    for rows, columns in (SMALL, LARGE):
        stub(FOUR_SOCKETS), stub(ANY_FREE_PORT)
        with watching(size=(rows, columns)) as terminal:
            screen = terminal.wait_for("1.1 four sockets: not started", "four_sockets.cpp:25", "h hint  l list  n next  r rerun  q quit")
            expect(screen, "+ ctest --preset default -R exercise.01_socket.four_sockets")
            save(ANY_FREE_PORT, wrong_answer())
            screen = terminal.wait_for("2.1 any free port: not right yet", "Observed", "q quit")
            assert len(screen.splitlines()) < rows
            expect(terminal.written.decode(), "checking \033[1m2.1 any free port")
            save(ANY_FREE_PORT, does_not_compile())
            expect(terminal.wait_for("2.1 any free port: does not compile", "q quit"), "error: ")
            terminal.press("h")
            terminal.wait_for("Hint 1", "2 more", "q quit")
            terminal.press("h")
            terminal.wait_for("Hint 2", "1 more", "q quit")
            terminal.press("l")
            terminal.wait_for("0 of 26 exercises", "in progress", "q quit")
            terminal.press("r")
            terminal.wait_for("does not compile", "q quit")
            save(ANY_FREE_PORT, right(ANY_FREE_PORT))
            terminal.wait_for("2.1 any free port: right, 5 points", "Next: 2.2 one number twice", "q quit")
            terminal.press("n")
            terminal.wait_for("2.2 one number twice: not started", "q quit")
            terminal.press("q")
            assert terminal.end() == 0
            assert terminal.modes_now() == terminal.modes, "the shell gets its terminal back as it was"


def watch_sees_every_way_to_save() -> None:
    stub(ANY_FREE_PORT)
    for options in ((), ("--poll",)):
        with watching(*options) as terminal:
            terminal.wait_for("q quit")
            save(ANY_FREE_PORT, wrong_answer())  # in place
            terminal.wait_for("2.1 any free port: not right yet", "q quit")
            aside = COPY / "saved.cpp"
            aside.write_text(right(ANY_FREE_PORT))
            aside.rename(source_of(ANY_FREE_PORT))  # as vim and others do
            terminal.wait_for("2.1 any free port: right", "q quit")
            terminal.press("q")
            assert terminal.end() == 0


def watch_judges_the_last_of_two_saves() -> None:
    stub(ANY_FREE_PORT)
    with watching() as terminal:
        terminal.wait_for("q quit")
        save(ANY_FREE_PORT, wrong_answer())
        terminal.wait_for("checking 2.1")
        save(ANY_FREE_PORT, right(ANY_FREE_PORT))  # while the first one is compiled or judged
        terminal.wait_for("2.1 any free port: right", "q quit")
        terminal.press("q")
        assert terminal.end() == 0


def watch_fits_a_new_size() -> None:
    save(ANY_FREE_PORT, wrong_answer())
    with watching(size=LARGE) as terminal:
        terminal.wait_for("2.1 any free port: not right yet", "Try it", "q quit")
        terminal.resize(12, 60)
        screen = terminal.wait_for("not right yet", "     ...", "Try it", "q quit")
        assert len(screen.splitlines()) <= 12
        terminal.press("q")
        assert terminal.end() == 0


def watch_without_a_terminal() -> None:
    stub(FOUR_SOCKETS)
    save(ANY_FREE_PORT, wrong_answer())
    process = subprocess.Popen(command("watch"), cwd=COPY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    printed = ""

    def read_until(words: str) -> None:
        nonlocal printed
        while words not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line

    try:
        read_until("Try it")
        expect(printed, "checking 2.1 any free port", "2.1 any free port: not right yet")
        assert "\033" not in printed and "q quit" not in printed
        save(ANY_FREE_PORT, right(ANY_FREE_PORT))
        read_until("right, 5 points")
        process.stdin.close()  # its parent has gone
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def one_watch_a_tree() -> None:
    stub(ANY_FREE_PORT)
    with watching() as terminal:
        terminal.wait_for("q quit")
        expect(call("watch", status=2), "watches this folder already", "end that one first")
        expect(call("check", "2.1", status=3), "not started")  # a check beside it is welcome
        terminal.press("q")
        assert terminal.end() == 0


def an_interrupt_leaves_nothing_half_written() -> None:
    text = right(ANY_FREE_PORT)
    for number in (signal.SIGINT, signal.SIGTERM):
        save(ANY_FREE_PORT, text)
        with watching() as terminal:
            terminal.wait_for("checking 2.1")
            terminal.send_signal(number)
            assert terminal.end() == 128 + number
        assert source_of(ANY_FREE_PORT).read_text() == text
        assert not list((COPY / "build/default/verdicts").rglob("*.json.*"))
        for verdict in (COPY / "build/default/verdicts").rglob("*.json"):
            json.loads(verdict.read_text())
        call("check", "2.1", status=0)


def predict_waits_until_its_reason_has_been_read() -> None:
    os.chdir(COPY)
    with Terminal(command("predict", "--seed", "7", "--count", "2"), *SMALL) as terminal:
        terminal.wait_for("Question 1 of 2", "\n>")
        terminal.press("OK\n")
        screen = terminal.wait_for("Read again: ", "Press Enter for the next question.")
        assert "Question 2" not in screen
        terminal.press("\n")
        terminal.wait_for("Question 2 of 2", "\n>")
        terminal.press("OK\n")
        terminal.wait_for("of 2 right")
        assert terminal.end() in (0, 1)


def colour_only_where_it_is_wanted() -> None:
    assert "\033" not in call(status=0)
    os.chdir(COPY)
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with Terminal(command(), **{name: value}) as terminal:
            assert terminal.end() == 0
            assert b"\033[" not in terminal.written
    with Terminal(command(), LC_ALL="C") as terminal:
        assert terminal.end() == 0
        assert b"#" in terminal.written or b"." in terminal.written
        terminal.written.decode("ascii")


def what_cannot_be_written_is_said() -> None:
    stub(ANY_FREE_PORT)
    save(ANY_FREE_PORT, "// mine\n")
    shutil.rmtree(COPY / "saved", ignore_errors=True)
    words = [str(LOOP), "reset", "any_free_port"]
    if os.geteuid() == 0:  # who may write everywhere
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
        if subprocess.run([*words[:4], "test", "-r", str(COPY)]).returncode or not shutil.which("setpriv"):
            skip("needs an ordinary user who may read this folder")
    mode = COPY.stat().st_mode
    COPY.chmod(0o555)
    try:
        done = subprocess.run(words, cwd=COPY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PATIENCE, env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                                                     "GIT_CONFIG_VALUE_0": "*"})
    finally:
        COPY.chmod(mode)
    assert done.returncode == 2, done.stdout
    expect(done.stdout, "portlab: cannot make the folder saved/02_bind for your version: ")
    assert source_of(ANY_FREE_PORT).read_text() == "// mine\n", "nothing is lost"


# ---- How long it takes; `cmake --build --preset default --target bench` asks ---------------------------------------------------


def latencies() -> None:
    copy()
    times: dict[str, list[float]] = {"ctest -R, after an edit": [], "watch, after a save": [], "check, after an edit": [],
                                     "where you stand": [], "a hint": []}

    def timed(what: str, act: Callable[[], object]) -> None:
        start = time.monotonic()
        act()
        times[what].append(time.monotonic() - start)

    def edit() -> str:
        """A right answer, another one each time."""
        return right(ANY_FREE_PORT) + f"// edit {sum(map(len, times.values()))}\n"

    def by_ctest() -> None:
        subprocess.run(["ctest", "--preset", "default", "-R", "exercise.02_bind.any_free_port"], cwd=COPY, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    save(ANY_FREE_PORT, edit())
    with watching() as terminal:
        terminal.wait_for("right, 5 points", "q quit")
        for _ in range(20):
            seen = len(terminal.written)
            save(ANY_FREE_PORT, edit())
            start = time.monotonic()
            while "right, 5 points" not in terminal.written[seen:].decode(errors="replace"):
                assert terminal.read_some(), terminal.text()
            times["watch, after a save"].append(time.monotonic() - start)
    for _ in range(20):
        save(ANY_FREE_PORT, edit())
        timed("ctest -R, after an edit", by_ctest)
        save(ANY_FREE_PORT, edit())
        timed("check, after an edit", lambda: call("check", "any_free_port", status=0))
        timed("where you stand", lambda: call(status=0))
        timed("a hint", lambda: call("hint", "any_free_port", status=0))
    medians = {what: statistics.median(all_of_them) for what, all_of_them in times.items()}
    for what, median in medians.items():
        print(f"{what}: {median:.3f} s")
    more = medians["watch, after a save"] - medians["ctest -R, after an edit"]
    print(f"watch takes {more:+.3f} s to what ctest -R takes; target at most 0.3: {'reached' if more <= 0.3 else 'MISSED'}")


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ.pop("NO_COLOR", None)
    globals()[sys.argv[1]]()
