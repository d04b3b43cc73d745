"""計算: proof that the numbers printed in the choices are those that their expressions give.

A choice's ``value:`` is a Python expression over the names that the question's ``numbers:`` define, ``np``
(numpy) and ``math``. It gives one number, or a tuple of all numbers of the choice in their order. The number
that is printed may be rounded: it has to agree to its last digit.

The expressions are the repository's own code, as trusted as any module of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from .bank import Choice, Question

__all__ = ["printed_numbers", "value_problems"]

_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")
_ROUNDING = 1e-9  # of binary fractions


def printed_numbers(text: str) -> list[tuple[float, int]]:
    """The numbers in a text, each with its decimal places: "約12.50%" is ``[(12.5, 2)]``."""
    found = (match[0].replace(",", "").replace("−", "-") for match in _NUMBER.finditer(text))
    return [(float(number), len(number.partition(".")[2])) for number in found]


def value_problems(question: Question) -> Iterator[str]:
    """What is wrong with the expressions of a 計算 question, in Japanese."""
    names: dict[str, object] = {"np": np, "math": math}
    try:
        exec(question.numbers, names)
    except Exception as error:
        yield f"「numbers:」を動かせません。原因：{error!r}"
        return
    for choice in question.choices:
        problem = _problem(choice, dict(names))
        if problem:
            yield f"選択肢「{choice.text}」：{problem}"


def _problem(choice: Choice, names: dict[str, object]) -> str:
    if not choice.value:
        return "「value:」がありません。"
    try:
        value = eval(choice.value, names)
        values = [float(number) for number in (value if isinstance(value, tuple | list) else (value,))]
    except Exception as error:
        return f"「value: {choice.value}」を計算できません。原因：{error!r}"
    printed = printed_numbers(choice.text)
    if len(printed) != len(values):
        return f"数が{len(printed)}個ありますが、「value:」は{len(values)}個です。"
    for computed, (number, places) in zip(values, printed, strict=True):
        if not abs(computed - number) <= 0.5 * 10**-places + _ROUNDING:  # so that nan is wrong, too
            return f"書いてある数は{number:g}ですが、計算すると{computed:g}です。"
    return ""
