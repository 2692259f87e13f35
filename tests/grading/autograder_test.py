"""Gradescope's autograder: what its zip holds, and that it grades in folders such as Gradescope's."""

import argparse
import contextlib
import io
import json
import os
import shutil
import stat
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

import wrong_answers
from grading import autograder, manifest

ROOT = manifest.ROOT
MANIFEST = """
title = "Bind"
due = 2026-12-07T23:59:00Z
seed = 1

[[exercise]]
path = "02_bind/any_free_port"

[[exercise]]
path = "02_bind/explain_refusal"
tests = "hidden"
sentence = "There is more than one reason for a refusal."
"""


class Zip(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="portlab gradescope ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)  # as root, programs are compiled and run by somebody else
        self.overlay, self.zip = self.folder / "private", self.folder / "a.zip"
        judge = self.overlay / "tests/exercises/02_bind/explain_refusal_test.cpp"
        judge.parent.mkdir(parents=True)
        judge.write_text((ROOT / judge.relative_to(self.overlay)).read_text() + "// hidden\n")
        (self.overlay / "solutions").mkdir()
        (self.overlay / "solutions/notes.txt").write_text("secret")
        (self.overlay / "assignments").mkdir()
        (self.overlay / "assignments/mine.toml").write_text(MANIFEST)

    def make(self, *words: object) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        autograder.add_to(parser.add_subparsers())
        arguments = parser.parse_args(["gradescope", *map(str, words), "--overlay", str(self.overlay),
                                       "--output", str(self.zip)])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            return arguments.run(arguments), said.getvalue()

    def test_what_it_holds(self):
        self.assertEqual(self.make("mine"), (0, ""))
        with zipfile.ZipFile(self.zip) as archive:
            names = archive.namelist()
            modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
            self.assertEqual(archive.read("assignment"), b"mine\n")
            judge = archive.read("overlay/tests/exercises/02_bind/explain_refusal_test.cpp")
            self.assertTrue(judge.endswith(b"// hidden\n"))
            self.assertEqual(archive.read("portlab/assignments/mine.toml").decode(), MANIFEST)
        for script in ("setup.sh", "run_autograder"):  # at the root, as Gradescope asks
            self.assertEqual(modes[script], stat.S_IFREG | 0o755)
        self.assertEqual([name for name in names if "solutions" in name or "notes" in name or name.startswith("/")], [])
        self.assertEqual([name for name in names if "tests/wrong/" in name and not name.endswith(".cmake")], [])
        self.assertEqual([name for name in names if "tests/grading/" in name], ["portlab/tests/grading/CMakeLists.txt"])
        self.assertEqual([name for name in names if "tests/exercises/" in name],
                         ["overlay/tests/exercises/02_bind/explain_refusal_test.cpp",
                          "portlab/tests/exercises/02_bind/any_free_port_test.cpp"])
        before = self.zip.read_bytes()
        self.make("mine")
        self.assertEqual(self.zip.read_bytes(), before)

    def test_what_goes_wrong_is_said(self):
        status, said = self.make("yours")
        self.assertEqual(status, 2)
        self.assertIn('there is no assignment "yours"', said)
        self.assertFalse(self.zip.exists())

    @unittest.skipUnless((ROOT / "solutions").is_dir() and all(map(shutil.which, ("cmake", "ninja", "parallel", "prlimit"))),
                         "needs the solutions, cmake, ninja, GNU parallel and prlimit")
    def test_it_grades(self):
        self.assertEqual(self.make("mine"), (0, ""))
        place = self.folder / "autograder"
        with zipfile.ZipFile(self.zip) as archive:
            archive.extractall(place / "source")
        programs = self.folder / "bin"  # with an apt-get that has nothing to do
        programs.mkdir()
        (programs / "apt-get").write_text("#!/bin/sh\n")
        (programs / "apt-get").chmod(0o755)
        environment = os.environ | {"AUTOGRADER": str(place), "PATH": f"{programs}:{os.environ['PATH']}"}

        def run(script: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(["bash", str(place / "source" / script)], env=environment, cwd=place, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)

        built = run("setup.sh")
        self.assertEqual(built.returncode, 0, built.stdout)
        self.assertIn("nobody: 0 of 15", built.stdout)

        answers = place / "submission/exercises/02_bind"
        answers.mkdir(parents=True)
        shutil.copy(ROOT / "solutions/02_bind/any_free_port.cpp", answers)
        (answers / "explain_refusal.cpp").write_text(wrong_answers.source("02_bind/explain_refusal", "status_0"))
        graded = run("run_autograder")
        self.assertEqual(graded.returncode, 0, graded.stdout)
        results = json.loads((place / "results/results.json").read_text())
        self.assertEqual(results["score"], 5, (graded.stdout, results))
        self.assertEqual([(test["score"], test["status"]) for test in results["tests"]], [(5, "passed"), (0, "failed")])
        self.assertEqual(results["tests"][1]["output"], "There is more than one reason for a refusal.")

        # Where nothing can be judged, there is no result, and so no zero.
        (place / "results/results.json").unlink()
        (place / "source/assignment").write_text("yours\n")
        self.assertNotEqual(run("run_autograder").returncode, 0)
        self.assertFalse((place / "results/results.json").exists())


if __name__ == "__main__":
    unittest.main()
