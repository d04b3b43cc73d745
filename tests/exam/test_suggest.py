"""From a graded assignment to drills."""

from __future__ import annotations

import json

import pytest

from autograder.exam.errors import ExamError
from autograder.exam.suggest import Exercises, Lost, assignments, read_record, suggest
from autograder.grading.records import CellResult, GradeRecord, Status
from autograder.materials import find_materials


def cell(
    question: str, status: Status, points: float, read: str = "", items: tuple[str, ...] = ()
) -> CellResult:
    title = f"問{question[1:]}"
    return CellResult(f"{question}-test", question, title, status, points, 5, read=read, items=items)


RECORD = GradeRecord(
    "hana",
    "ps3",
    (
        cell("q1", Status.PASS, 5),
        cell("q2", Status.PARTIAL, 3, "第3回 5節"),
        cell("q3", Status.BLANK, 0, "第3回 4節"),
        cell("q3", Status.PASS, 5),
        cell("q4", Status.MANUAL, 0),
        cell("q5", Status.NEEDS_REVIEW, 0),
    ),
)


def test_where_points_were_lost():
    found = suggest(RECORD, ("T07", "L10"))
    assert found.assignment == "ps3"
    assert found.items == ("T07", "L10")
    assert found.lost == (Lost("問3", 5, 10, "第3回 4節"), Lost("問2", 3, 5, "第3回 5節"))


def test_the_items_of_what_was_lost_come_before_those_of_all():
    record = GradeRecord(
        "hana",
        "ps3",
        (
            cell("q1", Status.PASS, 5, items=("T01",)),
            cell("q2", Status.PARTIAL, 3, items=("T10", "T07")),
            cell("q3", Status.FAIL, 0, items=("L10", "T10")),
        ),
    )
    assert suggest(record, ("T01", "T07", "T10", "L10")).items == ("T10", "L10", "T07")


def test_nothing_lost():
    assert suggest(GradeRecord("hana", "ps3", (cell("q1", Status.PASS, 5),)), ("T07",)).lost == ()


def test_reads_what_takara_grade_wrote(tmp_path):
    path = tmp_path / "ps3.json"
    path.write_text(RECORD.to_json(), encoding="utf-8")
    assert read_record(path, find_materials()) == RECORD


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"x"', '{"results": 3}', '{"results": [{}], "repairs": []}']
)
def test_what_is_no_record(tmp_path, text):
    path = tmp_path / "ps3.json"
    path.write_text(text)
    with pytest.raises(ExamError, match="採点結果のファイルではありません"):
        read_record(path, find_materials())


def test_what_is_not_there(tmp_path):
    with pytest.raises(ExamError, match="読めません"):
        read_record(tmp_path / "no.json", find_materials())


def test_a_notebook_is_checked_as_takara_check_does(tmp_path, monkeypatch):
    from autograder.learner import check

    monkeypatch.setattr(check, "check", lambda path, materials: RECORD)
    assert read_record(tmp_path / "ps3.ipynb", find_materials()) == RECORD


def test_items_of_the_course(tmp_path, repo):
    notebook = json.loads((repo / "assignments/release/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    takara = notebook["metadata"]["takara"]
    found = {one.name: one for one in assignments(find_materials())}
    assert list(found) == [f"ps{n}" for n in range(1, 8)]
    assert found["ps3"] == Exercises("ps3", takara["title"], tuple(takara["syllabus"]))
    assert all(one.items for one in found.values())
