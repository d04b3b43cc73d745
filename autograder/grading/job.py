"""One hand-in on its way through a worker process: from bytes to a record.

Imports nothing of nbgrader: a worker process is ready in a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.grading.grade import grade_hand_in
from autograder.grading.kernel_setup import KernelSetup
from autograder.grading.records import GradeRecord, HandIn, Rejected
from autograder.grading.spec import AssignmentSpec
from autograder.grading.written import Written, written


@dataclass(frozen=True)
class Job:
    """One hand-in, as a worker process gets it."""

    hand_in: HandIn
    spec: AssignmentSpec
    data_dir: Path
    cell_timeout_s: float
    notebook_timeout_s: float
    kernels: KernelSetup


@dataclass(frozen=True)
class Executed:
    """What becomes of a hand-in."""

    record: GradeRecord
    notebook: str  # executed, as JSON
    written: Written


def grade_job(job: Job) -> Executed | Rejected:
    """Grade one hand-in; or tell why nothing could be graded."""
    result = grade_hand_in(
        job.hand_in,
        job.spec,
        data_dir=job.data_dir,
        cell_timeout_s=job.cell_timeout_s,
        notebook_timeout_s=job.notebook_timeout_s,
        kernel=job.kernels.starter(),
    )
    if isinstance(result, Rejected):
        return result
    record, notebook = result
    return Executed(record, nbformat.writes(notebook), written(notebook, job.spec))
