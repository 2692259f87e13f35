"""The class at a glance: a page for the browser and the printer, and the same on the terminal.

The page is one file without scripts. What comes from students stands in it as text, and nothing in it can load anything.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any

from grading import formats, manifest
from grading.formats import FormatError, Verdict

VERDICTS = ["right", "wrong", "does not compile", "refused", "not started", "missing", "infrastructure"]
SHORT = {"right": "+", "wrong": "x", "does not compile": "c", "refused": "r", "not started": "-", "missing": ".",
         "infrastructure": "?"}
RUN = 20  # tokens that follow each other
ALIKE = 0.9  # of all runs that two answers have beside the stub
SHOWN = 10  # checks; the page folds the others away
NARROW = 6  # exercises have room for words in the table of students
LEAST = 120  # runs that an answer must add to the stub; shorter ones are alike without anybody's fault


@dataclass(frozen=True)
class Mistake:
    """The head of a wrong answer."""

    words: str
    fails: str
    seen: str


@dataclass
class FailedCheck:
    path: str
    check: str
    section: str
    students: list[str]
    mistakes: Counter[str]  # by their words; with an empty one for what no wrong answer explains


@dataclass
class Class:
    """What both reports show."""

    verdicts: list[Verdict]
    without: list[str]  # students whose verdict is missing
    checks: list[FailedCheck]
    flags: list[tuple[str, str]]  # a student or some, and why to look

    @property
    def title(self) -> str:
        return str(self.verdicts[0]["title"])

    @property
    def of(self) -> int:
        return int(self.verdicts[0]["of"])

    @property
    def exercises(self) -> list[dict[str, Any]]:
        return list(self.verdicts[0]["exercises"])

    @property
    def totals(self) -> list[float]:
        return [verdict["points"] for verdict in self.verdicts if verdict["points"] is not None]

    @property
    def not_judged(self) -> list[str]:
        return ([f"{student}: no verdict" for student in self.without]
                + [f"{verdict['student']}: {', '.join(formats.unjudged(verdict))}" for verdict in self.verdicts
                   if formats.unjudged(verdict)])

    @property
    def weakly_isolated(self) -> list[str]:
        return [verdict["student"] for verdict in self.verdicts if verdict.get("launcher") == "user"]

    def summary(self) -> str:
        students = f"{len(self.verdicts)} student{'s' if len(self.verdicts) > 1 else ''}"
        if not self.totals:
            return students
        return (f"{students}; of {self.of} points the mean is {statistics.mean(self.totals):.1f} and the median "
                f"{statistics.median(self.totals):g}")

    def bins(self) -> list[tuple[str, int]]:
        """The distribution of the points in at most eleven bins; the best one can do is a bin of its own."""
        width = next(width for width in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, self.of) if width * 10 >= self.of)
        edges = [*range(0, self.of, width), self.of]
        names = [str(low) if high - low == 1 else f"{low}\u2013{high - 1}" for low, high in zip(edges, edges[1:])]
        counts = Counter(int(total) // width if total < self.of else len(names) for total in self.totals)
        return [(name, counts[i]) for i, name in enumerate([*names, str(self.of)])]

    def counts(self, path: str) -> Counter[str]:
        return Counter(exercise["verdict"] for verdict in self.verdicts for exercise in verdict["exercises"]
                       if exercise["path"] == path)


def mistakes(path: str, root: Path = manifest.ROOT) -> list[Mistake]:
    """The heads of the wrong answers to an exercise: the misconception, the check that it fails, and what is seen then."""
    found = []
    for file in sorted(root.glob(f"tests/wrong/{path}/*.*")):
        head = re.match(r"(?P<words>(?:.*\n)+?)(?:// )?Fails: (?P<fails>.*)\n(?:// )?Seen: (?P<seen>.*)\n",
                        file.read_text(encoding="utf-8"))
        if head:
            words = " ".join(line.removeprefix("// ") for line in head["words"].splitlines())
            found.append(Mistake(words, head["fails"], head["seen"]))
    return found


def diagnosis(failed: dict[str, str], known: Iterable[Mistake]) -> str:
    """The misconception that explains what is observed: of those that fit, the one that says most about it."""
    fitting = [one for one in known if one.fails == failed["check"] and one.seen in failed["observed"]]
    return max(fitting, key=lambda one: len(one.seen)).words if fitting else ""


def read_class(results: Path, root: Path = manifest.ROOT) -> Class:
    files, without = formats.files_of([results])
    verdicts = sorted((formats.read(file) for file in files), key=lambda verdict: str(verdict["student"]))
    if not verdicts:
        raise FormatError(f"there is no verdict.json in the folders of {results}: grade first")
    first = verdicts[0]
    for verdict in verdicts:
        if [one["path"] for one in verdict["exercises"]] != [one["path"] for one in first["exercises"]]:
            raise FormatError(f"{results} has verdicts of two assignments, {first['assignment']} (of {first['student']}) and "
                              f"{verdict['assignment']} (of {verdict['student']}): keep one folder an assignment")
    checks: dict[tuple[str, str], FailedCheck] = {}
    flags: list[tuple[str, str]] = []
    for exercise in first["exercises"]:
        known = mistakes(exercise["path"], root)
        for verdict in verdicts:
            one = next(one for one in verdict["exercises"] if one["path"] == exercise["path"])
            flags += [(verdict["student"], f"{exercise['path']}: {flag}") for flag in one["flags"]]
            failed = one.get("failed")
            if isinstance(failed, dict) and one["verdict"] == "wrong":
                failed = {key: str(failed.get(key, "")) for key in ("check", "observed", "section")}
                entry = checks.setdefault((exercise["path"], failed["check"]),
                                          FailedCheck(exercise["path"], failed["check"], failed["section"], [], Counter()))
                entry.students.append(verdict["student"])
                entry.mistakes[diagnosis(failed, known)] += 1
        flags += [(" and ".join(group), f"{exercise['path']}: nearly the same text")
                  for group in alike(results, exercise["path"], [verdict["student"] for verdict in verdicts], root)]
    flags += [(verdict["student"], flag) for verdict in verdicts for flag in verdict["flags"]]
    return Class(verdicts, without, sorted(checks.values(), key=lambda one: (-len(one.students), one.path, one.check)), flags)


# The tokens of C++, as far as a comment needs them to be told from what looks like one; C++20, lex.token.
TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z))
      | (?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?(?:\)(?P=delimiter)"|\Z) | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*"?
      | (?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])+' | \.?[0-9](?:['.0-9A-Za-z_]|(?<=[eEpP])[+-])* | \w+ | \S""",
    re.DOTALL | re.VERBOSE,
)


