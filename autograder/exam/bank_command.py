"""What ``takara bank`` reads, writes and prints around the functions that decide.

Exit status: 0 done, nothing wrong; 1 the bank needs work; 2 could not run.
"""

from __future__ import annotations

import datetime
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.files import write_whole
from autograder.materials import MaterialsNotFound, find_materials

from . import blind, blind_record
from .bank import Bank, BankError, Question, read_bank, read_file, read_readable
from .exports.sections import drawn, sections
from .syllabus import ITEM, read_syllabus

if TYPE_CHECKING:
    from .bank_check import Result

__all__ = ["EXPORTS", "answers", "check", "export", "sheet"]

DONE, NEEDS_WORK, USAGE = 0, 1, 2
EXPORTS = {
    "anki": ".apkg",
    "moodle": ".xml",
    "csv": ".csv",
    "pdf": ".pdf",
}  # form → ending of the file's name


class _Unusable(Exception):
    """The command cannot do what it was asked. The message is Japanese."""


_EXPECTED = (
    BankError,
    MaterialsNotFound,
    OSError,
    UnicodeDecodeError,
    _Unusable,
    blind.AnswersError,
    blind_record.RecordError,
)


def check(*, as_json: bool = False, root: Path | None = None, console: Console | None = None) -> int:
    """Check the bank and print what was found.

    Parameters
    ----------
    as_json : bool
        For machines: a list of results with their figures and problems.
    root : Path, optional
        Folder with ``course/exam``; by default this installation's.
    console : rich Console, optional

    Returns
    -------
    int
        Exit status: ``NEEDS_WORK`` when there is a problem.
    """
    from .bank_check import check_bank, pages_in

    try:
        root = root or find_materials().root
        bank, problems = read_readable(_questions(root))
        record = blind_record.read_record(root / blind_record.PATH)
        pages = pages_in(root / "course" / "notebooks")
        results = check_bank(bank, read_syllabus(root), pages, record, problems)
    except _EXPECTED as error:
        return _cannot("問題を確かめられませんでした。", error)
    if as_json:
        print(
            json.dumps(
                [asdict(result) | {"ok": result.ok} for result in results], ensure_ascii=False, indent=1
            )
        )
    else:
        _show(results, console or Console())
    return DONE if all(result.ok for result in results) else NEEDS_WORK


def _show(results: Sequence[Result], console: Console) -> None:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for heading in ("", "確認", "結果", "目標"):
        table.add_column(heading, overflow="fold")
    for result in results:
        mark = "[bold red]要対応[/]" if not result.ok else "[green]OK[/]" if result.wanted else ""
        table.add_row(mark, *map(escape, (result.name, result.value, result.wanted)))
    console.print(table)
    for result in results:
        if not result.ok:
            console.print(f"\n[bold]{escape(result.name)}[/]")
        for problem in result.problems:
            console.print(f"  {escape(problem)}", highlight=False, soft_wrap=True)


def sheet(
    names: Sequence[str], *, out: Path | None = None, due: bool = False, root: Path | None = None
) -> int:
    """Write a sheet for blind answering.

    Parameters
    ----------
    names : sequence of str
        Items ("T14") or questions ("T14-03").
    out : Path, optional
        The file; by default the sheet is printed.
    due : bool
        Only questions that have no blind answer to their present wording.
    root : Path, optional
        Folder with ``course/exam``; by default this installation's.

    Returns
    -------
    int
        Exit status.
    """
    try:
        root = root or find_materials().root
        chosen = _chosen(root, names)
        if due:
            now = blind_record.state(chosen, blind_record.read_record(root / blind_record.PATH))
            wanted = {*now.unanswered, *now.changed, *now.mended}
            chosen = [question for question in chosen if question.id in wanted]
        made = blind.sheet(chosen)
        if out is None:
            print(made)
        else:
            write_whole(out, made.encode("utf-8"))
            print(f"{len(chosen)}問のシートを書きました: {out}")
    except _EXPECTED as error:
        return _cannot("シートを作れませんでした。", error)
    return DONE


