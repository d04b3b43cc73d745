"""一問一答: which questions are meant, and which come first."""

from __future__ import annotations

import datetime

import pytest

from autograder.exam.drill import EVERYTHING, Selection, choose, days_since_last, select
from autograder.exam.errors import ExamError
from autograder.exam.progress import Answer, Mode
from autograder.exam.readiness import readiness
from tests.exam.clocks import START

WEIGHTS = {"AIの歩み": 20, "機械学習": 50, "法律": 30}


def answered(bank, question: str, right: bool, days_ago: float, *, fingerprint: str = "") -> Answer:
    found = bank.questions[question]
    choice = found.choices[found.answer if right else (found.answer + 1) % 4]
    at = START - datetime.timedelta(days=days_ago)
    mark = fingerprint or found.fingerprint
    return Answer(question, mark, found.item, choice.text, right, 10.0, at, Mode.DRILL, "s")


@pytest.fixture
def ids(small_bank, small_syllabus):
    def ids(selection: Selection, answers=()) -> set[str]:
        ready = readiness(answers, small_bank, small_syllabus, WEIGHTS, START)
        return {question.id for question in select(selection, small_bank, small_syllabus, answers, ready)}

    return ids


class TestSelects:
    def test_everything(self, ids):
        assert len(ids(EVERYTHING)) == 60

    def test_by_item(self, ids):
        assert {id_[:3] for id_ in ids(Selection(items=("T02",)))} == {"T02"}
        assert {id_[:3] for id_ in ids(Selection(items=("ｔ02", "l01")))} == {"T02", "L01"}

    def test_by_keyword_whatever_the_width_and_case(self, ids):
        assert ids(Selection(keywords=("T02用語1",))) == {"T02-01", "T02-04", "T02-07"}
        assert ids(Selection(keywords=("ｔ０２ 用語1",))) == {"T02-01", "T02-04", "T02-07"}

    def test_by_area_or_a_part_of_its_title(self, ids):
        assert {id_[:3] for id_ in ids(Selection(areas=("機械学習",)))} == {"T07", "T10"}
        assert {id_[:3] for id_ in ids(Selection(areas=("歩み",)))} == {"T01", "T02"}

    def test_all_wishes_must_hold(self, ids):
        assert ids(Selection(items=("T07",), keywords=("T07用語3",))) == {"T07-03", "T07-13"}
        with pytest.raises(ExamError, match="条件を減らして"):
            ids(Selection(items=("T07",), areas=("法律",)))

    def test_unseen(self, small_bank, ids):
        answers = [answered(small_bank, f"L01-0{number}", True, 3) for number in range(1, 8)]
        assert ids(Selection(items=("L01",), unseen=True), answers) == {"L01-08"}
        answers.append(answered(small_bank, "L01-08", True, 3, fingerprint="before"))
        assert ids(Selection(items=("L01",), unseen=True), answers) == {"L01-08"}
        answers.append(answered(small_bank, "L01-08", True, 3))
        with pytest.raises(ExamError, match="全部解きました"):
            ids(Selection(items=("L01",), unseen=True), answers)

    def test_weak_areas(self, small_bank, ids):
        good = [answered(small_bank, f"T07-{number:02}", True, 1) for number in range(1, 21)]
        bad = [answered(small_bank, f"L01-0{number}", False, 1) for number in range(1, 9)]
        fair = [answered(small_bank, f"T01-{number:02}", True, 1) for number in range(1, 13)]
        assert {id_[:3] for id_ in ids(Selection(weak=True), good + bad + fair)} == {"L01"}
        # nothing known of the laws yet: they belong to what must be worked on
        assert {id_[:3] for id_ in ids(Selection(weak=True), good + fair)} == {"L01"}
        assert len(ids(Selection(weak=True))) == 60

    @pytest.mark.parametrize(
        ("selection", "said"),
        [
            (Selection(items=("T99",)), "項目「T99」はありません"),
            (Selection(keywords=("T02用話1",)), "近いもの：T02用語1、"),
            (Selection(keywords=("まったく違う言葉",)), "用語集"),
            (Selection(areas=("歩",), keywords=("T02用話0",)), "近いもの：T02用語0"),
            (Selection(areas=("料理",)), "AIの歩み、機械学習、法律 のどれか"),
            (Selection(areas=("",)), "はありません"),
        ],
    )
    def test_what_does_not_exist(self, ids, selection, said):
        with pytest.raises(ExamError, match=said):
            ids(selection)


class TestOrders:
    def test_wrong_ones_first_then_unseen_ones_then_the_oldest(self, small_bank):
        answers = [
            answered(small_bank, "T02-01", True, 2),
            answered(small_bank, "T02-02", True, 9),
            answered(small_bank, "T02-03", False, 1),
            answered(small_bank, "T02-04", False, 5),
            answered(small_bank, "T02-05", False, 8),
            answered(small_bank, "T02-05", True, 4),  # the latest counts
        ]
        sheets = choose(small_bank.of_item("T02"), answers, 99, 1, START)
        order = [sheet.question.id for sheet in sheets]
        assert order[:2] == ["T02-04", "T02-03"]
        assert set(order[2:5]) == {"T02-06", "T02-07", "T02-08"}
        assert order[5:] == ["T02-02", "T02-05", "T02-01"]

    def test_a_changed_question_counts_as_unseen(self, small_bank):
        answers = [answered(small_bank, "T02-01", False, 2, fingerprint="before")]
        sheets = choose(
            small_bank.of_item("T02")[:2], [*answers, answered(small_bank, "T02-02", True, 1)], 9, 1, START
        )
        assert [sheet.question.id for sheet in sheets] == ["T02-01", "T02-02"]

    def test_the_seed_decides_among_equals(self, small_bank):
        questions = list(small_bank)
        first = choose(questions, [], 10, 1, START)
        assert first == choose(questions, [], 10, 1, START)
        assert first != choose(questions, [], 10, 2, START)
        assert len(first) == 10
        assert choose(questions, [], 0, 1, START) == []

    def test_days_since_last(self, small_bank):
        answers = [answered(small_bank, "T02-01", True, 9), answered(small_bank, "T02-01", True, 2)]
        assert days_since_last(answers, START) == {"T02-01": pytest.approx(2)}
        assert days_since_last(answers, START - datetime.timedelta(days=50)) == {"T02-01": 0}