def _tokens(source: str) -> list[str]:
    """Of C++, without comments and layout."""
    return [found[0] for found in TOKEN.finditer(source) if found["comment"] is None]


def _runs(source: str) -> list[tuple[str, ...]]:
    tokens = _tokens(source)
    return [tuple(tokens[i:i + RUN]) for i in range(len(tokens) - RUN + 1)]


def alike(results: Path, path: str, students: Sequence[str], root: Path = manifest.ROOT) -> list[list[str]]:
    """The students whose answers, kept by the grader in RESULTS/STUDENT/exercises, are nearly the same beside the stub."""
    stub = root / f"exercises/{path}.cpp"
    given = set(_runs(stub.read_text(encoding="utf-8"))) if stub.is_file() else set()
    runs: dict[str, set[tuple[str, ...]]] = {}
    for student in students:
        file = results / student / f"exercises/{path}.cpp"
        if file.is_file():
            own = set(_runs(file.read_text(encoding="utf-8", errors="replace"))) - given
            if len(own) >= LEAST:
                runs[student] = own
    groups: list[set[str]] = []
    for one, other in combinations(runs, 2):
        if len(runs[one] & runs[other]) >= ALIKE * len(runs[one] | runs[other]):
            joined = [group for group in groups if group & {one, other}]
            groups = [group for group in groups if not group & {one, other}] + [{one, other}.union(*joined)]
    return sorted(sorted(group) for group in groups)


# --- The page -------------------------------------------------------------------------------------------------------

STYLE = """
:root { --ink: #1d2328; --soft: #5b6670; --line: #d5dade; --right: #1f7a4d; --wrong: #b3372f; --other: #7d621a; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; color: var(--ink); background: #fff;
       font: 16px/1.5 system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
summary { margin: .6rem 0; cursor: pointer; }
p { margin: .4rem 0; max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tbody th { font-weight: 600; min-width: 8.5rem; max-width: 20rem; overflow-wrap: break-word; }
th.turned { writing-mode: vertical-rl; transform: rotate(180deg); padding: .4rem .2rem; vertical-align: top; font-weight: 500; }
.many td.n { padding: .15rem .25rem; text-align: center; } .many tbody th { min-width: 0; padding: .15rem .5rem .15rem 0; }
td ul { margin: 0; }
.right { color: var(--right); } .wrong { color: var(--wrong); } .other { color: var(--other); }
small { color: var(--soft); font-size: .85rem; font-weight: 400; }
.notice { border-left: 4px solid var(--wrong); padding: .4rem .8rem; background: #fbf1f0; }
ul { padding-left: 1.2rem; margin: .3rem 0; }
svg { display: block; width: 100%; max-width: 46rem; height: auto; }
svg text { font: 13px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; fill: var(--ink); }
@media (max-width: 40rem) { body { padding: .8rem; } th, td { padding: .3rem .35rem; } svg text { font-size: 18px; }
  .stack thead { display: none; } .stack, .stack tbody, .stack tr, .stack td { display: block; }
  .stack tr { border-bottom: 1px solid var(--line); padding: .4rem 0; } .stack td { border: 0; padding: .1rem 0; }
  .stack td.n { text-align: left; } .stack td.n::after { content: " \\d7"; } }
@media print { body { padding: 0; max-width: none; font-size: 10pt; } h2 { break-after: avoid; } tr { break-inside: avoid; }
               thead { display: table-header-group; } .wide { overflow: visible; } table { font-size: 9pt; } }
"""


