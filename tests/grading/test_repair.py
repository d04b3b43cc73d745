"""Mending a hand-in: what was spoiled, and what must come out. No kernel is needed."""

from __future__ import annotations

import copy

import factory
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.grading.repair import MISSING_CODE, NotThisAssignment, repair

SOURCE = factory.source_notebook()
SPEC = factory.spec_of(SOURCE)
GRADED = ["q1-test", "q2-test", "q3-written"]


def ids(nb):
    return [c.metadata["nbgrader"]["grade_id"] for c in nb.cells if "nbgrader" in c.metadata]


def sources(nb):
    return [c.source for c in nb.cells]


def mended(spoil, answers=None):
    nb, repairs = repair(factory.spoiled(spoil, answers), SPEC)
    nbformat.validate(nb)
    return nb, repairs


def nothing(nb):
    pass


def test_a_hand_in_in_order_needs_no_mending() -> None:
    nb, repairs = mended(nothing)
    assert repairs == []
    assert ids(nb) == ["setup", "q1-answer", "q1-test", "q2-answer", "q2-test", "q3-written"]
    assert "secret_mean" in factory.cell_of(nb, "q1-test").source, "the hidden test must run"
    assert factory.cell_of(nb, "q1-answer").source == factory.RIGHT["q1-answer"]


def test_the_hand_in_itself_is_not_touched() -> None:
    before = factory.spoiled(lambda nb: nb.cells.remove(factory.cell_of(nb, "q1-test")))
    copy_ = copy.deepcopy(before)
    repair(before, SPEC)
    assert before == copy_


def test_a_missing_test_comes_back_after_the_last_cell_of_its_answer() -> None:
    def spoil(nb):
        at = nb.cells.index(factory.cell_of(nb, "q1-answer"))
        nb.cells.insert(at + 1, factory.code("mean_wait = round(mean_wait, 1)"))
        nb.cells.remove(factory.cell_of(nb, "q1-test"))

    nb, repairs = mended(spoil)
    texts = sources(nb)
    assert texts.index("mean_wait = round(mean_wait, 1)") < texts.index(factory.cell_of(nb, "q1-test").source)
    assert texts.index(factory.cell_of(nb, "q1-test").source) < texts.index("## 問2 関数（2点）")
    assert [r.what for r in repairs] == ["消えていた「問1 平均」のテストのセルを戻しました。"]
    assert not repairs[0].needs_review


def test_a_changed_test_is_as_it_was_given() -> None:
    def spoil(nb):
        factory.cell_of(nb, "q2-test").source = "assert True"

    nb, repairs = mended(spoil)
    assert factory.cell_of(nb, "q2-test").source == SPEC.by_grade_id["q2-test"].source
    assert len(repairs) == 1 and "配ったものと違っていた" in repairs[0].what


def test_what_was_typed_into_a_locked_cell_still_runs_before_it() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q2-test")
        cell.source = factory.RIGHT["q2-answer"] + "\n" + cell.source

    nb, _ = mended(spoil, {**factory.RIGHT, "q2-answer": "# 下に書きました"})
    texts = sources(nb)
    typed = next(n for n, s in enumerate(texts) if s.startswith("def rate") and "assert" in s)
    assert nb.cells[typed + 1].metadata["nbgrader"]["grade_id"] == "q2-test"
    assert "nbgrader" not in nb.cells[typed].metadata


@pytest.mark.parametrize("flag", ["grade", "solution", "locked"])
def test_a_test_that_was_declared_something_else_is_a_test_again(flag: str) -> None:
    def spoil(nb):
        meta = factory.cell_of(nb, "q1-test").metadata["nbgrader"]
        meta[flag] = not meta[flag]
        meta["points"] = 300

    nb, _ = mended(spoil)
    meta = factory.cell_of(nb, "q1-test").metadata["nbgrader"]
    assert (meta["grade"], meta["solution"], meta["locked"], meta["points"]) == (True, False, True, 3.0)


@pytest.mark.parametrize(
    "meta", [17, "x", [], {"grade_id": 5}, {"grade_id": "q1-test", "schema_version": 99}, {"grade": "yes"}]
)
def test_odd_metadata_do_not_stop_the_repair(meta) -> None:
    def spoil(nb):
        factory.cell_of(nb, "q1-test").metadata["nbgrader"] = meta

    nb, _ = mended(spoil)
    assert sorted(set(ids(nb)) & set(GRADED)) == sorted(GRADED)
    assert factory.cell_of(nb, "q1-test").metadata["nbgrader"]["schema_version"] == 3


