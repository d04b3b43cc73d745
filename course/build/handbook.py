"""A page of the handbook: a lesson (:mod:`.session`) with terms for the glossary, questions and sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from autograder.exam.syllabus import ITEM

from .bold import Bold, bolds, has_japanese
from .problems import Collector, shown_path
from .questions import Asked
from .session import Session, read_session
from .text import Text

__all__ = ["Page", "Source", "Term", "read_page"]

FRONT = ("title", "item", "minutes", "data", "terms", "as_of", "sources")
TERM = ("term", "keyword", "reading", "line", "see", "extra")
SOURCE = ("name", "where", "url", "as_of")

_KANA = re.compile(r"[ぁ-ゖァ-ヺー・ 　]+")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_EXAMPLE = "{term: 正則化, reading: せいそくか, line: 一言の説明。}"


@dataclass(frozen=True)
class Term:
    """One term that a page explains."""

    term: str
    keyword: str  # as the syllabus spells it
    reading: str  # in kana; "" with `see`
    line: str  # what it is, in one line; "" with `see`
    see: str  # the item of its home page; "" when this is it
    extra: bool  # not in the syllabus
    english: str  # from the body; for a name in Latin letters the name itself

    @property
    def is_home(self) -> bool:
        """Whether this page is the one that says in one line what the term is."""
        return not self.see

    @property
    def hiragana(self) -> str:
        """The reading in hiragana only."""
        return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in self.reading)


@dataclass(frozen=True)
class Source:
    """Where a fact of the page stands."""

    name: str
    where: str
    url: str
    as_of: str


@dataclass(frozen=True)
class Page:
    """One page of the handbook, checked."""

    session: Session
    terms: tuple[Term, ...]
    sources: tuple[Source, ...]

    @property
    def text(self) -> Text:
        return self.session.text

    @property
    def name(self) -> str:
        return self.session.name

    @property
    def item(self) -> str:
        return self.text.front["item"]

    @property
    def title(self) -> str:
        return self.text.front["title"]

    @property
    def questions(self) -> tuple[Asked, ...]:
        return self.session.questions

    @property
    def as_of(self) -> str:
        """The state of the law or guideline that the page tells; "" when it says none."""
        return str(self.text.front.get("as_of", ""))

    @property
    def keywords(self) -> frozenset[str]:
        """The syllabus's keywords that the page explains."""
        return frozenset(term.keyword for term in self.terms if not term.extra)


def read_page(path: Path, datasets: Path, bank: Path) -> Page:
    """Read and check one page (see :func:`.read_session`).

    Raises
    ------
    TextError
        With every problem found.
    """
    session = read_session(path, datasets, bank)
    problems = Collector(shown_path(path))
    front, lines = session.text.front, _FrontLines(path)
    for key in front.keys() - set(FRONT):
        problems.add(lines.of(key), f"先頭の設定「{key}:」は知らない名前です。使えるもの：{'、'.join(FRONT)}")
    if not ITEM.fullmatch(front["item"]) or not path.stem.startswith(f"{front['item']}-"):
        problems.add(
            lines.of("item"), f"先頭の設定「item: {front['item']}」とファイル名「{path.name}」が合いません。"
        )
    if "as_of" in front and not _DATE.fullmatch(str(front["as_of"])):
        problems.add(lines.of("as_of"), "先頭の設定「as_of:」は 2026-11 の形で書いてください。")
    terms = tuple(_terms(session.text, lines, problems))
    sources = tuple(_sources(front, lines, problems))
    problems.stop_if_any()
    return Page(session, terms, sources)


# --- terms ---------------------------------------------------------------------------------------


def _terms(text: Text, lines: _FrontLines, problems: Collector) -> Iterator[Term]:
    defined = [
        bold for cell in text.cells if cell.kind == "markdown" for bold in bolds(cell.source, cell.line)
    ]
    entries = _entries(text.front, "terms", _EXAMPLE, TERM, lines, problems)
    terms = [(line, term) for line, entry in entries if (term := _term(entry, line, problems))]
    seen: set[str] = set()
    for line, term in terms:
        if term.term in seen:
            problems.add(line, f"用語「{term.term}」が「terms:」に2つあります。1つにしてください。")
        seen.add(term.term)
        yield replace(term, english=_english(term, line, defined, problems))
    for bold in defined:
        if not bold.is_label and bold.text not in seen:
            problems.add(
                bold.line,
                f"太字「{bold.text}」は先頭の設定「terms:」にありません。太字は用語の定義だけに使います。"
                "定義なら「terms:」に足し（シラバスに無い言葉は extra: true）、"
                "強調なら太字をやめてください。",
            )


