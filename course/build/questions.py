"""Questions of the handbook (``:::{question} q1``): a stem, four choices, a reason for each.

:::{question} q1
The stem, in Markdown.

- [ ] a choice
  its reason, indented
- [x] the right one
  its reason
…
:::
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .directives import Directive, folded
from .problems import Collector

__all__ = ["CHOICES", "LETTERS", "Choice", "Question", "read_question", "render"]

CHOICES = 4
LETTERS = "アイウエオカキクケコ"

_NAME = re.compile(r"q([1-9]\d*)")
_ITEM = re.compile(r"- \[(?P<mark>[ xX])\][ \t]+(?P<text>\S.*)")
_ALMOST = re.compile(r"\s*[-*+]\s*\[")
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True)
class Choice:
    """One choice, in Markdown."""

    text: str
    reason: str
    right: bool


@dataclass(frozen=True)
class Question:
    """One question, as its author wrote it."""

    name: str  # "q1"
    stem: str  # Markdown
    choices: tuple[Choice, ...]
    line: int  # 1-based, of the opening line

    @property
    def label(self) -> str:
        """For people: "問1"."""
        return f"問{self.name.removeprefix('q')}"

    @property
    def right(self) -> str:
        """The letter of the right choice: "イ"."""
        return next(letter for letter, choice in zip(LETTERS, self.choices, strict=False) if choice.right)


def read_question(directive: Directive, problems: Collector) -> Question:
    """The question in a ``question`` directive.

    Parameters
    ----------
    directive : Directive
    problems : Collector
        Takes what is wrong with it: its name, the number of choices or of right ones, a missing reason.
    """
    if not _NAME.fullmatch(directive.name) or directive.title:
        problems.add(
            directive.line, "問いの名前は「:::{question} q1」のように、qと番号だけで書いてください。"
        )
    lines = directive.body.split("\n")
    starts = list(_starts(lines))
    stem = "\n".join(lines[: starts[0]] if starts else lines).strip()
    if not stem:
        problems.add(
            directive.line, f"問い「{directive.name}」に問題文がありません。選択肢の前に書いてください。"
        )
    choices = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        choices.append(_choice(lines[start:end], directive.line + 1 + start, problems))
    _check(directive, lines, choices, problems)
    return Question(directive.name, stem, tuple(choices), directive.line)


def render(directive: Directive) -> str:
    """The question as prose, its choices as a list; the answer and the reasons are folded."""
    question = read_question(directive, Collector(""))
    stem = f"**{question.label}** {question.stem}"
    choices = [f"- 「{letter}」 {choice.text}" for letter, choice in _lettered(question.choices)]
    reasons = [
        f"- 「{letter}」 {'○' if choice.right else '×'} " + _indented(choice.reason)
        for letter, choice in _lettered(question.choices)
    ]
    answer = folded("答えと理由", "\n".join([f"正解は「{question.right}」です。", "", *reasons]))
    return "\n".join([stem, "", *choices, "", answer])


def _lettered(choices: Sequence[Choice]) -> Iterator[tuple[str, Choice]]:
    return zip(LETTERS, choices, strict=False)


def _indented(markdown: str) -> str:
    """What follows a list item's first line, so that it stays in the item."""
    first, *rest = markdown.split("\n")
    return "\n".join([first, *(f"  {line}" if line else "" for line in rest)])


def _starts(lines: Sequence[str]) -> Iterator[int]:
    """Where choices begin, outside code."""
    fenced = False
    for at, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and _ITEM.fullmatch(line.rstrip()):
            yield at


def _choice(lines: Sequence[str], first_line: int, problems: Collector) -> Choice:
    item = _ITEM.fullmatch(lines[0].rstrip())
    reason = []
    for at, line in enumerate(lines[1:], 1):
        if line.strip() and line[0] not in " \t" and not _ALMOST.match(line):
            problems.add(
                first_line + at,
                "選択肢のあとの行は、その選択肢の理由です。2文字分の字下げをしてください"
                "（問題文は選択肢の前、ほかの文は「:::」の後に書きます）。",
            )
        reason.append(line)
    said = _dedented(reason)
    if not said:
        problems.add(
            first_line,
            f"選択肢「{item['text']}」に理由がありません。次の行に、2文字分の字下げをして書いてください。",
        )
    return Choice(item["text"].strip(), said, item["mark"] != " ")


def _check(
    directive: Directive, lines: Sequence[str], choices: Sequence[Choice], problems: Collector
) -> None:
    for at, line in enumerate(lines):
        if _ALMOST.match(line) and not _ITEM.fullmatch(line.rstrip()):
            problems.add(
                directive.line + 1 + at,
                f"「{line.strip()}」は選択肢の書き方ではありません。"
                "行の初めに「- [ ] 選択肢」か「- [x] 正しい選択肢」と書いてください。",
            )
    if len(choices) != CHOICES:
        problems.add(
            directive.line,
            f"問い「{directive.name}」の選択肢が{len(choices)}個です。ちょうど{CHOICES}個にしてください。",
        )
    right = sum(choice.right for choice in choices)
    if right != 1:
        problems.add(
            directive.line,
            f"問い「{directive.name}」の正しい選択肢（[x]）が{right}個です。ちょうど1個にしてください。",
        )


def _dedented(lines: Sequence[str]) -> str:
    """The lines without the indent they share."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    cut = min(indents, default=0)
    return "\n".join(line[cut:].rstrip() for line in lines).strip("\n")
