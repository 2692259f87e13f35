"""A class on a cluster: one job array of Slurm's, whose tasks grade a share each, by GNU parallel on their node.

One task a submission would spend its time in the scheduler. The checkout with what is built in it, the submissions and the
results are on file systems that every node has; bubblewrap and GNU parallel are installed on the nodes.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from grading.sandbox import ROOT, NotHere

SUBMISSIONS_A_TASK = 50  # about a minute of one node, so that the seconds of the scheduler do not count


class Output:
    """What a task prints: a line a submission, and its status at last. sbatch tells that too, but up to 32 s later."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self.status: int | None = None

    def new_lines(self) -> list[str]:
        if not self.path.is_file():
            return []
        with self.path.open("rb") as file:
            file.seek(self.size)
            text, newline, _ = file.read().rpartition(b"\n")
        self.size += len(text) + len(newline)
        lines = text.decode("utf-8", "replace").splitlines()
        if lines and lines[-1].startswith("status "):
            self.status = int(lines.pop().split()[1])
        return lines


def grade_class(command: Sequence[str], submissions: Sequence[Path], tasks: int | None, options: str, results: Path,
                step: Callable[[str], None]) -> bool:
    """Has each task run the command, with its share added; False where a submission is without a grade."""
    if not shutil.which("sbatch"):
        raise NotHere("--slurm hands the class to sbatch, which is not installed (apt-get install slurm-client)")
    tasks = min(tasks or -(-len(submissions) // SUBMISSIONS_A_TASK), len(submissions))
    logs = results / ".slurm"  # the name of no student
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    script = f"""#!/bin/bash
cd {shlex.quote(str(ROOT))} &&
    {shlex.join(command)} --share "$SLURM_ARRAY_TASK_ID/{tasks}" --jobs "$SLURM_CPUS_ON_NODE" \\
    -- {shlex.join(map(str, submissions))}
status=$?
echo "status $status"
exit $status
"""
    words = ["sbatch", "--parsable", "--wait", "--no-requeue", "--job-name=portlab", f"--array=0-{tasks - 1}",
             f"--output={logs}/%A_%a.out", f"--error={logs}/%A_%a.err", *shlex.split(options)]
    job, done = "", False
    # In a session of its own: who interrupts us must not end it before it has said which job there is to cancel.
    sbatch = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert sbatch.stdin and sbatch.stdout
    try:
        sbatch.stdin.write(script)
        sbatch.stdin.close()
        job = sbatch.stdout.readline()
        outputs = [Output(logs / f"{_number(job)}_{task}.out") for task in range(tasks)] if job else []
        while not done:
            done = sbatch.poll() is not None  # and then there is nothing more to read but this
            for output in outputs:
                for line in output.new_lines():
                    step(line)
            done = done or all(output.status is not None for output in outputs)
            if not done:
                try:
                    sbatch.wait(0.5)
                except subprocess.TimeoutExpired:
                    pass
    finally:
        job = job or sbatch.stdout.readline()
        if job and not done:
            subprocess.run(["scancel", _number(job)], check=False)
        sbatch.terminate()
        sbatch.wait()
    if not job:
        raise NotHere(f"sbatch does not take the job: {shlex.join(words)}")
    if sbatch.returncode == 0:
        for output in outputs:
            output.status = 0  # on a network file system its last line can be late
    failed = [output for output in outputs if output.status != 0]
    for output in failed:
        _complain(output)
    if not failed:
        shutil.rmtree(logs)
    return not failed


def _number(said: str) -> str:
    return said.strip().partition(";")[0]  # and perhaps the name of the cluster


def _complain(output: Output) -> None:
    how = "ended before its share was done" if output.status is None else f"ended with status {output.status}"
    complaints = output.path.with_suffix(".err")
    words = complaints.read_text("utf-8", "replace")[-2000:] if complaints.is_file() else ""
    print(f"grading: a task of Slurm's {how}; it says, in {complaints}:\n{words}", end="", file=sys.stderr)
