# ruff: noqa: E501  (texts and tables of mistakes read better on one line)
"""Pages of the handbook: questions, terms and sources are read, rendered, and their mistakes told."""

from __future__ import annotations

import html
import re

import pytest
import small_page
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from small_course import edit

from autograder.exam.bank import Choice, Question
from autograder.exam.syllabus import Item, fingerprint, read_syllabus
from course.build.assignment import read_assignment
from course.build.bold import bolds
from course.build.handbook import Term, read_page
from course.build.problems import TextError
from course.build.questions import Asked, render
from course.build.session import read_session, session_notebook


@pytest.fixture
def path(small):
    return small_page.put(small.root)


def problems(path, small):
    with pytest.raises(TextError) as caught:
        read_page(path, small.datasets, small.bank)
    return caught.value.problems


# --- questions -----------------------------------------------------------------------------------


def test_questions_are_the_banks(path, small):
    first, second, third = read_page(path, small.datasets, small.bank).questions
    assert (first.question.id, first.label, first.right) == ("T14-01", "問1", "B")
    assert (second.question.id, second.label, second.right) == ("T14-02", "問2", "A")
    assert (third.question.id, third.label, third.right) == ("T14-03", "問3", "D")
    assert small_page.PAGE.split("\n")[first.line - 1] == ":::{question} T14-01"


def test_a_page_may_pick_and_order_its_questions(path, small):
    edit(path, "T14-01", "T14-04")
    asked = read_page(path, small.datasets, small.bank).questions
    assert [(a.number, a.question.id) for a in asked] == [(1, "T14-04"), (2, "T14-02"), (3, "T14-03")]


ASKED = """\
**問1** 市民課の予測が外れました。

| 月 | 外れ |
|---|---:|
| 4月 | 30 |

最も適切なものを1つ選んでください。

- 「A」 罰をなくす
- 「B」 罰を足す
- 「C」 画面を直す
- 「D」 データを減らす

<details>
<summary>答えと理由</summary>

正解は「B」です。

- 「A」 × 複雑なモデルのままです。
- 「B」 ○ モデルが単純になります。

  これが正則化です。
- 「C」 × 学習と関係がありません。
- 「D」 × かえって外れます。

</details>

"""


def test_a_question_is_prose_with_its_answer_folded(path, small):
    cells = session_notebook(read_session(path, small.datasets, small.bank)).cells
    text = next(c.source for c in cells if "問1" in c.source)
    asked = text[text.index("**問1**") : text.index("**問2**")]
    assert asked == ASKED


def test_a_table_at_the_beginning_stays_a_table(path, small):
    edit(small.bank / "T14.yaml", "    市民課の予測が外れました。\n\n", "")
    text = "\n".join(c.source for c in session_notebook(read_session(path, small.datasets, small.bank)).cells)
    assert "**問1**\n\n| 月 | 外れ |\n" in text


@pytest.mark.parametrize("to_html", [markdown2html_mistune, MarkdownIt("commonmark").enable("table").render])
def test_a_mark_in_a_question_is_the_character_itself(to_html):
    """As in the bank's other forms: only paragraphs and tables mean something."""
    stem = (
        "<係>がa*b*cと_x_、`y`、[z](w)を\n1. 数え\n# $30$と$40$で&lt;と\\でした。\n\n"
        "| *表* | a\\|b |\n|---|---|\n| 4 | ~~5~~ |"
    )
    choices = tuple(Choice(f"- {n}*い*", f"{n}*い*です。\n- 次の行", n == 2) for n in range(1, 5))
    question = Question("T14-01", "知識", "適切", 1, ("正則化",), stem, choices, ("T14",))
    page = to_html(render(Asked(question, 1, 1)))
    plain = html.unescape(re.sub(r"<[^>]+>", "", page))
    for shown in (
        "問1 <係>がa*b*cと_x_、`y`、[z](w)を\n1. 数え\n# $30$と$40$で&lt;と\\でした。\n",
        "*表*", "a|b", "~~5~~", "「B」 - 2*い*\n", "「B」 ○ 2*い*です。\n- 次の行\n",
    ):  # fmt: skip
        assert shown in plain, plain
    assert page.count("<table") == 1 and page.count("<li>") == 8 and page.count("<br") == 2 + 4
    assert not re.search("<(em|code|a|ol|h1|del|係)[ >]", page), page


