"""Guessers that know nothing of the subject and still score, when the choices give themselves away.

Each looks at one question and rates its choices; it picks the best rated, and shares its pick among equals.
One that finds no clue scores a quarter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence

from .bank import Question
from .values import printed_numbers

__all__ = ["GUESSERS", "longest", "middle_number", "most_like_stem", "score", "shortest"]

Guesser = Callable[[Question], Sequence[float]]


def longest(question: Question) -> list[float]:
    """Picks the longest choice."""
    return [len(choice.text) for choice in question.choices]


def shortest(question: Question) -> list[float]:
    """Picks the shortest choice."""
    return [-length for length in longest(question)]


def most_like_stem(question: Question) -> list[float]:
    """Picks the choice that shares most pairs of characters with the stem."""
    stem = _pairs(question.stem)
    return [len(_pairs(choice.text) & stem) for choice in question.choices]


def middle_number(question: Question) -> list[float]:
    """Picks one of the two numbers between the largest and the smallest (the first number of each choice)."""
    numbers = [found[0][0] if found else 0.0 for found in (printed_numbers(c.text) for c in question.choices)]
    return [float(min(numbers) < number < max(numbers)) for number in numbers]


#: Every guesser, by its name in Japanese.
GUESSERS: dict[str, Guesser] = {
    "いちばん長い選択肢を選ぶ人": longest,
    "いちばん短い選択肢を選ぶ人": shortest,
    "問題文と最も似た選択肢を選ぶ人": most_like_stem,
}


def score(guesser: Guesser, questions: Collection[Question]) -> float:
    """The expected share of right answers of a guesser; 0 when there are no questions."""
    total = 0.0
    for question in questions:
        ratings = guesser(question)
        best = max(ratings)
        if ratings[question.answer] == best:
            total += 1 / list(ratings).count(best)
    return total / len(questions) if questions else 0.0


def _pairs(text: str) -> set[str]:
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    return {plain[at : at + 2] for at in range(len(plain) - 1)}
