"""What an assignment consists of: read from the source or release notebook of any nbgrader course.

A *source* notebook holds the worked answers and the hidden tests; a *release* notebook is what
learners get. Both give an :class:`AssignmentSpec`. nbgrader's metadata is enough; where the
notebook also carries ``metadata.takara`` (question, title, hints, read), messages get better.
"""

from __future__ import annotations

import copy
import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

CODE_STUB = "# ↑「...」を自分のコードに書きかえてください"
TEXT_STUB = "（ここに書いてください）"

_GRADE_ID = re.compile(r"[A-Za-z0-9_\-]+")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_AUTOTEST = re.compile(r"^\s*###\s*(HASHED\s+)?AUTOTEST", re.MULTILINE)
_POINTS = re.compile(r"\s*[（(][^（()）]*(?:点|points?)[)）]\s*$")
_DEFAULT_KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class SpecError(ValueError):
    """The notebook cannot serve as the measure of an assignment. The message is for the instructor."""


class Kind(enum.StrEnum):
    """The role of a cell in an assignment."""

    ANSWER = "answer"  # the learner writes here; graded by the tests that follow
    TEST = "test"  # locked code that earns points
    WRITTEN = "written"  # the learner writes here; graded by a person (text or code)
    TASK = "task"  # locked text with points of its own; graded by a person
    GIVEN = "given"  # locked, without points
    PROSE = "prose"  # everything else


@dataclass(frozen=True)
class CellSpec:
    """One cell of an assignment."""

    kind: Kind
    cell_type: str
    source: str  # as it must run: with hidden tests, and in a source notebook the worked answer
    visible: str  # as the learner was given it: hidden tests cut, answers replaced by the stub
    cell_id: str = ""
    grade_id: str = ""  # "" for prose
    points: float = 0.0
    question: str = ""
    title: str = ""
    hints: tuple[str, ...] = ()
    read: str = ""
    items: tuple[str, ...] = ()  # of the exam's syllabus that the question exercises: "T07"
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def locked(self) -> bool:
        """The learner must not change it; what runs is ``source``."""
        return self.kind in (Kind.TEST, Kind.GIVEN, Kind.TASK)

    @property
    def graded(self) -> bool:
        return self.kind in (Kind.TEST, Kind.WRITTEN, Kind.TASK)

    @property
    def manual(self) -> bool:
        """Graded by a person."""
        return self.kind in (Kind.WRITTEN, Kind.TASK)

    def cell_metadata(self) -> dict[str, Any]:
        """The metadata of this cell in a notebook, with nbgrader's part in its schema version 3."""
        metadata = {
            k: copy.deepcopy(v)
            for k, v in self.metadata.items()
            if k not in ("nbgrader", "deletable", "editable")
        }
        if self.kind is Kind.PROSE:
            return metadata
        nbgrader: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": self.grade_id,
            "grade": self.kind in (Kind.TEST, Kind.WRITTEN),
            "solution": self.kind in (Kind.ANSWER, Kind.WRITTEN),
            "locked": self.locked,
            "task": self.kind is Kind.TASK,
            "cell_type": self.cell_type,
        }
        if self.graded:
            nbgrader["points"] = self.points
        checksum = _mapping(self.metadata.get("nbgrader")).get("checksum")
        if isinstance(checksum, str):
            nbgrader["checksum"] = checksum
        metadata["nbgrader"] = nbgrader
        metadata["deletable"] = False
        if self.locked:
            metadata["editable"] = False
        return metadata


