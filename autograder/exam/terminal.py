"""The trainer in a terminal: a conversation by lines, with or without a real terminal behind it.

Every answer is saved when it is given. The end of the input, or Ctrl+C, ends it and loses nothing.
"""

from __future__ import annotations

import re
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
from .bank import LETTERS
from .drill import EVERYTHING, Selection
from .errors import ExamError
from .keywords import UnknownKeyword
from .layout import Sheet
from .mock import PAUSE_NOTE, MockExam
from .progress import Mode
from .result import MockResult, Numbered
from .screen import Screen, clock_text, verdict
from .suggest import read_record, suggest
from .trainer import Trainer

__all__ = ["Lines", "Wanted", "exam", "review"]

DEFAULT_COUNT = 10
REVIEW_COUNT = 20  # a portion that is done in a quarter of an hour
_DRILL_KEYS = "A〜Dで答える、Enterで飛ばす、qで終わる"
_MOCK_KEYS = "A〜D 答える　n 次　p 前　f ★　l 一覧　e 提出　q 中断　? 使い方"
_MOCK_HELP = (
    "A〜D（1〜4でも） … 答える（次の問題へ進みます）",
    "0 … 直前の答えを取り消す",
    "n（またはEnter）… 次の問題　　p … 前の問題",
    "g 12 … 問12へ（問5から先は、番号だけでも移れます）",
    "f … あとで見直す印（★）を付ける、外す",
    "l … 答えていない問題と、★の問題の一覧",
    "e … 提出　　q … 中断（時計が止まります）",
)
_PLACES = {key: place for keys in (LETTERS.lower(), "1234") for place, key in enumerate(keys)}
_GO = re.compile(r"(?:g\s*|問)?(\d{1,4})")
_YES = {"y", "yes", "はい"}
_QUIT = {"q", "quit"}


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

    def conflict(self) -> str:
        """What keeps these wishes from being done together (Japanese); empty when nothing does."""
        selection = self.selection
        chosen = [
            ("--plots", self.plots is not None),
            ("--from-grade", self.from_grade is not None),
            ("--result", self.result),
            ("--resume", self.resume),
            ("--mock", self.mock is not None),
        ]
        drill = [
            ("--item", bool(selection.items)),
            ("--keyword", bool(selection.keywords)),
            ("--area", bool(selection.areas)),
            ("--weak", selection.weak),
            ("--unseen", selection.unseen),
        ]
        doing = [name for name, given in chosen if given]
        useless = [name for name, given in drill if given]
        if self.count is not None and doing != ["--from-grade"]:
            useless.append("--count")
        if self.seed is not None and doing not in (["--from-grade"], ["--mock"]):
            useless.append("--seed")
        if len(doing) > 1:
            return f"{'、'.join(doing)} は、いっしょに使えません。どれか1つを書いてください。"
        if doing and useless:
            return f"{'、'.join(useless)} は、{doing[0]} といっしょには使えません。どちらかを外してください。"
        return ""


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
    if conflict := wanted.conflict():
        raise ExamError(conflict)
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

    def _pause(self, text: str) -> bool:
        """Let a person read on; whether they want to end. A file or a pipe is not asked."""
        return self._lines.typed and self._ask(text) in _QUIT

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
            if picked in _QUIT:
                return
            if not picked.isdecimal() or not 1 <= int(picked) <= len(choices):
                screen.say(f"1から{len(choices)}の番号か、qを入れてください。")
                continue
            try:
                choices[int(picked) - 1][1]()
            except ExamError as error:
                screen.say(str(error), style="yellow")

    def _chosen_drill(self) -> None:
        syllabus = self._trainer.syllabus
        self._screen.areas(syllabus)
        while (name := self._ask("項目（例: t14）、領域かキーワード。l で項目の題、q で戻る")) == "l":
            self._screen.items(syllabus)
        if not name or name in _QUIT:
            return
        if name.upper() in syllabus.items:
            self.drill(Selection(items=(name,)), DEFAULT_COUNT)
            return
        titles = {area.title.lower(): area.title for area in syllabus.areas}
        if name in titles:
            self.drill(Selection(areas=(titles[name],)), DEFAULT_COUNT)
            return
        try:
            self.drill(Selection(keywords=(name,)), DEFAULT_COUNT)
        except UnknownKeyword as unknown:
            if not unknown.near:
                raise
            self._near_drill(name, unknown.near)

    def _near_drill(self, name: str, near: Sequence[str]) -> None:
        """Offer the keywords that are spelled like the one that was typed."""
        self._screen.say(f"キーワード「{name}」の問題は見つかりません。近いもの:")
        for number, keyword in enumerate(near, 1):
            self._screen.say(keyword, indent=f"{number}. ")
        picked = self._ask("番号（Enterで戻る）")
        if picked.isdecimal() and 1 <= int(picked) <= len(near):
            self.drill(Selection(keywords=(near[int(picked) - 1],)), DEFAULT_COUNT)

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
        due = self._trainer.review(seed=seed)
        if not due:
            later = self._trainer.next_review() or "解いた問題は、忘れかけるころにここへ出ます。"
            self._screen.say(f"今日の復習はありません。{later}")
            return
        sheets = due[: count or REVIEW_COUNT]
        if len(sheets) < len(due):
            self._screen.say(
                f"今日の復習は{len(due)}枚あります。忘れかけているものから{len(sheets)}枚を出します。"
                "残りは、もう一度 takara review で出ます。"
            )
        self._questions(sheets, Mode.REVIEW, "今日の復習")

    def _questions(self, sheets: Sequence[Sheet], mode: Mode, title: str) -> None:
        session = self._trainer.new_session(mode)
        done = right = passed = 0
        try:
            for number, sheet in enumerate(sheets, 1):
                self._screen.sheet(sheet, f"{title}　{number}/{len(sheets)}　[{sheet.question.id}]")
                began = time.monotonic()
                place = self._place()
                if place in _QUIT:
                    break
                if place == "":
                    passed += 1
                    continue
                marked = self._trainer.answer(sheet, _PLACES[place], time.monotonic() - began, mode, session)
                done, right = done + 1, right + marked.right
                self._screen.reasons(marked, self._trainer.reading(sheet.question))
                then = "次の問題" if number < len(sheets) else "まとめ"
                if self._pause(f"{verdict(marked)}　Enterで{then}、qで終わる"):
                    break
        finally:
            if done or passed:
                self._screen.say()
                skipped = f"飛ばした問題は {passed}問です。" if passed else ""
                self._screen.say(f"{done}問のうち {right}問正解。{skipped}答えは残っています。", style="bold")

    def _place(self) -> str:
        """A key of ``_PLACES``, "" to pass, "q" to end."""
        while True:
            said = self._ask(_DRILL_KEYS)
            if said == "" or said in _PLACES or said in _QUIT:
                return said
            self._screen.say("A、B、C、Dのどれかを入れてください。")

    # ------------------------------------------------------------------ mock exams

    def mock(self, name: str, seed: int | None = None) -> None:
        self._trainer.blueprints.named(name)  # an unknown one is told before anything is asked
        unfinished = self._trainer.unfinished_mock()
        if unfinished is not None:
            self._screen.say(
                f"途中の模試があります（解答 {unfinished.sitting.answered}問、"
                f"残り {clock_text(unfinished.sitting.remaining_s)}）。"
                "新しく始めると、それは採点しないで閉じます。"
            )
            said = self._ask("y 新しく始める、Enter 途中のものを続ける、n やめる")
            if said == "":
                self.resume()
            if said not in _YES:
                return
        self._screen.say(self._trainer.blueprints.note)
        self._sit(self._trainer.start_mock(name, seed))

    def resume(self) -> None:
        exam = self._trainer.resume_mock()
        if exam is None:
            self._screen.say("途中の模試はありません。takara exam --mock 145 で始められます。")
            return
        self._sit(exam)

    def _sit(self, exam: MockExam) -> None:
        self._screen.say(f"模試　{self._mock_title(exam.sitting.blueprint)}", style="bold")
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
        shown = None
        just_answered: int | None = None  # the question that the last step answered
        while exam.tick().running:
            sitting = exam.sitting
            if shown != sitting.current:
                self._mock_question(exam)
                shown = sitting.current
            self._screen.say(self._screen.mock_pace(sitting))
            said = self._ask(_MOCK_KEYS)
            if said in _QUIT:
                return
            if said in ("e", "submit") and not self._sure(exam):
                continue
            if said == "0":
                self._take_back(exam, sitting.current if just_answered is None else just_answered)
                shown = None
            else:
                self._mock_step(exam, said)
            just_answered = sitting.current if said in _PLACES else None
            if said in _PLACES and exam.sitting.slots[sitting.current].place != _PLACES[said]:
                self._screen.say(
                    "時間を過ぎていたので、いま入れた答え"
                    f"（問{sitting.current + 1}の {said.upper()}）は数えません。",
                    style="yellow",
                )

    def _mock_question(self, exam: MockExam) -> None:
        head = self._screen.mock_head(exam.sitting)
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
        return self._ask(f"提出しますか（未解答 {left}問）。提出するなら y、続けるなら Enter") in _YES

    def _take_back(self, exam: MockExam, number: int) -> None:
        """Take the answer to a question back, and show that question."""
        if exam.sitting.slots[number].place is None:
            self._screen.say(f"問{number + 1}には、まだ答えていません。")
            return
        exam.answer(None, number)
        exam.go_to(number)
        if exam.sitting.running:
            self._screen.say(f"問{number + 1}の答えを取り消しました。")

    def _mock_step(self, exam: MockExam, said: str) -> None:
        sitting = exam.sitting
        last = len(sitting.slots) - 1
        wanted = _GO.fullmatch(said)
        if said in _PLACES:
            exam.answer(_PLACES[said])
            if sitting.current < last:
                exam.go_to(sitting.current + 1)
            elif exam.sitting.running:
                self._screen.say("最後の問題です。l で一覧、e で提出します。")
        elif said in ("n", "p", ""):
            exam.go_to(max(0, sitting.current - 1) if said == "p" else min(last, sitting.current + 1))
        elif said == "f":
            on = not sitting.slots[sitting.current].flagged
            exam.flag(on)
            done = "付けました（あとで見直す印）" if on else "外しました"
            self._screen.say(f"問{sitting.current + 1}の★を{done}。")
        elif said == "l":
            self._screen.mock_list(sitting)
        elif said in ("e", "submit"):
            exam.submit()
        elif wanted and 1 <= int(wanted[1]) <= last + 1:
            exam.go_to(int(wanted[1]) - 1)
        elif wanted:
            self._screen.say(f"問{wanted[1]}はありません。この模試は、問1から問{last + 1}までです。")
        else:
            for line in _MOCK_HELP:
                self._screen.say(line, indent="  ")

    def result(self) -> None:
        result = self._trainer.mock_result()
        if result is None:
            self._screen.say("提出した模試は、まだありません。takara exam --mock 145 で始められます。")
            return
        self._result(result)

    def _result(self, result: MockResult) -> None:
        self._screen.result(result, self._mock_title(result.sitting.blueprint))
        flagged = tuple(one for one in result.questions if one.flagged)
        choices = [
            ("正解でなかった問題", result.misses),
            ("★を付けた問題", flagged),
            ("全部", result.questions),
        ]
        if not self._lines.typed:  # nobody can be asked
            both = tuple(one for one in result.questions if one.flagged or not one.marked.right)
            self._look_again("正解でなかった問題と、★を付けた問題", both)
            return
        while True:
            self._screen.heading("見直し")
            for number, (name, questions) in enumerate(choices, 1):
                self._screen.say(f"{name}（{len(questions)}問）", indent=f"{number}. ")
            picked = self._ask("番号（Enterで終わる）")
            if picked == "" or picked in _QUIT:
                return
            if picked in ("1", "2", "3"):
                self._look_again(*choices[int(picked) - 1])

    def _look_again(self, title: str, questions: Sequence[Numbered]) -> None:
        if not questions:
            return
        self._screen.heading(f"見直し　{title}　{len(questions)}問")
        for number, one in enumerate(questions, 1):
            sheet = one.marked.sheet
            self._screen.sheet(sheet, f"問{one.number + 1}{' ★' if one.flagged else ''}", one.marked.place)
            self._screen.reasons(one.marked, self._trainer.reading(sheet.question))
            then = "次の問題" if number < len(questions) else "戻る"
            if self._pause(f"{verdict(one.marked)}　Enterで{then}、qで終わる"):
                return

    def _mock_title(self, name: str) -> str:
        blueprint = self._trainer.blueprints.by_name.get(name)
        return name if blueprint is None else blueprint.title

    # ------------------------------------------------------------------ overview

    def readiness(self) -> None:
        self._screen.readiness(self._trainer.readiness(), self._trainer.blueprints.note)

    def plots(self, folder: Path) -> None:
        """Write the figures."""
        made = plots.plots_of(self._trainer)
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
        whole = {one.name: one.items for one in self._trainer.assignments}
        found = suggest(record, whole.get(record.assignment, ()))
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
