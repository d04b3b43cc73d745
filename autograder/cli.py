"""The ``takara`` command: reads the command line, calls, prints. What happens is decided elsewhere.

Exit status: 0 done; 1 something needs action (``doctor``, ``init``, ``bank``); 2 could not run; 3 only partly
done (``grade``); 130 interrupted.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import importlib.util
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from autograder.learner.japanese import JapaneseCommand, JapaneseGroup

app = typer.Typer(
    name="takara",
    cls=JapaneseGroup,
    help="宝探しAI講座（Takara）: 教材を開く、課題を確かめる、採点する。",
    epilog="はじめての人は takara lab を実行してください。動かないときは takara doctor が原因を調べます。",
    add_completion=False,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)

Directory = Annotated[
    Path | None,
    typer.Argument(
        metavar="[フォルダー]",
        help="作業用フォルダー。書かなければ、いつもの場所です"
        "（リポジトリなら workspace、ほかはホームの takara）。",
        show_default=False,
    ),
]


def _whole_number(written: str | int, least: int | None = None) -> int:
    """A number as people write it, full-width digits too."""
    try:
        number = int(written)
    except ValueError:
        raise typer.BadParameter("整数を書いてください（例: 5）。") from None
    if least is not None and number < least:
        raise typer.BadParameter(f"{least}以上の数を書いてください。")
    return number


def _count(written: str | int) -> int:
    return _whole_number(written, least=1)


class UsageProblem(Exception):
    """Something is missing on the command line. The message is Japanese."""


class Interrupted(Exception):
    """Ctrl+C, under a name of ours: typer would turn a ``KeyboardInterrupt`` into an exit without a word."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        try:
            typer.echo(f"takara {metadata.version('takara')}")
        except metadata.PackageNotFoundError:
            typer.echo("takara（インストールされていません。リポジトリのフォルダーから直接動いています）")
        raise typer.Exit()


@app.callback()
def takara(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="版を表示して終わります。",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _help_alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def command(
    help_text: str, group: typer.Typer = app, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def interruptible(**options: Any) -> None:
            try:
                function(**options)
            except KeyboardInterrupt as error:
                raise Interrupted from error

        return group.command(name, cls=JapaneseCommand, help=help_text)(interruptible)

    return register


@command("教材を開きます（JupyterLab が、日本語で、はじめのページから開きます）。")
def lab(
    directory: Directory = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="番号",
            help="使うポート番号。書かなければ、空いている番号を8888から探します。",
            show_default=False,
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="ブラウザーを開きません。")] = False,
) -> None:
    from autograder.learner import lab as jupyter_lab
    from autograder.learner import show
    from autograder.materials import find_materials

    materials = find_materials()
    directory = directory or jupyter_lab.default_directory(materials)
    report = jupyter_lab.prepare(directory, materials)
    if report is not None:
        show.show_workspace(report, _console())
    status = jupyter_lab.run(
        directory, port=port, open_browser=not no_browser, say=lambda line: print(line, flush=True)
    )
    raise typer.Exit(status)


@command("作業用フォルダーを作るか、新しい教材を届けます（書きかけのファイルは上書きしません）。")
def init(directory: Directory = None) -> None:
    from autograder.learner import show, workspace
    from autograder.learner.lab import default_directory
    from autograder.materials import find_materials

    materials = find_materials()
    report = workspace.init(directory or default_directory(materials), materials)
    show.show_workspace(report, _console())
    skipped = report.with_action(workspace.Action.SKIPPED)
    raise typer.Exit(1 if skipped else 0)


@command("自分の課題を確かめます（見えているテストを動かし、ヒントを出します。ファイルは書きかえません）。")
def check(
    notebook: Annotated[
        Path | None,
        typer.Argument(
            metavar="ノートブック",
            help="課題のファイル（例: assignments/ps2/ps2.ipynb）。",
            show_default=False,
        ),
    ] = None,
    hints: Annotated[
        int,
        typer.Option(
            metavar="数",
            min=0,
            help="ヒントをいくつ目まで出すか（浅い順）。書かなければ1つ目だけ。",
            show_default=False,
        ),
    ] = 1,
) -> None:
    if notebook is None:
        raise UsageProblem("確かめる課題を指定してください（例: takara check assignments/ps2/ps2.ipynb）。")
    from autograder.learner import check as own_check
    from autograder.learner import show

    console = _console()
    with console.status("課題を動かして、確かめています…"):
        record = own_check.check(notebook)
    show.show_grade(record, console, hints)


