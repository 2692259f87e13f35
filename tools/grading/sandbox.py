"""Where what students write is compiled and run, and the proof, at the start, that it is apart from all else.

Nothing of a student's runs outside. The compiler runs in bubblewrap without network, with the headers and libraries that an
answer needs and nothing else of the tree. The program runs in another one, whose network the judge has made for this one test;
the judge starts it from outside, as its own child, and asks the kernel about it (tools/harness/sandbox.cpp).
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "default"

COMPILE_SECONDS = 6  # of the processor; a model answer takes one or two
COMPILE_WAIT = 100  # of the clock
COMPILE_MEMORY = 2 << 30
PROGRAM_LIMIT = 32 << 20
JUDGE_SECONDS = 100  # a judge ends its own waits long before, but what is free at each start; see tools/judge/grader.cpp


class NotHere(Exception):
    """What this machine lacks, or does not keep apart, and what to do about it."""


class Stopped(BaseException):
    """A signal asks for the end."""


STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def to_its_end() -> Iterator[None]:
    """A signal that asks for the end waits until what is begun here is done: a process started and known, a folder gone."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in STOPPED_BY}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in came[:1]:
            os.kill(os.getpid(), first)


def run(command: Sequence[str | Path], *, seconds: float, stdout: Path, stderr: Path, cwd: Path | None = None,
        environment: dict[str, str] | None = None, passed: tuple[int, ...] = ()) -> int | None:
    """Runs a command, with its words into files; its status, or None where the time was over. Nothing of it is left."""
    process, ended = None, -1
    try:
        with to_its_end(), stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
                                       env=environment or {}, pass_fds=passed, start_new_session=True)
            ended = os.pidfd_open(process.pid)  # Popen.wait looks only now and then: 0.03 s too late for a judge's 0.03 s
        return process.wait() if select.select([ended], [], [], seconds)[0] else None
    finally:
        with to_its_end():
            if process:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
            end_children()
            if ended >= 0:
                os.close(ended)


def adopt() -> None:
    """From now on processes below that lose their parent become children of this one."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG


def end_children() -> None:
    """What is left of a command that was cut short: bubblewrap's inner process waits for its outer one, even for a dead one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.exists() and (left := children.read_text(encoding="ascii").split()):
        for child in map(int, left):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of our own, which another user may pass through."""
    with to_its_end():
        folder = tempfile.TemporaryDirectory(prefix="portlab-", ignore_cleanup_errors=True)
    try:
        os.chmod(folder.name, 0o711)
        yield Path(folder.name)
    finally:
        with to_its_end():
            folder.cleanup()


def head(path: Path, limit: int = 8192) -> str:
    """The first bytes of a file as text."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    return data[:limit].decode("utf-8", "replace") + ("\n...\n" if len(data) > limit else "")


# ---- What the build knows


@dataclass(frozen=True)
class Commands:
    """How an answer becomes a program: as the build does it, word by word."""

    directory: Path
    compile: tuple[str, ...]  # with SOURCE and OBJECT in place of the files
    link: tuple[str, ...]  # with OBJECT and PROGRAM
    files: tuple[Path, ...]  # that both read


@functools.cache
def commands_of(build: Path, target: str, source: Path) -> Commands:
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    entry = next((one for one in entries if one["file"] == str(source)), None)
    if not entry:
        raise NotHere(f"the build does not know {source}: cmake --preset default")
    compiling = shlex.split(entry["command"])
    place = compiling.index("-o") + 1
    built = compiling[place]
    compiling = ["OBJECT" if word == built else "SOURCE" if word == str(source) else word for word in compiling]
    said = subprocess.run(["ninja", "-C", build, "-t", "commands", target], capture_output=True, text=True, check=True).stdout
    linking = [word for word in shlex.split(said.splitlines()[-1])
               if word not in (":", "&&") and not word.startswith("-Wl,--dependency-file")]  # for ninja, which is not inside
    linking = ["OBJECT" if word == built else word for word in linking]
    linking[linking.index("-o") + 1] = "PROGRAM"
    directory = Path(entry["directory"])
    files = [directory / word for word in linking[1:] if not word.startswith("-") and (directory / word).is_file()]
    if "-include" in compiling:
        header = Path(compiling[compiling.index("-include") + 1])
        files += [header, *header.parent.glob(header.name + ".?ch")]
    return Commands(directory, tuple(compiling), tuple(linking), tuple(files))


def include_folders(commands: Commands) -> list[Path]:
    """The libraries' that are not under /usr, such as what the build has fetched; never the tree or an overlay."""
    return [Path(folder) for word, folder in zip(commands.compile, commands.compile[1:])
            if word == "-isystem" and not folder.startswith("/usr/")]


# ---- bubblewrap


def private_place(*shown: Path) -> str:
    """What nobody in a sandbox is to see: the home, or a file there. Where the tree is in the home, the folders on the way to
    `shown` are inside, and empty but for it."""
    home = Path.home()
    on_the_way = {folder for path in shown for folder in (path, *path.parents)}
    if home not in on_the_way:
        return str(home)
    return next((str(entry) for entry in home.iterdir() if entry not in on_the_way), str(ROOT / "tests"))


NAMESPACES = ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc",
              "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent"]


