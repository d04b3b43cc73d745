"""The floor of the benchmark: the learners' cells alone, without kernel, database or pages.

One process imports everything, then forks once for each notebook and runs its code cells one after the other
with ``exec``, the tests included; a cell that fails does not stop the next one. Nothing is printed, drawn or
saved. As many notebooks run at a time as there are workers; imports are not counted.

    python floor.py WORKERS GRADED_NOTEBOOK...      (run in its own folder, where its data files are)
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.grading.kernel_setup import imported_modules
from autograder.grading.spec import from_notebook
from autograder.kernels import parent


def code_cells(path: Path) -> list[tuple[str, str]]:
    """Source and grade_id (tests only) of the code cells of a notebook that was graded."""
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            meta = cell.metadata.get("nbgrader", {})
            found.append((cell.source, meta.get("grade_id", "") if meta.get("grade") else ""))
    return found


def passed_tests(cells: list[tuple[str, str]]) -> Iterator[str]:
    """Run the cells in one namespace and tell which tests passed."""
    namespace = {"__name__": "__main__", "display": lambda *_, **__: None}
    for source, test in cells:
        try:
            exec(compile(source, "<cell>", "exec"), namespace)
        except Exception:
            continue
        if test:
            yield test


def start(path: Path) -> tuple[int, int]:
    """Run a notebook in a forked copy of this process: its process id, and where it tells what passed."""
    cells = code_cells(path)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        os.chdir(path.parent)
        with os.fdopen(write_end, "w") as pipe:
            json.dump(list(passed_tests(cells)), pipe)
        os._exit(0)
    os.close(write_end)
    return pid, read_end


def run_all(notebooks: list[Path], workers: int) -> dict[Path, list[str]]:
    """The tests that pass in each notebook."""
    waiting, running = notebooks[::-1], {}
    passed: dict[Path, list[str]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            path = waiting.pop()
            pid, answer = start(path)
            running[pid] = path, answer
        pid, _ = os.wait()
        path, answer = running.pop(pid)
        with os.fdopen(answer) as pipe:
            passed[path] = json.loads(pipe.read() or "[]")
    return passed


def main(workers: int, notebooks: list[Path]) -> None:
    os.environ["MPLBACKEND"] = "agg"
    kinds = {path.name: path for path in notebooks}
    specs = [
        from_notebook(nbformat.read(path, as_version=4), assignment=path.stem, notebook=path.stem)
        for path in kinds.values()
    ]
    parent.import_all(list(imported_modules(specs)))
    began = time.perf_counter()
    passed = run_all(notebooks, workers)
    answer = {"seconds": time.perf_counter() - began, "passed": {str(p): t for p, t in passed.items()}}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(argument).resolve() for argument in sys.argv[2:]])
