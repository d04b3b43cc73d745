# ruff: noqa: E501  (texts and tables of mistakes read better on one line)
"""Pages of the handbook: questions, terms and sources are read, rendered, and their mistakes told."""

from __future__ import annotations

import pytest
import small_page
from small_course import edit

from course.build.assignment import read_assignment
from course.build.bold import bolds
from course.build.handbook import Term, read_page
from course.build.problems import TextError
from course.build.session import read_session, session_notebook
from autograder.exam.syllabus import Item, fingerprint, read_syllabus


@pytest.fixture
def path(small):
    return small_page.put(small.root)


def problems(path, small):
    with pytest.raises(TextError) as caught:
        read_page(path, small.datasets)
    return caught.value.problems


# --- questions -----------------------------------------------------------------------------------


def test_a_question_is_read(path, small):
    first, second, third = read_page(path, small.datasets).questions
    assert (first.name, first.label, first.right) == ("q1", "問1", "イ")
    assert first.stem == "市民課の予測が外れました。最も適切なものを1つ選んでください。"
    assert [c.right for c in first.choices] == [False, True, False, False]
    assert first.choices[1].text == "罰を足す"
    assert first.choices[1].reason == "モデルが単純になります。\n\nこれが正則化です。"
    assert small_page.PAGE.split("\n")[first.line - 1] == ":::{question} q1"
    assert (second.right, third.right) == ("ア", "エ")


def test_a_question_is_prose_with_its_answer_folded(path, small):
    cells = session_notebook(read_session(path, small.datasets)).cells
    text = next(c.source for c in cells if "問1" in c.source)
    asked, answer = text[text.index("**問1**") : text.index("**問2**")].split("<details>")
    assert "**問1** 市民課の予測が外れました。" in asked and "- 「ア」 罰をなくす\n- 「イ」 罰を足す\n" in asked
    assert "<div" not in asked and "[x]" not in text and "正解" not in asked
    assert "<summary>答えと理由</summary>\n\n正解は「イ」です。\n\n- 「ア」 × 複雑なモデルのままです。\n" in answer
    assert "- 「イ」 ○ モデルが単純になります。\n\n  これが正則化です。\n- 「ウ」 ×" in answer


def test_a_beyond_box_says_that_it_is_beyond(path, small):
    text = "\n".join(c.source for c in session_notebook(read_session(path, small.datasets)).cells)
    assert "**発展（シラバスの外）：重み減衰**" in text


