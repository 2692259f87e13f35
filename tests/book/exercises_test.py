"""The catalogue of exercises and the texts: what `exercises.py check` finds, and that `write` brings titles, facts and table in line."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from book import exercises as catalogue  # noqa: E402
from book.exercises import Exercise  # noqa: E402

FIRST = Exercise("01_one/first", "the first", "easy", 10, 5, "write")
SECOND = Exercise("01_one/second", "the second one", "hard", 40, 15, "observe")
TEXT = """# 1. One

## Exercises

### Exercise 1.1: the first

`exercises/01_one/first.cpp` · easy · 10 minutes · 5 points

Write it.

```console
# Terminal 1
### Exercise 1.9: what a terminal shows is no heading
`exercises/01_one/second.cpp` · and no facts
```

<details><summary>Hint 1: a nudge</summary>

### Exercise 1.2: the second one

`exercises/01_one/second.cpp` · hard · 40 minutes · 15 points · observe

Look.

## Now you can
"""
BOOK = f"""# Book

{catalogue.TABLE}| exercise | level | minutes | points | kind |
|---|---|---|---|---|
| [1.1: the first](chapters/01_one/README.md#exercise-11-the-first) | easy | 10 | 5 |  |
| [1.2: the second one](chapters/01_one/README.md#exercise-12-the-second-one) | hard | 40 | 15 | observe |
| 2 exercises | | | 20 | |

## Contents
"""


class Texts(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.text, self.book = self.root / "chapters/01_one/README.md", self.root / "book.md"
        self.put(self.text, TEXT)
        self.put(self.book, BOOK)
        self.catalogue(FIRST, SECOND)

    def put(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def catalogue(self, *exercises: Exercise) -> None:
        self.put(self.root / catalogue.CATALOGUE, catalogue.in_json(exercises))

    def check(self) -> list[str]:
        return catalogue.compare(self.root, rewrite=False)

    def test_what_agrees_is_left_alone(self) -> None:
        self.assertEqual(self.check(), [])
        self.assertEqual(catalogue.compare(self.root, rewrite=True), [])
        self.assertEqual((self.text.read_text(), self.book.read_text()), (TEXT, BOOK))

    def test_each_fact_goes_from_the_catalogue_into_the_texts(self) -> None:
        for fact, value, old, new in (("title", "another", "the first", "another"), ("level", "medium", "easy", "medium"),
                                      ("minutes", 20, "10 minutes", "20 minutes"), ("points", 7, "5 points", "7 points"),
                                      ("kind", "repair", "points", "points · repair")):
            with self.subTest(fact):
                self.put(self.text, TEXT)
                self.put(self.book, BOOK)
                self.catalogue(Exercise(**{**FIRST.__dict__, fact: value}), SECOND)
                found = self.check()
                self.assertRegex(found[0], f'^chapters/01_one/README.md: ".*{old}.*" must be ".*{new}.*exercises.py write$')
                self.assertEqual(len(found), 2, found)
                self.assertRegex(found[1], "^book.md: ")
                self.assertEqual(catalogue.compare(self.root, rewrite=True), [])
                self.assertEqual(self.check(), [])

    def test_an_exercise_in_front_changes_the_numbers_of_those_behind_it(self) -> None:
        self.catalogue(Exercise("01_one/zeroth", "a new one", "easy", 10, 5, "write"), FIRST, SECOND)
        new = "### Exercise\n\n`exercises/01_one/zeroth.cpp`\n\nSing.\n\n"
        self.put(self.text, TEXT.replace("### Exercise 1.1", new + "### Exercise 1.1"))
        self.assertEqual(catalogue.compare(self.root, rewrite=True), [])
        self.assertEqual(self.text.read_text(), TEXT.replace("1.2: ", "1.3: ").replace("1.1: ", "1.2: ").replace(
            "### Exercise 1.2: the first", new.replace("Exercise\n", "Exercise 1.1: a new one\n").replace(
                "`\n", "` · easy · 10 minutes · 5 points\n") + "### Exercise 1.2: the first"))

    def test_what_is_not_assigned_keeps_its_number_and_has_no_row(self) -> None:
        self.catalogue(Exercise(**{**FIRST.__dict__, "points": None}), SECOND)
        self.assertEqual(catalogue.compare(self.root, rewrite=True), [])
        self.assertIn("### Exercise 1.1: the first\n\n`exercises/01_one/first.cpp` · not part of this assignment\n\nWrite it.",
                      self.text.read_text())
        self.assertIn("### Exercise 1.2: the second one\n", self.text.read_text())
        self.assertIn("|\n| 1 exercises | | | 15 | |\n", self.book.read_text())
        self.assertNotIn("the first", self.book.read_text())

    def test_what_write_cannot_mend_is_said(self) -> None:
        for text, words in {
            TEXT.replace("### Exercise 1.1: the first\n", ""): "no section \"### Exercise\" states 01_one/first",
            TEXT.replace("/first.cpp", "/frist.cpp"): '"Exercise 1.1: the first" must say `exercises/CHAPTER/NAME.cpp`, of an exercise',
            TEXT.replace("`exercises/01_one/first.cpp` · ", ""): '"Exercise 1.1: the first" must say',
            TEXT + TEXT[TEXT.index("### Exercise 1.2"):]: "01_one/second is stated in the wrong chapter, or twice",
        }.items():
            with self.subTest(words):
                self.put(self.text, text)
                self.assertIn(words, "\n".join(catalogue.compare(self.root, rewrite=True)))
        self.put(self.text, TEXT)
        self.catalogue(SECOND, FIRST)
        self.assertIn("the texts state it in another order", "\n".join(catalogue.compare(self.root, rewrite=True)))

    def test_a_statement_goes_from_the_facts_to_the_first_hint(self) -> None:
        section = catalogue.statements(self.root)["01_one/first"]
        self.assertTrue(catalogue.statement(section).startswith("\nWrite it.\n\n```console\n"))
        self.assertTrue(catalogue.statement(section).endswith("```\n\n"))

    def test_a_new_statement_stands_after_the_others(self) -> None:
        section = "### Exercise\n\n`exercises/01_one/third.cpp`\n\nSing.\n\n"
        self.assertIn("Look.\n\n### Exercise\n\n`exercises/01_one/third.cpp`\n\nSing.\n\n## Now you can\n",
                      catalogue.with_statement(TEXT, section, "01_one/third"))
        self.assertIn("## Exercises\n\n### Exercise\n", catalogue.with_statement("# 1. One\n\n## Exercises\n", section, "01_one/third"))
        other = catalogue.with_statement(TEXT, section.replace("third", "first"), "01_one/first")
        self.assertNotIn("Write it.", other)
        self.assertIn("Sing.\n\n### Exercise 1.2: the second one\n", other)


if __name__ == "__main__":
    unittest.main()
