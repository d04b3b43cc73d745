"""The trainer in a terminal: a conversation by lines, with or without a real terminal behind it.

Every answer is saved when it is given. The end of the input, or Ctrl+C, ends it and loses nothing.
"""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from autograder.materials import Materials, find_materials

from . import plots
from .drill import EVERYTHING, Selection
from .errors import ExamError
from .layout import Sheet
from .mock import PAUSE_NOTE, MockExam
from .progress import Mode
from .result import MockResult
from .screen import Screen, clock_text
from .suggest import items_of, read_record, suggest
from .trainer import Trainer

__all__ = ["Lines", "Wanted", "exam", "review"]

DEFAULT_COUNT = 10
_DRILL_KEYS = "1〜4で答える、Enterで飛ばす、qで終わる"
_MOCK_KEYS = "1〜4で答える／n 次／p 前／g 12 で問12へ／f ★／0 取り消し／l 一覧／e 提出／q 中断"


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    selection: Selection = EVERYTHING
    count: int | None = None
    mock: str | None = None
    resume: bool = False
    result: bool = False
    from_grade: Path | None = None
    plots: Path | None = None
    seed: int | None = None


class _Ended(Exception):
    """The input is over."""


class Lines:
    """Lines that somebody types, or that come from a file or a pipe."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdin if stream is None else stream

    @property
    def typed(self) -> bool:
        """Whether a person sits at a terminal: what they type is on the screen already."""
        return self._stream.isatty()

    def next(self) -> str:
        """The next line with its end; "" when there is none."""
        sys.stdout.flush()
        return self._stream.readline()


def exam(wanted: Wanted, console: Console | None = None, lines: Lines | None = None) -> int:
    """Do what is wanted; without any wish, offer a menu. Returns the exit status.

    Parameters
    ----------
    wanted : Wanted
    console : Console, optional
    lines : Lines, optional
        What is typed; by default stdin.

    Raises
    ------
    ExamError, MaterialsNotFound
    """
    return _run(lambda conversation: conversation.do(wanted), console, lines)


def review(
    count: int | None,
    seed: int | None = None,
    console: Console | None = None,
    lines: Lines | None = None,
) -> int:
    """Today's review cards (see :func:`exam`)."""
    return _run(lambda conversation: conversation.review(count, seed), console, lines)


def _run(action: Callable[[_Conversation], None], console: Console | None, lines: Lines | None) -> int:
    materials = find_materials()
    screen = Screen(console or Console(highlight=False))
    with Trainer(materials=materials) as trainer:
        screen.notices(trainer.notices)
        try:
            action(_Conversation(trainer, materials, screen, lines or Lines()))
        except _Ended:
            screen.say()
            screen.say("入力が終わったので、ここで終わります。ここまでの答えは残っています。")
    return 0


