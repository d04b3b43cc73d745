"""The trainer in a notebook, without a browser: what it shows, what commands do, and that no key leaks."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.exam.bank import LETTERS, Bank, Question, read_bank
from autograder.exam.drill import Selection
from autograder.exam.layout import Sheet, lay_out
from autograder.exam.mock import MockExam
from autograder.exam.progress import Mode
from autograder.exam.sitting import State
from autograder.exam.trainer import Trainer
from autograder.exam.widget import ExamWidget, exam_trainer, views
from autograder.exam.widget.desk import LONGEST_STEP_S, Desk
from autograder.materials import Materials
from tests.exam.clocks import Stopwatch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """The time of drills and of mock exams."""
    watch = Stopwatch()
    monkeypatch.setitem(MockExam.__init__.__kwdefaults__, "clock", watch)
    return watch


@pytest.fixture
def sit(open_trainer: Callable[..., Trainer], stopwatch: Stopwatch) -> Callable[[], Desk]:
    """Sits down again and again at the same progress file, as new kernels do."""
    return lambda: Desk(open_trainer(), stopwatch)


@pytest.fixture
def desk(sit: Callable[[], Desk]) -> Desk:
    return sit()


def do(desk: Desk, action: str, **fields: Any) -> views.View:
    return desk.handle({"do": action, **fields})


def begin_drill(desk: Desk, **fields: Any) -> views.View:
    return do(desk, "drill", **{"count": 5, **fields})


def begin_mock(desk: Desk, name: str = "12") -> views.View:
    return do(desk, "mock", format=name)


def sheet_on(screen: views.View, bank: Bank) -> Sheet:
    """The question on a screen, with the key: found by the first words of its stem (``T07の問題4です``)."""
    shown = screen.get("question") or screen
    (found,) = [question for question in bank if question.stem.partition("。")[0] in shown["stem"]]
    texts = [choice.text for choice in found.choices]
    return Sheet(found, tuple(texts.index(choice["text"]) for choice in shown["choices"]))


# ---------------------------------------------------------------------- the key stays in Python


def twin(question: Question) -> Question:
    """The same question for who sees only stem and choices: another key, other reasons, keywords, source."""
    key = (question.answer + 1) % 4
    choices = tuple(
        dataclasses.replace(choice, right=place == key, why="別の理由", value="別の式")
        for place, choice in enumerate(question.choices)
    )
    return dataclasses.replace(
        question, id=f"{question.id[:-2]}99", choices=choices, keywords=("別の言葉",), difficulty=3,
        source="別の法律", as_of="2020-01", numbers="別の数", see=("T99",),
    )  # fmt: skip


def test_a_view_of_an_open_question_does_not_depend_on_the_key():
    for question in read_bank(ROOT / "course" / "exam" / "questions"):
        order = lay_out(question, random.Random(question.id)).order
        seen, other = (
            views.question_view(Sheet(q, order), title="", number=0, of=1) for q in (question, twin(question))
        )
        assert seen == other
        assert "".join(choice["letter"] for choice in seen["choices"]) == LETTERS


def secrets(question: Question) -> set[str]:
    return {
        question.id,
        question.source,
        *question.keywords,
        *(choice.why for choice in question.choices),
    } - {""}


def leaked(screen: views.View, questions: Any) -> set[str]:
    text = json.dumps(screen, ensure_ascii=False)
    return {secret for question in questions for secret in secrets(question) if secret in text}


def test_reasons_come_with_the_answer_and_not_before(desk, small_bank):
    screen = begin_drill(desk)
    for number in range(5):
        assert screen["kind"] == "question"
        assert leaked(screen, small_bank) == set()
        assert '"right' not in json.dumps(screen)
        question = sheet_on(screen, small_bank).question
        screen = do(desk, "answer", number=number, place=0)
        assert screen["kind"] == "answer"
        assert secrets(question) <= leaked(screen, [question])
        screen = do(desk, "next", number=number)
    assert screen["kind"] == "round"


def test_nothing_of_a_mock_exam_is_told_before_it_is_handed_in(desk, small_bank):
    screen = begin_mock(desk)
    for number in range(12):
        for step in (
            {"do": "choose", "number": number, "place": number % 4},
            {"do": "flag", "number": number, "on": True},
            {"do": "tick"},
            {"do": "hand_in"},
            {"do": "keep_on"},
            {"do": "go", "number": (number + 1) % 12},
        ):
            screen = desk.handle(step)
            assert screen["kind"] == "mock"
            assert leaked(screen, small_bank) == set()
            assert '"right' not in json.dumps(screen)
    for action in ("pause", "home", "resume"):
        assert leaked(do(desk, action), small_bank) == set()
    do(desk, "hand_in")
    assert leaked(do(desk, "submit"), small_bank)


def test_a_stem_is_safe_html(desk, small_bank):
    question = dataclasses.replace(
        next(iter(small_bank)),
        stem="<script>alert(1)</script>\n\n| <img src=x onerror=y> | b |\n|---|---:|\n| c | d |",
    )
    stem = views.question_view(lay_out(question, random.Random(1)), title="", number=0, of=1)["stem"]
    assert "<script" not in stem and "<img" not in stem
    assert "&lt;script&gt;" in stem and "<table>" in stem


# ---------------------------------------------------------------------- home


def test_the_first_screen(desk, small_materials, tmp_path):
    screen = desk.screen
    assert screen["kind"] == "home"
    assert [one["name"] for one in screen["formats"]] == ["12", "mini", "huge"]
    assert screen["format_note"] == "割合は、この教材の見積もりです。"
    assert screen["review"] == {"due": 0, "next": ""}
    assert screen["path"] == str(tmp_path / "progress.sqlite3")
    assert [area["title"] for area in screen["areas"]] == ["AIの歩み", "機械学習", "法律"]
    readiness = screen["readiness"]
    assert readiness["overall"] is None and "まだわかりません" in readiness["overall_text"]
    assert {area["text"] for area in readiness["areas"]} == {"まだわかりません"}
    assert {area["estimate"] for area in readiness["areas"]} == {None}
    assert "合否は示しません" in readiness["basis"]


def test_readiness_shows_figures_where_there_are_answers_enough(desk, open_trainer):
    trainer = open_trainer()
    for sheet in trainer.drill(Selection(areas=("法律",)), 8):
        trainer.answer(sheet, sheet.right_place, 10, Mode.DRILL, "s")
    law = do(desk, "tick")["readiness"]["areas"][2]
    estimate = trainer.readiness().area("法律").estimate
    assert law["estimate"] == {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
    assert (
        law["text"] == f"{100 * estimate.mean:.0f}%（{100 * estimate.low:.0f}〜{100 * estimate.high:.0f}%）"
    )
    assert (law["answered"], law["ago"]) == ("8/8問", "1日以内")


def test_notices_stay_until_they_are_noted(sit, tmp_path):
    (tmp_path / "progress.sqlite3").write_bytes(b"no database")
    desk = sit()
    assert desk.screen["notices"]
    assert begin_drill(desk)["notices"] == desk.screen["notices"] != []
    assert do(desk, "noted")["notices"] == []


# ---------------------------------------------------------------------- drill and review


def test_a_drill_is_recorded_and_summed_up(desk, small_bank, open_trainer, stopwatch):
    screen = begin_drill(desk, items=["T07"], count=5)
    assert screen["title"] == "一問一答：T07 教師あり学習"
    chosen = []
    for number in range(5):
        sheet = sheet_on(screen, small_bank)
        assert sheet.question.item == "T07"
        place = sheet.right_place if number % 2 else (sheet.right_place + 1) % 4
        stopwatch.seconds += 30
        screen = do(desk, "answer", number=number, place=place, seconds=12.0)
        answer = screen["answer"]
        assert answer["right"] is bool(number % 2)
        assert [c["why"] for c in answer["choices"]] == [c.why for c in sheet.choices]
        assert [c["right"] for c in answer["choices"]].index(True) == sheet.right_place
        assert [c["chosen"] for c in answer["choices"]].index(True) == place
        assert answer["verdict"].startswith("○ 正解" if number % 2 else "× 不正解")
        assert answer["pages"][0] == {"label": "T07 教師あり学習", "notebook": "T07-supervised.ipynb"}
        chosen.append((sheet.question.id, sheet.choices[place].text))
        screen = do(desk, "next", number=number)
    assert screen["text"] == "5問のうち 2問正解"
    assert [miss["number"] for miss in screen["misses"]] == [0, 2, 4]
    kept = open_trainer().progress.answers()
    assert [(one.question, one.choice) for one in kept] == chosen
    assert {one.seconds for one in kept} == {12.0}
    assert {one.mode for one in kept} == {Mode.DRILL} and len({one.session for one in kept}) == 1
    again = do(desk, "again")
    assert again["kind"] == "question" and again["title"] == screen["title"] and again["of"] == 5


@pytest.mark.parametrize(
    ("sent", "kept"), [(31.0, 31.0), (99.0, 40.0), (-1, 0.0), (None, 40.0), ("9", 40.0), (True, 40.0)]
)
def test_seconds_are_what_the_browser_measured_within_what_has_passed(
    desk, open_trainer, stopwatch, sent, kept
):
    begin_drill(desk)
    stopwatch.seconds += 40
    do(desk, "answer", number=0, place=0, seconds=sent)
    assert [one.seconds for one in open_trainer().progress.answers()] == [kept]


def test_a_drill_says_what_it_cannot_find_and_keeps_the_form(desk):
    screen = begin_drill(desk, keyword="どこにもない", weak=True)
    assert screen["kind"] == "home"
    assert "どこにもない" in screen["message"]
    assert screen["form"]["keyword"] == "どこにもない" and screen["form"]["weak"] is True
    assert do(desk, "tick")["message"] == screen["message"]
    assert do(desk, "home")["message"] == ""
    assert "項目「T99」はありません" in begin_drill(desk, items=["T99"])["message"]


def test_todays_review(desk, open_trainer, clock):
    trainer = open_trainer()
    for sheet in trainer.drill(Selection(items=("T01",)), 3):
        trainer.answer(sheet, (sheet.right_place + 1) % 4, 10, Mode.DRILL, "s")
    clock.forward(days=3)
    assert do(desk, "tick")["review"] == {"due": 3, "next": ""}
    screen = do(desk, "review")
    assert (screen["title"], screen["of"]) == ("今日の復習", 3)
    do(desk, "answer", number=0, place=0)
    assert open_trainer().progress.answers()[-1].mode is Mode.REVIEW
    review = do(desk, "home")["review"]
    assert review["due"] == 2
    assert re.fullmatch(r"次の復習は、\d+月\d+日に1問あります。", review["next"])


# ---------------------------------------------------------------------- mock exams


def test_a_mock_exam_is_scored_as_by_hand(desk, small_bank, small_syllabus, open_trainer):
    screen = begin_mock(desk)
    expected: dict[str, list[int]] = {}
    for number in range(12):
        screen = do(desk, "go", number=number)
        sheet = sheet_on(screen, small_bank)
        right = number % 3 != 0
        if number != 6:
            do(desk, "choose", number=number, place=(sheet.right_place + (not right)) % 4)
        (area,) = [a.title for a in small_syllabus.areas if sheet.question.item in a.items]
        counted = expected.setdefault(area, [0, 0])
        counted[0] += right
        counted[1] += 1
    screen = do(desk, "flag", number=4, on=True)
    assert screen["answered"] == 11
    assert screen["grid"] == [1, 1, 1, 1, 3, 1, 0, 1, 1, 1, 1, 1]
    screen = do(desk, "hand_in")
    assert screen["handing_in"] == {"unanswered": [6], "flagged": [4]}
    result = do(desk, "submit")
    assert result["kind"] == "result" and not result["timed_out"]
    assert (result["total"]["right"], result["total"]["asked"]) == (8, 12)
    assert result["total"]["text"] == "8 / 12問（67%）"
    assert {s["name"]: [s["right"], s["asked"]] for s in result["areas"]} == expected
    assert sum(s["asked"] for s in result["forms"]) == 12
    assert [miss["number"] for miss in result["misses"]] == [0, 3, 6, 9]
    assert result["misses"][2]["verdict"].startswith("－ 未解答")
    assert [one["number"] for one in result["unsure"]] == [4]
    assert "合格ラインは公表されていません" in result["note"]
    (stored,) = open_trainer().finished_mocks()
    assert stored.sitting.state is State.SUBMITTED
    assert sum(one.right for one in open_trainer().progress.answers()) == 8
    home = do(desk, "home")
    assert home["mocks"][0]["score"] == "8 / 12問（67%）"
    assert do(desk, "result", mock=home["mocks"][0]["id"]) == result


def test_figures_of_all_answers_and_of_the_mock_exam_on_the_screen(desk, monkeypatch):
    from autograder.exam import plots

    def figures(screen: views.View) -> list[str]:
        assert screen["kind"] == "plots"
        for one in screen["plots"]:
            assert base64.b64decode(one["src"].removeprefix("data:image/png;base64,"))[:4] == b"\x89PNG"
        return [one["alt"].partition("の")[0] for one in screen["plots"]]

    assert figures(do(desk, "plots")) == ["領域ごと", "日ごと"]
    for _ in range(2):
        do(desk, "home")
        begin_mock(desk)
        do(desk, "choose", number=0, place=0)
        do(desk, "hand_in")
        screen = do(desk, "submit")
        assert screen["kind"] == "result"
    first = do(desk, "home")["mocks"][-1]["id"]
    asked: list[int | None] = []
    real = plots.plots_of
    monkeypatch.setattr(
        "autograder.exam.widget.desk.plots_of",
        lambda trainer, mock: asked.append(mock) or real(trainer, mock),
    )
    do(desk, "result", mock=first)
    assert figures(do(desk, "plots")) == ["領域ごと", "日ごと", "模試"]
    assert asked == [first]
    do(desk, "noted")
    assert asked == [first], "they are made once"
    assert do(desk, "home")["kind"] == "home"


def test_nothing_is_handed_in_that_was_not_asked_about(desk):
    begin_mock(desk)
    assert do(desk, "submit")["kind"] == "mock"
    do(desk, "hand_in")
    do(desk, "keep_on")
    assert do(desk, "submit")["kind"] == "mock"
    do(desk, "hand_in")
    do(desk, "go", number=3)
    assert do(desk, "submit")["number"] == 3


def test_the_paper_is_handed_in_when_the_time_is_over(desk, stopwatch):
    begin_mock(desk)
    do(desk, "choose", number=0, place=0)
    for _ in range(9):
        stopwatch.seconds += 60
        assert do(desk, "tick")["kind"] == "mock"
    screen = do(desk, "tick")
    assert screen["clock"] == {"remaining_s": 60.0, "limit_s": 600.0}
    assert screen["pace"]["text"] == "10問 遅れ"  # 1 of the 10.8 that an even pace had done
    stopwatch.seconds += 61
    result = do(desk, "choose", number=1, place=0)
    assert result["kind"] == "result" and result["timed_out"]
    assert result["unanswered"] == 11  # the answer came too late


def test_a_new_kernel_goes_on_where_one_was(desk, sit, stopwatch):
    begin_mock(desk)
    do(desk, "choose", number=0, place=2)
    do(desk, "flag", number=0, on=True)
    stopwatch.seconds += 30
    before = do(desk, "go", number=5)
    later = sit()
    assert later.screen["kind"] == "paused"
    assert (later.screen["answered"], later.screen["left"]) == (1, "9:30")
    stopwatch.seconds += 3600  # the clock stands still
    after = do(later, "resume")
    assert after == before
    stopwatch.seconds += 10
    assert do(later, "tick")["clock"]["remaining_s"] == 560
    overtaken = do(desk, "go", number=6)  # the old window
    assert overtaken["kind"] == "home" and overtaken["message"]
    assert do(later, "tick")["number"] == 5


def test_a_closed_lid_does_not_count(desk, stopwatch):
    begin_mock(desk)
    stopwatch.seconds += LONGEST_STEP_S + 1
    assert do(desk, "tick")["clock"]["remaining_s"] == 600
    stopwatch.seconds += LONGEST_STEP_S - 1
    assert do(desk, "tick")["clock"]["remaining_s"] == 600 - (LONGEST_STEP_S - 1)


def test_a_pause_stops_the_clock_and_home_offers_to_go_on(desk, stopwatch):
    begin_mock(desk)
    stopwatch.seconds += 20
    assert do(desk, "pause")["left"] == "9:40"
    stopwatch.seconds += 50
    assert do(desk, "home")["unfinished"]["left"] == "9:40"
    assert begin_mock(desk)["kind"] == "home"  # the other one would be lost: the person must say so
    screen = do(desk, "resume")
    assert screen["clock"]["remaining_s"] == 580
    do(desk, "home")
    assert do(desk, "mock", format="mini", replace=True)["of"] == 4


def test_a_format_that_the_bank_is_too_small_for(desk):
    assert begin_mock(desk, "huge")["message"]
    assert "形式「none」はありません" in begin_mock(desk, "none")["message"]


def test_a_question_that_an_update_changed_is_not_scored(sit, open_trainer, tmp_path):
    desk = sit()
    begin_mock(desk)
    with sqlite3.connect(tmp_path / "progress.sqlite3") as connection:
        connection.execute("UPDATE slots SET fingerprint = 'old' WHERE number = 0")
    later = sit()
    screen = do(later, "resume")
    assert screen["question"] is None
    assert do(later, "choose", number=0, place=1)["answered"] == 0
    do(later, "hand_in")
    result = do(later, "submit")
    assert result["void"] == [1] and result["total"]["asked"] == 11


# ---------------------------------------------------------------------- bad commands

MALFORMED = [
    None, 7, "submit", [], {}, {"do": None}, {"do": ["tick"]}, {"do": "_shown"}, {"do": "no such"},
    {"do": "answer"}, {"do": "answer", "number": 0}, {"do": "answer", "number": 0, "place": 4},
    {"do": "answer", "number": 0, "place": -1}, {"do": "answer", "number": "0", "place": 0},
    {"do": "answer", "number": True, "place": 0}, {"do": "answer", "number": 0, "place": 1.0},
    {"do": "answer", "number": 1, "place": 0}, {"do": "next", "number": 0}, {"do": "again"},
    {"do": "choose", "number": 12, "place": 0}, {"do": "choose", "number": 0, "place": 9},
    {"do": "choose", "number": 0, "place": "A"}, {"do": "flag", "number": None}, {"do": "go", "number": -1},
    {"do": "submit"}, {"do": "drill", "count": 7}, {"do": "drill", "count": 5, "items": "T07"},
    {"do": "drill", "count": 5, "keyword": 3}, {"do": "mock"}, {"do": "mock", "format": 3}, {"do": "result"},
    {"do": "result", "mock": 1}, {"do": "result", "mock": [1]}, {"do": "resume", "x": 1}, {"do": "review"},
]  # fmt: skip


@pytest.mark.parametrize("place", ["question", "mock"])
@pytest.mark.parametrize("command", MALFORMED, ids=str)
def test_a_command_that_does_not_fit_changes_nothing(desk, open_trainer, place, command):
    before = begin_drill(desk) if place == "question" else begin_mock(desk)
    stored = open_trainer().unfinished_mock()
    assert desk.handle(command) == before
    assert open_trainer().progress.answers() == []
    assert open_trainer().unfinished_mock() == stored


@pytest.mark.parametrize("command", [c for c in MALFORMED if c not in ({"do": "resume", "x": 1},)], ids=str)
def test_a_command_that_does_not_fit_the_first_screen(desk, open_trainer, command):
    screen = desk.handle(command)
    assert screen["kind"] == "home"
    assert open_trainer().progress.answers() == [] and open_trainer().unfinished_mock() is None


def test_a_second_click_answers_nothing_twice(desk, open_trainer):
    begin_drill(desk)
    first = do(desk, "answer", number=0, place=0)
    assert do(desk, "answer", number=0, place=1) == first
    do(desk, "next", number=0)
    assert do(desk, "next", number=0)["number"] == 1
    assert do(desk, "answer", number=0, place=1)["kind"] == "question"
    assert len(open_trainer().progress.answers()) == 1


def test_an_unforeseen_error_is_told_and_nothing_is_stuck(desk, monkeypatch):
    begin_drill(desk)
    monkeypatch.setattr(Trainer, "answer", lambda *_: 1 / 0)
    screen = do(desk, "answer", number=0, place=0)
    assert screen["kind"] == "question"
    assert screen["message"].startswith("思わぬエラー") and "原因: ZeroDivisionError" in screen["message"]
    monkeypatch.undo()
    assert do(desk, "answer", number=0, place=0)["kind"] == "answer"


# ---------------------------------------------------------------------- the widget


@pytest.fixture
def widget(tmp_path: Path, small_materials: Materials) -> Iterator[ExamWidget]:
    widget = exam_trainer(tmp_path / "progress.sqlite3", small_materials)
    yield widget
    widget.close()


def test_all_that_the_browser_gets_is_the_screen(widget):
    own = {name for name in widget.keys if not name.startswith("_")} - {"layout", "tabbable", "tooltip"}
    assert own == {"screen"}
    assert widget.get_state()["screen"]["kind"] == "home"
    scripts = widget.get_state()["_esm"] + widget.get_state()["_css"]
    assert "http" not in scripts and "import(" not in scripts and "@import" not in scripts


def test_messages_may_come_in_any_thread(widget):
    def send(number: int) -> None:
        widget._handle_custom_msg({"do": "drill", "count": 5, "call": f"c{number}"}, [])

    for number in range(3):
        thread = threading.Thread(target=send, args=(number,))
        thread.start()
        thread.join()
        assert widget.screen["kind"] == "question" and widget.screen["reply"] == f"c{number}"


def test_a_cell_that_runs_again_goes_on(widget, tmp_path, small_materials):
    widget._handle_custom_msg({"do": "drill", "count": 5}, [])
    assert exam_trainer(tmp_path / "progress.sqlite3", small_materials) is widget
    assert widget.screen["kind"] == "question"
    widget.close()
    other = exam_trainer(tmp_path / "progress.sqlite3", small_materials)
    assert other is not widget and other.screen["stem"] == widget.screen["stem"]
    other.close()


@pytest.mark.parametrize("what", ["no materials", "no progress"])
def test_a_trainer_that_cannot_be_opened_says_why(tmp_path, small_materials, what):
    if what == "no materials":
        widget = exam_trainer(tmp_path / "progress.sqlite3", Materials(tmp_path))
        assert "教材を入れ直してください" in widget.screen["text"]
    else:
        (tmp_path / "folder").mkdir()
        widget = exam_trainer(tmp_path / "folder", small_materials)
        assert "原因" in widget.screen["text"]
    assert widget.screen["kind"] == "error"
    widget._handle_custom_msg({"do": "tick"}, [])
    widget.close()
