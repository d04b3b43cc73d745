"""The estimate: what it is made of, checked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from autograder.exam.readiness import BASIS, counted, known_answers, readiness
from tests.exam.clocks import START
from tests.exam.test_drill import WEIGHTS, answered


@pytest.fixture
def ready(small_bank, small_syllabus):
    return lambda answers: readiness(answers, small_bank, small_syllabus, WEIGHTS, START)


def test_without_answers_there_is_the_prior_and_nothing_is_known(ready):
    result = ready([])
    assert not result.known
    for area in result.areas:
        assert not area.known
        assert area.estimate.mean == 0.25
        assert area.days_since is None
    assert result.overall.mean == pytest.approx(0.25)


def test_an_area_by_hand(small_bank, ready):
    answers = [answered(small_bank, f"L01-0{n}", n != 3, 30 if n < 3 else 0) for n in range(1, 6)]
    area = ready(answers).area("法律")
    # two right ones 30 days ago count half each: 0.5 + 0.5; today two right, one wrong
    a, b = 0.5 + 1.0 + 2.0, 1.5 + 1.0
    assert area.estimate.mean == pytest.approx(a / (a + b))
    assert (area.estimate.low, area.estimate.high) == pytest.approx(tuple(beta(a, b).ppf([0.1, 0.9])))
    assert (area.questions, area.in_bank, area.days_since, area.known) == (5, 8, 0, True)


def test_the_whole_by_hand(small_bank, ready):
    answers = [answered(small_bank, f"T07-{n:02}", True, 0) for n in range(1, 11)]
    result = ready(answers)
    means = {"AIの歩み": 0.25, "機械学習": 10.5 / 12, "法律": 0.25}
    assert result.overall.mean == pytest.approx(
        0.2 * means["AIの歩み"] + 0.5 * means["機械学習"] + 0.3 * 0.25
    )
    assert result.overall.low < result.overall.mean < result.overall.high
    assert not result.known


def test_it_is_known_with_enough_answers_everywhere(small_bank, ready):
    answers = [answered(small_bank, question.id, True, 1) for question in small_bank]
    assert ready(answers).known
    assert not ready(answers[:49]).known
    assert not ready(
        [answer for answer in answers if answer.item != "L01"]
    ).known  # 30 % of the weight is unknown


def test_each_question_counts_once_by_the_first_answer_of_its_latest_day(small_bank, ready):
    answers = [
        answered(small_bank, "T07-01", True, 9),
        answered(small_bank, "T07-01", False, 0.1),
        answered(small_bank, "T07-01", True, 0),  # the same day, after the reasons were read
    ]
    assert counted(answers)["T07-01"] == answers[1]
    assert counted(reversed(answers))["T07-01"] == answers[1]
    area = ready(answers).area("機械学習")
    assert area.questions == 1
    assert area.estimate.mean < 0.25


def test_changed_and_missing_questions_are_kept_apart(small_bank, ready):
    import dataclasses

    changed = answered(small_bank, "T07-01", True, 0, fingerprint="before")
    gone = dataclasses.replace(answered(small_bank, "T07-02", True, 0), question="T07-99")
    fine = answered(small_bank, "T07-03", True, 0)
    assert known_answers([changed, gone, fine], small_bank) == ([fine], [changed, gone])
    result = ready([changed, gone, fine])
    assert (result.stale, result.questions) == (2, 1)


def test_weak_areas(small_bank, ready):
    answers = [answered(small_bank, q.id, q.item != "T02", 1) for q in small_bank]
    assert [area.title for area in ready(answers).weak()] == ["AIの歩み"]


@given(rights=st.lists(st.booleans(), max_size=20), days=st.floats(0, 400))
def test_more_right_answers_never_make_it_worse(small_bank, small_syllabus, rights, days):
    def mean(rights):
        answers = [answered(small_bank, f"T07-{n + 1:02}", right, days) for n, right in enumerate(rights)]
        result = readiness(answers, small_bank, small_syllabus, WEIGHTS, START)
        for area in result.areas:
            assert 0 <= area.estimate.low <= area.estimate.mean <= area.estimate.high <= 1 or rights == []
        return result.area("機械学習").estimate.mean

    assert mean([True] * len(rights)) >= mean(rights) >= mean([False] * len(rights))


def test_what_is_said_of_few_answers_is_true(small_bank, ready):
    estimate = ready([answered(small_bank, f"L01-0{n}", False, 0) for n in range(1, 6)]).area("法律").estimate
    assert round(100 * estimate.mean) == 7
    assert "解答のない領域は25%" in BASIS and "近い" not in BASIS


def test_no_pass_mark_is_invented():
    assert "合格ラインは公表されていない" in BASIS


def test_a_clock_that_went_back_gives_no_negative_days(small_bank, ready):
    area = ready([answered(small_bank, "L01-01", True, -10)]).area("法律")
    assert area.days_since == 0
    assert area.estimate.mean == pytest.approx(1.5 / 3)
