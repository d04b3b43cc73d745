"""Small notebooks for the grading tests: a course in nbgrader's own format, and ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import nbformat
from nbformat import NotebookNode

from autograder.grading.records import HandIn
from autograder.grading.spec import CODE_STUB, TEXT_STUB, AssignmentSpec, from_notebook, stub_of, visible_part

KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def _nbgrader(grade_id: str, *, grade=False, solution=False, locked=False, task=False, points=None) -> dict:
    meta = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": task,
    }
    if points is not None:
        meta["points"] = points
    return {"nbgrader": meta}


def prose(text: str, cell_id: str) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(text)
    cell["id"] = cell_id
    return cell


def given(grade_id: str, source: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source, metadata=_nbgrader(grade_id, locked=True))
    cell["id"] = grade_id
    return cell


def answer(grade_id: str, source: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source, metadata=_nbgrader(grade_id, solution=True))
    cell["id"] = grade_id
    return cell


def test(grade_id: str, points: float, source: str) -> NotebookNode:
    meta = _nbgrader(grade_id, grade=True, locked=True, points=points)
    cell = nbformat.v4.new_code_cell(source, metadata=meta)
    cell["id"] = grade_id
    return cell


def written(grade_id: str, points: float, text: str) -> NotebookNode:
    meta = _nbgrader(grade_id, grade=True, solution=True, points=points)
    cell = nbformat.v4.new_markdown_cell(text, metadata=meta)
    cell["id"] = grade_id
    return cell


def notebook(*cells: NotebookNode, **metadata) -> NotebookNode:
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": KERNELSPEC, **metadata})
    nb.cells = [copy.deepcopy(c) for c in cells]
    return nb


def source_notebook() -> NotebookNode:
    """Two machine-graded questions and a written one, 8 points; no word of Takara's own metadata."""
    return notebook(
        prose("# 窓口の待ち時間", "head"),
        given(
            "setup", "import csv\n\nwaits = [int(r['wait_min']) for r in csv.DictReader(open('waits.csv'))]"
        ),
        prose("## 問1 平均（3点）", "p1"),
        answer(
            "q1-answer",
            "mean_wait = ...\n### BEGIN SOLUTION\nmean_wait = sum(waits) / len(waits)\n### END SOLUTION",
        ),
        test(
            "q1-test",
            3,
            "assert mean_wait is not ..., '問1：mean_wait がまだ書かれていません。'\n"
            "### BEGIN HIDDEN TESTS\n"
            "secret_mean = sum(waits) / len(waits)\n"
            "assert mean_wait == secret_mean, '問1：平均が正解と違います。'\n"
            "### END HIDDEN TESTS",
        ),
        prose("## 問2 関数（2点）", "p2"),
        answer(
            "q2-answer",
            "def rate(part, whole):\n    ### BEGIN SOLUTION\n    return part / whole\n    ### END SOLUTION",
        ),
        test("q2-test", 2, "assert rate(1, 4) == 0.25\nassert rate(3, 4) == 0.75"),
        prose("## 問3 考えたこと（3点）", "p3"),
        written("q3-written", 3, "待ち時間は月曜に長い。人を増やすとよい。"),
    )


DATA = "wait_min\n5\n10\n15\n"

RIGHT = {
    "q1-answer": "mean_wait = sum(waits) / len(waits)",
    "q2-answer": "def rate(part, whole):\n    return part / whole",
    "q3-written": "月曜に人を増やす。",
}


def release_of(source: NotebookNode) -> NotebookNode:
    """What a learner gets, as ``nbgrader generate_assignment`` makes it with our stubs."""
    nb = copy.deepcopy(source)
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution"):
            cell.source = stub_of(cell.source, cell.cell_type)
        else:
            cell.source = visible_part(cell.source)
    return nb


def hand_in_of(source: NotebookNode, answers: dict[str, str] | None = None) -> NotebookNode:
    """A learner's notebook with these answers (default: all right)."""
    nb = release_of(source)
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in (RIGHT if answers is None else answers):
            cell.source = (RIGHT if answers is None else answers)[grade_id]
    return nb


def cell_of(nb: NotebookNode, grade_id: str) -> NotebookNode:
    return next(c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def code(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source)


def to_bytes(nb: NotebookNode) -> bytes:
    return nbformat.writes(nb).encode("utf-8")


def hand_in(nb: NotebookNode, learner: str = "hana") -> HandIn:
    return HandIn(learner=learner, assignment="ps", name=f"{learner}/ps.ipynb", content=to_bytes(nb))


def spec_of(source: NotebookNode) -> AssignmentSpec:
    return from_notebook(source, assignment="ps", notebook="ps")


def spoiled(spoil: Callable[[NotebookNode], None], answers: dict[str, str] | None = None) -> NotebookNode:
    """A right hand-in of :func:`source_notebook`, spoiled by ``spoil``."""
    nb = hand_in_of(source_notebook(), answers)
    spoil(nb)
    return nb


STUBS = (CODE_STUB, TEXT_STUB)
