"""A lesson or a handbook page: reads its text and makes its notebook."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from . import directives
from .directives import Directive, Renderer
from .notebook import UnnamedIds, cell_id, code_cell, new_notebook, prose_cell
from .problems import Collector, shown_path
from .questions import Asked, read_asked, render
from .text import Cell, RoleRule, Text, data_files, read_text, require

RULES = {
    "exercise": RoleRule("code", True, False, ":takara: exercise e1"),
    "checkpoint": RoleRule("code", False, False, ":takara: checkpoint"),
}
KINDS = ("hint", "answer", "goal", "excel", "note", "important", "caution", "beyond")
#: Exercises are made of these; the other kinds belong to none.
EXERCISE_KINDS = ("hint", "answer", "goal")

#: What the front matter numbers a text by: a session's number, a handbook page's syllabus item ("T07"), the
#: name of a page that is neither.
_NUMBERED_BY = {"session": int, "item": str, "page": str}
_NUMBER_KEYS = {"handbook": "item", "exam": "page"}  # by folder

_MINUTES = re.compile(r"（(\d+)分）\s*$")
_DATA_PATH = re.compile(r"\.\./\.\./datasets/([^\"'\s?#)]+)")


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson."""

    name: str
    cell: Cell
    answer: str  # Python, run in tests right after the exercise's cell
    goals: tuple[str, ...]  # what the answer's output must show


@dataclass(frozen=True)
class Session:
    """One lesson, checked."""

    text: Text
    data: tuple[Path, ...]
    exercises: Mapping[str, Exercise]
    hint_count: Mapping[str, int]
    questions: tuple[Asked, ...] = ()  # of a handbook page

    @property
    def name(self) -> str:
        return self.text.name


def read_session(path: Path, datasets: Path, bank: Path) -> Session:
    """Read and check one lesson.

    Parameters
    ----------
    path : Path
    datasets : Path
        Folder of the data.
    bank : Path
        Folder of the question bank, which a handbook page asks from.

    Raises
    ------
    TextError
        With every problem found.
    """
    problems = Collector(shown_path(path))
    text = read_text(path, RULES, problems)
    require(text, problems, title=str, **{_number_key(path): _NUMBERED_BY[_number_key(path)]})
    data = data_files(text, datasets, problems)
    found = [
        directive
        for cell in text.cells
        if cell.kind == "markdown"
        for directive in directives.find(cell.source, cell.line, problems)
    ]
    is_page = _number_key(path) == "item"
    for directive in found:
        if directive.kind == directives.QUESTION:
            if not is_page:
                problems.add(directive.line, "「{question}」はハンドブックのページだけで使えます。")
        elif directive.kind not in KINDS:
            problems.add(directive.line, f"「{{{directive.kind}}}」は課題の文章だけで使えます。")
    _check_minutes(text, problems)
    _check_data_paths(text, problems)
    _check_shows(text, problems)
    exercises = _exercises(text, found, problems)
    asked = read_asked(found, path.stem.partition("-")[0], bank, problems) if is_page else ()
    problems.stop_if_any()
    hint_count = Counter(d.name for d in found if d.kind == "hint")
    return Session(text, data, exercises, dict(hint_count), asked)


def session_notebook(session: Session) -> NotebookNode:
    """The learner's notebook of a lesson."""
    by_id = {asked.question.id: asked for asked in session.questions}
    others = {directives.QUESTION: lambda directive: render(by_id[directive.name])}
    renderer = Renderer(dict(session.hint_count), others=others)
    ids = UnnamedIds(session.name)
    checkpoints = 0
    cells = []
    for cell in session.text.cells:
        tags = list(cell.options.get("tags", []))
        metadata: dict = {"tags": tags} if tags else {}
        if "hide-input" in tags:  # JupyterLab's own way to fold a cell's input
            metadata["jupyter"] = {"source_hidden": True}
        if cell.kind == "markdown":
            identity = ids.of_prose(directives.heading_texts(cell.source))
            cells.append(prose_cell(identity, directives.replace(cell.source, renderer), metadata))
        elif cell.role is None:
            cells.append(code_cell(ids.next("code"), cell.source, metadata))
        elif cell.role.kind == "checkpoint":
            checkpoints += 1
            metadata["takara"] = {"role": "checkpoint"}
            identity = cell_id(session.name, "checkpoint", str(checkpoints))
            cells.append(code_cell(identity, cell.source, metadata))
        else:
            metadata["takara"] = {"name": cell.role.name, "role": cell.role.kind}
            identity = exercise_id(session, cell.role.name)
            cells.append(code_cell(identity, cell.source, metadata))
    front = session.text.front
    key = _number_key(session.text.path)
    return new_notebook(cells, {key: front[key], "title": front["title"]})