def test_cleared_metadata() -> None:
    """As when a notebook went through a tool that keeps neither metadata nor cell ids."""

    def spoil(nb):
        for n, cell in enumerate(nb.cells):
            cell.metadata = nbformat.from_dict({})
            cell["id"] = f"other-{n}"

    nb, repairs = mended(spoil)
    assert ids(nb) == ["setup", "q1-answer", "q1-test", "q2-answer", "q2-test", "q3-written"]
    assert factory.cell_of(nb, "q1-answer").source == factory.RIGHT["q1-answer"]
    assert factory.cell_of(nb, "q3-written").source == factory.RIGHT["q3-written"]
    assert len(repairs) == 1 and not repairs[0].needs_review
    assert "など4か所のセルを" in repairs[0].what
    assert len(nb.cells) == len(SOURCE.cells), "nothing may be doubled"


def test_cleared_metadata_with_inserted_cells() -> None:
    def spoil(nb):
        nb.cells.insert(nb.cells.index(factory.cell_of(nb, "q1-answer")), factory.code("waits[:3]"))
        nb.cells.insert(0, nbformat.v4.new_markdown_cell("わたしのメモ"))
        for cell in nb.cells:
            cell.metadata = nbformat.from_dict({})
            cell["id"] = nbformat.v4.new_code_cell()["id"]

    nb, _ = mended(spoil)
    assert factory.cell_of(nb, "q1-answer").source == factory.RIGHT["q1-answer"]
    assert "waits[:3]" in sources(nb)
    assert sources(nb)[0] == "わたしのメモ"


def test_one_cell_with_lost_metadata_is_found_by_its_cell_id() -> None:
    def spoil(nb):
        del factory.cell_of(nb, "q2-answer").metadata["nbgrader"]

    nb, repairs = mended(spoil)
    assert factory.cell_of(nb, "q2-answer").source == factory.RIGHT["q2-answer"]
    assert repairs == []


def test_identical_answers_become_one() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q2-answer")
        nb.cells.insert(nb.cells.index(cell), copy.deepcopy(cell))

    nb, repairs = mended(spoil)
    assert ids(nb).count("q2-answer") == 1
    assert sources(nb).count(factory.RIGHT["q2-answer"]) == 1
    assert not any(r.needs_review for r in repairs)


@pytest.mark.parametrize("after", [0, 1])
def test_of_an_answer_and_a_blank_copy_the_answer_counts(after: int) -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q1-answer")
        blank = copy.deepcopy(factory.cell_of(factory.release_of(SOURCE), "q1-answer"))
        nb.cells.insert(nb.cells.index(cell) + after, blank)

    nb, repairs = mended(spoil)
    assert factory.cell_of(nb, "q1-answer").source == factory.RIGHT["q1-answer"]
    assert not any("mean_wait = ..." in s for s in sources(nb))
    assert len(repairs) == 1 and not repairs[0].needs_review


def test_two_different_answers_both_run_and_a_person_looks() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q1-answer")
        other = copy.deepcopy(cell)
        other.source = "mean_wait = 7"
        nb.cells.insert(nb.cells.index(cell), other)

    nb, repairs = mended(spoil)
    texts = sources(nb)
    assert texts.index("mean_wait = 7") < texts.index(factory.RIGHT["q1-answer"])
    assert factory.cell_of(nb, "q1-answer").source == factory.RIGHT["q1-answer"]
    assert [r.needs_review for r in repairs] == [True]


def test_a_copy_of_a_test_before_the_answer_goes() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q1-test")
        nb.cells.insert(1, copy.deepcopy(cell))

    nb, _ = mended(spoil)
    assert ids(nb).count("q1-test") == 1
    assert ids(nb).index("q1-test") > ids(nb).index("q1-answer")


def test_a_test_that_was_moved_before_its_answer_moves_back() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q2-test")
        nb.cells.remove(cell)
        nb.cells.insert(0, cell)

    nb, repairs = mended(spoil)
    assert ids(nb).index("q2-test") == ids(nb).index("q2-answer") + 1
    assert [r.grade_id for r in repairs] == ["q2-test"]


def test_a_given_cell_that_was_moved_after_its_answers_moves_back() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "setup")
        nb.cells.remove(cell)
        nb.cells.append(cell)

    nb, _ = mended(spoil)
    assert ids(nb)[0] == "setup"


def test_a_missing_given_cell_comes_back_before_its_answers() -> None:
    nb, _ = mended(lambda nb: nb.cells.remove(factory.cell_of(nb, "setup")))
    assert ids(nb)[0] == "setup"


