"""The checker of the whole bank: a sound bank passes, and each fault shows in its own check."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autograder import cli
from autograder.exam import bank_check, blind_record
from autograder.exam.bank import LETTERS, Bank, Choice, read_readable
from autograder.exam.bank_check import check_bank, pages_in
from autograder.exam.blind_record import Line
from autograder.exam.guessers import longest, middle_number, most_like_stem, score, shortest
from autograder.exam.similarity import alike
from tests.exam import small_bank
from tests.exam.small_bank import PAGES, QUESTIONS, changed


@pytest.fixture(autouse=True)
def small_minimum(monkeypatch):
    monkeypatch.setattr(bank_check, "MINIMUM", {"全部": 5, "計算": 1, "事例": 2})
    # Five questions cannot be balanced; the real limit is tested on its own below.
    monkeypatch.setattr(bank_check, "MOST_OF_LONGEST", 0.9)


def answered(bank: Bank) -> list[Line]:
    return [Line(question.id, question.fingerprint, "○", "2026-11-30", "A") for question in bank]


def failing(bank: Bank, record=None, pages=PAGES, schema=()) -> dict[str, tuple[str, ...]]:
    record = answered(bank) if record is None else record
    results = check_bank(bank, small_bank.syllabus(), pages, record, schema)
    return {result.key: result.problems for result in results if not result.ok}


def test_a_sound_bank_has_no_problem():
    assert failing(small_bank.bank()) == {}


def test_figures():
    results = {r.key: r for r in check_bank(small_bank.bank(), small_bank.syllabus(), PAGES, [])}
    assert results["coverage"].figures == {"proved": 4, "wanted": 4}
    assert results["questions"].figures == {"全部": 5, "知識": 2, "計算": 1, "事例": 2}
    assert results["ask"].figures == {"適切": 3, "不適切": 1, "組み合わせ": 1}
    assert results["difficulty"].figures == {"難しさ1": 2, "難しさ2": 2, "難しさ3": 1}
    assert results["areas"].figures == {"ディープラーニングの基本": 3, "法律/契約": 2}
    assert {place: results["positions"].figures[place] for place in LETTERS} == {
        "A": 1,
        "B": 1,
        "C": 2,
        "D": 1,
    }
    assert results["blind"].figures["unanswered"] == 5


@pytest.mark.parametrize(
    ("bank", "keys", "told"),
    [
        (changed(0, keywords=("リッジ回帰",)), {"coverage"}, "T14：問題のキーワードは3個、シラバスは2個"),
        (changed(4, keywords=("要配慮",)), {"coverage"}, "数は合っていますが"),
        (changed(4, keywords=("個人情報",)), {"coverage"}, "L01：問題のキーワードは1個"),
        (small_bank.bank(*QUESTIONS[:3]), {"coverage", "questions"}, "L01：問題がありません"),
        (changed(0, id="T99-01"), {"coverage"}, "T99：シラバスに無い項目"),
        (changed(0, keywords=tuple("abcd")), {"coverage", "keywords"}, "キーワードが4個"),
        (changed(1, numbers="right, total = 31 + 40, 100"), {"values"}, "T14-02：選択肢「70%」"),
        (changed(3, as_of=""), {"law"}, "L01-01：「as_of:」がありません"),
        (changed(3, source=""), {"law"}, "L01-01：「source:」がありません"),
        (changed(4, stem="要配慮個人情報の例を1つ選んでください。"), {"not"}, "L01-02：問題文が"),
        (changed(0, see=("T14", "T98")), {"links"}, "T14-01：T98 のページがありません"),
        (small_bank.bank(*QUESTIONS, replace(QUESTIONS[4], id="L01-03", stem=QUESTIONS[4].stem * 2)),
         {"alike"}, "L01-02 と L01-03：ほとんど同じ問題です"),
    ],
)  # fmt: skip
def test_a_fault_shows_in_its_own_check(bank, keys, told):
    problems = failing(bank)
    assert set(problems) == keys
    assert told in "\n".join(line for lines in problems.values() for line in lines)


def test_too_few_questions_of_a_form(monkeypatch):
    monkeypatch.setattr(bank_check, "MINIMUM", {"全部": 5, "計算": 2, "事例": 2})
    assert failing(small_bank.bank()) == {"questions": ("計算が1問です（2問以上）。",)}


def many(answers: list[int]) -> Bank:
    """Questions of the first kind with their right choice at these places, and nothing else in common."""
    questions = []
    for number, place in enumerate(answers):
        texts = [
            f"{chr(0x4E00 + 40 * number + 10 * n)}{chr(0x5E00 + 40 * number + 10 * n)}" for n in range(4)
        ]
        choices = tuple(Choice(text, "理由", n == place) for n, text in enumerate(texts))
        stem = chr(0x6E00 + 7 * number) * 5
        questions.append(replace(QUESTIONS[0], id=f"T14-{number:02}", stem=stem, choices=choices))
    return small_bank.bank(*questions)


def test_uneven_positions_are_told():
    assert "positions" not in failing(many([0, 1, 2, 3] * 5))
    (problem,) = failing(many([2] * 12 + [0, 1, 3]))["positions"]
    assert "A 1、B 1、C 12、D 1" in problem


def test_a_bank_that_length_gives_away_is_told(monkeypatch):
    monkeypatch.setattr(bank_check, "MOST_OF_LONGEST", 0.32)
    even = many([0, 1, 2, 3] * 3)
    assert "guessers" not in failing(even)
    long = [
        replace(q, choices=tuple(replace(c, text=c.text * (1 + c.right)) for c in q.choices)) for q in even
    ]
    (problem,) = failing(small_bank.bank(*long))["guessers"]
    assert "100.0%" in problem


def test_guessers_share_their_pick_among_equals():
    first, numeric = QUESTIONS[0], QUESTIONS[1]
    assert score(longest, [first]) == 0.25  # all four have five characters
    assert score(shortest, [numeric]) == pytest.approx(1 / 3)
    assert score(longest, [numeric]) == 0.0
    assert score(middle_number, [numeric]) == 0.5
    like = replace(first, stem="ラッソ回帰の説明です。")
    assert score(most_like_stem, [like]) == 1.0
    assert score(longest, [numeric, first]) == 0.125
    assert score(longest, []) == 0.0


def test_alike_ignores_the_order_of_choices():
    turned = replace(QUESTIONS[0], id="T14-09", choices=QUESTIONS[0].choices[::-1])
    (pair,) = alike([*QUESTIONS, turned], 0.9)
    assert (pair.first, pair.second) == ("T14-01", "T14-09")
    assert pair.cosine == pytest.approx(1.0)


def test_a_copy_with_another_scene_is_alike():
    scene = "水道課の職員が、漏水の記録を40列の手がかりから読みたいと考えています。"
    told = "係数をちょうど0にして、要らない列を減らせる方法はどれですか。"
    one = replace(QUESTIONS[0], stem=scene + told)
    two = replace(QUESTIONS[0], id="T14-09", stem="図書館の担当者は、来館者の数を当てたいそうです。" + told)
    pairs = alike([*QUESTIONS[1:], one, two], bank_check.ALIKE)
    assert [(pair.first, pair.second) for pair in pairs] == [("T14-01", "T14-09")]


def test_blind_answers_are_looked_at():
    bank = small_bank.bank()
    lines = answered(bank)
    assert failing(bank, lines[1:])["blind"] == ("T14-01：まだ、書いた人ではない人に答えられていません。",)
    lines[0] = replace(lines[0], agreed="×")
    assert "合わず" in failing(bank, lines)["blind"][0]
    lines[0] = replace(lines[0], outcome=blind_record.KEPT, reason="好みの問題")
    assert failing(bank, lines) == {}


@pytest.fixture
def root(tmp_path):
    return small_bank.write(tmp_path)


def test_files_are_read_and_pages_found(root):
    bank, problems = read_readable(root / "course" / "exam" / "questions")
    assert problems == []
    assert list(bank) == list(QUESTIONS)
    assert pages_in(root / "course" / "notebooks") == PAGES


def test_a_file_that_cannot_be_read_does_not_hide_the_others(root):
    (root / "course" / "exam" / "questions" / "T14.yaml").write_text("item: [", encoding="utf-8")
    bank, problems = read_readable(root / "course" / "exam" / "questions")
    assert [question.id for question in bank] == ["L01-01", "L01-02"]
    assert problems and str(problems[0]).startswith("T14.yaml：YAMLとして読めません")


def test_command_prints_a_table_and_the_problems(root, capsys):
    assert cli.main(["bank", "check", "--root", str(root)]) == 1
    out = capsys.readouterr().out
    assert "4/4" in out
    assert "まだ、書いた人ではない人に答えられていません" in out


def test_command_is_quiet_about_a_sound_bank(root, capsys):
    record = root / blind_record.PATH
    record.write_bytes(blind_record.written(answered(small_bank.bank())))
    assert cli.main(["bank", "check", "--root", str(root)]) == 0
    assert "要対応" not in capsys.readouterr().out


def test_command_for_machines(root, capsys):
    assert cli.main(["bank", "check", "--json", "--root", str(root)]) == 1
    results = {result["key"]: result for result in json.loads(capsys.readouterr().out)}
    assert results["coverage"]["ok"] is True
    assert results["coverage"]["figures"]["proved"] == 4
    assert results["blind"]["ok"] is False


def test_command_without_a_bank_says_where_it_looked(tmp_path, capsys):
    assert cli.main(["bank", "check", "--root", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "問題のフォルダーがありません" in err
    assert str(tmp_path) in err
