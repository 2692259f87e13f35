"""Grades: each submission compiled in a sandbox, each program judged in another, and one trusted verdict a submission.

    ./portlab grade 02_bind submissions/*.zip --results results
    ./portlab grade book submissions/ada --results results --jobs 1

One verdict.json a student in the results directory, whole or not there. What is there for the same input is not graded again,
so an interrupted run goes on where it was. The format of a verdict:

    {"format": "portlab/verdict/1", "assignment": "02_bind", "title": "Bind", "student": "ada", "seed": 1,
     "points": 5, "of": 35, "launcher": "bubblewrap",        or "user", the weaker one
     "exercises": [{"path", "title", "points", "of", "tests", "verdict", "checks", "failed", "story", "flags"}],
     "flags": [], "input": "...", "measured": {"all", "compile", "judge", "isolation"}}

A verdict is one of: right, wrong, not started, missing, does not compile, refused, infrastructure. The last is no grade: the
points are null, and the exit status is 2.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading import manifest, sandbox, slurm, submission
from grading.manifest import Assignment, Item
from grading.sandbox import BUILD, ROOT, NotHere

STORY_LIMIT = 8000
# Seconds for an exercise: what the compiler takes of the processor, and then the waits of the judge, together; but so many
# for the judge in any case. Its first moments with each program that it starts do not count (tools/judge/grader.cpp).
# Where the machine has more to do than it has processors, the judge waits so much longer.
EXERCISE_SECONDS, JUDGE_LEAST = 8, 4

PROBE = ROOT / "tools/grading/isolation/isolation.cpp"
WEAKER = "Where no sandbox can be made, as in some course systems' containers: --launcher user, which is weaker"

# What an honest answer has no use for. It earns nothing and costs nothing; somebody looks at it.
SUSPICIOUS = (
    (r"#\s*include\s*[<\"](/|tests/|tools/|solutions/|\.\./)", "it includes a file that is none of its own"),
    (r"\.incbin|#\s*embed|\basm\b", "it has assembly, or embeds a file"),
    (r"\bptrace\b|process_vm_|LD_PRELOAD|RTLD_NEXT|\bdlsym\b", "it reaches into other processes or the C library"),
    (r"\b(setns|unshare|pivot_root|chroot)\s*\(|\bmount\s*\(", "it changes its surroundings"),
    (r"/proc/(1|self/(environ|mem|maps|root)|sys)\b|/etc/", "it names files of the system"),
    (r"all tests passed|<testsuite|\"verdict\"", "it writes what looks like a verdict"),
)


# ---- One submission


def clean(text: str) -> str:
    """For a page or a terminal: no control characters, no endless lines, of a limited length."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    text = "".join(c if c in "\n\t" or (c.isprintable() and not 0x202A <= ord(c) <= 0x202E) else "?" for c in text)
    return text if len(text) <= STORY_LIMIT else text[:STORY_LIMIT] + "\n...\n"


@dataclass(frozen=True)
class Task:
    """What is the same for all submissions of a run."""

    assignment: Assignment
    named: str  # the assignment's name or its file
    overlay: Path | None
    launcher: str
    results: Path

    @property
    def build(self) -> Path:
        if not self.overlay:
            return BUILD
        return BUILD.parent / f"overlay-{hashlib.sha256(bytes(self.overlay)).hexdigest()[:12]}"

    def judge(self, item: Item) -> Path:
        return self.build / "tests/exercises" / f"{item.path}_test"


def run_judge(task: Task, judge: Path, program: Path, into: Path, patience: int) -> tuple[dict[str, Any], float]:
    """The judge's own verdict, and how long it took; raises NotHere where it has given none."""
    directory, verdict = into / "tmp", into / "judge.json"
    directory.mkdir()
    directory.chmod(0o1777)
    words = ["--user", str(sandbox.weak_user())] if task.launcher == "user" else [
        "--sandbox", *sandbox.running(program.name, directory)]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": str(directory),
                   "PORTLAB_PRIVATE": sandbox.private_place(into), "PORTLAB_PATIENCE": str(patience)}
    if task.launcher == "user":
        environment["PORTLAB_NOT_APART"] = "1"
    started = time.monotonic()
    status = sandbox.run([judge, program, "--verdict", verdict, *words], seconds=sandbox.JUDGE_SECONDS,
                         stdout=into / "judge.out", stderr=into / "judge.err", cwd=directory, environment=environment)
    took = time.monotonic() - started
    if task.launcher == "user":
        sandbox.end_all_of_weak_user()
    try:
        said: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise NotHere(f"the judge gave no verdict (status {status}): {sandbox.head(into / 'judge.err', 2000)}") from None
    if said["verdict"] == "not judged":
        raise NotHere(said["story"] + sandbox.head(into / "judge.err", 2000))
    return said, took


