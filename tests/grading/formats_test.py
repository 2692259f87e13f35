"""Each format keeps the rules that its course system publishes (tools/grading/formats.py says where), and nothing that could not be
judged becomes a zero."""

import argparse
import contextlib
import csv
import io
import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from unittest import mock

import samples
from grading import formats

RUNNER = {"CLASSROOM": "net", "ASSIGNMENT": "bind", "SUBMISSION_TAG": "submit/2026-12-01T10-00-00Z-abc",
          "COMMIT_URL": "https://x/c", "RELEASE_URL": "https://x/r"}


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = self.folder / "results"

    def convert(self, *words):
        """The exit status, what is made, and what is said."""
        parser = argparse.ArgumentParser()
        formats.add_to(parser.add_subparsers())
        out = self.folder / "out"
        arguments = parser.parse_args(["convert", *map(str, words), "--output", str(out)])
        with contextlib.redirect_stderr(io.StringIO()) as said:
            status = arguments.run(arguments)
        made = out.read_bytes().decode() if out.exists() else None
        out.unlink(missing_ok=True)
        self.assertEqual(list(self.folder.glob("out*")), [])
        return status, made, said.getvalue()

    def put(self, verdict, text=None):
        return samples.put(verdict, self.results, text)

    def check_refused(self, form, *words):
        """No file, status 2, and the student and the exercise are named."""
        status, made, said = self.convert(form, self.put(samples.LOST), *words)
        self.assertEqual((status, made), (2, None))
        self.assertIn("eve: 02_bind/read_the_trace could not be judged", said)


class Gradescope(Command):
    KEYS = {"score": (int, float), "execution_time": (int, float), "output": str, "output_format": str,
            "test_output_format": str, "test_name_format": str, "visibility": str, "stdout_visibility": str,
            "extra_data": dict, "tests": list, "leaderboard": list}
    TEST_KEYS = {"score": (int, float), "max_score": (int, float), "status": str, "name": str, "name_format": str,
                 "number": str, "output": str, "output_format": str, "tags": list, "visibility": str, "extra_data": dict}

    def test_rules(self):
        for verdict in (samples.RIGHT, samples.WRONG):
            status, made, said = self.convert("gradescope", self.put(verdict))
            self.assertEqual((status, said), (0, ""))
            results = json.loads(made)
            for key, value in results.items():
                self.assertIsInstance(value, self.KEYS[key], key)
            self.assertEqual(results["score"], verdict["points"])
            self.assertEqual(results["score"], sum(test["score"] for test in results["tests"]))
            self.assertEqual(results["stdout_visibility"], "hidden")
            self.assertEqual(results["test_output_format"], "text")
            for test, exercise in zip(results["tests"], verdict["exercises"], strict=True):
                for key, value in test.items():
                    self.assertIsInstance(value, self.TEST_KEYS[key], key)
                self.assertEqual(test["status"], "passed" if exercise["verdict"] == "right" else "failed")
                self.assertEqual((test["score"], test["max_score"]), (exercise["points"], exercise["of"]))
                self.assertIn(test["visibility"], ("visible", "hidden", "after_due_date", "after_published"))
                self.assertTrue(test["output"])
        self.assertIn("Observed   it asked for port 40123", results["tests"][0]["output"])

    def test_without_a_verdict_there_is_no_file(self):
        self.check_refused("gradescope")


