"""What every page of the handbook must have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.exam.syllabus import Syllabus

from . import directives, figures
from .handbook import Page
from .problems import Collector, Problem
from .table import question_of
from .text import Cell

__all__ = ["Facts", "facts", "problems_of"]

MINUTES = range(10, 21)
MISTAKES = 3  # at least
QUESTIONS = 3
#: The laws and contracts whose rules differ for a city hall and for a company.
TWO_SECTORS = tuple(f"L{number:02d}" for number in range(1, 8))

_LOOK_ALIKE, _MISTAKES, _QUESTIONS = "似た言葉を見分ける", "よくある間違い", "確かめる"
_CLUE = "見分け方"


@dataclass(frozen=True)
class Section:
    """What stands under a heading, up to the next one of its level or a higher one."""

    title: str
    level: int
    line: int  # 1-based
    parts: tuple[str, ...]  # Markdown

    @property
    def tables(self) -> list[list[str]]:
        """The column headings of each table."""
        return [table for part in self.parts for table in tables(part)]

    @property
    def questions(self) -> int:
        return sum(
            directive.kind == directives.QUESTION
            for part in self.parts
            for directive in directives.find(part, 1, Collector(""))
        )

    @property
    def bullets(self) -> int:
        return sum(
            token.type == "list_item_open" and token.level == 1
            for part in self.parts
            for token in directives.parser().parse(part)
        )


@dataclass(frozen=True)
class Facts:
    """What a page has, in numbers."""

    minutes: int
    keywords: int
    demos: int  # cells that draw, or whose output the prose quotes
    look_alikes: int  # tables
    mistakes: int
    questions: int
    beyond: int
    figures: int
    figures_with_text: int


def facts(page: Page) -> Facts:
    """Count what a page has."""
    code = [cell for cell in page.text.cells if cell.kind == "code"]
    drawing = figures.helpers(code)
    drawn = [cell for cell in code if figures.draws(cell, drawing) or figures.alts(cell)]
    with_text = [c for c in drawn if any(len(alt) >= figures.ALT_LENGTH for alt in figures.alts(c))]
    found = sections(page.text.cells)
    return Facts(
        minutes=page.text.front.get("minutes") or 0,
        keywords=len(page.keywords),
        demos=sum(cell in drawn or bool(cell.options.get("shows")) for cell in code),
        look_alikes=sum(len(s.tables) for s in found if _LOOK_ALIKE in s.title),
        mistakes=sum(s.bullets for s in found if _MISTAKES in s.title),
        questions=len(page.questions),
        beyond=sum(d.kind == "beyond" for d in _directives(page)),
        figures=len(drawn),
        figures_with_text=len(with_text),
    )


def problems_of(page: Page, syllabus: Syllabus, pages: Mapping[str, Page]) -> list[Problem]:
    """What is missing in a page; ``pages`` has all pages by item, for words explained elsewhere."""
    problems = Collector(page.text.shown)
    _check_item(page, syllabus, pages, problems)
    _check_shape(page, problems)
    if page.item.startswith("T"):
        _check_demo(page, problems)
    else:
        _check_law(page, problems)
    figures.check(page.text.cells, problems)
    return problems.problems


def sections(cells: Sequence[Cell]) -> list[Section]:
    """Every section of a text, also those inside others, in order."""
    pieces = [piece for cell in cells if cell.kind == "markdown" for piece in _pieces(cell)]
    found = []
    for at, (heading, _) in enumerate(pieces):
        if heading is None:
            continue
        after = (n for n, (h, _) in enumerate(pieces) if n > at and h and h.level <= heading.level)
        parts = tuple(text for _, text in pieces[at : next(after, len(pieces))])
        found.append(Section(heading.text, heading.level, heading.line, parts))
    return found


def tables(markdown: str) -> list[list[str]]:
    """The column headings of each table, those inside boxes last."""
    found: list[list[str]] = []
    tokens = directives.parser().parse(markdown)
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "th_open":
            found[-1].append(tokens[at + 1].content.strip())
    for directive in directives.find(markdown, 1, Collector("")):
        found.extend(tables(directive.body))
    return found


def _pieces(cell: Cell) -> Iterator[tuple[directives.Heading | None, str]]:
    """The prose of a cell, cut before each heading."""
    lines = cell.source.split("\n")
    headings = directives.headings(cell.source)
    cuts = [*(h.line - 1 for h in headings), len(lines)]
    yield None, "\n".join(lines[: cuts[0]])
    for heading, start, end in zip(headings, cuts, cuts[1:], strict=False):
        shown = directives.Heading(heading.level, heading.text, cell.line + start)
        yield shown, "\n".join(lines[start + 1 : end])


def _directives(page: Page) -> list[directives.Directive]:
    return [
        directive
        for cell in page.text.cells
        if cell.kind == "markdown"
        for directive in directives.find(cell.source, cell.line, Collector(""))
    ]


def _check_item(page: Page, syllabus: Syllabus, pages: Mapping[str, Page], problems: Collector) -> None:
    item = syllabus.items.get(page.item)
    if item is None:
        problems.add(1, f"項目「{page.item}」はシラバスにありません。T01〜T37、L01〜L18 から選んでください。")
        return
    missing = item.missing(page.keywords)
    if missing:
        problems.add(1, missing)
    for term in page.terms:
        home = pages.get(term.see)
        if home is not None and not any(t.term == term.term and t.is_home for t in home.terms):
            problems.add(
                1,
                f"用語「{term.term}」は「see: {term.see}」ですが、"
                f"{home.name} の「terms:」に「line:」がありません。"
                "そのページに書くか、ここに「line:」を書いてください。",
            )


def _check_shape(page: Page, problems: Collector) -> None:
    minutes = page.text.front.get("minutes")
    if minutes not in MINUTES:
        problems.add(1, f"「minutes:」は{MINUTES[0]}〜{MINUTES[-1]}にしてください（今の値：{minutes}）。")
    if not question_of(page.session):
        problems.add(1, "ページの問い（コードより前の最初の引用「> **…**」）がありません。")
    found = sections(page.text.cells)
    look_alike = _section(found, _LOOK_ALIKE, problems)
    if look_alike and not any(columns[-1:] == [_CLUE] for columns in look_alike.tables):
        problems.add(
            look_alike.line, f"「{_LOOK_ALIKE}」に、最後の列が「{_CLUE}」の表がありません。書いてください。"
        )
    mistakes = _section(found, _MISTAKES, problems)
    if mistakes and mistakes.bullets < MISTAKES:
        problems.add(
            mistakes.line,
            f"「{_MISTAKES}」の「- 」が{mistakes.bullets}個です。{MISTAKES}個以上書いてください。",
        )
    _check_questions(page, _section(found, _QUESTIONS, problems), problems)
    if not any(d.kind == "beyond" for d in _directives(page)):
        problems.add(1, "発展の箱（:::{beyond} タイトル）がありません。1つ以上書いてください。")


def _check_questions(page: Page, section: Section | None, problems: Collector) -> None:
    asked = page.questions
    if len(asked) != QUESTIONS:
        problems.add(
            section.line if section else 1,
            f"問題（:::{{question}} {page.item}-01）が{len(asked)}個です。"
            f"ちょうど{QUESTIONS}個にしてください。",
        )
        return
    if section and section.questions != QUESTIONS:
        problems.add(
            section.line, f"「{_QUESTIONS}」の外に問題があります。{QUESTIONS}個ともこの節に置いてください。"
        )
    if len({question.right for question in asked}) == 1:
        problems.add(
            asked[0].line,
            f"正解がどれも「{asked[0].right}」です。"
            f"ほかの問題を選ぶか、{page.item}.yaml で選択肢の順を変えてください。",
        )


def _check_demo(page: Page, problems: Collector) -> None:
    code = [cell for cell in page.text.cells if cell.kind == "code"]
    shows = [cell for cell in code if cell.options.get("shows")]
    if not shows:
        problems.add(
            1, "「:shows:」のあるコードセルがありません。本文で引く数字を、計算するセルに書いてください。"
        )
    drawing = figures.helpers(code)
    if len(shows) < 2 and not any(figures.draws(cell, drawing) for cell in code):
        problems.add(
            1, "動かして見る例が足りません。グラフか、2つ目の「:shows:」のあるセルを1つ以上書いてください。"
        )


def _check_law(page: Page, problems: Collector) -> None:
    if not page.as_of:
        problems.add(
            1, "先頭の設定に「as_of:」がありません。いつの法令・指針かを 2026-11 の形で書いてください。"
        )
    if not page.sources:
        problems.add(1, "先頭の設定に「sources:」がありません。根拠を1つ以上書いてください。")
    found = sections(page.text.cells)
    if not any("判断" in section.title and section.tables for section in found):
        problems.add(
            1,
            "判断の表がありません。見出しに「判断」を入れた節"
            "（例：「## こういうときは、どう判断するか（3分）」）に、表を書いてください。",
        )
    for case in ("事例1", "事例2"):
        if not any(section.level == 3 and section.title.startswith(case) for section in found):
            problems.add(1, f"見出し「### {case} …」がありません。書いてください。")
    columns = [table for cell in page.text.cells if cell.kind == "markdown" for table in tables(cell.source)]
    if page.item in TWO_SECTORS and not any(_has_both_sectors(table) for table in columns):
        problems.add(1, "「公的部門（市役所）」と「民間」の列がある表がありません。違いを並べてください。")


def _has_both_sectors(columns: Sequence[str]) -> bool:
    return all(any(c.startswith(sector) for c in columns) for sector in ("公的部門", "民間"))


def _section(found: Sequence[Section], title: str, problems: Collector) -> Section | None:
    wanted = re.compile(rf"(?:\d+\.\s*)?{title}")
    section = next((s for s in found if s.level == 2 and wanted.match(s.title)), None)
    if section is None:
        problems.add(1, f"見出し「## {title}（N分）」がありません。書いてください。")
    return section
