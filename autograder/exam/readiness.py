"""How ready somebody is, area by area, and how sure one can be of it.

The share of right answers that can be expected in an area is a Beta distribution:

* **Prior** Beta(0.5, 1.5): the 25 % of blind guessing among four choices, with the weight of two answers.
* **Evidence**: each question counts once, by its latest day: the first answer of that day, since a second one
  on the same day repeats what was just read.
* **Recency**: an answer counts 1 on its day, half after :data:`HALF_LIFE_DAYS`, a quarter after twice that.

It is an estimate for questions like those of this bank. The pass mark of the real exam is not published, so
the estimate is compared with none.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .bank import Bank
from .progress import Answer
from .syllabus import Syllabus

__all__ = [
    "BASIS", "FEWEST_IN_ALL", "FEWEST_IN_AREA", "HALF_LIFE_DAYS", "PRIOR", "AreaReadiness", "Estimate",
    "Readiness", "counted", "known_answers", "readiness",
]  # fmt: skip

PRIOR = (0.5, 1.5)
HALF_LIFE_DAYS = 30.0
FEWEST_IN_AREA = 5  # questions answered, below which nothing is said about an area
FEWEST_IN_ALL = 50
_INTERVAL = (0.1, 0.9)  # the bounds of 80 %

BASIS = (
    "この教材の問題への解答だけから見積もった正答率です（幅は80%の区間）。"
    "1つの問題は、いちばん新しい日の最初の解答だけで数え、古い解答ほど軽くします（30日で半分）。"
    "解答のない領域は25%（当てずっぽう）から始め、解いた分だけ動かします。"
    "解答が少ないあいだは、数問の正誤で大きく動くので、区間のほうを見てください。"
    "同じ問題をくり返すと、答えを覚えた分だけ高く出ます。"
    "本番の合格ラインは公表されていないので、合否は示しません。"
)


@dataclass(frozen=True)
class Estimate:
    """An expected share of right answers, with its 80 % interval. All from 0.0 to 1.0."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class AreaReadiness:
    """One area."""

    title: str
    estimate: Estimate
    questions: int  # how many questions of it were answered, each counted once
    in_bank: int  # of so many
    days_since: float | None  # since the last answer; None: never
    weight: float  # in the overall estimate; all weights sum to 1.0

    @property
    def known(self) -> bool:
        """Whether there are answers enough to say something: 「まだわかりません」 otherwise."""
        return self.questions >= min(FEWEST_IN_AREA, max(self.in_bank, 1))


@dataclass(frozen=True)
class Readiness:
    """All areas, and the whole."""

    areas: tuple[AreaReadiness, ...]
    overall: Estimate  # areas without answers enter with the prior
    questions: int  # different ones
    stale: int  # answers to questions that are gone or have changed: kept, not counted

    @property
    def known(self) -> bool:
        """Whether the overall estimate may be shown: enough questions, and most of the weight is known."""
        known_weight = sum(area.weight for area in self.areas if area.known)
        return self.questions >= FEWEST_IN_ALL and known_weight >= 0.8

    def area(self, title: str) -> AreaReadiness:
        return next(area for area in self.areas if area.title == title)

    def weak(self) -> tuple[AreaReadiness, ...]:
        """The areas to work on, the weakest first: those not known, and those below the overall estimate."""
        below = [area for area in self.areas if not area.known or area.estimate.mean < self.overall.mean]
        return tuple(sorted(below or self.areas, key=lambda area: area.estimate.mean))


def known_answers(answers: Iterable[Answer], bank: Bank) -> tuple[list[Answer], list[Answer]]:
    """Answers to questions as they are today, and answers to questions that are gone or changed since."""
    known: list[Answer] = []
    stale: list[Answer] = []
    for answer in answers:
        question = bank.questions.get(answer.question)
        same = question is not None and question.fingerprint == answer.fingerprint
        (known if same else stale).append(answer)
    return known, stale


def counted(answers: Iterable[Answer]) -> dict[str, Answer]:
    """The answer that counts for each question: the first one of its latest (local) day. By question id."""
    latest: dict[str, Answer] = {}
    for answer in sorted(answers, key=lambda answer: answer.at):
        before = latest.get(answer.question)
        if before is None or _day(before) < _day(answer):
            latest[answer.question] = answer
    return latest


def readiness(
    answers: Sequence[Answer],
    bank: Bank,
    syllabus: Syllabus,
    weights: Mapping[str, float],
    now: datetime.datetime,
) -> Readiness:
    """Estimate the share of right answers in each area and over all.

    Parameters
    ----------
    answers : sequence of Answer
        All that are kept, in any order.
    bank : Bank
    syllabus : Syllabus
    weights : mapping of str to float
        Title of an area → its weight in the exam (:attr:`Blueprint.areas`).
    now : datetime
        UTC.
    """
    known, stale = known_answers(answers, bank)
    evidence = list(counted(known).values())
    whole = sum(weights.values())
    areas: list[AreaReadiness] = []
    moments: list[tuple[float, float, float]] = []
    for area in syllabus.areas:
        own = [answer for answer in evidence if answer.item in area.items]
        a, b = PRIOR
        for answer in own:
            a, b = a + answer.right * _recency(answer, now), b + (not answer.right) * _recency(answer, now)
        weight = weights[area.title] / whole
        moments.append((weight, a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))))
        last = max((answer.at for answer in known if answer.item in area.items), default=None)
        areas.append(
            AreaReadiness(
                title=area.title,
                estimate=_estimate(a, b),
                questions=len(own),
                in_bank=sum(question.item in area.items for question in bank),
                days_since=None if last is None else _days(last, now),
                weight=weight,
            )
        )
    return Readiness(tuple(areas), _combined(moments), len(evidence), len(stale))


def _combined(moments: Sequence[tuple[float, float, float]]) -> Estimate:
    """The weighted mean of independent Betas, as the Beta with the same mean and variance."""
    mean = sum(weight * mean for weight, mean, _ in moments)
    variance = sum(weight**2 * variance for weight, _, variance in moments)
    size = mean * (1 - mean) / variance - 1
    return _estimate(mean * size, (1 - mean) * size)


def _estimate(a: float, b: float) -> Estimate:
    from scipy.special import betaincinv

    low, high = (float(betaincinv(a, b, bound)) for bound in _INTERVAL)
    return Estimate(a / (a + b), low, high)


def _recency(answer: Answer, now: datetime.datetime) -> float:
    return 0.5 ** (_days(answer.at, now) / HALF_LIFE_DAYS)


def _days(at: datetime.datetime, now: datetime.datetime) -> float:
    return max(0.0, (now - at).total_seconds() / 86400)


def _day(answer: Answer) -> datetime.date:
    return answer.at.astimezone().date()