def system(*devices: str) -> list[str]:
    """The machine's programs and libraries, read-only, and nothing that tells one machine from another."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--size", "65536", "--tmpfs", "/dev"]
    for name in devices:
        words += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    return words + ["--remount-ro", "/dev"]


def bubblewrap() -> str:
    path = shutil.which("bwrap")
    if not path:
        raise NotHere("bubblewrap is not installed (apt-get install bubblewrap). Where no sandbox can be made, "
                      "as in some course systems' containers: --launcher user, which is weaker")
    return path


def compiling(commands: Commands, source: Path, *headers: Path) -> list[str]:
    """bubblewrap for the compiler: it sees `source` as SOURCE, and each of the headers in its own place."""
    words = [bubblewrap(), *NAMESPACES, "--as-pid-1", "--unshare-net", *system("null"),
             "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--size", str(256 << 20), "--tmpfs", "/tmp"]
    for path in include_folders(commands):
        words += ["--ro-bind", str(path), str(path)]
    for path in (*headers, *commands.files):
        words += ["--ro-bind", str(path), str(path)]
    words += ["--ro-bind", str(source), "/tmp/answer.cpp", "--dir", str(commands.directory), "--remount-ro", "/"]
    return words + ["--chdir", str(commands.directory), "--"]


def running(name: str, directory: Path) -> list[str]:
    """bubblewrap for programs that a judge starts: see tools/harness/sandbox.hpp.

    Its first process ends with the judge, and lets those that lose their parents end in peace. It has the programs' filter
    of calls, and limits of its own, since a program may write into its memory (proc(5)).
    """
    return [bubblewrap(), *NAMESPACES, "--as-pid-1", "--info-fd", "3", "--seccomp", "5", *system("null", "zero", "urandom"),
            "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
            "--size", str(16 << 20), "--tmpfs", "/tmp", "--bind", str(directory), str(directory),
            "--perms", "0755", "--dir", "/answer", "--perms", "0555", "--ro-bind-data", "4", f"/answer/{name}",
            "--remount-ro", "/", "--chdir", "/", "--",
            "/usr/bin/prlimit", "--nproc=1", "--fsize=0", "--cpu=1", "--nofile=8", "--as=67108864", "--",
            "/usr/bin/env", "-i", "--ignore-signal=CHLD", "/usr/bin/cat"]


# ---- Without a sandbox


@functools.cache
def weak_user() -> int:
    """Where we are root and can, somebody who is nobody else here; 0 where there is only this user."""
    user = 60706 + int(os.environ.get("PARALLEL_JOBSLOT", "0")) % 478  # to 61183: users that neither Debian nor systemd gives
    if os.geteuid() != 0 or subprocess.run([*_as(user), "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return 0
    return user


def _as(user: int) -> list[str]:
    return ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--no-new-privs"]


def as_weak_user() -> list[str]:
    return _as(weak_user()) if weak_user() else []


def end_all_of_weak_user() -> None:
    """kill(2): -1 is every process that the sender may signal; for that user, its own."""
    if weak_user():
        subprocess.run([*as_weak_user(), "/usr/bin/sh", "-c", "kill -KILL -1"], stderr=subprocess.DEVNULL, check=False)


# ---- Compiling


@dataclass(frozen=True)
class Compiled:
    program: Path | None
    words: str
    flags: tuple[str, ...] = ()


def compile_answer(source: Path, commands: Commands, headers: Sequence[Path], name: str, into: Path, launcher: str) -> Compiled:
    """Compiles and links; the program comes back as what the sandbox prints, of which a limited part is read."""
    object_file, program, shown = "/tmp/answer.o", "/tmp/answer", f"exercises/{name}.cpp"
    start = ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"]
    if launcher == "bubblewrap":
        sandbox = [*start[:2], *compiling(commands, source, *headers), *start]
        source_inside = "/tmp/answer.cpp"
    else:
        folder = into / "compile"
        folder.mkdir()
        folder.chmod(0o777)
        sandbox = [*as_weak_user(), *start]
        object_file, program, source_inside = str(folder / "answer.o"), str(folder / "answer"), str(source)
    names = {"SOURCE": source_inside, "OBJECT": object_file, "PROGRAM": program}
    steps = [shlex.join(names.get(word, word) for word in step) for step in (commands.compile, commands.link)]
    script = f"echo begun && {steps[0]} >&2 && {steps[1]} >&2 && cat {shlex.quote(program)}"
    out, err = into / "compiled", into / "compiler"
    status = run([*sandbox, shutil.which("prlimit") or "/usr/bin/prlimit", f"--cpu={COMPILE_SECONDS}", f"--as={COMPILE_MEMORY}",
                  f"--fsize={PROGRAM_LIMIT}", "--nproc=64" if os.geteuid() else "--nproc=4096", "--core=0",
                  "/usr/bin/sh", "-c", script],
                 seconds=COMPILE_WAIT, stdout=out, stderr=err, cwd=commands.directory if launcher == "user" else None)
    words = head(err).replace(source_inside, shown).replace(f"{ROOT}/", "")
    with out.open("rb") as file:
        begun = file.readline(16) == b"begun\n"
        binary = file.read(PROGRAM_LIMIT)
    out.unlink()
    if not begun:
        raise NotHere(f"the compiler's sandbox does not come up: {words.strip() or status}")
    if status == 0 and binary.startswith(b"\x7fELF") and len(binary) < PROGRAM_LIMIT:
        result = into / Path(name).name
        result.write_bytes(binary)
        result.chmod(0o555)
        return Compiled(result, words)
    if status is None:  # its processor time would have been over long before
        raise NotHere(f"the compiler had not enough of a processor: it took more than {COMPILE_WAIT} s; "
                      "grade where less is going on, or with fewer --jobs")
    if status in (128 + 9, 128 + 24) or re.search(r"Killed|(CPU time|File size) limit|memory exhausted|out of memory", words):
        stopped = f"The compiler was stopped: it may use {COMPILE_SECONDS} s and {COMPILE_MEMORY >> 30} GB.\n"
        return Compiled(None, stopped + words,
                        ("compiling it takes more time or memory than there is",))
    return Compiled(None, words or "The compiler ended without a word, and without a program.\n")