def _term(entry: Mapping[str, Any], line: int, problems: Collector) -> Term | None:
    name = str(entry.get("term") or "").strip()
    if not name:
        problems.add(line, f"「terms:」の項目に「term:」がありません。例：{_EXAMPLE}")
        return None
    see, said = str(entry.get("see") or ""), str(entry.get("line") or "").strip()
    extra = entry.get("extra", False)
    if see and not ITEM.fullmatch(see):
        problems.add(line, f"用語「{name}」の「see: {see}」は、T15 のように項目の番号で書いてください。")
    if bool(see) == bool(said):
        problems.add(
            line,
            f"用語「{name}」には「line:」（一言の説明）か「see:」（説明するページ）の一方を書いてください。",
        )
    if not isinstance(extra, bool) or (extra and "keyword" in entry):
        problems.add(line, f"用語「{name}」の「extra:」は true だけです。「keyword:」と一緒には書けません。")
    reading = str(entry.get("reading") or name).strip()
    if not see and not _KANA.fullmatch(reading):
        problems.add(
            line,
            f"用語「{name}」に「reading:」（かなの読み）を書いてください。かなだけの言葉には要りません。",
        )
    keyword = str(entry.get("keyword") or name)
    return Term(name, keyword, "" if see else reading, said, see, bool(extra), "")


def _english(term: Term, line: int, defined: list[Bold], problems: Collector) -> str:
    """The term's name in English, from the place that defines it."""
    places = [bold for bold in defined if bold.text == term.term]
    if not places:
        problems.add(
            line,
            f"用語「{term.term}」の定義が本文にありません。"
            f"説明する所に「**{term.term}**（English）」と太字で書いてください。",
        )
        return ""
    # a lead such as 「**正則化**：…」 is no definition where a proper one stands further down
    first = next((bold for bold in places if not bold.is_label), places[0])
    if first.english:
        return first.english
    if not has_japanese(term.term):
        return term.term
    if not term.see:
        problems.add(
            first.line,
            f"用語「{term.term}」の英語がありません。最初の太字のすぐ後に、全角のかっこで"
            f"「**{term.term}**（English）」と書いてください。",
        )
    return ""


# --- sources -------------------------------------------------------------------------------------


def _sources(front: Mapping[str, Any], lines: _FrontLines, problems: Collector) -> Iterator[Source]:
    example = "{name: 個人情報の保護に関する法律, where: 第2条第1項, url: https://…, as_of: 2025-06}"
    for line, entry in _entries(front, "sources", example, SOURCE, lines, problems):
        values = {key: str(entry.get(key) or "").strip() for key in SOURCE}
        for key, value in values.items():
            if not value:
                problems.add(line, f"「sources:」の項目に「{key}:」がありません。例：{example}")
        if values["url"] and not re.match(r"https?://\S+$", values["url"]):
            problems.add(line, f"「sources:」の「url: {values['url']}」は https:// から書いてください。")
        if values["as_of"] and not _DATE.fullmatch(values["as_of"]):
            problems.add(line, "「sources:」の「as_of:」は 2025-06 の形で書いてください。")
        yield Source(**values)


# --- front matter --------------------------------------------------------------------------------


def _entries(
    front: Mapping[str, Any],
    key: str,
    example: str,
    known: tuple[str, ...],
    lines: _FrontLines,
    problems: Collector,
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The entries of a list of mappings, each with its line."""
    listed = front.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        problems.add(lines.of(key), f"先頭の設定「{key}:」は、行ごとに「- {example}」の形で書いてください。")
        return
    for at, entry in enumerate(listed):
        line = lines.of(key, at)
        for unknown in entry.keys() - set(known):
            usable = "、".join(known)
            problems.add(line, f"「{key}:」の「{unknown}:」は知らない名前です。使えるもの：{usable}")
        yield line, entry


class _FrontLines:
    """On which line of the file each key of the front matter stands."""

    def __init__(self, path: Path) -> None:
        front = re.split(r"(?m)^---\s*$", path.read_text(encoding="utf-8-sig"))[1]
        self._keys = {key.value: (key, value) for key, value in yaml.compose(front).value}

    def of(self, key: str, at: int | None = None) -> int:
        """1-based; ``at`` counts the entries of a list from 0."""
        if key not in self._keys:
            return 1
        node, value = self._keys[key]
        if at is not None:
            node = value.value[at]
        return node.start_mark.line + 1
