"""What the course systems read, made from verdict.json: each converter is a function of verdicts alone.

Where the rules of each format are published:
  gradescope    gradescope-autograders.readthedocs.io, "Autograder Specifications", section "Output format"
  junit         the Jenkins xUnit plugin's junit-10.xsd, and the Ant task's JUnit.xsd (windyroad/JUnit-Schema) for the
                difference between a failure and an error
  classroom50   github.com/foundation50/classroom50, wiki page "Advanced Autograding", section "The result.json contract"
  prairielearn  prairielearn.readthedocs.io, "External Grading", section "Grading results"
  submitty      submitty.org, Instructor > Autograding > "Validation", section "Python Custom Validator Output"
  csv           RFC 4180; cells that a spreadsheet would take for a formula: owasp.org, "CSV Injection"

An exercise that could not be judged for a reason of ours has no points: neither its own nor those of the whole. Each format has
a word for that, or the file is not made; the exit status is 2, and no student gets a zero that he did not earn.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as xml
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Verdict = dict[str, Any]
FORMAT = "portlab/verdict/1"
INFRASTRUCTURE = "infrastructure"


class FormatError(Exception):
    """Says which file or argument, what is wrong, and what to do."""


class NotJudged(Exception):
    """The format has no word for what could not be judged."""


# --- Verdicts -------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Without what a terminal, XML 1.0 or UTF-8 would stumble over: control characters and halves of surrogate pairs."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") and c not in "\ufffe\uffff" else "\ufffd"
                   for c in text)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(one) for key, one in value.items()}
    return value


def read(file: Path) -> Verdict:
    """A verdict.json. What is missing or of another kind is an error, never a guess."""
    try:
        verdict = _cleaned(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{file} cannot be read: {error}; grade that submission again") from None
    except json.JSONDecodeError as error:
        raise FormatError(f"{file} is not JSON: {error}; grade that submission again") from None
    if not isinstance(verdict, dict) or verdict.get("format") != FORMAT:
        raise FormatError(f'{file} is no verdict of this version: it has no "format": "{FORMAT}"; grade that submission again')

    def demand(table: Any, where: str, **kinds: Any) -> None:
        for key, kind in kinds.items():
            value = table.get(key) if isinstance(table, dict) else None
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise FormatError(f"{file}: {where}{key} is missing or of the wrong kind; grade that submission again")

    number = (int, float)
    demand(verdict, "", assignment=str, title=str, student=str, of=number, exercises=list, flags=list)
    for i, exercise in enumerate(verdict["exercises"], 1):
        demand(exercise, f"exercise {i}: ", path=str, title=str, of=number, verdict=str, story=str, flags=list)
        if exercise["verdict"] == INFRASTRUCTURE:
            exercise["points"] = None
        else:
            demand(exercise, f"exercise {i}: ", points=number)
    if not verdict["exercises"]:
        raise FormatError(f"{file}: it has no exercises; grade that submission again")
    # One sum, and none where a part of it is not known.
    parts = [exercise["points"] for exercise in verdict["exercises"]]
    verdict["points"] = None if None in parts else sum(parts)
    return verdict


def files_of(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files named, those in a student's folder, and those in a folder of results; and the students who have none."""
    files: list[Path] = []
    without: list[str] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
        elif (path / "verdict.json").exists():
            files.append(path / "verdict.json")
        else:
            students = sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
            if not students:
                raise FormatError(f"there is no verdict.json in {path}, and no folder of a student: grade first")
            files += [folder / "verdict.json" for folder in students if (folder / "verdict.json").exists()]
            without += [clean(folder.name) for folder in students if not (folder / "verdict.json").exists()]
    return files, without


def unjudged(verdict: Verdict) -> list[str]:
    return [exercise["path"] for exercise in verdict["exercises"] if exercise["points"] is None]


def _refuse_unjudged(verdict: Verdict) -> None:
    if unjudged(verdict):
        raise NotJudged(f"{verdict['student']}: {', '.join(unjudged(verdict))} could not be judged, for no fault of the "
                        "student's: grade that submission again")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


# --- One submission -------------------------------------------------------------------------------------------------


