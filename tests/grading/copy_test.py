"""A student unpacks the archive and works in it: it configures, every exercise is not started and nothing is red; with the
solutions in place of the stubs everything is right; and with the overlay the hidden tests judge."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from grading import handout, manifest

ROOT = manifest.ROOT
PATHS = ["02_bind/any_free_port", "02_bind/one_number_twice", "02_bind/explain_refusal", "02_bind/read_the_trace"]
OWN = "02_bind/house_number"  # of the overlay: a copy of another exercise, under a name of its own
MANIFEST = f"""
title = "Bind, with hidden tests"
due = 2026-12-07T23:59:00Z
seed = 1

[[exercise]]
path = "02_bind/any_free_port"
[[exercise]]
path = "02_bind/one_number_twice"
[[exercise]]
path = "02_bind/explain_refusal"

[[exercise]]
path = "02_bind/read_the_trace"
tests = "hidden"
sentence = "A descriptor is told by its number and its time."

[[exercise]]
path = "{OWN}"
tests = "hidden"
sentence = "The number comes from the house."
"""
CATALOGUE = f'[{{"path": "{OWN}", "title": "house number", "level": "warm-up", "minutes": 5, "points": 5, "kind": "write"}}]'
STATEMENT = f"### Exercise: house number\n\n`exercises/{OWN}.cpp`\n\nWrite a server.\n"


def verdicts(printed: str, prefix: str) -> dict[str, str]:
    """The result of each test with that prefix, as ctest says it: Passed, Skipped, Failed."""
    return dict(re.findall(rf"Test +#\d+: ({re.escape(prefix)}\S+) \.+ *\**(\w+)", printed))


class Copy(unittest.TestCase):
    def setUp(self):
        if not (ROOT / "solutions").is_dir():
            self.skipTest("needs the solutions")
        folder = tempfile.TemporaryDirectory(prefix="portlab copy ")
        self.addCleanup(folder.cleanup)
        self.overlay, self.copy = Path(folder.name, "private"), Path(folder.name, "copy")
        for path, source in {
            f"exercises/{OWN}.cpp": "exercises/02_bind/any_free_port.cpp",
            f"solutions/{OWN}.cpp": "solutions/02_bind/any_free_port.cpp",
            f"tests/exercises/{OWN}_test.cpp": "tests/exercises/02_bind/any_free_port_test.cpp",
            "tests/exercises/02_bind/read_the_trace_test.cpp": "tests/exercises/02_bind/read_the_trace_test.cpp",
        }.items():
            (self.overlay / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, self.overlay / path)
        (self.overlay / f"exercises/{OWN}.md").write_text(STATEMENT)
        (self.overlay / "exercises/exercises.json").write_text(CATALOGUE)
        (self.overlay / "assignments").mkdir()
        (self.overlay / "assignments/hidden.toml").write_text(MANIFEST)
        handout.write_copy(manifest.read("hidden", self.overlay), self.copy, self.overlay)

    def run_in_copy(self, *words: str) -> str:
        done = subprocess.run(words, cwd=self.copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{' '.join(words)}: {done.stdout}")
        return done.stdout

    def test_from_the_archive_to_the_verdict(self):
        self.run_in_copy("cmake", "--preset", "default")
        exercises = ["exercise." + path.replace("/", ".") for path in [*PATHS, OWN]]
        # Of those that have not been begun, and of those whose tests are hidden, ctest says so.
        printed = self.run_in_copy("ctest", "--preset", "default", "-L", "exercise", "-j", "2")
        self.assertEqual(verdicts(printed, "exercise."), dict.fromkeys(exercises, "Skipped"))
        names = re.findall(r"Test +#\d+: (\S+)", self.run_in_copy("ctest", "--preset", "default", "-N"))
        self.assertIn("wrong.02_bind.takes_every_address", names)
        self.assertIn("book.02_bind.transcript_1", names)
        of_authors = ("solution.", "stub.", "gate.", "judges.", "grading.", "fuzz.", "portlab.", "book.spelling", "book.list")
        self.assertEqual([name for name in names if name.startswith(of_authors)], [])

        # Solved; a hidden test stays one.
        for path in [*PATHS, OWN]:
            base = self.overlay if path == OWN else ROOT
            shutil.copy(base / f"solutions/{path}.cpp", self.copy / f"exercises/{path}.cpp")
        printed = self.run_in_copy("ctest", "--preset", "default", "-L", "exercise", "-j", "2")
        self.assertEqual(verdicts(printed, "exercise."),
                         dict.fromkeys(exercises[:3], "Passed") | dict.fromkeys(exercises[3:], "Skipped"))
        hidden = self.run_in_copy("ctest", "--preset", "default", "-R", "exercise.02_bind.house_number", "-V")
        self.assertIn("its tests are hidden: your instructor runs them", hidden)
        loop = str(Path(os.environ["PORTLAB_BUILD"], "tools/loop/portlab"))
        self.assertIn("2.5 house number: compiles; your instructor runs its tests\n", self.run_in_copy(loop, "check", "2.5"))
        printed = self.run_in_copy(loop)
        self.assertRegex(printed, "house number +compiles, 5 points, your instructor runs its tests")
        self.assertIn("None is open.", printed)

        # The instructor's own build, with the overlay. His solution is judged by his judge.
        shutil.rmtree(self.copy / "exercises/02_bind")
        shutil.copytree(ROOT / "exercises/02_bind", self.copy / "exercises/02_bind")
        self.run_in_copy("cmake", "--preset", "default", f"-DPORTLAB_OVERLAY={self.overlay}")
        printed = self.run_in_copy("ctest", "--preset", "default", "-j", "2",
                                   "-R", "^(solution|stub|exercise).02_bind.(house_n|read_t)")
        self.assertEqual(verdicts(printed, "exercise.") | verdicts(printed, "stub.") | verdicts(printed, "solution."),
                         {"exercise.02_bind.house_number": "Skipped", "stub.02_bind.house_number": "Passed",
                          "solution.02_bind.house_number": "Passed", "exercise.02_bind.read_the_trace": "Skipped"})


if __name__ == "__main__":
    if not all(map(shutil.which, ("cmake", "ninja", "ctest"))):
        print("needs cmake and ninja")
        sys.exit(77)
    unittest.main()
