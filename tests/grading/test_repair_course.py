"""The course's own assignments survive what learners' tools do to them. No kernel is needed."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
import pytest

from autograder.grading.repair import repair
from autograder.grading.spec import AssignmentSpec, read_spec

RELEASES = sorted(Path(__file__).resolve().parents[2].glob("assignments/release/*/*.ipynb"))


@pytest.fixture(params=RELEASES, ids=lambda p: p.stem)
def released(request: pytest.FixtureRequest) -> tuple[nbformat.NotebookNode, AssignmentSpec]:
    return nbformat.read(request.param, as_version=4), read_spec(request.param)


def test_there_are_assignments() -> None:
    assert RELEASES


def _graded(nb) -> list[str]:
    return [c.metadata["nbgrader"]["grade_id"] for c in nb.cells if "nbgrader" in c.metadata]


def test_as_handed_out_nothing_is_mended(released) -> None:
    nb, spec = released
    mended, repairs = repair(nb, spec)
    assert repairs == []
    assert [c.source for c in mended.cells] == [c.source for c in nb.cells]


def test_without_metadata_and_ids_every_cell_is_found_again(released) -> None:
    nb, spec = released
    bare = copy.deepcopy(nb)
    for n, cell in enumerate(bare.cells):
        cell.metadata = nbformat.from_dict({})
        cell["id"] = f"c{n}"
    mended, repairs = repair(bare, spec)
    assert _graded(mended) == [c.grade_id for c in spec.cells if c.grade_id]
    assert [c.source for c in mended.cells] == [c.source for c in nb.cells]
    assert not any(r.needs_review for r in repairs)


def test_without_its_tests_they_come_back_where_they_were(released) -> None:
    nb, spec = released
    bare = copy.deepcopy(nb)
    bare.cells = [c for c in bare.cells if not c.metadata.get("nbgrader", {}).get("locked")]
    mended, _ = repair(bare, spec)
    order = _graded(mended)
    assert sorted(order) == sorted(c.grade_id for c in spec.cells if c.grade_id)
    for test in (c.grade_id for c in spec.graded if not c.manual):
        for answer in spec.answers_of(test):
            assert order.index(answer) < order.index(test)