class _Conversation:
    """Asks and shows; what is true is asked of the trainer."""

    def __init__(self, trainer: Trainer, materials: Materials, screen: Screen, lines: Lines) -> None:
        self._trainer = trainer
        self._materials = materials
        self._screen = screen
        self._lines = lines

    def _ask(self, text: str) -> str:
        """One line of input: half-width, lower case, no spaces around."""
        self._screen.prompt(text)
        line = self._lines.next()
        if not self._lines.typed:
            self._screen.say(line.strip())
        if not line:
            raise _Ended
        return unicodedata.normalize("NFKC", line).strip().lower()

    # ------------------------------------------------------------------ what to do

    def do(self, wanted: Wanted) -> None:
        if wanted.plots is not None:
            self.plots(wanted.plots)
        elif wanted.from_grade is not None:
            self.from_grade(wanted.from_grade, wanted.count or DEFAULT_COUNT, wanted.seed)
        elif wanted.result:
            self.result()
        elif wanted.resume:
            self.resume()
        elif wanted.mock is not None:
            self.mock(wanted.mock, wanted.seed)
        elif wanted.selection != EVERYTHING or wanted.count is not None:
            self.drill(wanted.selection, wanted.count or DEFAULT_COUNT, wanted.seed)
        else:
            self.menu()

    def menu(self) -> None:
        """The choices when nothing was asked for; comes back after each."""
        screen = self._screen
        while True:
            screen.heading("試験対策（G検定の範囲。JDLA非公式）")
            unfinished = self._trainer.unfinished_mock()
            choices: list[tuple[str, Callable[[], None]]] = [
                (f"一問一答（おまかせ{DEFAULT_COUNT}問）", lambda: self.drill(EVERYTHING, DEFAULT_COUNT)),
                ("苦手な領域の一問一答", lambda: self.drill(Selection(weak=True), DEFAULT_COUNT)),
                ("項目かキーワードを選んで一問一答", self._chosen_drill),
                ("模試を始める", self._chosen_mock),
                (f"今日の復習（{len(self._trainer.review())}枚）", lambda: self.review(None)),
                ("いまの力", self.readiness),
                ("前の模試の結果", self.result),
            ]
            if unfinished is not None:
                left = clock_text(unfinished.sitting.remaining_s)
                choices.append((f"途中の模試を続ける（残り {left}）", self.resume))
            for number, (text, _) in enumerate(choices, 1):
                screen.say(text, indent=f"{number}. ")
            picked = self._ask("番号（qで終わる）")
            if picked in ("q", "quit"):
                return
            if not picked.isdecimal() or not 1 <= int(picked) <= len(choices):
                screen.say(f"1から{len(choices)}の番号か、qを入れてください。")
                continue
            try:
                choices[int(picked) - 1][1]()
            except ExamError as error:
                screen.say(str(error), style="yellow")

    def _chosen_drill(self) -> None:
        name = self._ask("項目（例: t14）か、キーワード")
        if name:
            is_item = name.upper() in self._trainer.syllabus.items
            selection = Selection(items=(name,)) if is_item else Selection(keywords=(name,))
            self.drill(selection, DEFAULT_COUNT)

    def _chosen_mock(self) -> None:
        blueprints = list(self._trainer.blueprints.by_name.values())
        for number, blueprint in enumerate(blueprints, 1):
            self._screen.say(blueprint.title, indent=f"{number}. ")
        picked = self._ask("番号（Enterで戻る）")
        if picked.isdecimal() and 1 <= int(picked) <= len(blueprints):
            self.mock(blueprints[int(picked) - 1].name)

    # ------------------------------------------------------------------ drill and review

    def drill(self, selection: Selection, count: int, seed: int | None = None) -> None:
        self._questions(self._trainer.drill(selection, count, seed), Mode.DRILL, "一問一答")

    def review(self, count: int | None, seed: int | None = None) -> None:
        sheets = self._trainer.review(count, seed)
        if not sheets:
            self._screen.say("今日の復習はありません。解いた問題は、忘れかけるころにここへ出ます。")
            return
        self._questions(sheets, Mode.REVIEW, "今日の復習")

    def _questions(self, sheets: Sequence[Sheet], mode: Mode, title: str) -> None:
        session = self._trainer.new_session(mode)
        done = right = 0
        try:
            for number, sheet in enumerate(sheets, 1):
                self._screen.sheet(sheet, f"{title}　{number}/{len(sheets)}　[{sheet.question.id}]")
                began = time.monotonic()
                place = self._place()
                if place == "q":
                    break
                if place == "":
                    continue
                marked = self._trainer.answer(sheet, int(place) - 1, time.monotonic() - began, mode, session)
                done, right = done + 1, right + marked.right
                self._screen.reasons(marked, self._trainer.reading(sheet.question))
        finally:
            if done:
                self._screen.say()
                self._screen.say(f"{done}問のうち {right}問正解。答えは残っています。", style="bold")

    def _place(self) -> str:
        """ "1" to "4", "" to pass, "q" to end."""
        while True:
            said = self._ask(_DRILL_KEYS)
            if said in ("", "q", "1", "2", "3", "4"):
                return said
            self._screen.say("1、2、3、4のどれかを入れてください。")

    # ------------------------------------------------------------------ mock exams

    def mock(self, name: str, seed: int | None = None) -> None:
        blueprint = self._trainer.blueprints.named(name)
        unfinished = self._trainer.unfinished_mock()
        if unfinished is not None:
            self._screen.say(
                f"途中の模試があります（解答 {unfinished.sitting.answered}問、"
                f"残り {clock_text(unfinished.sitting.remaining_s)}）。"
                "新しく始めると、それは採点しないで閉じます。"
            )
            if self._ask("新しく始めるなら y、途中のものを続けるなら Enter") not in ("y", "yes"):
                self.resume()
                return
        self._screen.say(f"模試　{blueprint.title}", style="bold")
        self._screen.say(self._trainer.blueprints.note)
        self._sit(self._trainer.start_mock(name, seed))

    def resume(self) -> None:
        exam = self._trainer.resume_mock()
        if exam is None:
            self._screen.say("途中の模試はありません。takara exam --mock 145 で始められます。")
            return
        self._sit(exam)

    def _sit(self, exam: MockExam) -> None:
        self._screen.say(PAUSE_NOTE)
        try:
            self._mock_questions(exam)
        finally:
            exam.pause()
            if exam.sitting.running:
                self._screen.say()
                self._screen.say(
                    f"模試を中断しました（残り {clock_text(exam.remaining_s)}）。"
                    "答えは残っています。続きは takara exam --resume です。"
                )
        if not exam.sitting.running:
            self._result(self._trainer.mock_result(exam.id))

    def _mock_questions(self, exam: MockExam) -> None:
        title = self._mock_title(exam.sitting.blueprint)
        shown = None
        while exam.tick().running:
            sitting = exam.sitting
            head = self._screen.mock_line(sitting, title)
            if shown != sitting.current:
                self._mock_question(exam, head)
                shown = sitting.current
            else:
                self._screen.say(head)
            said = self._ask(_MOCK_KEYS)
            if said == "q":
                return
            if said in ("e", "submit") and not self._sure(exam):
                continue
            if self._mock_step(exam, said):
                shown = None

    def _mock_question(self, exam: MockExam, head: str) -> None:
        sheet, slot = exam.current_sheet, exam.sitting.slots[exam.sitting.current]
        if sheet is None:
            self._screen.heading(head)
            self._screen.say(
                f"この問題（{slot.question}）は、教材の更新で変わったので出せません。数えないので、先へ進んでください。",
                style="yellow",
            )
        else:
            self._screen.sheet(sheet, head, slot.place)

    def _sure(self, exam: MockExam) -> bool:
        left = len(exam.sitting.unanswered_numbers)
        if left:
            self._screen.mock_list(exam.sitting)
        return self._ask(f"提出しますか（未解答 {left}問）。提出するなら y") in ("y", "yes")

    def _mock_step(self, exam: MockExam, said: str) -> bool:
        """Do one step; whether the question must be shown again."""
        sitting = exam.sitting
        last = len(sitting.slots) - 1
        command, _, number = said.partition(" ")
        if said in ("1", "2", "3", "4"):
            exam.answer(int(said) - 1)
            if sitting.current == last:
                self._screen.say("最後の問題です。l で一覧、e で提出します。")
            else:
                exam.go_to(sitting.current + 1)
        elif said == "0":
            exam.answer(None)
            return True
        elif said in ("n", "p", ""):
            exam.go_to(max(0, sitting.current - 1) if said == "p" else min(last, sitting.current + 1))
        elif said == "f":
            exam.flag(not sitting.slots[sitting.current].flagged)
        elif said == "l":
            self._screen.mock_list(sitting)
        elif said in ("e", "submit"):
            exam.submit()
        elif command == "g" and number.strip().isdecimal() and 1 <= int(number) <= last + 1:
            exam.go_to(int(number) - 1)
        else:
            self._screen.say(f"使えるのは、{_MOCK_KEYS} です。")
        return False

    def result(self) -> None:
        result = self._trainer.mock_result()
        if result is None:
            self._screen.say("提出した模試は、まだありません。takara exam --mock 145 で始められます。")
            return
        self._result(result)

    def _result(self, result: MockResult) -> None:
        self._screen.result(result, self._mock_title(result.sitting.blueprint))
        if result.misses:
            self._screen.heading(f"見直し　正解でなかった {len(result.misses)}問")
        for number, miss in enumerate(result.misses):
            if number and self._lines.typed and self._ask("Enterで次の問題、qで終わる") == "q":
                return
            sheet = miss.marked.sheet
            self._screen.sheet(sheet, f"問{miss.number + 1}{' ★' if miss.flagged else ''}", miss.marked.place)
            self._screen.reasons(miss.marked, self._trainer.reading(sheet.question))

    def _mock_title(self, name: str) -> str:
        blueprint = self._trainer.blueprints.by_name.get(name)
        return name if blueprint is None else blueprint.title

    # ------------------------------------------------------------------ overview

    def readiness(self) -> None:
        self._screen.readiness(self._trainer.readiness(), self._trainer.blueprints.note)

    def plots(self, folder: Path) -> None:
        """Write the figures; the pace only where a mock exam was handed in."""
        trainer = self._trainer
        made = [
            plots.area_plot(trainer.readiness()),
            plots.trend_plot(trainer.progress.answers(), trainer.bank),
        ]
        result = trainer.mock_result()
        if result is not None:
            made.append(plots.pace_plot(result))
        try:
            paths = plots.save(made, folder)
        except OSError as error:
            raise ExamError(
                f"{folder} に図を書けません。書きこめるフォルダーを指定してください。\n原因: {error}"
            ) from error
        for plot, path in zip(made, paths, strict=True):
            self._screen.say(f"{path}：{plot.alt}")

    def from_grade(self, path: Path, count: int, seed: int | None) -> None:
        """Offer drills for what was lost in an assignment."""
        record = read_record(path, self._materials)
        found = suggest(record, items_of(record.assignment, self._materials))
        if not found.lost:
            self._screen.say(f"課題 {found.assignment} では、点を落としていません。")
            return
        self._screen.suggestion(found, [self._trainer.page(item) for item in found.items])
        if not found.items:
            self._screen.say(
                "この課題とシラバスの項目の対応がわからないので、問題は選べません。"
                "takara exam --item T14 のように項目を指定してください。"
            )
            return
        self.drill(Selection(items=found.items), count, seed)
