"""Comparison helpers for test cells: the type first, then the value, and a message that teaches.

Each function returns ``None`` when the value is right and raises ``AssertionError`` with a Japanese
message when it is not. ``mistake`` maps a wrong value that is typical to the sentence that names the
mistake: a learner is told what they probably did, not only that it is wrong. No message tells the
expected value.

    from autograder import checks
    checks.number(mean_wait, 11.3, tol=0.05, name="mean_wait", mistake={13.1: "欠損を0と数えていませんか。"})

Numbers count as equal within ``tol`` (absolute), and always within 1e-9 of the expected value, so that
the last digits of floating-point arithmetic never decide.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd

__all__ = ["array", "equal", "frame", "function", "number", "series", "written"]

_RELATIVE = 1e-9


def written(question: str, namespace: Mapping[str, Any], *names: str) -> None:
    """Fail while an answer is still blank: the name is missing, or still the ``...`` of the stub.

    Parameters
    ----------
    question : str
        For people: "問2".
    namespace : mapping
        The notebook's ``globals()``.
    names : str
        Names that the answer must define.
    """
    for name in names:
        if name not in namespace or namespace[name] is Ellipsis:
            raise AssertionError(
                f"{question}：{name} がまだ書かれていません。"
                "解答のセルの「...」を自分のコードに書きかえて、実行してください。"
            )


def number(
    value: Any,
    expected: float,
    *,
    tol: float = 0.0,
    name: str = "",
    mistake: Mapping[float, str] | None = None,
    otherwise: str = "",
) -> None:
    """Compare a plain number with the expected one.

    Parameters
    ----------
    value : int, float or numpy scalar
    expected : float
    tol : float
        Largest absolute difference that still counts as right.
    name : str
        The learner's variable, for the message.
    mistake : mapping of float to str
        Typical wrong values (compared with the same ``tol``) and the sentence for each.
    otherwise : str
        Sentence for every other wrong value.
    """
    if not _is_number(value):
        one = isinstance(value, pd.Series | pd.DataFrame | np.ndarray | list) and np.size(value) == 1
        hint = "値を1つだけ取り出してください（.iloc[0] や .item() など）。" if one else ""
        _wrong_type(value, "数値", name, hint)
    if _is_nan(value) and not _is_nan(expected):
        raise AssertionError(
            f"{_label(name)}が NaN（欠損）になっています。"
            "計算の途中に空のデータが混ざっていないか確かめてください。"
        )
    if _close(value, expected, tol):
        return
    for wrong, sentence in (mistake or {}).items():
        if _close(value, wrong, tol):
            raise AssertionError(sentence)
    raise AssertionError(otherwise or f"{_label(name)}の値（{_short(value)}）が正解と違います。")


def equal(
    value: Any,
    expected: Any,
    *,
    tol: float = 0.0,
    name: str = "",
    mistake: Mapping[Any, str] | None = None,
    otherwise: str = "",
) -> None:
    """Compare a plain value (str, bool, int, float, None, or list, tuple, set or dict of such).

    The type must be the same; a numpy scalar counts as the Python value that it holds, and a list and
    a tuple are not equal. Numbers inside a list, tuple or dict are compared as numbers, within ``tol``.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if type(plain) is not type(expected):
        _wrong_type(plain, _type_ja(expected), name)
    if _same(plain, expected, tol):
        return
    for wrong, sentence in (mistake or {}).items():
        if type(plain) is type(wrong) and _same(plain, wrong, tol):
            raise AssertionError(sentence)
    if otherwise:
        raise AssertionError(otherwise)
    if isinstance(expected, list | tuple | set | dict) and len(plain) != len(expected):
        raise AssertionError(f"{_label(name)}の個数（{len(plain)}）が正解と違います。")
    raise AssertionError(f"{_label(name)}が正解と違います。")


def series(
    value: Any,
    expected: pd.Series,
    *,
    tol: float = 0.0,
    name: str = "",
    order: bool = True,
    otherwise: str = "",
) -> None:
    """Compare a pandas Series by index and value. With ``order=False`` the order of the rows is free."""
    if type(value) is not pd.Series:
        hint = '列を1つだけ選ぶときは df["列名"] と書きます。' if isinstance(value, pd.DataFrame) else ""
        _wrong_type(value, "列（Series）", name, hint)
    _same_length(value, expected, name)
    try:
        left, right = (value, expected) if order else (value.sort_index(), expected.sort_index())
    except TypeError:  # labels of mixed types
        left, right = value, expected
    if not _same_labels(left.index, right.index):
        if order and _same_labels(_sorted(left).index, _sorted(right).index):
            raise AssertionError(otherwise or f"{_label(name)}の並び順が正解と違います。")
        raise AssertionError(otherwise or f"{_label(name)}の見出し（インデックス）が正解と違います。")
    _same_values(left, right, tol, _label(name), otherwise)