@command("提出された課題をまとめて採点します（講師用）。")
def grade(
    submissions: Annotated[
        Path | None,
        typer.Argument(
            metavar="提出物",
            help="提出物のフォルダー、またはzipファイル。",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="フォルダー",
            help="結果（grades.csv、feedback、report.html、成績簿）を書くフォルダー。",
            show_default=False,
        ),
    ] = None,
    assignment: Annotated[
        str | None,
        typer.Option(
            metavar="課題",
            help="この課題だけを採点します（例: ps2）。",
            show_default=False,
        ),
    ] = None,
    course: Annotated[
        Path | None,
        typer.Option(
            metavar="フォルダー",
            help="nbgraderの講座フォルダー。書かなければ、この講座の assignments です。",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="数", help="同時に採点する数。書かなければ、CPUの数に合わせます。", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="秒",
            help="セル1つの制限時間。書かなければ60秒（ノートブック全体は、その10倍）。",
            show_default=False,
        ),
    ] = 60.0,
    memory: Annotated[
        int | None,
        typer.Option(metavar="MB", help="提出物1つが使えるメモリ。書かなければ1500MB。", show_default=False),
    ] = None,
    sandbox: Annotated[
        str,
        typer.Option(
            metavar="囲い",
            help="提出物を閉じこめる方法。auto（いちばん強いもの）、namespaces、landlock、none（閉じこめない）。",
            show_default=False,
        ),
    ] = "auto",
    rerun: Annotated[
        bool, typer.Option("--rerun", help="前回から変わっていない提出物も、採点し直します。")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(metavar="受講者", help="この受講者の提出物だけを採点します。", show_default=False),
    ] = None,
) -> None:
    if submissions is None or out is None:
        raise UsageProblem(
            "提出物と、結果を書くフォルダーを指定してください（例: takara grade 提出物 --out 採点結果）。"
        )
    if importlib.util.find_spec("nbgrader") is None:  # not imported here: that takes a second
        raise UsageProblem(
            "採点には講師用の部品が要ります。pip install 'takara[instructor]' を実行してください"
            "（リポジトリなら pip install -e '.[instructor]'）。\n原因: No module named 'nbgrader'"
        )
    from autograder.kernels.client import early_parent

    with early_parent() as parent:  # it imports while we do
        from autograder.grading.command import grade as grade_hand_ins

        status = grade_hand_ins(
            submissions,
            out=out,
            assignment=assignment,
            course=course,
            workers=workers,
            timeout_s=timeout,
            rerun=rerun,
            only=only,
            sandbox=sandbox,
            memory_mb=memory,
            parent=parent,
        )
    raise typer.Exit(status)


@command("このパソコンで講座が動くかどうかを調べ、足りないものの直し方を示します。")
def doctor(directory: Directory = None) -> None:
    from autograder.learner import show
    from autograder.learner.doctor import examine

    console = _console()
    needs_action = 0
    for result in examine(directory):
        show.show_check_line(result, console)
        needs_action += not result.ok
    if needs_action:
        console.print(
            f"{needs_action} か所、対応が必要です。→ の行のとおりにしてから、もう一度実行してください。"
        )
    else:
        console.print("すべてOKです。takara lab で始められます。")
    raise typer.Exit(1 if needs_action else 0)


