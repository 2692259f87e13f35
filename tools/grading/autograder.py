"""The zip that Gradescope makes its autograder of: setup.sh and run_autograder at its root, and the tree that they grade with,
without solutions and wrong answers. gradescope-autograders.readthedocs.io, "Autograder Specifications".
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from grading import handout, manifest
from grading.handout import HandoutError
from grading.manifest import ManifestError

SCRIPTS = ["setup.sh", "run_autograder", "grade"]
DATE = (2026, 1, 1, 0, 0, 0)  # of all files, so that one tree makes one zip


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "gradescope", help="make the zip of an autograder for Gradescope",
        description="Makes the zip that is uploaded to Gradescope as the autograder of one assignment. Choose Ubuntu 24.04 or "
                    "newer as its base image.",
        epilog="Example: ./portlab gradescope 02_bind --output bind.zip")
    parser.add_argument("assignment", help="a name in assignments/, or a .toml file")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="a private directory with the same layout as this tree")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the zip (gradescope-ASSIGNMENT.zip)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        assignment = manifest.read(arguments.assignment, arguments.overlay)
        output = arguments.output or Path(f"gradescope-{assignment.name}.zip")
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), arguments.assignment, arguments.overlay)
            pack(Path(folder), output)
    except (ManifestError, HandoutError, OSError) as error:
        print(f"portlab: {error}", file=sys.stderr)
        return 2
    print(f"{output}: {len(assignment.items)} exercises, {assignment.points} points")
    return 0


def write(folder: Path, name: str, overlay: Path | None, root: Path = manifest.ROOT) -> None:
    """What a student gets, the grader beside it, and the hidden judges in an overlay."""
    assignment = manifest.read(name, overlay, root)
    tree = folder / "portlab"
    handout.write_copy(assignment, tree, overlay, root, [*handout.FOLDERS, "tools/grading", "tests/grading/CMakeLists.txt"])
    (tree / "assignments").mkdir()
    given = Path(name) if name.endswith(".toml") else manifest.locate(f"assignments/{name}.toml", overlay, root)
    assert given  # it has been read
    shutil.copyfile(given, tree / f"assignments/{assignment.name}.toml")
    for item in assignment.items:
        if item.hidden:
            judge = manifest.locate(item.judge, overlay, root)
            assert judge  # manifest.read has seen it
            (folder / "overlay" / item.judge).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(judge, folder / "overlay" / item.judge)
    (folder / "assignment").write_text(assignment.name + "\n", encoding="utf-8")
    for script in SCRIPTS:
        shutil.copy(root / "tools/grading/gradescope" / script, folder / script)


def pack(folder: Path, output: Path) -> None:
    """Writes the zip whole or not at all."""
    unfinished = output.with_name(f"{output.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
                archive.writestr(entry, file.read_bytes())
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