def gradescope(verdict: Verdict) -> str:
    """Without results.json Gradescope says that the autograder failed. So there is none where something is not judged."""
    _refuse_unjudged(verdict)
    return _json({
        "score": verdict["points"],
        "stdout_visibility": "hidden",  # it is for the instructor
        "test_output_format": "text",  # what a student's program printed is no HTML
        "test_name_format": "text",
        "tests": [{
            "name": exercise["title"],
            "score": exercise["points"],
            "max_score": exercise["of"],
            "status": "passed" if exercise["verdict"] == "right" else "failed",
            "output": exercise["story"] or exercise["verdict"],
            "visibility": "visible",
        } for exercise in verdict["exercises"]],
    })


def classroom50(verdict: Verdict, environment: Mapping[str, str], submitted: str) -> str:
    """The runner gives the identity of the submission in the environment. Where the autograder ends with another status than
    0, the runner writes of an error itself; so there is no file where something is not judged."""
    _refuse_unjudged(verdict)
    names = {"classroom": "CLASSROOM", "assignment": "ASSIGNMENT", "submission": "SUBMISSION_TAG", "commit": "COMMIT_URL",
             "release": "RELEASE_URL"}
    missing = [name for name in names.values() if not environment.get(name)]
    if missing:
        raise FormatError(f"{', '.join(missing)}: not set in the environment, as Classroom 50's runner does: call this from "
                          "autograder.py")
    return _json({
        "schema": "classroom50/result/v1",
        **{key: environment[name] for key, name in names.items()},
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
        "datetime": submitted,
        "score": verdict["points"],
        "max-score": verdict["of"],
        "tests": [{
            "test-name": exercise["title"],
            "passed": exercise["verdict"] == "right",
            "score": exercise["points"],
            "max-score": exercise["of"],
            "output": exercise["story"] or exercise["verdict"],
        } for exercise in verdict["exercises"]],
    })


def prairielearn(verdict: Verdict) -> str:
    """What is not judged is not gradable: then no attempt is counted. The file may have 1 MB."""
    lost = unjudged(verdict)
    if lost:
        errors = [f"{path} could not be judged, for no fault of yours" for path in lost]
        return _json({"gradable": False, "format_errors": errors})
    longest = max(len(exercise["story"]) for exercise in verdict["exercises"])
    while True:
        text = _json({
            "gradable": True,
            "score": verdict["points"] / verdict["of"],
            "message": f"{verdict['points']} of {verdict['of']} points",
            "tests": [{
                "name": exercise["title"],
                "points": exercise["points"],
                "max_points": exercise["of"],
                "message": exercise["verdict"],
                "output": exercise["story"][:longest],
            } for exercise in verdict["exercises"]],
        })
        if len(text.encode()) <= 1_000_000:
            return text
        longest //= 2


def submitty(verdict: Verdict) -> str:
    """What is not judged is a failure of the validator, which only the instructor reads of."""
    lost = unjudged(verdict)
    if lost:
        return _json({"status": "failure", "message": f"could not be judged: {', '.join(lost)}; grade that submission again"})
    colour = {"right": "success", "not started": "information"}
    return _json({
        "status": "success",
        "data": {
            "score": verdict["points"] / verdict["of"],
            "message": [{
                "message": f"{exercise['title']}: {exercise['verdict']}, {exercise['points']} of {exercise['of']} points\n"
                           f"{exercise['story']}".rstrip(),
                "status": colour.get(exercise["verdict"], "failure"),
            } for exercise in verdict["exercises"]],
        },
    })


# --- A class --------------------------------------------------------------------------------------------------------


