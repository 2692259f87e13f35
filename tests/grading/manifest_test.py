"""What a manifest promises, and what each mistake in one is answered with."""

import re
import tempfile
import unittest
from pathlib import Path

from grading import manifest
from grading.manifest import ManifestError

BOOK = manifest.statements()
GOOD = """
title = "Bind"
due = 2026-12-07T23:59:00Z
seed = 1
points = 15

[[exercise]]
path = "02_bind/any_free_port"

[[exercise]]
path = "02_bind/read_the_trace"
tests = "hidden"
sentence = "A descriptor is told by its number and its time."
"""


class Samples(unittest.TestCase):
    def test_each_chapter_has_one_with_all_its_exercises_for_the_points_of_the_book(self):
        for chapter in sorted({path.split("/")[0] for path in BOOK}):
            with self.subTest(chapter):
                sample = manifest.read(chapter)
                self.assertEqual([(item.path, item.points, item.tests) for item in sample.items],
                                 [(path, int(BOOK[path]["points"]), "visible") for path in BOOK
                                  if path.startswith(chapter + "/")])

    def test_the_book_is_all_exercises_that_the_build_names(self):
        lines = re.findall(r"^exercise\((\w+) (\w+)\)$", (manifest.ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
        book = manifest.read("book")
        self.assertEqual([item.path for item in book.items], ["/".join(line) for line in lines])
        self.assertEqual(book.points, sum(manifest.read(chapter).points for chapter in manifest.names() if chapter != "book"))

    def test_every_file_in_assignments_can_be_read(self):
        for name in manifest.names():
            with self.subTest(name):
                manifest.read(name)


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, text, overlay=None):
        (self.folder / "mine.toml").write_text(text)
        return manifest.read(str(self.folder / "mine.toml"), overlay)

    def put(self, path, text="//\n"):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def test_what_it_says(self):
        assignment = self.read(GOOD)
        self.assertEqual((assignment.name, assignment.title, assignment.seed, assignment.points), ("mine", "Bind", 1, 15))
        self.assertEqual(assignment.due.isoformat(), "2026-12-07T23:59:00+00:00")
        first, second = assignment.items
        self.assertEqual(first, manifest.Item("02_bind/any_free_port", "any free port", "2.1", 5))
        self.assertEqual(first.source, "exercises/02_bind/any_free_port.cpp")
        self.assertEqual(first.judge, "tests/exercises/02_bind/any_free_port_test.cpp")
        self.assertTrue(second.hidden)
        self.assertIn("told by its number", second.sentence)

    def test_points_of_its_own(self):
        text = GOOD.replace('port"\n', 'port"\npoints = 7\n').replace("points = 15", "points = 17")
        self.assertEqual([item.points for item in self.read(text).items], [7, 10])

    def test_an_exercise_of_an_overlay(self):
        path = "02_bind/house_number"
        self.put(f"exercises/{path}.cpp")
        self.put(f"tests/exercises/{path}_test.cpp")
        self.put(f"exercises/{path}.md",
                 f"### Exercise 2.9: house number\n\n`exercises/{path}.cpp` · easy · 5 minutes · 4 points\n\nDo.\n")
        text = GOOD.replace("02_bind/any_free_port\"", path + '"\ntests = "hidden"\nsentence = "No."').replace("15", "14")
        self.assertEqual(self.read(text, self.folder).items[0],
                         manifest.Item(path, "house number", "2.9", 4, "hidden", "No."))
        with self.assertRaisesRegex(ManifestError, "house_number.* is the path of no exercise"):
            self.read(text)
        self.put("exercises/99_more/x.md", "### Exercise 99.1: x\n\n`exercises/99_more/x.cpp` · easy · 5 minutes · 4 points\n")
        with self.assertRaisesRegex(ManifestError, '"99_more/x" is in no chapter of the book: give'):
            self.read(text.replace(path, "99_more/x"), self.folder)

    def test_an_assignment_of_an_overlay_comes_first(self):
        self.put("assignments/02_bind.toml", GOOD)
        self.assertEqual(len(manifest.read("02_bind", self.folder).items), 2)

    def test_each_mistake_is_named_with_file_key_value_and_remedy(self):
        first = 'path = "02_bind/any_free_port"\n'
        for change, words in {
            ('title = "Bind"\n', ""): "title: is missing; write a line",
            ('"Bind"', "3"): 'title: "3" must be a line of text',
            ('"Bind"', '"a\\u001bb"'): "title: .* without control characters",
            ("2026-12-07T23:59:00Z", "2026-12-07"): 'due: "2026-12-07" must be a date and time',
            ("59:00Z", "59:00"): "due: .* has no offset from UTC: write",
            ("seed = 1", "seed = -1"): 'seed: "-1" must be a whole number, 0 or more',
            ("seed = 1", "seed = true"): "seed: .* must be a whole number",
            ("points = 15", "points = 14"): "points: 14 is not the sum of the exercises, which is 15: write points = 15",
            ("seed", "sead"): "seed: is missing",
            ("seed = 1", "seed = 1\nlate = 3"): 'late: "3" is not known here; known are: due, exercise',
            (first, first + "weight = 2\n"): 'exercise 1, weight: "2" is not known here; known are: path, points, sentence',
            (first, ""): "exercise 1, path: is missing; write CHAPTER/NAME",
            ("any_free_port", "any_port"): 'exercise 1, path: "02_bind/any_port" is the path of no exercise .*02_bind/any_f',
            ("any_free_port", "../secret"): "exercise 1, path: .* is the path of no exercise",
            ("02_bind/any_free_port", ""): 'exercise 1, path: "" is the path of no exercise',
            ("any_free_port", "read_the_trace"): 'exercise 2, path: "02_bind/read_the_trace" is there already; take one',
            (first, first + "points = 0\n"): 'exercise 1, points: "0" must be a whole number, 1 or more',
            (first, first + "points = 2.5\n"): 'exercise 1, points: "2.5" must be a whole number',
            (first, 'path = "02_bind"\npoints = 5\n'): "exercise 1, points: .* cannot be given to a chapter: name its",
            (first, first + 'tests = "secret"\n'): 'exercise 1, tests: "secret" must be "visible" or "hidden"',
            (first, first + 'tests = "hidden"\n'): "exercise 1, sentence: is missing; write a line",
            (first, first + 'sentence = "No."\n'): 'exercise 1, sentence: "No." is for hidden tests alone: write tests',
            ("[[exercise]]", "[exercise"): "this is not TOML",
            (GOOD[GOOD.index("[["):], "exercise = []\n"): "exercise: must name one exercise at least",
            (GOOD[GOOD.index("[["):], 'exercise = ["02_bind"]\n'): "exercise: must be written as",
        }.items():
            with self.subTest(change=change):
                self.assertIn(change[0], GOOD)
                with self.assertRaisesRegex(ManifestError, "^" + re.escape(f"{self.folder}/mine.toml: ") + ".*" + words):
                    self.read(GOOD.replace(*change, 1))

    def test_a_judge_in_the_overlay_is_hidden(self):
        self.put("tests/exercises/02_bind/any_free_port_test.cpp")
        with self.assertRaisesRegex(ManifestError, 'any_free_port" has its judge in the overlay.*write tests = "hidden"'):
            self.read(GOOD, self.folder)

    def test_what_is_not_there(self):
        with self.assertRaisesRegex(ManifestError, 'no assignment "02_bnid"; there are: 01_socket, 02_bind'):
            manifest.read("02_bnid")
        with self.assertRaisesRegex(ManifestError, "the overlay .*nowhere is no directory"):
            manifest.read("02_bind", self.folder / "nowhere")


if __name__ == "__main__":
    unittest.main()