def answers(file: Path, *, who: str, keep: bool = True, root: Path | None = None) -> int:
    """Compare a file of blind answers with the keys, print each disagreement, and add all to the record.

    Parameters
    ----------
    file : Path
        CSV: ``id,letter[,remark]``.
    who : str
        Who answered.
    keep : bool
        Without it, the record stays as it is.
    root : Path, optional
        Folder with ``course/exam``; by default this installation's.

    Returns
    -------
    int
        Exit status: ``NEEDS_WORK`` when an answer disagrees.
    """
    try:
        root = root or find_materials().root
        given = blind.read_answers(file.read_text(encoding="utf-8-sig"))
        items = list(dict.fromkeys(answer.question.partition("-")[0] for answer in given))
        questions = {question.id: question for question in _chosen(root, items)} if items else {}
        verdicts = blind.compare(questions, given)
        record = root / blind_record.PATH
        lines = blind_record.read_record(record)
        if keep:
            today = datetime.date.today().isoformat()
            new = [blind_record.Line.of(verdict, today, who) for verdict in verdicts]
            write_whole(record, blind_record.written(blind_record.appended(lines, new)))
    except _EXPECTED as error:
        return _cannot("答えを比べられませんでした。", error)
    apart = [verdict for verdict in verdicts if not verdict.agrees]
    for verdict in apart:
        print(blind.describe(verdict), end="\n\n")
    remarks = [verdict for verdict in verdicts if verdict.agrees and verdict.answer.remark]
    if remarks:
        print("■ 正解と合っていて、気づいたことのある問題")
        for verdict in remarks:
            print(f"{verdict.question.id}：{verdict.answer.remark}")
        print()
    untagged = sum(not verdict.answer.tag for verdict in verdicts)
    if untagged:
        print(
            f"{untagged}問は、番号に指紋がありません（例：T14-01-3f2a）。"
            "シートを作ったあとで問題が変わっていても、気づけません。"
        )
    print(f"{len(verdicts)}問のうち、正解と合ったのは{len(verdicts) - len(apart)}問です。")
    if keep:
        print(f"記録しました: {record}")
    if apart:
        print(
            "合わなかった問題は、問題か正解を直すか、そのままにするかを決め、"
            "記録の outcome（" + "、".join(blind_record.OUTCOMES) + "）と reason に書いてください。"
        )
    return NEEDS_WORK if apart else DONE


def _questions(root: Path) -> Path:
    folder = root / "course" / "exam" / "questions"
    if not folder.is_dir():
        raise _Unusable(f"問題のフォルダーがありません: {folder}")
    return folder


def export(
    form: str,
    out: Path,
    *,
    items: Sequence[str] = (),
    areas: Sequence[str] = (),
    random: int | None = None,
    seed: int | None = None,
    with_answers: bool = True,
    overwrite: bool = False,
    root: Path | None = None,
) -> int:
    """Write the questions in the form of another program.

    Parameters
    ----------
    form : str
        One of ``EXPORTS``.
    out : Path
        The file.
    items, areas : sequence of str
        Ids of items ("T14") and titles of areas (or their beginnings): questions that are of one of the items
        and of one of the areas; all questions, when none are named.
    random : int, optional
        So many of them, drawn by lot (forms "csv" and "pdf").
    seed : int, optional
        Of the lot: the same seed and bank give the same questions. By default a new one, which is printed.
    with_answers : bool
        Without them, a "pdf" has the questions and the sheet to answer on only.
    overwrite : bool
        Whether a file that is there may be replaced.
    root : Path, optional
        Folder with ``course/exam``; by default this installation's.

    Returns
    -------
    int
        Exit status.
    """
    try:
        _check_export(form, out, random=random, seed=seed, with_answers=with_answers, overwrite=overwrite)
        root = root or find_materials().root
        syllabus = read_syllabus(root)
        for item in items:
            if item not in syllabus.items:
                raise _Unusable(f"「{item}」という項目はありません（例: T14）。")
        titles = [_area(area, [known.title for known in syllabus.areas]) for area in areas]
        chosen = sections(read_bank(_questions(root)), syllabus, items, titles)
        count = sum(len(section.questions) for section in chosen)
        if not count:
            both = (
                "（--item と --area の両方を書くと、両方に合うものだけを選びます）" if items and areas else ""
            )
            raise _Unusable(f"選んだ項目に、問題がありません{both}。")
        if random is not None:
            seed = secrets.randbelow(10_000) if seed is None else seed
            chosen = drawn(chosen, random, seed)
            count = sum(len(section.questions) for section in chosen)
        options = {} if with_answers else {"with_answers": False}
        made = _exporter(form)(chosen, {item.id: item.title for item in syllabus.items.values()}, **options)
        _write_export(out, made)
    except _EXPECTED as error:
        return _cannot("書き出せませんでした。", error)
    print(f"{count}問を書き出しました: {out}")
    if random is not None:
        print(f"くじの種は {seed} です。--seed {seed} を付けると、同じ問題を選べます。")
    return DONE


