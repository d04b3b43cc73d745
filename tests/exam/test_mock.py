"""A mock exam with its clock: no interruption loses anything, and the score is what a hand counts."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.exam.bank import Bank
from autograder.exam.mock import MockExam, slot_sheet
from autograder.exam.progress import Mode, Progress, ProgressError
from autograder.exam.result import result_of
from autograder.exam.sitting import State
from autograder.exam.trainer import Trainer
from tests.exam.clocks import Clock, Stopwatch


def timed(trainer: Trainer, watch: Stopwatch, **options) -> MockExam:
    """The unfinished mock exam, with a clock that the test sets."""
    return MockExam(trainer.progress, trainer.bank, trainer.unfinished_mock(), clock=watch, **options)


@pytest.fixture
def trainer(open_trainer) -> Trainer:
    return open_trainer()


@pytest.fixture
def exam(trainer) -> MockExam:
    trainer.start_mock("12", seed=1)
    return timed(trainer, Stopwatch())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.none() | st.integers(0, 3), st.none() | st.integers(0, 11)),
        st.tuples(st.just("flag"), st.booleans(), st.none() | st.integers(0, 11)),
        st.tuples(st.just("go_to"), st.integers(0, 11)),
        st.tuples(st.just("tick")),
        st.tuples(st.just("pause")),
        st.tuples(st.just("submit")),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(steps=STEPS, seconds=st.floats(0, 90), seed=st.integers(0, 5))
def test_any_interruption_resumes_to_the_same_state(small_materials, steps, seconds, seed):
    """After every single step the program dies; the next one goes on where it was."""
    with tempfile.TemporaryDirectory() as folder:
        path, watch = Path(folder) / "p.sqlite3", Stopwatch()
        with Trainer(path, small_materials) as trainer:
            begun = trainer.start_mock("12", seed=seed)
            number, expected = begun.id, begun.sitting
        for name, *arguments in steps:
            with Trainer(path, small_materials) as trainer:
                stored = trainer.progress.sitting(number)
                assert stored.sitting == expected
                exam = MockExam(trainer.progress, trainer.bank, stored, clock=watch)
                watch.seconds += seconds
                expected = getattr(exam, name)(*arguments)
                watch.seconds += 1000  # nobody is there: does not count
        with Trainer(path, small_materials) as trainer:
            assert trainer.progress.sitting(number).sitting == expected
            kept = len(trainer.progress.answers())
            assert kept == (0 if expected.running else expected.answered)
            assert len(trainer.progress.cards()) == kept
            assert (trainer.unfinished_mock() is None) is not expected.running


def test_the_clock_runs_only_while_it_is_open(trainer):
    trainer.start_mock("12", seed=1)
    watch = Stopwatch()
    exam = timed(trainer, watch)
    watch.seconds = 60
    assert exam.remaining_s == 540
    exam.answer(1)
    watch.seconds = 100
    assert exam.pause().elapsed_s == 100
    watch.seconds = 5000
    assert exam.remaining_s == 500
    exam.resume()
    watch.seconds = 5010
    assert exam.tick().elapsed_s == 110
    watch.seconds = 9000  # the window was closed without a word
    again = timed(trainer, watch)
    assert again.remaining_s == 490


def test_a_long_gap_does_not_count_where_the_screen_ticks(trainer):
    trainer.start_mock("12", seed=1)
    watch = Stopwatch()
    exam = timed(trainer, watch, longest_step_s=90)
    for seconds in (5, 10, 15):
        watch.seconds = seconds
        exam.tick()
    watch.seconds = 15 + 91
    assert exam.remaining_s == 585
    assert exam.tick().elapsed_s == 15
    watch.seconds += 90
    assert exam.tick().elapsed_s == 105


def test_an_answer_after_the_time_does_not_count(trainer):
    trainer.start_mock("12", seed=1)
    watch = Stopwatch()
    exam = timed(trainer, watch)
    exam.answer(0)
    watch.seconds = 600
    sitting = exam.answer(1, 5)
    assert sitting.state is State.TIMED_OUT
    assert sitting.slots[5].place is None
    assert [answer.mode for answer in trainer.progress.answers()] == [Mode.MOCK]
    assert trainer.mock_result().sitting == sitting
    assert exam.submit() == sitting
    assert len(trainer.progress.answers()) == 1


def test_the_score_is_what_a_hand_counts(trainer, small_bank):
    exam = trainer.start_mock("12", seed=4)
    wanted = {}  # number → whether it is answered rightly
    for number, slot in enumerate(exam.sitting.slots):
        question = small_bank.questions[slot.question]
        right = slot.choices.index(question.choices[question.answer].text)
        if number % 3 == 2:
            continue  # left open
        exam.answer(right if number % 2 == 0 else (right + 1) % 4, number)
        wanted[number] = number % 2 == 0
    exam.submit()
    result = trainer.mock_result(exam.id)
    # 0 1 . 3 4 . 6 7 . 9 10 .  → right: 0, 4, 6, 10
    assert (result.total.right, result.total.asked, result.unanswered) == (4, 12, 4)
    assert [one.number for one in result.misses] == [1, 2, 3, 5, 7, 8, 9, 11]
    items = {number: slot.item for number, slot in enumerate(exam.sitting.slots)}
    for title, ids in (("AIの歩み", "T01 T02"), ("機械学習", "T07 T10"), ("法律", "L01")):
        score = next(score for score in result.by_area if score.name == title)
        numbers = [number for number, item in items.items() if item in ids.split()]
        assert score.asked == len(numbers)
        assert score.right == sum(wanted.get(number, False) for number in numbers)
    assert sum(score.right for score in result.by_form) == 4
    assert sum(score.asked for score in result.by_form) == 12
    kept = trainer.progress.answers()
    assert len(kept) == 8
    assert sum(answer.right for answer in kept) == 4
    assert {answer.session for answer in kept} == {exam.session}


@given(places=st.lists(st.none() | st.integers(0, 3), min_size=12, max_size=12), seed=st.integers(0, 20))
@settings(max_examples=30)
def test_scores_add_up(small_materials, small_syllabus, places, seed):
    with tempfile.TemporaryDirectory() as folder, Trainer(Path(folder) / "p", small_materials) as trainer:
        sitting = trainer.start_mock("12", seed=seed).sitting
        for number, place in enumerate(places):
            sitting = sitting.answer(number, place)
        result = result_of(sitting, trainer.bank, small_syllabus)
        rights = sum(
            place is not None
            and next(
                c for c in trainer.bank.questions[slot.question].choices if c.text == slot.choices[place]
            ).right
            for place, slot in zip(places, sitting.slots, strict=True)
        )
        assert result.total.right == rights == sum(score.right for score in result.by_area)
        assert rights + len(result.misses) == 12


def test_a_new_one_closes_the_old_one_without_a_score(trainer):
    first = trainer.start_mock("12", seed=1)
    first.answer(0)
    second = trainer.start_mock("mini", seed=2)
    assert trainer.unfinished_mock().id == second.id
    assert trainer.progress.sitting(first.id).sitting.state is State.GIVEN_UP
    assert trainer.progress.answers() == []
    assert trainer.mock_result() is None
    with pytest.raises(ProgressError):
        first.answer(1)


def test_two_windows(trainer, open_trainer):
    trainer.start_mock("12", seed=1)
    here, there = trainer.resume_mock(), open_trainer().resume_mock()
    here.answer(1)
    with pytest.raises(ProgressError, match="別の画面"):
        there.answer(2)
    assert open_trainer().resume_mock().sitting.slots[0].place == 1


def test_questions_that_an_update_changed_are_not_counted(exam, trainer, small_syllabus):
    import dataclasses

    for number in range(12):
        exam.answer(0, number)
    first, second = exam.sitting.slots[0].question, exam.sitting.slots[1].question
    questions = dict(trainer.bank.questions)
    del questions[first]
    questions[second] = dataclasses.replace(questions[second], stem="別の問題文")
    updated = Bank(questions)
    again = MockExam(trainer.progress, updated, trainer.unfinished_mock())
    assert again.sheet(0) is None
    assert again.sheet(1) is None
    assert again.sheet(2) is not None
    again.submit()
    result = result_of(again.sitting, updated, small_syllabus)
    assert result.void == (0, 1)
    assert result.total.asked == 10
    assert len(trainer.progress.answers()) == 10


def test_choices_moved_in_the_bank_are_shown_and_scored_as_before(exam, trainer):
    import dataclasses

    slot = next(slot for slot in exam.sitting.slots)
    question = trainer.bank.questions[slot.question]
    moved = dataclasses.replace(question, choices=question.choices[::-1])
    sheet = slot_sheet(slot, Bank({question.id: moved}))
    assert tuple(choice.text for choice in sheet.choices) == slot.choices
    assert sheet.right_place == slot_sheet(slot, trainer.bank).right_place


def test_papers_of_one_person_do_not_repeat_while_there_are_fresh_questions(trainer):
    first = trainer.start_mock("12", seed=1)
    for number in range(12):
        first.answer(0, number)
    first.submit()
    second = trainer.start_mock("12", seed=1)
    ids = [{slot.question for slot in exam.sitting.slots} for exam in (first, second)]
    assert not ids[0] & ids[1]


def test_a_failing_disk_loses_at_most_the_step(trainer, monkeypatch):
    exam = trainer.start_mock("12", seed=1)
    exam.answer(1)

    def full(*_):
        raise ProgressError("ディスクに空きがありません。")

    monkeypatch.setattr(Progress, "save_sitting", full)
    with pytest.raises(ProgressError):
        exam.answer(2)
    monkeypatch.undo()
    assert exam.sitting.slots[0].place == 1
    assert exam.answer(3).slots[0].place == 3


def test_finishing_is_all_or_nothing(trainer, monkeypatch):
    exam = trainer.start_mock("12", seed=1)
    exam.answer(1)

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Progress, "save_cards", broken)
    with pytest.raises(ZeroDivisionError):
        exam.submit()
    monkeypatch.undo()
    assert trainer.progress.answers() == []
    assert trainer.unfinished_mock().sitting.running
    assert exam.submit().state is State.SUBMITTED
    assert len(trainer.progress.answers()) == 1


def test_clock_back_while_it_is_open(open_trainer, clock: Clock):
    trainer = open_trainer()
    exam = trainer.start_mock("12", seed=1)
    clock.forward(days=-3)
    for number in itertools.islice(range(12), 3):
        exam.answer(0, number)
    exam.submit()
    times = [answer.at for answer in trainer.progress.answers()]
    assert times == sorted(times)
    assert all(at >= clock.at for at in times)