def junit(verdicts: Sequence[Verdict]) -> str:
    """A suite a student. What is not right is a failure, also a program that is not there; what is not judged is an error."""
    root = xml.Element("testsuites", name="Portlab")
    for verdict in verdicts:
        exercises = verdict["exercises"]
        right = sum(exercise["verdict"] == "right" for exercise in exercises)
        lost = len(unjudged(verdict))
        suite = xml.SubElement(root, "testsuite", name=verdict["student"], tests=str(len(exercises)), errors=str(lost),
                               failures=str(len(exercises) - right - lost), skipped="0", time="0")
        for exercise in exercises:
            case = xml.SubElement(suite, "testcase", classname=verdict["student"], name=exercise["path"], time="0")
            if exercise["verdict"] == "right":
                continue
            check = "" if exercise.get("tests") == "hidden" else (exercise.get("failed") or {}).get("check", "")
            kind = "error" if exercise["points"] is None else "failure"
            told = xml.SubElement(case, kind, type=exercise["verdict"], message=check or exercise["verdict"])
            told.text = exercise["story"]
    xml.indent(root, " ")
    return xml.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def table(verdicts: Sequence[Verdict]) -> str:
    """Comma-separated: a row a student, a column an exercise; empty where something is not judged."""
    paths = list(dict.fromkeys(exercise["path"] for verdict in verdicts for exercise in verdict["exercises"]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["student", *paths, "points", "of"])
    for verdict in sorted(verdicts, key=lambda one: str(one["student"])):
        points = {exercise["path"]: exercise["points"] for exercise in verdict["exercises"]}
        row = [verdict["student"], *(points.get(path) for path in paths), verdict["points"], verdict["of"]]
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def harmless(cell: str) -> str:
    """With a quotation mark in front where a spreadsheet would take the cell for a formula; a number is none, nor is a dash."""
    formula = cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"-|[-+][0-9]+([.,][0-9]+)?", cell)
    return "'" + cell if formula else cell


@dataclass(frozen=True)
class Filled:
    text: str
    unknown: list[str]  # students whom the gradebook has not
    empty: list[str]  # rows that got no points, and why
    changed: list[str]  # cells that are no formulas any more


def fill(gradebook: str, column: str, key: str, verdicts: Sequence[Verdict]) -> Filled:
    """The course system's own file, character by character, with the points in one column. A row and a verdict belong together
    where the cell under `key` and the student's name have the same letters and digits: course systems drop the rest, and the
    case, when they name files after students."""
    mark = gradebook[:1] if gradebook.startswith("\ufeff") else ""
    gradebook = gradebook.removeprefix(mark)
    for separator in ",;\t":
        rows = _records(gradebook, separator)
        header = [_value(cell).strip() for cell in rows[0].cells] if rows else []
        if header.count(column) == 1 and header.count(key) == 1:
            break
    else:
        names = ", ".join(f'"{_value(cell)}"' for row in _records(gradebook, ",")[:1] for cell in row.cells)
        raise FormatError(f'the gradebook has not one column "{column}" and one column "{key}", but these: {names}')
    at, by = header.index(column), header.index(key)

    def folded(name: str) -> str:
        return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())

    open_verdicts: dict[str, Verdict] = {}
    for verdict in verdicts:
        other = open_verdicts.setdefault(folded(verdict["student"]), verdict)
        if other is not verdict:
            raise FormatError(f"two verdicts are for one student, {other['student']} and {verdict['student']}: leave one out")
    points = {name: (verdict["student"], verdict["points"]) for name, verdict in open_verdicts.items()}
    seen: dict[str, str] = {}
    empty, changed = [], []
    for number, row in enumerate(rows[1:], 2):
        who = _value(row.cells[by]) if by < len(row.cells) else ""
        name = folded(who)
        if name and at < len(row.cells) and (name in points or not _is_heading(row, at)):
            if name in seen:
                raise FormatError(f'"{seen[name]}" and "{who}" of the gradebook are one under "{key}": choose another --key')
            seen[name] = who
            _, number_of_points = points.get(name, ("", None))
            if number_of_points is None:
                empty.append(f"{who}: {'not judged' if name in points else 'no verdict'}")
            else:
                row.cells[at] = str(number_of_points)
        for i, cell in enumerate(row.cells):
            value = _value(cell)
            if harmless(value) != value:
                changed.append(f'row {number}, "{header[i] if i < len(header) else i + 1}": {value!r}')
                row.cells[i] = '"' + harmless(value).replace('"', '""') + '"'
    unknown = [student for name, (student, _) in points.items() if name not in seen]
    return Filled(mark + "".join(separator.join(row.cells) + row.end for row in rows), unknown, empty, changed)


def _is_heading(row: _Record, at: int) -> bool:
    """A second heading, such as Canvas's row of possible points."""
    return any(_value(cell).strip().lower() == "points possible" for cell in row.cells)


@dataclass
class _Record:
    cells: list[str]  # as they are written, with their quotation marks
    end: str  # of the line