@command("試験対策の問題を解きます（一問一答、模試。何も指定しなければ、選ぶ画面が出ます）。")
def exam(
    item: Annotated[
        list[str] | None,
        typer.Option(
            metavar="項目",
            help="この項目の一問一答（例: T14。何度でも書けます）。ほかの条件とは「両方に合うもの」です。",
            show_default=False,
        ),
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(
            metavar="言葉",
            help="このキーワードの一問一答（例: 過学習）。略語や、言葉の一部でも探します。",
            show_default=False,
        ),
    ] = None,
    area: Annotated[
        list[str] | None,
        typer.Option(metavar="領域", help="この領域の一問一答（例: 法律と契約）。", show_default=False),
    ] = None,
    weak: Annotated[bool, typer.Option("--weak", help="苦手な領域と、まだわからない領域だけ。")] = False,
    unseen: Annotated[bool, typer.Option("--unseen", help="まだ解いていない問題だけ。")] = False,
    count: Annotated[
        int | None,
        typer.Option(metavar="数", parser=_count, help="問題の数。書かなければ10問。", show_default=False),
    ] = None,
    mock: Annotated[
        str | None,
        typer.Option(
            metavar="形式",
            help="模試を始めます（問題を選ぶオプションとは、いっしょに使えません）。145（100分）、145-120（145問・120分）、160（120分）、mini（20問）。",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="途中の模試を続けます。")] = False,
    result: Annotated[bool, typer.Option("--result", help="前の模試の結果と見直しです。")] = False,
    from_grade: Annotated[
        Path | None,
        typer.Option(
            metavar="ファイル",
            help="採点結果（takara grade の records の中のファイル）か、自分の課題のノートブックから、"
            "点を落とした課題の項目を選びます。",
            show_default=False,
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="フォルダー",
            help="領域ごとの力、日ごとの正答率、模試のペースの図を、このフォルダーに書きます。",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="数",
            parser=_whole_number,
            help="くじの種。同じ数なら、同じ問題が出ます。",
            show_default=False,
        ),
    ] = None,
) -> None:
    from autograder.exam import terminal
    from autograder.exam.drill import Selection

    selection = Selection(tuple(item or ()), tuple(keyword or ()), tuple(area or ()), weak, unseen)
    wanted = terminal.Wanted(selection, count, mock, resume, result, from_grade, plots, seed)
    raise typer.Exit(terminal.exam(wanted))


@command("今日の復習をします（前に解いた問題が、忘れかけるころに出ます）。")
def review(
    count: Annotated[
        int | None,
        typer.Option(
            metavar="数", parser=_count, help="多くてもこの数まで。書かなければ20問。", show_default=False
        ),
    ] = None,
) -> None:
    from autograder.exam import terminal

    raise typer.Exit(terminal.review(count))


bank = typer.Typer(cls=JapaneseGroup, invoke_without_command=True)
app.add_typer(bank, name="bank", help="試験の問題を確かめ、ほかの形にします（問題を書く人、講師用）。")
bank.callback()(_help_alone)

CourseRoot = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="フォルダー",
        help="問題（course/exam）があるフォルダー。書かなければ、この講座です。",
        show_default=False,
    ),
]


@command("問題が全部そろい、正しく書けているかを確かめます。", bank, "check")
def bank_check(
    json: Annotated[bool, typer.Option("--json", help="機械で読む形（JSON）で出します。")] = False,
    root: CourseRoot = None,
) -> None:
    from autograder.exam import bank_command

    raise typer.Exit(bank_command.check(as_json=json, root=root))


@command("目隠しで答えるためのシート（問題と、並べかえた選択肢。正解なし）を作ります。", bank, "sheet")
def bank_sheet(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[項目…]",
            help="項目（例: T14）か、問題の番号（例: T14-03）。書かなければ、全部です。",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="ファイル", help="書くファイル。書かなければ、画面に出します。", show_default=False
        ),
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="今の文でまだ答えられていない問題だけを選びます。")
    ] = False,
    root: CourseRoot = None,
) -> None:
    from autograder.exam import bank_command

    raise typer.Exit(bank_command.sheet(names or [], out=out, due=due, root=root))


