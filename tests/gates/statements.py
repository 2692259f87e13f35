#!/usr/bin/env python3
"""statements.py ROOT: the statement of each exercise has three hints and an example run, and asks for a program of a size that goes
with its level. Prints what does not hold, and ends with status 1."""
import difflib
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from book import exercises as catalogue  # noqa: E402

HINTS = [f"<details><summary>Hint {number}: " for number in (1, 2, 3)]
LINES = {"hard": 110, "evening": 220}  # and of the others 70


def lines_to_write(path: str) -> int:
    """How many lines the model answer adds to the stub."""
    stub, solution = ((root / folder / f"{path}.cpp").read_text(encoding="utf-8").splitlines() for folder in ("exercises", "solutions"))
    return sum(line.startswith("+ ") for line in difflib.ndiff(stub, solution))


def faults(exercise: catalogue.Exercise, section: str) -> list[str]:
    found = []
    if exercise.points is None:
        found.append("no points in the catalogue")
    if [section.count(hint) for hint in HINTS] != [1, 1, 1]:
        found.append("not three hints, each after a line " + HINTS[0] + "...</summary>")
    if not re.search(rf"^\$ .*\./portlab run {exercise.path}\b", section, re.M):
        found.append(f"no example run, a console block with ./portlab run {exercise.path}")
    judge = root / f"tests/exercises/{exercise.path}_test.cpp"
    if judge.exists() and re.search(r'"Exercise \d', judge.read_text(encoding="utf-8")):
        found.append("its judge has its number or its title, which stand in the catalogue alone: let it refer to the section Exercises")
    limit = LINES.get(exercise.level, 70)
    if (lines := lines_to_write(exercise.path)) > limit:
        found.append(f"the solution adds {lines} lines to the stub, more than {limit}")
    return [f"chapters/{exercise.chapter}/README.md, exercise {exercise.path}: {fault}" for fault in found]


def main() -> int:
    try:
        all_exercises = catalogue.read(root)
    except catalogue.CatalogueError as error:
        print(error)
        return 1
    stated = catalogue.statements(root)
    found = [fault for exercise in all_exercises if (root / f"solutions/{exercise.path}.cpp").exists()
             for fault in faults(exercise, stated.get(exercise.path, ""))]
    found += catalogue.compare(root, rewrite=False)
    for fault in found:
        print(fault)
    return 1 if found else 0


sys.exit(main())
