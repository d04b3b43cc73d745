"""Spaced review: the rule for ratings, when a card comes back, cards of questions that changed."""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3

import pytest
from fsrs import Rating

from autograder.exam.bank import Bank
from autograder.exam.progress import Mode
from autograder.exam.review import due_at, due_next, due_today, rating_of, reviewed
from tests.exam.clocks import START

DAY = datetime.timedelta(days=1)


@pytest.fixture
def question(small_bank):
    return small_bank.questions["T07-01"]


@pytest.mark.parametrize(
    ("form", "right", "seconds", "rating"),
    [
        ("知識", False, 3, Rating.Again),
        ("知識", True, 3, Rating.Good),
        ("知識", True, 61, Rating.Hard),
        ("事例", True, 61, Rating.Good),
        ("計算", True, 179, Rating.Good),
        ("計算", True, 181, Rating.Hard),
        ("計算", False, 999, Rating.Again),
    ],
)
def test_ratings(form, right, seconds, rating):
    assert rating_of(form, right, seconds) == rating


def test_right_answers_come_back_later_and_later(question):
    card, at, waits = None, START, []
    for _ in range(4):
        card = reviewed(card, question, True, 20, at)
        waits.append((due_at(card) - at) / DAY)
        at = due_at(card)
    assert waits == sorted(waits)
    assert waits[0] >= 1
    assert waits[-1] > 3 * waits[0]


def test_a_wrong_answer_comes_back_soon(question):
    card = reviewed(None, question, True, 20, START)
    at = due_at(card)
    wrong = reviewed(card, question, False, 20, at)
    assert due_at(wrong) - at <= 2 * DAY < due_at(reviewed(card, question, True, 20, at)) - at


def test_slow_comes_back_before_quick(question):
    card = reviewed(None, question, True, 20, START)
    at = due_at(card)
    assert due_at(reviewed(card, question, True, 999, at)) < due_at(reviewed(card, question, True, 9, at))


def test_it_is_the_same_on_every_machine(question):
    """No fuzz, no clock of py-fsrs's, an id that depends on the question alone."""
    first, second = (reviewed(None, question, True, 20, START) for _ in range(2))
    assert first == second
    assert json.loads(first.card)["card_id"] == 0x39BEB09269A6
    assert due_at(first).tzinfo == datetime.UTC


def test_today_is_the_local_day(small_bank, question):
    card = reviewed(None, question, True, 20, START)
    due = due_at(card)
    assert due_today([card], small_bank, due - 2 * DAY) == []
    local_morning = due.astimezone().replace(hour=0, minute=1)
    assert due_today([card], small_bank, local_morning.astimezone(datetime.UTC)) == [question]


def test_the_next_day_with_cards(small_bank, question):
    import dataclasses

    first = reviewed(None, question, True, 20, START)
    later = [
        reviewed(None, small_bank.questions[id_], True, 20, START + 5 * DAY) for id_ in ("T07-02", "T07-03")
    ]
    day = due_at(first).astimezone().date()
    assert due_next([*later, first], small_bank, START) == (day, 1)
    assert due_next([*later, first], small_bank, due_at(first)) == (due_at(later[0]).astimezone().date(), 2)
    gone = dataclasses.replace(first, question="T99-01")
    changed = dataclasses.replace(first, fingerprint="of an older text")
    assert due_next([gone, changed], small_bank, START) is None


def test_the_most_forgotten_comes_first(small_bank):
    old = reviewed(None, small_bank.questions["T07-02"], False, 20, START - 9 * DAY)
    new = reviewed(None, small_bank.questions["T07-01"], True, 20, START - 9 * DAY)
    assert [q.id for q in due_today([new, old], small_bank, START)] == ["T07-02", "T07-01"]


def test_changed_questions_come_at_once_and_missing_ones_never(small_bank, question):
    import dataclasses

    card = reviewed(None, question, True, 20, START)
    changed = dataclasses.replace(question, stem="直した問題文です。")
    assert due_today([card], Bank({question.id: changed}), START) == [changed]
    assert due_today([card], Bank({}), START + 99 * DAY) == []


@pytest.mark.parametrize("text", ["{}", '{"card_id": "x"}', "[]", "null", '{"card_id":1,"state":9}'])
def test_an_unreadable_card_begins_anew(small_bank, question, text):
    import dataclasses

    broken = dataclasses.replace(reviewed(None, question, True, 20, START), card=text)
    assert due_today([broken], small_bank, START) == [question]
    assert due_at(broken) == START
    assert reviewed(broken, question, True, 20, START) == reviewed(None, question, True, 20, START)


def test_a_card_of_a_clock_years_ahead_comes_back_all_the_same(open_trainer, clock):
    trainer = open_trainer()
    clock.forward(days=3650)
    (sheet,) = trainer.drill(count=1, seed=1)
    trainer.answer(sheet, (sheet.right_place + 1) % 4, 10, Mode.DRILL, "s")
    clock.forward(days=-3650)
    assert open_trainer().review() == []
    clock.forward(days=3)
    trainer = open_trainer()
    assert [one.question for one in trainer.review()] == [sheet.question]
    assert trainer.readiness().area(_area_of(trainer, sheet.question)).days_since == pytest.approx(3)
    trainer.answer(sheet, sheet.right_place, 10, Mode.REVIEW, "r")
    assert trainer.review() == []
    clock.forward(days=40)
    assert [one.question for one in open_trainer().review()] == [sheet.question]


def _area_of(trainer, question) -> str:
    return next(area.title for area in trainer.syllabus.areas if question.item in area.items)


def test_cards_that_damage_took_away_are_made_from_the_answers(tmp_path, open_trainer, clock):
    trainer = open_trainer()
    for sheet in trainer.drill(count=5, seed=1):
        trainer.answer(sheet, sheet.right_place, 10, Mode.DRILL, "s")
    clock.forward(days=3)
    for sheet in trainer.drill(count=2, seed=2):
        trainer.answer(sheet, (sheet.right_place + 1) % 4, 10, Mode.DRILL, "t")
    before = trainer.progress.cards()
    trainer.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "progress.sqlite3")) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'cards'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    raw = bytearray((tmp_path / "progress.sqlite3").read_bytes())
    raw[(page - 1) * size : page * size] = b"\xff" * size
    (tmp_path / "progress.sqlite3").write_bytes(raw)
    trainer = open_trainer()
    assert trainer.progress.cards() == before
    assert f"復習カード{len(before)}枚を、残っていた解答から作り直しました。" in "".join(trainer.notices)


def test_an_answer_anywhere_makes_and_moves_the_card(open_trainer, clock):
    trainer = open_trainer()
    (sheet,) = trainer.drill(count=1, seed=1)
    assert trainer.review() == []
    trainer.answer(sheet, (sheet.right_place + 1) % 4, 10, Mode.DRILL, "s")
    clock.forward(days=3)
    (again,) = trainer.review()
    assert again.question == sheet.question
    trainer.answer(again, again.right_place, 10, Mode.REVIEW, "r")
    assert trainer.review() == []
    assert len(trainer.progress.cards()) == 1
