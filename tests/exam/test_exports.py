"""Exports: each is read back by another program's reader and compared with the bank."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
import typst
from fontTools.ttLib import TTFont
from lxml import etree, html
from matplotlib_fontja import get_font_path

from autograder import cli
from autograder.exam import bank_command
from autograder.exam.bank import LETTERS, read_bank
from autograder.exam.exports import anki, moodle, paper, spreadsheet
from autograder.exam.exports.markup import as_html, as_typst
from autograder.exam.exports.sections import Section, drawn, sections
from autograder.exam.syllabus import read_syllabus
from tests.exam import small_bank
from tests.exam.small_bank import QUESTIONS

TITLES = {item.id: item.title for item in small_bank.syllabus().items.values()}
ALL = sections(small_bank.bank(), small_bank.syllabus())
EXPORTS = {
    "anki": anki.package,
    "moodle": moodle.quiz,
    "csv": spreadsheet.spreadsheet,
    "pdf": paper.drill_sheet,
}


@pytest.fixture(scope="module")
def real(repo: Path) -> tuple[list[Section], dict[str, str]]:
    """The sections and titles of the repository's bank."""
    syllabus = read_syllabus(repo)
    bank = read_bank(repo / "course" / "exam" / "questions")
    return sections(bank, syllabus), {item.id: item.title for item in syllabus.items.values()}


def questions_of(chosen: list[Section]) -> list:
    return [question for section in chosen for question in section.questions]


def texts_of(pdf: bytes) -> list[str]:
    """The text of every page, without spaces and line ends."""
    return ["".join(page.get_textpage().get_text_range().split()) for page in pypdfium2.PdfDocument(pdf)]


# --- what is exported ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "areas", "ids"),
    [
        ((), (), ["T14", "L01"]),
        (("L01",), (), ["L01"]),
        ((), ("ディープラーニングの基本",), ["T14"]),
        (("T14", "L01"), ("ディープラーニングの基本",), ["T14"]),
        (("L01",), ("ディープラーニングの基本",), []),
    ],
)
def test_items_and_areas(items, areas, ids):
    chosen = sections(small_bank.bank(), small_bank.syllabus(), items, areas)
    assert [section.item.id for section in chosen] == ids


def test_items_without_questions_are_left_out():
    chosen = sections(small_bank.bank(*QUESTIONS[:3]), small_bank.syllabus())
    assert [section.title for section in chosen] == ["T14 正則化"]


@pytest.mark.parametrize("form", EXPORTS)
def test_the_same_bytes_at_every_run(form, monkeypatch):
    first = EXPORTS[form](ALL, TITLES)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert EXPORTS[form](ALL, TITLES) == first


# --- markup ----------------------------------------------------------------------------------------


def test_a_text_is_only_paragraphs_and_tables():
    assert as_html("a*b*c <b>\n次の行\n\n`x_1`") == "<p>a*b*c &lt;b&gt;<br>\n次の行</p>\n<p>`x_1`</p>"
    table = html.fromstring(as_html(small_bank.TABLE)).find(".//table")
    rows = [[cell.text for cell in row] for row in table.iter("tr")]
    assert rows == [["実際", "予測あり", "予測なし"], ["あり", "30", "20"], ["なし", "10", "40"]]


@pytest.mark.parametrize(
    "text", ['#let x = "1"', "*a* _b_ $c$ <d> @e `f` // g", "\\ [h] {i} ~ -- ...", "= 見出し"]
)
def test_nothing_in_a_text_is_typst(text):
    pdf = typst.compile(as_typst(text).encode(), format="pdf", font_paths=[get_font_path()])
    assert texts_of(pdf) == ["".join(text.split())]


def test_a_table_in_typst():
    expected = '#table(columns: 2, table.header([#"a";], [#"b";], ), [#"1";], [#"2";], )'
    assert as_typst("前\n\n| a | b |\n|---|---|\n| 1 | 2 |\n") == f'#"前";\n\n{expected}'


# --- Anki ------------------------------------------------------------------------------------------


@pytest.fixture
def collection(tmp_path):
    """Opens the database inside an .apkg."""
    opened = []

    def open_package(content: bytes) -> sqlite3.Connection:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            assert set(package.namelist()) == {"collection.anki2", "media"}
            path = tmp_path / f"{len(opened)}.sqlite3"
            path.write_bytes(package.read("collection.anki2"))
        opened.append(sqlite3.connect(path))
        return opened[-1]

    yield open_package
    for connection in opened:
        connection.close()


