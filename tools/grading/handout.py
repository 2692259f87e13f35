"""What students get: an archive of the tree with the exercises of one assignment, and without what would give them away.

The copy is made of what is named here, file by file; nothing else can come into it. Its catalogue of exercises gives points, those
of the assignment, to the exercises that it has, and its texts say so. The archive is the same, bit by bit, whenever it is made of
the same files.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from book import exercises as catalogue
from grading import manifest
from grading.manifest import Assignment, ManifestError

FILES = [".clang-format", ".clangd", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "LICENSE-TEXT",
         "README.md", "book.md", "portlab", "tests/CMakeLists.txt", "tools/editors.md"]
FOLDERS = [".devcontainer", ".vscode", "chapters", "common", "tests/book", "tests/chapters", "tests/common",
           "tests/instruments", "tools/book", "tools/cmake", "tools/edition", "tools/harness", "tools/instruments",
           "tools/judge", "tools/loop", "tools/setup"]
VARIANTS = "tests/wrong/*.cmake"  # of the chapters' own programs, not answers to exercises; the texts speak of them
HEADERS = "exercises/**/*.hpp"  # to which statements link
TIME = 1767225600  # the start of 2026: of the files and of the commit, so that one tree makes one archive


class HandoutError(Exception):
    """Says what cannot be handed out, and what to do."""


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "handout", help="make the archive that students unpack and work in",
        description="Makes an archive of this tree with the exercises of one assignment. It has no solutions, no wrong answers "
                    "and no hidden tests, and its git history is one commit.",
        epilog="Example: ./portlab handout 02_bind --output bind.tar.gz")
    parser.add_argument("assignment", help="a name in assignments/, or a .toml file")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="a private directory with the same layout as this tree")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the archive (portlab-ASSIGNMENT.tar.gz)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        assignment = manifest.read(arguments.assignment, arguments.overlay)
        output = arguments.output or Path(f"portlab-{assignment.name}.tar.gz")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / f"portlab-{assignment.name}"
            write_copy(assignment, copy, arguments.overlay)
            if not commit(copy):
                print("portlab: git is not there, so the archive has no repository, and ./portlab reset will not work in it",
                      file=sys.stderr)
            pack(copy, output)
    except (ManifestError, HandoutError, OSError) as error:
        print(f"portlab: {error}", file=sys.stderr)
        return 2
    hidden = sum(item.hidden for item in assignment.items)
    print(f"{output}: {len(assignment.items)} exercises, {assignment.points} points"
          + (f"; {hidden} with hidden tests" if hidden else ""))
    return 0


def write_copy(assignment: Assignment, copy: Path, overlay: Path | None = None, root: Path = manifest.ROOT,
               folders: Sequence[str] = FOLDERS) -> None:
    """The tree as students get it."""
    for path, source in sorted(chosen_files(assignment, overlay, root, folders).items()):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
    for item in assignment.items:
        if not re.search(r"^ *begin_here\(\);", (copy / item.source).read_text(encoding="utf-8"), re.MULTILINE):
            raise HandoutError(f"{manifest.locate(item.source, overlay, root)} has no line begin_here();, so it may hold an "
                               f"answer already: bring the stub back (git restore {item.source}), then hand out")
    write_texts(assignment, copy, overlay)
    (copy / "assignment.md").write_text(front_page(assignment), encoding="utf-8")


def chosen_files(assignment: Assignment, overlay: Path | None, root: Path,
                 folders: Sequence[str] = FOLDERS) -> dict[str, Path]:
    """The files of the copy by their paths, and where each comes from."""
    files = {path: root / path for path in FILES}
    tracked = tracked_files(root)
    for folder in folders:
        for file in sorted((root / folder).rglob("*")) or [root / folder]:
            path = file.relative_to(root).as_posix()
            if file.is_file() and (path in tracked if tracked else "__pycache__" not in path):
                files[path] = file
    chapters = {item.path.split("/")[0] for item in assignment.items}
    own = ["exercises/*.hpp", *(f"exercises/{chapter}/*.hpp" for chapter in sorted(chapters))]
    sources = [(root, [VARIANTS, HEADERS]), *([(overlay, own)] if overlay else [])]
    for base, patterns in sources:
        for pattern in patterns:
            files |= {file.relative_to(base).as_posix(): file for file in base.glob(pattern)}
    for item in assignment.items:
        files[item.source] = manifest.locate(item.source, overlay, root) or root / item.source
        if not item.hidden:  # and so the judge is the tree's: tools/grading/manifest.py
            files[item.judge] = root / item.judge
    return files


def tracked_files(root: Path) -> set[str]:
    """What git knows of the tree, so that notes and trials beside it stay here; nothing where there is no repository."""
    if not (root / ".git").exists() or not shutil.which("git"):
        return set()
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise HandoutError(f"git cannot say which files belong to the tree: {listed.stderr.strip()}")
    return set(listed.stdout.split("\0")) - {""}


def write_texts(assignment: Assignment, copy: Path, overlay: Path | None) -> None:
    """The catalogue of the copy, and what its texts say after it."""
    (copy / catalogue.CATALOGUE).write_text(catalogue.in_json(assignment.catalogue), encoding="utf-8")
    for exercise in assignment.catalogue:
        own = overlay / f"exercises/{exercise.path}.md" if overlay and exercise.points else None
        if own and own.is_file():
            state(exercise.path, own, copy / f"chapters/{exercise.chapter}/README.md")
    if faults := catalogue.compare(copy, rewrite=True):
        raise HandoutError("\n".join(faults))


def state(path: str, own: Path, text: Path) -> None:
    """Puts an overlay's statement where the text states the exercise, or after the chapter's other exercises."""
    words = own.read_text(encoding="utf-8")
    if catalogue.stated(words) != path:
        raise HandoutError(f"{own}: must begin with the line ### Exercise, and then have a line that begins with "
                           f"`exercises/{path}.cpp`")
    text.write_text(catalogue.with_statement(text.read_text(encoding="utf-8"), words, path), encoding="utf-8")


def front_page(assignment: Assignment) -> str:
    """assignment.md: what is to be done, until when, and what is handed in."""
    links = {exercise.path: exercise.link for exercise in assignment.catalogue}
    rows = []
    for item in assignment.items:
        rows.append(f"| [{item.number}: {item.title}]({links[item.path]}) | `{item.source}` | {item.points} | {item.tests} |\n")
    chapters = {item.path[:2] for item in assignment.items}
    chapter = f" --chapter {chapters.pop()}" if len(chapters) == 1 else ""
    hidden = ("A hidden test is run by your instructor alone; here its exercise is compiled, and that is all.\n\n"
              if any(item.hidden for item in assignment.items) else "")
    return (
        f"# {assignment.title}\n\n"
        f"Due {assignment.due:%A %Y-%m-%d %H:%M %Z}, for {assignment.points} points.\n\n"
        "| exercise | your file | points | tests |\n|---|---|---|---|\n" + "".join(rows) + f"| | | {assignment.points} | |\n\n"
        "Each exercise is stated at the end of its chapter. How it goes, from the first line to the verdict, is in\n"
        "[the preface](book.md#exercises).\n\n"
        "    ./portlab              where you stand\n"
        "    ./portlab watch        a verdict whenever you save\n"
        f"    ./portlab check {int(assignment.items[0].path[:2])}      the verdicts of a chapter\n"
        f"    ./portlab predict --seed {assignment.seed}{chapter}    questions, the same ones for all of you\n\n"
        f"{hidden}"
        "Hand in your files and nothing else, in a folder or an archive with the paths above:\n\n"
        "    tar -czf answers.tar.gz exercises\n"
    )


def commit(copy: Path) -> bool:
    """Makes the copy a repository of one commit, from which ./portlab reset takes the stubs; false without git."""
    if not shutil.which("git"):
        return False
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
           for key, value in (("NAME", "Portlab"), ("EMAIL", "portlab@example.org"), ("DATE", f"{TIME} +0000"))}
    # Neither the instructor's settings nor a repository around this one has a say.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for words in (["init", "--quiet", "--template=", "--initial-branch=main"], ["add", "--all", "--force"],
                  ["commit", "--quiet", "--message=What is handed out"],
                  ["read-tree", "HEAD"]):  # an index that knows no times and no inodes of this machine
        done = subprocess.run(["git", *words], cwd=copy, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HandoutError(f"git {words[0]} failed: {done.stderr.strip()}")
    (copy / ".git/COMMIT_EDITMSG").unlink(missing_ok=True)
    shutil.rmtree(copy / ".git/logs", ignore_errors=True)
    return True


def pack(copy: Path, output: Path) -> None:
    """Writes the archive whole or not at all."""
    unfinished = output.with_name(f"{output.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=TIME) as packed, \
                tarfile.open(mode="w", fileobj=cast(IO[bytes], packed)) as archive:
            for entry in [copy, *sorted(copy.rglob("*"))]:
                archive.add(entry, entry.relative_to(copy.parent).as_posix(), recursive=False, filter=without_traces)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def without_traces(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = TIME
    entry.mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
    return entry
