#!/usr/bin/env python3
"""make_class.py DIR COUNT [EXERCISE...]: a class of so many submissions, for benchmarks; the same each time.

Of ten students six are right, three have a wrong answer of tests/wrong, and one attacks the grader in a way of
tests/grading/hostile. Folders, zip and tar archives take turns. The exercises are 02_bind/any_free_port where none is named,
which is also the only one that an attacker hands in. Prints a line for each student: name, kind, and where it comes from.
"""
import random
import shutil
import sys
from pathlib import Path

import wrong_answers
from corpus import EXERCISE, ROOT, cases


def pack(folder: Path, number: int) -> None:
    kind = (None, "zip", "gztar")[number % 3]
    if kind:
        shutil.make_archive(str(folder), kind, folder)
        shutil.rmtree(folder)


def main(directory: str, count: str, *exercises: str) -> int:
    target = Path(directory)
    target.mkdir(parents=True)
    chance = random.Random(2)  # a chapter's number; any will do
    hostile = [case for case in cases() if case.hostile and case.exercise == EXERCISE]
    chance.shuffle(hostile)
    for number in range(int(count)):
        student = f"student{number + 1:03}"
        kind = "hostile" if number % 10 == 9 else "wrong" if number % 10 in (2, 5, 8) else "right"
        if kind == "hostile":
            case = hostile[number // 10 % len(hostile)]
            case.make(target / student, {"ROOT": str(ROOT)})
            print(student, kind, case.name, sep="\t")
            continue
        sources = []
        for path in exercises or (EXERCISE,):
            name = path if kind == "right" else chance.choice(wrong_answers.files(path)).stem
            source = (ROOT / f"solutions/{path}.cpp").read_text(encoding="utf-8") if kind == "right" else \
                wrong_answers.source(path, name)
            file = target / student / f"exercises/{path}.cpp"
            file.parent.mkdir(parents=True, exist_ok=True)
            # No two students' files are the same, so that no cache makes the class cheaper than a real one.
            file.write_text(f"// {student}\n" + source, encoding="utf-8")
            sources.append(Path(name).name)
        pack(target / student, number)
        print(student, kind, *sources, sep="\t")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or not sys.argv[2].isdecimal():
        print(__doc__.partition("\n")[0], file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
