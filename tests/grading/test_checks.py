"""The comparison helpers of test cells: right values pass, wrong ones fail with words that teach."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import checks


class EqualToEverything:
    """What a learner might hand in to please any ``==``."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 2

    def __float__(self) -> float:
        return 1.0


def says(*words: str):
    return pytest.raises(AssertionError, match="(?s)" + ".*".join(words))


def test_written() -> None:
    assert checks.written("問1", {"a": 1, "b": None}, "a", "b") is None
    with says("問1：a がまだ書かれていません"):
        checks.written("問1", {"a": ...}, "a")
    with says("問2：b がまだ"):
        checks.written("問2", {"a": 1}, "a", "b")


@pytest.mark.parametrize("value", [11.3, np.float64(11.3), np.float32(11.3), 11.34])
def test_number_right(value) -> None:
    assert checks.number(value, 11.3, tol=0.05) is None


def test_number_last_digits_never_decide() -> None:
    checks.number(0.1 + 0.2, 0.3)
    checks.number(1e15 + 0.3, 1e15 + 0.4)
    checks.number(10**400, 10**400)
    with says("正解と違います"):
        checks.number(10**400, 1)
    with says("正解と違います"):
        checks.number(12_345_678_901, 12_345_678_900)
    checks.number(3, 3.0)
    with says("正解と違います"):
        checks.number(1.001, 1.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "真偽値"),
        ("11.3", "文字列"),
        (None, "None"),
        (..., "「...」のまま"),
        (pd.Series([11.3]), "1つだけ取り出して"),
        (np.array([11.3]), "1つだけ取り出して"),
        (pd.NA, "欠損"),
        (float("nan"), "NaN"),
        (EqualToEverything(), "EqualToEverything"),
        (len, "関数"),
    ],
)
def test_number_of_the_wrong_kind(value, words: str) -> None:
    with says(words):
        checks.number(value, 1.0, name="mean_wait")


def test_number_names_the_mistake() -> None:
    with says("欠損を0と"):
        checks.number(13.1, 11.3, tol=0.05, mistake={13.1: "欠損を0と数えていませんか。"})
    with says("^別の言い方$"):
        checks.number(5, 11.3, otherwise="別の言い方")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.floats(0.001, 10))
def test_number_accepts_within_and_refuses_beyond(expected: float, tol: float) -> None:
    checks.number(expected + tol * 0.99, expected, tol=tol)
    beyond = expected + max(tol, abs(expected) * 1e-9) * 1.5
    with pytest.raises(AssertionError) as error:
        checks.number(beyond, expected, tol=tol)
    assert "正解と違います" in str(error.value)


RIGHT_VALUES = [
    ("月", "月"),
    (np.str_("月"), "月"),
    (np.bool_(True), True),
    (np.int64(3), 3),
    ([1, 2.0, "a"], [1, 2, "a"]),
    ([np.float64(0.1) + 0.2], [0.3]),
    ({"a": [1, (2, 3)]}, {"a": [1, (2, 3)]}),
    ({1, 2}, {2, 1}),
    (None, None),
]


@pytest.mark.parametrize(("value", "expected"), RIGHT_VALUES)
def test_equal_right(value, expected) -> None:
    assert checks.equal(value, expected) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        (1, True),
        (True, 1),
        ("1", 1),
        ([EqualToEverything()], [3]),
        ([EqualToEverything()], ["x"]),
        (EqualToEverything(), "x"),
        ({"a": EqualToEverything()}, {"a": 1}),
        ({EqualToEverything()}, {1}),
        ([1, 2], [1, 2, 3]),
        ([True], [1]),
        ({"a": 1}, {"b": 1}),
        (..., 3),
    ],
)
def test_equal_wrong(value, expected) -> None:
    with pytest.raises(AssertionError) as error:
        checks.equal(value, expected)
    assert not str(error.value).isascii()


def test_equal_names_the_mistake_and_the_count() -> None:
    with says("並べかえて"):
        checks.equal(["b", "a"], ["a", "b"], otherwise="並べかえてみましょう。")
    with says("土日"):
        checks.equal("日", "月", mistake={"日": "土日を除きましたか。"})
    with says("個数（1）"):
        checks.equal([1], [1, 2])


SERIES = pd.Series([1.0, 2.0, np.nan], index=["北", "東", "南"])


def test_series() -> None:
    checks.series(SERIES.copy(), SERIES)
    checks.series(SERIES.iloc[::-1], SERIES, order=False)
    checks.series(SERIES + 0.01, SERIES, tol=0.02)
    checks.series(SERIES.astype("Float64"), SERIES)
    with says("並び順"):
        checks.series(SERIES.iloc[::-1], SERIES)
    with says("見出し"):
        checks.series(SERIES.rename({"北": "西"}), SERIES)
    with says("3 行のはずですが、2 行"):
        checks.series(SERIES.iloc[:2], SERIES)
    with says("列を1つだけ選ぶ"):
        checks.series(SERIES.to_frame(), SERIES)
    with says("数値に直しましたか"):
        checks.series(SERIES.astype(str), SERIES)
    with says("1 か所。最初は '東'"):
        checks.series(SERIES.replace(2.0, 3.0), SERIES)


