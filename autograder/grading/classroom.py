"""Grades a class: from a folder or zip of hand-ins to grades, feedback, a report and a gradebook.

This is where the steps meet: collect → grade (in several processes) → one writer → pages. The result
does not depend on the number of processes or on the order in which they finish.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat
import psutil

from autograder.grading.collect import Collected, Ignored, collect
from autograder.grading.course_root import Course, load_course
from autograder.grading.feedback import ManualGrade, render_feedback
from autograder.grading.fingerprint import Fingerprints
from autograder.grading.intake import IntakeError
from autograder.grading.job import Executed, Job, grade_job
from autograder.grading.kernel_setup import prepared
from autograder.grading.manual import manual_grades
from autograder.grading.out_folder import GradebookError, OutFolder, grades_table, write_text
from autograder.grading.pool import Crashed, run_all, started
from autograder.grading.records import CellResult, GradeRecord, HandIn, Rejected, Status
from autograder.grading.report import Graded, render_report
from autograder.grading.spec import AssignmentSpec
from autograder.grading.written import Written, written
from autograder.kernels.client import ForkParent
from autograder.kernels.request import Bounds

if TYPE_CHECKING:
    from autograder.grading.writer import Writer

_MEMORY_PER_WORKER_MB = 700
_HARD_LIMIT_GRACE_S = 120.0
_WORTH_A_REHEARSAL = 2  # hand-ins


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

    collected: Callable[[Collected, int, int], None] = lambda found, reused, to_grade: None
    walls: Callable[[str], None] = lambda tier: None
    graded: Callable[[HandIn], None] = lambda hand_in: None
    writing: Callable[[], None] = lambda: None


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
    only_learner: str | None = None,
    sandbox: str = "auto",
    memory_mb: int = Bounds.memory_mb,
    parent: ForkParent | None = None,
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
    only_learner : str, optional
    sandbox : {"auto", "namespaces", "landlock", "none"}
        Walls around the hand-ins, see :mod:`autograder.kernels.sandbox`.
    memory_mb : int
        Memory of one hand-in.
    parent : ForkParent, optional
        One that is being started already, without modules; by default one is started when it is needed.
    progress : Progress, optional

    Raises
    ------
    CourseError, IntakeError, OutFolderError, GradebookError, SandboxRefused
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
        for position, hand_in in enumerate(found.hand_ins):
            if not again and (record := _reusable(hand_in, keys, folder, materials)):
                done[position] = record
        reused = len(done)
        left = [
            p
            for p, hand_in in enumerate(found.hand_ins)
            if p not in done and only_learner in (None, hand_in.learner)
        ]
        if only_learner is not None and only_learner not in {h.learner for h in found.hand_ins}:
            raise IntakeError(_nobody_called(only_learner, found))
        progress.collected(found, reused, len(left))
        specs = [materials.assignments[name] for name in sorted({h.assignment for h in found.hand_ins})]
        with contextlib.ExitStack() as stack:
            if left:
                bounds = Bounds(memory_mb=memory_mb)
                worth_it = len(left) >= _WORTH_A_REHEARSAL
                rehearse = {s.assignment: materials.data_dir(s.assignment) for s in specs if worth_it}
                ready = stack.enter_context(
                    prepared(specs, sandbox=sandbox, bounds=bounds, rehearse=rehearse, parent=parent)
                )
                count = workers or default_workers(len(left))
                processes = stack.enter_context(started(count, preload=grade_job.__module__))
            # Only now, while the parent of the kernels starts: to import nbgrader takes as long.
            from autograder.grading.writer import Writer

            writer = stack.enter_context(Writer(folder.root))
            for spec in specs:
                writer.ensure_assignment(spec, materials.data_dir(spec.assignment))
            results = _Results(found, left, done, keys, materials, folder, writer, progress)
            if left:
                setup = ready()
                progress.walls(setup.tier)
                jobs = [
                    Job(
                        hand_in := found.hand_ins[p],
                        materials.assignments[hand_in.assignment],
                        materials.data_dir(hand_in.assignment),
                        cell_timeout_s,
                        notebook_timeout_s,
                        setup,
                    )
                    for p in left
                ]
                try:
                    run_all(
                        grade_job,
                        jobs,
                        results.take,
                        workers=processes,
                        hard_limit_s=notebook_timeout_s + _HARD_LIMIT_GRACE_S,
                    )
                except KeyboardInterrupt:
                    if results.answered == len(jobs):
                        raise
        progress.writing()
        refused = [*found.rejected, *results.refused]
        graded = _write_pages(folder, materials, refused, found.ignored, results.read)
    of_this_run = {(found.hand_ins[p].assignment, found.hand_ins[p].learner) for p in done}
    return ClassOutcome(
        graded=tuple(g for g in graded if (g.record.assignment, g.record.learner) in of_this_run),
        rejected=tuple(sorted(refused, key=lambda r: (r.name, r.reason))),
        ignored=found.ignored,
        out=folder,
        reused=reused,
        not_reached=len(left) - results.answered,
        seconds=time.monotonic() - began,
    )


@dataclass
class _Results:
    """Takes what comes of the hand-ins, one after the other."""

    found: Collected
    left: list[int]  # positions in ``found.hand_ins`` of the jobs
    done: dict[int, GradeRecord]
    keys: Fingerprints
    materials: Course
    folder: OutFolder
    writer: Writer
    progress: Progress
    refused: list[Rejected] = field(default_factory=list)
    answered: int = 0
    read: dict[tuple[str, str], Written] = field(default_factory=dict)  # by assignment and learner

    def take(self, job: int, result: Executed | Rejected | Crashed) -> None:
        """Write a result, gradebook first: what has a record is in the gradebook."""
        self.answered += 1
        hand_in = self.found.hand_ins[self.left[job]]
        if isinstance(result, Crashed):
            self.refused.append(_crash(hand_in, result))
        elif isinstance(result, Rejected):
            self.refused.append(result)
        else:
            record = result.record
            spec = self.materials.assignments[hand_in.assignment]
            try:
                self.writer.write(record, spec, submitted=hand_in.content, graded=result.notebook)
            except GradebookError as error:
                self.refused.append(_not_saved(hand_in, error))
            else:
                self.folder.write_record(record, self.keys.of(hand_in))
                self.done[self.left[job]] = record
                # The page already, while others are graded; without what a person has decided before.
                self.read[record.assignment, record.learner] = result.written
                _write_feedback(self.folder, record, spec, result.written, {})
        self.progress.graded(hand_in)


def default_workers(jobs: int) -> int:
    """As many processes as there are cores, if jobs and memory allow."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    by_memory = psutil.virtual_memory().available // (_MEMORY_PER_WORKER_MB * 1_000_000)
    return max(1, min(cores, jobs, by_memory))


