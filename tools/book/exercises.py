#!/usr/bin/env python3
"""The catalogue of exercises, and what the texts say after it.

    exercises.py check    says which title or line of facts in the texts is not as the catalogue has it
    exercises.py write    puts them there
    exercises.py table    prints the exercises as a Markdown table, which stands in book.md
    exercises.py paths    prints CHAPTER/NAME of each

The catalogue is exercises/exercises.json: an exercise a line, in the book's order. The number follows from that order: 2.1 is the
first exercise of chapter 2. The statement stands in the chapter's text. It begins with two lines that come from the catalogue:

    ### Exercise 2.1: any free port

    `exercises/02_bind/any_free_port.cpp` · easy · 15 minutes · 5 points

A student's copy has the whole catalogue, so that the numbers stay, but an exercise that is not assigned has no points there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = "exercises/exercises.json"
LEVELS = ("warm-up", "easy", "medium", "hard", "evening")
KINDS = ("write", "repair", "observe")
TITLE = "### Exercise"
TABLE = "<!-- generated: python3 tools/book/exercises.py table -->\n"


class CatalogueError(Exception):
    """Says which file, which exercise, what is wrong with it, and what to write instead."""


@dataclass(frozen=True)
class Exercise:
    path: str  # 02_bind/any_free_port
    title: str  # any free port
    level: str  # of LEVELS
    minutes: int
    points: int | None  # none if it is not part of the assignment of which this tree is a student's copy
    kind: str  # of KINDS
    number: str = ""  # 2.1

    @property
    def chapter(self) -> str:
        return self.path.split("/")[0]

    @property
    def heading(self) -> str:
        return f"Exercise {self.number}: {self.title}"

    @property
    def link(self) -> str:
        """The statement's place, as a code host makes it of the heading."""
        anchor = re.sub(r"[^a-z0-9_ -]", "", self.heading.lower()).replace(" ", "-")
        return f"chapters/{self.chapter}/README.md#{anchor}"

    @property
    def facts(self) -> str:
        """The line under the heading."""
        source = f"`exercises/{self.path}.cpp` · "
        if self.points is None:
            return source + "not part of this assignment"
        return source + f"{self.level} · {self.minutes} minutes · {self.points} points" + (
            "" if self.kind == "write" else f" · {self.kind}")


KEYS = tuple(field.name for field in fields(Exercise) if field.name != "number")


def read(root: Path = ROOT, overlay: Path | None = None) -> list[Exercise]:
    """All exercises in the book's order; those of an overlay are the last ones of their chapters."""
    exercises: list[Exercise] = []
    for file in [root / CATALOGUE] + ([overlay / CATALOGUE] if overlay and (overlay / CATALOGUE).exists() else []):
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CatalogueError(f"{file}: this is not a file of JSON: {error}") from None
        if not isinstance(entries, list):
            raise CatalogueError(f"{file}: must be a list, [...], with an exercise a line")
        exercises += [_entry(file, number, entry) for number, entry in enumerate(entries, 1)]
    for number, exercise in enumerate(exercises):
        if exercise.path in (other.path for other in exercises[:number]):
            raise CatalogueError(f'{file}: "{exercise.path}" is there already; take one of the two lines out')
    return numbered(exercises)


def numbered(exercises: list[Exercise]) -> list[Exercise]:
    """In the order of the chapters, and in each chapter in the order that they have, with their numbers."""
    count: dict[str, int] = {}
    result: list[Exercise] = []
    for exercise in sorted(exercises, key=lambda one: one.chapter):
        count[exercise.chapter] = count.get(exercise.chapter, 0) + 1
        result.append(replace(exercise, number=f"{int(exercise.path[:2])}.{count[exercise.chapter]}"))
    return result


def _entry(file: Path, number: int, entry: Any) -> Exercise:
    if not isinstance(entry, dict):
        raise CatalogueError(f"{file}: exercise {number} must be written as {{\"path\": ..., \"title\": ...}}")
    name = entry.get("path", number)

    def take(key: str, holds: bool, remedy: str) -> None:
        if not holds:
            value = f'"{entry[key]}"' if key in entry else "nothing"
            raise CatalogueError(f"{file}: exercise {name}: {key} is {value}, and must be {remedy}")

    def whole(key: str) -> bool:
        return type(entry.get(key)) is int and entry[key] > 0

    take("path", re.fullmatch(r"[0-9]{2}_[0-9a-z_]+/[a-z][0-9a-z_]*", str(entry.get("path"))) is not None,
         'CHAPTER/NAME, such as "02_bind/any_free_port"')
    title = entry.get("title")
    take("title", isinstance(title, str) and title.strip() == title != "" and title.isprintable(), "a line of text in quotes")
    take("level", entry.get("level") in LEVELS, f"one of {', '.join(LEVELS)}")
    take("minutes", whole("minutes"), "a whole number, 1 or more")
    take("points", "points" not in entry or whole("points"), "a whole number, 1 or more")
    take("kind", entry.get("kind") in KINDS, f"one of {', '.join(KINDS)}")
    for key in entry:
        take(key, key in KEYS, f"left out: the keys are {', '.join(KEYS)}")
    return Exercise(*(entry.get(key) for key in KEYS))  # type: ignore[arg-type]


