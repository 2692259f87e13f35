"""Submissions graded from end to end: right, wrong, broken, refused; again, interrupted, and where nothing is kept apart."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import wrong_answers
from grading.sandbox import ROOT

DEADLINE = 300  # seconds, of which a quiet machine needs few
SENTENCE = "Only this machine may reach it."
EXERCISES = ("01_socket/inherited_socket", "02_bind/any_free_port", "05_port_conflict/name_the_holder",
             "07_many_services/which_service")


def needs():
    """What is missing here for a sandbox, in words."""
    if not (ROOT / "solutions").is_dir():
        return "the solutions, which a copy for students has not got"
    for tool in ("bwrap", "parallel", "prlimit", "ninja"):
        if not shutil.which(tool):
            return tool
    tried = subprocess.run(["bwrap", "--unshare-user", "--disable-userns", "--unshare-net", "--unshare-pid",
                            "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False)
    return f"namespaces: {tried.stderr.strip()}" if tried.returncode else ""


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="portlab grading ")))
        cls.folder.chmod(0o755)
        (cls.folder / "tmp").mkdir()
        (cls.folder / "tmp").chmod(0o755)
        cls.results = cls.folder / "results"

    @classmethod
    def assignment(cls, name, *exercises, hidden=""):
        text = 'title = "A sample"\ndue = 2026-12-07T23:59:00Z\nseed = 1\n'
        for path in exercises:
            text += f'[[exercise]]\npath = "{path}"\n'
            text += f'tests = "hidden"\nsentence = "{SENTENCE}"\n' if path == hidden else ""
        file = cls.folder / f"{name}.toml"
        file.write_text(text)
        return file

    @classmethod
    def submission(cls, student, files):
        """Files by the exercise; a text, or a path whose text is taken."""
        for path, content in files.items():
            file = cls.folder / "class" / student / f"exercises/{path}.cpp"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())
        return cls.folder / "class" / student

    @classmethod
    def command(cls, assignment, *submissions, more=()):
        return [sys.executable, "-B", "-m", "grading", "grade", str(assignment), *map(str, submissions),
                "--results", str(cls.results), "--jobs", "2", *more]

    @classmethod
    def environment(cls, **more):
        return os.environ | {"TMPDIR": str(cls.folder / "tmp"), "PYTHONPATH": str(ROOT / "tools")} | more

    @classmethod
    def grade(cls, *words, more=(), **environment):
        return subprocess.run(cls.command(*words, more=more), cwd=ROOT, env=cls.environment(**environment), capture_output=True,
                              text=True, timeout=DEADLINE, check=False)

    def verdict(self, student):
        return json.loads((self.results / student / "verdict.json").read_text())

    def exercise(self, student, path):
        return next(one for one in self.verdict(student)["exercises"] if one["path"] == path)

    def nothing_is_left(self):
        mark = os.fsencode(self.folder)
        def running():
            found = []
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = entry.read_bytes()
                except OSError:
                    continue
                if mark in text and entry.parent.name != str(os.getpid()):
                    found.append(text.replace(b"\0", b" ")[:200])
            return found
        deadline = time.monotonic() + 20
        while running() and time.monotonic() < deadline:
            os.sched_yield() # they have been killed, and end as soon as the kernel gets to them
        self.assertEqual(running(), [])
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])


class AClass(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sample = cls.assignment("sample", *EXERCISES, hidden="02_bind/any_free_port")
        cls.submissions = [
            cls.submission("model", {path: ROOT / f"solutions/{path}.cpp" for path in EXERCISES}),
            cls.submission("mixed", {
                "01_socket/inherited_socket": '#include "/etc/passwd"\nint main() { \x1b[31m }\n',
                "02_bind/any_free_port": wrong_answers.source("02_bind/any_free_port", "wildcard"),
                "05_port_conflict/name_the_holder": wrong_answers.source(
                    "05_port_conflict/name_the_holder", "names_the_first_alone"),
                "07_many_services/which_service": ROOT / "exercises/07_many_services/which_service.cpp"}),
        ]
        linked = cls.folder / "class/linked/exercises/02_bind/any_free_port.cpp"
        linked.parent.mkdir(parents=True)
        linked.symlink_to(ROOT / "solutions/02_bind/any_free_port.cpp")
        cls.submissions.append(cls.folder / "class/linked")
        cls.done = cls.grade(cls.sample, *cls.submissions, HOME=str(ROOT.parent))  # where most have their checkout

    def test_it_says_what_each_has_and_ends_with_status_0(self):
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))
        self.assertEqual(sorted(line.split(",")[0] for line in self.done.stdout.splitlines()),
                         ["linked: 0 of 45", "mixed: 0 of 45", "model: 45 of 45"])

    def test_model_answers_are_right(self):
        verdict = self.verdict("model")
        self.assertEqual([one["verdict"] for one in verdict["exercises"]], ["right"] * 4, verdict)
        self.assertEqual((verdict["points"], verdict["of"], verdict["launcher"]), (45, 45, "bubblewrap"))

    def test_a_wrong_answer_has_its_failed_check_and_the_story(self):
        wrong = self.exercise("mixed", "05_port_conflict/name_the_holder")
        head = (ROOT / "tests/wrong/05_port_conflict/name_the_holder/names_the_first_alone.diff").read_text().splitlines()
        self.assertEqual((wrong["verdict"], wrong["points"]), ("wrong", 0))
        self.assertIn(f"Fails: {wrong['failed']['check']}", head)
        self.assertIn("What the grader did", wrong["story"])

    def test_a_hidden_test_tells_the_instructors_sentence_alone(self):
        wrong = self.exercise("mixed", "02_bind/any_free_port")
        self.assertEqual((wrong["verdict"], wrong["story"], wrong["failed"], wrong["checks"]), ("wrong", SENTENCE, None, []))

    def test_what_does_not_compile_has_the_compilers_words_and_sees_no_file_of_the_machine(self):
        broken = self.exercise("mixed", "01_socket/inherited_socket")
        self.assertEqual(broken["verdict"], "does not compile")
        self.assertIn("exercises/01_socket/inherited_socket.cpp:1:10: fatal error: /etc/passwd: No such file", broken["story"])
        self.assertNotIn("\x1b", broken["story"])
        self.assertTrue(broken["flags"])

    def test_a_stub_is_not_started(self):
        self.assertEqual(self.exercise("mixed", "07_many_services/which_service")["verdict"], "not started")

    def test_a_link_is_refused_and_what_is_not_there_is_missing(self):
        self.assertEqual([one["verdict"] for one in self.verdict("linked")["exercises"]],
                         ["missing", "refused", "missing", "missing"])

    def test_the_same_input_is_not_graded_again_and_another_is(self):
        files = [self.results / name / "verdict.json" for name in ("linked", "mixed", "model")]
        before = [file.stat().st_mtime_ns for file in files]
        changed = self.folder / "class/linked/exercises/02_bind/any_free_port.cpp"
        changed.unlink()
        again = self.grade(self.sample, *self.submissions)
        changed.symlink_to(ROOT / "solutions/02_bind/any_free_port.cpp")
        self.assertEqual(again.returncode, 0, again.stderr)
        after = [file.stat().st_mtime_ns for file in files]
        self.assertEqual([old == new for old, new in zip(before, after)], [False, True, True])

    def test_two_submissions_of_one_student_are_wrong_use(self):
        again = self.grade(self.sample, self.submissions[0], self.submissions[0])
        self.assertEqual(again.returncode, 2)
        self.assertIn("are both of model", again.stderr)

    def test_nothing_is_left(self):
        self.nothing_is_left()


class Interrupted(Case):
    def test_it_ends_at_once_and_leaves_nothing(self):
        endless = ("#include <csignal>\n"
                   "int main() { for (int i = 1; i < 64; ++i) std::signal(i, SIG_IGN); for (volatile int n = 0;;) n = 1; }\n")
        students = [self.submission(name, {"02_bind/any_free_port": endless}) for name in ("ada", "bob")]
        process = subprocess.Popen(self.command(self.assignment("one", "02_bind/any_free_port"), *students), cwd=ROOT,
                                   env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + DEADLINE
        while not list((self.folder / "tmp").rglob("any_free_port")): # a program of theirs is there
            self.assertLess(time.monotonic(), deadline)
            try:
                self.fail(f"it ended with {process.wait(0.02)}: {process.communicate()[1]}")
            except subprocess.TimeoutExpired:
                pass
        process.send_signal(signal.SIGINT)
        words = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130)
        self.assertIn("the same command goes on from here", words)
        self.nothing_is_left()
        self.assertEqual([path.name for path in self.results.rglob("*") if path.is_file()], [])


class NotApart(Case):
    """A bubblewrap that leaves out some of what it is told to do."""

    def refusal(self, script):
        (self.folder / "bin").mkdir(exist_ok=True)
        fake = self.folder / "bin/bwrap"
        fake.write_text(f"#!/usr/bin/bash\nreal={shutil.which('bwrap')}\n{script}\n")
        fake.chmod(0o755)
        student = self.submission("ada", {"02_bind/any_free_port": "int main() {}\n"})
        done = self.grade(self.assignment("one", "02_bind/any_free_port"), student,
                          PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertFalse(self.results.exists())
        return done.stderr

    def without(self, option):
        return f'words=(); for word; do [ "$word" = {option} ] || words+=("$word"); done; exec "$real" "${{words[@]}}"'

    def test_it_refuses_to_grade(self):
        for what, script, words in (
            ("nothing", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "the sandbox of the compiler is not apart"),
            ("network", self.without("--unshare-net"), "the sandbox of the compiler is not apart: of interfaces"),
            ("processes", self.without("--unshare-pid"), "not apart|does not come up"),
            ("files", 'exec "$real" --ro-bind / / "$@"', "not apart|does not come up"),
            ("end", "exit 0", "does not come up"),
        ):
            with self.subTest(what):
                self.assertRegex(self.refusal(script), words)


class Weaker(Case):
    def test_it_grades_and_says_so(self):
        student = self.submission("ada", {"02_bind/any_free_port": ROOT / "solutions/02_bind/any_free_port.cpp"})
        done = self.grade(self.assignment("one", "02_bind/any_free_port"), student, more=["--launcher", "user"])
        if os.geteuid() == 0 and done.returncode == 2:
            self.skipTest(f"needs a tree that another user can read: {done.stderr}")
        self.assertEqual((done.returncode, done.stdout), (0, "ada: 5 of 5\n"), done.stderr)
        self.assertIn("without a sandbox", done.stderr)
        self.assertEqual(self.verdict("ada")["launcher"], "user")


if __name__ == "__main__":
    if missing := needs():
        print(f"needs {missing}")
        sys.exit(77)
    unittest.main()
