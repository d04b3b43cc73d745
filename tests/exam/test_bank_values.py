"""計算: printed numbers against their expressions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.exam.bank import Choice
from autograder.exam.values import printed_numbers, value_problems
from tests.exam.small_bank import QUESTIONS

NUMERIC = QUESTIONS[1]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("約12.50%", [(12.5, 2)]),
        ("−3と1,024個", [(-3.0, 0), (1024.0, 0)]),
        ("なし", []),
    ],
)
def test_printed_numbers(text, numbers):
    assert printed_numbers(text) == numbers


def test_sound_values_have_no_problem():
    assert list(value_problems(NUMERIC)) == []


def with_first(text: str, value: str, numbers: str = NUMERIC.numbers):
    choice = Choice(text, "理由", False, value)
    return replace(NUMERIC, numbers=numbers, choices=(choice, *NUMERIC.choices[1:]))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.33", "1 / 3"), ("0.67", "2 / 3"), ("3個と4個", "3, 4"), ("1.4", "np.array([2, 2]).mean() * 0.7"),
     ("2.0", "math.sqrt(4)"), ("1,024", "2**10"), ("−5", "-5")],
)  # fmt: skip
def test_a_value_agrees_to_the_last_printed_digit(text, value):
    assert list(value_problems(with_first(text, value))) == []


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("0.34", "1 / 3", "計算すると0.333333"),
        ("30%", "", "「value:」がありません"),
        ("30%", "3, 4", "1個ありますが、「value:」は2個"),
        ("30%", "other_question", "other_question"),
        ("30%", "float('nan')", "計算するとnan"),
        ("30%", "'30'[", "計算できません"),
    ],
)
def test_a_wrong_value_is_told(text, value, told):
    (problem,) = value_problems(with_first(text, value))
    assert problem.startswith(f"選択肢「{text}」：")
    assert told in problem


def test_numbers_that_do_not_run_are_told_once():
    (problem,) = value_problems(with_first("30%", "30", numbers="x = [1,"))
    assert problem.startswith("「numbers:」を動かせません")


def test_one_choice_does_not_see_what_another_assigned():
    first = Choice("1", "理由", False, "(y := 1)")
    second = Choice("2", "理由", False, "y + 1")
    question = replace(NUMERIC, choices=(first, second, *NUMERIC.choices[2:]))
    (problem,) = value_problems(question)
    assert "選択肢「2」" in problem
