"""Grades a class: from a folder or zip of hand-ins to grades, feedback, a report and a gradebook.

This is where the steps meet: collect → grade (in several processes) → one writer → pages. The result
does not depend on the number of processes or on the order in which they finish.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import nbformat
import psutil
from nbformat import NotebookNode
from sqlalchemy.exc import SAWarning

from autograder.grading.collect import Collected, Ignored, collect
from autograder.grading.course_root import Course, load_course
from autograder.grading.feedback import answers_of, asks_of, render_feedback
from autograder.grading.fingerprint import Fingerprints
from autograder.grading.grade import grade_hand_in
from autograder.grading.manual import manual_grades
from autograder.grading.out_folder import OutFolder, grades_table, write_text
from autograder.grading.pool import Crashed, run_all
from autograder.grading.records import CellResult, GradeRecord, HandIn, Rejected, Status
from autograder.grading.report import Graded, render_report
from autograder.grading.spec import AssignmentSpec
from autograder.grading.writer import GradebookError, Writer

_MEMORY_PER_WORKER_MB = 700
_HARD_LIMIT_GRACE_S = 120.0


@dataclass(frozen=True)
class ClassOutcome:
    """What became of a class."""

    graded: tuple[Graded, ...]  # of this run, sorted by assignment and learner
    rejected: tuple[Rejected, ...]
    ignored: tuple[Ignored, ...]
    out: OutFolder
    reused: int = 0  # of ``graded``: taken over unchanged from an earlier run into the same folder
    not_reached: int = 0  # hand-ins left when the run was interrupted
    seconds: float = 0.0

    @property
    def interrupted(self) -> bool:
        return self.not_reached > 0

    @property
    def partial(self) -> bool:
        """Somebody must still do something: a rejected file, a doubtful result, an interrupted run."""
        return bool(self.rejected) or self.interrupted or any(g.needs_review for g in self.graded)


@dataclass(frozen=True)
class Progress:
    """Told while a class is graded; by default nobody listens."""

    collected: Callable[[Collected, int], None] = lambda found, to_grade: None
    graded: Callable[[HandIn], None] = lambda hand_in: None
    writing: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class _Job:
    """One hand-in on its way to a worker process."""

    hand_in: HandIn
    spec: AssignmentSpec
    data_dir: Path
    cell_timeout_s: float
    notebook_timeout_s: float


def grade_class(
    submissions: Path,
    out: Path,
    *,
    course: Path | None = None,
    only_assignment: str | None = None,
    workers: int | None = None,
    cell_timeout_s: float = 60.0,
    notebook_timeout_s: float = 600.0,
    again: bool = False,
    progress: Progress | None = None,
) -> ClassOutcome:
    """Grade every hand-in and write the results.

    Parameters
    ----------
    submissions : Path
        Folder or zip of hand-ins, see :mod:`autograder.grading.collect`.
    out : Path
        Results folder: new, empty, or of an earlier run (then updated; grades given by hand are kept).
    course : Path, optional
        nbgrader course root; by default Takara's own.
    only_assignment : str, optional
    workers : int, optional
        Processes; by default as many as cores and memory allow.
    cell_timeout_s, notebook_timeout_s : float
    again : bool
        Grade also what an earlier run into ``out`` has graded and nothing has changed since.
    progress : Progress, optional

    Raises
    ------
    CourseError, IntakeError, OutFolderError, GradebookError
        When nothing can be graded. All messages are for people.
    """
    began = time.monotonic()
    progress = progress or Progress()
    materials = load_course(course, only_assignment)
    folder = OutFolder(out)
    folder.prepare(submissions)
    with folder.only_writer():
        found = collect(submissions, materials.assignments, only_assignment)
        keys = Fingerprints(materials, cell_timeout_s, notebook_timeout_s)
        done: dict[int, GradeRecord] = {}
        refused: list[Rejected] = list(found.rejected)
        for position, hand_in in enumerate(found.hand_ins):
            if not again and (record := _reusable(hand_in, keys, folder, materials)):
                done[position] = record
        reused = len(done)
        left = [p for p in range(len(found.hand_ins)) if p not in done]
        progress.collected(found, len(left))
        jobs = [
            _Job(
                hand_in := found.hand_ins[p],
                materials.assignments[hand_in.assignment],
                materials.data_dir(hand_in.assignment),
                cell_timeout_s,
                notebook_timeout_s,
            )
            for p in left
        ]
        answered = 0
        with warnings.catch_warnings(), Writer(folder.root) as writer:
            warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
            for name in sorted({h.assignment for h in found.hand_ins}):
                writer.ensure_assignment(materials.assignments[name], materials.data_dir(name))

            def finish(index: int, result: tuple[GradeRecord, str] | Rejected | Crashed) -> None:
                nonlocal answered
                answered += 1
                hand_in = jobs[index].hand_in
                if isinstance(result, tuple):
                    record, text = result
                    notebook: NotebookNode = nbformat.reads(text, as_version=4)
                    try:
                        writer.write(record, jobs[index].spec, submitted=hand_in.content, graded=notebook)
                    except GradebookError as error:
                        refused.append(_not_saved(hand_in, error))
                    else:
                        folder.write_record(record, keys.of(hand_in))
                        done[left[index]] = record
                else:
                    refused.append(_crash(hand_in, result) if isinstance(result, Crashed) else result)
                progress.graded(hand_in)

            try:
                run_all(
                    _grade,
                    jobs,
                    finish,
                    workers=workers or default_workers(len(jobs)),
                    hard_limit_s=notebook_timeout_s + _HARD_LIMIT_GRACE_S,
                )
            except KeyboardInterrupt:
                if answered == len(jobs):
                    raise
        progress.writing()
        graded = _write_pages(folder, materials, refused, found.ignored)
    of_this_run = {(found.hand_ins[p].assignment, found.hand_ins[p].learner) for p in done}
    return ClassOutcome(
        graded=tuple(g for g in graded if (g.record.assignment, g.record.learner) in of_this_run),
        rejected=tuple(sorted(refused, key=lambda r: (r.name, r.reason))),
        ignored=found.ignored,
        out=folder,
        reused=reused,
        not_reached=len(jobs) - answered,
        seconds=time.monotonic() - began,
    )


def default_workers(jobs: int) -> int:
    """As many processes as there are cores, jobs, and memory for kernels."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    by_memory = psutil.virtual_memory().available // (_MEMORY_PER_WORKER_MB * 1_000_000)
    return max(1, min(cores, jobs, by_memory))