def frame(
    value: Any,
    expected: pd.DataFrame,
    *,
    tol: float = 0.0,
    name: str = "",
    columns: Sequence[str] | None = None,
    order: bool = True,
    otherwise: str = "",
) -> None:
    """Compare a pandas DataFrame column by column; the index does not matter.

    Parameters
    ----------
    value, expected : DataFrame
    tol : float
        For numbers.
    columns : sequence of str, optional
        Compare only these; by default every column of ``expected``. Further columns are allowed.
    order : bool
        False: the order of the rows is free (both are sorted by the compared columns first).
    """
    if type(value) is not pd.DataFrame:
        _wrong_type(value, "表（DataFrame）", name)
    wanted = list(columns if columns is not None else expected.columns)
    have = list(value.columns)
    if missing := [c for c in wanted if c not in have]:
        raise AssertionError(f"{_label(name)}に列 {', '.join(map(str, missing))} がありません。")
    if doubled := [c for c in wanted if have.count(c) > 1]:
        raise AssertionError(f"{_label(name)}に列 {', '.join(map(str, doubled))} が2つ以上あります。")
    _same_length(value, expected, name)
    left, right = value[wanted], expected[wanted]
    if not order:
        # Where the sort fails there is text among numbers; the comparison below says so.
        with contextlib.suppress(TypeError):
            left, right = left.sort_values(wanted), right.sort_values(wanted)
    for column in wanted:
        _same_values(
            left[column].reset_index(drop=True),
            right[column].reset_index(drop=True),
            tol,
            f"{_label(name)}の列 {column} ",
            otherwise,
        )


def array(value: Any, expected: Any, *, tol: float = 0.0, name: str = "", otherwise: str = "") -> None:
    """Compare a numeric numpy array (or torch tensor) by shape and value."""
    if type(value).__module__ == "torch" and type(value).__name__ == "Tensor":
        value = value.detach().cpu().numpy()
    if type(value) is not np.ndarray:
        _wrong_type(value, "配列（ndarray）", name)
    right = np.asarray(expected)
    if value.shape != right.shape:
        raise AssertionError(
            f"{_label(name)}の形は {right.shape} のはずですが、{value.shape} になっています。"
        )
    if value.dtype.kind not in "iufb":
        raise AssertionError(f"{_label(name)}は数値の配列のはずですが、{value.dtype} になっています。")
    if not np.allclose(value.astype(float), right.astype(float), rtol=_RELATIVE, atol=tol, equal_nan=True):
        wrong = ~np.isclose(
            value.astype(float), right.astype(float), rtol=_RELATIVE, atol=tol, equal_nan=True
        )
        raise AssertionError(otherwise or f"{_label(name)}の値が正解と違います（{int(wrong.sum())} か所）。")


def function(
    func: Any,
    cases: Sequence[tuple[tuple[Any, ...], Any]],
    *,
    tol: float = 0.0,
    name: str = "",
    mistake: Mapping[Any, str] | None = None,
    otherwise: str = "",
) -> None:
    """Call a learner's function with each case's arguments and compare what it returns.

    Parameters
    ----------
    func : callable
    cases : sequence of (arguments, expected)
        ``[((1, 4), 0.25), ((0, 5), 0.0)]``
    name : str
        The function's name, for the message.
    mistake : mapping
        Typical wrong return values and the sentence for each (numbers and plain values).

    Raises
    ------
    AssertionError
        Also when the function itself fails: the message says with which arguments.
    NotImplementedError
        If the function is still the stub.
    """
    shown = name or getattr(func, "__name__", "関数")
    if not callable(func):
        _wrong_type(func, "関数", name)
    for arguments, expected in cases:
        call = f"{shown}({', '.join(_short(a) for a in arguments)})"
        got = _call(func, arguments, call)
        if got is None and expected is not None:
            raise AssertionError(f"{call} が何も返していません。関数の最後に return を書きましたか。")
        if isinstance(expected, pd.DataFrame):
            frame(got, expected, tol=tol, name=call, otherwise=otherwise)
        elif isinstance(expected, pd.Series):
            series(got, expected, tol=tol, name=call, otherwise=otherwise)
        elif isinstance(expected, np.ndarray):
            array(got, expected, tol=tol, name=call, otherwise=otherwise)
        elif _is_number(expected):
            numeric = {k: v for k, v in (mistake or {}).items() if _is_number(k)}
            number(got, float(expected), tol=tol, name=call, mistake=numeric, otherwise=otherwise)
        else:
            equal(got, expected, tol=tol, name=call, mistake=mistake, otherwise=otherwise)


# --- parts ---------------------------------------------------------------------------------------


def _call(func: Callable[..., Any], arguments: tuple[Any, ...], call: str) -> Any:
    try:
        return func(*arguments)
    except (NotImplementedError, AssertionError):
        raise
    except Exception as error:
        raise AssertionError(
            f"{call} を実行すると、エラーになります（{type(error).__name__}: {str(error)[:200]}）。"
        ) from error


