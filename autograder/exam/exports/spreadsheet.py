"""CSV for spreadsheets: one question a line, UTF-8 with the mark that Excel wants."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from ..bank import LETTERS, Question
from .sections import Section, letter, page_of

__all__ = ["COLUMNS", "safe", "spreadsheet"]

#: The columns, explained in course/organiser/exam.md.
COLUMNS = (
    "番号", "領域", "項目", "項目名", "形式", "選び方", "難しさ", "キーワード", "問題文",
    *LETTERS, "正解", *(f"{name}の理由" for name in LETTERS), "時点", "根拠", "ページ",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def spreadsheet(sections: Sequence[Section], titles: Mapping[str, str]) -> bytes:
    """The CSV of these sections. ``titles`` has the title of every item of the syllabus."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for section in sections:
        for question in section.questions:
            writer.writerow(safe(cell) for cell in _row(section, question, titles))
    return ("\ufeff" + out.getvalue()).encode("utf-8")


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what might be one."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _row(section: Section, question: Question, titles: Mapping[str, str]) -> list[str]:
    return [
        question.id,
        section.area,
        section.item.id,
        section.item.title,
        question.form,
        question.ask,
        str(question.difficulty),
        "、".join(question.keywords),
        question.stem,
        *(choice.text for choice in question.choices),
        letter(question.answer),
        *(choice.why for choice in question.choices),
        question.as_of,
        question.source,
        page_of(question, titles),
    ]
