"""Reading what an assignment consists of, from any nbgrader notebook."""

from __future__ import annotations

import pickle
from pathlib import Path

import factory
import nbformat
import pytest

from autograder.grading.spec import CODE_STUB, TEXT_STUB, Kind, SpecError, from_notebook, read_spec, stub_of


def test_a_generic_course() -> None:
    spec = factory.spec_of(factory.source_notebook())
    assert [c.kind for c in spec.cells] == [
        Kind.PROSE, Kind.GIVEN, Kind.PROSE, Kind.ANSWER, Kind.TEST,
        Kind.PROSE, Kind.ANSWER, Kind.TEST, Kind.PROSE, Kind.WRITTEN,
    ]  # fmt: skip
    assert [(c.grade_id, c.points, c.title) for c in spec.graded] == [
        ("q1-test", 3.0, "問1 平均"),
        ("q2-test", 2.0, "問2 関数"),
        ("q3-written", 3.0, "問3 考えたこと"),
    ]
    assert spec.max_points == 8.0
    assert spec.answers_of("q1-test") == ("q1-answer",)
    assert spec.tests_of("q2-answer") == ("q2-test",)
    test = spec.by_grade_id["q1-test"]
    assert "secret_mean" in test.source and "secret_mean" not in test.visible
    answer = spec.by_grade_id["q1-answer"]
    assert answer.visible == f"mean_wait = ...\n{CODE_STUB}"
    assert spec.by_grade_id["q3-written"].visible == TEXT_STUB


def test_takara_metadata_give_better_names() -> None:
    nb = factory.source_notebook()
    nb.metadata["takara"] = {"assignment": "ps2", "title": "問題集2", "session": 2}
    factory.cell_of(nb, "q1-test").metadata["takara"] = {
        "question": "q1",
        "title": "問1 待ち時間の平均",
        "hints": ["まず mean()"],
        "read": "第2回 3節",
    }
    factory.cell_of(nb, "q1-answer").metadata["takara"] = {"question": "q1", "title": "問1 待ち時間の平均"}
    spec = from_notebook(nb)
    test = spec.by_grade_id["q1-test"]
    assert (spec.assignment, spec.title, spec.session) == ("ps2", "問題集2", 2)
    assert (test.question, test.title, test.hints, test.read) == (
        "q1",
        "問1 待ち時間の平均",
        ("まず mean()",),
        "第2回 3節",
    )
    assert spec.answers_of("q1-test") == ("q1-answer",)


def test_several_tests_of_one_answer_and_several_answers_of_one_test() -> None:
    spec = from_notebook(
        factory.notebook(
            factory.answer("a1", "x = 1"),
            factory.answer("a2", "y = 1"),
            factory.test("t1", 1, "assert x"),
            factory.test("t2", 1, "assert y"),
            factory.answer("a3", "z = 1"),
            factory.test("t3", 1, "assert z"),
        ),
        assignment="ps",
    )
    assert [spec.answers_of(t) for t in ("t1", "t2", "t3")] == [("a1", "a2"), ("a1", "a2"), ("a3",)]


def test_from_a_release_the_stub_is_the_answers_own_text(tmp_path: Path) -> None:
    source = tmp_path / "source" / "ps" / "ps.ipynb"
    release = tmp_path / "release" / "ps" / "ps.ipynb"
    for path in (source, release):
        path.parent.mkdir(parents=True)
    nbformat.write(factory.source_notebook(), source)
    given = factory.release_of(factory.source_notebook())
    for cell in given.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["checksum"] = "0" * 32
    factory.cell_of(given, "q2-answer").source = "# YOUR CODE HERE\nraise NotImplementedError()"
    nbformat.write(given, release)
    assert read_spec(release).by_grade_id["q2-answer"].visible.startswith("# YOUR CODE HERE")
    spec = read_spec(source, release=release)
    assert spec.by_grade_id["q2-answer"].visible.startswith("# YOUR CODE HERE")
    assert (spec.assignment, spec.notebook) == ("ps", "ps")


def test_metadata_written_into_a_notebook_satisfy_nbgrader() -> None:
    validator = pytest.importorskip("nbgrader.nbgraderformat").MetadataValidator()
    nb = factory.source_notebook()
    spec = factory.spec_of(nb)
    for cell, of in zip(nb.cells, spec.cells, strict=True):
        cell.metadata = nbformat.from_dict(of.cell_metadata())
    validator.validate_nb(nb)
    nbformat.validate(nb)
    assert nb.cells[4].metadata["editable"] is False and "editable" not in nb.cells[3].metadata


def test_old_schema_versions_are_read() -> None:
    nb = factory.source_notebook()
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = 1
            del cell.metadata["nbgrader"]["task"]
    assert len(factory.spec_of(nb).graded) == 3


def test_it_travels_to_another_process() -> None:
    spec = factory.spec_of(factory.source_notebook())
    assert spec.by_grade_id
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_doubled_ids_are_refused() -> None:
    nb = factory.notebook(factory.answer("a", "x = 1"), factory.test("t", 1, "x"), factory.test("t", 1, "x"))
    with pytest.raises(SpecError, match="「t」"):
        from_notebook(nb, assignment="ps")


def test_a_notebook_without_graded_cells_is_refused() -> None:
    with pytest.raises(SpecError, match="採点するセルがありません"):
        from_notebook(factory.notebook(factory.code("1")), assignment="ps")


def test_autotests_must_be_made_first() -> None:
    nb = factory.notebook(factory.test("t", 1, "### AUTOTEST x"))
    with pytest.raises(SpecError, match="generate_source_with_tests"):
        from_notebook(nb, assignment="ps")
    assert (
        from_notebook(nb, assignment="ps", sources={"t": "assert x == 1"}).cells[0].source == "assert x == 1"
    )


def test_stubs_are_what_nbgrader_makes_of_a_worked_answer() -> None:
    pytest.importorskip("nbgrader")
    from nbgrader.preprocessors import ClearSolutions
    from traitlets.config import Config

    from autograder.grading.nbgrader_config import configure

    config = Config()
    configure(config)
    nb = factory.source_notebook()
    expected, _ = ClearSolutions(config=config).preprocess(factory.source_notebook(), {})
    for cell, cleared in zip(nb.cells, expected.cells, strict=True):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert stub_of(cell.source, cell.cell_type) == cleared.source
