"""nbgrader's gradebook as one grading step sees it: open it, read a specification, save a record.

Only nbgrader's own interface :class:`nbgrader.api.Gradebook` is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
from alembic.script import ScriptDirectory
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, inspect, make_url, select, text

from autograder.grading.records import GradeRecord, Status
from autograder.grading.spec import AssignmentSpec, Kind, SpecError, from_notebook

__all__ = [
    "add_record",
    "course_paths",
    "has_submission",
    "open_gradebook",
    "patient",
    "save_record",
    "spec_from_gradebook",
]

BUSY_TIMEOUT_S = 60  # formgrader may hold the database while it saves


def open_gradebook(db_url: str, course_id: str = "") -> Gradebook:
    """nbgrader's gradebook, patient with other readers and writers of the same SQLite file."""
    _write_version_of_new(db_url)
    return Gradebook(patient(db_url), course_id)


def patient(db_url: str) -> str:
    """The address of a SQLite database with a longer wait for locks than the usual 5 seconds."""
    sqlite = db_url.startswith("sqlite:///") and "?" not in db_url
    return f"{db_url}?timeout={BUSY_TIMEOUT_S}" if sqlite else db_url


def _write_version_of_new(db_url: str) -> None:
    """Write the version of nbgrader's tables into a database without any, as nbgrader would do itself.

    It would start ``alembic heads`` to learn the version: two seconds, and not found where .venv is not
    activated.
    """
    file = make_url(db_url).database or ""
    if db_url.startswith("sqlite:") and os.path.isfile(file) and os.path.getsize(file):
        return
    engine = create_engine(patient(db_url))
    try:
        with engine.begin() as connection:
            if inspect(connection).get_table_names():
                return
            version = ScriptDirectory(ALEMBIC_DIR).get_current_head()
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    finally:
        engine.dispose()


def save_record(
    gb: Gradebook, record: GradeRecord, spec: AssignmentSpec, *, resubmitted: bool = True
) -> None:
    """Write a record's scores and comments into a submission that exists, in one transaction.

    Manual scores and manual comments are never touched. Where a person has graded, a new hand-in is
    marked for another look (as nbgrader does).
    """
    saved = gb.find_submission_notebook(spec.notebook, spec.assignment, record.learner)
    grades = {grade.name: grade for grade in saved.grades}
    comments = {comment.name: comment for comment in saved.comments}
    _enter(record, spec, grades, comments, resubmitted)
    gb.db.commit()


def add_record(gb: Gradebook, record: GradeRecord, spec: AssignmentSpec) -> None:
    """Write a record as a submission of its own, in one transaction.

    What ``update_or_create_student``, ``add_submission`` and :func:`save_record` do together: one after the
    other they take several transactions, and read back each cell that they have written.
    """
    session = gb.db
    if session.get(Student, record.learner) is None:
        session.add(Student(id=record.learner))
    cells = session.execute(
        select(Assignment.id, Notebook.id, Notebook.name, BaseCell.id, BaseCell.name, BaseCell.type)
        .select_from(Assignment)
        .join(Notebook, Notebook.assignment_id == Assignment.id)
        .join(BaseCell, BaseCell.notebook_id == Notebook.id)
        .where(Assignment.name == spec.assignment)
    ).all()
    if not cells:
        raise MissingEntry(f"no such assignment in the gradebook: {spec.assignment}")
    submission = SubmittedAssignment(assignment_id=cells[0][0], student_id=record.learner)
    notebooks: dict[str, SubmittedNotebook] = {}
    grades: dict[str, Grade] = {}
    comments: dict[str, Comment] = {}
    for _, notebook_id, notebook, cell_id, cell, kind in cells:
        if notebook_id not in notebooks:
            notebooks[notebook_id] = SubmittedNotebook(notebook_id=notebook_id, assignment=submission)
        ours = notebook == spec.notebook
        if kind in ("GradeCell", "TaskCell"):
            grade = Grade(cell_id=cell_id, notebook=notebooks[notebook_id])
            grades |= {cell: grade} if ours else {}
        if kind in ("SolutionCell", "TaskCell"):
            comment = Comment(cell_id=cell_id, notebook=notebooks[notebook_id])
            comments |= {cell: comment} if ours else {}
    _enter(record, spec, grades, comments, resubmitted=True)
    session.add(submission)
    session.commit()