def _check_export(
    form: str, out: Path, *, random: int | None, seed: int | None, with_answers: bool, overwrite: bool
) -> None:
    """Refuse what cannot be meant, before anything is read."""
    if form not in EXPORTS:
        raise _Unusable(f"「{form}」という形はありません。{'、'.join(EXPORTS)} のどれかを書いてください。")
    if out.suffix.lower() != EXPORTS[form]:
        raise _Unusable(
            f"{form} のファイルの名前は、{EXPORTS[form]} で終わるようにしてください"
            f"（例: takara{EXPORTS[form]}）。書かれたのは {out} です。"
        )
    if random is not None and form not in ("csv", "pdf"):
        raise _Unusable("--random は、csv と pdf のときだけ使えます。")
    if seed is not None and random is None:
        raise _Unusable("--seed は、--random といっしょに使います。")
    if not with_answers and form != "pdf":
        raise _Unusable("--without-answers は、pdf のときだけ使えます。")
    if out.is_dir():
        raise _Unusable(f"{out} はフォルダーです。ファイルの名前まで書いてください。")
    if out.exists() and not overwrite:
        raise _Unusable(
            f"{out} がもうあります。ほかの名前にするか、上書きしてよければ --force を付けてください。"
        )


def _write_export(out: Path, content: bytes) -> None:
    try:
        write_whole(out, content)
    except OSError as error:
        raise _Unusable(
            f"{out} を書けません。フォルダー {out.resolve().parent} に書きこめるか、ディスクに空きがあるかを"
            "確かめるか、ほかのフォルダー（ホームなど）を指定してください。\n"
            f"原因: {type(error).__name__}: {error}"
        ) from error


def _exporter(form: str) -> Callable[..., bytes]:
    """Makes the file from sections and the titles of items."""
    try:
        if form == "anki":
            from .exports.anki import package as made
        elif form == "moodle":
            from .exports.moodle import quiz as made
        elif form == "csv":
            from .exports.spreadsheet import spreadsheet as made
        else:
            from .exports.paper import drill_sheet as made
    except ModuleNotFoundError as error:
        raise _Unusable(
            "書き出しには講師用の部品が要ります。pip install 'takara[instructor]' を実行してください"
            f"（リポジトリなら pip install -e '.[instructor]'）。\n原因: {error}"
        ) from error
    return made


def _area(written: str, titles: Sequence[str]) -> str:
    """The area whose title begins so."""
    found = [title for title in titles if title.startswith(written)]
    if written in titles:
        return written
    if len(found) != 1:
        raise _Unusable(f"領域「{written}」が決まりません。次のどれかを書いてください: {'、'.join(titles)}")
    return found[0]


def _chosen(root: Path, names: Sequence[str]) -> list[Question]:
    """The questions of these items, or these questions; all of them when there are no names."""
    folder = _questions(root)
    if not names:
        return list(read_bank(folder))
    chosen: dict[str, Question] = {}
    for name in names:
        item = name.partition("-")[0]
        path = folder / f"{item}.yaml"
        if not ITEM.fullmatch(item) or not path.is_file():
            raise _Unusable(f"「{name}」の問題のファイルがありません: {path}")
        found = {question.id: question for question in read_file(path) if name in (item, question.id)}
        if not found:
            raise _Unusable(f"「{name}」という問題は {path} にありません。")
        chosen |= found
    return list(Bank(chosen))


def _cannot(what: str, error: Exception) -> int:
    print(f"{what}\n{error}", file=sys.stderr)
    return USAGE