def histogram(bins: Sequence[tuple[str, int]]) -> str:
    """Bars with their counts, as SVG."""
    width, height, top, bottom = 720, 220, 24, 44
    most = max([count for _, count in bins] + [1])
    step = width / len(bins)
    bars = []
    for i, (name, count) in enumerate(bins):
        tall = (height - top - bottom) * count / most
        x, y = i * step + step * .12, height - bottom - tall
        bars.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * .76:.1f}" height="{tall:.1f}" fill="#3b6ea5"/>'
                    f'<text x="{(i + .5) * step:.1f}" y="{y - 6:.1f}" text-anchor="middle">{count or ""}</text>'
                    f'<text x="{(i + .5) * step:.1f}" y="{height - bottom + 18}" text-anchor="middle">{escape(name)}</text>')
    said = "; ".join(f"{name}: {count}" for name, count in bins)
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Students by points: {escape(said)}">{"".join(bars)}'
            f'<line x1="0" x2="{width}" y1="{height - bottom}" y2="{height - bottom}" stroke="#1d2328"/>'
            f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">points</text></svg>')


def _colour(verdict: str) -> str:
    return verdict if verdict in ("right", "wrong") else "other"


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _cells(values: Iterable[Any], tag: str = "td") -> str:
    return "".join(f'<{tag} class="n">{escape(str(value))}</{tag}>' for value in values)


def page(group: Class) -> str:
    exercises = group.exercises
    parts = [f"<h1>{escape(group.title)}</h1><p>{escape(group.summary())}.</p>"]
    if group.not_judged:
        parts.append('<div class="notice"><p><strong>Not judged, for no fault of the students: grade again.</strong> '
                     f"They are in no mean, and have no points yet.</p>{_list(group.not_judged)}</div>")
    if group.weakly_isolated:
        parts.append(f'<div class="notice"><p>{len(group.weakly_isolated)} of {len(group.verdicts)} were graded with the '
                     "weaker isolation, by a user of their own and without namespaces.</p></div>")
    parts.append(f"<h2>Points</h2>{histogram(group.bins())}")

    used = [verdict for verdict in VERDICTS if any(group.counts(one["path"])[verdict] for one in exercises)]
    rows = []
    for one in exercises:
        counts = group.counts(one["path"])
        rows.append(f"<tr><th>{escape(one['title'])}<br><small>{escape(one['path'])}</small></th>"
                    f"{_cells([one['of']])}{_cells(counts[verdict] or '' for verdict in used)}</tr>")
    parts.append('<h2>Exercises</h2><div class="wide"><table><thead><tr><th>exercise</th><th class="n">points</th>'
                 f"{_cells(used, 'th')}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")

    if group.flags:
        rows = [f"<tr><th>{escape(who)}</th><td>{escape(why)}</td></tr>" for who, why in group.flags]
        parts.append("<h2>To be looked at</h2><p>No points were taken for these: a person decides.</p>"
                     f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>')

    if group.checks:
        rows = []
        for check in group.checks:
            known = [(words, count) for words, count in check.mistakes.most_common() if words]
            items = [f"{words} ({count})" for words, count in known]
            if check.mistakes[""]:
                items.append(f"something else ({check.mistakes['']})")
            rows.append(f"<tr>{_cells([len(check.students)])}<td>{escape(check.check)}<br><small>{escape(check.path)}; to "
                        f"read again: {escape(check.section)}</small></td><td>{_list(items)}</td></tr>")
        head = ('<div class="wide"><table class="stack"><thead><tr><th class="n">students</th><th>check</th>'
                "<th>what they do instead</th></tr></thead>")
        parts.append(f"<h2>Checks that fail most</h2>{head}<tbody>{''.join(rows[:SHOWN])}</tbody></table></div>")
        if rows[SHOWN:]:
            parts.append(f"<details><summary>The other {len(rows) - SHOWN}</summary>{head}<tbody>{''.join(rows[SHOWN:])}"
                         "</tbody></table></div></details>")
    parts.append(_students(group))
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(group.title)}</title><style>{STYLE}</style></head>\n<body>\n"
            + "\n".join(parts) + "\n</body></html>\n")