FRAME = pd.DataFrame(
    {"支所": ["北", "東"], "件数": [10, 20], "日": pd.to_datetime(["2024-04-01", "2024-04-02"])}
)


def test_frame() -> None:
    checks.frame(FRAME.copy(), FRAME)
    checks.frame(FRAME.assign(extra=1), FRAME)
    checks.frame(FRAME.set_index(pd.Index([7, 8])), FRAME)
    checks.frame(FRAME.iloc[::-1], FRAME, order=False)
    checks.frame(FRAME.assign(件数=0), FRAME, columns=["支所"])
    checks.frame(FRAME.astype({"支所": "category"}), FRAME)
    with says("列 件数 がありません"):
        checks.frame(FRAME.drop(columns="件数"), FRAME)
    with says("2つ以上"):
        checks.frame(pd.concat([FRAME, FRAME[["件数"]]], axis=1), FRAME)
    with says("2 行のはずですが、4 行"):
        checks.frame(pd.concat([FRAME, FRAME]), FRAME)
    with says("列 件数 .*文字のまま"):
        checks.frame(FRAME.astype({"件数": str}), FRAME)
    with says("列 日 .*to_datetime"):
        checks.frame(FRAME.astype({"日": str}), FRAME)
    with says("列 支所 .*1 か所"):
        checks.frame(FRAME.replace("東", "西"), FRAME)
    with says("表（DataFrame）のはず"):
        checks.frame(FRAME["件数"], FRAME)
    with says("数値に直しましたか"):
        checks.frame(FRAME.iloc[::-1].astype({"件数": str}), FRAME, order=False)


def test_an_object_equal_to_everything_in_a_table_is_wrong() -> None:
    with says("正解と違います"):
        checks.series(pd.Series([EqualToEverything(), EqualToEverything()]), pd.Series(["a", "b"]))
    with says("数値のはず"):
        checks.series(pd.Series([EqualToEverything(), EqualToEverything()]), pd.Series([1, 2]))
    with pytest.raises(AssertionError):
        checks.series(pd.Series([1], index=[EqualToEverything()]), pd.Series([1], index=["a"]))


def test_array() -> None:
    checks.array(np.array([[1, 2]]), [[1.0, 2.0]])
    with says(r"形は \(1, 2\) のはずですが、\(2,\)"):
        checks.array(np.array([1, 2]), [[1.0, 2.0]])
    with says("1 か所"):
        checks.array(np.array([[1, 3]]), [[1.0, 2.0]])
    with says("リスト"):
        checks.array([[1, 2]], [[1, 2]])
    with says("数値の配列"):
        checks.array(np.array([["1", "2"]]), [[1.0, 2.0]])


def test_array_of_torch() -> None:
    torch = pytest.importorskip("torch")
    checks.array(torch.tensor([1.0, 2.0], requires_grad=True), [1.0, 2.0])
    with says("1 か所"):
        checks.array(torch.tensor([1.0, 9.0]), [1.0, 2.0])


def test_function() -> None:
    cases = [((1, 4), 0.25), ((3, 4), 0.75)]
    checks.function(lambda a, b: a / b, cases)
    with says(r"rate\(1, 4\) が何も返していません"):
        checks.function(lambda a, b: None, cases, name="rate")
    with says(r"rate\(3, 4\) .*KeyError"):
        checks.function(lambda a, b: 0.25 if a == 1 else {}["x"], cases, name="rate")
    with says("逆に"):
        checks.function(lambda a, b: b / a, cases, name="rate", mistake={4.0: "割る数と割られる数が逆に。"})
    with says("関数のはずですが、小数"):
        checks.function(0.25, cases, name="rate")
    checks.function(lambda s: s[::-1], [(("ab",), "ba")])
    checks.function(lambda s: s * 2, [((SERIES,), SERIES * 2)])
    checks.function(lambda s: s.assign(件数=0), [((FRAME,), FRAME.assign(件数=0))])


def test_function_that_is_still_the_stub() -> None:
    def rate(a, b):
        raise NotImplementedError("未記入：rate")

    with pytest.raises(NotImplementedError, match="未記入"):
        checks.function(rate, [((1, 2), 0.5)])


@given(st.floats(1e3, 1e6).filter(lambda x: not math.isnan(x)))
def test_no_message_tells_the_expected_number(expected: float) -> None:
    table = pd.DataFrame({"x": [expected]})
    for check in (
        lambda: checks.number(1, expected),
        lambda: checks.equal([1.0], [expected]),
        lambda: checks.series(pd.Series([1.0]), pd.Series([expected])),
        lambda: checks.frame(table * 0, table),
        lambda: checks.array(np.array([1.0]), [expected]),
        lambda: checks.function(lambda: 1, [((), expected)]),
    ):
        with pytest.raises(AssertionError) as error:
            check()
        assert repr(expected) not in str(error.value) and f"{expected:g}" not in str(error.value)
