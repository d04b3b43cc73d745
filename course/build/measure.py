"""Run a notebook in a fresh kernel and tell what a learner would see, and what it cost."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbformat import NotebookNode

from .expected import text_of

__all__ = ["Executed", "execute"]

TIMEOUT_S = 600  # of one cell, on a busy machine


@dataclass(frozen=True)
class Executed:
    """A notebook after its run."""

    notebook: NotebookNode
    seconds: float  # wall clock, from the start of the kernel to the end of the last cell
    cpu_seconds: float  # of the kernel process: the same on a busy machine
    peak_mb: float  # resident memory of the kernel process at its highest

    def text(self, cell: str) -> str:
        """The text output of a cell, by cell id."""
        return next(text_of(c.outputs) for c in self.notebook.cells if c.id == cell)

    @property
    def errors(self) -> list[str]:
        """Errors and everything on the error stream, one line each with the cell's id."""
        found = []
        for cell in self.notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    found.append(f"{cell.id}: {output.ename}: {output.evalue}")
                elif output.output_type == "stream" and output.name == "stderr":
                    found.append(f"{cell.id}: stderr: {output.text.strip()[:300]}")
        return found


def execute(notebook: NotebookNode, folder: Path) -> Executed:
    """Run every cell of a copy of ``notebook`` with ``folder`` as the working directory."""
    notebook = copy.deepcopy(notebook)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    began = time.monotonic()
    with client.setup_kernel():
        for at, cell in enumerate(notebook.cells):
            client.execute_cell(cell, at)
        seconds = time.monotonic() - began
        pid = client.km.provisioner.pid
        used = psutil.Process(pid).cpu_times()
        peak_mb = _peak_mb(pid)
    return Executed(notebook, seconds, used.user + used.system, peak_mb)


def _peak_mb(pid: int) -> float:
    """Highest resident memory of a process so far: Linux and Windows keep it; elsewhere the present one."""
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    memory = psutil.Process(pid).memory_info()
    return getattr(memory, "peak_wset", memory.rss) / 1024 / 1024
