# ruff: noqa: E501  (texts read better on one line)
"""The glossary is made of the pages' terms, in the order of a dictionary."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import small_page
from small_course import edit
from typer.testing import CliRunner

from course.build import glossary
from course.build.__main__ import app
from course.build.handbook import read_page
from course.build.site import build

OTHER = """\
---
title: 誤差逆伝播法
item: T15
terms:
  - {term: 勾配消失問題, reading: こうばいしょうしつもんだい, line: 勾配が|0に近づく問題。}
  - {term: バックプロパゲーション, extra: true, line: 誤差を後ろから伝える計算。}
  - {term: ぱらぱら, extra: true, line: 紙をめくる音。}
  - {term: ドロップアウト, line: 学校をやめること。}
  - {term: ε-greedy, reading: イプシロングリーディ, extra: true, line: ときどき試す。}
---
# T15　誤差逆伝播法

**勾配消失問題**（vanishing gradient problem）です。**バックプロパゲーション**（backpropagation）です。
**ぱらぱら**（rustling）と**ドロップアウト**（dropout）と**ε-greedy**です。
"""


@pytest.fixture
def paths(small):
    return [small_page.put(small.root), small_page.put(small.root, OTHER, "T15-backpropagation")]


@pytest.fixture
def pages(small, paths):
    return [read_page(path, small.datasets, small.bank) for path in paths]


def test_terms_stand_in_the_order_of_a_dictionary(pages):
    found = [(e.row, e.term.term, [p.item for p in e.pages]) for e in glossary.entries(pages)]
    assert found == [
        ("あ", "ε-greedy", ["T15"]),
        ("あ", "重み減衰", ["T14"]),
        ("か", "勾配消失問題", ["T15", "T14"]),
        ("さ", "正則化", ["T14"]),
        ("た", "ドロップアウト", ["T14"]),  # two meanings: an entry for each
        ("た", "ドロップアウト", ["T15"]),
        ("は", "バックプロパゲーション", ["T15"]),
        ("は", "ぱらぱら", ["T15"]),
        ("A–Z・数字", "LASSO", ["T14"]),
    ]


def test_a_term_without_a_home_as_yet_is_left_out(pages):
    assert "勾配消失問題" not in [e.term.term for e in glossary.entries(pages[:1])]


def test_a_long_sound_is_sorted_as_its_vowel():
    assert glossary._sorting("でーた") == glossary._sorting("てえた")
    assert sorted(["ぱらめーた", "ばけっと", "はい"], key=glossary._sorting) == [
        "はい",
        "ばけっと",
        "ぱらめーた",
    ]


def test_the_notebook(pages):
    made = glossary.notebook(pages)
    text = "\n\n".join(cell.source for cell in made.cells)
    assert made.metadata.takara == {"title": "用語集"} and text.startswith("# 用語集\n")
    assert "| 用語（読み） | English | ひとこと | ページ |" in text
    assert (
        "| 勾配消失問題（こうばいしょうしつもんだい） | vanishing gradient problem | 勾配が\\|0に近づく問題。 "
        "| [T15](T15-backpropagation.ipynb)、[T14](T14-regularization.ipynb) |"
    ) in text
    assert "| ドロップアウト | dropout |" in text  # all kana: no reading
    assert "[か](#か行)" in text and "## か行" in text and "な行" not in text


def test_building_a_page_builds_the_glossary(small, paths, tmp_path):
    assert build(small, paths[:1], tmp_path) == []
    built = nbformat.read(tmp_path / "course/notebooks/glossary.ipynb", as_version=4)
    assert "T15-backpropagation" in built.cells[2].source
    assert build(small, small.session_texts(), tmp_path / "sessions") == []
    assert not (tmp_path / "sessions/course/notebooks/glossary.ipynb").exists()


def test_an_unreadable_page_stops_the_glossary_only(small, paths, tmp_path):
    edit(paths[1], "line: 紙をめくる音。", "see: T99, line: 紙")
    assert build(small, paths[:1], tmp_path) == []
    assert (tmp_path / "course/notebooks/T14-regularization.ipynb").is_file()
    assert not (tmp_path / "course/notebooks/glossary.ipynb").exists()
    (problem,) = build(small, paths, tmp_path)
    assert "ぱらぱら" in problem.message


def test_the_glossary_may_not_drift(small, paths):
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*arguments, "--root", str(small.root)])
        return done.exit_code, done.output

    assert run("handbook")[0] == 0 and run("handbook", "--check")[0] == 0
    file = Path(small.root / "course/notebooks/glossary.ipynb")
    edit(paths[0], "line: 学習に罰を足す工夫。", "line: 学習に罰を足すこと。")
    status, said = run("handbook", "--check")
    assert status == 1 and "course/notebooks/glossary.ipynb: 中身が違います" in said
    assert run("T15")[0] == 0
    assert "罰を足すこと" in file.read_text(encoding="utf-8")