class Classroom50(Command):
    def test_rules(self):
        with mock.patch.dict(os.environ, RUNNER):
            status, made, _ = self.convert("classroom50", self.put(samples.WRONG))
        self.assertEqual(status, 0)
        result = json.loads(made)
        self.assertEqual(set(result), {"schema", "classroom", "assignment", "submission", "commit", "release", "review",
                                       "datetime", "score", "max-score", "tests"})
        self.assertEqual(result["schema"], "classroom50/result/v1")
        self.assertEqual((result["classroom"], result["assignment"]), ("net", "bind"))
        self.assertEqual(result["review"], "https://x/c")
        self.assertRegex(result["datetime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        for key in ("score", "max-score"):
            self.assertIs(type(result[key]), int)
            self.assertEqual(result[key], sum(test[key] for test in result["tests"]))
        for test in result["tests"]:
            self.assertIs(type(test["passed"]), bool)
            self.assertTrue({"test-name", "passed", "score", "max-score"} <= set(test))
        self.assertEqual([test["passed"] for test in result["tests"]], [False] * 4)

    def test_without_a_verdict_there_is_no_file_and_a_status_that_the_runner_takes_for_an_error(self):
        with mock.patch.dict(os.environ, RUNNER):
            self.check_refused("classroom50")

    def test_outside_the_runner(self):
        with mock.patch.dict(os.environ, RUNNER | {"RELEASE_URL": ""}):
            status, made, said = self.convert("classroom50", self.put(samples.RIGHT))
        self.assertEqual((status, made), (2, None))
        self.assertIn("RELEASE_URL: not set", said)


class PrairieLearn(Command):
    def test_rules(self):
        status, made, _ = self.convert("prairielearn", self.put(samples.WRONG))
        self.assertEqual(status, 0)
        results = json.loads(made)
        self.assertIs(results["gradable"], True)
        self.assertEqual(results["score"], 0)
        self.assertEqual(json.loads(formats.prairielearn(samples.RIGHT))["score"], 1.0)
        for test in results["tests"]:
            self.assertEqual(set(test), {"name", "points", "max_points", "message", "output"})
            self.assertLessEqual(test["points"], test["max_points"])

    def test_at_most_a_megabyte(self):
        long = samples.changed(samples.WRONG, "long", any_free_port={"story": "ü" * 900_000},
                               read_the_trace={"story": "\n" * 900_000})
        self.assertLessEqual(len(formats.prairielearn(long).encode()), 1_000_000)

    def test_what_is_not_judged_is_not_gradable(self):
        status, made, said = self.convert("prairielearn", self.put(samples.LOST))
        self.assertEqual(status, 2)
        self.assertEqual(set(json.loads(made)), {"gradable", "format_errors"})
        self.assertIs(json.loads(made)["gradable"], False)
        self.assertIn("02_bind/read_the_trace could not be judged", json.loads(made)["format_errors"][0])
        self.assertIn("eve: not judged: 02_bind/read_the_trace", said)


class Submitty(Command):
    def test_rules(self):
        status, made, _ = self.convert("submitty", self.put(samples.WRONG))
        self.assertEqual(status, 0)
        result = json.loads(made)
        self.assertEqual(result["status"], "success")
        self.assertEqual(set(result["data"]), {"score", "message"})
        self.assertEqual(result["data"]["score"], 0)
        self.assertEqual([message["status"] for message in result["data"]["message"]],
                         ["failure", "information", "failure", "failure"])
        self.assertEqual(json.loads(formats.submitty(samples.RIGHT))["data"]["score"], 1)

    def test_what_is_not_judged_is_a_failure_of_the_validator(self):
        status, made, _ = self.convert("submitty", self.put(samples.LOST))
        self.assertEqual(status, 2)
        self.assertEqual(json.loads(made)["status"], "failure")
        self.assertEqual(set(json.loads(made)), {"status", "message"})


class JUnit(Command):
    def test_rules(self):
        for verdict in (samples.RIGHT, samples.WRONG, samples.LOST):
            self.put(verdict)
        status, made, said = self.convert("junit", self.results)
        self.assertEqual(status, 2)
        self.assertIn("eve: not judged", said)
        root = xml.fromstring(made)
        self.assertEqual(root.tag, "testsuites")
        counts = {}
        for suite in root:
            self.assertEqual(suite.tag, "testsuite")
            self.assertTrue({"name", "tests", "failures", "errors"} <= set(suite.attrib))
            for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                self.assertEqual(suite.attrib[attribute], str(len(suite.findall(f"testcase/{kind}"))))
            self.assertEqual(suite.attrib["tests"], str(len(suite.findall("testcase"))))
            for case in suite:
                self.assertTrue({"name", "classname", "time"} == set(case.attrib))
                self.assertLessEqual(len(case), 1)
            counts[suite.attrib["name"]] = (suite.attrib["failures"], suite.attrib["errors"])
        self.assertEqual(counts, {"ada": ("0", "0"), "bob": ("4", "0"), "eve": ("0", "1")})
        failure = root.find("testsuite[@name='bob']/testcase/failure")
        self.assertEqual(failure.attrib, {"type": "wrong", "message": "the kernel chooses the port"})
        self.assertIn("Observed", failure.text)
        hidden = root.findall("testsuite[@name='bob']/testcase/failure")[3]
        self.assertEqual((hidden.attrib["message"], hidden.text), ("wrong", "Told by its time."))

    def test_what_a_program_prints_cannot_break_it(self):
        story = "]]></failure><testcase name='forged'/>\x1b[31m\x00\ud800\ufffe & <b>"
        self.put(samples.changed(samples.WRONG, "<eve>", any_free_port={"story": story, "failed": None}))
        _, made, _ = self.convert("junit", self.results)
        root = xml.fromstring(made)
        self.assertEqual(len(root.findall(".//testcase")), 4)
        self.assertEqual(root[0].attrib["name"], "<eve>")
        self.assertNotIn("\x1b", made)


GRADEBOOK = ('\ufeffStudent,ID,"SIS Login ID",Bind (77),"Remark, if any"\r\n'
             '    Points Possible,,,35,\r\n'
             '"Lovelace, Ada",1,ada,,"said ""yes"""\r\n'
             'Bob  ,2,bob,-,\n'
             '"Curie, Marie",3,marie,,x\r\n'
             'Eve,4,eve,12,\r\n'
             '"=cmd|\' /C calc\'!A0",5,,,+33\r\n'
             '"Student, Test",,,,')


class Csv(Command):
    def fill(self, *words, gradebook=GRADEBOOK, column="Bind (77)", key="SIS Login ID"):
        (self.folder / "export.csv").write_bytes(gradebook.encode("utf-8", "surrogateescape"))
        return self.convert("csv", self.results, "--gradebook", self.folder / "export.csv", "--column", column, "--key", key,
                            *words)

    def test_one_column_is_filled_and_every_other_character_stays(self):
        self.put(samples.RIGHT)
        self.put(samples.WRONG)
        self.put(samples.changed(samples.RIGHT, "marie"))
        status, made, said = self.fill()
        self.assertEqual(made, GRADEBOOK.replace("ada,,", "ada,35,").replace("bob,-,", "bob,0,").replace("marie,,", "marie,35,")
                         .replace('"=cmd', '"\'=cmd'))
        self.assertEqual(status, 2)  # for Eve, who has no verdict
        self.assertIn("portlab: eve: no verdict; the cell is left as it was\n", said)
        self.assertIn('row 7, "Student": "=cmd', said)

    def test_what_is_not_judged_stays_empty_and_is_reported(self):
        for verdict in (samples.RIGHT, samples.WRONG, samples.changed(samples.RIGHT, "marie"), samples.LOST):
            self.put(verdict)
        status, made, said = self.fill(gradebook=GRADEBOOK.replace("eve,12", "eve,"))
        self.assertEqual(status, 2)
        self.assertIn("\r\nEve,4,eve,,\r\n", made)
        self.assertIn("eve: not judged", said)

    def test_a_student_whose_verdict_is_missing_is_reported(self):
        self.put(samples.RIGHT)
        (self.results / "bob").mkdir()
        status, made, said = self.fill()
        self.assertEqual(status, 2)
        self.assertIn("bob: no verdict", said)
        self.assertIn("Bob  ,2,bob,-,", made)

    def test_a_student_whom_the_gradebook_has_not_is_named(self):
        self.put(samples.WRONG)
        for student in ("ada", "marie", "eve", "mallory"):
            self.put(samples.changed(samples.RIGHT, student))
        status, made, said = self.fill()
        self.assertEqual(status, 2)
        self.assertIn('portlab: mallory: not in the gradebook under "SIS Login ID"\n', said)
        self.assertNotIn("mallory", made)
        (self.results / "mallory/verdict.json").unlink()
        (self.results / "mallory").rmdir()
        status, made, said = self.fill()
        self.assertEqual((status, said.count("\n")), (0, 1))

    def test_students_as_course_systems_write_them(self):
        self.put(samples.changed(samples.RIGHT, "lovelaceada"))  # Canvas, in the name of a file
        _, made, said = self.fill(key="Student")
        self.assertIn('"Lovelace, Ada",1,ada,35,', made)
        self.assertNotIn("Points Possible", said)
        gradebook = "Full name;Grade\nAda Lovelace;\n"  # Moodle, where commas are decimal
        (self.results / "lovelaceada").rename(self.results / "x")
        self.put(samples.changed(samples.RIGHT, "Ada_Lovelace"))
        status, made, _ = self.fill(gradebook=gradebook, key="Full name", column="Grade")
        self.assertEqual(made, "Full name;Grade\nAda Lovelace;35\n")

    def test_other_encodings_and_separators(self):
        self.put(samples.RIGHT)
        gradebook = "id\tg\tname\nada\t\tJos\udce9\n"
        (self.folder / "export.csv").write_bytes(gradebook.encode("utf-8", "surrogateescape"))
        out = self.folder / "filled.csv"
        with contextlib.redirect_stderr(io.StringIO()):
            formats.run(argparse.Namespace(format="csv", verdicts=[self.results], output=out, column="g", key="id",
                                           gradebook=self.folder / "export.csv"))
        self.assertEqual(out.read_bytes(), b"id\tg\tname\nada\t35\tJos\xe9\n")
        self.assertIn("is no CSV in UTF-8", self.fill(gradebook="\0i\0d")[2])

    def test_mistakes_are_named(self):
        self.put(samples.RIGHT)
        for words, said in (({"column": "Bnid"},
                             'has not one column "Bnid" and one column "SIS Login ID", but these: "Student", "ID"'),
                            ({"key": "id"}, 'not one column "Bind (77)" and one column "id"'),
                            ({"gradebook": GRADEBOOK.replace("bob", "Ada ")}, '"ada" and "Ada " of the gradebook are one'),
                            ({"gradebook": ""}, "but these: ")):
            with self.subTest(words):
                status, made, errors = self.fill(**words)
                self.assertEqual((status, made), (2, None))
                self.assertIn(said, errors)
        status, made, errors = self.convert("csv", self.results, "--column", "x")
        self.assertEqual((status, made), (2, None))
        self.assertIn("--gradebook, --column and --key go together", errors)
        self.put(samples.changed(samples.RIGHT, "A.da"))
        self.assertIn("two verdicts are for one student, A.da and ada", self.fill()[2])

    def test_a_table_of_the_class(self):
        for verdict in (samples.RIGHT, samples.WRONG, samples.LOST, samples.changed(samples.RIGHT, "=1+1")):
            self.put(verdict)
        status, made, said = self.convert("csv", self.results)
        self.assertEqual(status, 2)
        self.assertEqual(list(csv.reader(io.StringIO(made, newline=""))), [
            ["student", "02_bind/any_free_port", "02_bind/one_number_twice", "02_bind/explain_refusal",
             "02_bind/read_the_trace", "points", "of"],
            ["'=1+1", "5", "10", "10", "10", "35", "35"], ["ada", "5", "10", "10", "10", "35", "35"],
            ["bob", "0", "0", "0", "0", "0", "35"], ["eve", "5", "10", "10", "", "", "35"]])

    def test_harmless(self):
        for cell in ("=1", "+a", "-a", "@a", "\ta", "\ra", "--", "-1+1", "=", "+1)"):
            self.assertEqual(formats.harmless(cell), "'" + cell)
        for cell in ("", "-", "-5", "+3.5", "-0,25", "a=1", "'=1", " =1", "12"):
            self.assertEqual(formats.harmless(cell), cell)


class Reading(Command):
    def test_a_broken_verdict_is_named_and_nothing_is_made(self):
        good = json.dumps(samples.RIGHT)
        for text, words in ((good[:200], "is not JSON"), ("{}", "is no verdict of this"), ("[]", "is no verdict of this"),
                            (good.replace('"of": 35', '"of": "35"'), "of is missing or of the wrong kind"),
                            (good.replace('"points": 5,', '"points": null,'), "exercise 1: points is missing or of"),
                            (good.replace('"points": 5,', '"points": true,'), "exercise 1: points is missing or of"),
                            (re.sub(r'"exercises": \[.*\]', '"exercises": []', good), "it has no exercises"),
                            (good.replace('"verdict": "right"', '"verdict": 0', 1), "exercise 1: verdict is missing")):
            for form in ("gradescope", "junit", "csv", "submitty"):
                with self.subTest(words, form=form):
                    status, made, said = self.convert(form, self.put(samples.RIGHT, text))
                    self.assertEqual((status, made), (2, None))
                    self.assertRegex(said, "^portlab: .*ada/verdict.json.*" + words)
                    self.assertIn("grade that submission again", said)

    def test_the_sum_is_that_of_the_exercises(self):
        self.assertEqual(formats.read(self.put(samples.RIGHT | {"points": 99}))["points"], 35)
        lost = samples.changed(samples.LOST, "eve", read_the_trace={"points": 0})
        self.assertIsNone(formats.read(self.put(lost))["points"])

    def test_how_many(self):
        self.put(samples.RIGHT)
        self.put(samples.WRONG)
        status, made, said = self.convert("gradescope", self.results)
        self.assertEqual((status, made), (2, None))
        self.assertIn("gradescope takes one verdict, not 2", said)
        self.assertEqual(self.convert("gradescope", self.results / "ada")[0], 0)
        (self.results / "dan").mkdir()
        status, made, said = self.convert("junit", self.results)
        self.assertEqual(status, 2)
        self.assertIn("dan: no verdict", said)
        self.assertIn("there is no verdict.json in", self.convert("csv", self.results / "dan")[2])


if __name__ == "__main__":
    unittest.main()
