#!/usr/bin/env python3
"""./portlab new: writes the files of a new chapter, exercise or wrong answer, with a small server as the example. They build and are
judged from the beginning. What the author has to write is marked with TO BE WRITTEN, which a gate looks for."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from book import exercises as catalogue  # noqa: E402
from book.exercises import ROOT, CatalogueError, Exercise  # noqa: E402

MARK = "TO BE WRITTEN"

SERVER = """// {title}: {mark}, what it shows, in a sentence.
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

int main() {{
    try {{
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{{context}};
        acceptor.open(tcp::v4());
        acceptor.bind({{asio::ip::address_v4::loopback(), 0}});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    }} catch (const std::exception& error) {{
        std::cerr << "{name}: " << error.what() << '\\n';
        return EXIT_FAILURE;
    }}
}}
"""

STUB = """// {title}: {mark}, what it shows, in a sentence.
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

int main() {{
    begin_here(); // Delete this line and write your program.
}}
"""

JUDGE = """#include "tools/judge/demands.hpp"

using namespace grader;

// {mark}: a check for each demand of the statement.
void grader::judge(Grader& grader) {{
    grader.check("it says where it listens", "the line \\"listening on 127.0.0.1:PORT\\"", "Exercises");
    Program program = grader.start();
    const Address says = program.ready();

    grader.check("it says the port that it has", "the number in the kernel's table", "Exercises");
    const Address has = program.listener().local;
    grader.expect(says == has, "it says " + to_string(says) + ", and the kernel says " + to_string(has));

    check_endings(grader, {{}}, "Exercises");
    grader.check_refusal();
}}
"""

STATEMENT = """### Exercise

`exercises/{path}.cpp`

{mark}. Write a server that listens on a port of `127.0.0.1` that the kernel chooses. It prints the line
`listening on 127.0.0.1:PORT`, with the port that it has got. It ends with status 0 when Enter is pressed, when its input ends, and
on SIGINT and SIGTERM. If the system refuses it a socket, the program says why on standard error, and ends with status 1.

<!-- varies: port=40123 -->
```console
$ ./portlab run {path}
listening on 127.0.0.1:40123
⏎
```

<details><summary>Hint 1: a nudge</summary>

{mark}

</details>
<details><summary>Hint 2: the idea</summary>

{mark}

</details>
<details><summary>Hint 3: the call</summary>

{mark}

</details>

"""

DEMANDS = """| the statement says | check | wrong answers |
|---|---|---|
| {mark}. | - | the statement |
| Write a server that listens on a port of `127.0.0.1` that the kernel chooses. It prints the line | it says where it listens | |
| `listening on 127.0.0.1:PORT`, with the port that it has got. | it says the port that it has | |
| It ends with status 0 when Enter is pressed, when its input ends, and on SIGINT and SIGTERM. | it ends with status 0 when it is asked to | |
| If the system refuses it a socket, the program says why on standard error, and ends with status 1. | it ends with status 1 if the system refuses it a socket | |
"""

MISTAKE = """// {mark}: the mistake, in a sentence.
// Fails: {mark}, the name of the check that it fails
// Seen: {mark}, words of what the judge observes then
"""

CHAPTER = """# {number}. {title}: {mark}

**{mark}: the question that the chapter answers.**

## Run it

<!-- varies: port=40123 -->
```console
$ ./portlab run {chapter}
listening on 127.0.0.1:40123
⏎
```

The kernel chose the port, and the program says which.<!-- test: chapter.{chapter}.it listens on the port that it says -->

## The program

<!-- listing: chapters/{chapter}/{name}.cpp -->
```cpp
{program}```

## What to remember

{mark}

## Exercises

