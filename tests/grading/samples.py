"""Verdicts of made-up students, as the grader writes them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

STORY = """any_free_port: not right yet; it fails the check "the kernel chooses the port"

What the grader did
  1. started the program
Expected   a bind to port 0
Observed   it asked for port 40123
"""


def exercise(name: str, title: str, verdict: str, points: int | None, of: int, **more: Any) -> dict[str, Any]:
    return {"path": f"02_bind/{name}", "title": title, "points": points, "of": of, "tests": "visible", "verdict": verdict,
            "checks": [], "failed": None, "story": "", "flags": []} | more


RIGHT = {
    "format": "portlab/verdict/1", "assignment": "02_bind", "title": "Bind", "student": "ada", "seed": 1,
    "points": 35, "of": 35, "launcher": "bubblewrap", "flags": [],
    "measured": {"compile": 1.5, "judge": 0.5, "isolation": 0.05},
    "exercises": [
        exercise("any_free_port", "any free port", "right", 5, 5, checks=["the kernel chooses the port"]),
        exercise("one_number_twice", "one number twice", "right", 10, 10),
        exercise("explain_refusal", "explain a refusal", "right", 10, 10),
        exercise("read_the_trace", "read the trace", "right", 10, 10),
    ],
}


def changed(base: dict[str, Any], student: str, **exercises: dict[str, Any]) -> dict[str, Any]:
    """The verdict for another student, with other verdicts for some exercises."""
    verdict = copy.deepcopy(base) | {"student": student}
    for one in verdict["exercises"]:
        one |= exercises.get(one["path"].split("/")[1], {})
    points = [one["points"] for one in verdict["exercises"]]
    verdict["points"] = None if None in points else sum(points)
    return verdict


FAILED = {"check": "the kernel chooses the port", "expected": "a bind to port 0", "observed": "it asked for port 40123",
          "section": "What the kernel did"}
WRONG = changed(RIGHT, "bob", any_free_port={"verdict": "wrong", "points": 0, "failed": FAILED, "story": STORY},
                explain_refusal={"verdict": "does not compile", "points": 0, "story": "error: expected ';'"},
                one_number_twice={"verdict": "not started", "points": 0},
                read_the_trace={"verdict": "wrong", "points": 0, "tests": "hidden", "story": "Told by its time.",
                                "failed": FAILED | {"check": "a secret check"}})
LOST = changed(RIGHT, "eve", read_the_trace={"verdict": "infrastructure", "points": None, "story": "the judge wrote nothing"})


def put(verdict: dict[str, Any], results: Path, text: str | None = None) -> Path:
    file = results / verdict["student"] / "verdict.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text if text is not None else json.dumps(verdict), encoding="utf-8")
    return file
