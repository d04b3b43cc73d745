# ruff: noqa: E501  (texts and tables of mistakes read better on one line)
"""The check of the handbook: on the real pages, and what it says of each thing that a page lacks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import small_page
from small_course import edit
from typer.testing import CliRunner

from autograder.exam.syllabus import fingerprint, read_syllabus
from course.build import wording
from course.build.__main__ import app
from course.build.check import check, missing_items
from course.build.links import Links, documents
from course.build.site import Course

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course(ROOT)
TEXTS = [*COURSE.session_texts(), *COURSE.assignment_texts()]


# --- the real texts ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", COURSE.handbook_texts(), ids=lambda p: p.stem)
def test_a_page_has_everything(path: Path):
    problems = check(COURSE, [path]).problems
    assert not problems, "\n".join(map(str, problems))


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_a_texts_words_and_links_are_right(path: Path):
    problems = check(COURSE, [path]).problems
    assert not problems, "\n".join(map(str, problems))


def test_links_of_readmes_and_data_cards_are_right():
    links = Links(COURSE)
    problems = [problem for path in documents(COURSE) for problem in links.problems(path)]
    assert not problems, "\n".join(map(str, problems))


def test_every_item_of_the_syllabus_has_its_page():
    assert missing_items(COURSE, read_syllabus(ROOT)) == []


# --- a small handbook ----------------------------------------------------------------------------

SYLLABUS = """\
syllabus_version: test
areas:
  - title: 1
    items:
      - {{id: T14, title: 正則化, keywords: 4, fingerprint: "{technical}"}}
      - {{id: T15, title: 誤差逆伝播法, keywords: 1, fingerprint: "{other}"}}
      - {{id: L01, title: 個人情報保護法, keywords: 1, fingerprint: "{law}"}}
"""

LAW = """\
---
title: 個人情報保護法
item: L01
minutes: 12
as_of: 2026-11
terms:
  - {term: 個人情報, reading: こじんじょうほう, line: だれのことかわかる情報。}
