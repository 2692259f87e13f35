"""Grades the hostile corpus as one class, with the honest answers among it, and looks at what is left of the machine.

The attacks find a secret wherever they get at one that they ought not to, because it is put there: in the environment of the
grader, in the overlay beside the hidden tests, in another student's answer. They leave files with "portlab-forged" in the
name, call a server that waits outside, and print "portlab-forged: WHAT" when they get what they want.
"""
import ctypes
import fcntl
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata
import unittest
from pathlib import Path
from typing import Any

from corpus import EXERCISE, ROOT, Case, cases

LIMIT = 12  # seconds, for one submission
HONEST = ("good", "good_without_asio", "slow_but_right")  # graded without attackers as well
MARK = "portlab-forged"


def lacking() -> str:
    """What the machine has not got, if anything."""
    for tool in ("bwrap", "unshare", "prlimit", "parallel"):
        if not shutil.which(tool):
            return f"needs {tool}"
    try:
        for end in os.openpty():
            os.close(end)
    except OSError as reason:
        return f"needs a pseudo-terminal: {reason}"
    tried = subprocess.run(["unshare", "--map-root-user", "--net", "--pid", "--fork", "true"], capture_output=True, text=True)
    return f"needs namespaces: {tried.stderr.strip()}" if tried.returncode else ""


def children() -> list[str]:
    """What still runs, or waits to be reaped, of all that this process has started, however it was started."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [f"{pid} {Path(f'/proc/{pid}/comm').read_text(encoding='utf-8', errors='replace').strip()}" for pid in found]


def sockets() -> set[str]:
    """The inodes of this user's sockets that have a port."""
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6", "raw"):
        file = Path("/proc/net", table)
        for row in file.read_text(encoding="ascii").splitlines()[1:] if file.exists() else []:
            words = row.split()
            if int(words[7]) == os.getuid() and words[9] != "0":
                found.add(words[9])
    return found


