"""Scoring rules on outcomes made by hand, and what stock nbgrader makes of the same notebooks."""

from __future__ import annotations

import factory
import nbformat
import pytest

from autograder.grading.records import GradeRecord, Repair, Status
from autograder.grading.repair import repair
from autograder.grading.run import CellOutcome, Run, run
from autograder.grading.score import annotate, explain, positions, positions_of_tests, score

SOURCE = factory.source_notebook()
SPEC = factory.spec_of(SOURCE)
OK = CellOutcome("ok")


def scored(nb=None, **outcomes: CellOutcome) -> GradeRecord:
    """Score a mended hand-in whose cells all went well but for ``outcomes`` (q1_test → "q1-test")."""
    mended, repairs = repair(nb or factory.hand_in_of(SOURCE), SPEC)
    at = positions(mended)
    by_cell = {at[k.replace("_", "-")]: v for k, v in outcomes.items()}
    made = tuple(
        by_cell.get(n, OK if c.cell_type == "code" else CellOutcome("skipped"))
        for n, c in enumerate(mended.cells)
    )
    return score(Run(mended, made), SPEC, learner="hana", repairs=repairs)


def result(record: GradeRecord, grade_id: str = "q1-test"):
    return next(r for r in record.results if r.grade_id == grade_id)


def failing(ename: str, evalue: str = "") -> CellOutcome:
    return CellOutcome("error", ename, evalue)


@pytest.mark.parametrize(
    ("value", "status", "points"),
    [
        (None, Status.PASS, 3.0),
        (("number", "3.0"), Status.PASS, 3.0),
        (("number", "1.5"), Status.PARTIAL, 1.5),
        (("number", "0.0"), Status.FAIL, 0.0),
        (("number", "3.5"), Status.NEEDS_REVIEW, 0.0),
        (("number", "-1.0"), Status.NEEDS_REVIEW, 0.0),
        (("number", "nan"), Status.NEEDS_REVIEW, 0.0),
        (("number", "inf"), Status.NEEDS_REVIEW, 0.0),
        (("bool", "True"), Status.NEEDS_REVIEW, 0.0),
        (("str", "'3'"), Status.NEEDS_REVIEW, 0.0),
        (("DataFrame", "..."), Status.NEEDS_REVIEW, 0.0),
        (("unknown", "no answer"), Status.NEEDS_REVIEW, 0.0),
    ],
)
def test_the_value_of_a_test(value, status: Status, points: float) -> None:
    got = result(scored(q1_test=CellOutcome("ok", value=value)))
    assert (got.status, got.points) == (status, points)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (CellOutcome("not_run"), Status.NOT_RUN),
        (CellOutcome("not_run", reason="dead"), Status.NOT_RUN),
        (CellOutcome("not_run", reason="time"), Status.NOT_RUN),
        (CellOutcome("skipped"), Status.NOT_RUN),
        (CellOutcome("timeout", "TimeoutError", "60 s"), Status.TIMEOUT),
        (failing("AssertionError", "平均が違います。"), Status.FAIL),
        (failing("NameError", "name 'mean_wait' is not defined"), Status.ERROR),
        (failing("DeadKernel"), Status.ERROR),
        (failing("NoReply"), Status.ERROR),
        (CellOutcome("ok", distrust=("assert: passed",)), Status.NEEDS_REVIEW),
        (CellOutcome("ok", value=("number", "3.0"), distrust=("x",)), Status.NEEDS_REVIEW),
    ],
)
def test_only_an_explicit_ok_earns_points(outcome: CellOutcome, status: Status) -> None:
    record = scored(q1_test=outcome)
    got = result(record)
    assert (got.status, got.points) == (status, 0.0)
    assert got.message and not got.message.isascii(), "the learner is told in Japanese"
    assert result(record, "q2-test").points == 2.0, "the other question keeps what it earned"
    assert record.needs_review == (status is Status.NEEDS_REVIEW)


def test_an_assertion_says_its_own_message() -> None:
    got = result(scored(q1_test=failing("AssertionError", "問1：平均が正解と違います。")))
    assert got.message == "問1：平均が正解と違います。"
    assert got.detail == "AssertionError: 問1：平均が正解と違います。"