sources:
  - {name: ある法律, where: 第2条, url: https://example.org/law, as_of: 2025-06}
---
# L01　個人情報保護法

> **その名簿は、渡してよいか**

## 決まり（4分）

**個人情報**（personal information）は、だれのことかわかる情報です。

| 決まり | 公的部門（市役所） | 民間 |
|---|---|---|
| 利用目的 | 第61条 | 第17条 |

## こういうときは、どう判断するか（2分）

| 場面 | 判断 |
|---|---|
| 名簿 | 渡さない |

### 事例1　名簿

渡しません。

### 事例2　写真

消します。

:::{beyond} 外国
ほかの国にもあります。
:::

"""


@pytest.fixture
def handbook(small: Course) -> Course:
    (small.root / "course/exam").mkdir()
    prints = {
        "technical": fingerprint(small_page.KEYWORDS),
        "other": fingerprint(["連鎖律"]),
        "law": fingerprint(["個人情報"]),
    }
    (small.root / "course/exam/syllabus.yaml").write_text(SYLLABUS.format(**prints), encoding="utf-8")
    shutil.copy(ROOT / "course/terms.yaml", small.root / "course/terms.yaml")
    small_page.put(small.root)
    return small


@pytest.fixture
def page(handbook: Course) -> Path:
    return handbook.handbook_texts()[0]


@pytest.fixture
def law(handbook: Course) -> Path:
    end = small_page.PAGE[small_page.PAGE.index("## 2. 似た") :]
    end = end.replace("**ドロップアウト**（dropout）", "ドロップアウト").replace("T14-0", "L01-0")
    return small_page.put(handbook.root, LAW + end, "L01-personal-information")


def told(course: Course, path: Path) -> list[str]:
    return [problem.message for problem in check(course, [path]).problems]


def test_a_whole_page_lacks_nothing(handbook, page, law):
    report = check(handbook, [page, law])
    assert report.problems == ()
    assert report.rows == (
        ("T14", "正則化", "12", "4/4", "2", "1", "3", "3", "1", "1/1", "—", "—"),
        ("L01", "個人情報保護法", "12", "1/1", "0", "1", "3", "3", "1", "0/0", "—", "—"),
    )


LACKS = [
    ("minutes: 12", "minutes: 9", "節の時間の合計"),
    ("> **来庁者数の予測が、なぜ来月に外れるのか**", "", "ページの問い"),
    ("keyword: ラッソ回帰, ", "", "数は合っていますが"),
    ("## 2. 似た言葉を見分ける（2分）", "## 2. 言葉（2分）", "「## 似た言葉を見分ける（N分）」がありません"),
    ("| 見分け方 |", "| 手がかり |", "最後の列が「見分け方」の表がありません"),
    ("- 「試験でも休ませる」→ 学習中だけです。\n", "", "「よくある間違い」の「- 」が2個です"),
    ("## 3. よくある間違い（2分）", "## 3. 間違い（2分）", "「## よくある間違い（N分）」がありません"),
    ("## 4. 確かめる（2分）", "## 4. 問い（2分）", "「## 確かめる（N分）」がありません"),
    (":::{beyond} 重み減衰", ":::{note} 重み減衰", "発展の箱"),
    (':shows: ["4"]\n\n', "", "「:shows:」のあるコードセルがありません"),
    ('show_figure("罰を強くすると、係数が3から0まで下がる折れ線グラフ")', "plt.show()", "plt.show() の代わりに"),
    ('show_figure("罰を強くすると、係数が3から0まで下がる折れ線グラフ")', 'fig.suptitle("罰")', "で終えてください"),
    ("罰を強くすると、係数が3から0まで下がる折れ線グラフ", "グラフ", "代替テキストが短すぎます"),
    ("4行です。", "4行です。[表](../../datasets/no.csv)", "リンク「../../datasets/no.csv」の先にファイルがありません"),
    ("4行です。", "4行です。[前](T14-other.ipynb)", "リンク「T14-other.ipynb」の先にファイルがありません"),
    ("4行です。", "4行です。[上](#ない見出し)", "当たる見出しが T14-regularization.md にありません"),
    ("4行です。", "4行です。![図](pictures/no.png)", "リンク「pictures/no.png」"),
    ("朝の市民課です。", "朝の問合せです。", "「問合せ」は「問い合わせ」と書いてください"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), LACKS)
def test_what_a_page_lacks_is_told(handbook, page, old, new, said):
    edit(page, old, new)
    assert any(said in message for message in told(handbook, page)), told(handbook, page)


def test_a_missing_keyword_is_counted(handbook, page):
    edit(page, "  - {term: ドロップアウト, line: 学習中に一部を休ませる工夫。}\n", "")
    edit(page, "**ドロップアウト**（dropout）", "ドロップアウト")
    (message,) = told(handbook, page)
    assert message.startswith("T14：キーワードが3個です（シラバスは4個）。")


def test_a_page_asks_three_questions_where_they_belong(handbook, page):
    text = page.read_text(encoding="utf-8")
    line = text[: text.index("## 4. 確かめる")].count("\n") + 1

    def problems(*, near: str, put: str) -> list[tuple[int, str]]:
        page.write_text(text.replace(near, put), encoding="utf-8")
        return [(problem.line, problem.message) for problem in check(handbook, [page]).problems]

    ((at, said),) = problems(near=":::{question} T14-03\n:::\n", put="")
    assert at == line and said.startswith("問題（:::{question} T14-01）が2個です。ちょうど3個に")
    assert "が4個です" in problems(near="4行です。", put="4行です。\n\n:::{question} T14-04\n:::")[0][1]
    moved = text.replace(":::{question} T14-03\n:::\n", "").replace("4行です。", ":::{question} T14-03\n:::")
    page.write_text(moved, encoding="utf-8")
    assert told(handbook, page) == ["「確かめる」の外に問題があります。3個ともこの節に置いてください。"]


def test_right_choices_in_one_place_are_told(handbook, page):
    bank = handbook.bank / "T14.yaml"
    text = bank.read_text(encoding="utf-8")
    for old, new in (("休ませる", "消す"), ("に", "ろ")):
        text = text.replace(f"right: {old}", f"wrong: {old}").replace(f"wrong: {new}", f"right: {new}")
    bank.write_text(text, encoding="utf-8")
    (problem,) = check(handbook, [page]).problems
    assert problem.message.startswith("正解がどれも「B」です。ほかの問題を選ぶか、T14.yaml で")
    assert page.read_text(encoding="utf-8").split("\n")[problem.line - 1] == ":::{question} T14-01"


def test_words_of_the_questions_are_checked_with_their_page(handbook, page, law):
    line = edit(handbook.bank / "T14.yaml", "2つ目の問題です。", "2つ目の問合せです。")
    (problem,) = check(handbook, [page]).problems
    assert problem.path.endswith("questions/T14.yaml") and problem.line == line
    assert "「問合せ」は「問い合わせ」と" in problem.message
    assert check(handbook, [law]).problems == ()
    assert problem in check(handbook).problems


def test_a_long_page_is_told(handbook, page):
    edit(page, "minutes: 12", "minutes: 22")
    edit(page, "## 1. 罰を足す（6分）", "## 1. 罰を足す（16分）")
    assert any("10〜20にしてください（今の値：22）" in message for message in told(handbook, page))


LAW_LACKS = [
    ("as_of: 2026-11\n", "", "先頭の設定に「as_of:」がありません"),
    ("sources:\n  - {name: ある法律, where: 第2条, url: https://example.org/law, as_of: 2025-06}\n", "", "先頭の設定に「sources:」"),
    ("## こういうときは、どう判断するか（2分）", "## 場面（2分）", "判断の表がありません"),
    ("### 事例2　写真", "### 写真", "見出し「### 事例2 …」がありません"),
    ("| 公的部門（市役所） |", "| 市 |", "「公的部門（市役所）」と「民間」の列"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), LAW_LACKS)
def test_what_a_page_of_law_lacks_is_told(handbook, law, old, new, said):
    edit(law, old, new)
    assert any(said in message for message in told(handbook, law)), told(handbook, law)


def test_a_word_explained_elsewhere_must_be_there(handbook, page):
    other = small_page.put(
        handbook.root,
        "---\ntitle: 誤差逆伝播法\nitem: T15\nterms:\n  - {term: 連鎖律, reading: れんさりつ, line: 掛ける。}\n---\n"
        "# T15\n\n**連鎖律**（chain rule）です。\n",
        "T15-backpropagation",
    )
    assert any("「see: T15」ですが、T15-backpropagation の" in message for message in told(handbook, page))
    edit(other, "terms:\n", "terms:\n  - {term: 勾配消失問題, reading: こうばい, line: 消える。}\n")
    edit(other, "です。", "です。**勾配消失問題**（vanishing gradient problem）です。")
    assert told(handbook, page) == []


# --- links ---------------------------------------------------------------------------------------


def test_links_that_are_right(handbook, page):
    edit(
        page,
        "4行です。",
        "4行です。[回](02-waiting.ipynb)、[節](02-waiting.ipynb#1.-開く（12分）)、[表](../../datasets/visits.csv)、"
        "[課題](../../assignments/ps2/ps2.ipynb)、[用語集](glossary.ipynb)、[上](#1.-罰を足す（6分）)、"
        "[外](https://example.org/x#y)、`[コード](no.md)`",
    )
    assert told(handbook, page) == []


def test_links_to_pages_that_are_still_to_be_written_wait(handbook, page):
    edit(page, "4行です。", "4行です。[次](T15-backpropagation.ipynb)")
    report = check(handbook, [page])
    assert report.problems == () and report.waiting == ("T15",)


def test_anchors_in_readmes_are_githubs(handbook):
    readme = handbook.root / "README.md"
    readme.write_text(
        "# 宝探し A & B\n\n[上](#宝探し-a--b) [中](#宝探し) [本文](course/sessions/02-waiting.md)\n",
        encoding="utf-8",
    )
    (problem,) = Links(handbook).problems(readme)
    assert "「#宝探し」" in problem.message and problem.line == 3


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("問合せと問合わせ", ["問合せ", "問合わせ"]),
        ("サポートベクターマシンはベクターを使う", ["ベクター"]),
        ("部分からわかる。30分から始める。意味が分かる", ["分かる"]),
        ("第五世代コンピュータとコンピュータ", ["コンピュータ"]),
        ("ユーザビリティとユーザー", []),
        ("「閾値」とも言います。「雛形」「ひながた」とも書きます。", []),
        ("**過学習**（overfitting、オーバーフィッティング）は、訓練データに", ["訓練データ"]),
        ("試験用のデータは、テストデータとも言います", []),
        ("閾値は「しきい値」とも言います", ["閾値"]),
        ("ハイパーパラメーター", ["パラメーター"]),
    ],
)
def test_words(tmp_path, line, found):
    path = tmp_path / "text.md"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    problems = wording.problems(path, wording.read_words(ROOT))
    assert sorted(p.message.split("」")[0][1:] for p in problems) == sorted(found)
    assert all(p.line == 2 for p in problems)


def test_no_preferred_form_is_forbidden():
    words = wording.read_words(ROOT)
    for word in words:
        for preferred in word.preferred.split("・"):
            assert not any(v.search(preferred) for w in words for v in w.variants), preferred


# --- the command ---------------------------------------------------------------------------------


def run(course: Course, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *arguments, "--root", str(course.root)])
    return done.exit_code, done.output


def test_the_command_on_one_page(handbook, page):
    status, said = run(handbook, "T14")
    assert status == 0 and "T14     正則化  12         4/4" in said
    assert "3ページ中 1 ページ、キーワード 4/6" in said and "まだ無いページ（" not in said
    edit(page, ":::{beyond}", ":::{note}")
    status, said = run(handbook, "T14")
    assert status == 1 and "T14-regularization.md:1: 発展の箱" in said and "直す所が1か所あります。" in said
    assert run(handbook, "T99")[0] == 2


def test_the_command_on_everything_names_what_is_missing(handbook, law):
    status, said = run(handbook)
    assert status == 1 and "まだ無いページ（1）：T15\n" in said
    (handbook.root / "course/sessions/README.md").write_text("[x](no.md)\n", encoding="utf-8")
    assert "README.md:1: リンク「no.md」" in run(handbook)[1]
    assert "README.md:1" not in run(handbook, "T14")[1]


def test_a_page_that_cannot_be_read_is_in_the_table(handbook, page):
    edit(page, "reading: せいそくか, ", "")
    status, said = run(handbook, "T14")
    assert status == 1 and "（読めません）" in said and "「reading:」（かなの読み）" in said


def test_measured_costs_are_shown(handbook, page):
    (page.parent / "README.md").write_text(
        "| [T14 正則化](T14-regularization.md) | 問い | — | 12 | 3.2 | 202 |\n", encoding="utf-8"
    )
    assert check(handbook, [page]).rows[0][-2:] == ("3.2", "202")
