"""What happens to every answer: it is kept, and its question's review card moves on."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from .bank import Bank
from .layout import Marked
from .progress import Answer, Mode, Progress, StoredCard
from .readiness import known_answers
from .review import reviewed

__all__ = ["Timed", "rebuild_cards", "record"]


@dataclass(frozen=True)
class Timed:
    """A marked question and the time it took."""

    marked: Marked
    seconds: float


def record(progress: Progress, answers: Sequence[Timed], mode: Mode, session: str) -> datetime.datetime:
    """Keep answers and their cards, together or not at all. Questions without an answer are passed over.

    Returns
    -------
    datetime
        The time they were given, in UTC.
    """
    with progress.transaction():
        at = progress.now()
        cards = progress.cards()
        kept, moved = [], []
        for one in answers:
            question, chosen = one.marked.sheet.question, one.marked.chosen
            if chosen is None:
                continue
            right, seconds = one.marked.right, max(0.0, one.seconds)
            kept.append(
                Answer(
                    question=question.id,
                    fingerprint=question.fingerprint,
                    item=question.item,
                    choice=chosen.text,
                    right=right,
                    seconds=seconds,
                    at=at,
                    mode=mode,
                    session=session,
                )
            )
            moved.append(reviewed(cards.get(question.id), question, right, seconds, at))
        progress.add_answers(kept)
        progress.save_cards(moved)
    return at


def rebuild_cards(progress: Progress, bank: Bank) -> int:
    """Make the cards that damage to the file took away, from the answers that are left.

    Returns
    -------
    int
        How many were made; 0 in a file that is whole, for every answer makes a card.
    """
    with progress.transaction():
        there = progress.cards()
        made: dict[str, StoredCard] = {}
        for answer in known_answers(progress.answers(), bank)[0]:
            name = answer.question
            if name not in there:
                question = bank.questions[name]
                made[name] = reviewed(made.get(name), question, answer.right, answer.seconds, answer.at)
        progress.save_cards(made.values())
    return len(made)