@dataclass(frozen=True)
class AssignmentSpec:
    """One notebook of an assignment, in order."""

    assignment: str
    notebook: str  # nbgrader's name of the notebook; usually equal to ``assignment``
    cells: tuple[CellSpec, ...]
    title: str = ""
    session: int | None = None
    #: Items of the exam's syllabus that it exercises, with their titles ("" where unknown).
    syllabus: Mapping[str, str] = field(default_factory=dict, hash=False)
    kernelspec: Mapping[str, Any] = field(default_factory=lambda: dict(_DEFAULT_KERNELSPEC), hash=False)

    @property
    def graded(self) -> tuple[CellSpec, ...]:
        return tuple(c for c in self.cells if c.graded)

    @property
    def max_points(self) -> float:
        return sum(c.points for c in self.graded)

    @functools.cached_property
    def by_grade_id(self) -> Mapping[str, CellSpec]:
        return {c.grade_id: c for c in self.cells if c.grade_id}

    @functools.cached_property
    def _answers(self) -> Mapping[str, tuple[str, ...]]:
        """For each test the grade_ids of the answers that it checks."""
        answers: dict[str, tuple[str, ...]] = {}
        recent: list[str] = []
        closed = False
        for cell in self.cells:
            if cell.kind is Kind.ANSWER:
                recent = [cell.grade_id] if closed else [*recent, cell.grade_id]
                closed = False
            elif cell.kind is Kind.TEST:
                same = [
                    c.grade_id for c in self.cells if c.kind is Kind.ANSWER and c.question == cell.question
                ]
                answers[cell.grade_id] = tuple(same or recent)
                closed = True
        return answers

    def answers_of(self, test: str) -> tuple[str, ...]:
        """grade_ids of the answers that a test checks: same question, else the nearest before it."""
        return self._answers.get(test, ())

    def tests_of(self, answer: str) -> tuple[str, ...]:
        return tuple(test for test, answers in self._answers.items() if answer in answers)


def read_spec(
    path: Path, *, release: Path | None = None, assignment: str = "", notebook: str = ""
) -> AssignmentSpec:
    """Read the specification of an assignment from its source (or release) notebook.

    Parameters
    ----------
    path : Path
        ``source/ps2/ps2.ipynb``, or ``release/ps2/ps2.ipynb``.
    release : Path, optional
        The release notebook, from which the exact stubs are taken; without it they are derived.
    assignment, notebook : str
        Names; by default from the notebook's metadata, else from the path as nbgrader lays it out.

    Raises
    ------
    SpecError
        If the notebook is no nbgrader assignment, or its ids are not unique.
    """
    nb = nbformat.read(path, as_version=4)
    stubs = None
    if release is not None and release.is_file():
        given = nbformat.read(release, as_version=4)
        stubs = {
            str(meta["grade_id"]): cell.source
            for cell in given.cells
            if (meta := _mapping(cell.metadata.get("nbgrader"))).get("grade_id")
        }
    takara = _mapping(nb.metadata.get("takara"))
    return from_notebook(
        nb,
        assignment=assignment or str(takara.get("assignment") or path.parent.name or path.stem),
        notebook=notebook or path.stem,
        stubs=stubs,
    )


def from_notebook(
    nb: NotebookNode,
    *,
    assignment: str = "",
    notebook: str = "",
    stubs: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
    points: Mapping[str, float] | None = None,
) -> AssignmentSpec:
    """Read the specification from a notebook in memory (see :func:`read_spec`).

    ``sources`` and ``points`` (by grade_id), as an nbgrader gradebook knows them, take the place of
    the source of locked cells and of the points in the notebook.
    """
    takara = _mapping(nb.metadata.get("takara"))
    assignment = assignment or str(takara.get("assignment") or notebook)
    released = any("checksum" in _mapping(c.metadata.get("nbgrader")) for c in nb.cells)
    cells: list[CellSpec] = []
    heading = ""
    seen: set[str] = set()
    for cell in nb.cells:
        spec = _cell_spec(cell, heading, released, stubs or {}, sources or {}, points or {})
        if (
            spec.kind is Kind.PROSE
            and (found := _HEADING.findall(cell.source))
            and cell.cell_type == "markdown"
        ):
            heading = _POINTS.sub("", found[-1])
        if spec.grade_id:
            if spec.grade_id in seen:
                raise SpecError(
                    f"課題「{assignment}」に、同じID（grade_id）「{spec.grade_id}」のセルが2つ以上あります。"
                    "IDは1つのノートブックの中で重ならないようにしてください。"
                )
            seen.add(spec.grade_id)
        cells.append(spec)
    if not any(c.graded for c in cells):
        raise SpecError(
            f"課題「{assignment or '(名前なし)'}」に採点するセルがありません。"
            "nbgraderのメタデータが入ったノートブック（source または release）を指定してください。"
        )
    session, syllabus = takara.get("session"), takara.get("syllabus")
    return AssignmentSpec(
        assignment=assignment,
        notebook=notebook or assignment,
        cells=tuple(cells),
        title=str(takara.get("title") or ""),
        session=session if isinstance(session, int) else None,
        syllabus=_titles(syllabus),
        kernelspec=dict(_mapping(nb.metadata.get("kernelspec")) or _DEFAULT_KERNELSPEC),
    )