def notes(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    found = [
        dict(zip(anki.FIELDS, row[0].split("\x1f"), strict=True))
        for row in connection.execute("SELECT flds FROM notes")
    ]
    return {fields["番号"]: fields for fields in found}


def test_anki_has_a_note_and_a_card_for_every_question(collection, real):
    chosen, titles = real
    connection = collection(anki.package(chosen, titles))
    ids = [question.id for question in questions_of(chosen)]
    assert sorted(notes(connection)) == sorted(ids)
    assert connection.execute("SELECT count(*), count(DISTINCT nid) FROM cards").fetchone() == (
        len(ids),
        len(ids),
    )
    (decks,) = connection.execute("SELECT decks FROM col").fetchone()
    names = {deck["name"] for deck in json.loads(decks).values()}
    assert {f"G検定対策（宝探しAI講座、JDLA非公式）::{s.area}::{s.title}" for s in chosen} <= names


def test_anki_fields(collection):
    fields = notes(collection(anki.package(ALL, TITLES)))
    combined = fields["T14-03"]
    assert combined["問題文"].startswith("<p>市役所の&lt;係&gt;が、a*b*c と x_1")
    assert [item.text for item in html.fromstring(combined["選択肢"]).iter("li")] == [
        f"{letter}　{choice.text}" for letter, choice in zip(LETTERS, QUESTIONS[2].choices, strict=True)
    ]
    assert combined["答え"] == f"{LETTERS[2]}　（ア）L1　（イ）ラッソ"
    reasons = html.fromstring(combined["理由"])
    assert [item.text for item in reasons.iter("div")] == [choice.why for choice in QUESTIONS[2].choices]
    assert [item.text for item in reasons.iter("li") if item.get("class") == "right"] == [
        f"{LETTERS[2]}　（ア）L1　（イ）ラッソ"
    ]
    assert fields["T14-02"]["ページ"] == "ハンドブック T14 正則化、L01 個人情報保護法"
    assert fields["L01-01"]["根拠"] == "個人情報保護法 第2条、2026-11 時点"
    assert fields["T14-01"]["根拠"] == ""


def test_anki_keeps_a_note_when_its_text_changes(collection):
    """What a person has learned hangs on the guid."""
    changed = sections(small_bank.changed(0, stem="新しい問題文です。"), small_bank.syllabus())
    guids = [
        dict(collection(anki.package(chosen, TITLES)).execute("SELECT sfld, guid FROM notes"))
        for chosen in (ALL, changed)
    ]
    assert guids[0] == guids[1]
    assert len(set(guids[0].values())) == len(QUESTIONS)


def test_anki_tags(collection):
    connection = collection(anki.package(ALL, TITLES))
    (tags,) = connection.execute("SELECT tags FROM notes WHERE sfld = 'L01-02'").fetchone()
    assert tags.split() == [
        "キーワード::要配慮個人情報",
        "項目::L01",
        "領域::法律/契約",
        "形式::知識",
        "難しさ::1",
    ]


def test_anki_tags_have_no_spaces(real):
    chosen, _ = real
    for section in chosen:
        for question in section.questions:
            assert all(re.fullmatch(r"[^\s]+", tag) for tag in anki._tags(section, question))


# --- Moodle ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def structure() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(Path(__file__).with_name("moodle.rng")))


def text_of(element: etree._Element, path: str) -> str:
    return element.findtext(f"{path}/text")


def test_moodle_structure_and_content(real, structure):
    chosen, titles = real
    root = etree.fromstring(moodle.quiz(chosen, titles))
    structure.assertValid(root)
    written = [element for element in root if element.get("type") == "multichoice"]
    for element, question in zip(written, questions_of(chosen), strict=True):
        assert element.findtext("idnumber") == f"takara-{question.id}"
        assert text_of(element, "questiontext") == as_html(question.stem)
        answers = element.findall("answer")
        assert [html.fromstring(a.findtext("text")).text for a in answers] == [
            c.text for c in question.choices
        ]
        assert [html.fromstring(text_of(a, "feedback")).text for a in answers] == [
            c.why for c in question.choices
        ]
        assert [a.get("fraction") for a in answers] == ["100" if c.right else "0" for c in question.choices]


def test_moodle_categories_and_order():
    root = etree.fromstring(moodle.quiz(ALL, TITLES))
    categories = [text_of(e, "category") for e in root if e.get("type") == "category"]
    assert categories[0].endswith("/ディープラーニングの基本/T14 正則化")
    assert categories[1].endswith("/法律//契約/L01 個人情報保護法")  # a slash in a name
    shuffled = {
        e.findtext("idnumber"): e.findtext("shuffleanswers") for e in root if e.find("single") is not None
    }
    assert shuffled == {
        "takara-T14-01": "true",
        "takara-T14-02": "false",  # numbers
        "takara-T14-03": "false",  # combinations
        "takara-L01-01": "true",
        "takara-L01-02": "true",
    }


def test_the_structure_refuses_what_moodle_cannot_read(structure):
    root = etree.fromstring(moodle.quiz(ALL, TITLES))
    root[1].find("questiontext").attrib.pop("format")
    assert not structure.validate(root)
    root = etree.fromstring(moodle.quiz(ALL, TITLES))
    root[1].find("answer").set("fraction", "right")
    assert not structure.validate(root)


# --- CSV -------------------------------------------------------------------------------------------


def test_csv_has_every_question(real):
    chosen, titles = real
    content = spreadsheet.spreadsheet(chosen, titles)
    assert content.startswith("\ufeff番号,".encode())
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, index_col="番号")
    assert list(table.columns) == list(spreadsheet.COLUMNS[1:])
    for question in questions_of(chosen):
        row = table.loc[question.id]
        assert row["問題文"].removeprefix("'") == question.stem
        assert [row[letter].removeprefix("'") for letter in LETTERS] == [c.text for c in question.choices]
        assert [row[f"{letter}の理由"].removeprefix("'") for letter in LETTERS] == [
            c.why for c in question.choices
        ]
        assert row["正解"] == LETTERS[question.answer]
        assert (row["時点"], row["根拠"].removeprefix("'")) == (question.as_of, question.source)
    assert not table.map(lambda cell: cell.startswith(("=", "+", "-", "@"))).any(axis=None)


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("＝1", "'＝1"), ("\t=1", "'\t=1"),
     ("−1", "−1"), ("1-2", "1-2"), ("", "")],
)  # fmt: skip
def test_no_cell_is_a_formula(cell, written):
    assert spreadsheet.safe(cell) == written


