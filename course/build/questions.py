"""Questions that a page of the handbook asks. Their text stands in the question bank; the page names them:

:::{question} T14-01
:::
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.exam.bank import LETTERS, BankError, Question, read_file
from autograder.exam.exports.markup import as_markdown

from .directives import QUESTION, Directive, folded
from .problems import Collector, Problem, shown_path

__all__ = ["Asked", "in_bank", "read_asked", "render"]

_ID = re.compile(r"(?P<item>[TL]\d\d)-\d\d")


@dataclass(frozen=True)
class Asked:
    """A question of the bank as a page asks it."""

    question: Question
    number: int  # on the page, from 1
    line: int  # 1-based, of the directive

    @property
    def label(self) -> str:
        """For people: "問1"."""
        return f"問{self.number}"

    @property
    def right(self) -> str:
        """The letter of the right choice: "B"."""
        return LETTERS[self.question.answer]


def read_asked(found: Sequence[Directive], item: str, folder: Path, problems: Collector) -> tuple[Asked, ...]:
    """The questions that a page asks, in its order.

    Parameters
    ----------
    found : sequence of Directive
        Every directive of the page.
    item : str
        The page's own: it asks no question of another.
    folder : Path
        The question bank.
    problems : Collector
        Takes what is wrong with the directives and, where the bank cannot be read, with its file.
    """
    places = [directive for directive in found if directive.kind == QUESTION]
    if not places:
        return ()
    file = folder / f"{item}.yaml"
    bank = _read(file, places[0].line, problems)
    asked: dict[str, Asked] = {}
    for directive in places:
        wrong = _mistake(directive, item, asked)
        if not wrong and bank is not None and directive.name not in bank:
            wrong = (
                f"問題「{directive.name}」は {shown_path(file)} にありません。"
                "番号を確かめるか、そのファイルに問題を書いてください。"
            )
        if wrong:
            problems.add(directive.line, wrong)
        elif bank is not None:
            asked[directive.name] = Asked(bank[directive.name], len(asked) + 1, directive.line)
    return tuple(asked.values())


def render(asked: Asked) -> str:
    """The question as prose, its choices as a list; the answer and the reasons are folded."""
    stem = as_markdown(asked.question.stem)
    lettered = list(zip(LETTERS, asked.question.choices, strict=True))
    choices = [f"- 「{letter}」 {as_markdown(choice.text)}" for letter, choice in lettered]
    reasons = [
        f"- 「{letter}」 {'○' if choice.right else '×'} " + _indented(as_markdown(choice.why))
        for letter, choice in lettered
    ]
    answer = folded("答えと理由", "\n".join([f"正解は「{asked.right}」です。", "", *reasons]))
    between = "\n\n" if stem.startswith("|") else " "  # a table begins on a line of its own
    return "\n".join([f"**{asked.label}**{between}{stem}", "", *choices, "", answer])


def in_bank(folder: Path, error: BankError) -> list[Problem]:
    """What is wrong with the files of the question bank, as the builder tells it."""
    return [
        Problem(shown_path(folder / problem.file), 0, f"{problem.question} {problem.message}".strip())
        for problem in error.problems
    ]


def _read(file: Path, line: int, problems: Collector) -> Mapping[str, Question] | None:
    """The item's questions by id; ``None`` where they cannot be read."""
    if not file.is_file():
        problems.add(line, f"問題のファイル {shown_path(file)} がありません。そこに問題を書いてください。")
        return None
    try:
        return {question.id: question for question in read_file(file)}
    except BankError as error:
        problems.problems.extend(in_bank(file.parent, error))
        return None


def _mistake(directive: Directive, item: str, before: Mapping[str, Asked]) -> str:
    """What is wrong with a directive, whatever the bank holds; "" for nothing."""
    match = _ID.fullmatch(directive.name)
    if match is None or directive.title:
        return f"「:::{{question}} {item}-01」のように、問題の番号だけを書いてください。"
    if directive.body.strip():
        return (
            f"問題の文は {item}.yaml に書きます。"
            f"ここは「:::{{question}} {directive.name}」と、次の行の「:::」だけにしてください。"
        )
    if match["item"] != item:
        return f"「{directive.name}」はほかの項目の問題です。{item}-01 など、{item} の問題を選んでください。"
    if directive.name in before:
        return f"問題「{directive.name}」が2つあります。ほかの問題を選んでください。"
    return ""


def _indented(markdown: str) -> str:
    """What follows a list item's first line, so that it stays in the item."""
    first, *rest = markdown.split("\n")
    return "\n".join([first, *(f"  {line}" if line else "" for line in rest)])
