"""The submissions on which the grader is tried: hostile ones, and honest ones beside them.

Each has a head, a comment or a docstring, that says what it does, `Attacks:` what, `Expects:` which verdict and how many
points, perhaps `Seen:` words of the story that its student reads, and `Exercise:` where it is no answer to EXERCISE. What an
attacker who knows the grader's machine would know stands in the sources as @ROOT@, @RESULTS@ and so on, and is put in when
the submission is made.
"""
import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXERCISE = "02_bind/any_free_port"
KEYS = ("Exercise", "Attacks", "Expects", "Seen")


@dataclass(frozen=True)
class Case:
    name: str
    file: Path  # where its head stands
    hostile: bool
    words: str  # what it does
    head: dict[str, str]
    make: Callable[[Path, dict[str, str]], Path]  # the place where it is to be, what is known -> the submission

    @property
    def exercise(self) -> str:
        return self.head.get("Exercise", EXERCISE)

    @property
    def verdict(self) -> str:
        return self.head["Expects"].partition(", ")[0]

    @property
    def points(self) -> int:
        return int(self.head["Expects"].partition(", ")[2].split()[0])


def parse(text: str) -> tuple[str, dict[str, str]]:
    words, head = [], {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, value = line.partition(": ")
        if colon and key in KEYS:
            head[key] = value
        elif not head:
            words.append(line)
    return " ".join(words), head


def answer(source: Path, exercise: str) -> Callable[[Path, dict[str, str]], Path]:
    def make(place: Path, known: dict[str, str]) -> Path:
        text = re.sub(r"@([A-Z]+)@", lambda name: known.get(name[1], name[0]), source.read_text(encoding="utf-8"))
        file = place / f"exercises/{exercise}.cpp"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        return place
    return make


def cases() -> Iterator[Case]:
    for folder in ("honest", "hostile"):
        for source in sorted((HERE / folder).glob("*.cpp")):
            comment = re.match(r"(//[^\n]*\n)*", source.read_text(encoding="utf-8"))
            words, head = parse(re.sub("^// ?", "", comment[0], flags=re.MULTILINE) if comment else "")
            exercise = head.get("Exercise", EXERCISE)
            yield Case(source.stem, source, folder == "hostile", words, head, answer(source, exercise))
    file = HERE / "hostile/archives.py"
    spec = importlib.util.spec_from_file_location("archives", file)
    assert spec and spec.loader
    archives = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(archives)
    for name, function in vars(archives).items():
        if callable(function) and "Attacks: " in (function.__doc__ or ""):
            yield Case(name, file, True, *parse(function.__doc__), lambda place, known, make=function: make(place))
