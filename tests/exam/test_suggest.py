"""From a graded assignment to drills."""

from __future__ import annotations

import json

import pytest

from autograder.exam.errors import ExamError
from autograder.exam.suggest import Lost, items_of, read_record, suggest
from autograder.grading.records import CellResult, GradeRecord, Status
from autograder.materials import find_materials


def cell(question: str, status: Status, points: float, read: str = "") -> CellResult:
    return CellResult(f"{question}-test", question, f"問{question[1:]}", status, points, 5, read=read)


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
    materials = find_materials()
    items = items_of("ps3", materials)
    notebook = json.loads((repo / "assignments/release/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    assert list(items) == notebook["metadata"]["takara"]["syllabus"]
    assert items_of("ps99", materials) == ()
    assert items_of("../../x", materials) == ()
