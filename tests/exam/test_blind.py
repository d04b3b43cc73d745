"""Blind answering: the sheet gives nothing away, letters map back, the record tells what is open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder import cli
from autograder.exam import blind, blind_record
from autograder.exam.bank import LETTERS
from autograder.exam.blind import Answer, AnswersError, compare, read_answers, sheet, shuffled, tagged
from autograder.exam.blind_record import (
    KEPT,
    KEY_CHANGED,
    MENDED,
    Line,
    RecordError,
    State,
    appended,
    read_record,
    state,
    written,
)
from tests.exam import small_bank
from tests.exam.small_bank import QUESTIONS

FIRST_ORDER = ["主成分回帰", "リッジ回帰", "単純な平均", "ラッソ回帰"]
BANK = {question.id: question for question in QUESTIONS}


def right_letter(question) -> str:
    return next(letter for letter, choice in zip(LETTERS, shuffled(question), strict=True) if choice.right)


def wrong_letter(question) -> str:
    return next(letter for letter in LETTERS if letter != right_letter(question))


def test_the_order_does_not_hang_on_the_file():
    for question in QUESTIONS:
        turned = replace(question, choices=question.choices[::-1])
        assert shuffled(turned) == shuffled(question)


def test_the_order_is_another_one_for_another_question():
    """Right answers move about, so that the file's order gives nothing away."""
    stems = [replace(QUESTIONS[0], stem=f"{number}番") for number in range(400)]
    letters = [right_letter(question) for question in stems]
    assert all(70 < letters.count(letter) < 130 for letter in LETTERS)


def test_the_order_never_changes():
    """A record of answers by letters would lose its meaning."""
    assert [choice.text for choice in shuffled(QUESTIONS[0])] == FIRST_ORDER


def test_the_sheet_gives_nothing_away():
    text = sheet(QUESTIONS)
    for question in QUESTIONS:
        assert tagged(question) in text
        assert question.stem in text
        for letter, choice in zip(LETTERS, shuffled(question), strict=True):
            assert f"- {letter}：{choice.text}\n" in text
            assert choice.why not in text
    assert "正解率" in text  # of a stem
    assert "ラッソ回帰、" not in text  # keywords
    assert "T14-02-" in text and "value" not in text


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("T14-01-3f2a,A\nL01-02,？\n", [Answer("T14-01", "3f2a", "A"), Answer("L01-02", "", "？")]),
        ("\ufeff番号,記号,気づいたこと\n\n# 済み\nT14-01 , ｂ ,\n", [Answer("T14-01", "", "B")]),
        ('T14-01,?,"AかBか, 迷う"\n', [Answer("T14-01", "", "？", "AかBか, 迷う")]),
        ('T14-01,D,"2行\nです"\r\n', [Answer("T14-01", "", "D", "2行\nです")]),
        ("T14-01,D,言葉が,古い\r\n", [Answer("T14-01", "", "D", "言葉が,古い")]),
    ],
)
def test_answers_are_read(text, answers):
    assert read_answers(text) == answers


def test_every_unreadable_line_is_told():
    with pytest.raises(AnswersError) as caught:
        read_answers("T14-01,E\nT14-02\n十四,A\nT14-03,A\nT14-03,B\n")
    lines = str(caught.value).splitlines()
    assert [line.partition("：")[0] for line in lines] == ["1行目", "2行目", "3行目", "5行目"]
    assert lines[0].startswith("1行目：T14-01 の記号「E」は使えません")


def test_letters_map_back_after_the_author_moved_the_choices():
    question = QUESTIONS[0]
    turned = {question.id: replace(question, choices=question.choices[::-1])}
    for letter, choice in zip(LETTERS, shuffled(question), strict=True):
        (verdict,) = compare(turned, [Answer(question.id, question.fingerprint[:4], letter)])
        assert verdict.picked == choice
        assert verdict.agrees == choice.right


def test_not_sure_does_not_agree():
    (verdict,) = compare(BANK, [Answer("T14-01", "", blind.UNSURE)])
    assert verdict.picked is None
    assert not verdict.agrees


def test_an_answer_to_an_older_wording_is_refused():
    with pytest.raises(AnswersError, match="T14-01：シートを作ったあとで問題が変わりました"):
        compare(BANK, [Answer("T14-01", "0000", "A")])
    with pytest.raises(AnswersError, match="T77-01：この番号の問題はありません"):
        compare(BANK, [Answer("T77-01", "", "A")])


def test_a_verdict_in_full():
    question = QUESTIONS[0]
    letter = wrong_letter(question)
    (verdict,) = compare(BANK, [Answer("T14-01", "", letter, "迷いました")])
    text = blind.describe(verdict)
    assert question.stem in text
    assert "ラッソ回帰［正解］" in text
    assert f"{letter}：{verdict.picked.text}［回答者］" in text
    assert all(choice.why in text for choice in question.choices)
    assert "気づいたこと：迷いました" in text


def line(number: int = 0, **fields) -> Line:
    question = QUESTIONS[number]
    return replace(Line(question.id, question.fingerprint, "○", "2026-11-30", "A"), **fields)