def test_a_code_answer_that_became_text_is_code_again() -> None:
    def spoil(nb):
        cell = factory.cell_of(nb, "q1-answer")
        nb.cells[nb.cells.index(cell)] = nbformat.v4.new_markdown_cell(
            cell.source, metadata=cell.metadata, id=cell["id"]
        )

    nb, repairs = mended(spoil)
    cell = factory.cell_of(nb, "q1-answer")
    assert (cell.cell_type, cell.source) == ("code", factory.RIGHT["q1-answer"])
    assert len(repairs) == 1


def test_a_missing_answer_never_overwrites_what_the_learner_wrote_elsewhere() -> None:
    def spoil(nb):
        nb.cells.remove(factory.cell_of(nb, "q1-answer"))
        nb.cells.insert(2, factory.code("mean_wait = 10.0"))

    nb, _ = mended(spoil)
    assert "mean_wait = ..." not in sources(nb)
    ran = [s for s in sources(nb) if "mean_wait" in s]
    assert ran[0] == "mean_wait = 10.0"


def test_a_deleted_answer_is_put_back_as_a_comment() -> None:
    nb, repairs = mended(lambda nb: nb.cells.remove(factory.cell_of(nb, "q2-answer")))
    assert factory.cell_of(nb, "q2-answer").source == MISSING_CODE
    assert "見つかりませんでした" in repairs[0].what


def test_an_unknown_nbgrader_cell_is_an_ordinary_cell() -> None:
    def spoil(nb):
        nb.cells.append(factory.test("bonus", 100, "100"))

    nb, repairs = mended(spoil)
    assert "bonus" not in ids(nb)
    assert sources(nb)[-1] == "100"
    assert len(repairs) == 1


def test_cell_ids_are_unique() -> None:
    def spoil(nb):
        for cell in nb.cells:
            cell["id"] = "same"

    nb, _ = mended(spoil)
    assert len({c["id"] for c in nb.cells}) == len(nb.cells)


def test_another_notebook_is_no_hand_in_of_this_assignment() -> None:
    other = factory.notebook(
        factory.prose("# 家計簿", "a"), factory.code("import sqlite3"), factory.code("1 + 1")
    )
    with pytest.raises(NotThisAssignment):
        repair(other, SPEC)


def test_a_picture_in_a_written_answer_stays() -> None:
    def spoil(nb):
        factory.cell_of(nb, "q3-written")["attachments"] = {"a.png": {"image/png": "AAAA"}}

    nb, _ = mended(spoil)
    assert factory.cell_of(nb, "q3-written")["attachments"] == {"a.png": {"image/png": "AAAA"}}


def test_the_kernel_is_the_assignments_not_the_learners() -> None:
    nb, _ = mended(lambda nb: nb.metadata.__setitem__("kernelspec", {"name": "evil", "display_name": "x"}))
    assert nb.metadata["kernelspec"]["name"] == "python3"


@settings(max_examples=150)
@given(
    order=st.permutations(range(len(SOURCE.cells))),
    drop=st.sets(st.integers(0, len(SOURCE.cells) - 1), max_size=6),
    double=st.sets(st.integers(0, len(SOURCE.cells) - 1), max_size=4),
    clear=st.sets(st.integers(0, len(SOURCE.cells) - 1), max_size=10),
)
def test_whatever_the_order_every_graded_cell_is_there_once_and_after_its_answer(order, drop, double, clear):
    """The promise of the module, for any shuffling, dropping, doubling and clearing of metadata."""
    whole = factory.hand_in_of(SOURCE)
    nb = copy.deepcopy(whole)
    nb.cells = []
    for n in order:
        for _ in range((n not in drop) + (n in double)):
            cell = copy.deepcopy(whole.cells[n])
            if n in clear:
                cell.metadata = nbformat.from_dict({})
                cell["id"] = f"c{len(nb.cells)}"
            nb.cells.append(cell)
    try:
        out, _ = repair(nb, SPEC)
    except NotThisAssignment:
        assert not any("nbgrader" in c.metadata for c in nb.cells)
        return
    nbformat.validate(out)
    found = ids(out)
    assert sorted(found) == sorted(c.grade_id for c in SPEC.cells if c.grade_id)
    for test in ("q1-test", "q2-test"):
        cell = factory.cell_of(out, test)
        assert cell.source == SPEC.by_grade_id[test].source
        for answer in SPEC.answers_of(test):
            assert found.index(answer) < found.index(test)
    handed_in = {c.source for c in nb.cells}
    kept = {c.source for c in out.cells}
    for answer in ("q1-answer", "q2-answer", "q3-written"):
        text = factory.RIGHT[answer]
        assert (text in handed_in) == (text in kept), "an answer was lost or invented"
    again, repairs = repair(out, SPEC)
    assert sources(again) == sources(out) and repairs == [], "a mended notebook needs no mending"