def kind_of(cell: NotebookNode) -> Kind:
    """The role that nbgrader's metadata give a cell."""
    meta = _mapping(cell.metadata.get("nbgrader"))
    grade_id = meta.get("grade_id")
    if not isinstance(grade_id, str) or not _GRADE_ID.fullmatch(grade_id):
        return Kind.PROSE
    if meta.get("task"):
        return Kind.TASK
    if meta.get("solution"):
        return Kind.WRITTEN if meta.get("grade") else Kind.ANSWER
    if meta.get("grade"):
        return Kind.TEST
    return Kind.GIVEN if meta.get("locked") else Kind.PROSE


def visible_part(source: str) -> str:
    """A test's source without its hidden tests and marking scheme, as nbgrader releases it."""
    source = _cut(source, "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
    return _cut(source, "BEGIN MARK SCHEME", "END MARK SCHEME")


def stub_of(source: str, cell_type: str) -> str:
    """What nbgrader's ClearSolutions leaves of a worked answer, with this course's stubs."""
    stub = CODE_STUB if cell_type == "code" else TEXT_STUB
    if "BEGIN SOLUTION" not in source:
        return stub
    return _cut(source, "BEGIN SOLUTION", "END SOLUTION", stub)


def _cut(source: str, begin: str, end: str, instead: str | None = None) -> str:
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if begin in line:
            inside = True
            if instead is not None:
                indent = line[: len(line) - len(line.lstrip())]
                lines.extend(indent + part for part in instead.split("\n"))
        elif end in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _cell_spec(
    cell: NotebookNode,
    heading: str,
    released: bool,
    stubs: Mapping[str, str],
    sources: Mapping[str, str],
    points: Mapping[str, float],
) -> CellSpec:
    kind = kind_of(cell)
    meta = _mapping(cell.metadata.get("nbgrader"))
    takara = _mapping(cell.metadata.get("takara"))
    grade_id = "" if kind is Kind.PROSE else str(meta["grade_id"])
    source = cell.source
    if kind is Kind.TEST and cell.cell_type != "code":
        raise SpecError(f"テストのセル「{grade_id}」がコードのセルではありません。")
    if kind in (Kind.TEST, Kind.GIVEN, Kind.TASK):
        source = sources.get(grade_id, source)
        if _AUTOTEST.search(source):
            raise SpecError(
                f"テストのセル「{grade_id}」は nbgrader の AUTOTEST を使っています。先に "
                "`nbgrader generate_source_with_tests` でテストを作り、そのノートブックを指定してください。"
            )
    if kind in (Kind.ANSWER, Kind.WRITTEN):
        derived = source if released else stub_of(source, cell.cell_type)
        visible = stubs.get(grade_id, derived)
    else:
        visible = visible_part(source)
    graded = kind in (Kind.TEST, Kind.WRITTEN, Kind.TASK)
    hints, items = takara.get("hints"), takara.get("items")
    return CellSpec(
        kind=kind,
        cell_type=cell.cell_type,
        source=source,
        visible=visible,
        cell_id=str(cell.get("id", "")),
        grade_id=grade_id,
        points=float(points.get(grade_id, meta.get("points", 0))) if graded else 0.0,
        question=str(takara.get("question") or grade_id),
        title=str(takara.get("title") or heading or grade_id),
        hints=tuple(str(h) for h in hints) if isinstance(hints, list | tuple) else (),
        read=str(takara.get("read") or ""),
        items=tuple(map(str, items)) if isinstance(items, list) else (),
        metadata=_plain(cell.metadata),
    )


def _titles(syllabus: Any) -> Mapping[str, str]:
    if isinstance(syllabus, list):
        return {str(item): "" for item in syllabus}
    return {str(item): str(title) for item, title in _mapping(syllabus).items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    """A copy made of plain dicts and lists, so that a specification can be pickled and compared."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
