#!/usr/bin/env python3
"""demands.py ROOT [CHAPTER/NAME ...]: every sentence of an exercise's statement is asked for by a check, and each check rejects a
wrong answer. tests/exercises/CHAPTER/NAME.md says which:

    | the statement says | check | wrong answers |
    |---|---|---|
    | Write a server. | - | the subject |
    | It listens on `127.0.0.1`, | it listens on loopback, on the port that it says | listens_everywhere |

The first column is the statement, word for word, cut into demands: `"` stands for the fragment above it, and what begins with
`(all)` is asked of all exercises. `-` asks for nothing, and the last column says why. Otherwise that column names wrong answers
whose head says that they fail the check; or it is `none`, and the judge's source says why: `// No wrong answer fails: CHECK: `.
Prints what does not hold, and ends with status 1."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from book import exercises as catalogue  # noqa: E402


def prose(section: str) -> str:
    """Of an exercise's statement: without its facts, transcripts and comments; "" if it is not stated."""
    if not section:
        return ""
    rest = re.sub(r"^```.*?^```$", "", catalogue.statement(section), flags=re.M | re.S)
    rest = re.sub(r"<!--.*?-->", "", rest, flags=re.S)
    return re.sub(r"^( *)([-*]|\d+\.) |^\|[-|: ]+\|$", r"\1", rest, flags=re.M)


def bare(text: str) -> str:
    """Without what line breaks and tables add."""
    return re.sub(r"[\s|\\]", "", text)


def first_difference(wanted: str, found: str) -> str:
    same = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), min(len(wanted), len(found)))
    return f"the statement goes on with \"{wanted[same:same + 60]}\", the table with \"{found[same:same + 60]}\""


def rows(table: str) -> list[list[str]]:
    cells = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def arguments(call: str) -> list[str]:
    """The arguments of a call in C++, after its opening bracket; a text in several pieces is one."""
    found, depth = [""], 0
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[^"]', call):
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        if depth < 0:
            break
        if token == "," and depth == 0:
            found.append("")
        else:
            found[-1] += token
    return [re.sub(r'"\s*"', "", one).strip() for one in found]


def sections_named(judge: str) -> set[str]:
    """The sections that a judge sends a student to: the third text of a check, the first of a check that many share."""
    named = set()
    for found in re.finditer(r"\bgrader\.check\(|(?<!\.)\bcheck_\w+\(grader", judge):
        texts = arguments(judge[found.end():])
        if found[0].startswith("grader.check("):
            texts = texts[2:3]
        literal = [one[1:-1] for one in texts if re.fullmatch(r'"(?:[^"\\]|\\.)*"', one)]
        named |= set(literal[:1])
    return named


def faults(root: pathlib.Path, path: str, section: str) -> list[str]:
    table = root / f"tests/exercises/{path}.md"
    if not table.exists():
        return [f"missing: tests/exercises/{path}.md"]
    asked = bare(prose(section))
    judge = (root / f"tests/exercises/{path}_test.cpp").read_text(encoding="utf-8")
    fails = {}
    for file in sorted((root / f"tests/wrong/{path}").iterdir()):
        head = re.search(r"^(?:// )?Fails: (.*)$", file.read_text(encoding="utf-8"), re.M)
        fails[file.stem] = head[1] if head else ""
    found, said, named = [], "", set()
    for number, row in enumerate(rows(table.read_text(encoding="utf-8")), 1):
        if len(row) != 3:
            found.append(f"row {number} has {len(row)} cells, not 3: {row[0][:60] if row else ''}")
            continue
        fragment, check, wrong = row
        if fragment != '"' and not fragment.startswith("(all)"):
            said += bare(fragment)
        if check == "-" or wrong == "none":
            if not wrong:
                found.append(f"row {number} asks for nothing, and does not say why: {fragment}")
            if wrong == "none" and f"// No wrong answer fails: {check}: " not in judge:
                found.append(f"row {number}: no wrong answer fails \"{check}\", and the judge's source does not say why")
            continue
        for name in filter(None, re.split(r"[,\s]+", wrong)):
            named.add(name)
            if name not in fails:
                found.append(f"row {number}: tests/wrong/{path} has no {name}")
            elif fails[name] != check:
                found.append(f"row {number}: {name} fails \"{fails[name]}\", not \"{check}\"")
        if not wrong:
            found.append(f"row {number} names no wrong answer that fails \"{check}\"")
    if said != asked:
        found.append(first_difference(asked, said))
    found += [f"no row names the wrong answer {name}: which sentence forbids it?" for name in fails if name not in named]
    text = f"chapters/{path.split('/')[0]}/README.md"
    titles = re.findall(r"^##+ (.*)$|\*\*(.*?)[.?]?\*\*", (root / text).read_text(encoding="utf-8"), re.M)
    known = {title for pair in titles for title in pair}
    found += [f"the judge sends a student to the section \"{name}\", and {text} has none of that name"
              for name in sorted(sections_named(judge) - known)]
    return [f"tests/exercises/{path}.md: {fault}" for fault in found]


def main() -> int:
    root, *wanted = sys.argv[1:]
    paths = wanted or [exercise.path for exercise in catalogue.read(pathlib.Path(root))]
    sections = catalogue.statements(pathlib.Path(root))
    found = [fault for path in paths for fault in faults(pathlib.Path(root), path, sections.get(path, ""))]
    print(*found, sep="\n")
    return 1 if found or not paths else 0


sys.exit(main())
