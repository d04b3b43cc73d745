"""The question bank: four-choice questions with a reason for every choice, one YAML file a syllabus item.

item: T14
questions:
  - id: T14-01
    form: 知識
    difficulty: 1
    keywords: [ラッソ回帰]
    stem: |
      The question, in Markdown (paragraphs and tables).
    choices:
      - right: the right choice
        why: the reason
      - wrong: …
        why: why it is wrong, and what it belongs to
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from .syllabus import ITEM

__all__ = [
    "ASKS", "CHOICES", "FORMS", "LETTERS", "Bank", "BankError", "Choice", "Problem", "Question", "read_bank",
    "read_file", "read_readable",
]  # fmt: skip

FORMS = ("知識", "計算", "事例")
ASKS = (
    "適切",
    "不適切",
    "組み合わせ",
)  # which choice to pick; the first one unless the question says another
CHOICES = 4
LETTERS = "ABCD"

_QUESTION = {
    "id", "form", "ask", "difficulty", "keywords", "stem", "choices", "see", "as_of", "source", "numbers",
}  # fmt: skip
_NEEDED = ("id", "form", "difficulty", "keywords", "stem", "choices")
_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")


@dataclass(frozen=True)
class Choice:
    """One choice."""

    text: str
    why: str  # why it is right or wrong
    right: bool
    value: str = ""  # 計算: the Python expression that gives the number in `text`


@dataclass(frozen=True)
class Question:
    """One question, as its author wrote it."""

    id: str  # "T14-01"; never given to another question
    form: str  # one of FORMS
    ask: str  # one of ASKS
    difficulty: int  # 1 to 3
    keywords: tuple[str, ...]  # the point of the question, as the syllabus spells them
    stem: str  # Markdown
    choices: tuple[Choice, ...]  # CHOICES of them, one right
    see: tuple[str, ...]  # items whose pages teach it; its own first
    as_of: str = ""  # state of the law: "2026-11"
    source: str = ""  # where the law or the figure stands
    numbers: str = ""  # 計算: Python statements, run before the expressions of the choices

    @property
    def item(self) -> str:
        return self.id.partition("-")[0]

    @property
    def answer(self) -> int:
        """The index of the right choice."""
        return next(n for n, choice in enumerate(self.choices) if choice.right)

    @cached_property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of stem, choices and key; the order of the choices is free."""
        parts = [self.stem.strip(), *sorted(f"{choice.right} {choice.text}" for choice in self.choices)]
        return hashlib.sha256(unicodedata.normalize("NFKC", "\n".join(parts)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Bank:
    """All questions, by id, in the order of the syllabus."""

    questions: Mapping[str, Question]

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions.values())

    def of_item(self, item: str) -> list[Question]:
        return [question for question in self if question.item == item]

    def of_keyword(self, keyword: str) -> list[Question]:
        return [question for question in self if keyword in question.keywords]


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in the bank. The message is Japanese."""

    file: str  # "T14.yaml"
    question: str  # its id; "" for the file
    message: str

    def __str__(self) -> str:
        return f"{self.file}{f'（{self.question}）' if self.question else ''}：{self.message}"


class BankError(Exception):
    """A bank that cannot be read. Carries every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def read_bank(folder: Path) -> Bank:
    """The questions of every ``*.yaml`` in ``folder``.

    Raises
    ------
    BankError
        With every problem of every file.
    """
    bank, problems = read_readable(folder)
    if problems:
        raise BankError(problems)
    return bank


def read_readable(folder: Path) -> tuple[Bank, list[Problem]]:
    """The questions of every ``*.yaml`` in ``folder`` that has no mistake, and the problems of the others."""
    problems: list[Problem] = []
    questions: dict[str, Question] = {}
    for path in sorted(folder.glob("*.yaml"), key=lambda path: (path.stem[:1] != "T", path.stem)):
        try:
            questions |= {question.id: question for question in read_file(path)}
        except BankError as error:
            problems += error.problems
    return Bank(questions), problems


def read_file(path: Path) -> list[Question]:
    """The questions of one item's file.

    Raises
    ------
    BankError
        With every problem of the file.
    """
    try:
        kept = yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BankError([Problem(path.name, "", f"YAMLとして読めません。原因：{error}")]) from error
    if (
        not isinstance(kept, dict)
        or set(kept) != {"item", "questions"}
        or not isinstance(kept["questions"], list)
    ):
        raise BankError([Problem(path.name, "", "「item:」と、「questions:」の一覧だけを書いてください。")])
    problems: list[Problem] = []
    if kept["item"] != path.stem or not ITEM.fullmatch(path.stem):
        problems.append(Problem(path.name, "", f"「item: {kept['item']}」とファイル名が合いません。"))
    questions: list[Question] = []
    seen: set[str] = set()
    for entry in kept["questions"]:
        name = str(entry.get("id", "")) if isinstance(entry, dict) else ""
        mistakes = (
            list(_mistakes(entry, path.stem)) if isinstance(entry, dict) else ["項目の形ではありません。"]
        )
        if name in seen:
            mistakes.append("この番号の問題が2つあります。")
        seen.add(name)
        problems += [Problem(path.name, name, mistake) for mistake in mistakes]
        if not mistakes:
            questions.append(_question(entry, path.stem))
    if problems:
        raise BankError(problems)
    return questions


def _mistakes(entry: Mapping[str, Any], item: str) -> Iterator[str]:
    """What is wrong with the form of one question."""
    for key in sorted(entry.keys() - _QUESTION):
        yield f"「{key}:」は知らない名前です。"
    lacking = [key for key in _NEEDED if not entry.get(key)]
    if lacking:
        yield f"{'、'.join(f'「{key}:」' for key in lacking)}がありません。"
        return
    if not re.fullmatch(rf"{item}-\d\d", str(entry["id"])):
        yield f"番号は「{item}-01」の形で書いてください。"
    if entry["form"] not in FORMS:
        yield f"「form:」は{'、'.join(FORMS)}のどれかです。"
    if entry.get("ask", ASKS[0]) not in ASKS:
        yield f"「ask:」は{'、'.join(ASKS)}のどれかです。"
    if entry["difficulty"] not in (1, 2, 3):
        yield "「difficulty:」は1、2、3のどれかです。"
    for key in ("keywords", "see"):
        if not _are_texts(entry.get(key, [])):
            yield f"「{key}:」は [… , …] の形で書いてください。"
    for key in ("stem", "source", "numbers", "as_of"):
        if not isinstance(entry.get(key, ""), str):
            yield f'「{key}:」は文字で書いてください（数や日付は " " で囲みます）。'
    if isinstance(entry.get("see"), list) and not all(ITEM.fullmatch(str(name)) for name in entry["see"]):
        yield "「see:」はページの項目（T14 など）で書いてください。"
    if entry.get("as_of") and not _DATE.fullmatch(str(entry["as_of"])):
        yield '「as_of:」は "2026-11" の形で書いてください。'
    yield from _mistakes_of_choices(entry["choices"])


def _mistakes_of_choices(choices: Any) -> Iterator[str]:
    if not isinstance(choices, list) or len(choices) != CHOICES:
        yield f"選択肢は{CHOICES}つです。"
        return
    for number, choice in enumerate(choices, 1):
        keys = set(choice) if isinstance(choice, dict) else set()
        if keys - {"value"} not in ({"right", "why"}, {"wrong", "why"}):
            yield f"選択肢{number}には「right:」か「wrong:」と、「why:」を書いてください。"
        elif not _are_texts(list(choice.values())):
            yield f'選択肢{number}は文字で書いてください（数だけのときは " " で囲みます）。'
    texts = [
        unicodedata.normalize("NFKC", str(choice.get("right", choice.get("wrong")))).strip()
        for choice in choices
        if isinstance(choice, dict)
    ]
    if len(set(texts)) < len(texts):
        yield "同じ選択肢が2つあります。"
    if sum("right" in choice for choice in choices if isinstance(choice, dict)) != 1:
        yield "正解（right:）は1つです。"


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) and value.strip() for value in values)


def _question(entry: Mapping[str, Any], item: str) -> Question:
    choices = tuple(
        Choice(
            str(choice.get("right", choice.get("wrong"))).strip(),
            choice["why"].strip(),
            "right" in choice,
            choice.get("value", ""),
        )
        for choice in entry["choices"]
    )
    return Question(
        id=entry["id"],
        form=entry["form"],
        ask=entry.get("ask", ASKS[0]),
        difficulty=entry["difficulty"],
        keywords=tuple(entry["keywords"]),
        stem=entry["stem"].strip(),
        choices=choices,
        see=tuple(dict.fromkeys([item, *entry.get("see", [])])),
        as_of=entry.get("as_of", ""),
        source=entry.get("source", "").strip(),
        numbers=entry.get("numbers", ""),
    )
