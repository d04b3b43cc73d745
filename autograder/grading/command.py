"""What ``takara grade`` prints around :func:`autograder.grading.classroom.grade_class`.

Exit status: 0 all graded; 3 partly (something was rejected, or a person must look); 2 nothing could be
done; 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from autograder.grading.classroom import ClassOutcome
    from autograder.grading.collect import Collected
    from autograder.grading.records import HandIn
    from autograder.kernels.client import ForkParent

ALL_GRADED, USAGE, PARTIAL, INTERRUPTED = 0, 2, 3, 130
_LISTED_IGNORED = 5
_LISTED_REPAIRS = 2
_NOTE_LENGTH = 44  # characters of a repair in the table; the pages have all of it


def grade(
    submissions: Path,
    *,
    out: Path,
    assignment: str | None = None,
    course: Path | None = None,
    workers: int | None = None,
    timeout_s: float = 60.0,
    rerun: bool = False,
    only: str | None = None,
    sandbox: str = "auto",
    memory_mb: int | None = None,
    parent: ForkParent | None = None,
    console: Console | None = None,
) -> int:
    """Grade a class and print what came of it.

    Parameters
    ----------
    submissions : Path
        Folder or zip of hand-ins.
    out : Path
        Results folder.
    assignment : str, optional
        Only this one.
    course : Path, optional
        nbgrader course root; by default Takara's own.
    workers : int, optional
        Processes.
    timeout_s : float
        Limit for one cell; ten times as much for a whole notebook.
    rerun : bool
        Grade unchanged hand-ins again, too.
    only : str, optional
        Only this learner.
    sandbox : {"auto", "namespaces", "landlock", "none"}
        Walls around the hand-ins.
    memory_mb : int, optional
        Memory of one hand-in.
    parent : ForkParent, optional
        A parent of kernels that is being started already.
    console : rich Console, optional

    Returns
    -------
    int
        Exit status.
    """
    console = console or Console()
    errors = Console(stderr=True, soft_wrap=True)
    from autograder.grading.classroom import grade_class
    from autograder.grading.course_root import CourseError
    from autograder.grading.intake import IntakeError
    from autograder.grading.kernel_setup import SandboxRefused
    from autograder.grading.out_folder import GradebookError, OutFolderError
    from autograder.kernels.request import TIERS, Bounds

    if timeout_s <= 0 or any(number is not None and number < 1 for number in (workers, memory_mb)):
        errors.print("--timeout、--workers、--memory には、1以上の数を指定してください。", markup=False)
        return USAGE
    if sandbox not in ("auto", *TIERS):
        choices = "、".join(("auto", *TIERS))
        errors.print(f"--sandbox に指定できるのは {choices} です。", markup=False)
        return USAGE
    atexit.register(gc.freeze)  # else Python looks through all objects once more when it ends: 0.3 s
    try:
        with _ProgressBar(console) as bar:
            outcome = grade_class(
                submissions,
                out,
                course=course,
                only_assignment=assignment,
                workers=workers,
                cell_timeout_s=timeout_s,
                notebook_timeout_s=10 * timeout_s,
                again=rerun,
                only_learner=only,
                sandbox=sandbox,
                memory_mb=memory_mb or Bounds.memory_mb,
                parent=parent,
                progress=bar.listener(),
            )
    except (CourseError, IntakeError, OutFolderError, GradebookError, SandboxRefused) as error:
        errors.print(str(error), markup=False, highlight=False)
        return USAGE
    except KeyboardInterrupt:
        errors.print("中断しました。同じコマンドをもう一度実行すると、続きから採点します。", markup=False)
        return INTERRUPTED
    show_outcome(outcome, console)
    if outcome.interrupted:
        return INTERRUPTED
    return PARTIAL if outcome.partial else ALL_GRADED


class _ProgressBar:
    """A progress line with the time left; only the last state where output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("残り"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("提出物を読んでいます", total=None)

    def __enter__(self) -> _ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def listener(self):
        from autograder.grading.classroom import Progress as Listener

        return Listener(
            collected=self._collected, walls=self._walls, graded=self._graded, writing=self._writing
        )

    def _walls(self, tier: str) -> None:
        from autograder.grading.kernel_setup import TIER_NAMES_JA

        self._console.print(f"囲い：{tier}　{TIER_NAMES_JA[tier]}", markup=False, highlight=False)

    def _collected(self, found: Collected, reused: int, to_grade: int) -> None:
        known = f"（うち {reused} 件は前回の結果を使います）" if reused else ""
        self._console.print(
            f"提出物 {len(found.hand_ins)} 件{known}、採点できないもの {len(found.rejected)} 件",
            highlight=False,
        )
        self._progress.update(self._task, description="採点しています", total=to_grade, completed=0)

    def _graded(self, hand_in: HandIn) -> None:
        self._progress.advance(self._task)

    def _writing(self) -> None:
        self._progress.update(self._task, description="結果を書いています", total=None)


def show_outcome(outcome: ClassOutcome, console: Console) -> None:
    """Print the table of results, what was rejected, and what to do next."""
    from autograder.grading.feedback import plain_points

    if outcome.graded:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("受講者", overflow="fold", max_width=24)
        table.add_column("課題", no_wrap=True)
        table.add_column("得点", justify="right", no_wrap=True)
        table.add_column("要確認", justify="center", no_wrap=True)
        table.add_column("メモ", overflow="fold")
        for g in outcome.graded:
            notes = [f"記述 {plain_points(g.unread_points)}点は未採点"] if g.unread_points else []
            repairs = list(dict.fromkeys(_shortened(r.what) for r in g.record.repairs))
            notes += repairs[:_LISTED_REPAIRS]
            if len(repairs) > _LISTED_REPAIRS:
                notes.append(f"ほか {len(repairs) - _LISTED_REPAIRS} 件の直し")
            table.add_row(
                escape(g.record.learner),
                g.record.assignment,
                f"{plain_points(g.points)} / {plain_points(g.record.max_points)}",
                "？" if g.needs_review else "",
                escape("\n".join(notes)),
            )
        console.print(table)
    if outcome.rejected:
        console.print(f"[bold]採点できなかったもの（{len(outcome.rejected)} 件）[/bold]")
        for r in outcome.rejected:
            console.print(f"  × {r.name}", markup=False, highlight=False, soft_wrap=True)
            console.print(f"     {r.reason}", markup=False, highlight=False, soft_wrap=True)
        console.print()
    if outcome.ignored:
        console.print(f"提出物として数えなかったファイル（{len(outcome.ignored)} 件）", highlight=False)
        for i in outcome.ignored[:_LISTED_IGNORED]:
            console.print(f"  ・{i.name}：{i.reason}", markup=False, highlight=False, soft_wrap=True)
        if len(outcome.ignored) > _LISTED_IGNORED:
            console.print("  ・ほか（report.html にすべてあります）", markup=False)
        console.print()
    _show_next_steps(outcome, console)


def _shortened(text: str) -> str:
    text = re.sub(r"「((?:問|課題)\d+)[^」]*」", r"「\1」", text)  # without titles
    return text if len(text) <= _NOTE_LENGTH else text[: _NOTE_LENGTH - 1] + "…"


def _show_next_steps(outcome: ClassOutcome, console: Console) -> None:
    root = _shown(outcome.out.root)
    if outcome.interrupted:
        console.print(
            f"中断しました。{len(outcome.graded)} 件の結果は残っています（まだ {outcome.not_reached} 件）。"
            "同じコマンドをもう一度実行すると、続きから採点します。\n",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"結果は {root} にあります（{outcome.seconds:.0f} 秒）。", markup=False, highlight=False)
    for name, what in (
        ("report.html", "クラスのまとめ。最初に開いてください"),
        ("grades.csv", "成績表（Excelで開けます）"),
        ("feedback", "受講者に返すページ（1人に1つ）"),
        ("gradebook.db", "nbgraderの成績簿"),
    ):
        if (outcome.out.root / name).exists():
            console.print(
                f"  {os.path.join(root, name)}  … {what}", markup=False, highlight=False, soft_wrap=True
            )
    unread = sum(1 for g in outcome.graded if g.unread_points)
    doubtful = sum(1 for g in outcome.graded if g.needs_review)
    waiting = [f"記述問題の採点（{unread} 件）"] * bool(unread) + [f"要確認の判断（{doubtful} 件）"] * bool(
        doubtful
    )
    if waiting:
        console.print(
            f"\n次にすること：{'と'.join(waiting)}。次のコマンドで JupyterLab を開き、"
            "メニューの［Nbgrader］→［Formgrader］で点とコメントを入れます。",
            highlight=False,
            soft_wrap=True,
        )
        # Two lines: "&&" does not work in Windows PowerShell 5.
        console.print(f"  cd {_quoted(root)}\n  jupyter lab", markup=False, highlight=False, soft_wrap=True)
        console.print(
            "そのあと同じコマンドをもう一度実行すると、点とコメントがページと成績表に入ります。",
            soft_wrap=True,
        )


def _shown(path: Path) -> str:
    try:
        return os.path.relpath(path) if Path.cwd() in path.parents else str(path)
    except OSError:
        return str(path)


def _quoted(text: str) -> str:
    return f'"{text}"' if any(c in text for c in " ()'&;　") else text
