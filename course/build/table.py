"""The tables of all lessons in ``course/sessions/README.md`` and in ``course/handbook/README.md``.

Everything in it comes from the texts, but for the two last columns: how long a lesson runs and how much
memory it takes is measured (``python -m course.build table``) and kept until it is measured again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.files import write_whole
from autograder.learner.workspace import init
from autograder.materials import Materials

from . import directives
from .measure import Executed, execute
from .problems import Problem, TextError, shown_path
from .session import Session, read_session, session_notebook
from .site import Course, Difference

__all__ = [
    "Measured",
    "Row",
    "Table",
    "costs",
    "question_of",
    "refresh",
    "render",
    "rows",
    "run",
    "tables",
    "updated",
]

BEGIN, END = "<!-- table: python -m course.build table -->", "<!-- /table -->"
NOTHING = "—"

_COSTS = ("時間（分）", "実行（秒）", "メモリ（MB）")
_ROW = re.compile(r"^\| \[.*?\]\((?P<file>[^)]+)\) .*\| (?P<seconds>[^|]+) \| (?P<peak_mb>[^|]+) \|$", re.M)


@dataclass(frozen=True)
class Row:
    """What the table says of one lesson."""

    file: str
    name: str  # 第2回 データを読む, T07 決定木
    question: str
    data: tuple[str, ...]
    syllabus: tuple[str, ...]
    minutes: str


@dataclass(frozen=True)
class Measured:
    """What a lesson cost when it was run, as the table shows it."""

    seconds: str = NOTHING
    peak_mb: str = NOTHING

    @classmethod
    def of(cls, executed: Executed) -> Measured:
        return cls(f"{executed.seconds:.1f}", f"{executed.peak_mb:.0f}")


@dataclass(frozen=True)
class Table:
    """One README and the texts that its table lists."""

    readme: Path
    texts: Sequence[Path]


def tables(course: Course) -> list[Table]:
    """The tables of this clone."""
    found = (
        Table(course.root / "course" / "sessions" / "README.md", course.session_texts()),
        Table(course.root / "course" / "handbook" / "README.md", course.handbook_texts()),
    )
    return [table for table in found if table.texts and table.readme.is_file()]


def refresh(
    course: Course,
    texts: Iterable[Path],
    measured: Mapping[Path, Measured] | None = None,
    *,
    write: bool = True,
) -> list[Difference]:
    """Make the tables that list one of these texts anew; what was not measured now stays as it stands there.

    Parameters
    ----------
    course : Course
    texts : iterable of Path
    measured : mapping of Path to Measured, optional
        What was measured just now, by text.
    write : bool
        Without it, nothing is written.

    Returns
    -------
    list of Difference
        The tables that were not up to date before.

    Raises
    ------
    TextError
        When a text cannot be read, or a README has no place for the table.
    """
    chosen = set(texts)
    differences = []
    for table in tables(course):
        if chosen.isdisjoint(table.texts):
            continue
        new = {text.name: cost for text, cost in (measured or {}).items() if text in table.texts}
        made = updated(table, course, new).encode("utf-8")
        if made == table.readme.read_bytes():
            continue
        differences.append(Difference(table.readme.relative_to(course.root).as_posix(), "changed"))
        if write:
            write_whole(table.readme, made)
    return differences


def updated(table: Table, course: Course, new: Mapping[str, Measured]) -> str:
    """The README's text with its table made anew; ``new`` has measurements by the name of the text's file."""
    text = table.readme.read_text(encoding="utf-8")
    start, end = text.find(BEGIN), text.find(END)
    if not 0 <= start < end:
        wanted = f"「{BEGIN}」の行と「{END}」の行がありません。表の場所に書いてください。"
        raise TextError([Problem(shown_path(table.readme), 0, wanted)])
    made = render(rows(table.texts, course), {**costs(text[start:end]), **new})
    return f"{text[:start]}{BEGIN}\n\n{made}\n\n{text[end:]}"


def costs(text: str) -> dict[str, Measured]:
    """What a README's table says of what was measured, by the name of the lesson's file."""
    return {found["file"]: Measured(found["seconds"], found["peak_mb"]) for found in _ROW.finditer(text)}


def rows(texts: Iterable[Path], course: Course) -> list[Row]:
    """One row for each text."""
    return [_row(read_session(path, course.datasets, course.bank)) for path in texts]


def _row(session: Session) -> Row:
    front = session.text.front
    title = str(front["title"])
    if "item" in front:
        name = f"{front['item']} {title}"
    else:
        name = f"第{front['session']}回 {title}" if front["session"] else title
    return Row(
        file=session.text.path.name,
        name=name,
        question=question_of(session),
        data=tuple(map(str, front.get("data") or ())),
        syllabus=tuple(map(str, front.get("syllabus") or ())),
        minutes=str(front.get("minutes") or NOTHING),
    )


def question_of(session: Session) -> str:
    """The first quote before any code: the question that the lesson answers."""
    for cell in session.text.cells:
        if cell.kind != "markdown":
            break
        tokens = directives.parser().parse(cell.source)
        at = next((n for n, token in enumerate(tokens) if token.type == "blockquote_open"), None)
        if at is not None:
            quote = next(token for token in tokens[at:] if token.type == "inline")
            return "".join(
                child.content if child.content else " " if child.type == "softbreak" else ""
                for child in quote.children or ()
            )
    return ""


def render(listed: Sequence[Row], measured: Mapping[str, Measured]) -> str:
    """The table in Markdown. Questions and items of the syllabus have a column where a lesson has one."""
    asked, taught = any(row.question for row in listed), any(row.syllabus for row in listed)
    headings = ("本文", *(("問い",) if asked else ()), "データ", *(("シラバス",) if taught else ()), *_COSTS)
    lines = [_line(headings), _line("---" if n < len(headings) - 3 else "---:" for n in range(len(headings)))]
    for row in listed:
        cost = measured.get(row.file, Measured())
        cells = [f"[{_plain(row.name)}]({row.file})", *([_plain(row.question)] if asked else [])]
        cells.append("、".join(f"`{name}`" for name in row.data))
        cells += ["、".join(row.syllabus)] if taught else []
        cells += [row.minutes, cost.seconds, cost.peak_mb]
        lines.append(_line(cell or NOTHING for cell in cells))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """A text that cannot end its cell or its link."""
    return re.sub(r"([|\[\]])", r"\\\1", text)


def run(course: Course, text: Path, workspace: Path) -> Executed:
    """Run one lesson as a learner would, in this workspace (made where there is none)."""
    if not workspace.is_dir():
        init(workspace, Materials(course.root, is_clone=True))
    folder = workspace / "course" / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    session = read_session(text, course.datasets, course.bank)
    return execute(session_notebook(session), folder)