def processor_time() -> float:
    """Of all that was started and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def crowding() -> float:
    """How many want to run for each processor: 1 on a quiet machine, and no more than 4."""
    return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 4.0)


def grade_exercise(task: Task, item: Item, handed_in: submission.Submission, measured: dict[str, float]) -> dict[str, Any]:
    result: dict[str, Any] = {"path": item.path, "title": item.title, "points": 0, "of": item.points, "tests": item.tests,
                              "verdict": "", "checks": [], "failed": None, "story": "", "flags": []}

    def done(verdict: str, story: str) -> dict[str, Any]:
        return result | {"verdict": verdict, "story": clean(story)}

    if item.source in handed_in.refused:
        return done("refused", handed_in.refused[item.source])
    if item.source not in handed_in.files:
        return done("missing", f"{item.source} is not in the submission.")
    text = handed_in.files[item.source]
    stub = manifest.locate(item.source, task.overlay)
    if stub and stub.read_bytes() == text:
        return done("not started", f"{item.source} is as it was handed out.")
    words = text.decode("utf-8", "replace")
    result["flags"] = [flag for pattern, flag in SUSPICIOUS if re.search(pattern, words, re.IGNORECASE)]
    with sandbox.scratch() as into:
        source = into / "source.cpp"
        source.write_bytes(text)
        try:
            started, used = time.monotonic(), processor_time()
            compiled = sandbox.compile_answer(source, commands_for(task, item), headers_for(task, item), item.path, into,
                                              task.launcher)
            measured["compile"] += time.monotonic() - started
            result["flags"] += compiled.flags
            if not compiled.program:
                return done("does not compile", compiled.words)
            patience = round(max(JUDGE_LEAST, EXERCISE_SECONDS - (processor_time() - used)) * crowding())
            said, took = run_judge(task, task.judge(item), compiled.program, into, patience)
        except NotHere as reason:
            return done("infrastructure", str(reason)) | {"points": None}
    if said["failed"] and said["failed"]["observed"].startswith("the time that the grader has for it is over"):
        result["flags"].append("its judge's time was over; if this machine had more to do than usual, remove its "
                               "verdict.json and grade it again")
    measured["judge"] += said["seconds"]
    measured["isolation"] += took - said["seconds"]
    result["points"] = item.points if said["verdict"] == "right" else 0
    if item.hidden:
        return done(said["verdict"], item.sentence if said["verdict"] == "wrong" else "")
    result["checks"] = [clean(check) for check in said["checks"]]
    if said["failed"]:
        result["failed"] = {key: clean(value) for key, value in said["failed"].items()}
    return done(said["verdict"], said["story"])


def commands_for(task: Task, item: Item) -> sandbox.Commands:
    source = manifest.locate(item.source, task.overlay)
    assert source  # the manifest has been checked
    return sandbox.commands_of(task.build, "exercise." + item.path.replace("/", "."), source)


def headers_for(task: Task, item: Item) -> list[Path]:
    """Of the tree or the overlay: what an answer may include."""
    chapter = item.path.split("/")[0]
    return [path for base in (ROOT, task.overlay) if base
            for pattern in ("common/*.hpp", "exercises/*.hpp", f"exercises/{chapter}/*.hpp", f"chapters/{chapter}/*.hpp")
            for path in sorted(base.glob(pattern))]


def input_of(task: Task, handed_in: submission.Submission) -> str:
    """A hash over all that a verdict depends on."""
    digest = hashlib.sha256()

    def add(*words: object) -> None:
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            digest.update(len(data).to_bytes(8, "big") + data)

    add(task.assignment, task.launcher, handed_in.student, handed_in.flags, sorted(handed_in.refused.items()))
    for name, data in sorted(handed_in.files.items()):
        add(name, data)
    for item in task.assignment.items:
        add(task.judge(item).read_bytes())
        for header in headers_for(task, item):
            add(header.read_bytes())
    for own in sorted(Path(__file__).parent.glob("*.py")):
        add(own.read_bytes())
    return digest.hexdigest()


def grade_one(task: Task, path: Path) -> dict[str, Any]:
    """Grades a submission, unless its verdict is there already; writes the verdict, and returns it."""
    started = time.monotonic()
    names = [item.source for item in task.assignment.items]
    try:
        handed_in = submission.collect(path, names)
    except submission.Refused as reason:
        handed_in = submission.Submission(submission.student_of(path), refused=dict.fromkeys(names, str(reason)))
    folder = task.results / handed_in.student
    file, key = folder / "verdict.json", input_of(task, handed_in)
    try:
        before: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if before["input"] == key and before["points"] is not None:
            return before
    except (OSError, ValueError, KeyError):
        pass
    measured = {"compile": 0.0, "judge": 0.0, "isolation": 0.0}
    exercises = [grade_exercise(task, item, handed_in, measured) for item in task.assignment.items]
    measured["all"] = time.monotonic() - started
    points = None if any(one["points"] is None for one in exercises) else sum(one["points"] for one in exercises)
    verdict = {"format": "portlab/verdict/1", "assignment": task.assignment.name, "title": task.assignment.title,
               "student": handed_in.student, "seed": task.assignment.seed, "points": points, "of": task.assignment.points,
               "launcher": task.launcher, "exercises": exercises,
               "flags": [clean(flag) for flag in handed_in.flags], "input": key,
               "measured": {name: round(seconds, 3) for name, seconds in measured.items()}}
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "exercises", ignore_errors=True)
    for name, text in handed_in.files.items():  # for whoever looks at it, and for the report, which finds answers that are alike
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    unfinished = folder / f".verdict.json.{os.getpid()}"
    try:
        unfinished.write_text(json.dumps(verdict, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)
    return verdict


# ---- Before the first one


def build(task: Task) -> None:
    """Judges, and what answers are compiled with. Hidden judges are built apart from the tree's own."""
    if not (task.build / "build.ninja").is_file():
        overlay = [f"-DPORTLAB_OVERLAY={task.overlay}"] if task.overlay else []
        _quietly(["cmake", "--preset", "default", "-B", str(task.build), *overlay], "the build cannot be set up")
    judges = [f"{item.path.replace('/', '.')}_test" for item in task.assignment.items]
    _quietly(["cmake", "-P", "tools/cmake/build.cmake", str(task.build), "answer_headers", "asio", "common", "isolation_test",
              *judges], "the judges cannot be built")


