"""What is exported: the questions of chosen items, in the order of the syllabus."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..bank import LETTERS, Bank, Question
from ..syllabus import Item, Syllabus

__all__ = ["COURSE", "CREDIT", "Section", "letter", "page_of", "sections"]

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
    """The sections of these items and areas; all that have questions, when none are named."""
    return [
        Section(area.title, syllabus.items[item], tuple(bank.of_item(item)))
        for area in syllabus.areas
        for item in area.items
        if bank.of_item(item) and (item in items or area.title in areas or not (items or areas))
    ]


def letter(place: int) -> str:
    """The letter of a choice, by its place in the file."""
    return LETTERS[place]


def page_of(question: Question, titles: Mapping[str, str]) -> str:
    """Where to read on, for people: "ハンドブック T14 正則化、T10 モデルの選択・評価"."""
    return "ハンドブック " + "、".join(f"{item} {titles[item]}" for item in question.see)
