"""Formats of mock exams (``course/exam/blueprints.yaml``), and the drawing of a paper from the bank."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .bank import FORMS, Bank, Question
from .errors import ExamError
from .layout import Sheet, lay_out, shuffled
from .syllabus import Syllabus

__all__ = ["Blueprint", "Blueprints", "allocate", "draw", "read_blueprints"]

_RECENT_DAYS = (7.0, 30.0)  # a question seen less than so many days ago is drawn only when others lack


@dataclass(frozen=True)
class Blueprint:
    """The format of a mock exam."""

    name: str  # "145-120", as on the command line
    title: str  # "145問・120分"
    questions: int
    minutes: int
    areas: Mapping[str, float]  # title of an area → its weight; our estimate, JDLA publishes none
    forms: Mapping[str, float]  # form → its weight; our choice

    @property
    def limit_s(self) -> float:
        return 60.0 * self.minutes


@dataclass(frozen=True)
class Blueprints:
    """All formats."""

    note: str  # what the weights rest on, for people
    by_name: Mapping[str, Blueprint]  # the first one is the default

    @property
    def default(self) -> Blueprint:
        return next(iter(self.by_name.values()))

    def named(self, name: str) -> Blueprint:
        """The format of this name.

        Raises
        ------
        ExamError
        """
        if name not in self.by_name:
            raise ExamError(
                f"模試の形式「{name}」はありません。{'、'.join(self.by_name)} のどれかを指定してください。"
            )
        return self.by_name[name]


def read_blueprints(path: Path, syllabus: Syllabus) -> Blueprints:
    """Read the formats.

    Raises
    ------
    ExamError
        The file is missing or has a mistake.
    """
    try:
        kept = yaml.safe_load(path.read_text(encoding="utf-8"))
        areas = _weights(kept["areas"], [area.title for area in syllabus.areas])
        forms = _weights(kept["forms"], FORMS)
        formats = [_blueprint(entry, areas, forms) for entry in kept["blueprints"]]
        note = str(kept["note"]).strip()
        if not formats:
            raise ValueError("no blueprint")
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ExamError(
            f"模試の形式のファイル（{path.name}）が読めません。教材を入れ直してください。\n"
            f"原因: {path}: {type(error).__name__}: {error}"
        ) from error
    return Blueprints(note, {one.name: one for one in formats})


def _weights(kept: Mapping[str, Any], names: Any) -> dict[str, float]:
    if set(kept) != set(names):
        raise ValueError(f"weights for {sorted(kept)}, expected {sorted(names)}")
    weights = {name: float(kept[name]) for name in names}
    if min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"negative or no weights: {weights}")
    return weights


def _blueprint(entry: Mapping[str, Any], areas: dict[str, float], forms: dict[str, float]) -> Blueprint:
    questions, minutes = int(entry["questions"]), int(entry["minutes"])
    if questions < 1 or minutes < 1:
        raise ValueError(f"{entry['name']}: {questions} questions, {minutes} minutes")
    return Blueprint(str(entry["name"]), str(entry["title"]), questions, minutes, areas, forms)


def allocate(total: int, weights: Mapping[str, float], capacity: Mapping[str, int]) -> dict[str, int]:
    """Share ``total`` out by the method of largest remainders, no name getting more than its capacity.

    What a full name cannot take goes to the others by their weights. Of equal remainders, the earlier name's
    counts more.

    Raises
    ------
    ValueError
        The capacity of the names with a weight is less than ``total``.
    """
    open_names = [name for name, weight in weights.items() if weight > 0 and capacity.get(name, 0) > 0]
    if total < 0 or sum(capacity[name] for name in open_names) < total:
        raise ValueError(f"cannot share {total} out")
    shares = dict.fromkeys(weights, 0)
    while total and open_names:
        whole = sum(weights[name] for name in open_names)
        quotas = {name: total * weights[name] / whole for name in open_names}
        full = [name for name in open_names if quotas[name] >= capacity[name]]
        if full:  # they get what they hold; the rest is shared out anew
            for name in full:
                shares[name] = capacity[name]
                total -= capacity[name]
            open_names = [name for name in open_names if name not in full]
            continue
        for name in open_names:
            shares[name] = math.floor(quotas[name])
        left = total - sum(shares[name] for name in open_names)
        by_remainder = sorted(open_names, key=lambda name: shares[name] - quotas[name])
        for name in by_remainder[:left]:
            shares[name] += 1
        break
    return shares


def draw(
    blueprint: Blueprint,
    bank: Bank,
    syllabus: Syllabus,
    seed: int,
    days_since: Mapping[str, float] | None = None,
) -> tuple[Sheet, ...]:
    """Draw a paper: the same arguments give the same paper.

    Areas get questions by the blueprint's weights, items of an area by their number of keywords. In an item,
    questions not seen lately come first, then the form that is short so far; two questions with the same
    keywords are drawn only where there is no other. The questions of all areas are mixed, and choices are
    shuffled except where their order helps to read them.

    Parameters
    ----------
    blueprint : Blueprint
    bank : Bank
    syllabus : Syllabus
    seed : int
    days_since : mapping of str to float, optional
        Question id → days since it was last answered.

    Raises
    ------
    ExamError
        The bank has fewer questions than the blueprint asks for.
    """
    rng = random.Random(f"{blueprint.name} {seed}")
    by_item = {item: bank.of_item(item) for item in syllabus.items}
    items_of = {area.title: area.items for area in syllabus.areas}
    capacity = {area: sum(len(by_item[item]) for item in items) for area, items in items_of.items()}
    try:
        of_area = allocate(blueprint.questions, blueprint.areas, capacity)
    except ValueError as error:
        raise ExamError(
            f"問題が足りないので、模試「{blueprint.title}」を作れません"
            f"（要る数は{blueprint.questions}問、いまあるのは{sum(capacity.values())}問）。"
            "mini を試すか、教材を新しくしてください。"
        ) from error
    picker = _Picker(blueprint.forms, days_since or {}, rng)
    for area, count in of_area.items():
        items = shuffled(items_of[area], rng)  # so that equal remainders do not always favour the same item
        weights = {item: float(syllabus.items[item].keywords) for item in items}
        of_item = allocate(count, weights, {item: len(by_item[item]) for item in items})
        for item in items_of[area]:
            picker.pick(by_item[item], of_item[item])
    return tuple(lay_out(question, rng) for question in shuffled(picker.picked, rng))


class _Picker:
    """Picks questions one by one, each time the one that suits the paper so far best."""

    def __init__(
        self, forms: Mapping[str, float], days_since: Mapping[str, float], rng: random.Random
    ) -> None:
        whole = sum(forms.values())
        self._shares = {form: weight / whole for form, weight in forms.items()}
        self._days_since = days_since
        self._rng = rng
        self._forms: Counter[str] = Counter()
        self._keywords: set[frozenset[str]] = set()
        self.picked: list[Question] = []

    def pick(self, candidates: list[Question], count: int) -> None:
        left = shuffled(candidates, self._rng)
        for _ in range(count):
            best = min(left, key=self._unsuitable)  # of equals, the first of the shuffled ones
            left.remove(best)
            self.picked.append(best)
            self._forms[best.form] += 1
            self._keywords.add(frozenset(best.keywords))

    def _unsuitable(self, question: Question) -> tuple[bool, int, float]:
        days = self._days_since.get(question.id, math.inf)
        recency = sum(days < limit for limit in (*_RECENT_DAYS, math.inf))
        surplus = self._forms[question.form] - self._shares[question.form] * (len(self.picked) + 1)
        return frozenset(question.keywords) in self._keywords, recency, surplus