MISTAKES_IN_QUESTIONS = [
    ("- [x] 罰を足す", "- [ ] 罰を足す", "正しい選択肢（[x]）が0個", ":::{question} q1"),
    ("- [ ] 罰をなくす", "- [x] 罰をなくす", "正しい選択肢（[x]）が2個", ":::{question} q1"),
    ("- [ ] データを減らす\n  かえって外れます。\n", "", "選択肢が3個です", ":::{question} q1"),
    ("  学習と関係がありません。\n", "", "「画面を直す」に理由がありません", "- [ ] 画面を直す"),
    ("  学習と関係がありません。\n", "学習と関係がありません。\n", "2文字分の字下げ", "学習と関係がありません。"),
    ("- [ ] 画面を直す", "- [] 画面を直す", "は選択肢の書き方ではありません", "- [] 画面を直す"),
    ("市民課の予測が外れました。最も適切なものを1つ選んでください。\n", "", "問題文がありません", ":::{question} q1"),
    (":::{question} q2", ":::{question} q4", "「q2」にしてください", ":::{question} q4"),
    (":::{question} q2", ":::{question} two", "qと番号だけで", ":::{question} two"),
    (":::{question} q2", ":::{question}", "問の名前を続けて", ":::{question}"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said", "place"), MISTAKES_IN_QUESTIONS)
def test_mistakes_in_a_question_are_told_where_they_are(path, small, old, new, said, place):
    edit(path, old, new)
    lines = path.read_text(encoding="utf-8").split("\n")
    told = [p for p in problems(path, small) if said in p.message]
    assert told and place in [lines[p.line - 1] for p in told]


def test_a_question_is_for_the_handbook_only(small):
    question = small_page.PAGE[small_page.PAGE.index(":::{question} q1") :]
    lesson = small.root / "course/sessions/02-waiting.md"
    lesson.write_text(lesson.read_text(encoding="utf-8") + f"\n{question}", encoding="utf-8")
    with pytest.raises(TextError, match=r"「\{question\}」はハンドブックのページだけ"):
        read_session(lesson, small.datasets)
    text = small.root / "assignments/text/ps2.md"
    edit(text, ":::{goal} q1", f"{question}\n\n:::{{goal}} q1")
    with pytest.raises(TextError, match=r"「\{question\}」はハンドブックのページだけ"):
        read_assignment(text, small.datasets)


# --- terms ---------------------------------------------------------------------------------------


def test_terms_are_read_with_their_english_from_the_body(path, small):
    page = read_page(path, small.datasets)
    assert page.terms == (
        Term("正則化", "正則化", "せいそくか", "学習に罰を足す工夫。", "", False, "regularization"),
        Term("ドロップアウト", "ドロップアウト", "ドロップアウト", "学習中に一部を休ませる工夫。", "", False, "dropout"),
        Term("LASSO", "ラッソ回帰", "ラッソ", "係数を0にする回帰。", "", False,
             "least absolute shrinkage and selection operator"),
        Term("勾配消失問題", "勾配消失問題", "", "", "T15", False, ""),
        Term("重み減衰", "重み減衰", "おもみげんすい", "重みを少しずつ小さくする工夫。", "", True, "weight decay"),
    )  # fmt: skip
    assert page.keywords == {"正則化", "ドロップアウト", "ラッソ回帰", "勾配消失問題"}


def test_a_name_in_latin_letters_is_its_own_english(path, small):
    edit(path, "**LASSO**（least absolute shrinkage and selection operator）", "**LASSO**")
    assert read_page(path, small.datasets).terms[2].english == "LASSO"


MISTAKES_IN_TERMS = [
    ("reading: せいそくか, ", "", "用語「正則化」に「reading:」", "term: 正則化"),
    ("reading: ラッソ, ", "", "用語「LASSO」に「reading:」", "term: LASSO"),
    ("reading: せいそくか", "reading: 正則か", "用語「正則化」に「reading:」", "term: 正則化"),
    (", line: 学習に罰を足す工夫。", "", "「line:」（一言の説明）か「see:」", "term: 正則化"),
    ("see: T15", "see: T15, line: 説明", "「line:」（一言の説明）か「see:」", "term: 勾配消失問題"),
    ("see: T15", "see: 誤差逆伝播法", "項目の番号で", "term: 勾配消失問題"),
    ("{term: 正則化, reading", "{term: 正則化, yomi", "「yomi:」は知らない名前", "term: 正則化"),
    ("extra: true", "extra: yes please", "「extra:」は true だけ", "term: 重み減衰"),
    ("- {term: 正則化,", "- {name: 正則化,", "に「term:」がありません", "name: 正則化"),
    ("term: LASSO, keyword: ラッソ回帰", "term: 正則化", "2つあります", "term: 正則化, reading: ラッソ"),
    ("**ドロップアウト**（dropout）", "ドロップアウト", "用語「ドロップアウト」の定義が本文に", "term: ドロップアウト"),
    ("**正則化**（regularization）", "**正則化**(regularization)", "用語「正則化」の英語がありません", "**正則化**(reg"),
    ("罰を足す工夫です。**LASSO**", "**罰**を足す工夫です。**LASSO**", "太字「罰」は先頭の設定", "**罰**を足す"),
    ("item: T14", "item: T15", "ファイル名「T14-regularization.md」が合いません", "item: T15"),
    ("data: [visits.csv]", "data: [visits.csv]\nsession: 3", "「session:」は知らない名前", "session: 3"),
    ("data: [visits.csv]", "data: [visits.csv]\nas_of: さいきん", "2026-11 の形で", "as_of: さいきん"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said", "place"), MISTAKES_IN_TERMS)
def test_mistakes_in_terms_are_told_where_they_are(path, small, old, new, said, place):
    edit(path, old, new)
    lines = path.read_text(encoding="utf-8").split("\n")
    told = [p for p in problems(path, small) if said in p.message]
    assert told and any(place in lines[p.line - 1] for p in told), told


def test_which_bold_is_a_definition():
    prose = """\
## **見出し**の中

**できるようになること**

**必要なもの** 第2回を終えていること。

- **ひとこと**：ラベルです。
- ここで**定義**（definition、意味）をします。**名前**（かな）

> **この回の問い**

| **列** |
|---|
| **中身**（cell (of a table)） |

:::{note}
**箱の中**（inside a box）
:::
"""
    found = bolds(prose, 11)
    assert [(b.text, b.english) for b in found if not b.is_label] == [
        ("定義", "definition"),
        ("名前", ""),
        ("中身", "cell (of a table)"),
        ("箱の中", "inside a box"),
    ]
    assert {b.text: b.line for b in found} == {
        "見出し": 11, "できるようになること": 13, "必要なもの": 15, "ひとこと": 17, "定義": 18, "名前": 18,
        "この回の問い": 20, "列": 22, "中身": 24, "箱の中": 27,
    }  # fmt: skip


# --- sources -------------------------------------------------------------------------------------

SOURCE = "sources:\n  - {name: ある法律, where: 第2条, url: https://example.org/law, as_of: 2025-06}\n"


def test_sources_are_read(path, small):
    edit(path, "terms:\n", f"as_of: 2026-11\n{SOURCE}terms:\n")
    page = read_page(path, small.datasets)
    (source,) = page.sources
    assert (source.name, source.where, source.as_of, page.as_of) == ("ある法律", "第2条", "2025-06", "2026-11")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", where: 第2条", "", "に「where:」がありません"),
        ("https://example.org/law", "example.org", "https:// から"),
        ("as_of: 2025-06}", "as_of: 去年}", "2025-06 の形で"),
        ("  - {name: ある法律", "  - {title: ある法律", "「title:」は知らない名前"),
    ],
)
def test_mistakes_in_sources_are_told(path, small, old, new, said):
    line = edit(path, "terms:\n", f"{SOURCE}terms:\n") + 1
    edit(path, old, new)
    assert any(p.line == line and said in p.message for p in problems(path, small))


# --- the syllabus --------------------------------------------------------------------------------


def test_the_syllabus_is_whole(course):
    syllabus = read_syllabus(course.root)
    ids = [f"T{n:02d}" for n in range(1, 38)] + [f"L{n:02d}" for n in range(1, 19)]
    assert list(syllabus.items) == ids
    assert syllabus.keywords == 495


def test_a_set_of_keywords_is_proved_without_a_list():
    item = Item("T14", "正則化", 2, fingerprint(["正則化", "サポートベクターマシン(SVM)"]))
    assert item.missing(["サポートベクターマシン（SVM）", "正則化"]) == ""  # full-width or not: the same
    assert "キーワードが1個です（シラバスは2個）" in item.missing(["正則化"])
    assert "キーワードが3個です（シラバスは2個）" in item.missing(["正則化", "い", "ろ"])
    assert "数は合っていますが" in item.missing(["正則化", "サポートベクトルマシン(SVM)"])