def test_the_record_comes_back_as_written(tmp_path):
    lines = [
        line(),
        line(1, agreed="×", picked="30%", remark='"a", b', outcome=MENDED, reason="2行\nにわたる"),
    ]
    path = tmp_path / "blind.csv"
    path.write_bytes(written(lines))
    assert read_record(path) == lines
    assert read_record(tmp_path / "none.csv") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("question\n", "1行目は「question,fingerprint,agreed,date,who,picked,remark,outcome,reason」です"),
        (written([line()]).decode().replace("○", "yes"), "agreed は○、×、？のどれか"),
        (written([line(outcome="なおした")]).decode(), "outcome は直した、正解を変えた、そのままのどれか"),
        (written([line(outcome=KEPT)]).decode(), "reason に理由を短く"),
        (written([line()]).decode().replace(",A,", ","), "列は9個です（今は8個）"),
    ],
)
def test_an_unreadable_record_is_told(tmp_path, text, told):
    path = tmp_path / "blind.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=told.replace("（", "（")):
        read_record(path)


def test_the_same_answer_is_kept_once():
    assert appended([line()], [line(date="2026-12-01"), line(1)]) == [line(), line(1)]
    assert len(appended([line()], [line(who="B")])) == 2


def now(lines) -> State:
    return state(QUESTIONS[:2], lines)


def test_state_of_an_empty_record():
    empty = now([])
    assert (empty.first_pass, empty.rate, empty.unanswered) == (0, 0.0, ["T14-01", "T14-02"])


def test_the_first_answer_counts_for_the_rate():
    found = now([line(agreed="×"), line(), line(1)])
    assert (found.first_pass, found.agreed_at_first, found.rate) == (2, 1, 0.5)
    assert found.unsettled == []  # answered again, and the second answer agrees


@pytest.mark.parametrize("agreed", ["×", "？"])
def test_a_disagreement_needs_an_outcome(agreed):
    assert now([line(agreed=agreed)]).unsettled == ["T14-01"]
    assert now([line(agreed=agreed, outcome=KEPT, reason="理由")]).unsettled == []


def test_a_changed_question_needs_a_new_answer_or_a_word():
    old = line(fingerprint="0" * 12)
    assert now([old]).changed == ["T14-01"]
    for outcome in (MENDED, KEY_CHANGED):
        found = now([replace(old, outcome=outcome, reason="理由")])
        assert (found.changed, found.mended) == ([], ["T14-01"])
    assert now([replace(old, outcome=KEPT, reason="理由")]).changed == ["T14-01"]
    again = now([replace(old, outcome=MENDED, reason="理由"), line()])
    assert (again.changed, again.mended) == ([], [])


def test_answers_to_questions_that_are_gone():
    assert now([line(3)]).unknown == ["L01-01"]


@pytest.fixture
def root(tmp_path):
    return small_bank.write(tmp_path)


def test_commands_from_sheet_to_record(root, tmp_path, capsys):
    made = tmp_path / "sheet.md"
    assert cli.main(["bank", "sheet", "T14", "L01-02", "--out", str(made), "--root", str(root)]) == 0
    assert "4問のシートを書きました" in capsys.readouterr().out
    assert made.read_text(encoding="utf-8") == sheet([*QUESTIONS[:3], QUESTIONS[4]])

    answers = tmp_path / "answers.csv"
    first, second = QUESTIONS[0], QUESTIONS[1]
    answers.write_text(
        f"{tagged(first)},{right_letter(first)},よい問題\n{tagged(second)},{wrong_letter(second)}\n",
        encoding="utf-8",
    )
    command = ["bank", "blind", str(answers), "--who", "回答者A", "--root", str(root)]
    assert cli.main(command) == 1
    out = capsys.readouterr().out
    assert "■ T14-02" in out and "■ T14-01" not in out
    assert "T14-01：よい問題" in out
    assert "2問のうち、正解と合ったのは1問です。" in out
    kept = read_record(root / blind_record.PATH)
    assert [(k.question, k.agreed, k.who) for k in kept] == [
        ("T14-01", "○", "回答者A"),
        ("T14-02", "×", "回答者A"),
    ]
    assert kept[1].picked and not kept[0].picked

    assert cli.main(command) == 1  # a second time adds nothing
    assert read_record(root / blind_record.PATH) == kept
    capsys.readouterr()

    assert cli.main(["bank", "sheet", "--due", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert "## T14-01" not in out and "## T14-03" in out and "## L01-01" in out


def test_without_a_record_nothing_is_written(root, tmp_path, capsys):
    answers = tmp_path / "answers.csv"
    answers.write_text(f"T14-01,{right_letter(QUESTIONS[0])}\n", encoding="utf-8")
    assert cli.main(["bank", "blind", str(answers), "--no-record", "--root", str(root)]) == 0
    assert not (root / blind_record.PATH).exists()
    assert "1問は、番号に指紋がありません" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sheet", "T77"], "「T77」の問題のファイルがありません"),
        (["sheet", "../x"], "「../x」の問題のファイルがありません"),
        (["sheet", "T14-77"], "「T14-77」という問題は"),
        (["blind", "none.csv", "--who", "A"], "答えを比べられませんでした"),
        (["blind", "none.csv"], "答えた人を指定してください"),
    ],
)
def test_what_cannot_be_done_is_said(root, capsys, arguments, told):
    assert cli.main(["bank", *arguments, "--root", str(root)]) == 2
    assert told in capsys.readouterr().err