def _records(text: str, separator: str) -> list[_Record]:
    """RFC 4180, but nothing is lost: the cells and ends of lines, joined, are the text again."""
    cell = re.compile(rf'"(?:[^"]|"")*"[^{separator}\r\n]*|[^{separator}\r\n]*')
    records, cells, place = [], list[str](), 0
    while place < len(text) or cells:
        found = cell.match(text, place)
        cells.append(found[0] if found else "")
        place += len(cells[-1])
        end = re.compile(r"\r\n|\n|\r|\Z").match(text, place)
        if end:
            records.append(_Record(cells, end[0]))
            cells = []
            place += len(end[0])
        else:
            place += 1
    return records


def _value(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


# --- The command ----------------------------------------------------------------------------------------------------


def _submitted() -> str:
    """When the commit that is graded was made, which no later grading changes; now, where this is no repository."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    seconds = int(done.stdout) if done.stdout.strip().isdigit() else datetime.now().timestamp()
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


ONE: dict[str, Callable[[Verdict], str]] = {
    "gradescope": gradescope,
    "classroom50": lambda verdict: classroom50(verdict, os.environ, _submitted()),
    "prairielearn": prairielearn,
    "submitty": submitty,
}


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "convert", help="make what a course system reads",
        description="Makes of verdicts what a course system reads. gradescope, classroom50, prairielearn and submitty take one "
                    "verdict; junit and csv take any number.",
        epilog="Example: ./portlab convert csv results --gradebook export.csv --column 'Bind (12345)' --key Student")
    parser.add_argument("format", choices=[*ONE, "junit", "csv"])
    parser.add_argument("verdicts", nargs="+", type=Path, metavar="VERDICT",
                        help="a verdict.json, a student's folder, or the folder of a class's results")
    parser.add_argument("--output", type=Path, metavar="FILE", help="in place of the standard output")
    parser.add_argument("--gradebook", type=Path, metavar="FILE", help="csv: the file exported from the course system")
    parser.add_argument("--column", metavar="NAME", help="csv: the gradebook's column for the points")
    parser.add_argument("--key", metavar="NAME", help="csv: the gradebook's column that says which student it is")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        return _convert(arguments)
    except (FormatError, NotJudged, OSError) as error:
        print(f"portlab: {error}", file=sys.stderr)
        return 2


def _convert(arguments: argparse.Namespace) -> int:
    if any((arguments.gradebook, arguments.column, arguments.key)) and not (
            arguments.format == "csv" and all((arguments.gradebook, arguments.column, arguments.key))):
        raise FormatError("--gradebook, --column and --key go together, and with csv alone")
    files, without = files_of(arguments.verdicts)
    verdicts = [read(file) for file in files]
    problems = [f"{student}: no verdict; grade that submission again" for student in without]
    if arguments.format in ONE:
        if len(verdicts) != 1 or without:
            raise FormatError(f"{arguments.format} takes one verdict, not {len(verdicts) + len(without)}: convert one by one")
        text = ONE[arguments.format](verdicts[0])
    elif arguments.format == "junit":
        text = junit(verdicts)
    elif not arguments.gradebook:
        text = table(verdicts)
    else:
        # Byte by byte what it was: what is no UTF-8 is kept as it is, and so is the mark at the beginning.
        book = arguments.gradebook.read_bytes().decode("utf-8", "surrogateescape")
        if "\0" in book:
            raise FormatError(f"{arguments.gradebook} is no CSV in UTF-8: export it as that")
        filled = fill(book, arguments.column, arguments.key, verdicts)
        text = filled.text
        problems = [f"{who}; the cell is left as it was" for who in filled.empty]
        problems += [f"{who}: not in the gradebook under \"{arguments.key}\"" for who in filled.unknown]
        for cell in filled.changed:
            print(f"portlab: {clean(cell)} would be a formula in a spreadsheet; now it has a quotation mark in front",
                  file=sys.stderr)
    problems += [f"{verdict['student']}: not judged: {', '.join(unjudged(verdict))}; grade that submission again"
                 for verdict in verdicts if unjudged(verdict)]
    data = text.encode("utf-8", "surrogateescape")
    if arguments.output:
        unfinished = arguments.output.with_name(f"{arguments.output.name}.{os.getpid()}")
        unfinished.write_bytes(data)
        unfinished.replace(arguments.output)
    else:
        sys.stdout.buffer.write(data)
    for problem in problems:
        print(f"portlab: {clean(problem)}", file=sys.stderr)
    return 2 if problems else 0
