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


@dataclass(frozen=True)
class Job:
    """One hand-in, as a worker process gets it."""

    hand_in: HandIn
    spec: AssignmentSpec
    data_dir: Path
    cell_timeout_s: float
    notebook_timeout_s: float
    kernels: KernelSetup


def grade_job(job: Job) -> tuple[GradeRecord, str] | Rejected:
    """A record and the executed notebook as text; or why nothing could be graded."""
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
    return record, nbformat.writes(notebook)
