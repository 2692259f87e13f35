"""What the report on a class shows, and that nothing of a student's can be more in it than text."""

import argparse
import contextlib
import html.parser
import io
import json
import tempfile
import unittest
from pathlib import Path

import samples
from book import exercises as catalogue
from grading import manifest, report

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=y>"
VOID = {"meta", "line", "rect", "br"}
LINES = [f'    step_{i}(context, "{i * 7}");' for i in range(30)]


class Tags(html.parser.HTMLParser):
    """The tags of a page, each of which must be closed, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", list[str]()
        self.feed(page)
        self.close()

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text += data + " "


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.results = Path(folder.name, "results")
        self.results.mkdir()

    def report(self):
        """The exit status, the page, and what the terminal shows and what is said."""
        parser = argparse.ArgumentParser()
        report.add_to(parser.add_subparsers())
        arguments = parser.parse_args(["report", str(self.results)])
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            status = arguments.run(arguments)
        file = self.results / "report.html"
        return status, file.read_text() if file.exists() else None, out.getvalue() + err.getvalue()

    def put(self, *verdicts):
        for verdict in verdicts:
            samples.put(verdict, self.results)

    def test_a_class(self):
        missing = {"verdict": "missing", "points": 0}
        self.put(samples.RIGHT, samples.WRONG, samples.changed(samples.RIGHT, "carol", any_free_port=missing))
        status, page, shown = self.report()
        self.assertEqual(status, 0)
        tags = Tags(page)
        self.assertEqual(tags.open, [])
        for words in ("Bind", "3 students; of 35 points the mean is 21.7 and the median 30.", "does not compile",
                      "02_bind/read_the_trace", "the kernel chooses the port", "to read again: What the kernel did"):
            self.assertIn(words, tags.text)
        if (manifest.ROOT / "solutions").is_dir():  # and the wrong answers
            misconception = report.diagnosis(samples.FAILED, report.mistakes("02_bind/any_free_port"))
            self.assertTrue(misconception)
            self.assertIn(f"{misconception} (1)", tags.text)
            self.assertIn(f"        1 {misconception[:30]}", shown)
        self.assertIn(("svg", "Students by points: 0\u20134: 1; 5\u20139: 0; 10\u201314: 0; 15\u201319: 0; 20\u201324: 0; "
                       "25\u201329: 0; 30\u201334: 1; 35: 1"), [(tag, about.get("aria-label")) for tag, about in tags.tags])
        for words in ("3 students; of 35 points", "  1 02_bind/any_free_port: the kernel chooses the port\n",
                      "\nada         35  + + + +\n", "\nbob          0  x - c x\n", "\ncarol       30  . + + +\n"):
            self.assertIn(words, shown)
        self.assertNotIn("To be looked at", page + shown)
        self.assertNotIn("Not judged", page + shown)
        self.assertNotIn("weaker", page + shown)
        self.assertEqual(self.report()[1], page)

    def test_what_is_not_judged_comes_first_and_counts_for_nothing(self):
        self.put(samples.RIGHT, samples.LOST)
        (self.results / "frank").mkdir()
        status, page, shown = self.report()
        self.assertEqual(status, 2)
        for words in ("frank: no verdict", "eve: 02_bind/read_the_trace"):
            self.assertLess(page.index(words), page.index("<h2>"))
            self.assertLess(shown.index(words), shown.index("Points\n"))
        self.assertIn("2 students; of 35 points the mean is 35.0", page)
        self.assertIn("eve          ?  + + + ?\n", shown)

    def test_students_are_text(self):
        hostile = {"failed": {key: HOSTILE for key in samples.FAILED}, "flags": [HOSTILE], "verdict": "wrong"}
        self.put(samples.changed(samples.WRONG, "eve", any_free_port=hostile)
                 | {"title": HOSTILE, "flags": [HOSTILE + "\x1b[2J"]})
        (self.results / "eve").rename(self.results / HOSTILE.replace("/", "_"))
        verdict = samples.changed(samples.RIGHT, HOSTILE) | {"title": HOSTILE, "flags": [HOSTILE]}
        (self.results / "x").mkdir()
        (self.results / "x/verdict.json").write_text(json.dumps(verdict))
        (self.results / "<script>").mkdir()
        _, page, shown = self.report()
        tags = Tags(page)
        self.assertEqual(tags.open, [])
        self.assertNotIn("<script", page)
        self.assertIn("To be looked at", tags.text)
        self.assertLessEqual({tag for tag, _ in tags.tags},
                             {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "strong", "ul", "li",
                              "svg", "rect", "text", "line", "table", "thead", "tbody", "tr", "th", "td", "br", "small"})
        for _, attributes in tags.tags:
            self.assertFalse({"src", "href", "onerror", "onload"} & set(attributes), attributes)
        self.assertIn(HOSTILE, tags.text)
        self.assertIn("default-src 'none'", page)
        self.assertNotIn("\x1b", page + shown)

    def test_what_fails_most_comes_first(self):
        other = {"verdict": "wrong", "points": 0, "failed": samples.FAILED | {"check": "a check that fails less"}}
        self.put(samples.WRONG, samples.changed(samples.WRONG, "zoe"),
                 samples.changed(samples.RIGHT, "ada", any_free_port=other))
        _, page, shown = self.report()
        for text in (page, shown):
            self.assertLess(text.index("the kernel chooses the port"), text.index("a check that fails less"))

    def test_many_exercises_have_room(self):
        many = [samples.exercise(f"number_{i}", f"number {i}", "right", 1, 1) for i in range(26)]
        self.put(samples.RIGHT | {"exercises": many, "of": 26})
        _, page, shown = self.report()
        self.assertIn('<th class="turned">number 25</th>', page)
        self.assertIn("ada         26  " + " ".join("+" * 26), shown)

    def test_two_assignments_are_not_one_class(self):
        other = samples.RIGHT | {"student": "zoe", "assignment": "01_socket", "exercises": samples.RIGHT["exercises"][:2]}
        self.put(samples.RIGHT, other)
        status, page, said = self.report()
        self.assertEqual((status, page), (2, None))
        self.assertIn("verdicts of two assignments, 02_bind (of ada) and 01_socket (of zoe)", said)

    def test_nothing_to_report(self):
        status, page, said = self.report()
        self.assertEqual((status, page), (2, None))
        self.assertIn("grade first", said)

    def test_the_weaker_isolation_is_said(self):
        self.put(samples.RIGHT | {"launcher": "user"}, samples.WRONG)
        _, page, shown = self.report()
        self.assertIn("1 of 2 were graded with the weaker isolation", page)
        self.assertIn("1 of 2 were graded with the weaker isolation", shown)

    def submit(self, student, lines):
        file = self.results / student / "exercises/02_bind/any_free_port.cpp"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(["#include <iostream>", *lines]) + "\n")

    def test_answers_that_are_nearly_the_same_are_flagged_for_a_human(self):
        students = ["ada", "bob", "carol", "dan", "eve"]
        self.put(*(samples.changed(samples.RIGHT, student) for student in students))
        self.submit("ada", LINES)
        self.submit("bob", ["// mine", *(line.replace("    ", "\t") + " // " + line for line in LINES)])
        self.submit("carol", LINES[:20] + ["    another_one(context);"] * 10)
        self.submit("dan", LINES[:10])  # short answers are alike without anybody's fault
        self.submit("eve", LINES[:10])
        _, page, shown = self.report()
        self.assertIn("  ada and bob: 02_bind/any_free_port: nearly the same text\n", shown)
        self.assertEqual(shown.count("nearly the same"), 1)
        self.assertIn("No points were taken for these", page)

    def test_comments_and_layout_hide_no_copy(self):
        lines = [*LINES, '    say("http://127.0.0.1/* here */"); say(R"(// "quoted)"); put(\'"\'); take(1\'000);']
        copies = {"ada": "\n".join(lines), "bob": "\n".join(line + " /* a note\n  of two lines */" for line in lines),
                  "carol": " ".join(lines), "dan": "\n".join(line.replace("(", "( // why\n") for line in LINES[:30]),
                  "eve": "\n".join(lines).replace("/* here */", "/* there */").replace("step_1", "other_1"),
                  "zoe": "/* " + "\n".join(lines) + " */\n" + "\n".join(f"    own_{i}(context, {i});" for i in range(30))}
        for student, text in copies.items():
            file = self.results / student / "exercises/02_bind/any_free_port.cpp"
            file.parent.mkdir(parents=True)
            file.write_text(text + "\n")
        self.assertEqual(report.alike(self.results, "02_bind/any_free_port", sorted(copies)), [["ada", "bob", "carol", "dan"]])

    def test_the_stub_is_nobodys(self):
        stub = (manifest.ROOT / "exercises/08_twelve_factor/own_service.cpp").read_text()
        for student in ("ada", "bob"):
            file = self.results / student / "exercises/08_twelve_factor/own_service.cpp"
            file.parent.mkdir(parents=True)
            file.write_text(stub + f"// {student}\n")
        self.assertEqual(report.alike(self.results, "08_twelve_factor/own_service", ["ada", "bob"]), [])


class Misconceptions(unittest.TestCase):
    def test_every_wrong_answer_explains_its_own_failure(self):
        if not (manifest.ROOT / "solutions").is_dir():
            self.skipTest("needs the wrong answers")
        for path in (exercise.path for exercise in catalogue.read(manifest.ROOT)):
            known = report.mistakes(path)
            self.assertEqual(len(known), len(list((manifest.ROOT / "tests/wrong" / path).glob("*.*"))), path)
            for one in known:
                self.assertTrue(report.diagnosis({"check": one.fails, "observed": f"the program: {one.seen}!"}, known))

    def test_the_one_that_says_most(self):
        known = [report.Mistake("general", "it listens", "ended"), report.Mistake("exact", "it listens", "ended with status 1"),
                 report.Mistake("other check", "it ends", "ended with status 1 before")]
        for observed, words in (("it ended with status 1 before", "exact"), ("it ended", "general"), ("it waits", "")):
            self.assertEqual(report.diagnosis({"check": "it listens", "observed": observed}, known), words)

    def test_bins(self):
        for of, totals, bins in ((5, [0, 5], [("0", 1), ("1", 0), ("2", 0), ("3", 0), ("4", 0), ("5", 1)]),
                                 (35, [34, 35, 30], [("0\u20134", 0), ("5\u20139", 0), ("10\u201314", 0), ("15\u201319", 0),
                                                     ("20\u201324", 0), ("25\u201329", 0), ("30\u201334", 2), ("35", 1)]),
                                 (12, [11, 12], [("0\u20131", 0), ("2\u20133", 0), ("4\u20135", 0), ("6\u20137", 0),
                                                 ("8\u20139", 0), ("10\u201311", 1), ("12", 1)]),
                                 (33, [33], [("0\u20134", 0), ("5\u20139", 0), ("10\u201314", 0), ("15\u201319", 0),
                                             ("20\u201324", 0), ("25\u201329", 0), ("30\u201332", 0), ("33", 1)])):
            group = report.Class([samples.RIGHT | {"points": total, "of": of} for total in totals], [], [], [])
            self.assertEqual(group.bins(), bins)


if __name__ == "__main__":
    unittest.main()