def test_a_beyond_box_says_that_it_is_beyond(path, small):
    text = "\n".join(c.source for c in session_notebook(read_session(path, small.datasets, small.bank)).cells)
    assert "**発展（シラバスの外）：重み減衰**" in text


MISTAKES_IN_QUESTIONS = [
    ("T14-02", "T14-99", "問題「T14-99」は", "course/exam/questions/T14.yaml にありません。番号を確かめるか"),
    ("T14-02", "T15-01", "「T15-01」はほかの項目の問題です。", "T14-01 など、T14 の問題を選んでください。"),
    ("T14-02", "T14-01", "問題「T14-01」が2つあります。", "ほかの問題を選んでください。"),
    ("T14-02", "q2", "「:::{question} T14-01」のように、", "問題の番号だけを書いてください。"),
    ("T14-02", "T14-02 くじ", "「:::{question} T14-01」のように、", "問題の番号だけを書いてください。"),
    (" T14-02", "", "「{question}」には問題の番号を続けて", "（例：:::{question} T14-01）"),
    ("T14-02\n", "T14-02\n- [x] 罰\n", "問題の文は T14.yaml に書きます。", "「:::{question} T14-02」と、次の行の「:::」だけ"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said", "to_do"), MISTAKES_IN_QUESTIONS)
def test_mistakes_in_a_question_are_told_where_they_are(path, small, old, new, said, to_do):
    line = edit(path, old, new)
    (problem,) = problems(path, small)
    assert problem.line == line and problem.path.endswith("T14-regularization.md")
    assert problem.message.startswith(said) and to_do in problem.message


def test_questions_that_cannot_be_read_are_told_with_their_file(path, small):
    bank = small.bank / "T14.yaml"
    edit(bank, "right: 休ませる", "wrong: 休ませる")
    (problem,) = problems(path, small)
    assert (problem.path, problem.line) == (bank.as_posix(), 0)
    assert problem.message == "T14-02 正解（right:）は1つです。"
    bank.write_text("item: [", encoding="utf-8")
    assert "YAMLとして読めません" in problems(path, small)[0].message
    bank.unlink()
    (problem,) = problems(path, small)
    assert small_page.PAGE.split("\n")[problem.line - 1] == ":::{question} T14-01"
    assert "T14.yaml がありません。そこに問題を書いて" in problem.message


def test_a_question_is_for_the_handbook_only(small):
    question = ":::{question} T14-01\n:::\n"
    lesson = small.root / "course/sessions/02-waiting.md"
    lesson.write_text(lesson.read_text(encoding="utf-8") + f"\n{question}", encoding="utf-8")
    with pytest.raises(TextError, match=r"「\{question\}」はハンドブックのページだけ"):
        read_session(lesson, small.datasets, small.bank)
    text = small.root / "assignments/text/ps2.md"
    edit(text, ":::{goal} q1", f"{question}\n\n:::{{goal}} q1")
    with pytest.raises(TextError, match=r"「\{question\}」はハンドブックのページだけ"):
        read_assignment(text, small.datasets)


# --- terms ---------------------------------------------------------------------------------------


def test_terms_are_read_with_their_english_from_the_body(path, small):
    page = read_page(path, small.datasets, small.bank)
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
    assert read_page(path, small.datasets, small.bank).terms[2].english == "LASSO"


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
    page = read_page(path, small.datasets, small.bank)
    (source,) = page.sources
    assert (source.name, source.where, source.as_of, page.as_of) == (
        "ある法律",
        "第2条",
        "2025-06",
        "2026-11",
    )


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