**Write a program.** How this goes, from the first line to the verdict, is in [the preface](../../book.md#exercises).

## Now you can

{mark}
"""

CHAPTER_TEST = """#include "tools/harness/client.hpp"
#include "tools/harness/process.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace support;

TEST_CASE("it listens on the port that it says") {{
    Process program{{support::program("{name}")}};
    const Address says = address_in(program.wait_for_line("listening on"));
    const auto sockets = program.sockets(common::Protocol::tcp);
    REQUIRE(sockets.size() == 1);
    CHECK(sockets[0].state == "LISTEN");
    CHECK(sockets[0].local == says);
}}

TEST_CASE("it ends with status 0 at the end of its input") {{
    Process program{{support::program("{name}")}};
    program.wait_for_line("listening on");
    program.close_input();
    CHECK(program.wait_for_exit() == 0);
}}
"""

VARIANTS = """wrong({chapter}/{name} says_another_port
  REPLACE [[<< acceptor.local_endpoint()]]
  BY      [[<< "127.0.0.1:1"]]
  FAILS "it listens on the port that it says"
  SAYING "local == says")
wrong({chapter}/{name} ends_as_a_failure
  REPLACE [[stop.wait();]]
  BY      [[stop.wait();
        return EXIT_FAILURE;]]
  FAILS "it ends with status 0 at the end of its input"
  SAYING "1 == 0")
"""

ASSIGNMENT = """title = "{title}"
due = {due}
seed = 1

[[exercise]]
path = "{chapter}" # all its exercises; or one: "{chapter}/{name}"
"""


class WrongUse(Exception):
    """Says what cannot be done, and what to do."""


def show(path: str) -> str:
    """What is in that file of the tree."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from None


def write(path: str, text: str) -> None:
    file = ROOT / path
    print(f"{'changed' if file.exists() else 'new    '}  {path}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def put_after(path: str, last: str, line: str) -> None:
    """Puts the line after the last one that begins as the pattern says."""
    lines = show(path).splitlines(keepends=True)
    places = [number for number, one in enumerate(lines, 1) if re.match(last, one)]
    if not places:
        raise WrongUse(f"{path} has no line {last}, after which this one would stand: {line}")
    lines.insert(places[-1], line + "\n")
    write(path, "".join(lines))


def a_new(name: str, pattern: str, example: str, *paths: str) -> None:
    if not re.fullmatch(pattern, name):
        raise WrongUse(f'"{name}" is no name: write letters a to z, digits and underscores, such as {example}')
    for path in paths:
        if (ROOT / path).exists():
            raise WrongUse(f"{path} is there already: choose another name")


def in_words(name: str) -> str:
    return name.replace("_", " ")


def new_chapter(chapter: str) -> list[str]:
    a_new(chapter, "[0-9]{2}_[a-z][0-9a-z_]*", "10_topic", f"chapters/{chapter}")
    for other in chapters():
        if other[:2] == chapter[:2]:
            raise WrongUse(f"{other} has the number {chapter[:2]} already: choose another one")
    name = chapter[3:]
    words = {"chapter": chapter, "name": name, "number": int(chapter[:2]), "title": in_words(name).capitalize(), "mark": MARK}
    program = SERVER.format(**words)
    put_after("CMakeLists.txt", r"chapter\([0-9]", f"chapter({chapter} {name})")
    put_after("book.md", r"[0-9]+\. \[.*\]\(chapters/", "{number}. [{title}](chapters/{chapter}/README.md): {mark}".format(**words))
    rows = show("README.md").splitlines()
    last = max(number for number, row in enumerate(rows) if row.startswith(f"| [{int(chapters()[-1][:2])}. "))
    while rows[last + 1].startswith("| | "):  # the other programs of that chapter
        last += 1
    put_after("README.md", re.escape(rows[last]), "| [{number}. {title}](chapters/{chapter}/README.md) | `{name}` | {mark} |".format(**words))
    write(f"chapters/{chapter}/{name}.cpp", program)
    write(f"chapters/{chapter}/README.md", CHAPTER.format(program=program, **words))
    write(f"tests/chapters/{chapter}_test.cpp", CHAPTER_TEST.format(**words))
    write(f"tests/wrong/{chapter}.cmake", VARIANTS.format(**words))
    return [f"write chapters/{chapter}/{name}.cpp, and its test tests/chapters/{chapter}_test.cpp",
            f"write chapters/{chapter}/README.md; cmake --build --preset default --target record fills its transcripts",
            f"break the program in tests/wrong/{chapter}.cmake, in ways that the test must notice",
            f"./portlab new exercise {chapter} NAME",
            f"judge it all: ctest --preset default -R '^gate|{chapter}'"]


def chapters() -> list[str]:
    return sorted(folder.name for folder in (ROOT / "chapters").iterdir() if folder.name[0].isdigit())


def new_exercise(chapter: str, name: str) -> list[str]:
    if chapter not in chapters():
        raise WrongUse(f'there is no chapter "{chapter}"; there are: {", ".join(chapters())}')
    path = f"{chapter}/{name}"
    a_new(name, "[a-z][0-9a-z_]*", "any_free_port", f"exercises/{path}.cpp", f"chapters/{path}.cpp")
    entry = Exercise(path, in_words(name), "easy", 20, 10, "write")
    exercises = catalogue.numbered([*catalogue.read(), entry])
    entry = next(exercise for exercise in exercises if exercise.path == path)
    words = {"path": path, "chapter": chapter, "name": name, "title": entry.title.capitalize(), "mark": MARK}
    write(catalogue.CATALOGUE, catalogue.in_json([replace(exercise, number="") for exercise in exercises]))
    write(f"exercises/{path}.cpp", STUB.format(**words))
    write(f"solutions/{path}.cpp", SERVER.format(**words))
    write(f"tests/exercises/{path}_test.cpp", JUDGE.format(**words))
    write(f"tests/exercises/{path}.md", DEMANDS.format(**words))
    text = f"chapters/{chapter}/README.md"
    write(text, catalogue.with_statement(show(text), catalogue.up_to_date(STATEMENT.format(**words), entry), path))
    (ROOT / f"tests/wrong/{path}").mkdir(parents=True, exist_ok=True)
    if not (ROOT / f"assignments/{chapter}.toml").exists():
        new_assignment(words)
    write("book.md", catalogue.with_table(show("book.md"), ROOT))
    return [f"say how hard it is, how long it takes and what it gives: its line in {catalogue.CATALOGUE}, then "
            "python3 tools/book/exercises.py write",
            f"write the statement and three hints in {text}",
            f"write the stub exercises/{path}.cpp and the model answer solutions/{path}.cpp",
            f"write the judge tests/exercises/{path}_test.cpp, and in tests/exercises/{path}.md which check asks for which sentence",
            f"./portlab new mistake {path} MISTAKE, five times or more: a wrong answer for each check",
            f"judge it all: ctest --preset default -R '^gate|{chapter}.{name}'"]


def new_assignment(words: dict[str, str]) -> None:
    """The chapter's own, a week after the last one, and a line in the book's."""
    dues: list[datetime] = [tomllib.loads(file.read_text(encoding="utf-8"))["due"] for file in (ROOT / "assignments").glob("[0-9]*.toml")]
    due = (max(dues) + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    title = in_words(words["chapter"][3:]).capitalize()
    write(f"assignments/{words['chapter']}.toml", ASSIGNMENT.format(**{**words, "title": title, "due": due}))
    write("assignments/book.toml", show("assignments/book.toml") + f'\n[[exercise]]\npath = "{words["chapter"]}"\n')


def new_mistake(path: str, name: str) -> list[str]:
    if path not in (exercise.path for exercise in catalogue.read()):
        raise WrongUse(f'there is no exercise "{path}": write CHAPTER/NAME, as exercises/exercises.json has it')
    whole, difference = f"tests/wrong/{path}/{name}.cpp", f"tests/wrong/{path}/{name}.diff"
    a_new(name, "[a-z][0-9a-z_]*", "never_flushes", whole, difference)
    write(whole, MISTAKE.format(mark=MARK) + show(f"solutions/{path}.cpp"))
    return [f"make the mistake in {whole}, and say in its first lines what it is, which check it fails and what is seen",
            f"bash tests/wrong/difference.sh {whole}, which keeps the difference alone; then cmake --preset default",
            f"name it in tests/exercises/{path}.md, beside the sentence that forbids it",
            f"judge it: ctest --preset default -R 'wrong.{path.replace('/', '.')}.{name}'"]


def configure() -> None:
    print("+ cmake --preset default", flush=True)
    if not shutil.which("cmake"):
        raise WrongUse("cmake is not on this machine: ./portlab doctor says what is missing")
    done = subprocess.run(["cmake", "--preset", "default"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise WrongUse(f"cmake ended with status {done.returncode}:\n{done.stdout}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./portlab new", description=__doc__,
                                     epilog="Example: ./portlab new exercise 02_bind second_address")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="chapter|exercise|mistake")
    chapter = kinds.add_parser("chapter", help="a chapter: 10_topic")
    chapter.add_argument("chapter", metavar="CHAPTER")
    exercise = kinds.add_parser("exercise", help="an exercise: 02_bind second_address")
    exercise.add_argument("chapter", metavar="CHAPTER")
    exercise.add_argument("name", metavar="NAME")
    mistake = kinds.add_parser("mistake", help="a wrong answer to an exercise: 02_bind/second_address no_flush")
    mistake.add_argument("path", metavar="CHAPTER/NAME")
    mistake.add_argument("name", metavar="MISTAKE")
    given = parser.parse_args()
    try:
        remains = (new_chapter(given.chapter) if given.kind == "chapter" else
                   new_exercise(given.chapter, given.name) if given.kind == "exercise" else
                   new_mistake(given.path, given.name))
        configure()
    except (WrongUse, CatalogueError) as error:
        print(f"portlab: {error}", file=sys.stderr)
        return 2
    print(f"\nIt builds, and what you write yourself is marked {MARK}:")
    for number, step in enumerate(remains, 1):
        print(f"  {number}. {step}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