def test_an_answer_that_failed_is_named() -> None:
    got = result(
        scored(
            q1_answer=failing("KeyError", "'wait_min'"),
            q1_test=failing("NameError", "name 'mean_wait' is not defined"),
        )
    )
    assert got.message.startswith("解答のセルがエラーで止まっています：「wait_min」という列")
    assert "KeyError" in got.detail and "NameError" in got.detail


def test_an_answer_that_failed_after_it_was_right_still_earns() -> None:
    assert result(scored(q1_answer=failing("ValueError", "plot"))).status is Status.PASS


def test_an_answer_that_ran_out_of_time_is_named() -> None:
    got = result(
        scored(
            q1_answer=CellOutcome("timeout", "TimeoutError", "60 s"), q1_test=failing("NameError", "name 'x'")
        )
    )
    assert "時間内（60秒）" in got.message


@pytest.mark.parametrize("ename", ["NameError", "TypeError", "SyntaxError"])
def test_a_blank_answer_is_called_blank_not_wrong(ename: str) -> None:
    blank = factory.hand_in_of(SOURCE, {})
    got = result(
        scored(blank, q2_answer=failing("SyntaxError", "x (line 2)"), q2_test=failing(ename, "x")), "q2-test"
    )
    assert got.message.startswith("まだ書かれていません")


def test_written_answers_wait_for_a_person_unless_blank() -> None:
    assert result(scored(), "q3-written").status is Status.MANUAL
    blank = factory.hand_in_of(SOURCE, {**factory.RIGHT, "q3-written": factory.STUBS[1]})
    got = result(scored(blank), "q3-written")
    assert (got.status, got.points) == (Status.BLANK, 0.0)


def test_every_graded_cell_has_a_result_even_where_the_notebook_lacks_it() -> None:
    nb = factory.notebook(factory.code("1"))
    record = score(Run(nb, (OK,)), SPEC, learner="x")
    assert [(r.grade_id, r.status) for r in record.results] == [
        (g, Status.NOT_RUN) for g in ("q1-test", "q2-test", "q3-written")
    ]


EXPLAINED = {
    "NameError": ("name 'mean_wait' is not defined", "「mean_wait」という名前がまだありません"),
    "NotImplementedError": ("未記入：関数 rate を書いてください", "未記入：関数 rate を書いてください"),
    "KeyError": ("'wait'", "「wait」という列"),
    "TypeError": ("unsupported operand type(s) for +: 'int' and 'str'", "文字と数値"),
    "SyntaxError": ("invalid syntax (x.py, line 3)", "3行目"),
    "AttributeError": ("'NoneType' object has no attribute 'mean'", "None"),
    "ModuleNotFoundError": ("No module named 'seabon'", "「seabon」"),
    "FileNotFoundError": ("[Errno 2] No such file or directory: 'C:/x.csv'", "C:/x.csv"),
    "ZeroDivisionError": ("division by zero", "0 で割って"),
    "SomeOwnError": ("どこか", "SomeOwnError"),
}


@pytest.mark.parametrize("ename", EXPLAINED)
def test_errors_are_explained(ename: str) -> None:
    evalue, expected = EXPLAINED[ename]
    assert expected in explain(ename, evalue)


def test_the_ellipsis_of_a_stub_is_recognised_in_type_errors() -> None:
    assert "「...」" in explain("TypeError", "unsupported operand type(s) for -: 'ellipsis' and 'int'")


COMPARISONS = [
    "\nNot equal to tolerance rtol=1e-07, atol=0\n\nMismatched elements: 1 / 1\n ACTUAL: 3\n DESIRED: 4217",
    "\nArrays are not equal\n\n x: array([1])\n y: array([4217])",
    "DataFrame.iloc[:, 0] are different\n[left]:  [1]\n[right]: [4217]",
    "3 != 4217",
]