def has_submission(gb: Gradebook, assignment: str, learner: str) -> bool:
    """Whether a learner has a submission of an assignment in the gradebook."""
    found = (
        select(SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .where(Assignment.name == assignment, SubmittedAssignment.student_id == learner)
    )
    return gb.db.execute(found).first() is not None


def _enter(
    record: GradeRecord,
    spec: AssignmentSpec,
    grades: Mapping[str, Grade],
    comments: Mapping[str, Comment],
    resubmitted: bool,
) -> None:
    """Scores and comments into the entries of one notebook, by the cells' names."""
    look = _to_look_at(record, spec)
    if missing := sorted({r.grade_id for r in record.results} - set(grades)):
        raise MissingEntry(f"no such cells in the gradebook: {', '.join(missing)}")
    for result in record.results:
        grade = grades[result.grade_id]
        manual = result.status is Status.MANUAL
        grade.auto_score = None if manual else result.points
        if grade.manual_score is None:
            grade.needs_manual_grade = manual or result.grade_id in look
        elif resubmitted:
            grade.needs_manual_grade = True
    messages = _comments(record, spec)
    for cell in spec.cells:
        if cell.kind in (Kind.ANSWER, Kind.WRITTEN, Kind.TASK):
            comments[cell.grade_id].auto_comment = messages.get(cell.grade_id) or None


def spec_from_gradebook(gb: Gradebook, path: Path, assignment: str, notebook: str) -> AssignmentSpec:
    """The specification as nbgrader's gradebook knows it, in the order of the source notebook.

    The text of locked cells and the points come from the gradebook (which is what nbgrader grades by);
    order, titles and hints come from the notebook at ``path`` (source, or release).

    Raises
    ------
    SpecError
        If the notebook and the gradebook do not have the same cells.
    """
    known = gb.find_notebook(notebook, assignment)
    sources = {c.name: c.source or "" for c in known.source_cells if c.locked}
    points = {c.name: float(c.max_score) for c in (*known.grade_cells, *known.task_cells)}
    stubs = {c.name: c.source or "" for c in known.source_cells if not c.locked}
    spec = from_notebook(
        nbformat.read(path, as_version=4),
        assignment=assignment,
        notebook=notebook,
        stubs=stubs,
        sources=sources,
        points=points,
    )
    if {c.grade_id for c in spec.graded} != set(points):
        raise SpecError(
            f"課題「{assignment}」のノートブックと成績簿で、採点するセルが違います。"
            f"`nbgrader generate_assignment {assignment}` をもう一度実行してください。"
        )
    return spec


def _to_look_at(record: GradeRecord, spec: AssignmentSpec) -> set[str]:
    """grade_ids that a person must look at: unclear results, and those of unclear repairs."""
    look = {r.grade_id for r in record.results if r.status is Status.NEEDS_REVIEW}
    for repair in record.repairs:
        if repair.needs_review:
            concerned = (repair.grade_id, *spec.tests_of(repair.grade_id))
            look.update(concerned if repair.grade_id else (c.grade_id for c in spec.graded))
    return look


def _comments(record: GradeRecord, spec: AssignmentSpec) -> dict[str, str]:
    """What the learner is told, by the answer cell that it concerns."""
    comments: dict[str, list[str]] = {}
    for result in record.results:
        if result.status in (Status.PASS, Status.MANUAL) or not result.message:
            continue
        for cell in spec.answers_of(result.grade_id)[-1:] or (result.grade_id,):
            comments.setdefault(cell, []).append(result.message)
    return {cell: "\n\n".join(dict.fromkeys(messages)) for cell, messages in comments.items()}


def course_paths(coursedir: CourseDirectory, assignment: str, notebook: str) -> Mapping[str, Path]:
    """Where nbgrader keeps an assignment: ``source`` and ``release`` notebooks and the data folder."""
    source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    release = Path(coursedir.format_path(coursedir.release_directory, ".", assignment))
    return {
        "data": source,
        "source": source / f"{notebook}.ipynb",
        "release": release / f"{notebook}.ipynb",
    }
