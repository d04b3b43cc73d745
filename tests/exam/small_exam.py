"""A small course with an exam: three areas, five items, 60 questions, formats of 12 and 4 questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from autograder.materials import Materials

#: Area → item → (title, number of keywords, number of questions)
AREAS: dict[str, dict[str, tuple[str, int, int]]] = {
    "AIの歩み": {"T01": ("人工知能の定義", 5, 12), "T02": ("探索", 3, 8)},
    "機械学習": {"T07": ("教師あり学習", 10, 20), "T10": ("評価", 6, 12)},
    "法律": {"L01": ("個人情報保護法", 4, 8)},
}
NAMES = {"T01": "definition", "T02": "search", "T07": "supervised", "T10": "evaluation", "L01": "personal"}
FORMS = ("知識", "事例", "計算")

_TABLE = "\n\n| 実際 | 予測あり | 予測なし |\n|---|---:|---:|\n| 滞納した | 30 | 20 |\n| 納めた | 10 | 40 |\n"


def question(item: str, number: int, keyword: str) -> dict[str, Any]:
    """One question; every fourth one is numeric, every seventh a combination."""
    form = FORMS[2] if number % 4 == 0 else FORMS[number % 2]
    texts = (
        ["10", "20", "30", "40"] if form == "計算" else [f"{item}の選択肢{n}-{number}" for n in range(1, 5)]
    )
    entry: dict[str, Any] = {
        "id": f"{item}-{number:02}",
        "form": form,
        "difficulty": number % 3 + 1,
        "keywords": [keyword],
        "stem": f"{item}の問題{number}です。正しいものを1つ選んでください。"
        + (_TABLE if form == "計算" else ""),
        "choices": [
            {("right" if place == number % 4 else "wrong"): text, "why": f"{text}の理由です。"}
            for place, text in enumerate(texts)
        ],
    }
    if number % 7 == 0 and form != "計算":
        entry["ask"] = "組み合わせ"
    if item.startswith("L"):
        entry |= {"as_of": "2026-11", "source": "個人情報保護法 第2条"}
    if number == 1:
        entry["see"] = ["T10"]
    return entry


def questions_of(item: str, keywords: int, count: int) -> list[dict[str, Any]]:
    return [question(item, number, f"{item}用語{number % keywords}") for number in range(1, count + 1)]


def write_yaml(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def write_exam(root: Path) -> Materials:
    """Write the course into ``root``."""
    exam = root / "course" / "exam"
    write_yaml(
        exam / "syllabus.yaml",
        {
            "syllabus_version": "test",
            "areas": [
                {
                    "title": area,
                    "items": [
                        {"id": item, "title": title, "keywords": keywords, "fingerprint": "0" * 16}
                        for item, (title, keywords, _) in items.items()
                    ],
                }
                for area, items in AREAS.items()
            ],
        },
    )
    write_yaml(
        exam / "blueprints.yaml",
        {
            "note": "割合は、この教材の見積もりです。",
            "areas": {"AIの歩み": 20, "機械学習": 50, "法律": 30},
            "forms": {"知識": 50, "事例": 30, "計算": 20},
            "blueprints": [
                {"name": "12", "title": "12問・10分", "questions": 12, "minutes": 10},
                {"name": "mini", "title": "ミニ模試（4問・3分）", "questions": 4, "minutes": 3},
                {"name": "huge", "title": "1000問", "questions": 1000, "minutes": 600},
            ],
        },
    )
    notebooks = root / "course" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks / "00-start.ipynb").write_text("{}", encoding="utf-8")
    for items in AREAS.values():
        for item, (_, keywords, count) in items.items():
            write_yaml(
                exam / "questions" / f"{item}.yaml",
                {"item": item, "questions": questions_of(item, keywords, count)},
            )
            (notebooks / f"{item}-{NAMES[item]}.ipynb").write_text("{}", encoding="utf-8")
    return Materials(root)