@pytest.mark.parametrize("evalue", COMPARISONS)
def test_expected_values_in_comparisons_are_not_shown_to_learners(evalue: str) -> None:
    got = result(scored(q1_test=failing("AssertionError", evalue)))
    assert "4217" not in got.message
    assert "4217" in got.detail


def test_messages_are_clean_and_short() -> None:
    got = result(scored(q1_test=failing("AssertionError", "\x1b[31mだめ\x1b[0m\x00\x07" + "あ" * 5000)))
    assert got.message.startswith("だめあ") and len(got.message) <= 1001
    assert "\x1b" not in got.message and "\x00" not in got.message


def test_no_source_of_a_test_is_in_any_message() -> None:
    hidden = SPEC.by_grade_id["q1-test"].source.splitlines()
    for outcome in (failing("AssertionError"), failing("NameError", "name 'x'"), CellOutcome("not_run")):
        for r in scored(q1_test=outcome).results:
            assert not any(line in r.message for line in hidden)


def test_a_record_travels_as_json() -> None:
    record = scored(q1_test=failing("AssertionError", "だめ"))
    assert GradeRecord.from_json(record.to_json()) == record


def test_annotations_in_the_notebook() -> None:
    mended, _ = repair(factory.hand_in_of(SOURCE), SPEC)
    record = score(Run(mended, tuple(OK for _ in mended.cells)), SPEC, learner="hana")
    nb = annotate(mended, record)
    assert factory.cell_of(nb, "q1-test").metadata["takara"]["result"]["status"] == "pass"
    nbformat.validate(nb)


def test_repairs_of_more_than_one_reading_ask_for_review() -> None:
    record = score(
        Run(factory.notebook(factory.code("1")), (OK,)),
        SPEC,
        learner="x",
        repairs=[Repair("q1-answer", "二つ", True)],
    )
    assert record.needs_review


# --- the same notebooks, stock nbgrader and ours -------------------------------------------------

STOCK_IS_WRONG = {
    # name: (test cell, what the test means out of 2 points, what stock nbgrader gives)
    "a warning on stderr": ("import warnings\nwarnings.warn('FutureWarning')\nassert True", 2.0, 0.0),
    "np.float64(0.0)": ("import numpy as np\nnp.float64(0.0)", 0.0, 2.0),
    "np.float64(0.5)": ("import numpy as np\nnp.float64(0.5)", 0.5, 2.0),
}


@pytest.mark.parametrize("case", STOCK_IS_WRONG)
def test_where_stock_nbgrader_is_wrong(case: str) -> None:
    utils = pytest.importorskip("nbgrader.utils")
    source, ours, stock = STOCK_IS_WRONG[case]
    nb = factory.notebook(factory.answer("a", "x = 1"), factory.test("t", 2, source))
    spec = factory.spec_of(nb)
    mended, _ = repair(nb, spec)
    done = run(mended, tests=positions_of_tests(mended, spec))
    assert utils.determine_grade(factory.cell_of(done.nb, "t"))[0] == stock
    assert score(done, spec, learner="x").points == ours


def test_a_notebook_that_never_ran_is_full_marks_for_stock_nbgrader_and_none_for_us() -> None:
    utils = pytest.importorskip("nbgrader.utils")
    nb = factory.hand_in_of(SOURCE)
    assert utils.determine_grade(factory.cell_of(nb, "q1-test")) == (3.0, 3.0)
    mended, _ = repair(nb, SPEC)
    never = Run(mended, tuple(CellOutcome() for _ in mended.cells))
    assert score(never, SPEC, learner="x").points == 0


@pytest.mark.parametrize(
    ("ename", "evalue", "said"),
    [
        ("TypeError", "unsupported operand type(s) for &: 'str' and 'StringArray'", "かっこで囲みます"),
        (
            "SyntaxError",
            "invalid syntax. Maybe you meant '==' or ':=' instead of '='? (123.py, line 2)",
            "2行目あたりで、Python の文として読めません。「等しいか」を比べる記号",
        ),
    ],
)
def test_the_beginners_commonest_slips_are_named(ename: str, evalue: str, said: str) -> None:
    assert said in explain(ename, evalue)
