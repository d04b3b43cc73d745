"""How the trainer looks in a terminal (rich). Nothing is decided here; colour is never the only sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.learner.wrapping import display_width, wrap

from .bank import LETTERS
from .layout import Marked, Sheet
from .pages import Page
from .readiness import BASIS, FEWEST_IN_AREA, Readiness
from .result import MockResult, Score
from .sitting import Sitting, State
from .stem import Paragraph, pieces
from .suggest import Suggestion
from .syllabus import Syllabus

__all__ = ["Screen", "clock_text", "verdict"]

_LATE_S = 300.0  # from here on the time left is marked
_UNKNOWN = "まだわかりません"


class Screen:
    """Prints to a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str = "", style: str = "", indent: str = "") -> None:
        """Print a Japanese text, line by line; rich would break it at the few spaces only."""
        column = display_width(indent)
        for paragraph in text.splitlines() or [""]:
            first = indent
            for line in wrap(paragraph, max(20, self.console.width - 2 - column)) or [""]:
                self._line(first + line, style)
                first = " " * column

    def heading(self, text: str) -> None:
        self.say()
        self.say(f"■ {text}", style="bold")

    def prompt(self, text: str) -> None:
        self.console.print(Text(f"{text} > "), end="", soft_wrap=True)

    def notices(self, notices: Iterable[str]) -> None:
        for notice in notices:
            self.say(f"お知らせ: {notice}", style="yellow")

    def _line(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)

    # ------------------------------------------------------------------ questions

    def sheet(self, sheet: Sheet, head: str, chosen: int | None = None) -> None:
        """A question and its choices; ``chosen`` marks the one taken before."""
        self.heading(head)
        for piece in pieces(sheet.question.stem):
            if isinstance(piece, Paragraph):
                self.say("\n".join(piece.lines))
            else:
                table = _table()
                for name, right in zip(piece.head, piece.right_aligned, strict=True):
                    table.add_column(Text(name), justify="right" if right else "left", overflow="fold")
                for row in piece.rows:
                    table.add_row(*map(Text, row))
                self.console.print(table)
        self.say()
        for place, choice in enumerate(sheet.choices):
            mark = "●" if place == chosen else "　"
            self.say(choice.text, indent=f"{mark} {LETTERS[place]}. ")

    def reasons(self, marked: Marked, pages: Sequence[Page]) -> None:
        """Whether it was right, the reason for every choice, and where it is taught."""
        sheet = marked.sheet
        colour = "green" if marked.right else "yellow" if marked.place is None else "red"
        self.say(verdict(marked), style=f"bold {colour}")
        for place, choice in enumerate(sheet.choices):
            mark = "○" if choice.right else "×" if place == marked.place else "　"
            self.say(choice.text, indent=f"{mark} {LETTERS[place]}. ", style="bold" if choice.right else "")
            self.say(choice.why, indent="     → ")
        question = sheet.question
        if question.source:
            when = f"（{question.as_of} 時点）" if question.as_of else ""
            self.say(f"根拠: {question.source}{when}")
        self.say(f"キーワード: {'、'.join(question.keywords)}　[{question.id}]")
        for page in pages:
            self.say(str(page), indent="読み直すページ: ")

    # ------------------------------------------------------------------ mock exams

    def mock_head(self, sitting: Sitting) -> str:
        """The head of a question in a mock exam."""
        flag = "　★" if sitting.slots[sitting.current].flagged else ""
        return f"問{sitting.current + 1}/{len(sitting.slots)}{flag}"

    def mock_pace(self, sitting: Sitting) -> str:
        """One line about the time, for above the prompt."""
        pace = sitting.pace
        late = "（あとわずか）" if sitting.remaining_s < _LATE_S else ""
        left = f"残り {clock_text(sitting.remaining_s)}{late}"
        answered = f"解答 {sitting.answered}/{len(sitting.slots)}問"
        if not sitting.unanswered_numbers:
            return f"{left}　{answered}（全部答えました）"
        if abs(pace.ahead) < 1:
            tempo = "予定どおり"
        else:
            tempo = f"予定より{abs(pace.ahead):.0f}問{'先' if pace.ahead > 0 else 'おくれ'}"
        return f"{left}　{answered}　{tempo}（残りは1分に{pace.needed_per_minute:.1f}問）"

    def mock_list(self, sitting: Sitting) -> None:
        """Which questions are open, and which are flagged."""
        self.say(f"まだ答えていない問題: {_numbers(sitting.unanswered_numbers)}")
        self.say(f"★（あとで見直す印）の問題: {_numbers(sitting.flagged_numbers)}")

    def result(self, result: MockResult, title: str) -> None:
        """The scores of a mock exam."""
        self.heading(f"模試の結果　{title}")
        if result.sitting.state is State.TIMED_OUT:
            self.say("時間になったので、自動で提出しました。")
        total = result.total
        self.say(
            f"{total.asked}問のうち {total.right}問正解（{100 * total.share:.0f}%）。"
            f"未解答 {result.unanswered}問。時間 {clock_text(result.sitting.elapsed_s)}"
            f"（制限 {clock_text(result.sitting.limit_s)}）",
            style="bold",
        )
        self.say("本番の合格ラインは公表されていません。この点は、この教材の問題での点です。")
        if result.void:
            self.say(
                f"教材の更新で変わった問題が{len(result.void)}問あり、数えていません"
                f"（{_numbers(result.void)}）。",
                style="yellow",
            )
        self._scores("領域", result.by_area)
        self._scores("形式", result.by_form)

    def _scores(self, name: str, scores: Iterable[Score]) -> None:
        table = _table()
        table.add_column(name, overflow="fold")
        for column in ("正解", "問題", "正答率"):
            table.add_column(column, justify="right", no_wrap=True)
        for score in scores:
            table.add_row(score.name, str(score.right), str(score.asked), f"{100 * score.share:.0f}%")
        self.console.print(table)

    # ------------------------------------------------------------------ overview

    def areas(self, syllabus: Syllabus) -> None:
        """The areas with the ids of their items."""
        for area in syllabus.areas:
            self.say(f"{area.title}（{_span(area.items)}）", indent="・")

    def items(self, syllabus: Syllabus) -> None:
        """Every item with its title."""
        for area in syllabus.areas:
            titles = (f"{item} {syllabus.items[item].title}" for item in area.items)
            self.say(f"{area.title}：{'、'.join(titles)}", indent="・")

    def readiness(self, readiness: Readiness, note: str) -> None:
        """The estimate by area and over all, and what it rests on."""
        self.heading("いまの力（正答率の見積もり）")
        table = _table()
        table.add_column("領域", overflow="fold")
        for column in ("見積もり", "80%の区間", "解いた数", "最後"):
            table.add_column(column, justify="right", no_wrap=True)
        for area in readiness.areas:
            shown = area.known
            table.add_row(
                area.title,
                f"{100 * area.estimate.mean:.0f}%" if shown else _UNKNOWN,
                f"{100 * area.estimate.low:.0f}〜{100 * area.estimate.high:.0f}%" if shown else "―",
                f"{area.questions}/{area.in_bank}",
                _ago(area.days_since),
            )
        self.console.print(table)
        if readiness.known:
            overall = readiness.overall
            self.say(
                f"全体: {100 * overall.mean:.0f}%"
                f"（80%の区間 {100 * overall.low:.0f}〜{100 * overall.high:.0f}%）。"
                f"{readiness.questions}問の解答から。",
                style="bold",
            )
        else:
            self.say(f"全体: {_UNKNOWN}（解いた問題は{readiness.questions}問）。", style="bold")
            self.say(f"領域ごとに{FEWEST_IN_AREA}問以上、全部で50問以上解くと、見積もりが出ます。")
        if readiness.stale:
            self.say(f"教材の更新で変わった問題への解答{readiness.stale}件は、数えていません。")
        self.say(BASIS)
        self.say(note)

    def suggestion(self, suggestion: Suggestion, pages: Sequence[Page]) -> None:
        """Where points were lost, and what to drill."""
        self.heading(f"課題 {suggestion.assignment} で点を落としたところ")
        for lost in suggestion.lost:
            read = f"　読み直すところ: {lost.read}" if lost.read else ""
            self.say(f"{lost.title}（{lost.points:g}/{lost.max_points:g}点）{read}", indent="・")
        self.say("ここで使う項目:")
        for page in pages:
            self.say(str(page), indent="・")


def verdict(marked: Marked) -> str:
    """Whether an answer was right, and what is right."""
    letter = LETTERS[marked.sheet.right_place]
    if marked.right:
        return "○ 正解です。"
    return f"{'－ 未解答' if marked.place is None else '× 不正解'}です。正解は {letter} です。"


def clock_text(seconds: float) -> str:
    """``5400.0`` → ``90:00``."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _numbers(numbers: Sequence[int]) -> str:
    return "、".join(str(number + 1) for number in numbers) or "なし"


def _span(items: Sequence[str]) -> str:
    """The ids of items that follow each other: "T01〜T03"."""
    return items[0] if len(items) == 1 else f"{items[0]}〜{items[-1]}"


def _ago(days: float | None) -> str:
    if days is None:
        return "―"
    return "1日以内" if days < 1 else f"{days:.0f}日前"


def _table() -> Table:
    # Full-width table lines have no agreed width in terminals; ASCII ones do.
    return Table(box=box.ASCII2, show_header=True, header_style="bold")
