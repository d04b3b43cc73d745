"""一問一答: which questions come next."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .bank import Bank, Question
from .errors import ExamError
from .keywords import questions_about
from .layout import Sheet, lay_out, shuffled
from .progress import Answer
from .readiness import Readiness, known_answers
from .syllabus import Syllabus, normalised

__all__ = ["EVERYTHING", "Selection", "choose", "days_since_last", "select"]


@dataclass(frozen=True)
class Selection:
    """Which questions to drill: all that is given must hold, any one of several items (keywords, areas)."""

    items: tuple[str, ...] = ()  # "T14"
    keywords: tuple[str, ...] = ()  # or words that a question is about (:mod:`.keywords`)
    areas: tuple[str, ...] = ()  # titles, or parts of one
    weak: bool = False  # only areas that are weak or not known yet
    unseen: bool = False  # only questions never answered


EVERYTHING = Selection()


def select(
    selection: Selection, bank: Bank, syllabus: Syllabus, answers: Iterable[Answer], readiness: Readiness
) -> list[Question]:
    """The questions that a selection means, in the order of the bank.

    Raises
    ------
    ExamError
        An item, keyword (:class:`.keywords.UnknownKeyword`) or area that does not exist; or no question
        is left.
    """
    items = {_item(name, syllabus) for name in selection.items}
    areas = {title for name in selection.areas for title in _areas(name, syllabus)}
    about = {question.id for word in selection.keywords for question in questions_about(word, bank)}
    if selection.weak:
        weak = {area.title for area in readiness.weak()}
        areas = areas & weak if areas else weak
    of_areas = {item for area in syllabus.areas if area.title in areas for item in area.items}
    seen = {answer.question for answer in known_answers(answers, bank)[0]} if selection.unseen else set()
    found = [
        question
        for question in bank
        if (not items or question.item in items)
        and (not (selection.areas or selection.weak) or question.item in of_areas)
        and (not selection.keywords or question.id in about)
        and question.id not in seen
    ]
    if not found:
        raise ExamError(
            "その条件に合う、まだ解いていない問題はありません（全部解きました）。"
            if selection.unseen
            else "その条件に合う問題がありません。条件を減らしてください。"
        )
    return found


def choose(
    questions: Sequence[Question], answers: Iterable[Answer], count: int, seed: int, now: datetime.datetime
) -> list[Sheet]:
    """At most ``count`` questions: first what went wrong last time, then what was never seen, then the rest.

    Within each of the three, what was answered longest ago (in whole days) comes first, in an order that the
    seed decides.
    """
    rng = random.Random(f"drill {seed}")
    latest = {answer.question: answer for answer in answers}

    def urgency(question: Question) -> tuple[int, int]:
        answer = latest.get(question.id)
        if answer is None or answer.fingerprint != question.fingerprint:
            return 1, 0
        return (2 if answer.right else 0), -(now - answer.at).days

    ordered = sorted(shuffled(questions, rng), key=urgency)
    return [lay_out(question, rng) for question in ordered[: max(0, count)]]


def days_since_last(answers: Iterable[Answer], now: datetime.datetime) -> dict[str, float]:
    """Question id → days since its last answer."""
    return {answer.question: max(0.0, (now - answer.at).total_seconds() / 86400) for answer in answers}


def _item(name: str, syllabus: Syllabus) -> str:
    item = normalised(name).upper()
    if item not in syllabus.items:
        raise ExamError(f"項目「{name}」はありません。T01〜T37、L01〜L18から選んでください（例: T14）。")
    return item


def _areas(name: str, syllabus: Syllabus) -> list[str]:
    titles = [area.title for area in syllabus.areas]
    wanted = normalised(name)
    if wanted in titles:
        return [wanted]
    found = [title for title in titles if wanted and wanted in title]
    if len(found) != 1:
        said = "が2つ以上あります" if found else "はありません"
        raise ExamError(f"領域「{name}」{said}。{'、'.join(found or titles)} のどれかを指定してください。")
    return found