def in_json(exercises: Sequence[Exercise]) -> str:
    """The catalogue, a line an exercise."""
    lines = []
    for exercise in exercises:
        entry = {key: getattr(exercise, key) for key in KEYS if getattr(exercise, key) is not None}
        lines.append("  " + json.dumps(entry, ensure_ascii=False))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def sections(text: str) -> Iterator[str]:
    """The parts of a text, each from a heading to the next one. In a block of code nothing is a heading."""
    part = ""
    in_code = False
    for line in text.splitlines(keepends=True):
        if line.startswith("```"):
            in_code = not in_code
        elif line.startswith("#") and not in_code:
            yield part
            part = ""
        part += line
    yield part


def stated(section: str) -> str:
    """The path of the exercise that the section states, or nothing."""
    if not section.startswith(TITLE):
        return ""
    found = re.match(r"[^\n]*\n\s*`exercises/([^`]*)\.cpp`", section)
    return found[1] if found else "?"


def statement(section: str) -> str:
    """What a section asks for: from the facts to the first hint."""
    lines = section.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines, 1) if line.startswith("`exercises/"))
    in_code = False
    for end, line in enumerate(lines[start:], start):
        in_code ^= line.startswith("```")
        if line.startswith("<details>") and not in_code:
            return "".join(lines[start:end])
    return "".join(lines[start:])


def statements(root: Path = ROOT) -> dict[str, str]:
    """The sections that state the exercises, by their paths, from the texts of all chapters."""
    texts = sorted(root.glob("chapters/*/README.md"))
    return {stated(section): section for text in texts for section in sections(text.read_text(encoding="utf-8"))
            if stated(section)}


def up_to_date(section: str, exercise: Exercise) -> str:
    """The section with heading and facts as the catalogue has them."""
    lines = section.splitlines(keepends=True)
    facts = next(number for number, line in enumerate(lines) if line.startswith("`exercises/"))
    lines[0] = f"### {exercise.heading}\n"
    lines[facts] = exercise.facts + "\n"
    return "".join(lines)


def with_statement(text: str, section: str, path: str) -> str:
    """The chapter's text with that section where it states the exercise, or after its other exercises."""
    parts = list(sections(text.rstrip("\n") + "\n\n"))
    here = [number for number, part in enumerate(parts) if stated(part) == path]
    last = [number for number, part in enumerate(parts) if stated(part) or part.startswith("## Exercises\n")]
    if here:
        parts[here[0]] = section
    else:
        parts.insert(last[-1] + 1 if last else len(parts), section)
    return "".join(parts).rstrip("\n") + "\n"


def with_table(text: str, root: Path) -> str:
    """The preface with the table of exercises."""
    before, mark, rest = text.partition(TABLE)
    return before + mark + table(root) + rest[rest.index("\n\n") + 1:] if mark else text


def compare(root: Path, rewrite: bool) -> list[str]:
    """What is wrong with the texts, beside what has been written anew."""
    exercises = {exercise.path: exercise for exercise in read(root)}
    faults: list[str] = []
    seen: list[str] = []

    def bring(file: Path, old: str, new: str) -> None:
        if new == old:
            return
        if rewrite:
            file.write_text(new, encoding="utf-8")
            return
        there, wanted = next((a, b) for a, b in zip_longest(old.splitlines(), new.splitlines()) if a != b)
        faults.append(f'{file.relative_to(root)}: "{there}" must be "{wanted}", as {CATALOGUE} says: '
                      "python3 tools/book/exercises.py write")

    for text in sorted(root.glob("chapters/*/README.md")):
        old = text.read_text(encoding="utf-8")
        new = ""
        for section in sections(old):
            path = stated(section)
            if path in exercises:
                if exercises[path].chapter != text.parent.name or path in seen:
                    faults.append(f"{text.relative_to(root)}: {path} is stated in the wrong chapter, or twice")
                seen.append(path)
                section = up_to_date(section, exercises[path])
            elif path:
                faults.append(f"{text.relative_to(root)}: \"{section.splitlines()[0].lstrip('# ')}\" must say "
                              f"`exercises/CHAPTER/NAME.cpp`, of an exercise that {CATALOGUE} has")
            new += section
        bring(text, old, new)
    book = (root / "book.md").read_text(encoding="utf-8")
    bring(root / "book.md", book, with_table(book, root))
    faults += [f"chapters/{exercises[path].chapter}/README.md: no section \"### Exercise\" states {path} of {CATALOGUE}"
               for path in exercises if path not in seen]
    if not faults and seen != list(exercises):
        wrong = next(path for path, wanted in zip(seen, exercises) if path != wanted)
        faults.append(f"{wrong}: the texts state it in another order than {CATALOGUE}")
    return faults


def table(root: Path = ROOT) -> str:
    exercises = [exercise for exercise in read(root) if exercise.points is not None]
    rows = "".join(f"| [{one.number}: {one.title}]({one.link}) | {one.level} | {one.minutes} | {one.points} | "
                   f"{'' if one.kind == 'write' else one.kind} |\n" for one in exercises)
    points = sum(exercise.points or 0 for exercise in exercises)
    return ("| exercise | level | minutes | points | kind |\n|---|---|---|---|---|\n" + rows +
            f"| {len(exercises)} exercises | | | {points} | |\n")


def main(words: list[str]) -> int:
    if words not in (["check"], ["write"], ["table"], ["paths"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if words == ["table"]:
            print(table(), end="")
            return 0
        if words == ["paths"]:
            print(*(exercise.path for exercise in read()), sep="\n")
            return 0
        faults = compare(ROOT, words == ["write"])
    except CatalogueError as error:
        faults = [str(error)]
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