def _nobody_called(learner: str, found: Collected) -> str:
    known = sorted({h.learner for h in found.hand_ins})
    near = difflib.get_close_matches(learner, known, n=3, cutoff=0.3) or known[:3]
    return (
        f"受講者「{learner}」の提出物がありません。--only には、提出物のフォルダーの名前を書いてください"
        f"（例：{'、'.join(near)}）。"
    )


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
    folder: OutFolder,
    materials: Course,
    rejected: list[Rejected],
    ignored: tuple[Ignored, ...],
    fresh: Mapping[tuple[str, str], Written],
) -> list[Graded]:
    """Write report, grades.csv and feedback from all records in the folder, also of earlier runs.

    Of what is ``fresh`` the feedback is there already; what a person has decided is added.
    """
    specs = materials.assignments
    decided = manual_grades(folder.root / "gradebook.db")
    graded = []
    for record in folder.all_records():
        spec = specs.get(record.assignment)
        manual = decided.get((record.learner, record.assignment), {})
        read = fresh.get((record.assignment, record.learner))
        by_hand = any(cell.points is not None or cell.comment for cell in manual.values())
        if spec is not None and (read is None or by_hand):
            read = read or _written_before(folder, record, spec)
            _write_feedback(folder, record, spec, read, manual)
        link = f"feedback/{quote(record.learner)}/{quote(record.assignment)}.html" if spec else ""
        read = read or Written()
        graded.append(Graded(record, answers=read.answers, asks=read.asks, manual=manual, feedback=link))
    write_text(folder.report, render_report(graded, specs, rejected, ignored))
    # With a byte order mark: Excel takes a CSV without one for CP932.
    write_text(folder.grades_csv, grades_table(graded, rejected), encoding="utf-8-sig")
    return graded


def _write_feedback(
    folder: OutFolder,
    record: GradeRecord,
    spec: AssignmentSpec,
    read: Written,
    manual: Mapping[str, ManualGrade],
) -> None:
    page = render_feedback(record, spec, read.answers, manual)
    write_text(folder.feedback_path(record.learner, record.assignment), page)


def _written_before(folder: OutFolder, record: GradeRecord, spec: AssignmentSpec) -> Written:
    """As an earlier run left it; nothing where its notebook is gone."""
    path = folder.autograded_path(record.learner, record.assignment, spec.notebook)
    try:
        return written(nbformat.read(path, as_version=4), spec)
    except (OSError, ValueError):
        return Written()


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
