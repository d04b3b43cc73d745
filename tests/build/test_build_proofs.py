"""Every assignment proves itself on the real grading path.

The worked solution gets full marks, the blank release nothing, and each planted wrong answer loses exactly
its points and gets its message.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path

import nbformat
import pytest

from autograder.grading.grade import grade_hand_in
from autograder.grading.records import GradeRecord, HandIn, Status
from autograder.grading.spec import read_spec
from course.build import prove
from course.build.assignment import Assignment, read_assignment
from course.build.measure import execute
from course.build.notebook import to_bytes
from course.build.problems import TextError
from course.build.site import Course

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = [p.stem for p in Course(ROOT).assignment_texts()]


def read(name: str) -> Assignment:
    return read_assignment(ROOT / f"assignments/text/{name}.md", ROOT / "datasets")


def planted() -> list[tuple[str, str, int]]:
    """(assignment, question, place among its wrong answers) of every planted wrong answer."""
    found = []
    for name in ASSIGNMENTS:
        try:
            questions = read(name).questions.values()
        except TextError:
            continue  # test_text_has_no_problem fails with the reasons
        found += [(name, q.name, at) for q in questions for at in range(len(q.wrongs))]
    return found


@functools.cache
def variants(name: str, built: Path) -> dict[str, prove.HandIn]:
    release = nbformat.read(
        built / f"assignments/release/{name}/{name}.ipynb", as_version=nbformat.NO_CONVERT
    )
    return {v.name: v for v in prove.hand_ins(read(name), release)}


@functools.cache
def graded(name: str, variant: str, built: Path) -> GradeRecord:
    folder = built / "assignments" / "source" / name
    spec = read_spec(folder / f"{name}.ipynb", release=built / f"assignments/release/{name}/{name}.ipynb")
    content = to_bytes(variants(name, built)[variant].notebook)
    result = grade_hand_in(
        HandIn("proof", name, f"{name}.ipynb", content),
        spec,
        data_dir=folder,
        cell_timeout_s=300,  # a busy machine is no wrong answer
        notebook_timeout_s=900,
    )
    assert isinstance(result, tuple), result
    return result[0]


def points(record: GradeRecord) -> dict[str, float]:
    earned: dict[str, float] = {}
    for result in record.results:
        if not result.grade_id.endswith("-written"):
            earned[result.question] = earned.get(result.question, 0.0) + result.points
    return earned


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_worked_solution_gets_full_marks(name: str, built: Path, costs: list[str]):
    began = time.monotonic()
    record = graded(name, "worked", built)
    costs.append(f"{name} (worked, graded): {time.monotonic() - began:.1f} s")
    machine = [r for r in record.results if r.status is not Status.MANUAL]
    lost = [
        f"{r.grade_id}: {r.status} {r.message} {r.detail}" for r in machine if r.status is not Status.PASS
    ]
    assert not lost and machine, "\n".join(lost)
    assert points(record) == dict(variants(name, built)["worked"].points)
    assert record.max_points == read(name).points
    assert record.repairs == () and not record.needs_review


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_blank_release_gets_nothing_and_is_told_so(name: str, built: Path):
    record = graded(name, "blank", built)
    assert record.points == 0 and record.repairs == ()
    for result in record.results:
        assert result.points == 0
        if not result.grade_id.endswith("-written"):
            assert result.status is Status.BLANK, result
            assert "まだ書かれていません" in result.message or "未記入" in result.message, result


@pytest.mark.parametrize(
    ("name", "question", "at"), planted(), ids=[f"{n}-{q}-wrong{at + 1}" for n, q, at in planted()]
)
def test_planted_wrong_answer(name: str, question: str, at: int, built: Path):
    wrong = read(name).questions[question].wrongs[at]
    (variant,) = [
        v for v in variants(name, built).values() if question in v.planted and v.planted[question] == wrong
    ]
    record = graded(name, variant.name, built)
    where = f"assignments/text/{name}.md:{wrong.cell.line}"
    earned, messages = points(record), [r.message for r in record.results if r.question == question]
    full = variants(name, built)["worked"].points[question]
    assert earned[question] == full - wrong.loses, f"{where}: {full}点から{wrong.loses}点失うはず。{messages}"
    assert any(wrong.message in m for m in messages), f"{where}: 「{wrong.message}」が出ません。{messages}"
    untouched = {q: p for q, p in variant.points.items() if q not in variant.planted}
    assert {q: earned[q] for q in untouched} == untouched, f"{where}: ほかの問の点が変わりました。"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_solutions_notebook_runs_clean(name: str, built: Path, costs: list[str]):
    path = built / "assignments" / "solutions" / f"{name}.ipynb"
    run = execute(nbformat.read(path, as_version=nbformat.NO_CONVERT), path.parent)
    costs.append(
        f"{name} (solutions): {run.seconds:.1f} s (CPU {run.cpu_seconds:.1f} s), {run.peak_mb:.0f} MB"
    )
    assert run.errors == []
    assert run.peak_mb < 1000
