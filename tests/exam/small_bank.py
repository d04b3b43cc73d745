"""A bank of five sound questions on two items, for the checker and the exports, and its files on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from autograder.exam.bank import Bank, Choice, Question
from autograder.exam.syllabus import Area, Item, Syllabus, fingerprint

TABLE = """\
正解率を答えてください。

| 実際 | 予測あり | 予測なし |
|---|---:|---:|
| あり | 30 | 20 |
| なし | 10 | 40 |"""

QUESTIONS = (
    Question(
        id="T14-01", form="知識", ask="適切", difficulty=1, keywords=("ラッソ回帰",), see=("T14",),
        stem="係数をちょうど0にできる回帰を1つ選んでください。",
        choices=(
            Choice("ラッソ回帰", "絶対値への減点で、0になります。", True),
            Choice("リッジ回帰", "縮みますが、0にはなりません。", False),
            Choice("主成分回帰", "列を混ぜるだけです。", False),
            Choice("単純な平均", "係数がありません。", False),
        ),
    ),
    Question(
        id="T14-02", form="計算", ask="適切", difficulty=2, keywords=("L1正則化",), see=("T14", "L01"),
        stem=TABLE, numbers="right, total = 30 + 40, 100\n",
        choices=(
            Choice("30%", "「あり」だけを数えています。", False, "30 / total * 100"),
            Choice("70%", "70÷100です。", True, "right / total * 100"),
            Choice("75%", "適合率です。", False, "30 / 40 * 100"),
            Choice("1,000%", "分母を忘れています。", False, "10 * total"),
        ),
    ),
    Question(
        id="T14-03", form="事例", ask="組み合わせ", difficulty=3, see=("T14",),
        keywords=("ラッソ回帰", "L1正則化"),
        stem="市役所の<係>が、a*b*c と x_1 を表に書きました。\n\n（ア）減点は何ですか\n（イ）手法は何ですか",
        choices=(
            Choice("（ア）L2　（イ）リッジ", "どちらも2乗の話です。", False),
            Choice("（ア）L2　（イ）ラッソ", "減点が違います。", False),
            Choice("（ア）L1　（イ）ラッソ", "\"絶対値\" & \\ の減点です。", True),
            Choice("（ア）L1　（イ）リッジ", "手法が違います。", False),
        ),
    ),
    Question(
        id="L01-01", form="事例", ask="適切", difficulty=2, keywords=("個人情報",), see=("L01",),
        stem="市民課の名簿の扱いとして、最も適切なものを1つ選んでください。",
        as_of="2026-11", source="個人情報保護法 第2条",
        choices=(
            Choice("=名前だけなら渡せる", "名前は個人情報です。", False),
            Choice("消せば何でも渡せる", "ほかと合わせてわかれば同じです。", False),
            Choice("電話で聞けば渡せる", "本人を確かめていません。", False),
            Choice("法の根拠を確かめる", "根拠のない提供はできません。", True),
        ),
    ),
    Question(
        id="L01-02", form="知識", ask="不適切", difficulty=1, keywords=("要配慮個人情報",), see=("L01",),
        stem="要配慮個人情報の例として、適切でないものを1つ選んでください。",
        as_of="2026-11", source="個人情報保護法 第2条第3項",
        choices=(
            Choice("病歴", "当たります。", False),
            Choice("信条", "当たります。", False),
            Choice("電話番号", "個人情報ですが、要配慮ではありません。", True),
            Choice("犯罪の経歴", "当たります。", False),
        ),
    ),
)  # fmt: skip
PAGES = {"T14", "L01"}


def bank(*questions: Question) -> Bank:
    """The bank of these questions (all five by default)."""
    return Bank({question.id: question for question in questions or QUESTIONS})


def changed(number: int, **fields: Any) -> Bank:
    """The bank with one question (by its place) changed."""
    return bank(*(replace(q, **fields) if n == number else q for n, q in enumerate(QUESTIONS)))


def syllabus() -> Syllabus:
    """A syllabus that the five questions cover."""
    items = {}
    for name, title in (("T14", "正則化"), ("L01", "個人情報保護法")):
        keywords = {keyword for question in bank().of_item(name) for keyword in question.keywords}
        items[name] = Item(name, title, len(keywords), fingerprint(keywords))
    areas = (Area("ディープラーニングの基本", ("T14",)), Area("法律/契約", ("L01",)))
    return Syllabus("test", items, areas)


def write(root: Path) -> Path:
    """The bank, its syllabus and its pages as files below ``root``."""
    exam = root / "course" / "exam"
    (exam / "questions").mkdir(parents=True)
    (root / "course" / "notebooks").mkdir()
    (root / "course" / "handbook").mkdir()
    for item in PAGES:
        (root / "course" / "notebooks" / f"{item}-page.ipynb").write_text("{}", encoding="utf-8")
        (root / "course" / "handbook" / f"{item}-page.md").write_text("", encoding="utf-8")
        questions = [_entry(question) for question in bank().of_item(item)]
        _dump(exam / "questions" / f"{item}.yaml", {"item": item, "questions": questions})
    areas = [
        {"title": area.title, "items": [vars(syllabus().items[item]) for item in area.items]}
        for area in syllabus().areas
    ]
    _dump(
        exam / "syllabus.yaml",
        {"syllabus_version": "test", "attribution": "JDLA非公式です。", "areas": areas},
    )
    return root


def _entry(question: Question) -> dict[str, Any]:
    choices = [
        {("right" if choice.right else "wrong"): choice.text, "why": choice.why}
        | ({"value": choice.value} if choice.value else {})
        for choice in question.choices
    ]
    entry = {
        "id": question.id, "form": question.form, "ask": question.ask, "difficulty": question.difficulty,
        "keywords": list(question.keywords), "stem": question.stem, "choices": choices,
        "see": list(question.see), "as_of": question.as_of, "source": question.source,
        "numbers": question.numbers,
    }  # fmt: skip
    return {key: value for key, value in entry.items() if value}


def _dump(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
