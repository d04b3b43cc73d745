"""The one writer into nbgrader's gradebook and its folders.

After :class:`Writer` has written a class, everything of nbgrader goes on from there: formgrader,
grading by hand, ``nbgrader generate_feedback``, ``nbgrader export``. Only nbgrader's own interfaces are
used: its gradebook and its converter ``GenerateAssignment``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from traitlets.config import Config

from autograder.files import write_whole
from autograder.grading.gradebook import (
    add_record,
    has_submission,
    open_gradebook,
    patient,
    save_record,
    spec_from_gradebook,
)
from autograder.grading.nbgrader_config import configure
from autograder.grading.out_folder import GradebookError
from autograder.grading.records import GradeRecord
from autograder.grading.spec import AssignmentSpec, SpecError

__all__ = ["Writer", "valid_learner"]

_CONFIG = '''"""nbgrader's configuration of this folder: the grading of Takara (see `takara grade --help`)."""

from autograder.grading.nbgrader_config import configure
from autograder.grading.out_folder import GradebookError

c = get_config()  # noqa: F821
configure(c)
c.CsvExportPlugin.to = "nbgrader_grades.csv"  # `nbgrader export` must not overwrite takara's grades.csv
'''


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """nbgrader logs the traceback of an error that it raises as well: who catches it says what to do."""
    log = logging.getLogger("tornado.application")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


class Writer:
    """Writes graded hand-ins into an nbgrader course folder. Use it from one process only.

    Parameters
    ----------
    out : Path
        The course folder: ``gradebook.db``, ``source/``, ``release/``, ``submitted/``, ``autograded/``.
    course_id : str
        As in nbgrader's ``CourseDirectory.course_id``.
    """

    def __init__(self, out: Path, course_id: str = "") -> None:
        self.out = Path(out).resolve()
        self.course_id = course_id
        self.out.mkdir(parents=True, exist_ok=True)
        config = self.out / "nbgrader_config.py"
        if not config.exists():
            write_whole(config, _CONFIG.encode())
        try:
            self._gb = open_gradebook(self.db_url, course_id)
        except SQLAlchemyError as error:
            raise self._broken(error) from error

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._gb.close()

    @property
    def db_url(self) -> str:
        return f"sqlite:///{self.out / 'gradebook.db'}"

    def ensure_assignment(self, spec: AssignmentSpec, source: Path) -> None:
        """Make sure that the gradebook knows the assignment as ``spec`` says.

        Parameters
        ----------
        spec : AssignmentSpec
        source : Path
            The assignment's source folder. It is copied to ``out/source`` (unless it lies there), and
            nbgrader's own ``generate_assignment`` makes ``out/release`` and the gradebook's entries.

        Raises
        ------
        GradebookError
            If nbgrader refuses, for example because cells changed after hand-ins were graded.
        """
        target = self.out / "source" / spec.assignment
        if target.resolve() != Path(source).resolve():
            _copy_folder(Path(source), target)
        released = self.out / "release" / spec.assignment / f"{spec.notebook}.ipynb"
        if released.exists() and self._knows(spec):
            return
        self._gb.close()  # nbgrader opens the database itself
        try:
            config = Config()
            configure(config)
            config.CourseDirectory.root = str(self.out)
            config.CourseDirectory.course_id = self.course_id
            config.CourseDirectory.assignment_id = spec.assignment
            config.CourseDirectory.db_url = patient(self.db_url)
            coursedir = CourseDirectory(config=config)
            converter = GenerateAssignment(coursedir=coursedir, config=config)
            converter.force = True
            result = capture_log(converter)
        finally:
            self._gb = open_gradebook(self.db_url, self.course_id)
        if not result["success"]:
            log = str(result.get("log", "")) + str(result.get("error", ""))
            changed = "submissions associated" in log
            reason = (
                "採点した提出物があるのに、採点するセルが増えたり減ったりしています。"
                "前の採点結果を残すために、別の出力フォルダを指定してください。"
                if changed
                else "nbgrader の generate_assignment が失敗しました。課題のノートブックを確かめてください。"
            )
            raise GradebookError(
                f"課題「{spec.assignment}」を成績簿に登録できませんでした。{reason}\n{log[-2000:]}"
            )

    def write(
        self,
        record: GradeRecord,
        spec: AssignmentSpec,
        *,
        submitted: bytes,
        graded: str,
        timestamp: str | None = None,
    ) -> None:
        """Write one graded hand-in: notebooks first, then the gradebook. May be repeated.

        Parameters
        ----------
        record : GradeRecord
        spec : AssignmentSpec
        submitted : bytes
            The notebook as handed in.
        graded : str
            The executed notebook as JSON.
        timestamp : str, optional
            When it was handed in ("2026-06-01 17:00:00 UTC").

        Raises
        ------
        GradebookError
            If the learner's name cannot be a folder name, or the database cannot be written.
        """
        if not valid_learner(record.learner):
            raise GradebookError(
                f"受講者の名前「{record.learner}」はフォルダの名前に使えません。"
                "「/」「\\」「:」や改行を使わない名前にしてください。"
            )
        before = self._folder("submitted", record) / f"{spec.notebook}.ipynb"
        resubmitted = not before.is_file() or before.read_bytes() != submitted
        write_whole(before, submitted)
        if timestamp:
            write_whole(before.parent / "timestamp.txt", timestamp.encode())
        _copy_folder(
            self.out / "source" / spec.assignment, self._folder("autograded", record), without_notebooks=True
        )
        write_whole(self._folder("autograded", record) / f"{spec.notebook}.ipynb", graded.encode("utf-8"))
        gb = self._gb
        try:
            with warnings.catch_warnings(), _without_log():
                warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
                if has_submission(gb, spec.assignment, record.learner):
                    save_record(gb, record, spec, resubmitted=resubmitted)
                else:
                    add_record(gb, record, spec)
                if timestamp:
                    gb.update_or_create_submission(spec.assignment, record.learner, timestamp=timestamp)
        except (SQLAlchemyError, MissingEntry, ValueError) as error:
            gb.db.rollback()
            raise self._broken(error) from error

    def _folder(self, step: str, record: GradeRecord) -> Path:
        return self.out / step / record.learner / record.assignment

    def _knows(self, spec: AssignmentSpec) -> bool:
        try:
            known = spec_from_gradebook(self._gb, self._source_of(spec), spec.assignment, spec.notebook)
        except (SpecError, MissingEntry, OSError):
            return False
        return [_essence(c) for c in known.cells if c.grade_id] == [
            _essence(c) for c in spec.cells if c.grade_id
        ]

    def _source_of(self, spec: AssignmentSpec) -> Path:
        return self.out / "source" / spec.assignment / f"{spec.notebook}.ipynb"

    def _broken(self, error: Exception) -> GradebookError:
        return GradebookError(
            f"成績簿（{self.out / 'gradebook.db'}）に書きこめませんでした。"
            "formgrader など、ほかで開いているものを閉じてから、もう一度採点してください。"
            f"\n{type(error).__name__}: {error}"
        )


def valid_learner(name: str) -> bool:
    """Whether a learner's name can safely be a folder of nbgrader's layout."""
    return bool(
        name
        and name == name.strip()
        and not name.startswith(".")
        and len(name.encode("utf-8")) <= 120
        and not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f{}\[\]]', name)
    )


def _essence(cell) -> tuple:
    return (cell.grade_id, cell.kind, cell.points, cell.source if cell.locked else "")


def _copy_folder(source: Path, target: Path, *, without_notebooks: bool = False) -> None:
    """Copy regular files (no links, nothing hidden), each atomically, only where they differ."""
    for path, folders, names in os.walk(source, followlinks=False):
        folders[:] = [d for d in folders if not d.startswith(".") and d != "__pycache__"]
        for name in names:
            file = Path(path, name)
            if file.is_symlink() or not file.is_file() or name.startswith("."):
                continue
            if without_notebooks and name.endswith(".ipynb"):
                continue
            copy = target / file.relative_to(source)
            if copy.is_file() and copy.read_bytes() == file.read_bytes():
                continue
            write_whole(copy, file.read_bytes())
