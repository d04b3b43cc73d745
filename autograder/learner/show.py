"""How results look in a terminal (rich). Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.grading.records import CellResult, GradeRecord, Status, most_lost
from autograder.learner.doctor import Check
from autograder.learner.workspace import Action, Report
from autograder.learner.wrapping import wrap

__all__ = ["show_check_line", "show_grade", "show_workspace"]

_HEADINGS = (
    (Action.BESIDE, "あなたが書いたファイルは残し、新しい版を横に置きました"),
    (Action.UPDATED_RUN, "実行しただけのファイルを新しい版にしました（前のものは控えにあります）"),
    (Action.RESTORED, "なくなっていたので、戻しました"),
    (Action.WITHDRAWN, "講座から外れました（ファイルはそのままです）"),
    (Action.SKIPPED, "さわらなかったファイルがあります"),
)
_STATUS = {
    Status.PASS: "[green]○ 見えているテストは合格[/]",
    Status.PARTIAL: "[yellow]△ 一部正解[/]",
    Status.BLANK: "[blue]－ 未記入[/]",
    Status.FAIL: "[red]× もう一歩[/]",
    Status.ERROR: "[red]× エラー[/]",
    Status.TIMEOUT: "[red]× 時間切れ[/]",
    Status.NOT_RUN: "[red]× 実行されず[/]",
    Status.NEEDS_REVIEW: "[yellow]？ 講師が確認[/]",
    Status.MANUAL: "[blue]－ 講師が採点[/]",
}


def show_workspace(report: Report, console: Console) -> None:
    """What a refresh of the workspace did: counts for the ordinary, names for what a learner must know."""
    for note in report.notes:
        _say(note, console, style="yellow")
    new, updated = len(report.with_action(Action.NEW)), len(report.with_action(Action.UPDATED))
    console.print(f"作業用フォルダー: {escape(str(report.directory))}", highlight=False, soft_wrap=True)
    if new:
        console.print(f"新しいファイルを {new} 個置きました。", highlight=False)
    if updated:
        console.print(f"{updated} 個のファイルを新しい版にしました。", highlight=False)
    for action, heading in _HEADINGS:
        items = report.with_action(action)
        if items:
            console.print(f"[bold]{heading}。[/]", highlight=False)
        for item in items:
            more = f" → {item.other}" if item.other else f"：{item.reason}" if item.reason else ""
            console.print(f"  {escape(item.path + more)}", highlight=False, soft_wrap=True)
    if not any(item.action not in (Action.UNCHANGED, Action.KEPT) for item in report.items):
        console.print("すべて最新です。", highlight=False)


def show_check_line(check: Check, console: Console) -> None:
    mark = "[green]OK    [/]" if check.ok else "[bold red]要対応[/]"
    console.print(f"{mark} {escape(check.name)}: {escape(check.found)}", highlight=False, soft_wrap=True)
    if check.action:
        console.print(f"       → {escape(check.action)}", highlight=False, soft_wrap=True)


def show_grade(record: GradeRecord, console: Console, hints: int) -> None:
    """Each question: status, message, ``hints`` layers of hints, where to read."""
    for what in dict.fromkeys(repair.what for repair in record.repairs):
        _say(what, console, style="yellow")
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    table.add_column("問題", overflow="fold")
    table.add_column("結果", no_wrap=True)
    for question, results in _by_question(record.results).items():
        table.add_row(escape(_title(question, results)), _STATUS[_worst(results)])
    console.print(table)
    for question, results in _by_question(record.results).items():
        _show_question(question, results, console, hints)
    if items := most_lost((r.max_points - r.points, r.items) for r in _open(record.results)):
        console.print()
        command = " ".join(["takara exam", *(f"--item {item}" for item in items)])
        _say(f"同じ範囲の試験の問題を解くには: {command}", console)
    console.print()
    _say("これは見えているテストだけの結果です。提出すると、見えないテストも使って採点します。", console)


def _show_question(question: str, results: list[CellResult], console: Console, hints: int) -> None:
    open_ones = _open(results)
    if not open_ones:
        return
    console.print()
    _say(f"■ {_title(question, results)}", console, style="bold")
    for message in dict.fromkeys(r.message for r in open_ones if r.message):
        _say(message, console)
    layers = list(dict.fromkeys(hint for r in open_ones for hint in r.hints))
    for number, hint in enumerate(layers[:hints], start=1):
        _say(f"ヒント{number}: {hint.strip()}", console, style="cyan")
    left = len(layers) - hints
    if left > 0:
        _say(f"（ヒントはあと{left}つあります。--hints {hints + 1} を付けると、次の1つが出ます）", console)
    for read in dict.fromkeys(r.read for r in open_ones if r.read):
        _say(f"読み直すところ: {read}", console)


def _open(results: Iterable[CellResult]) -> list[CellResult]:
    return [r for r in results if r.status not in (Status.PASS, Status.MANUAL)]


def _say(text: str, console: Console, style: str = "") -> None:
    """Print a Japanese text line by line; rich would break it at the few spaces only."""
    for paragraph in text.splitlines():
        for line in wrap(paragraph, console.width - 2) or [""]:
            console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _by_question(results: Iterable[CellResult]) -> dict[str, list[CellResult]]:
    grouped: dict[str, list[CellResult]] = {}
    for result in results:
        grouped.setdefault(result.question, []).append(result)
    return grouped


def _title(question: str, results: list[CellResult]) -> str:
    return next((r.title for r in results if r.title), question)


def _worst(results: list[CellResult]) -> Status:
    order = [
        Status.ERROR,
        Status.TIMEOUT,
        Status.NOT_RUN,
        Status.FAIL,
        Status.BLANK,
        Status.PARTIAL,
        Status.NEEDS_REVIEW,
        Status.MANUAL,
        Status.PASS,
    ]
    return min((r.status for r in results), key=order.index)
