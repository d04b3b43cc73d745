"""The result of a mock exam: score by area and by form, and every question that was not right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .bank import FORMS, Bank
from .layout import Marked
from .mock import slot_sheet
from .sitting import Sitting
from .syllabus import Syllabus

__all__ = ["MockResult", "Numbered", "Score", "result_of"]


@dataclass(frozen=True)
class Score:
    """How many of some questions were right."""

    name: str
    right: int
    asked: int

    @property
    def share(self) -> float:
        """0.0 to 1.0; 0.0 where nothing was asked."""
        return self.right / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class Numbered:
    """A question of the paper with what was chosen."""

    number: int  # from 0
    marked: Marked
    flagged: bool
    seconds: float


@dataclass(frozen=True)
class MockResult:
    """What came out of a mock exam. An unanswered question counts as wrong."""

    sitting: Sitting
    total: Score
    by_area: tuple[Score, ...]  # in the order of the syllabus, areas without a question left out
    by_form: tuple[Score, ...]
    questions: tuple[Numbered, ...]  # all that count
    void: tuple[int, ...]  # numbers, from 0, of questions that an update changed or took away: not counted

    @property
    def misses(self) -> tuple[Numbered, ...]:
        """Wrong and unanswered questions, in the order of the paper."""
        return tuple(one for one in self.questions if not one.marked.right)

    @property
    def unanswered(self) -> int:
        return sum(one.marked.place is None for one in self.questions)


def result_of(sitting: Sitting, bank: Bank, syllabus: Syllabus) -> MockResult:
    """Score a sitting (also a running one, as it stands)."""
    questions: list[Numbered] = []
    void: list[int] = []
    for number, slot in enumerate(sitting.slots):
        sheet = slot_sheet(slot, bank)
        if sheet is None:
            void.append(number)
        else:
            questions.append(Numbered(number, sheet.mark(slot.place), slot.flagged, slot.seconds))
    area_of = {item: area.title for area in syllabus.areas for item in area.items}
    return MockResult(
        sitting=sitting,
        total=_score("全体", questions),
        by_area=_scores(
            questions,
            (area.title for area in syllabus.areas),
            lambda one: area_of.get(one.marked.sheet.question.item, ""),
        ),
        by_form=_scores(questions, FORMS, lambda one: one.marked.sheet.question.form),
        questions=tuple(questions),
        void=tuple(void),
    )


def _score(name: str, questions: Iterable[Numbered]) -> Score:
    rights = [one.marked.right for one in questions]
    return Score(name, sum(rights), len(rights))


def _scores(
    questions: list[Numbered], names: Iterable[str], name_of: Callable[[Numbered], str]
) -> tuple[Score, ...]:
    scores = [_score(name, [one for one in questions if name_of(one) == name]) for name in names]
    return tuple(score for score in scores if score.asked)
