"""What the exam's syllabus asks for: its items, and proof that a page has every keyword of its item."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["ITEM", "Area", "Item", "Syllabus", "fingerprint", "normalised", "read_syllabus"]

#: The id of an item: technical, or law and ethics.
ITEM = re.compile(r"[TL]\d\d")


@dataclass(frozen=True)
class Item:
    """One item of the syllabus: one page of the handbook."""

    id: str  # "T14"
    title: str
    keywords: int  # how many
    fingerprint: str  # of all of them

    def missing(self, keywords: Iterable[str]) -> str:
        """What is wrong with this set of keywords, for the page's author; "" when it is the item's."""
        found = {normalised(keyword) for keyword in keywords}
        if fingerprint(found) == self.fingerprint:
            return ""
        counted = f"{self.id}：キーワードが{len(found)}個です（シラバスは{self.keywords}個）。"
        if len(found) < self.keywords:
            return counted + "「terms:」に足してください。シラバスに無い言葉には「extra: true」をつけます。"
        if len(found) > self.keywords:
            return counted + (
                "シラバスに無い言葉には「extra: true」をつけ、"
                "1つのキーワードを分けたときは同じ「keyword:」を書いてください。"
            )
        return counted + (
            "数は合っていますが、書き方がシラバスと違うものがあります。"
            "ページで別の書き方をするときは「keyword:」にシラバスの書き方を写してください。"
        )


@dataclass(frozen=True)
class Area:
    """One area of the syllabus, under our title."""

    title: str
    items: tuple[str, ...]  # ids


@dataclass(frozen=True)
class Syllabus:
    """All items, in order."""

    version: str
    items: Mapping[str, Item]
    areas: tuple[Area, ...]

    @property
    def keywords(self) -> int:
        return sum(item.keywords for item in self.items.values())


def read_syllabus(root: Path) -> Syllabus:
    """The syllabus of the clone at ``root`` (``course/exam/syllabus.yaml``)."""
    kept = yaml.safe_load((root / "course" / "exam" / "syllabus.yaml").read_text(encoding="utf-8"))
    items = [Item(**item) for area in kept["areas"] for item in area["items"]]
    areas = tuple(Area(area["title"], tuple(item["id"] for item in area["items"])) for area in kept["areas"])
    return Syllabus(kept["syllabus_version"], {item.id: item for item in items}, areas)


def fingerprint(keywords: Iterable[str]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the normalised keywords, sorted, one on a line."""
    lines = "\n".join(sorted({normalised(keyword) for keyword in keywords}))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()[:16]


def normalised(keyword: str) -> str:
    """Full-width letters and parentheses as half-width ones (NFKC), no spaces around."""
    return unicodedata.normalize("NFKC", keyword).strip()
