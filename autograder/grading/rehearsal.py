"""Learn what a class will import: run the instructor's own notebook once, before the first hand-in.

Much is imported on the way only: by a function of a package, when it is first called. What the parent of the
kernels imports before it forks costs a class once, and not once a hand-in.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from autograder.grading.run import KernelStartError, Limits, StartKernel, run
from autograder.grading.spec import AssignmentSpec

__all__ = ["imported_on_the_way"]

_LIMITS = Limits(cell_timeout_s=10.0, notebook_timeout_s=20.0, start_attempts=1)
_NAMES = "__import__('builtins').print(*__import__('sys').modules)"


def imported_on_the_way(spec: AssignmentSpec, data_dir: Path | None, kernel: StartKernel) -> set[str]:
    """Names of modules that the worked answers and the tests of an assignment import beyond the kernel's own.

    Parameters
    ----------
    spec : AssignmentSpec
    data_dir : Path, optional
        The assignment's folder, for its data files.
    kernel : StartKernel
        Starts the same kernels as for hand-ins: behind the same walls.
    """
    sources = [_NAMES, *(c.source for c in spec.cells if c.cell_type == "code"), _NAMES]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))
    try:
        done = run(notebook, data_dir=data_dir, limits=_LIMITS, kernel=kernel)
    except KernelStartError:  # those who need one will say so
        return set()
    before, after = ({*_printed(done.nb.cells[n])} for n in (0, -1))
    return after - before if before else set()


def _printed(cell: nbformat.NotebookNode) -> list[str]:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream").split()
