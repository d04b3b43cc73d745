"""A question as a person sees it: its choices in an order."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .bank import ASKS, Choice, Question

__all__ = ["Marked", "Sheet", "lay_out", "sheet_of", "shuffled"]

_T = TypeVar("_T")
_COMBINATION = ASKS[2]
_NUMERIC = "計算"


@dataclass(frozen=True)
class Sheet:
    """A question with its choices in the order in which they are shown."""

    question: Question
    order: tuple[int, ...]  # order[place] is the index of the choice in the bank

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices as shown."""
        return tuple(self.question.choices[index] for index in self.order)

    @property
    def right_place(self) -> int:
        """Where the right choice is shown, from 0."""
        return self.order.index(self.question.answer)

    def mark(self, place: int | None) -> Marked:
        """What comes of choosing the choice shown at ``place`` (from 0); ``None`` is no choice.

        Raises
        ------
        IndexError
            There is no such place.
        """
        if place is not None and not 0 <= place < len(self.order):
            raise IndexError(f"no choice at place {place}")
        return Marked(self, place)


@dataclass(frozen=True)
class Marked:
    """A question with what was chosen. ``sheet.choices`` holds the reason for every choice (``why``)."""

    sheet: Sheet
    place: int | None  # as shown, from 0; None: not answered

    @property
    def right(self) -> bool:
        return self.place == self.sheet.right_place

    @property
    def chosen(self) -> Choice | None:
        return None if self.place is None else self.sheet.choices[self.place]


def lay_out(question: Question, rng: random.Random) -> Sheet:
    """Shuffle the choices, except where their order helps to read them: numbers and combinations."""
    places = range(len(question.choices))
    if question.form == _NUMERIC or question.ask == _COMBINATION:
        return Sheet(question, tuple(places))
    return Sheet(question, tuple(shuffled(places, rng)))


def sheet_of(question: Question, texts: Sequence[str]) -> Sheet | None:
    """The sheet that shows these choices in this order; ``None`` when the question has others."""
    places = {_plain(choice.text): index for index, choice in enumerate(question.choices)}
    wanted = [_plain(text) for text in texts]
    if sorted(wanted) != sorted(places):
        return None
    return Sheet(question, tuple(places[text] for text in wanted))


def shuffled(values: Sequence[_T], rng: random.Random) -> list[_T]:
    """The values in an order that depends on ``rng.random()`` only, which no version of Python changes."""
    return [values[index] for _, index in sorted((rng.random(), index) for index in range(len(values)))]


def _plain(text: str) -> str:
    """As :attr:`Question.fingerprint` reads it."""
    return unicodedata.normalize("NFKC", text).strip()
