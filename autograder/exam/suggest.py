"""From a graded assignment to drills: where points were lost, and which items of the syllabus it uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.records import CellResult, GradeRecord, Status
from autograder.materials import Materials

from .errors import ExamError

__all__ = ["Lost", "Suggestion", "items_of", "read_record", "suggest"]

_NOT_LOST = (Status.PASS, Status.MANUAL, Status.NEEDS_REVIEW)  # the last two: a person has still to decide


@dataclass(frozen=True)
class Lost:
    """One question of the assignment that did not get all its points."""

    title: str
    points: float
    max_points: float
    read: str  # where to read again: "第3回 5節"


@dataclass(frozen=True)
class Suggestion:
    """What to drill after an assignment."""

    assignment: str
    lost: tuple[Lost, ...]  # the largest loss first
    items: tuple[str, ...]  # of the syllabus: those that the whole assignment exercises


def suggest(record: GradeRecord, items: tuple[str, ...]) -> Suggestion:
    """What a record says.

    Parameters
    ----------
    record : GradeRecord
    items : tuple of str
        The items that the assignment exercises (:func:`items_of`).
    """
    questions: dict[str, list[CellResult]] = {}
    for result in record.results:
        questions.setdefault(result.question, []).append(result)
    lost: list[Lost] = []
    for name, results in questions.items():
        failed = [r for r in results if r.status not in _NOT_LOST and r.points < r.max_points]
        if failed:
            title = next((r.title for r in results if r.title), name)
            read = next((r.read for r in failed if r.read), "")
            lost.append(Lost(title, sum(r.points for r in results), sum(r.max_points for r in results), read))
    lost.sort(key=lambda one: one.points - one.max_points)
    return Suggestion(record.assignment, tuple(lost), items)


def read_record(path: Path, materials: Materials) -> GradeRecord:
    """The record of a graded assignment.

    Parameters
    ----------
    path : Path
        What ``takara grade`` wrote (``records/…/ps3.json``), or one's own notebook (``ps3.ipynb``), which is
        then checked as ``takara check`` does.
    materials : Materials

    Raises
    ------
    ExamError
        It is no such file.
    CheckError
        The notebook cannot be run.
    """
    if path.suffix == ".ipynb":
        from autograder.learner.check import check

        return check(path, materials)
    try:
        return GradeRecord.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExamError(
            f"{path} が読めません。採点結果のファイル（records フォルダーの ps3.json など）か、"
            f"課題のノートブックを指定してください。\n原因: {error}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExamError(
            f"{path} は、採点結果のファイルではありません。takara grade が records フォルダーに書いた"
            "ファイル（ps3.json など）か、課題のノートブック（ps3.ipynb）を指定してください。\n"
            f"原因: {error!r}"
        ) from error


def items_of(assignment: str, materials: Materials) -> tuple[str, ...]:
    """The items of the syllabus that an assignment of the course exercises; none for an unknown one."""
    path = materials.assignments / assignment / f"{assignment}.ipynb"
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        items = notebook["metadata"]["takara"]["syllabus"]
        return tuple(map(str, items))
    except (OSError, ValueError, KeyError, TypeError):
        return ()