def _students(group: Class) -> str:
    """Who has what: points and a word in each cell, or a letter where there are many exercises."""
    many = len(group.exercises) > NARROW
    rows = []
    for verdict in group.verdicts:
        cells = []
        for one in verdict["exercises"]:
            why = ": ".join(filter(None, [one["verdict"], str((one.get("failed") or {}).get("check", ""))]))
            points = "?" if one["points"] is None else one["points"]
            words = f"<small>{escape(one['verdict'])}</small> {escape(str(points))}"
            if many:
                words = escape(str(points) if one["verdict"] == "right" else SHORT.get(one["verdict"], "?"))
            cells.append(f'<td class="n {_colour(one["verdict"])}" title="{escape(why)}">{words}</td>')
        total = "?" if verdict["points"] is None else verdict["points"]
        rows.append(f"<tr><th>{escape(verdict['student'])}</th>{''.join(cells)}{_cells([total])}</tr>")
    rows += [f'<tr><th>{escape(student)}</th><td colspan="{len(group.exercises) + 1}" class="other">no verdict</td></tr>'
             for student in group.without]
    heads = "".join(f'<th class="{"turned" if many else "n"}">{escape(one["title"])}</th>' for one in group.exercises)
    legend = "; ".join(f"{SHORT[verdict]} {verdict}" for verdict in VERDICTS if verdict != "right")
    return (f'<h2>Students</h2><div class="wide"><table{" class=many" if many else ""}><thead><tr><th>student</th>{heads}'
            f'<th class="n">of {group.of}</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
            + (f"<p><small>{legend}; a number: right</small></p>" if many else ""))


# --- The terminal ---------------------------------------------------------------------------------------------------


def terminal(group: Class, columns: int) -> str:
    lines = [group.title, f"{group.summary()}.", ""]
    if group.not_judged:
        lines += ["Not judged, for no fault of the students; grade again:", *(f"  {line}" for line in group.not_judged), ""]
    if group.weakly_isolated:
        lines += [f"{len(group.weakly_isolated)} of {len(group.verdicts)} were graded with the weaker isolation.", ""]
    bins = group.bins()
    most, wide = max([count for _, count in bins] + [1]), max(len(name) for name, _ in bins)
    lines += ["Points"] + [f"  {name:>{wide}} {'#' * round(count / most * 40)}{' ' if count else ''}{count or ''}".rstrip()
                           for name, count in bins] + [""]
    if group.checks:
        lines.append("Checks that fail most")
        for check in group.checks[:10]:
            lines.append(f"  {len(check.students):>3} {check.path}: {check.check}")
            lines += [f"        {count} {words}" for words, count in check.mistakes.most_common() if words]
        lines.append("")
    if group.flags:
        lines += ["To be looked at", *(f"  {who}: {why}" for who, why in group.flags), ""]
    who = min(24, max([len(verdict["student"]) for verdict in group.verdicts] + [len(name) for name in group.without] + [7]))
    lines.append(f"{'Student':<{who}} {'points':>6}  exercises, a mark each: "
                 + ", ".join(f"{SHORT[verdict]} {verdict}" for verdict in VERDICTS))
    for verdict in group.verdicts:
        total = "?" if verdict["points"] is None else f"{verdict['points']:g}"
        marks = " ".join(SHORT.get(one["verdict"], "?") for one in verdict["exercises"])
        lines.append(f"{verdict['student'][:who]:<{who}} {total:>6}  {marks}")
    lines += [f"{student[:who]:<{who}} {'?':>6}  no verdict" for student in group.without]
    order = [one["path"] for one in group.exercises]
    lines += ["", "The exercises in this order: " + ", ".join(order)]
    return "".join(part + "\n" for line in lines for part in textwrap.wrap(
        line, columns, subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2), replace_whitespace=False) or [""])


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "report", help="make a report on the class, for the browser and the terminal",
        description="Makes RESULTS/report.html of the verdicts in RESULTS/STUDENT, and shows the same on the terminal.",
        epilog="Example: ./portlab report results")
    parser.add_argument("results", type=Path, metavar="RESULTS", help="the folder of a class's results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        group = read_class(arguments.results)
        file = arguments.results / "report.html"
        unfinished = file.with_name("report.html.new")
        unfinished.write_text(page(group), encoding="utf-8")
        unfinished.replace(file)
    except (FormatError, OSError) as error:
        print(f"portlab: {error}", file=sys.stderr)
        return 2
    print(terminal(group, shutil.get_terminal_size((110, 24)).columns), end="")
    print(f"\n{file}")
    return 2 if group.not_judged else 0
