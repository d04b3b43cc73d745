"""The map of the question bank in ``course/exam/README.md``: item → page, keywords → questions.

Keywords stand in the order in which the questions ask them, in the spelling of the questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from autograder.exam.bank import FORMS, Bank, BankError, Question, read_bank
from autograder.exam.syllabus import Area, Syllabus, read_syllabus
from autograder.files import write_whole

from .problems import Problem, TextError, shown_path
from .questions import in_bank
from .site import Course, Difference

__all__ = ["BEGIN", "END", "keywords", "refresh", "render"]

BEGIN, END = "<!-- map: python -m course.build exam -->", "<!-- /map -->"

_README = "course/exam/README.md"
_FOLDED = re.compile(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])")  # where YAML folded a line of Japanese


def refresh(course: Course, *, write: bool = True) -> list[Difference]:
    """Make the map anew.

    Parameters
    ----------
    course : Course
    write : bool
        Without it, nothing is written.

    Returns
    -------
    list of Difference
        The README, when it was not up to date before. A clone without one has no map.

    Raises
    ------
    TextError
        When a question file cannot be read, or the README has no place for the map.
    """
    readme = course.root / _README
    if not readme.is_file():
        return []
    text = readme.read_text(encoding="utf-8")
    start, end = text.find(BEGIN), text.find(END)
    if not 0 <= start < end:
        wanted = f"「{BEGIN}」の行と「{END}」の行がありません。一覧の場所に書いてください。"
        raise TextError([Problem(shown_path(readme), 0, wanted)])
    try:
        bank = read_bank(course.bank)
    except BankError as error:
        raise TextError(in_bank(course.bank, error)) from error
    made = render(bank, read_syllabus(course.root), course.handbook_texts(), _attribution(course.root))
    new = f"{text[:start]}{BEGIN}\n\n{made}\n\n{text[end:]}".encode()
    if new == readme.read_bytes():
        return []
    if write:
        write_whole(readme, new)
    return [Difference(_README, "changed")]


def render(bank: Bank, syllabus: Syllabus, pages: Sequence[Path], attribution: str) -> str:
    """The map in Markdown."""
    files = {page.name.partition("-")[0]: page.name for page in pages}
    forms = "、".join(f"{form}{sum(question.form == form for question in bank)}問" for form in FORMS)
    parts = [
        f"全部で{len(bank)}問（{forms}）です。シラバス{syllabus.version}の{len(syllabus.items)}項目にあります。",
        attribution,
        *(_area(area, bank, syllabus, files) for area in syllabus.areas),
    ]
    return "\n\n".join(parts)


def keywords(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Which questions ask for a keyword, by keyword, in the order of the questions."""
    found: dict[str, list[str]] = {}
    for question in questions:
        for keyword in question.keywords:
            found.setdefault(keyword, []).append(question.id)
    return found


def _area(area: Area, bank: Bank, syllabus: Syllabus, files: dict[str, str]) -> str:
    lines = [f"## {area.title}", "", "| ページ | 問題 | キーワード（問題の番号） |", "| --- | ---: | --- |"]
    for item in area.items:
        questions = bank.of_item(item)
        name = f"{item} {syllabus.items[item].title}"
        page = f"[{name}](../handbook/{files[item]})" if item in files else name
        asked = "、".join(
            f"{_cell(keyword)}（{'、'.join(name.partition('-')[2] for name in names)}）"
            for keyword, names in keywords(questions).items()
        )
        lines.append(f"| {page} | {len(questions)} | {asked or '—'} |")
    return "\n".join(lines)


def _attribution(root: Path) -> str:
    kept = yaml.safe_load((root / "course" / "exam" / "syllabus.yaml").read_text(encoding="utf-8"))
    return _FOLDED.sub("", kept["attribution"].strip())


def _cell(text: str) -> str:
    """A text that cannot end its cell."""
    return text.replace("|", "\\|")
