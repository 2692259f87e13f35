#!/usr/bin/env python3
"""A class graded by two tasks of Slurm's has the verdicts of a local run; what has its verdict is not graded again; and an
interrupt takes the job back. The cluster is one_node_slurm.sh, which runs this file a second time, inside."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
STUDENTS = [f"student{number:03}" for number in range(1, 9)]
MANIFEST = """
title = "One exercise"
due = 2026-12-07T23:59:00Z
seed = 1
[[exercise]]
path = "02_bind/any_free_port"
"""


class Slurm(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="portlab slurm ")
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "any.toml").write_text(MANIFEST, encoding="utf-8")
        subprocess.run([sys.executable, "-B", HERE / "make_class.py", self.work / "class", str(len(STUDENTS))], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self, results: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-B", "-m", "grading", "grade", self.work / "any.toml", *sorted((self.work / "class").iterdir()),
             "--results", self.work / results, *options],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def grade(self, results: str, *options: str, status: int = 0) -> tuple[list[str], str]:
        process = self.start(results, *options)
        said, complaints = process.communicate(timeout=200)
        self.assertEqual(process.returncode, status, said + complaints)
        return said.splitlines(), complaints

    def verdicts(self, results: str) -> dict[str, Any]:
        """By student, without what differs from run to run."""
        found = {}
        for file in (self.work / results).glob("*/verdict.json"):
            said = json.loads(file.read_text(encoding="utf-8"))
            found[said["student"]] = said["points"], said["input"], [
                (one["path"], one["verdict"], one["points"], (one["failed"] or {}).get("check")) for one in said["exercises"]]
        return found

    def files(self, results: str) -> dict[str, tuple[int, int]]:
        """By student: a verdict that is written anew is another file."""
        return {file.parent.name: (file.stat().st_ino, file.stat().st_mtime_ns)
                for file in (self.work / results).glob("*/verdict.json")}

    def test_two_tasks_give_the_verdicts_of_a_local_run(self) -> None:
        lines, _ = self.grade("local", "--jobs", "2")
        self.assertEqual(sorted(line.partition(":")[0] for line in lines), STUDENTS)
        slurm_lines, _ = self.grade("slurm", "--slurm", "--tasks", "2", "--sbatch-options=--time=5")
        self.assertEqual(sorted(slurm_lines), sorted(lines))
        self.assertEqual(self.verdicts("slurm"), self.verdicts("local"))
        self.assertEqual(sorted(self.verdicts("slurm")), STUDENTS)
        self.assertEqual({points for points, *_ in self.verdicts("slurm").values()}, {0, 5})
        self.assertFalse((self.work / "slurm/.slurm").exists(), "what its tasks have printed is left")

        before = self.files("slurm")
        with (self.work / f"class/{STUDENTS[0]}/exercises/02_bind/any_free_port.cpp").open("a", encoding="utf-8") as file:
            file.write("// handed in again\n")
        self.assertEqual(len(self.grade("slurm", "--slurm", "--tasks", "2")[0]), len(STUDENTS))
        after = self.files("slurm")
        self.assertEqual([student for student in STUDENTS if after[student] != before[student]], STUDENTS[:1])

    def test_an_interrupt_takes_the_job_back(self) -> None:
        process = self.start("slurm", "--slurm", "--tasks", "1")
        assert process.stdout
        self.assertRegex(process.stdout.readline(), "^student")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # and who is impatient changes nothing
        said, complaints = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGINT, complaints)
        self.assertIn("the same command goes on from here", complaints)
        states = subprocess.run(["scontrol", "show", "jobs"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn("JobState=CANCELLED", states)
        done = self.files("slurm")
        self.assertLess(len(done), len(STUDENTS))
        self.grade("slurm", "--slurm", "--tasks", "1")
        self.assertEqual(sorted(self.verdicts("slurm")), STUDENTS)
        self.assertEqual(self.files("slurm") | done, self.files("slurm"), "what had its verdict is graded again")

    def test_a_task_that_cannot_grade_is_named(self) -> None:
        _, complaints = self.grade("slurm", "--slurm", "--sbatch-options=--partition=nowhere", status=2)
        self.assertIn("sbatch does not take the job", complaints)
        _, complaints = self.grade("slurm", "--slurm", "--tasks", "2", "--sbatch-options=--export=PATH=/nowhere", status=2)
        self.assertEqual(complaints.count("a task of Slurm's ended with status"), 2, complaints)
        self.assertEqual(self.verdicts("slurm"), {})


if __name__ == "__main__":
    if "PORTLAB_ONE_NODE" in os.environ:
        unittest.main()
    for tool in ("bwrap", "parallel"):
        if not shutil.which(tool):
            print(f"needs {tool}")
            sys.exit(77)
    os.execvpe("bash", ["bash", str(HERE / "one_node_slurm.sh"), sys.executable, "-B", __file__, *sys.argv[1:]],
               os.environ | {"PORTLAB_ONE_NODE": "1"})