def held() -> set[str]:
    """The inodes of the sockets that processes hold."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found.add(os.readlink(descriptor).removeprefix("socket:[").rstrip("]"))
        except OSError:
            pass  # it has ended, or is somebody else's
    return found


def kept_by_the_kernel() -> set[str]:
    """What lives on without a process: shared memory, semaphores, messages; proc(5)."""
    return {f"{table}: {row}" for table in ("shm", "sem", "msg") if Path("/proc/sysvipc", table).exists()
            for row in Path("/proc/sysvipc", table).read_text(encoding="ascii").splitlines()[1:]}


def entries(directory: str | Path) -> list[str]:
    try:
        return [os.path.join(directory, name) for name in os.listdir(directory)]
    except OSError:
        return []  # it is no directory, is gone, or is somebody else's


def marked_files(*places: Path) -> list[str]:
    """Files that an attack has left, at these places and in the directories there."""
    here = [entry for place in places for entry in entries(place)]
    return [file for file in here + [inner for entry in here if not os.path.islink(entry) for inner in entries(entry)]
            if MARK in os.path.basename(file)]


class Outside:
    """What waits outside for a word from inside: TCP and UDP on every address, and an abstract name; unix(7)."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("", 0), backlog=16)
        self.port: int = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("", self.port))
        self.named = socket.socket(socket.AF_UNIX)
        self.named.bind(f"\0portlab-{self.port}")
        self.named.listen(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing; the kernel says from where it would
                self.host: str = probe.getsockname()[0]
            except OSError:
                self.host = "127.0.0.1"

    def heard(self) -> list[str]:
        words = []
        for listener in (self.tcp, self.named):
            listener.settimeout(0)
            try:
                words.append(f"a connection to {listener.getsockname()!r}")
                listener.accept()[0].close()
            except BlockingIOError:
                words.pop()
        self.udp.settimeout(0)
        try:
            words.append(f"a datagram: {self.udp.recv(200)!r}")
        except BlockingIOError:
            pass
        return words

    def close(self) -> None:
        for one in (self.tcp, self.udp, self.named):
            one.close()


class Hostile(unittest.TestCase):
    maxDiff = None
    load = 0.0  # the highest of the machine while it graded

    @classmethod
    def setUpClass(cls) -> None:
        if reason := lacking():
            print(reason)
            sys.exit(77)
        # Whatever is orphaned below this process becomes its child; prctl(2), PR_SET_CHILD_SUBREAPER.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        cls.work = Path(tempfile.mkdtemp(prefix="portlab hostile "))
        # Not shutil.rmtree, for which folder_of_folders is too deep.
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", cls.work], check=True)
        cls.teacher, cls.terminal = os.openpty()
        cls.outside = Outside()
        cls.addClassCleanup(cls.outside.close)
        cls.secret = "portlab-secret-" + secrets.token_hex(8)
        cls.cases = list(cases())
        cls.write_assignment()
        cls.known = {"ROOT": str(ROOT), "OVERLAY": str(cls.overlay), "RESULTS": str(cls.work / "results"),
                     "CLASS": str(cls.work / "class"), "SECRET": cls.secret, "HOST": cls.outside.host,
                     "PORT": str(cls.outside.port)}
        cls.submissions = {case.name: case.make(cls.make_place(case.name), cls.known) for case in cls.cases}
        cls.sockets_before, cls.kept_before = sockets(), kept_by_the_kernel()
        cls.tree_before = cls.tree()
        cls.graded = cls.grade("results", *cls.submissions.values())
        if not (cls.work / "results").is_dir():
            raise AssertionError(f"nothing is graded: {cls.graded.stdout}")

    @classmethod
    def make_place(cls, name: str) -> Path:
        (cls.work / "class").mkdir(exist_ok=True)
        return cls.work / "class" / name

    @classmethod
    def write_assignment(cls) -> None:
        """And an overlay, which nothing is graded with: what lies on the grader's machine must not be found."""
        exercises = sorted({case.exercise for case in cls.cases})
        solution = (ROOT / f"solutions/{EXERCISE}.cpp").read_text(encoding="utf-8")
        cls.overlay, cls.assignment = cls.work / "overlay", cls.work / "hostile.toml"
        for file, text in {cls.overlay / f"solutions/{EXERCISE}.cpp": f"// {cls.secret}\n{solution}",
                           cls.overlay / "tests/exercises/02_bind/hidden_test.cpp": f"// {cls.secret}\nint {cls.secret};\n",
                           cls.assignment: 'title = "Hostile"\ndue = 2030-01-01T00:00:00Z\nseed = 1\n'
                                           + "".join(f'[[exercise]]\npath = "{path}"\npoints = 5\n' for path in exercises)
                           }.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    @classmethod
    def grade(cls, results: str, *submissions: Path) -> subprocess.CompletedProcess[str]:
        """Grades, from a terminal: an attack may try to type there."""
        words = [sys.executable, "-m", "grading", "grade", str(cls.assignment), *map(str, submissions),
                 "--results", str(cls.work / results)]
        with subprocess.Popen(words, cwd=ROOT, env=os.environ | {"GRADER_SECRET": cls.secret}, stdin=cls.terminal, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
            for _ in range(500):
                cls.load = max(cls.load, os.getloadavg()[0])
                try:
                    said, _ = process.communicate(timeout=1)
                    return subprocess.CompletedProcess(words, process.returncode, said)
                except subprocess.TimeoutExpired:
                    pass
            process.kill()
            raise AssertionError("it still grades after 500 s")

    @staticmethod
    def tree() -> dict[str, float]:
        """The files of the repository, and when each was changed."""
        return {str(file): file.lstat().st_mtime for top in ("*", "exercises/**/*", "solutions/**/*", "tests/exercises/**/*",
                                                             "assignments/**/*", "common/*", "tools/grading/*.py")
                for file in ROOT.glob(top) if file.is_file()}

    def verdict(self, name: str, results: str = "results") -> dict[str, Any]:
        file = self.work / results / name / "verdict.json"
        self.assertTrue(file.is_file(), f"there is no {file}; the grader said:\n{self.graded.stdout[-2000:]}")
        return json.loads(file.read_text(encoding="utf-8"))

    def judged(self, case: Case, results: str = "results") -> dict[str, Any]:
        return next(one for one in self.verdict(case.name, results)["exercises"] if one["path"] == case.exercise)

    def test_each_gets_the_verdict_that_its_head_says(self) -> None:
        self.assertEqual(self.graded.returncode, 0, self.graded.stdout)
        for case in self.cases:
            with self.subTest(case.name):
                found = self.judged(case)
                self.assertEqual((found["verdict"], found["points"]), (case.verdict, case.points), found["story"])
                self.assertEqual(self.verdict(case.name)["points"], case.points)
                self.assertIn(case.head.get("Seen", ""), found["story"])

    def test_each_ends_in_time(self) -> None:
        limit = LIMIT * max(1.0, self.load / (os.cpu_count() or 1))  # others may have taken their share of the machine
        for case in self.cases:
            with self.subTest(case.name):
                self.assertLess(self.verdict(case.name)["measured"]["all"], limit)

    def test_no_process_is_left(self) -> None:
        deadline = time.monotonic() + 5  # a process that was killed needs a moment to be gone
        while children() and time.monotonic() < deadline:
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
        self.assertEqual(children(), [])

    def test_no_port_is_left(self) -> None:
        left = sockets() - self.sockets_before - held()
        self.assertEqual(left & sockets() - held(), set())  # others close theirs between one look and the next
        self.assertEqual(kept_by_the_kernel() - self.kept_before, set())

    def test_no_file_is_left(self) -> None:
        self.assertEqual(marked_files(ROOT, Path("/"), Path("/dev"), Path("/run"), Path("/tmp"), Path("/var/tmp"), Path.home(),
                                      self.work, self.work / "results", self.work / "class"), [])
        self.assertEqual(self.tree(), self.tree_before)
        # Each submission has its own results and no other's.
        found = {entry.name for entry in (self.work / "results").iterdir() if entry.is_dir()}
        self.assertLessEqual(found, set(self.submissions))

    def test_no_secret_gets_out(self) -> None:
        for file in (self.work / "results").rglob("*"):
            if file.is_file() and file.suffix != ".cpp":
                self.assertNotIn(self.secret.encode(), file.read_bytes(), file)
        for case in self.cases:
            with self.subTest(case.name):
                self.assertNotIn("portlab-secret-", self.judged(case)["story"])
                self.assertNotIn("root:", self.judged(case)["story"])
        self.assertNotIn(self.secret, self.graded.stdout)

    def test_nobody_gets_what_the_attack_is_for(self) -> None:
        for case in self.cases:
            with self.subTest(case.name):
                self.assertNotIn(MARK + ": ", self.judged(case)["story"])
        self.assertEqual(self.outside.heard(), [])
        typed = fcntl.ioctl(self.terminal, termios.FIONREAD, bytes(4))
        self.assertEqual(struct.unpack("i", typed)[0], 0, "somebody has typed at the terminal")

    def test_feedback_is_short_plain_text(self) -> None:
        for case in self.cases:
            with self.subTest(case.name):
                story = self.judged(case)["story"]
                self.assertLess(len(story), 20_000)
                self.assertEqual([c for c in story if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")], [])

    def test_nobody_changes_the_verdict_of_another(self) -> None:
        honest = [case for case in self.cases if case.name in HONEST]
        self.grade("without attackers", *(self.submissions[case.name] for case in honest))
        for case in honest:
            with self.subTest(case.name):
                beside, without = self.judged(case), self.judged(case, "without attackers")
                for key in ("verdict", "points", "checks", "failed"):
                    self.assertEqual(beside[key], without[key])


if __name__ == "__main__":
    unittest.main()