def _grade(job: _Job) -> tuple[GradeRecord, str] | Rejected:
    """The unit of work, in a worker process: a record and the executed notebook as text."""
    result = grade_hand_in(
        job.hand_in,
        job.spec,
        data_dir=job.data_dir,
        cell_timeout_s=job.cell_timeout_s,
        notebook_timeout_s=job.notebook_timeout_s,
    )
    if isinstance(result, Rejected):
        return result
    record, notebook = result
    return record, nbformat.writes(notebook)


def _crash(hand_in: HandIn, crashed: Crashed) -> Rejected:
    return Rejected(
        name=hand_in.name,
        reason="採点の途中で、採点プログラムのほうが止まりました。提出物のせいとは限りません。"
        "もう一度同じコマンドを実行してください。くり返すときは、この提出物を講座の担当者に送ってください。",
        detail=crashed.cause,
        learner=hand_in.learner,
        assignment=hand_in.assignment,
        ours=True,
    )


def _not_saved(hand_in: HandIn, error: Exception) -> Rejected:
    reason, _, cause = str(error).partition("\n")
    return Rejected(hand_in.name, reason, cause, hand_in.learner, hand_in.assignment, ours=True)


def _write_pages(
    folder: OutFolder, materials: Course, rejected: list[Rejected], ignored: tuple[Ignored, ...]
) -> list[Graded]:
    """Write feedback, report and grades.csv from all records in the folder, also of earlier runs."""
    specs = materials.assignments
    decided = manual_grades(folder.root / "gradebook.db")
    graded = []
    for record in folder.all_records():
        spec = specs.get(record.assignment)
        notebook = _autograded(folder, record, spec)
        link = f"feedback/{quote(record.learner)}/{quote(record.assignment)}.html" if spec else ""
        graded.append(
            Graded(
                record=record,
                answers=answers_of(notebook, spec) if spec else (),
                asks=asks_of(notebook, spec) if spec else (),
                manual=decided.get((record.learner, record.assignment), {}),
                feedback=link,
            )
        )
        if spec:
            write_text(
                folder.feedback_path(record.learner, record.assignment),
                render_feedback(record, spec, graded[-1].answers, graded[-1].manual),
            )
    write_text(folder.report, render_report(graded, specs, rejected, ignored))
    # With a byte order mark: Excel takes a CSV without one for CP932.
    write_text(folder.grades_csv, grades_table(graded, rejected), encoding="utf-8-sig")
    return graded


def _autograded(folder: OutFolder, record: GradeRecord, spec: AssignmentSpec | None) -> NotebookNode | None:
    if spec is None:
        return None
    path = folder.autograded_path(record.learner, record.assignment, spec.notebook)
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError):
        return None


# ---------------------------------------------------------------- what need not be graded again


def _reusable(hand_in: HandIn, keys: Fingerprints, folder: OutFolder, course: Course) -> GradeRecord | None:
    """An earlier record of the same hand-in, unless time played a part in it or its files are gone."""
    record = folder.read_record(hand_in.learner, hand_in.assignment, keys.of(hand_in))
    if record is None or any(_is_about_time(r) for r in record.results):
        return None
    notebook = course.assignments[hand_in.assignment].notebook
    kept = folder.autograded_path(hand_in.learner, hand_in.assignment, notebook).is_file()
    return record if kept and (folder.root / "gradebook.db").is_file() else None


def _is_about_time(result: CellResult) -> bool:
    return result.status in (Status.TIMEOUT, Status.NOT_RUN) or "timeout" in result.detail
