"""From a graded assignment to drills: where points were lost, and which items of the syllabus it uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.records import CellResult, GradeRecord, Status, most_lost
from autograder.materials import Materials

from .errors import ExamError

__all__ = ["Exercises", "Lost", "Suggestion", "assignments", "read_record", "suggest"]

_NOT_LOST = (Status.PASS, Status.MANUAL, Status.NEEDS_REVIEW)  # the last two: a person has still to decide


@dataclass(frozen=True)
class Lost:
    """One question of the assignment that did not get all its points."""

    title: str
    points: float
    max_points: float
    read: str  # where to read again: "第3回 5節"
    items: tuple[str, ...] = ()  # of the syllabus that it exercises


@dataclass(frozen=True)
class Suggestion:
    """What to drill after an assignment."""

    assignment: str
    lost: tuple[Lost, ...]  # the largest loss first
    items: tuple[str, ...]  # of the syllabus: those of what was lost (the most lost first), else of all


def suggest(record: GradeRecord, items: tuple[str, ...]) -> Suggestion:
    """What a record says.

    Parameters
    ----------
    record : GradeRecord
    items : tuple of str
        Those that the whole assignment exercises (:class:`Exercises`).
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
            points, most = sum(r.points for r in results), sum(r.max_points for r in results)
            its_items = tuple(dict.fromkeys(item for r in failed for item in r.items))
            lost.append(Lost(title, points, most, read, its_items))
    lost.sort(key=lambda one: one.points - one.max_points)
    lost_items = most_lost((one.max_points - one.points, one.items) for one in lost)
    return Suggestion(record.assignment, tuple(lost), tuple(lost_items) or items)


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


@dataclass(frozen=True)
class Exercises:
    """An assignment of the course, and the items of the syllabus that it exercises."""

    name: str
    title: str
    items: tuple[str, ...]


def assignments(materials: Materials) -> list[Exercises]:
    """The assignments of the course that exercise any item, by name."""
    found = []
    for path in sorted(materials.assignments.glob("*/*.ipynb")):
        try:
            takara = json.loads(path.read_text(encoding="utf-8"))["metadata"]["takara"]
            found.append(Exercises(path.stem, str(takara["title"]), tuple(map(str, takara["syllabus"]))))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a notebook of somebody else
    return found
