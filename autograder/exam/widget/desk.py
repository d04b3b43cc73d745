"""What a command from the browser does, and which screen comes after it.

A command is a small dict; ``do`` names it. One that acts on a question names that question too, so that a
second click, or a click on a screen that is out of date, does nothing: whatever does not fit the screen is
passed over, and the answer is the screen as it is.

    {"do": "drill", "areas": [], "items": ["T14"], "keyword": "", "weak": false, "unseen": false, "count": 10}
    {"do": "review"}   {"do": "again"}
    {"do": "answer", "number": 0, "place": 2, "seconds": 31.5}   {"do": "next", "number": 0}
    {"do": "mock", "format": "mini", "replace": false}   {"do": "resume"}   {"do": "pause"}
    {"do": "choose", "number": 3, "place": 2}   {"do": "flag", "number": 3, "on": true}
    {"do": "go", "number": 4}   {"do": "hand_in"}   {"do": "keep_on"}   {"do": "submit"}
    {"do": "result", "mock": 7}   {"do": "plots"}
    {"do": "home"}   {"do": "tick"}   {"do": "noted"}
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..drill import EVERYTHING, Selection
from ..errors import ExamError
from ..layout import Marked, Sheet
from ..mock import MockExam
from ..plots import plots_of
from ..progress import Mode
from ..trainer import Trainer
from . import views
from .views import View

__all__ = ["LONGEST_STEP_S", "Desk", "error_view"]

#: The browser calls every few seconds, a hidden tab once a minute: a longer silence means that it was closed.
LONGEST_STEP_S = 90.0
COUNTS = (5, 10, 20, 50)
_REVIEW_AT_MOST = 20


class _Unfit(Exception):
    """A command that does not fit the screen, or is none."""


class _Home:
    """The first screen."""


class _Paused:
    """A mock exam was begun, and its clock stands still."""


@dataclass
class _Round:
    """A drill or a review that is going on."""

    mode: Mode
    title: str
    selection: Selection | None  # of a drill
    sheets: list[Sheet]
    session: str
    shown_at: float  # on the desk's stopwatch
    marked: list[Marked] = field(default_factory=list)
    seconds: float = 0.0  # of the last answer
    number: int = 0  # of the question on the screen; len(sheets) at the end


@dataclass
class _Mock:
    """An open mock exam."""

    exam: MockExam
    handing_in: bool = False


@dataclass
class _Result:
    """The result of a mock exam."""

    mock: int


@dataclass
class _Plots:
    """Figures, made once."""

    view: View


class Desk:
    """One person's trainer, and where they are in it.

    Attributes
    ----------
    screen : dict
        What is to be shown now, as JSON values.
    """

    def __init__(self, trainer: Trainer, stopwatch: Callable[[], float] = time.monotonic) -> None:
        """Sit down; with a mock exam that was left unfinished, in front of it.

        Parameters
        ----------
        trainer : Trainer
        stopwatch : callable
            Seconds that never go back.
        """
        self._trainer = trainer
        self._stopwatch = stopwatch
        self._notices = list(trainer.notices)
        self._message = ""
        self._form: View = {}
        self._at: _Home | _Paused | _Round | _Mock | _Result | _Plots = (
            _Paused() if trainer.unfinished_mock() else _Home()
        )
        self.screen: View = self._shown()

    def handle(self, command: Any) -> View:
        """Do what a command says. Returns :attr:`screen` after it; never raises."""
        name = command.get("do") if isinstance(command, Mapping) else None
        action = _ACTIONS.get(name) if isinstance(name, str) else None
        if action is not None:
            try:
                if name != "tick":
                    self._message = ""
                action(self, command)
            except _Unfit:
                pass
            except ExamError as error:
                self._fail(str(error))
            except Exception:
                self._fail(_unforeseen())
        self.screen = self._shown()
        return self.screen

    # ------------------------------------------------------------------ the screen

    def _fail(self, message: str) -> None:
        self._message = message
        if isinstance(self._at, _Mock):  # another window went on with it, or the file is gone
            self._at = _Home()

    def _shown(self) -> View:
        try:
            view = self._view()
        except Exception as error:
            self._at = _Home()
            view = error_view(str(error) if isinstance(error, ExamError) else _unforeseen())
        return {**view, "notices": list(self._notices), "message": self._message}

    def _view(self) -> View:
        at, trainer = self._at, self._trainer
        if isinstance(at, _Round):
            return self._round_view(at)
        if isinstance(at, _Mock):
            return views.mock_view(at.exam, trainer.blueprints, handing_in=at.handing_in)
        if isinstance(at, _Result):
            return self._result_view(at.mock)
        if isinstance(at, _Plots):
            return at.view
        if isinstance(at, _Paused):
            if stored := trainer.unfinished_mock():
                return views.paused_view(stored, trainer.blueprints)
            self._at = _Home()  # another window handed it in
        return {**views.home_view(trainer), "counts": list(COUNTS), "form": self._form}

    def _round_view(self, at: _Round) -> View:
        place = {"title": at.title, "number": at.number, "of": len(at.sheets)}
        if at.number >= len(at.sheets):
            marked = [(one, self._trainer.reading(one.sheet.question)) for one in at.marked]
            return {**views.round_view(marked, title=at.title), "again": at.mode is Mode.DRILL}
        if at.number < len(at.marked):
            marked = at.marked[at.number]
            pages = self._trainer.reading(marked.sheet.question)
            return views.answer_view(marked, pages, **place, seconds=at.seconds)
        return views.question_view(at.sheets[at.number], **place)

    def _result_view(self, mock: int) -> View:
        trainer = self._trainer
        result, stored = trainer.mock_result(mock), trainer.progress.sitting(mock)
        if result is None or stored is None:
            raise ExamError("その模試の記録が見つかりません。はじめの画面に戻ってください。")
        return views.result_view(
            result, trainer.blueprints, trainer.reading, number=mock, date=stored.updated
        )

    # ------------------------------------------------------------------ anywhere

    def _go_home(self, command: Mapping[str, Any]) -> None:
        if isinstance(self._at, _Mock):
            exam, self._at = self._at.exam, _Home()
            exam.pause()
        else:
            self._at = _Home()

    def _tick(self, command: Mapping[str, Any]) -> None:
        if isinstance(self._at, _Mock):
            self._at.exam.tick()
            self._leave_if_over()

    def _note(self, command: Mapping[str, Any]) -> None:
        self._notices.clear()

    # ------------------------------------------------------------------ drill and review

    def _drill(self, command: Mapping[str, Any]) -> None:
        self._need(_Home)
        keyword = _text(command, "keyword").strip()
        count = command.get("count")
        if count not in COUNTS or isinstance(count, bool):
            raise _Unfit
        selection = Selection(
            items=_texts(command, "items"),
            areas=_texts(command, "areas"),
            keywords=(keyword,) if keyword else (),
            weak=command.get("weak") is True,
            unseen=command.get("unseen") is True,
        )
        self._form = {
            "items": list(selection.items),
            "areas": list(selection.areas),
            "keyword": keyword,
            "weak": selection.weak,
            "unseen": selection.unseen,
            "count": count,
        }
        self._begin(Mode.DRILL, self._named(selection), selection, self._trainer.drill(selection, count))

    def _review(self, command: Mapping[str, Any]) -> None:
        self._need(_Home)
        self._begin(Mode.REVIEW, "今日の復習", None, self._trainer.review(_REVIEW_AT_MOST))

    def _again(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Round)
        if at.selection is None or at.number < len(at.sheets):
            raise _Unfit
        sheets = self._trainer.drill(at.selection, self._form.get("count", COUNTS[1]))
        self._begin(at.mode, at.title, at.selection, sheets)

    def _begin(self, mode: Mode, title: str, selection: Selection | None, sheets: list[Sheet]) -> None:
        if not sheets:
            raise _Unfit
        session = self._trainer.new_session(mode)
        self._at = _Round(mode, title, selection, sheets, session, self._stopwatch())

    def _answer(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Round)
        number = _number(command, "number", len(at.sheets))
        if number != at.number or number != len(at.marked):
            raise _Unfit
        sheet = at.sheets[number]
        place = _number(command, "place", len(sheet.choices))
        at.seconds = _seconds(command, self._stopwatch() - at.shown_at)
        at.marked.append(self._trainer.answer(sheet, place, at.seconds, at.mode, at.session))

    def _next(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Round)
        if _number(command, "number", len(at.marked)) != at.number:
            raise _Unfit
        at.number += 1
        at.shown_at = self._stopwatch()

    def _named(self, selection: Selection) -> str:
        items = self._trainer.syllabus.items
        named = [
            *selection.areas,
            *(f"{item} {items[item].title}" if item in items else item for item in selection.items),
            *(f"「{keyword}」" for keyword in selection.keywords),
            *(["苦手な領域"] if selection.weak else []),
            *(["まだ解いていない問題"] if selection.unseen else []),
        ]
        return f"一問一答：{'、'.join(named)}" if selection != EVERYTHING else "一問一答：すべての範囲"

    # ------------------------------------------------------------------ mock exams

    def _start(self, command: Mapping[str, Any]) -> None:
        self._need(_Home)
        name = _text(command, "format")
        if self._trainer.unfinished_mock() and command.get("replace") is not True:
            raise _Unfit
        self._at = _Mock(self._trainer.start_mock(name, longest_step_s=LONGEST_STEP_S))

    def _resume(self, command: Mapping[str, Any]) -> None:
        self._need(_Home, _Paused)
        exam = self._trainer.resume_mock(longest_step_s=LONGEST_STEP_S)
        if exam is None:
            raise ExamError("途中の模試はありません。ほかの画面で提出したか、終わりにしたようです。")
        self._at = _Mock(exam)

    def _pause(self, command: Mapping[str, Any]) -> None:
        exam = self._need(_Mock).exam
        exam.pause()
        self._at = _Paused()
        self._show_if_over(exam)

    def _choose(self, command: Mapping[str, Any]) -> None:
        exam = self._need(_Mock).exam
        number = _number(command, "number", len(exam.sitting.slots))
        place = command.get("place")
        if place is not None:
            place = _number(command, "place", len(exam.sitting.slots[number].choices))
        if exam.sheet(number) is None:
            raise _Unfit
        exam.answer(place, number)
        self._leave_if_over()

    def _flag(self, command: Mapping[str, Any]) -> None:
        exam = self._need(_Mock).exam
        exam.flag(command.get("on") is True, _number(command, "number", len(exam.sitting.slots)))
        self._leave_if_over()

    def _go(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Mock)
        at.exam.go_to(_number(command, "number", len(at.exam.sitting.slots)))
        at.handing_in = False
        self._leave_if_over()

    def _hand_in(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Mock)
        at.exam.tick()
        at.handing_in = True
        self._leave_if_over()

    def _keep_on(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Mock)
        at.handing_in = False
        at.exam.tick()
        self._leave_if_over()

    def _submit(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Mock)
        if not at.handing_in:  # nothing is handed in that nobody was asked about
            raise _Unfit
        at.exam.submit()
        self._leave_if_over()

    def _result(self, command: Mapping[str, Any]) -> None:
        self._need(_Home)
        mock = command.get("mock")
        if mock not in {stored.id for stored in self._trainer.finished_mocks()}:
            raise _Unfit
        self._at = _Result(mock)

    def _show_plots(self, command: Mapping[str, Any]) -> None:
        at = self._need(_Home, _Result)
        mock = at.mock if isinstance(at, _Result) else None
        self._at = _Plots(views.plots_view(plots_of(self._trainer, mock)))

    def _leave_if_over(self) -> None:
        self._show_if_over(self._need(_Mock).exam)

    def _show_if_over(self, exam: MockExam) -> None:
        if not exam.sitting.running:
            self._at = _Result(exam.id)

    def _need(self, *kinds: type) -> Any:
        if not isinstance(self._at, kinds):
            raise _Unfit
        return self._at


_ACTIONS: Mapping[str, Callable[[Desk, Mapping[str, Any]], None]] = {
    "home": Desk._go_home,
    "tick": Desk._tick,
    "noted": Desk._note,
    "drill": Desk._drill,
    "review": Desk._review,
    "again": Desk._again,
    "answer": Desk._answer,
    "next": Desk._next,
    "mock": Desk._start,
    "resume": Desk._resume,
    "pause": Desk._pause,
    "choose": Desk._choose,
    "flag": Desk._flag,
    "go": Desk._go,
    "hand_in": Desk._hand_in,
    "keep_on": Desk._keep_on,
    "submit": Desk._submit,
    "result": Desk._result,
    "plots": Desk._show_plots,
}


def error_view(text: str) -> View:
    """A screen that says what keeps the trainer from going on (Japanese)."""
    return {"kind": "error", "text": text, "notices": [], "message": ""}


def _unforeseen() -> str:
    """What to say of the exception that is being handled."""
    *_, last = traceback.format_exc().strip().splitlines()
    return (
        "思わぬエラーが起きました。それまでの記録は残っています。もう一度操作してください。"
        "続くときは、カーネルを再起動して、このセルをもう一度動かしてください。\n"
        f"原因: {last}"
    )


def _number(command: Mapping[str, Any], key: str, below: int) -> int:
    value = command.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < below:
        raise _Unfit
    return value


def _seconds(command: Mapping[str, Any], passed: float) -> float:
    """What the browser measured while it was in sight, within what has passed."""
    value = command.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return passed
    return min(max(0.0, float(value)), passed)


def _text(command: Mapping[str, Any], key: str) -> str:
    value = command.get(key, "")
    if not isinstance(value, str):
        raise _Unfit
    return value


def _texts(command: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = command.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _Unfit
    return tuple(value)
