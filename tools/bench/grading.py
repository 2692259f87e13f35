#!/usr/bin/env python3
"""Grading, measured: medians of RUNS runs, and ratios of pairs that were measured in alternation.

    SIZE=300 RUNS=5 python3 tools/bench/grading.py

Beside the time on the clock stands that of the processors, which other work on the machine changes less.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from grading import grade, manifest, sandbox  # noqa: E402

RUNS = int(os.environ.get("RUNS", "5"))
SIZE = int(os.environ.get("SIZE", "300"))
EXERCISE = "02_bind/any_free_port"
MANIFEST = f"""
title = "One exercise"
due = 2026-12-07T23:59:00Z
seed = 1
[[exercise]]
path = "{EXERCISE}"
"""


@dataclass(frozen=True)
class Cost:
    clock: float
    processors: float

    @staticmethod
    def ratio(pairs: Sequence[tuple[Cost, Cost]], of: Callable[[Cost], float]) -> float:
        return statistics.median(of(one) / of(other) for one, other in pairs)


clock, processors = attrgetter("clock"), attrgetter("processors")


def median(costs: Sequence[Cost]) -> float:
    return statistics.median(one.clock for one in costs)


def used() -> float:
    """Seconds of the processors, of all that has ended below this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cost(action: Callable[[], object]) -> Cost:
    """bubblewrap does not wait for what it starts: that becomes ours, and is counted when we have waited for it."""
    before, began = used(), time.monotonic()
    own = time.process_time()
    action()
    took, own = time.monotonic() - began, time.process_time() - own
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return Cost(took, used() - before + own)


class Memory:
    """The highest sum of what all processes below this one have for themselves (proc(5), smaps_rollup), looked at often."""

    def __enter__(self) -> Memory:
        self.highest, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.over.wait(0.1):
            self.highest = max(self.highest, self.below(os.getpid()))

    def below(self, pid: int) -> int:
        total = 0
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                for child in map(int, children.read_text().split()):
                    total += self.below(child)
                    rollup = Path(f"/proc/{child}/smaps_rollup").read_text()
                    total += int(rollup.partition("\nPss:")[2].split()[0])
            except (OSError, IndexError):
                pass  # it has ended
        return total


def verdict(value: float, limit: float, at_most: bool) -> str:
    return f"target {limit:g}: " + ("reached" if (value <= limit if at_most else value >= limit) else "MISSED")


def make_class(folder: Path, size: int) -> list[Path]:
    subprocess.run([sys.executable, "-B", ROOT / "tests/grading/make_class.py", folder, str(size)], check=True,
                   stdout=subprocess.DEVNULL)
    return sorted(folder.iterdir())


