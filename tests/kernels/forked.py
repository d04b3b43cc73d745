"""A forked kernel as a test uses it: start, run code, end. Nothing of grading is in between."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.kernels.client import Address, End, folder_for_sockets
from autograder.kernels.provisioner import ForkedProcess, kernel_manager
from autograder.kernels.request import Bounds

TIMEOUT_S = 60.0


class CellError(Exception):
    """The code raised: ``ename`` and its text."""

    def __init__(self, ename: str, evalue: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename


class Kernel:
    """Walls, a private folder, and a line to run code over."""

    def __init__(self, address: Address, tier: str, bounds: Bounds, data: Path | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="tkt-", dir=folder_for_sockets()))
        self.work, sockets = self.folder / "work", self.folder / "kernel"
        shutil.copytree(data, self.work) if data else self.work.mkdir()
        for name in ("kernel", "home", "tmp"):
            (self.folder / name).mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "IPYTHONDIR": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "MPLCONFIGDIR": str(self.folder / "home"),
        }
        self.client: Any = None
        self.km = kernel_manager(sockets, self.folder, address, tier, bounds)
        try:
            self._wait(self.km.start_kernel(cwd=str(self.work), env=self.env))
            self.process: ForkedProcess = self.km.provisioner.process
            self.connect()
        except BaseException:
            self.close()
            raise

    def connect(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
        self.client = self.km.client()
        self.client.start_channels(hb=False, stdin=False)
        self._wait(self.client.get_iopub_msg(timeout=TIMEOUT_S))  # its welcome: nothing is missed

    def run(self, source: str) -> str:
        """Run code; return what it has printed.

        Raises
        ------
        CellError
            When it raised.
        RuntimeError
            When the kernel ended.
        """
        return self._wait(self._run(textwrap.dedent(source)))

    async def _run(self, source: str) -> str:
        said: list[str] = []

        def hear(message: dict) -> None:
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])

        asked = asyncio.ensure_future(
            self.client.execute_interactive(source, output_hook=hear, allow_stdin=False, timeout=TIMEOUT_S)
        )
        while not (await asyncio.wait({asked}, timeout=0.1))[0]:
            if self.process.poll() is not None:
                asked.cancel()
                raise RuntimeError(f"the kernel ended: {self.process.end}")
        reply = asked.result()["content"]
        if reply["status"] != "ok":
            raise CellError(reply["ename"], reply["evalue"])
        return "".join(said).strip()

    def restart(self) -> None:
        self._wait(self.km.restart_kernel(now=True))
        self.process = self.km.provisioner.process
        self.connect()

    def interrupt(self) -> None:
        self._wait(self.km.interrupt_kernel())

    def end(self) -> End:
        """Wait for the end."""
        assert eventually(lambda: self.process.poll() is not None), "the kernel still runs"
        assert self.process.end is not None
        return self.process.end

    def close(self) -> None:
        if self.loop.is_closed():
            return
        if self.client is not None:
            self.client.stop_channels()
        if self.km.has_kernel:
            self._wait(self.km.provisioner.kill())
            self._wait(self.km.provisioner.wait())
        self._wait(self.km.cleanup_resources())
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)


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
