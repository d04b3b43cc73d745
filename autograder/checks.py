"""Comparison helpers for test cells: the type first, then the value, and a message that teaches.

Each function returns ``None`` when the value is right and raises ``AssertionError`` with a Japanese
message when it is not. ``mistake`` maps a wrong value that is typical to the sentence that names the
mistake: a learner is told what they probably did, not only that it is wrong.

    from autograder import checks
    checks.number(mean_wait, 11.3, tol=0.05, name="mean_wait", mistake={13.1: "欠損を0と数えていませんか。"})
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["equal", "frame", "number", "series", "written"]


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
                "解答のセルの「...」を自分のコードに書きかえて、実行してから、もう一度このセルを実行してください。"
            )


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
    if value is None:
        return "なし（None）"
    return type(value).__name__


def _label(name: str) -> str:
    return f"{name} " if name else "答え"


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or isinstance(value, np.integer | np.floating)


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
        raise AssertionError(f"{_label(name)}は数値のはずですが、{_type_ja(value)}になっています。")
    got = float(value)
    if math.isnan(got):
        raise AssertionError(
            f"{_label(name)}が NaN（欠損）になっています。計算の途中に空のデータが混ざっていないか確かめてください。"
        )
    if abs(got - expected) <= tol:
        return
    for wrong, sentence in (mistake or {}).items():
        if abs(got - wrong) <= tol:
            raise AssertionError(sentence)
    raise AssertionError(otherwise or f"{_label(name)}の値（{got:g}）が正解とちがいます。")


def equal(
    value: Any,
    expected: Any,
    *,
    name: str = "",
    mistake: Mapping[Any, str] | None = None,
    otherwise: str = "",
) -> None:
    """Compare a plain value (str, bool, int, list, tuple, set or dict of such) exactly, type included.

    A numpy scalar counts as the Python value that it holds; a list and a tuple are not equal.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if type(plain) is not type(expected):
        raise AssertionError(
            f"{_label(name)}は{_type_ja(expected)}のはずですが、{_type_ja(plain)}になっています。"
        )
    if plain == expected:
        return
    for wrong, sentence in (mistake or {}).items():
        if type(plain) is type(wrong) and plain == wrong:
            raise AssertionError(sentence)
    raise AssertionError(otherwise or f"{_label(name)}が正解とちがいます。")


def series(
    value: Any, expected: pd.Series, *, tol: float = 0.0, name: str = "", order: bool = True, otherwise: str = ""
) -> None:
    """Compare a pandas Series by index and value. With ``order=False`` the order of the rows is free."""
    if type(value) is not pd.Series:
        raise AssertionError(f"{_label(name)}は列（Series）のはずですが、{_type_ja(value)}になっています。")
    if len(value) != len(expected):
        raise AssertionError(
            f"{_label(name)}は {len(expected)} 行のはずですが、{len(value)} 行あります。"
        )
    left, right = (value, expected) if order else (value.sort_index(), expected.sort_index())
    if list(left.index) != list(right.index):
        raise AssertionError(
            otherwise or f"{_label(name)}の見出し（インデックス）または並び順が正解とちがいます。"
        )
    _same_values(left, right, tol, _label(name), otherwise)


def frame(
    value: Any,
    expected: pd.DataFrame,
    *,
    tol: float = 0.0,
    name: str = "",
    columns: Sequence[str] | None = None,
    otherwise: str = "",
) -> None:
    """Compare a pandas DataFrame column by column (only ``columns`` where given), in row order."""
    if type(value) is not pd.DataFrame:
        raise AssertionError(f"{_label(name)}は表（DataFrame）のはずですが、{_type_ja(value)}になっています。")
    wanted = list(columns if columns is not None else expected.columns)
    missing = [c for c in wanted if c not in value.columns]
    if missing:
        raise AssertionError(f"{_label(name)}に列 {', '.join(map(str, missing))} がありません。")
    if len(value) != len(expected):
        raise AssertionError(
            f"{_label(name)}は {len(expected)} 行のはずですが、{len(value)} 行あります。"
        )
    for column in wanted:
        _same_values(
            value[column].reset_index(drop=True),
            expected[column].reset_index(drop=True),
            tol,
            f"{_label(name)}の列 {column} ",
            otherwise,
        )


def _same_values(left: pd.Series, right: pd.Series, tol: float, label: str, otherwise: str) -> None:
    numeric = pd.api.types.is_numeric_dtype(right.dtype)
    if numeric and not pd.api.types.is_numeric_dtype(left.dtype):
        raise AssertionError(f"{label}は数値のはずですが、文字のままです。数値に直しましたか。")
    if numeric:
        a = left.to_numpy(dtype=float, na_value=np.nan)
        b = right.to_numpy(dtype=float, na_value=np.nan)
        wrong = ~((np.abs(a - b) <= tol) | (np.isnan(a) & np.isnan(b)))
    else:
        a, b = left.astype(object).to_numpy(), right.astype(object).to_numpy()
        wrong = np.array(
            [not (x == y or (pd.isna(x) and pd.isna(y))) for x, y in zip(a, b, strict=True)], dtype=bool
        )
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise AssertionError(
            otherwise
            or f"{label}の値が正解とちがいます（{int(wrong.sum())} か所。最初は {left.index[at]!r} の {left.iloc[at]!r}）。"
        )