def main() -> int:
    if missing := [tool for tool in ("bwrap", "parallel", "ninja") if not shutil.which(tool)]:
        print(f"bench: missing tools: {', '.join(missing)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and so that nothing is left
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become children of this process
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, medians of {RUNS} runs")
    with tempfile.TemporaryDirectory(prefix="portlab-bench-") as name:
        work = Path(name)
        (work / "any.toml").write_text(MANIFEST, encoding="utf-8")
        task = grade.Task(manifest.read(str(work / "any.toml")), str(work / "any.toml"), None, "bubblewrap", work / "results")
        grade.build(task)
        start = cost(lambda: (grade.build(task), grade.check_isolation(task)))
        print(f"before the first submission, the build and the self-check: {start.clock:.2f} s")
        measure_one(task, work)
        measure_scaling(task, work)
        measure_class(task, work)
    return 0


def measure_one(task: grade.Task, work: Path) -> None:
    """A right answer: compiled and judged with a sandbox and without; graded, in a class; and compiled, no more."""
    item = task.assignment.items[0]
    commands, headers = grade.commands_for(task, item), grade.headers_for(task, item)
    sources = [work / f"right/student{number}" / item.source for number in range(8)]
    for each in sources:
        each.parent.mkdir(parents=True)
    source = sources[0]
    text = (ROOT / f"solutions/{EXERCISE}.cpp").read_text(encoding="utf-8")

    def compiled(into: Path) -> Path:
        names = {"SOURCE": str(source), "OBJECT": str(into / "answer.o"), "PROGRAM": str(into / "answer")}
        for step in (commands.compile, commands.link):
            subprocess.run([names.get(word, word) for word in step], cwd=commands.directory, check=True)
        return into / "answer"

    def apart() -> None:
        with sandbox.scratch() as into:
            done = sandbox.compile_answer(source, commands, headers, item.path, into, "bubblewrap")
            assert done.program, done.words
            said, _ = grade.run_judge(task, task.judge(item), done.program, into, grade.EXERCISE_SECONDS)
            assert said["verdict"] == "right", said

    def together() -> None:
        with sandbox.scratch() as into:
            program = compiled(into)
            subprocess.run([task.judge(item), program, "--verdict", into / "judge.json"], check=True, stdout=subprocess.DEVNULL)

    def alone() -> None:
        with sandbox.scratch() as into:
            compiled(into)

    def graded() -> None:
        subprocess.run(grade.command_of(task, "some") + list((work / "right").iterdir()), cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)

    costs: dict[Callable[[], None], list[Cost]] = {action: [] for action in (apart, together, alone, graded)}
    for run in range(RUNS + 1):
        for each in sources:
            each.write_text(f"// {run}\n{text}", encoding="utf-8")
        for action, found in costs.items():
            found.append(cost(action))
    for found in costs.values():
        del found[0]  # with cold caches
    pairs = list(zip(costs[apart], costs[together]))
    share = 100 * (1 - 1 / Cost.ratio(pairs, clock))
    print(f"isolation, of compiling and judging a right answer ({median(costs[together]):.2f} s without): "
          f"{share:.1f} % of the time ({100 * (1 - 1 / Cost.ratio(pairs, processors)):.1f} % of the processors'); "
          f"{verdict(share, 5, True)}")
    of_one = [Cost(eight.clock / len(sources), eight.processors / len(sources)) for eight in costs[graded]]
    pairs = list(zip(of_one, costs[alone]))
    print(f"a right answer graded, one of {len(sources)} in a process: {Cost.ratio(pairs, clock):.2f} x its own compilation, "
          f"{median(costs[alone]):.2f} s ({Cost.ratio(pairs, processors):.2f} x the processors' time)")


def graded_class(task: grade.Task, paths: Sequence[Path], jobs: int, log: Path) -> Cost:
    shutil.rmtree(task.results, ignore_errors=True)
    with log.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        found = cost(lambda: grade.grade_class(task, paths, jobs))
    done = len(list(task.results.glob("*/verdict.json")))
    assert done == len(paths), f"{done} verdicts of {len(paths)}: {log.read_text(encoding='utf-8')[-2000:]}"
    return found


def measure_scaling(task: grade.Task, work: Path) -> None:
    if (os.cpu_count() or 1) < 2:
        print("scaling from one core to two: this machine has one")
        return
    paths = [path for number, path in enumerate(make_class(work / "small", 40)) if number % 10 != 9]  # without the hostile ones
    pairs = [(graded_class(task, paths, 1, work / "log"), graded_class(task, paths, 2, work / "log")) for _ in range(RUNS)]
    scaling = Cost.ratio(pairs, clock)
    print(f"scaling, {len(paths)} submissions one at a time and two: {scaling:.2f} x as fast "
          f"(the processors' time: {1 / Cost.ratio(pairs, processors):.2f} x); {verdict(scaling, 1.8, False)}")


def measure_class(task: grade.Task, work: Path) -> None:
    cores = os.cpu_count() or 1
    paths = make_class(work / "class", SIZE)
    with Memory() as memory:
        took = graded_class(task, paths, cores, work / "log")
    a_minute = 60 * SIZE
    print(f"a class of {SIZE}, {cores} at a time: {took.clock:.0f} s, {a_minute / took.clock / cores:.0f} submissions a minute "
          f"a core; {took.processors / SIZE:.2f} s of a processor each, {a_minute / took.processors:.0f} a minute on a core of "
          f"its own; peak memory {memory.highest / 1024:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
