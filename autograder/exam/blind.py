"""Blind answering: somebody who is not the author answers a question without sight of key, reasons or page.

A sheet shows the choices in an order of its own, drawn from the fingerprint: the file's order gives nothing
away, and an answer can be read back after the author moved the choices in the file. The name of a question on
the sheet has four digits of its fingerprint, so that an answer to an older wording is found out.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .bank import LETTERS, Choice, Question

__all__ = [
    "UNSURE", "Answer", "AnswersError", "Verdict", "compare", "describe", "read_answers", "sheet",
    "shuffled", "tagged",
]  # fmt: skip

UNSURE = "？"

_TAG = 4  # hexadecimal digits of the fingerprint in the name of a question
_NAME = re.compile(rf"([TL]\d\d-\d\d)(?:-([0-9a-f]{{{_TAG}}}))?")
_HEAD = f"""\
# 解答シート（答えなし）

ページも問題のファイルも見ずに、1問ずつ、最もよいと思うものを1つ選んでください。
答えは、1問を1行にしたCSV（UTF-8）で書きます：`番号,記号,気づいたこと`。番号は見出しのとおりに写します。

- 記号は{"、".join(LETTERS)}のどれか。決められないときは {UNSURE} です。
- 正解が2つあると思ったとき、言葉が分からないときなどは、「気づいたこと」に書きます（なければ省けます）。
"""


class AnswersError(Exception):
    """A file of answers that cannot be compared. The message is Japanese, one line for each problem."""


@dataclass(frozen=True)
class Answer:
    """One line of a file of answers."""

    question: str  # "T14-01"
    tag: str  # first digits of the fingerprint on the sheet; "" when the line has none
    letter: str  # on the sheet; UNSURE when the solver could not decide
    remark: str = ""


@dataclass(frozen=True)
class Verdict:
    """An answer beside its question."""

    question: Question
    answer: Answer

    @property
    def picked(self) -> Choice | None:
        """The choice that the letter meant; ``None`` when the solver was not sure."""
        if self.answer.letter == UNSURE:
            return None
        return shuffled(self.question)[LETTERS.index(self.answer.letter)]

    @property
    def agrees(self) -> bool:
        return self.picked is not None and self.picked.right


def shuffled(question: Question) -> list[Choice]:
    """The choices in the order of the sheet, which hangs on the fingerprint and not on the file's order."""

    def draw(choice: Choice) -> bytes:
        return hashlib.sha256(f"{question.fingerprint} {_plain(choice.text)}".encode()).digest()

    return sorted(question.choices, key=draw)


def tagged(question: Question) -> str:
    """The name of a question on a sheet: its id and the first digits of its fingerprint."""
    return f"{question.id}-{question.fingerprint[:_TAG]}"


def sheet(questions: Iterable[Question]) -> str:
    """A sheet in Markdown: stems and choices, no key and no reasons."""
    parts = [_HEAD]
    for question in questions:
        lines = [
            f"- {letter}：{choice.text}" for letter, choice in zip(LETTERS, shuffled(question), strict=True)
        ]
        parts.append("\n".join([f"## {tagged(question)}", "", question.stem, "", *lines, ""]))
    return "\n".join(parts)


def read_answers(text: str) -> list[Answer]:
    """The answers of a CSV file (``id,letter[,remark]``); a heading and comments (#) are skipped.

    Raises
    ------
    AnswersError
        With every line that cannot be read.
    """
    answers: list[Answer] = []
    problems: list[str] = []
    seen: set[str] = set()
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), skipinitialspace=True)
    for row in reader:
        cells = [_plain(cell) for cell in row]
        if not any(cells) or cells[0].startswith("#") or cells[0] in ("id", "番号"):
            continue
        name = _NAME.fullmatch(cells[0])
        letter = UNSURE if cells[1:2] == ["?"] else cells[1].upper() if len(cells) > 1 else ""
        if name is None:
            problems.append(
                f"{reader.line_num}行目：「{cells[0]}」は問題の番号ではありません（例：T14-01-3f2a）。"
            )
        elif letter not in (*LETTERS, UNSURE):
            wanted = "、".join((*LETTERS, UNSURE))
            problems.append(f"{reader.line_num}行目：{cells[0]} の記号「{letter}」は使えません（{wanted}）。")
        elif name[1] in seen:
            problems.append(f"{reader.line_num}行目：{name[1]} の答えが2つあります。")
        else:
            seen.add(name[1])
            remark = ",".join(row[2:]).strip()
            answers.append(Answer(name[1], name[2] or "", letter, remark))
    if problems:
        raise AnswersError("\n".join(problems))
    return answers


def compare(questions: Mapping[str, Question], answers: Sequence[Answer]) -> list[Verdict]:
    """Put each answer beside its question.

    Raises
    ------
    AnswersError
        When a question is not there any more, or is another than the one on the sheet.
    """
    problems: list[str] = []
    for answer in answers:
        question = questions.get(answer.question)
        if question is None:
            problems.append(f"{answer.question}：この番号の問題はありません。")
        elif not question.fingerprint.startswith(answer.tag):
            problems.append(
                f"{answer.question}：シートを作ったあとで問題が変わりました。"
                "新しいシートで答え直すか、この行を消してください。"
            )
    if problems:
        raise AnswersError("\n".join(problems))
    return [Verdict(questions[answer.question], answer) for answer in answers]


def describe(verdict: Verdict) -> str:
    """A verdict in full, for the person who settles it."""
    question, answer = verdict.question, verdict.answer
    lines = [
        f"■ {question.id}（{question.form}、{question.ask}、難しさ{question.difficulty}）",
        question.stem,
        "",
    ]
    for letter, choice in zip(LETTERS, shuffled(question), strict=True):
        marks = ("［正解］" if choice.right else "") + ("［回答者］" if letter == answer.letter else "")
        lines += [f"{letter}：{choice.text}{marks}", f"　　{choice.why}"]
    if answer.letter == UNSURE:
        lines.append("回答者は決められませんでした。")
    if answer.remark:
        lines.append(f"気づいたこと：{answer.remark}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
