"""The submissions on which the grader is tried, as far as they can be looked at without grading them."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from corpus import HERE, cases


class Corpus(unittest.TestCase):
    def test_heads_say_what_is_expected(self) -> None:
        self.assertGreaterEqual(sum(case.hostile for case in cases()), 30)
        for case in cases():
            with self.subTest(case.name):
                self.assertTrue(case.words, "its head does not say what it does")
                self.assertEqual(case.hostile, "Attacks" in case.head, "hostile answers, and only they, say what they attack")
                self.assertRegex(case.head.get("Expects", ""), "^[a-z ]+, [0-9]+ points$")

    def test_a_class_for_benchmarks_is_always_the_same(self) -> None:
        with tempfile.TemporaryDirectory() as work:
            said = [subprocess.run([sys.executable, HERE / "make_class.py", f"{work}/{name}", "20"], check=True, text=True,
                                   capture_output=True).stdout for name in ("one", "two")]
            self.assertEqual(said[0], said[1])
            kinds = [line.split("\t")[1] for line in said[0].splitlines()]
            self.assertEqual((kinds.count("right"), kinds.count("wrong"), kinds.count("hostile")), (12, 6, 2))
            names = [sorted(file.name for file in Path(work, name).iterdir()) for name in ("one", "two")]
            self.assertEqual(names[0], names[1])
            self.assertEqual(len(names[0]), 20)


if __name__ == "__main__":
    unittest.main()
