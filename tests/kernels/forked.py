"""A forked kernel as a test uses it: start, run code, end. Nothing of grading is in between."""

from __future__ import annotations

import os
import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from autograder.kernels.client import Address, End, folder_for_sockets
from autograder.kernels.forked import ForkedKernel
from autograder.kernels.request import Bounds, Start

TIMEOUT_S = 60.0


class CellError(Exception):
    """The code raised: ``ename`` and its text."""

    def __init__(self, ename: str, evalue: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename


class Kernel:
    """Walls, a private folder, and a line to run code over."""

    def __init__(self, address: Address, tier: str, bounds: Bounds, data: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tkt-", dir=folder_for_sockets()))
        self.work = self.folder / "work"
        shutil.copytree(data, self.work) if data else self.work.mkdir()
        for name in ("home", "tmp"):
            (self.folder / name).mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "IPYTHONDIR": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "MPLCONFIGDIR": str(self.folder / "home"),
        }
        self.request = Start(str(self.folder), str(self.work), self.env, tier, bounds)
        try:
            self.process = ForkedKernel(address, self.request)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def run(self, source: str) -> str:
        """Run code; return what it has printed.

        Raises
        ------
        CellError
            When it raised.
        KernelEnded
        """
        said: list[str] = []

        def hear(kind: str, content: dict) -> None:
            if kind == "stream":
                said.append(content["text"])

        number = self.process.ask(textwrap.dedent(source), output_bytes=10_000_000)
        reply = self.process.answer(number, TIMEOUT_S, hear)
        if reply["status"] != "ok":
            raise CellError(reply["ename"], reply["evalue"])
        return "".join(said).strip()

    def end(self) -> End:
        """Wait for the end."""
        assert eventually(lambda: self.process.poll() is not None), "the kernel still runs"
        end = self.process.poll()
        assert end is not None
        return end

    def close(self) -> None:
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def eventually(condition: Callable[[], object], timeout_s: float = 20.0) -> bool:
    """Whether something becomes true; a busy machine may take its time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def alive(pid: int) -> bool:
    """Whether a process runs (a dead one that nobody has waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
