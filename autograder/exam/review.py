"""Spaced review: when a question is due again (FSRS, by the py-fsrs package).

The rule that turns an answer into FSRS's rating: wrong is *Again*; right but slow (more than :data:`SLOW_S`
for its form) is *Hard*; right is *Good*. *Easy* is never given: one of four choices is also found by luck.
Only whole days count: nothing comes back on the day it was answered.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache

from fsrs import Card, Rating, Scheduler

from .bank import Bank, Question
from .progress import StoredCard

__all__ = ["SLOW_S", "due_at", "due_next", "due_today", "rating_of", "reviewed"]

#: Form → seconds after which a right answer is slow. The exam gives 41 a question (145 in 100 minutes).
SLOW_S: Mapping[str, float] = {"知識": 60.0, "事例": 90.0, "計算": 180.0}


@cache
def _scheduler() -> Scheduler:
    return Scheduler(
        desired_retention=0.9,
        learning_steps=(),
        relearning_steps=(),
        maximum_interval=365,
        enable_fuzzing=False,
    )


def rating_of(form: str, right: bool, seconds: float) -> Rating:
    """FSRS's rating of an answer."""
    if not right:
        return Rating.Again
    return Rating.Hard if seconds > SLOW_S[form] else Rating.Good


def reviewed(
    card: StoredCard | None, question: Question, right: bool, seconds: float, at: datetime.datetime
) -> StoredCard:
    """The card of a question after an answer; without a card, its first one.

    Parameters
    ----------
    card : StoredCard or None
    question : Question
    right : bool
    seconds : float
    at : datetime
        UTC.
    """
    old = (_card(card) if card else None) or Card(card_id=_card_id(question.id), due=at)
    new, _ = _scheduler().review_card(old, rating_of(question.form, right, seconds), review_datetime=at)
    return StoredCard(question.id, question.fingerprint, new.to_json(), at)


def due_at(card: StoredCard) -> datetime.datetime:
    """When the question is due again, in UTC."""
    read = _card(card)
    return card.reviewed if read is None else read.due


def due_today(cards: Iterable[StoredCard], bank: Bank, now: datetime.datetime) -> list[Question]:
    """The questions due until the end of the local day, those first that are forgotten most probably.

    A question that changed since its last answer is due at once; one that is gone is left out.
    """
    today = now.astimezone().date()
    due: list[tuple[float, str, Question]] = []
    for stored in cards:
        question = bank.questions.get(stored.question)
        if question is None:
            continue
        card = _card(stored)
        if card is None or question.fingerprint != stored.fingerprint:
            due.append((0.0, question.id, question))
        elif card.due.astimezone().date() <= today:
            due.append((_scheduler().get_card_retrievability(card, now), question.id, question))
    return [question for _, _, question in sorted(due, key=lambda entry: entry[:2])]


def due_next(
    cards: Iterable[StoredCard], bank: Bank, now: datetime.datetime
) -> tuple[datetime.date, int] | None:
    """The first day after today with cards, and how many."""
    today = now.astimezone().date()
    known = {question.id: question.fingerprint for question in bank.questions.values()}
    days = [due_at(c).astimezone().date() for c in cards if known.get(c.question) == c.fingerprint]
    later = [day for day in days if day > today]
    return (min(later), later.count(min(later))) if later else None


def _card(stored: StoredCard) -> Card | None:
    """py-fsrs's card; ``None`` when damage made it unreadable: the question then begins anew.

    A card of a clock that was far ahead moves to the time that stands for its own (:meth:`Progress.cards`).
    """
    try:
        card = Card.from_json(stored.card)
        if not card.due.tzinfo or (card.last_review and not card.last_review.tzinfo):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    if card.last_review and card.last_review > stored.reviewed:
        card.due -= card.last_review - stored.reviewed
        card.last_review = stored.reviewed
    return card


def _card_id(question: str) -> int:
    """Ours, not py-fsrs's clock: the same question has the same card wherever it is answered."""
    return int.from_bytes(hashlib.sha256(question.encode()).digest()[:6])
