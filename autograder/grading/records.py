"""The plain values that pass from one grading step to the next.

Every step of :mod:`autograder.grading` takes values from this module and returns values from this
module. They hold nothing but text, numbers and tuples, so that a record can be written as JSON and
read back unchanged (:meth:`GradeRecord.to_json`, :meth:`GradeRecord.from_json`).
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


class Status(enum.StrEnum):
    """What became of one graded cell. A cell without a record is ``NOT_RUN`` and earns nothing."""

    PASS = "pass"
    PARTIAL = "partial"  # the test cell ended in a plain number below its full points
    BLANK = "blank"  # the answer is still as it was handed out
    FAIL = "fail"  # an assertion of the test did not hold
    ERROR = "error"  # any other exception, in the answer or in the test
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"
    NEEDS_REVIEW = "needs_review"  # 0 points until a person decides
    MANUAL = "manual"  # a written answer, graded by a person


@dataclass(frozen=True)
class CellResult:
    """The result of one graded cell of one hand-in."""

    grade_id: str  # nbgrader's id of the cell, "q2-test"
    question: str  # "q2"; equal to grade_id where the course declares no questions
    title: str  # for people: "問2 待ち時間の平均"
    status: Status
    points: float  # earned
    max_points: float
    message: str = ""  # for the learner: what happened and what to do; Japanese, no test source
    detail: str = ""  # for the instructor: the technical cause (exception name, evidence)
    hints: tuple[str, ...] = ()  # Markdown, shallow to deep
    read: str = ""  # where to read again: "第2回 3節"
    items: tuple[str, ...] = ()  # of the exam's syllabus, to be drilled: "T07"


@dataclass(frozen=True)
class Repair:
    """One thing that was mended (or could not be) before a hand-in was run."""

    grade_id: str  # the cell concerned; "" for the whole notebook
    what: str  # for the learner, Japanese: "消えていた「問2」のテストを戻しました。"
    needs_review: bool = False  # more than one reading was possible: a person must look


@dataclass(frozen=True)
class Cost:
    """What a hand-in used. It is measured, and so no part of a record's identity."""

    seconds: float = 0.0  # wall clock, from reading to scoring
    memory_mb: int = 0  # its own processes at their highest; 0 where nobody measured


@dataclass(frozen=True)
class GradeRecord:
    """Everything that is known about one graded hand-in: the unit that is written and read back."""

    learner: str
    assignment: str
    results: tuple[CellResult, ...]
    repairs: tuple[Repair, ...] = ()
    submitted_name: str = ""  # file name as handed in
    cost: Cost = field(default=Cost(), compare=False)

    @property
    def points(self) -> float:
        """Points earned by machine-graded cells (written answers count 0 until graded by hand)."""
        return sum(r.points for r in self.results)

    @property
    def max_points(self) -> float:
        return sum(r.max_points for r in self.results)

    @property
    def needs_review(self) -> bool:
        return any(r.status is Status.NEEDS_REVIEW for r in self.results) or any(
            r.needs_review for r in self.repairs
        )

    def to_json(self) -> str:
        """The record without its cost: the same hand-in always gives the same text."""
        fields = dataclasses.asdict(self)
        del fields["cost"]
        return json.dumps(fields, ensure_ascii=False, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> GradeRecord:
        raw: dict[str, Any] = json.loads(text)
        raw["results"] = tuple(
            CellResult(
                **{
                    **r,
                    "status": Status(r["status"]),
                    "hints": tuple(r["hints"]),
                    "items": tuple(r.get("items", ())),  # not in records of older versions
                }
            )
            for r in raw["results"]
        )
        raw["repairs"] = tuple(Repair(**r) for r in raw["repairs"])
        raw.pop("seconds", None)  # as older versions wrote it
        return cls(**raw)


def most_lost(losses: Iterable[tuple[float, Iterable[str]]]) -> list[str]:
    """Items of the syllabus, those first in which most points were lost.

    Parameters
    ----------
    losses : iterable of (float, iterable of str)
        For each question the points that were lost, and its items.
    """
    lost: dict[str, float] = {}
    for points, items in losses:
        for item in dict.fromkeys(items):
            lost[item] = lost.get(item, 0.0) + points
    return sorted(lost, key=lambda item: -lost[item])


@dataclass(frozen=True)
class HandIn:
    """One notebook as it was found among the hand-ins, before anything was done to it."""

    learner: str
    assignment: str
    name: str  # file name as handed in, for people
    content: bytes  # the .ipynb file, unread


@dataclass(frozen=True)
class Rejected:
    """A file that could not be graded, and why. The class goes on without it."""

    name: str  # path as handed in, for people
    reason: str  # Japanese: what is wrong and what to do
    detail: str = ""  # the technical cause
    learner: str = ""  # where it could be told
    assignment: str = ""
    ours: bool = False  # the fault lies with the grading machine, not with the file: try again
