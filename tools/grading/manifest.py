"""An assignment: what the class is given and what it is worth, read from assignments/NAME.toml.

    title = "Bind"
    due = 2026-12-07T23:59:00Z
    seed = 1

    [[exercise]]
    path = "02_bind/any_free_port"      # or a chapter, "02_bind": all its exercises
    points = 5                          # unless left out: as the catalogue of the book says
    tests = "visible"                   # unless left out; or "hidden", and then:
    # sentence = "What a student is told when the hidden test fails."

Title and points of an exercise stand in exercises/exercises.json: an assignment names the exercises, and says the points where they
are to differ. An overlay directory has the same layout as the tree. A file in it takes the place of the tree's file of the same
path; its exercises/exercises.json has the exercises that only it has, and OVERLAY/exercises/CHAPTER/NAME.md states one of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from book import exercises as catalogue
from book.exercises import Exercise

ROOT = Path(__file__).resolve().parents[2]

class ManifestError(Exception):
    """Says which file, which key, what is wrong with its value, and what to write instead."""


@dataclass(frozen=True)
class Item:
    """An exercise of an assignment."""

    path: str  # 02_bind/any_free_port
    title: str  # any free port
    number: str  # 2.1
    points: int
    tests: str = "visible"  # or "hidden"
    sentence: str = ""  # all that a student is told when a hidden test fails

    @property
    def source(self) -> str:
        """What the student edits and hands in."""
        return f"exercises/{self.path}.cpp"

    @property
    def judge(self) -> str:
        return f"tests/exercises/{self.path}_test.cpp"

    @property
    def hidden(self) -> bool:
        return self.tests == "hidden"


@dataclass(frozen=True)
class Assignment:
    name: str  # of the file: 02_bind
    title: str
    due: datetime  # with its offset from UTC
    seed: int
    items: tuple[Item, ...]
    catalogue: tuple[Exercise, ...]  # of a student's copy: the book's, with points for what is assigned

    @property
    def points(self) -> int:
        return sum(item.points for item in self.items)


def locate(path: str, overlay: Path | None, root: Path = ROOT) -> Path | None:
    """The overlay's file of that path, or the tree's, or none."""
    for base in (overlay, root):
        if base and (base / path).is_file():
            return base / path
    return None


def names(overlay: Path | None = None, root: Path = ROOT) -> list[str]:
    """Of all assignments."""
    return sorted({file.stem for base in (overlay, root) if base for file in base.glob("assignments/*.toml")})


def read(name: str, overlay: Path | None = None, root: Path = ROOT) -> Assignment:
    """The assignment of that name, or in the file NAME where it ends with .toml."""
    if overlay and not overlay.is_dir():
        raise ManifestError(f"the overlay {overlay} is no directory")
    file = Path(name) if name.endswith(".toml") else locate(f"assignments/{name}.toml", overlay, root)
    if not file or not file.is_file():
        raise ManifestError(f'there is no assignment "{name}"; there are: {", ".join(names(overlay, root))}; '
                            "or give a file that ends with .toml")
    try:
        table = _Table(file, "", tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: this is not TOML: {error}") from None
    title = table.line("title")
    due = table.take("due", datetime, "a date and time with its offset, such as 2026-12-07T23:59:00Z")
    if due.tzinfo is None:
        table.wrong("due", "has no offset from UTC: write 2026-12-07T23:59:00Z, or +01:00 in place of Z")
    seed = table.number("seed", 0)
    if "points" in table:
        table.wrong("points", "is not written any more, since it is the sum of the exercises: take the line out")
    entries = table.take("exercise", list, "[[exercise]] for each exercise")
    table.nothing_else()
    items: list[Item] = []
    try:
        book = catalogue.read(root)
        known = catalogue.read(root, overlay)
    except catalogue.CatalogueError as error:
        raise ManifestError(error) from None
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            table.wrong("exercise", "must be written as [[exercise]] for each exercise")
        for item in _items(_Table(file, f"exercise {number}, ", entry), {one.path: one for one in known if one.points}, overlay, root):
            if any(other.path == item.path for other in items):
                raise ManifestError(f'{file}: exercise {number}, path: "{item.path}" is there already; take one of the two out')
            items.append(item)
    if not items:
        table.wrong("exercise", "must name one exercise at least, as [[exercise]] with its path")
    # Nobody is told of what an overlay has for another assignment, so it does not count when the exercises are numbered.
    points = {item.path: item.points for item in items}
    public = {exercise.path for exercise in book}
    numbered = catalogue.numbered([replace(exercise, points=points.get(exercise.path)) for exercise in known
                                   if exercise.path in public or exercise.path in points])
    numbers = {exercise.path: exercise.number for exercise in numbered}
    return Assignment(file.stem, title, due, seed, tuple(replace(item, number=numbers[item.path]) for item in items),
                      tuple(numbered))


def _items(entry: _Table, known: dict[str, Exercise], overlay: Path | None, root: Path) -> Iterator[Item]:
    path = entry.take("path", str, 'CHAPTER/NAME, such as "02_bind/any_free_port"')
    chosen = [path] if path in known else [other for other in known if path and other.startswith(path + "/")]
    if not chosen:
        entry.wrong("path", f"is the path of no exercise and of no chapter with exercises; there are: {', '.join(known)}")
    points = entry.number("points", 1) if "points" in entry else 0
    if points and chosen != [path]:
        entry.wrong("points", "cannot be given to a chapter: name its exercises, each with its points")
    tests = entry.line("tests") if "tests" in entry else "visible"
    if tests not in ("visible", "hidden"):
        entry.wrong("tests", 'must be "visible" or "hidden"')
    if tests == "visible" and "sentence" in entry:
        entry.wrong("sentence", 'is for hidden tests alone: write tests = "hidden", or take the sentence out')
    sentence = entry.line("sentence") if tests == "hidden" else ""
    entry.nothing_else()
    for exercise in chosen:
        facts = known[exercise]
        item = Item(exercise, facts.title, facts.number, points or facts.points or 0, tests, sentence)
        if not (root / "chapters" / exercise.split("/")[0] / "README.md").is_file():
            entry.wrong("path", "is in no chapter of the book: give the exercise of the overlay a path in one")
        for file in (item.source, item.judge):
            if not locate(file, overlay, root):
                entry.wrong("path", f"needs the file {file}, which is neither in {root} nor in an overlay (--overlay DIR)")
        if overlay and (overlay / item.judge).is_file() and not item.hidden:
            entry.wrong("path", f"has its judge in the overlay, where all judges are hidden: write "
                                f'tests = "hidden" and a sentence, or take {item.judge} out of the overlay')
        yield item


class _Table:
    """A table of the file, of which every key is asked for once."""

    def __init__(self, file: Path, where: str, values: dict[str, Any]) -> None:
        self.file, self.where, self.values, self.asked = file, where, values, set[str]()

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def wrong(self, key: str, why: str) -> NoReturn:
        value = self.values.get(key)
        shown = "" if isinstance(value, (list, dict, type(None))) else f'"{value}" '
        raise ManifestError(f"{self.file}: {self.where}{key}: {shown}{why}")

    def take(self, key: str, kind: type, remedy: str) -> Any:
        self.asked.add(key)
        if key not in self.values:
            self.wrong(key, f"is missing; write {remedy}")
        # For Python, True is a number.
        if not isinstance(self.values[key], kind) or (kind is int and isinstance(self.values[key], bool)):
            self.wrong(key, f"must be {remedy}")
        return self.values[key]

    def number(self, key: str, least: int) -> int:
        remedy = f"a whole number, {least} or more"
        value: int = self.take(key, int, remedy)
        if value < least:
            self.wrong(key, f"must be {remedy}")
        return value

    def line(self, key: str) -> str:
        value: str = self.take(key, str, "a line of text in quotes")
        if not value.strip() or not value.isprintable():
            self.wrong(key, "must be a line of text, not empty and without control characters")
        return value

    def nothing_else(self) -> None:
        for key in self.values:
            if key not in self.asked:
                self.wrong(key, f"is not known here; known are: {', '.join(sorted(self.asked | self._optional()))}")

    def _optional(self) -> set[str]:
        return {"points", "tests", "sentence"} if self.where else set()
