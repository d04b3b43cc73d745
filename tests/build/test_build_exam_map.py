"""The map of the question bank in ``course/exam/README.md``."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.build.exam_map import BEGIN, END, keywords, refresh, render
from course.build.problems import TextError
from course.build.site import Course
from tests.exam import small_bank

MAP = f"""{BEGIN}

全部で5問（知識2問、計算1問、事例2問）です。シラバスtestの2項目にあります。

JDLA非公式です。

## ディープラーニングの基本

| ページ | 問題 | キーワード（問題の番号） |
| --- | ---: | --- |
| [T14 正則化](../handbook/T14-page.md) | 3 | ラッソ回帰（01、03）、L1正則化（02、03） |

## 法律/契約

| ページ | 問題 | キーワード（問題の番号） |
| --- | ---: | --- |
| [L01 個人情報保護法](../handbook/L01-page.md) | 2 | 個人情報（01）、要配慮個人情報（02） |

{END}
"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    small_bank.write(tmp_path)
    (tmp_path / "course" / "exam" / "README.md").write_text(f"# 問題\n\n{BEGIN}\n{END}\n", encoding="utf-8")
    return Course(tmp_path)


def test_the_map_is_written_once(course):
    readme = course.root / "course" / "exam" / "README.md"
    assert [d.path for d in refresh(course, write=False)] == ["course/exam/README.md"]
    assert BEGIN + "\n" + END in readme.read_text(encoding="utf-8")
    assert [d.path for d in refresh(course)] == ["course/exam/README.md"]
    assert readme.read_text(encoding="utf-8") == f"# 問題\n\n{MAP}"
    assert refresh(course) == []


def test_keywords_stand_in_the_order_of_the_questions():
    assert keywords(small_bank.QUESTIONS[1:3]) == {"L1正則化": ["T14-02", "T14-03"], "ラッソ回帰": ["T14-03"]}


def test_an_item_without_questions_or_page():
    text = render(small_bank.bank(*small_bank.QUESTIONS[:3]), small_bank.syllabus(), [], "")
    assert "| T14 正則化 | 3 |" in text
    assert "| L01 個人情報保護法 | 0 | — |" in text


def test_a_bar_in_a_keyword_does_not_end_the_cell():
    bank = small_bank.changed(0, keywords=("a|b",))
    assert "a\\|b（01）" in render(bank, small_bank.syllabus(), [], "")


def test_a_bank_that_cannot_be_read_is_told(course):
    (course.root / "course" / "exam" / "questions" / "T14.yaml").write_text("item: T15\n", encoding="utf-8")
    with pytest.raises(TextError, match=r"T14\.yaml"):
        refresh(course)


def test_a_readme_without_a_place_is_told(course):
    (course.root / "course" / "exam" / "README.md").write_text("# 問題\n", encoding="utf-8")
    with pytest.raises(TextError, match="一覧の場所に書いてください"):
        refresh(course)


def test_a_clone_without_a_readme_has_no_map(course):
    (course.root / "course" / "exam" / "README.md").unlink()
    assert refresh(course) == []


def test_the_committed_map_is_what_the_questions_make(repo):
    assert refresh(Course(repo), write=False) == [], "python -m course.build exam を実行してください。"
