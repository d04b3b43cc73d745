"""All outputs of the repository: where texts stand, what is made of them, how it reaches its folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.exam.syllabus import read_syllabus

from . import glossary
from .assignment import Assignment, read_assignment, source_notebook
from .handbook import Page, read_page
from .notebook import to_bytes
from .problems import Problem, TextError
from .release import generate
from .session import read_session, session_notebook
from .solutions import solutions_notebook

#: Folders that hold nothing but what the builder makes and that are committed.
COMMITTED = ("course/notebooks", "assignments/release", "assignments/solutions")
#: Made for nbgrader beside them, not committed.
SOURCE = "assignments/source"


@dataclass(frozen=True)
class Course:
    """The folders of one clone."""

    root: Path

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def bank(self) -> Path:
        """Folder of the question bank."""
        return self.root / "course" / "exam" / "questions"

    def session_texts(self) -> list[Path]:
        return sorted((self.root / "course" / "sessions").glob("[0-9]*.md"))

    def handbook_texts(self) -> list[Path]:
        return sorted((self.root / "course" / "handbook").glob("[TL][0-9][0-9]-*.md"))

    def exam_texts(self) -> list[Path]:
        """The page of the exam trainer."""
        return sorted((self.root / "course" / "exam").glob("exam.md"))

    def lesson_texts(self) -> list[Path]:
        """Sessions, handbook pages, the trainer's page: each becomes one notebook to read and run."""
        return [*self.session_texts(), *self.handbook_texts(), *self.exam_texts()]

    def assignment_texts(self) -> list[Path]:
        return sorted((self.root / "assignments" / "text").glob("ps*.md"))

    def item_titles(self) -> dict[str, str]:
        """The titles of the items of the exam's syllabus; none where there is no exam part."""
        if not (self.root / "course" / "exam" / "syllabus.yaml").is_file():
            return {}
        return {item.id: item.title for item in read_syllabus(self.root).items.values()}

    def assignments(self) -> list[Assignment]:
        return [read_assignment(path, self.datasets) for path in self.assignment_texts()]


def build(course: Course, texts: Sequence[Path], out: Path) -> list[Problem]:
    """Build the notebooks of ``texts`` below ``out``, laid out as in the repository.

    Returns
    -------
    list of Problem
        What is wrong with texts that could not be built. The others are built.
    """
    problems: list[Problem] = []
    assignments: list[Assignment] = []
    for path in texts:
        try:
            if path.parent.name in ("sessions", "handbook", "exam"):
                notebook = session_notebook(read_session(path, course.datasets, course.bank))
                _put(out / "course" / "notebooks" / f"{path.stem}.ipynb", to_bytes(notebook))
            else:
                assignments.append(read_assignment(path, course.datasets))
        except TextError as error:
            problems.extend(error.problems)
    if not set(texts).isdisjoint(course.handbook_texts()):
        problems.extend(_build_glossary(course, texts, out))
    titles = course.item_titles()
    for assignment in assignments:
        folder = out / SOURCE / assignment.name
        _put(folder / f"{assignment.name}.ipynb", to_bytes(source_notebook(assignment, titles)))
        for file in assignment.data:
            _put(folder / file.name, file.read_bytes())
        _put(
            out / "assignments" / "solutions" / f"{assignment.name}.ipynb",
            to_bytes(solutions_notebook(assignment, titles)),
        )
    if assignments:
        generate(out / "assignments", [a.name for a in assignments])
    return list(dict.fromkeys(problems))


def _build_glossary(course: Course, texts: Sequence[Path], out: Path) -> list[Problem]:
    """Build the glossary of all pages, if all can be read.

    Returns
    -------
    list of Problem
        What is wrong with those of ``texts`` that cannot; the others' is told when they are built.
    """
    pages: list[Page] = []
    problems: list[Problem] = []
    for path in course.handbook_texts():
        try:
            pages.append(read_page(path, course.datasets, course.bank))
        except TextError as error:
            problems.extend(error.problems if path in texts else ())
    if len(pages) == len(course.handbook_texts()):
        made = to_bytes(glossary.notebook(pages))
        _put(out / "course" / "notebooks" / glossary.FILE, made)
    return problems


@dataclass(frozen=True)
class Difference:
    """One file that is not what the texts say."""

    path: str  # relative to the repository root
    kind: str  # "changed", "missing" or "extra"

    def __str__(self) -> str:
        said = {"changed": "中身が違います", "missing": "ありません", "extra": "元の文章がありません"}[
            self.kind
        ]
        return f"{self.path}: {said}"


def compare(built: Path, root: Path, *, whole: bool) -> list[Difference]:
    """Compare what was built with what is committed, byte for byte.

    With ``whole`` (every text was built) files that no text makes are differences, too.
    """
    differences = []
    made = set(_files(built, COMMITTED))
    for path in sorted(made):
        committed = root / path
        if not committed.is_file():
            differences.append(Difference(path, "missing"))
        elif committed.read_bytes() != (built / path).read_bytes():
            differences.append(Difference(path, "changed"))
    if whole:
        differences.extend(Difference(p, "extra") for p in sorted(set(_files(root, COMMITTED)) - made))
    return differences


def install(built: Path, root: Path, *, whole: bool) -> list[Difference]:
    """Put what was built into the repository, file by file; with ``whole`` take away what no text makes.

    Returns
    -------
    list of Difference
        What was not up to date before.
    """
    differences = compare(built, root, whole=whole)
    for difference in differences:
        if difference.kind == "extra":
            (root / difference.path).unlink()
        else:
            _put(root / difference.path, (built / difference.path).read_bytes())
    for path in _files(built, (SOURCE,)):
        content = (built / path).read_bytes()
        if not (root / path).is_file() or (root / path).read_bytes() != content:
            _put(root / path, content)
    return differences


def scratch_folder() -> tempfile.TemporaryDirectory:
    """A temporary folder for one build."""
    return tempfile.TemporaryDirectory(prefix="takara-build-")


def remove_stale_sources(built: Path, root: Path) -> None:
    """Take away sources of assignments that have no text any more: nbgrader would release them again."""
    made = {p.name for p in (built / SOURCE).glob("*")} if (built / SOURCE).is_dir() else set()
    for folder in (root / SOURCE).glob("ps*"):
        if folder.name not in made:
            shutil.rmtree(folder)


def _files(base: Path, folders: Iterable[str]) -> list[str]:
    return [
        path.relative_to(base).as_posix()
        for folder in folders
        for path in sorted((base / folder).rglob("*"))
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    ]


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
