"""./portlab new: new_test.py ROOT. A copy of the tree gets a chapter, an exercise and a wrong answer. It configures, every new file
compiles, an instructor can hand the exercise out, and the gates name what is left to the author, and nothing else."""
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(sys.argv.pop())
NEW = ["chapters/10_topic/topic.cpp", "tests/chapters/10_topic_test.cpp", "exercises/10_topic/first_steps.cpp",
       "solutions/10_topic/first_steps.cpp", "tests/exercises/10_topic/first_steps_test.cpp", "tests/wrong/10_topic/first_steps/no_flush.cpp"]


class New(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="portlab new ")
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name, "a tree")
        self.tree.mkdir()
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                                stdout=subprocess.PIPE, text=True).stdout.split("\0")
        for file in listed:
            if file and (ROOT / file).is_file():
                (self.tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, self.tree / file)

    def call(self, *words: str, status: int = 0) -> str:
        """Runs the command in the tree; what it printed, all together."""
        done = subprocess.run(words, cwd=self.tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}")
        return done.stdout

    def gate(self, name: str, status: int = 0) -> str:
        return self.call("bash", "tests/gates/gates.sh", name, str(self.tree), status=status)

    def test_what_it_writes_builds_and_the_gates_name_what_is_left(self) -> None:
        self.call("./portlab", "new", "chapter", "10_topic")
        self.assertIn("tests/exercises/10_topic/first_steps.md", self.call("./portlab", "new", "exercise", "10_topic", "first_steps"))
        self.call("./portlab", "new", "mistake", "10_topic/first_steps", "no_flush")
        tests = set(re.findall(r"Test +#\d+: (\S+)", self.call("ctest", "--preset", "default", "-N")))
        wanted = {"exercise.10_topic.first_steps", "stub.10_topic.first_steps", "solution.10_topic.first_steps",
                  "wrong.10_topic.first_steps.no_flush", "wrong.10_topic.says_another_port", "wrong.10_topic.ends_as_a_failure"}
        self.assertEqual(wanted - tests, set())

        commands = {Path(one["file"]).resolve(): one for one in json.loads((self.tree / "build/default/compile_commands.json").read_text())}
        for file in NEW:
            with self.subTest(file):
                one = commands[(self.tree / file).resolve()]
                words = iter(shlex.split(one["command"]))
                kept = [word for word in words if word != "-Winvalid-pch" and not (word in ("-o", "-include") and next(words))]
                done = subprocess.run([*kept, "-fsyntax-only", "-Werror"], cwd=one["directory"], stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

        left = self.gate("nothing_is_left_to_write", status=1)
        for file in [*NEW, "chapters/10_topic/README.md", "tests/exercises/10_topic/first_steps.md", "book.md", "README.md"]:
            if file != "tests/chapters/10_topic_test.cpp":
                self.assertIn(f"{file}:", left)
        self.assertEqual(self.gate("exercises_are_complete", status=1), "tests/wrong/10_topic/first_steps: fewer than five wrong answers\n")
        self.assertRegex(self.gate("demands_are_complete", status=1), "first_steps.md: no row names the wrong answer no_flush")
        for gate in ("formatting_is_clean", "chapters_are_listed_everywhere", "programs_are_figures"):
            self.gate(gate, status=0 if gate != "formatting_is_clean" or shutil.which("clang-format") else 77)
        self.assertIn("1 exercises, 10 points", self.call("./portlab", "handout", "10_topic", "--output", "copy.tar.gz"))

        # In a chapter that has exercises, and is not the last one.
        before = (self.tree / "chapters/02_bind/README.md").read_text()
        self.call("./portlab", "new", "exercise", "02_bind", "second_address")
        text = (self.tree / "chapters/02_bind/README.md").read_text()
        place = text.index("\n### Exercise 2.5: second address\n\n`exercises/02_bind/second_address.cpp` · easy")
        self.assertEqual(before[:place], text[:place])
        self.call("python3", "tools/book/exercises.py", "check")

    def test_wrong_use_is_named_and_changes_nothing(self) -> None:
        self.call("git", "init", "-q")
        self.call("git", "add", "-A")
        for words, said in {
            "chapter topic": '"topic" is no name: .* such as 10_topic',
            "chapter 02_bind": "chapters/02_bind is there already",
            "chapter 02_more": "02_bind has the number 02 already",
            "exercise 02_bnid second": 'there is no chapter "02_bnid"; there are: 01_socket, ',
            "exercise 02_bind Second": '"Second" is no name',
            "exercise 02_bind any_free_port": "exercises/02_bind/any_free_port.cpp is there already",
            "mistake any_free_port no_flush": 'there is no exercise "any_free_port": write CHAPTER/NAME',
            "mistake 02_bind/any_free_port no_flush": "no_flush.diff is there already",
            "exercise 02_bind": "the following arguments are required: NAME",
        }.items():
            with self.subTest(words):
                self.assertRegex(self.call("./portlab", "new", *words.split(), status=2), said)
        self.assertEqual(self.call("git", "diff", "--name-only"), "")
        self.assertIn("Example: ./portlab new exercise", self.call("./portlab", "new", "--help"))
        shutil.rmtree(self.tree / "tools/authors")
        self.assertIn("this copy of the book is a student's", self.call("./portlab", "new", "chapter", "10_topic", status=2))


if __name__ == "__main__":
    if not all(map(shutil.which, ("cmake", "ninja", "git"))) or not (ROOT / ".git").exists():
        print("needs cmake, ninja, git, and a tree that was cloned")
        sys.exit(77)
    if sys.version_info < (3, 11):
        print("needs Python 3.11 or newer")
        sys.exit(77)
    unittest.main()