@command("シートへの答え（CSV）を正解と比べ、合わないものを全部示して、記録します。", bank, "blind")
def bank_blind(
    answers: Annotated[
        Path | None,
        typer.Argument(
            metavar="答え", help="答えのファイル。1行に「番号,記号,気づいたこと」。", show_default=False
        ),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option(metavar="名前", help="答えた人（問題を書いた人ではない人）。", show_default=False),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="比べるだけで、記録しません。")] = False,
    root: CourseRoot = None,
) -> None:
    if answers is None or not (who or no_record):
        raise UsageProblem(
            "答えのファイルと、答えた人を指定してください"
            "（例: takara bank blind answers.csv --who 回答者A）。"
        )
    from autograder.exam import bank_command

    raise typer.Exit(bank_command.answers(answers, who=who or "", keep=not no_record, root=root))


@command("問題を、Anki、Moodle、表計算（CSV）、紙（PDF）で使うファイルにします。", bank, "export")
def bank_export(
    form: Annotated[
        str | None,
        typer.Argument(metavar="形", help="anki、moodle、csv、pdf のどれか。", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="ファイル",
            help="書くファイル（例: takara.apkg）。",
            show_default=False,
        ),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(metavar="項目", help="この項目だけ（例: T14）。何度でも書けます。", show_default=False),
    ] = None,
    area: Annotated[
        list[str] | None,
        typer.Option(
            metavar="領域",
            help="この領域だけ（例: 法律と契約）。何度でも書けます。--item と両方なら、両方に合うものだけ。",
            show_default=False,
        ),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option(
            metavar="数",
            parser=_count,
            help="くじでこの数だけ選びます（csv、pdf）。",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="数",
            parser=_whole_number,
            help="くじの種。同じ数なら、同じ問題になります。",
            show_default=False,
        ),
    ] = None,
    without_answers: Annotated[
        bool, typer.Option("--without-answers", help="問題と解答用紙だけにします（pdf）。")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="同じ名前のファイルがあれば、上書きします。")
    ] = False,
    root: CourseRoot = None,
) -> None:
    if form is None or out is None:
        raise UsageProblem(
            "形と、書くファイルを指定してください（例: takara bank export anki takara.apkg）。"
        )
    from autograder.exam import bank_command

    status = bank_command.export(
        form,
        out,
        items=item or [],
        areas=area or [],
        random=random,
        seed=seed,
        with_answers=not without_answers,
        overwrite=force,
        root=root,
    )
    raise typer.Exit(status)


def _console() -> Any:
    from rich.console import Console

    return Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Expected failures are told in Japanese, without a traceback; the rest is logged."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # an old Windows console has not every character
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(args=arguments, prog_name="takara", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (Interrupted, KeyboardInterrupt):
        print("中断しました。", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        message = _expected(error)
        if message is None:
            message = _log_unexpected(error, arguments)
        print(message, file=sys.stderr)
        return 2


def _expected(error: Exception) -> str | None:
    """The message of a failure that people can do something about, or ``None``."""
    from autograder.exam.errors import ExamError
    from autograder.learner.check import CheckError
    from autograder.learner.lab import LabError
    from autograder.learner.workspace import WorkspaceError
    from autograder.materials import MaterialsNotFound

    told = (UsageProblem, CheckError, ExamError, LabError, WorkspaceError, MaterialsNotFound)
    if isinstance(error, told):
        return str(error)
    if hasattr(error, "format_message"):  # a usage error of typer: it knows the command it happened in
        from autograder.learner.usage import usage_problem

        where = getattr(getattr(error, "ctx", None), "command_path", "takara")
        return (
            f"コマンドの書き方に間違いがあります。{where} --help で使い方を確かめてください。\n"
            f"原因: {usage_problem(error)}"
        )
    return None


def _log_unexpected(error: Exception, arguments: Sequence[str]) -> str:
    first = f"takara が思わぬところで止まりました（{type(error).__name__}）。"
    try:
        descriptor, name = tempfile.mkstemp(prefix="takara-error-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as log:
            log.write(
                f"{datetime.datetime.now().isoformat()}\n{sys.version}\ntakara {' '.join(arguments)}\n\n"
            )
            log.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{first}まず takara doctor を試してください。\n原因: {error}"
    return (
        f"{first}まず takara doctor を試し、直らなければ、このファイルを講師に送ってください: {name}\n"
        f"原因: {error}"
    )


if __name__ == "__main__":
    sys.exit(main())