def test_every_mark_that_is_made_safe_is_documented(repo):
    text = (repo / "course" / "organiser" / "exam.md").read_text(encoding="utf-8")
    for mark in spreadsheet._FORMULA:
        assert {"\t": "タブ", "\r": "CR"}.get(mark, f"`{mark}`") in text


def test_csv_columns_are_documented(repo):
    text = (repo / "course" / "organiser" / "exam.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^|]+)` \|", text.partition("## CSVの列")[2], re.M)
    assert [name for row in listed for name in row.split("`、`")] == list(spreadsheet.COLUMNS)


# --- PDF -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> list[str]:
    return texts_of(paper.drill_sheet(ALL, TITLES))


def test_pdf_has_questions_first_and_then_the_key(pages):
    text = "".join(pages)
    asked, _, explained = text.partition("正解と理由")
    for question in QUESTIONS:
        for choice in question.choices:
            assert "".join(choice.text.split()) in asked
            assert "".join(choice.why.split()) in explained
            assert "".join(choice.why.split()) not in asked
        assert question.id in asked
        assert f"{question.id}正解{LETTERS[question.answer]}" in explained
    assert "T14-01AT14-02BT14-03C" in explained  # the key at a glance


def test_pdf_begins_with_a_page_to_answer_on(pages):
    assert "解答用紙" in pages[0]
    assert "名前" in pages[0] and "／5問" in pages[0]
    for question in QUESTIONS:
        assert question.id in pages[0]
        assert "".join(question.choices[0].text.split()) not in pages[0]


def test_pdf_without_answers():
    text = "".join(texts_of(paper.drill_sheet(ALL, TITLES, with_answers=False)))
    for question in QUESTIONS:
        assert "".join(question.choices[0].text.split()) in text
        assert "".join(question.choices[0].why.split()) not in text
        assert f"{question.id}正解" not in text


def test_pdf_pages_are_numbered(pages):
    for number, page in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in page


def test_pdf_of_the_real_bank_has_every_question(real):
    chosen, titles = real
    asked, _, explained = "".join(texts_of(paper.drill_sheet(chosen, titles))).partition("正解と理由")
    for question in questions_of(chosen):
        assert question.id in asked
        assert f"{question.id}正解{LETTERS[question.answer]}" in explained


def test_questions_are_not_broken_across_pages():
    """Long questions on a page that has no room left begin on the next one."""
    long = [
        replace(QUESTIONS[0], id=f"T14-{n:02}", stem=f"始{n:02}。" + "長い問題文です。" * 60)
        for n in range(9)
    ]
    section = Section("領域", small_bank.syllabus().items["T14"], tuple(long))
    pages = texts_of(paper.drill_sheet([section], TITLES))
    for n in range(9):
        (page,) = [page for page in pages if f"始{n:02}。" in page]
        rest = page.partition(f"始{n:02}。")[2].partition("始")[0]
        assert rest.count("長い問題文です。") == 60
        assert "D単純な平均" in rest