def _quietly(command: Sequence[str], what: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotHere(f"{what}: {' '.join(command)}\n{(done.stdout + done.stderr)[-4000:]}")


def check_isolation(task: Task) -> None:
    """Proves that what is compiled and run is apart, and that judges see what it does; raises NotHere where it is not so."""
    headers, commands = headers_for(task, task.assignment.items[0]), commands_for(task, task.assignment.items[0])
    if task.launcher == "user":
        commands = dataclasses.replace(commands, compile=(*commands.compile, "-DPORTLAB_NOT_APART"))
    with sandbox.scratch() as into:
        compiled = sandbox.compile_answer(PROBE, commands, headers, "tools/grading/isolation", into, task.launcher)
        if not compiled.program:
            raise NotHere(f"the sandbox of the compiler is not apart, or nothing can be compiled: {compiled.words}")
        if task.launcher == "bubblewrap":
            _check_compiler(commands, headers, compiled.program, into)
        what = ("the sandbox of the programs is not apart" if task.launcher == "bubblewrap"
                else "a judge cannot watch programs here")
        try:
            said, _ = run_judge(task, task.build / "tools/grading/isolation/isolation_test", compiled.program, into,
                                EXERCISE_SECONDS)
        except NotHere as reason:
            raise NotHere(f"{what}; nothing is graded.\n{reason}\n{WEAKER}") from None
        if said["verdict"] != "right":
            raise NotHere(f"{what}; nothing is graded.\n{clean(said['story'])}\n{WEAKER}")


def _check_compiler(commands: sandbox.Commands, headers: list[Path], program: Path, into: Path) -> None:
    """Runs the probe where the compiler runs."""
    words = sandbox.compiling(commands, PROBE, *headers)
    place = words.index("--remount-ro", words.index("--chdir") - 3)
    words[place:place] = ["--ro-bind", str(program), "/tmp/probe"]
    private = sandbox.private_place(commands.directory, *headers, *commands.files)
    status = sandbox.run(["/usr/bin/env", "-i", *words, "/tmp/probe", str(ROOT / "tests"), private, "/etc/passwd"],
                         seconds=20, stdout=into / "seen", stderr=into / "said")
    seen = dict(line.split(":", 1) for line in sandbox.head(into / "seen").splitlines() if ":" in line)
    for what, wanted in (("interfaces", "lo"), ("beyond", "Network is unreachable"), ("environment", "0"), ("processes", ""),
                         ("visible", ""), ("namespace", "none")):
        if seen.get(what, "?").strip() != wanted:
            raise NotHere(f"the sandbox of the compiler is not apart: of {what} it says "
                          f'"{seen.get(what, "nothing").strip()}" in place of "{wanted}" (status {status}) '
                          + sandbox.head(into / "said", 500))


# ---- A class


def line_of(verdict: dict[str, Any]) -> str:
    points = "not graded" if verdict["points"] is None else f"{verdict['points']} of {verdict['of']}"
    flags = sum(len(one["flags"]) for one in verdict["exercises"]) + len(verdict["flags"])
    return f"{verdict['student']}: {points}" + (f", {flags} to look at" if flags else "")


class Progress:
    """A bar on a terminal, a line a submission elsewhere."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.terminal = total, 0, sys.stderr.isatty()

    def step(self, line: str) -> None:
        self.done += 1
        if not self.terminal:
            print(line, flush=True)
            return
        width = max(10, min(40, shutil.get_terminal_size().columns - 40))
        full = width * self.done // self.total
        print(f"\r\x1b[K[{'#' * full}{'.' * (width - full)}] {self.done}/{self.total}  {line[:36]}", end="", file=sys.stderr,
              flush=True)
        if self.done == self.total:
            print(file=sys.stderr)


def command_of(task: Task, name: str) -> list[str]:
    """Grades the same assignment in the same way."""
    return [sys.executable, "-m", "grading", name, task.named, "--results", str(task.results),
            "--launcher", task.launcher] + (["--overlay", str(task.overlay)] if task.overlay else [])


def grade_class(task: Task, paths: Sequence[Path], jobs: int) -> bool:
    """Grades all, by GNU parallel where there is more than one; False where one is without a grade."""
    progress = Progress(len(paths))
    if len(paths) == 1:
        verdict = grade_one(task, paths[0])
        progress.step(line_of(verdict))
        return verdict["points"] is not None
    parallel = shutil.which("parallel")
    if not parallel or "GNU" not in subprocess.run([parallel, "--version"], capture_output=True, text=True, check=False).stdout:
        raise NotHere("a class is graded by GNU parallel, which is not installed (apt-get install parallel)")
    task.results.mkdir(parents=True, exist_ok=True)
    words = command_of(task, "some")
    at_once = max(1, min(8, len(paths) // (16 * jobs)))  # a start of Python's shared by some, and work for all to the end
    with sandbox.scratch() as home:
        process = None
        try:
            with sandbox.to_its_end():
                process = subprocess.Popen(
                    [parallel, "--will-cite", "--null", "--quote", "--jobs", str(jobs), "--max-args", str(at_once),
                     "--line-buffer", "--tmpdir", home, "--termseq", "TERM,5000,KILL,25", *words, "--", "{}"],
                    cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
                    env=os.environ | {"PARALLEL_HOME": str(home), "PARALLEL": ""})
            assert process.stdin and process.stdout
            process.stdin.write("".join(f"{path.resolve()}\0" for path in paths))
            process.stdin.close()
            for line in process.stdout:
                progress.step(line.rstrip("\n"))
            status = process.wait()
        finally:
            # The first signal asks it to begin nothing more, the second to end what runs.
            while process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    pass
            sandbox.end_children()
    return status == 0 and progress.done == progress.total


def stop(number: int, _frame: object) -> None:
    for other in sandbox.STOPPED_BY:  # what is to be done now is done once, and to its end
        signal.signal(other, signal.SIG_IGN)
    raise sandbox.Stopped(signal.Signals(number).name)


def grade(arguments: argparse.Namespace) -> int:
    task = task_of(arguments)
    paths = [Path(name) for name in arguments.submission]
    students: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise SystemExit(_wrong_use(f"{path} is not there"))
        student = submission.student_of(path)
        if student in students:
            raise SystemExit(_wrong_use(f"{students[student]} and {path} are both of {student}: leave one out, or rename it"))
        students[student] = path
    if arguments.slurm and task.launcher == "user":
        return _wrong_use("--slurm goes with --launcher bubblewrap alone: two tasks on a node would end each other's programs")
    if arguments.share:
        paths = paths[arguments.share]
    else:
        build(task)
    if arguments.slurm:  # each node checks itself
        command = command_of(task, "grade")
        return 0 if slurm.grade_class(command, [path.resolve() for path in paths], arguments.tasks, arguments.sbatch_options,
                                      task.results, Progress(len(paths)).step) else 2
    check_isolation(task)
    if task.launcher == "user":
        print("grading: without a sandbox (--launcher user): a program can read files of this machine and use its network",
              file=sys.stderr)
    return 0 if grade_class(task, paths, arguments.jobs) else 2


def some(arguments: argparse.Namespace) -> int:
    """Submissions of a class, one after another; what has to be proven first has been."""
    sandbox.end_with_parent()
    task, verdicts = task_of(arguments), []
    for name in arguments.submission:
        verdicts.append(grade_one(task, Path(name)))
        print(line_of(verdicts[-1]), flush=True)
    return 2 if any(verdict["points"] is None for verdict in verdicts) else 0


def task_of(arguments: argparse.Namespace) -> Task:
    overlay = Path(arguments.overlay).resolve() if arguments.overlay else None
    try:
        assignment = manifest.read(arguments.assignment, overlay)
    except manifest.ManifestError as error:
        raise SystemExit(_wrong_use(str(error))) from None
    named = str(Path(arguments.assignment).resolve()) if arguments.assignment.endswith(".toml") else arguments.assignment
    return Task(assignment, named, overlay, arguments.launcher, Path(arguments.results).resolve())


def _wrong_use(words: str) -> int:
    print(f"grading: {words}", file=sys.stderr)
    return 2


def guarded(action: Any) -> Any:
    """Runs a command; its end by a signal leaves no process and nothing half-written."""

    def run(arguments: argparse.Namespace) -> int:
        sandbox.adopt()
        for number in sandbox.STOPPED_BY:
            signal.signal(number, stop)
        try:
            return int(action(arguments))
        except NotHere as reason:
            return _wrong_use(str(reason))
        except sandbox.Stopped as why:
            print(f"grading: stopped by {why}; the same command goes on from here", file=sys.stderr)
            return 128 + signal.Signals[str(why)].value

    return run


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'"{text}" is no number from 1')
    return int(text)


def share(text: str) -> slice:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or int(found[1]) >= int(found[2]):
        raise argparse.ArgumentTypeError(f'"{text}" is no share; a quarter each: 0/4, 1/4, 2/4, 3/4')
    return slice(int(found[1]), None, int(found[2]))


def add_to(subparsers: Any) -> None:
    for name, action in (("grade", grade), ("some", some)):
        words = {"help": "grade submissions: folders or archives, one a student"} if name == "grade" else {}
        parser = subparsers.add_parser(
            name, **words,
            epilog="Example: ./portlab grade 02_bind submissions/*.zip --results results --jobs 4")
        parser.add_argument("assignment", help="its name, as in assignments/NAME.toml, or a file that ends with .toml")
        parser.add_argument("submission", nargs="+", help="a folder or an archive, one a student")
        parser.add_argument("--results", default="results", help="where the verdicts go (results)")
        if name == "grade":
            parser.add_argument("--jobs", type=count, default=os.cpu_count(), help="how many at a time (as many as processors)")
            parser.add_argument("--slurm", action="store_true", help="on a cluster, as a job array of Slurm's")
            parser.add_argument("--tasks", type=count, metavar="N", help="of the job array (one for 50 submissions)")
            parser.add_argument("--sbatch-options", default="", metavar="OPTIONS",
                                help='such as "--partition=teaching --cpus-per-task=16 --time=30"')
            parser.add_argument("--share", type=share, metavar="I/N", help="grade one submission of N, from the one with number I; "
                                "0 is the first. Nothing is built: that is done before the shares are given out")
        parser.add_argument("--overlay", help="a folder with assessed solutions and hidden tests, in the layout of the tree")
        parser.add_argument("--launcher", choices=("bubblewrap", "user"), default="bubblewrap",
                            help="what keeps programs apart; user: weaker, for containers where no sandbox can be made")
        parser.set_defaults(run=guarded(action))
