"""What is in the archive for students, and what must not be in it."""

import argparse
import contextlib
import functools
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from book import exercises as catalogue
from grading import handout, manifest

ROOT = manifest.ROOT
MANIFEST = """
title = "Bind, in part"
due = 2026-12-07T23:59:00+01:00
seed = 1

[[exercise]]
path = "02_bind/any_free_port"
points = 7

[[exercise]]
path = "02_bind/read_the_trace"
tests = "hidden"
sentence = "A descriptor is told by its number and its time."

[[exercise]]
path = "02_bind/house_number"
tests = "hidden"
sentence = "The number comes from the house."
"""
CATALOGUE = """[
  {"path": "02_bind/for_the_exam", "title": "never handed out: exam", "level": "easy", "minutes": 5, "points": 4, "kind": "write"},
  {"path": "02_bind/house_number", "title": "house number", "level": "easy", "minutes": 5, "points": 4, "kind": "write"}
]"""
STATEMENT = """### Exercise: house number

`exercises/02_bind/house_number.cpp`

Write a server.
"""


def command(*words: object) -> tuple[int, str, str]:
    """The exit status of the command, and what it prints."""
    parser = argparse.ArgumentParser()
    handout.add_to(parser.add_subparsers())
    arguments = parser.parse_args([str(word) for word in words])
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = arguments.run(arguments)
    return status, out.getvalue(), err.getvalue()


