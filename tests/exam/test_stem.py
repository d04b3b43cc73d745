"""Stems in pieces."""

from __future__ import annotations

from pathlib import Path

from autograder.exam.stem import Paragraph, StemTable, pieces
from autograder.exam.trainer import read_questions


def test_paragraphs_and_tables():
    stem = (
        "混同行列です。\n次のとおり。\n\n| 実際 | 予測 |\n|:---|---:|\n| あり | 30 |\n| なし |\n\n何%ですか。"
    )
    assert pieces(stem) == [
        Paragraph(("混同行列です。", "次のとおり。")),
        StemTable(("実際", "予測"), (("あり", "30"), ("なし", "")), (False, True)),
        Paragraph(("何%ですか。",)),
    ]


def test_a_table_without_empty_lines_around_it_and_an_escaped_bar():
    stem = "前\na | b\n--|--\n1 \\| 2 | 3\n後"
    assert pieces(stem) == [
        Paragraph(("前",)),
        StemTable(("a", "b"), (("1 | 2", "3"),), (False, False)),
        Paragraph(("後",)),
    ]


def test_a_bar_in_a_text_is_no_table():
    assert pieces("P(A|B)を求めます。\n答えは1つです。") == [
        Paragraph(("P(A|B)を求めます。", "答えは1つです。"))
    ]
    assert pieces("") == []


def test_no_text_of_the_bank_is_lost(repo: Path):
    def squeezed(text: str) -> str:
        return "".join(text.split()).replace("|", "").replace("\\", "").replace(":", "").replace("-", "")

    bank, _ = read_questions(repo / "course/exam/questions")
    for question in bank:
        shown = "".join(
            "".join(piece.lines)
            if isinstance(piece, Paragraph)
            else "".join(map("".join, (piece.head, *piece.rows)))
            for piece in pieces(question.stem)
        )
        assert squeezed(shown) == squeezed(question.stem), question.id
