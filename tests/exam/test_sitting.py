"""The state machine of a mock exam: what a step does, and that nothing moves once it is over."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.exam.layout import lay_out
from autograder.exam.sitting import Sitting, State


@pytest.fixture
def sitting(small_bank) -> Sitting:
    rng = random.Random(1)
    sheets = [lay_out(question, rng) for question in list(small_bank)[:5]]
    return Sitting.begin("12", 1, 300.0, sheets)


def test_begins_at_the_first_question_with_nothing_done(sitting):
    assert (sitting.current, sitting.answered, sitting.elapsed_s, sitting.state) == (0, 0, 0.0, State.RUNNING)
    assert sitting.remaining_s == 300.0
    assert sitting.unanswered_numbers == (0, 1, 2, 3, 4)


def test_an_answer_can_be_changed_and_taken_back(sitting):
    once = sitting.answer(2, 3)
    assert once.slots[2].place == 3
    assert once.answer(2, 1).slots[2].place == 1
    assert once.answer(2, None) == sitting


def test_flags(sitting):
    flagged = sitting.flag(1).flag(4)
    assert flagged.flagged_numbers == (1, 4)
    assert flagged.flag(1, False).flagged_numbers == (4,)


def test_time_goes_to_the_question_on_the_screen(sitting):
    later = sitting.advance(10).go_to(3).advance(5).go_to(0).advance(1)
    assert [slot.seconds for slot in later.slots] == [11, 0, 0, 5, 0]
    assert later.elapsed_s == 16
    assert sitting.advance(-5) == sitting


def test_the_clock_hands_the_paper_in(sitting):
    over = sitting.answer(0, 1).advance(299.5)
    assert over.running
    over = over.advance(0.5)
    assert (over.state, over.elapsed_s, over.remaining_s) == (State.TIMED_OUT, 300.0, 0.0)
    assert over.slots[0].place == 1
    late = sitting.advance(1e9)
    assert (late.state, late.elapsed_s, late.slots[0].seconds) == (State.TIMED_OUT, 300.0, 300.0)


@pytest.mark.parametrize("end", [Sitting.submit, Sitting.give_up, lambda s: s.advance(300)])
def test_nothing_moves_after_the_end(sitting, end):
    over = end(sitting.answer(0, 1))
    assert over.answer(0, 2).flag(1).go_to(2).advance(10).submit().give_up() == over


def test_what_does_not_exist_is_refused(sitting):
    for step in (
        lambda s: s.answer(5, 0),
        lambda s: s.answer(-1, 0),
        lambda s: s.go_to(5),
        lambda s: s.flag(9),
    ):
        with pytest.raises(IndexError):
            step(sitting)
    with pytest.raises(IndexError):
        sitting.answer(0, 4)
    with pytest.raises(ValueError, match="question"):
        Sitting.begin("12", 1, 60, [])


def test_pace(sitting):
    assert sitting.pace.done_per_minute == 0
    assert sitting.pace.needed_per_minute == 1.0
    half = sitting.answer(0, 0).advance(60)
    assert half.pace.done_per_minute == pytest.approx(1)
    assert half.pace.needed_per_minute == pytest.approx(1)
    assert half.pace.ahead == pytest.approx(0)
    assert half.advance(60).pace.ahead == pytest.approx(-1)
    assert sitting.advance(400).pace.needed_per_minute == 0


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("advance"), st.floats(0, 100)),
            st.tuples(st.just("answer"), st.integers(0, 4), st.none() | st.integers(0, 3)),
            st.tuples(st.just("flag"), st.integers(0, 4), st.booleans()),
            st.tuples(st.just("go_to"), st.integers(0, 4)),
            st.tuples(st.just("submit")),
        ),
        max_size=30,
    )
)
def test_seconds_of_the_questions_add_up_to_the_time_that_passed(small_bank, steps):
    rng = random.Random(1)
    sitting = Sitting.begin("12", 1, 300.0, [lay_out(question, rng) for question in list(small_bank)[:5]])
    for name, *arguments in steps:
        sitting = getattr(sitting, name)(*arguments)
        assert sum(slot.seconds for slot in sitting.slots) == pytest.approx(sitting.elapsed_s)
        assert 0 <= sitting.elapsed_s <= sitting.limit_s
        assert sitting.answered + len(sitting.unanswered_numbers) == 5