def an_overlay(folder: Path) -> Path:
    """With a hidden judge for a public exercise, and an exercise of its own."""
    for path, text in {
        "assignments/part.toml": MANIFEST,
        "exercises/exercises.json": CATALOGUE,
        "exercises/02_bind/for_the_exam.md": "never handed out: statement\n",
        "exercises/02_bind/house_number.cpp": (ROOT / "exercises/02_bind/any_free_port.cpp").read_text(),
        "exercises/02_bind/house_number.md": STATEMENT,
        "exercises/02_bind/any_free_port.md": STATEMENT.replace("house_number", "any_free_port")
        .replace("Write a server.", "Write another server."),
        "solutions/02_bind/house_number.cpp": "// never handed out: solution\n",
        "tests/exercises/02_bind/house_number_test.cpp": "// never handed out: judge\n",
        "tests/exercises/02_bind/read_the_trace_test.cpp": "// never handed out: judge\n",
        "tests/wrong/02_bind.cmake": "# never handed out\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@functools.cache
def runs_of_lines(text: str) -> set[tuple[str, ...]]:
    """Each three lines that follow each other, whatever their indentation."""
    lines = [" ".join(line.split()) for line in text.splitlines() if len(line.strip()) > 3]
    return {tuple(lines[i:i + 3]) for i in range(len(lines) - 2)}


def given_away(copy: Path, root: Path) -> list[str]:
    """The solutions and wrong answers of which a file in the copy has a good part, beside what they have from the stub and
    from the programs of their chapter. What two good programs have in common is less: a quarter at most, by measurement."""
    files = {file.relative_to(copy).as_posix(): runs_of_lines(file.read_text(errors="replace"))
             for file in copy.rglob("*") if file.is_file() and ".git" not in file.parts}
    found = []
    for secret in [*root.glob("solutions/*/*"), *root.glob("tests/wrong/*/*/*")]:
        parts = secret.relative_to(root).parts
        stub = Path("exercises", *(parts[1:] if parts[0] == "solutions" else parts[2:4])).with_suffix(".cpp").as_posix()
        words = secret.read_text()
        own = runs_of_lines(words).difference(*(runs_of_lines(given.read_text()) for given in
                                                [root / stub, *root.glob(f"chapters/{Path(stub).parts[1]}/*.cpp")]))
        for path, runs in files.items():
            if len(own & runs) > max(4, 0.4 * len(own)):
                found.append(f"{path} gives {secret.relative_to(root)} away")
    return found


class Archive(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def unpacked(self, *words: object) -> Path:
        status, _, errors = command("handout", *words, "--output", self.folder / "archive.tar.gz")
        self.assertEqual((status, errors), (0, ""))
        subprocess.run(["tar", "-xzf", "archive.tar.gz"], cwd=self.folder, check=True)
        return next(self.folder.glob("portlab-*/"))

    def files(self, copy: Path) -> list[str]:
        return sorted(file.relative_to(copy).as_posix() for file in copy.rglob("*")
                      if file.is_file() and ".git" not in file.parts)

    def test_nothing_in_it_gives_a_solution_or_a_wrong_answer_away(self):
        if not (ROOT / "solutions").is_dir():
            self.skipTest("needs the solutions")
        copy = self.unpacked("book")
        self.assertEqual(given_away(copy, ROOT), [])
        heads = {line for file in ROOT.glob("tests/wrong/*/*/*.*") for line in file.read_text().splitlines()[:4]
                 if line.removeprefix("// ").startswith(("Fails: ", "Seen: "))}
        for path in self.files(copy):
            self.assertFalse(heads & set((copy / path).read_text(errors="replace").splitlines()), path)
        # And the search finds what it must find.
        for secret in ("solutions/02_bind/any_free_port.cpp", "tests/wrong/02_bind/any_free_port/no_flush.diff",
                       "solutions/04_client_port/own_port.py"):
            shutil.copy(ROOT / secret, copy / "common/notes.txt")
            self.assertIn(f"common/notes.txt gives {secret} away", given_away(copy, ROOT))

    def test_it_has_the_exercises_of_the_assignment_with_their_judges_and_no_other(self):
        copy = self.unpacked("02_bind")
        names = ["any_free_port", "explain_refusal", "one_number_twice", "read_the_trace"]
        files = self.files(copy)
        self.assertEqual([path for path in files if path.startswith("exercises/") and not path.endswith(".hpp")],
                         [f"exercises/02_bind/{name}.cpp" for name in names] + ["exercises/exercises.json"])
        self.assertEqual([path for path in files if path.startswith("tests/exercises/")],
                         [f"tests/exercises/02_bind/{name}_test.cpp" for name in names])
        for folder in ("solutions", "tools/grading", "tools/authors", "CONTRIBUTING.md", "assignments", "bench", ".ci", ".github", "tests/gates", "tests/mutation",
                       "tests/judges", "tests/grading", "tests/fuzz", "tests/portlab", "build", "instructors.md"):
            self.assertFalse((copy / folder).exists(), folder)
        self.assertTrue(all(path.endswith(".cmake") for path in files if path.startswith("tests/wrong/")))
        self.assertEqual({exercise.path for exercise in catalogue.read(copy) if exercise.points},
                         {f"02_bind/{name}" for name in names})
        for path in ("CMakeLists.txt", "tests/CMakeLists.txt", "README.md"):  # as they are, to the byte
            self.assertEqual((copy / path).read_bytes(), (ROOT / path).read_bytes(), path)
        self.assertTrue(os.access(copy / "portlab", os.X_OK))

    def test_its_texts_state_what_it_has(self):
        copy = self.unpacked("02_bind")
        assigned = {item.path for item in manifest.read("02_bind").items}
        for exercise in catalogue.read(ROOT):
            section = catalogue.statements(copy)[exercise.path]
            self.assertTrue(section.startswith(f"### {exercise.heading}\n\n`exercises/{exercise.path}.cpp` · "), section)
            self.assertEqual("· not part of this assignment\n" not in section, exercise.path in assigned)
            self.assertEqual(f" · {exercise.points} points" in section, exercise.path in assigned)
        book = (copy / "book.md").read_text()
        self.assertIn("| 4 exercises | | | 35 | |", book)
        self.assertNotIn("| [1.1: ", book)
        self.assertIn("## Contents", book)
        page = (copy / "assignment.md").read_text()
        self.assertIn("Due Monday 2026-12-07 23:59 UTC, for 35 points.", page)
        self.assertIn("](chapters/02_bind/README.md#exercise-22-one-number-twice) | "
                      "`exercises/02_bind/one_number_twice.cpp` | 10", page)
        self.assertIn("./portlab predict --seed 1 --chapter 02 ", page)
        self.assertNotIn("hidden", page)

    def test_what_its_texts_and_its_script_need_is_there(self):
        copy = self.unpacked("02_bind")
        for text in copy.rglob("*.md"):
            prose = re.sub(r"```.*?```|`[^`]*`", "", text.read_text(), flags=re.DOTALL)
            for link in re.findall(r"\]\(([^)#:\s]+)[^):]*\)", prose):
                self.assertTrue((text.parent / link).exists(), f"{text.relative_to(copy)}: {link}")
        done = subprocess.run(["bash", "portlab", "help"], cwd=copy, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_of_an_overlay_come_stubs_and_statements_and_never_solutions_or_judges(self):
        overlay = an_overlay(self.folder / "private")
        copy = self.unpacked("part", "--overlay", overlay)
        files = self.files(copy)
        self.assertEqual([path for path in files if "02_bind/" in path and path.startswith(("exercises/", "tests/exercises"))],
                         ["exercises/02_bind/any_free_port.cpp", "exercises/02_bind/house_number.cpp",
                          "exercises/02_bind/read_the_trace.cpp", "tests/exercises/02_bind/any_free_port_test.cpp"])
        for path in files:
            self.assertFalse("never handed out" in (copy / path).read_text(errors="replace"), path)
        known = {exercise.path: exercise for exercise in catalogue.read(copy)}
        self.assertEqual({path: exercise.points for path, exercise in known.items() if exercise.points},
                         {"02_bind/any_free_port": 7, "02_bind/read_the_trace": 10, "02_bind/house_number": 4})
        section = catalogue.statements(copy)["02_bind/house_number"]
        self.assertTrue(section.startswith("### Exercise 2.5: house number\n\n`exercises/02_bind/house_number.cpp` · easy · "
                                           "5 minutes · 4 points\n\nWrite a server.\n"), section)
        text = (copy / "chapters/02_bind/README.md").read_text()
        self.assertTrue(text.endswith("</details>\n\n" + section.rstrip() + "\n"), text[-200:])
        self.assertIn("Write another server.", text)
        self.assertNotIn("Write a server that can always start", text)
        page = (copy / "assignment.md").read_text()
        self.assertIn("`exercises/02_bind/house_number.cpp` | 4 | hidden |", page)
        self.assertIn("A hidden test is run by your instructor alone", page)
        self.assertIn("23:59 UTC+01:00, for 21 points.", page)

    @unittest.skipUnless(shutil.which("git"), "needs git")
    def test_its_history_is_one_commit_of_what_it_holds(self):
        copy = self.unpacked("02_bind")

        def git(*words: str) -> str:
            return subprocess.run(["git", *words], cwd=copy, check=True, capture_output=True, text=True).stdout

        self.assertEqual(git("log", "--all", "--format=%an %s"), "Portlab What is handed out\n")
        self.assertEqual(git("status", "--porcelain"), "")
        self.assertEqual(git("fsck", "--unreachable", "--no-reflogs", "--no-progress"), "")
        self.assertEqual(sorted(git("ls-files").split()), self.files(copy))

    def test_one_tree_makes_one_archive_whoever_makes_it(self):
        first, second = self.folder / "first.tar.gz", self.folder / "second.tar.gz"
        self.assertEqual(command("handout", "02_bind", "--output", first)[0], 0)
        before = os.umask(0o077)
        try:
            self.assertEqual(command("handout", "02_bind", "--output", second)[0], 0)
        finally:
            os.umask(before)
        self.assertEqual(first.read_bytes(), second.read_bytes())
        with tarfile.open(first) as archive:
            entries = archive.getmembers()
        names = [entry.name.split("/") for entry in entries]
        self.assertEqual(names, sorted(names))
        self.assertEqual({(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries},
                         {(0, 0, "", "", handout.TIME)})
        self.assertTrue(all(entry.isfile() or entry.isdir() for entry in entries))

    def test_notes_beside_the_tree_stay_out_of_it(self):
        tree = self.folder / "tree"
        paths = [*handout.FILES, *handout.FOLDERS, "exercises", "tests/exercises/02_bind", "tests/wrong"]
        for path in paths:
            if (ROOT / path).is_dir():
                shutil.copytree(ROOT / path, tree / path, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, tree / path)
        assignment = manifest.read("02_bind")
        (tree / "chapters/02_bind/notes.txt").write_text("mine")
        (tree / "exercises/02_bind/any_free_port.cpp~").write_text("mine")
        files = handout.chosen_files(assignment, None, tree)
        self.assertNotIn("exercises/02_bind/any_free_port.cpp~", files)
        if shutil.which("git"):
            subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
            subprocess.run(["git", "add", *paths, ":!*notes.txt"], cwd=tree, check=True)
            self.assertNotIn("chapters/02_bind/notes.txt", handout.chosen_files(assignment, None, tree))

            (tree / ".git/HEAD").unlink()
            with self.assertRaisesRegex(handout.HandoutError, "git cannot say which files belong to the tree"):
                handout.chosen_files(assignment, None, tree)
            shutil.rmtree(tree / ".git")

        # A stub that has been filled in is an answer.
        stub = tree / "exercises/02_bind/any_free_port.cpp"
        stub.write_text(stub.read_text().replace("begin_here();", "return 0;"))
        with self.assertRaisesRegex(handout.HandoutError, "any_free_port.cpp has no line begin_here.*git restore exercises/02"):
            handout.write_copy(assignment, self.folder / "copy", None, tree)

    def test_a_statement_that_is_none_is_refused(self):
        overlay = an_overlay(self.folder / "private")
        (overlay / "exercises/02_bind/house_number.md").write_text(STATEMENT.replace("house_number", "another"))
        status, _, errors = command("handout", "part", "--overlay", overlay, "--output", self.folder / "a.tar.gz")
        self.assertEqual(status, 2)
        self.assertIn("house_number.md: must begin with the line ### Exercise", errors)

    def test_what_goes_wrong_is_said_and_leaves_no_file(self):
        status, out, errors = command("handout", "02_bnid", "--output", self.folder / "a.tar.gz")
        self.assertEqual((status, out), (2, ""))
        self.assertIn('portlab: there is no assignment "02_bnid"; there are: 01_socket, ', errors)
        status, _, errors = command("handout", "02_bind", "--output", self.folder / "nowhere/a.tar.gz")
        self.assertEqual(status, 2)
        self.assertRegex(errors, "portlab: .*No such file or directory.*nowhere")
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