def exercise_id(session: Session, exercise: str) -> str:
    """The cell id of an exercise's cell."""
    return cell_id(session.name, "exercise", exercise.replace("_", "-"))


def shown_strings(cell: Cell) -> tuple[str, ...]:
    """What ``:shows:`` says must appear in the cell's output."""
    return tuple(map(str, cell.options.get("shows", ())))


def _number_key(path: Path) -> str:
    return _NUMBER_KEYS.get(path.parent.name, "session")


def _check_minutes(text: Text, problems: Collector) -> None:
    total = text.front.get("minutes")
    if total is None:
        return
    if not isinstance(total, int):
        problems.add(1, f"先頭の設定「minutes:」は整数で書いてください（今の値：{total!r}）。")
        return
    summed = 0
    for cell in text.cells:
        if cell.kind != "markdown":
            continue
        for heading in directives.headings(cell.source, cell.line):
            if heading.level != 2:
                continue
            match = _MINUTES.search(heading.text)
            if match is None:
                problems.add(heading.line, f"見出し「{heading.text}」の終わりに（N分）がありません。")
            else:
                summed += int(match[1])
    if summed != total:
        problems.add(1, f"節の時間の合計が{summed}分です。先頭の設定「minutes: {total}」に合わせてください。")


def _check_data_paths(text: Text, problems: Collector) -> None:
    declared = set(map(str, text.front.get("data") or []))
    for cell in text.cells:
        if cell.kind != "code":
            continue
        for offset, line in enumerate(cell.source.split("\n")):
            for used in _DATA_PATH.findall(line):
                if used not in declared:
                    problems.add(
                        cell.line + offset, f"データ「{used}」を先頭の設定「data:」に書き足してください。"
                    )


def _check_shows(text: Text, problems: Collector) -> None:
    for cell in text.cells:
        shows = cell.options.get("shows")
        if shows is None:
            continue
        if not isinstance(shows, list) or not shows or not all(str(s).strip() for s in shows):
            problems.add(cell.line, '「:shows:」は ["11.2", "7.5"] の形で書いてください。')
    for cell in text.cells:
        for option in ("message", "loses", "read"):
            if option in cell.options:
                problems.add(cell.line, f"セルの設定「{option}」は課題の文章だけで使えます。")


def _exercises(text: Text, found: list[Directive], problems: Collector) -> dict[str, Exercise]:
    cells: dict[str, Cell] = {}
    for cell in text.cells:
        if cell.role is None or cell.role.kind != "exercise":
            continue
        if cell.role.name in cells:
            problems.add(cell.line, f"演習「{cell.role.name}」が2つあります。名前を変えてください。")
        cells[cell.role.name] = cell
    by_kind: dict[tuple[str, str], list[Directive]] = {}
    for directive in found:
        if directive.kind not in EXERCISE_KINDS:
            continue
        by_kind.setdefault((directive.kind, directive.name), []).append(directive)
        if directive.name not in cells:
            problems.add(
                directive.line, f"「{{{directive.kind}}} {directive.name}」に当たる演習がありません。"
            )
    exercises = {}
    for name, cell in cells.items():
        for kind, shown in (("hint", "ヒント"), ("answer", "解答例"), ("goal", "こうなれば正解")):
            if (kind, name) not in by_kind:
                problems.add(cell.line, f"演習「{name}」に{shown}（:::{{{kind}}} {name}）がありません。")
        answers = by_kind.get(("answer", name), [])
        if len(answers) > 1:
            problems.add(answers[1].line, f"演習「{name}」の解答例が2つあります。1つにまとめてください。")
        code = "\n\n".join(block for a in answers for block in directives.code_blocks(a.body))
        if answers and not code:
            problems.add(answers[0].line, f"演習「{name}」の解答例に```pythonのコードがありません。")
        goals = tuple(
            code for g in by_kind.get(("goal", name), []) for code in directives.inline_codes(g.body)
        )
        if by_kind.get(("goal", name)) and not goals:
            at = by_kind["goal", name][0].line
            problems.add(
                at, f"演習「{name}」のこうなれば正解に、`値`（出力に出る文字）を1つ以上書いてください。"
            )
        exercises[name] = Exercise(name, cell, code, goals)
    return exercises
