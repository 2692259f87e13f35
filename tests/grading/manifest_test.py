"""What a manifest promises, and what each mistake in one is answered with."""

import dataclasses
import re
import tempfile
import unittest
from pathlib import Path

from book import exercises as catalogue
from book.exercises import Exercise
from grading import manifest
from grading.manifest import ManifestError

BOOK = {exercise.path: exercise for exercise in catalogue.read(manifest.ROOT)}
GOOD = """
title = "Bind"
due = 2026-12-07T23:59:00Z
seed = 1

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
                                 [(path, BOOK[path].points, "visible") for path in BOOK
                                  if path.startswith(chapter + "/")])

    def test_the_book_is_all_exercises_of_the_catalogue(self):
        book = manifest.read("book")
        self.assertEqual([item.path for item in book.items], list(BOOK))
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

    def put_catalogue(self, exercises):
        self.put(catalogue.CATALOGUE, catalogue.in_json(exercises))

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
        text = GOOD.replace('port"\n', 'port"\npoints = 7\n')
        self.assertEqual([item.points for item in self.read(text).items], [7, 10])

    def test_an_exercise_of_an_overlay(self):
        path = "02_bind/house_number"
        self.put(f"exercises/{path}.cpp")
        self.put(f"tests/exercises/{path}_test.cpp")
        own = Exercise(path, "house number", "easy", 5, 4, "write")
        others = [Exercise(f"02_bind/{name}", name, "easy", 5, 4, "write") for name in ("not_assigned", "nor_this_one")]
        self.put_catalogue([others[0], own, others[1]])
        text = GOOD.replace("02_bind/any_free_port\"", path + '"\ntests = "hidden"\nsentence = "No."')
        assignment = self.read(text, self.folder)
        number = f"2.{1 + sum(other.chapter == '02_bind' for other in BOOK.values())}"
        self.assertEqual(assignment.items[0], manifest.Item(path, "house number", number, 4, "hidden", "No."))
        # A student's copy has the book's exercises under their numbers, and of the overlay's only this one.
        self.assertEqual([(one.path, one.number) for one in assignment.catalogue if one.path != path],
                         [(one.path, one.number) for one in BOOK.values()])
        self.assertEqual({one.path: one.points for one in assignment.catalogue if one.points},
                         {path: 4, "02_bind/read_the_trace": 10})
        with self.assertRaisesRegex(ManifestError, "house_number.* is the path of no exercise"):
            self.read(text)
        self.put_catalogue([Exercise("99_more/x", "x", "easy", 5, 4, "write")])
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
            ("seed = 1", "seed = 1\npoints = 15"): 'points: "15" is not written any more, since it is the sum of the exercises: take',
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

    def test_a_mistake_in_a_catalogue_is_named(self):
        good = Exercise("02_bind/house_number", "house number", "easy", 5, 4, "write")
        for changes, words in {
            ("path", "house_number"): 'exercise house_number: path is "house_number", and must be CHAPTER/NAME',
            ("path", "02_bind/any_free_port"): '"02_bind/any_free_port" is there already; take one of',
            ("title", " house"): 'exercise 02_bind/house_number: title is " house", and must be a line of text',
            ("level", "hopeless"): 'level is "hopeless", and must be one of warm-up, easy, medium, hard, evening',
            ("minutes", True): 'minutes is "True", and must be a whole number',
            ("points", 0): 'points is "0", and must be a whole number, 1 or more',
            ("kind", None): "kind is nothing, and must be one of write, repair, observe",
        }.items():
            with self.subTest(changes):
                self.put_catalogue([dataclasses.replace(good, **dict([changes]))])
                with self.assertRaisesRegex(ManifestError, f"^{re.escape(str(self.folder))}/exercises/exercises.json: .*{words}"):
                    self.read(GOOD, self.folder)
        for text, words in {"[": "is not a file of JSON", "{}": "must be a list", "[3]": "exercise 1 must be written as",
                            '[{"path": "02_bind/a", "title": "a", "level": "easy", "minutes": 1, "kind": "write", "number": "2.9"}]':
                            'number is "2.9", and must be left out: the keys are path, title'}.items():
            with self.subTest(text):
                self.put(catalogue.CATALOGUE, text)
                with self.assertRaisesRegex(ManifestError, words):
                    self.read(GOOD, self.folder)

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
