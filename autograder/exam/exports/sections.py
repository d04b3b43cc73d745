"""What is exported: the questions of chosen items, in the order of the syllabus."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..bank import LETTERS, Bank, Question
from ..syllabus import Item, Syllabus

__all__ = ["COURSE", "CREDIT", "Section", "drawn", "letter", "page_of", "sections"]

COURSE = "G検定対策（宝探しAI講座、JDLA非公式）"
CREDIT = "宝探しAI講座（Takara）の問題です。CC BY 4.0。G検定はJDLAの試験です。この教材はJDLA非公式です。"


@dataclass(frozen=True)
class Section:
    """The questions of one item."""

    area: str  # title
    item: Item
    questions: tuple[Question, ...]

    @property
    def title(self) -> str:
        return f"{self.item.id} {self.item.title}"


def sections(
    bank: Bank, syllabus: Syllabus, items: Collection[str] = (), areas: Collection[str] = ()
) -> list[Section]:
    """The sections that are of these items and in these areas; without names, all that have questions."""
    return [
        Section(area.title, syllabus.items[item], tuple(bank.of_item(item)))
        for area in syllabus.areas
        for item in area.items
        if bank.of_item(item) and (not items or item in items) and (not areas or area.title in areas)
    ]


def drawn(chosen: Sequence[Section], count: int, seed: int) -> list[Section]:
    """At most ``count`` questions by lot, in the order of the bank: the same ones for the same seed."""
    ids = [question.id for section in chosen for question in section.questions]
    kept = set(random.Random(f"export {seed}").sample(ids, min(count, len(ids))))
    left = (
        replace(section, questions=tuple(question for question in section.questions if question.id in kept))
        for section in chosen
    )
    return [section for section in left if section.questions]


def letter(place: int) -> str:
    """The letter of a choice, by its place in the file."""
    return LETTERS[place]


def page_of(question: Question, titles: Mapping[str, str]) -> str:
    """Where to read on, for people: "ハンドブック T14 正則化、T10 モデルの選択・評価"."""
    return "ハンドブック " + "、".join(f"{item} {titles[item]}" for item in question.see)