def test_every_character_of_the_bank_has_a_glyph(real):
    """IPAexGothic, or the font that typst itself brings for the few it lacks."""
    known = set(TTFont(Path(get_font_path()) / "ipaexg.ttf").getBestCmap())
    used = {
        char
        for question in questions_of(real[0])
        for text in (question.stem, question.source, *(c.text + c.why for c in question.choices))
        for char in text
    }
    assert {char for char in used if ord(char) not in known} <= {"\n", *"⁰⁴⁵⁶⁷⁸⁹"}


# --- the command -----------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path):
    return small_bank.write(tmp_path / "clone")


@pytest.mark.parametrize("form", EXPORTS)
def test_command_writes_the_file(root, tmp_path, capsys, form):
    out = tmp_path / "out" / f"file{bank_command.EXPORTS[form]}"
    command = ["bank", "export", form, str(out), "--force", "--root", str(root)]
    assert cli.main([*command, "--item", "T14"]) == 0
    assert f"3問を書き出しました: {out}" in capsys.readouterr().out
    chosen = [section for section in ALL if section.item.id == "T14"]
    assert out.read_bytes() == EXPORTS[form](chosen, TITLES)
    assert cli.main([*command, "--area", "法律"]) == 0
    assert "2問を書き出しました" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["word", "x"], "「word」という形はありません。anki、moodle、csv、pdf"),
        (["csv"], "形と、書くファイルを指定してください"),
        (["csv", "x.csv", "--item", "T77"], "「T77」という項目はありません"),
        (["csv", "x.csv", "--area", "医療"], "領域「医療」が決まりません。次のどれか"),
        (["csv", "x.csv", "--item", "L01", "--area", "ディープ"], "両方に合うものだけを選びます"),
        (["pdf", "x.apkg"], "pdf のファイルの名前は、.pdf で終わるように"),
        (["anki", "x"], "（例: takara.apkg）。書かれたのは x です。"),
        (["anki", "x.apkg", "--random", "3"], "--random は、csv と pdf のときだけ"),
        (["csv", "x.csv", "--seed", "3"], "--seed は、--random といっしょに"),
        (["csv", "x.csv", "--without-answers"], "--without-answers は、pdf のときだけ"),
    ],
)
def test_what_cannot_be_exported_is_said(root, capsys, arguments, told):
    assert cli.main(["bank", "export", *arguments, "--root", str(root)]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_there_is_kept(root, tmp_path, capsys):
    out = tmp_path / "mine.csv"
    out.write_text("mine", encoding="utf-8")
    command = ["bank", "export", "csv", str(out), "--root", str(root)]
    assert cli.main(command) == 2
    assert f"{out} がもうあります。ほかの名前にするか、上書きしてよければ --force" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "mine"
    assert cli.main([*command, "--force"]) == 0
    assert out.read_bytes() == spreadsheet.spreadsheet(ALL, TITLES)


def test_where_it_cannot_be_written_is_said(root, tmp_path, capsys):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    out = tmp_path / "file" / "takara.csv"
    assert cli.main(["bank", "export", "csv", str(out), "--root", str(root)]) == 2
    err = capsys.readouterr().err
    assert f"{out} を書けません。フォルダー {out.parent} に書きこめるか" in err
    assert "ほかのフォルダー" in err


def test_a_lot_gives_the_same_questions_again(root, tmp_path, capsys):
    command = [
        "bank",
        "export",
        "csv",
        str(tmp_path / "x.csv"),
        "--force",
        "--root",
        str(root),
        "--random",
        "3",
    ]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "3問を書き出しました" in out
    first = (tmp_path / "x.csv").read_bytes()
    seed = re.search(r"--seed (\d+)", out)[1]
    assert cli.main([*command, "--seed", seed]) == 0
    assert (tmp_path / "x.csv").read_bytes() == first


def test_a_lot_draws_among_the_questions():
    several = {tuple(question.id for question in questions_of(drawn(ALL, 3, seed))) for seed in range(20)}
    assert len(several) > 3
    order = [question.id for question in questions_of(ALL)]
    for ids in several:
        assert len(ids) == 3
        assert list(ids) == sorted(ids, key=order.index)
    assert questions_of(drawn(ALL, 99, 1)) == questions_of(ALL)


def test_a_missing_library_is_named(root, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "genanki", None)
    monkeypatch.delitem(sys.modules, "autograder.exam.exports.anki")
    assert cli.main(["bank", "export", "anki", str(tmp_path / "x.apkg"), "--root", str(root)]) == 2
    err = capsys.readouterr().err
    assert "pip install 'takara[instructor]'" in err and "genanki" in err