def _type_ja(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "真偽値（True / False）"
    if isinstance(value, numbers.Integral):
        return "整数"
    if isinstance(value, numbers.Real):
        return "小数"
    if isinstance(value, str):
        return "文字列"
    if isinstance(value, pd.DataFrame):
        return "表（DataFrame）"
    if isinstance(value, pd.Series):
        return "列（Series）"
    if isinstance(value, np.ndarray):
        return "配列（ndarray）"
    if value is None:
        return "なし（None）"
    if value is pd.NA or value is pd.NaT:
        return "欠損"
    plain = {list: "リスト", tuple: "タプル", dict: "辞書", set: "集合"}.get(type(value))
    return plain or ("関数" if callable(value) else type(value).__name__)


def _wrong_type(value: Any, expected: str, name: str, hint: str = "") -> NoReturn:
    if value is Ellipsis:
        raise AssertionError(
            f"{_label(name)}がまだ「...」のままです。自分のコードに書きかえて、実行してください。"
        )
    if value is None and not hint:
        hint = "print の結果を代入していないか、関数に return があるか、確かめてください。"
    raise AssertionError(f"{_label(name)}は{expected}のはずですが、{_type_ja(value)}になっています。{hint}")


def _label(name: str) -> str:
    return f"{name} " if name else "答え"


def _short(value: Any) -> str:
    if isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        return _type_ja(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**15 else "とても大きな整数"
    if _is_number(value):
        return f"{float(value):g}"
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or isinstance(value, np.integer | np.floating)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and math.isnan(value)


def _close(value: Any, expected: Any, tol: float) -> bool:
    whole = int | np.integer
    if isinstance(value, whole) and isinstance(expected, whole):
        return abs(int(value) - int(expected)) <= tol
    try:
        a, b = float(value), float(expected)
    except OverflowError:  # an integer beyond what a float holds
        return False
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= max(tol, _RELATIVE * abs(b))


def _same(value: Any, expected: Any, tol: float) -> bool:
    """Equal by type and value, all the way down: no object decides for itself what it is equal to."""
    value = value.item() if isinstance(value, np.generic) else value
    if _is_number(expected):
        return _is_number(value) and _close(value, expected, tol)
    if type(value) is not type(expected):
        return False
    if isinstance(expected, list | tuple):
        return len(value) == len(expected) and all(
            _same(a, b, tol) for a, b in zip(value, expected, strict=True)
        )
    if isinstance(expected, dict):
        return _same_keys(value, expected) and all(_same(value[k], expected[k], tol) for k in expected)
    if isinstance(expected, set | frozenset):
        return _same_keys(value, expected)
    return bool(value == expected)


def _same_keys(value: Any, expected: Any) -> bool:
    def kinds(keys: Any) -> set[tuple[Any, Any]]:
        return {(float if _is_number(k) else type(k), k) for k in keys}

    return len(value) == len(expected) and kinds(value) == kinds(expected)


def _sorted(value: pd.Series) -> pd.Series:
    try:
        return value.sort_index()
    except TypeError:
        return value


def _same_labels(left: pd.Index, right: pd.Index) -> bool:
    return len(left) == len(right) and all(_same_scalar(a, b) for a, b in zip(left, right, strict=True))


def _same_length(value: Any, expected: Any, name: str) -> None:
    if len(value) != len(expected):
        raise AssertionError(f"{_label(name)}は {len(expected)} 行のはずですが、{len(value)} 行あります。")


def _same_scalar(value: Any, expected: Any) -> bool:
    value = value.item() if isinstance(value, np.generic) else value
    expected = expected.item() if isinstance(expected, np.generic) else expected
    if _is_missing(expected) or _is_missing(value):
        return _is_missing(expected) and _is_missing(value)
    if _is_number(expected):
        return _is_number(value) and _close(value, expected, 0.0)
    if type(value) is not type(expected):
        return False
    if isinstance(expected, tuple | list):
        return len(value) == len(expected) and all(
            _same_scalar(a, b) for a, b in zip(value, expected, strict=True)
        )
    return bool(value == expected)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or _is_nan(value)


def _same_values(left: pd.Series, right: pd.Series, tol: float, label: str, otherwise: str) -> None:
    numeric = pd.api.types.is_numeric_dtype(right.dtype)
    if numeric and not pd.api.types.is_numeric_dtype(left.dtype):
        raise AssertionError(f"{label}は数値のはずですが、文字のままです。数値に直しましたか。")
    if pd.api.types.is_datetime64_any_dtype(right.dtype) and not pd.api.types.is_datetime64_any_dtype(
        left.dtype
    ):
        raise AssertionError(
            f"{label}は日付（datetime）のはずですが、違う型（{left.dtype}）です。"
            "pd.to_datetime で直しましたか。"
        )
    if numeric:
        a = left.to_numpy(dtype=float, na_value=np.nan)
        b = right.to_numpy(dtype=float, na_value=np.nan)
        wrong = ~np.isclose(a, b, rtol=_RELATIVE, atol=tol, equal_nan=True)
    else:
        wrong = np.array([not _same_scalar(x, y) for x, y in zip(left, right, strict=True)], dtype=bool)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise AssertionError(
            otherwise
            or f"{label}の値が正解と違います（{int(wrong.sum())} か所。"
            f"最初は {_short(left.index[at])} の {_short(left.iloc[at])}）。"
        )
