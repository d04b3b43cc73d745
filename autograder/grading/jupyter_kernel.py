"""A notebook in a kernel of jupyter_client's, run by nbclient: what there is where nothing can be forked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from autograder.grading.outputs import TOO_MUCH, size
from autograder.grading.run import Limits, Place, Ran, well_formed

__all__ = ["JupyterKernel", "ManagerFactory", "jupyter_kernel", "spawned_kernel"]

#: Plain tracebacks: IPython's own take 20 ms each, and quote lines around the one that failed.
_KERNEL_ARGUMENTS = ("--InteractiveShell.xmode=Plain", "--InteractiveShell.colors=nocolor")
_WELCOME_S = 0.2  # a kernel of an older ipykernel does not send a welcome
_log = logging.getLogger("autograder.grading.run")
_quiet = logging.getLogger("autograder.grading.run.nbclient")
_quiet.setLevel(logging.CRITICAL)

ManagerFactory = Callable[[Path], AsyncKernelManager]


def spawned_kernel(folder: Path, kernel_name: str = "python3") -> AsyncKernelManager:
    """A kernel manager that starts an ordinary kernel process, over sockets in ``folder``."""
    km = AsyncKernelManager(kernel_name=kernel_name)
    km.connection_file = str(folder / "connection.json")
    if sys.platform != "win32":
        km.transport = "ipc"
        km.ip = str(folder / "k")
    return km


def jupyter_kernel(manager: ManagerFactory = spawned_kernel) -> Callable[..., JupyterKernel]:
    """How :func:`autograder.grading.run.run` starts kernels that this manager makes."""
    return lambda nb, place, limits: JupyterKernel(manager, nb, place, limits)


class JupyterKernel:
    """See :class:`autograder.grading.run.Kernel`."""

    def __init__(self, manager: ManagerFactory, nb: NotebookNode, place: Place, limits: Limits) -> None:
        self.dead = False
        self.doubts: list[str] = []
        self._limits = limits
        self._loop = asyncio.Runner()
        self._client: _Client | None = None
        try:
            self._wait(self._start(manager, nb, place, limits))
        except BaseException:
            self.stop()
            raise

    async def _start(self, manager: ManagerFactory, nb: NotebookNode, place: Place, limits: Limits) -> None:
        folder = Path(tempfile.mkdtemp(prefix="k", dir=place.folder))
        client = self._client = _Client(
            nb,
            km=manager(folder),
            timeout=None,
            allow_errors=True,
            store_widget_state=False,
            record_timing=False,
            skip_cells_with_tag="",
            startup_timeout=int(limits.startup_timeout_s),
            log=_quiet,
            on_cell_executed=None,
            extra_arguments=list(_KERNEL_ARGUMENTS),
        )
        client.on_cell_executed = lambda *, cell, cell_index, execute_reply: setattr(
            client, "reply", well_formed(execute_reply["content"])
        )
        client.reset_execution_trackers()
        place.keep_font_list()
        await client.async_start_new_kernel(cwd=str(place.work), env=place.environment)
        await client.async_start_new_kernel_client()

    def run_cell(self, cell: NotebookNode, n: int, timeout_s: float, output_bytes: int) -> Ran:
        client = self._client
        assert client is not None
        client.budget_bytes, client.cell_bytes, client.cut = output_bytes, 0, False
        status, reply, seconds = self._wait(self._send(client, cell, n, timeout_s))
        return Ran(status, reply, seconds, min(client.cell_bytes, output_bytes))

    async def _send(
        self, client: _Client, cell: NotebookNode, n: int, timeout_s: float
    ) -> tuple[str, dict[str, Any], float]:
        client.reply = None
        began = time.monotonic()
        task = asyncio.ensure_future(client.async_execute_cell(cell, n))
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        timed_out = not done
        if timed_out:
            with contextlib.suppress(Exception):
                await client.km.interrupt_kernel()
            done, _ = await asyncio.wait({task}, timeout=self._limits.interrupt_grace_s)
        if not done:
            self.dead = True
            with contextlib.suppress(Exception):
                await client.km.shutdown_kernel(now=True)
            done, _ = await asyncio.wait({task}, timeout=5)
        if not done:
            task.cancel()
        seconds = time.monotonic() - began
        error = task.exception() if done and not task.cancelled() else None
        if isinstance(error, DeadKernelError) or self.dead:
            self.dead = True
            return ("timeout" if timed_out else "dead"), {}, seconds
        if timed_out:
            return "timeout", {}, seconds
        if error is not None:
            _log.warning("unexpected error while a cell was running", exc_info=error)
            return "ok", {"status": "error", "ename": type(error).__name__, "evalue": str(error)}, seconds
        nothing = {"status": "error", "ename": "NoReply", "evalue": "the kernel gave no reply"}
        return "ok", client.reply or nothing, seconds

    def ask(self, source: str, timeout_s: float, **options: Any) -> dict[str, Any] | None:
        return None if self.dead else self._wait(self._ask(source, timeout_s, options))

    async def _ask(self, source: str, timeout_s: float, options: dict[str, Any]) -> dict[str, Any] | None:
        assert self._client is not None
        kc, km = self._client.kc, self._client.km
        # An error must not make the kernel drop the next request, as it does for "run all cells".
        request = kc.execute(source, stop_on_error=False, **options)
        for seconds in (timeout_s, self._limits.interrupt_grace_s):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._reply(kc, request)
            with contextlib.suppress(Exception):
                await km.interrupt_kernel()
        with contextlib.suppress(Exception):
            await km.shutdown_kernel(now=True)
        self.dead = True
        return None

    async def _reply(self, kc: AsyncKernelClient, request: str) -> dict[str, Any] | None:
        """Wait for the reply to a request; None when the kernel has ended."""
        assert self._client is not None
        while True:
            with contextlib.suppress(queue.Empty):
                msg = await kc.get_shell_msg(timeout=1.0)
                if msg["parent_header"].get("msg_id") == request:
                    return well_formed(msg["content"])
                continue
            if not await self._client.km.is_alive():
                self.dead = True
                return None

    def stop(self) -> int:
        """End the kernel; its memory is not measured."""
        client = self._client
        if client is not None:
            with contextlib.suppress(Exception):
                if client.kc is not None:
                    client.kc.stop_channels()
            with contextlib.suppress(Exception):
                self._wait(_end(client.km))
        self._loop.close()
        return 0

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run(coroutine)


class _Client(NotebookClient):
    """nbclient with bounded output, the kernel's reply to each cell, and a start without idle waiting."""

    reply: Mapping[str, Any] | None = None
    budget_bytes = 0
    cell_bytes = 0
    cut = False

    async def async_start_new_kernel_client(self) -> AsyncKernelClient:
        """Connect; as soon as the kernel answers on both channels it is ready.

        ``wait_for_ready`` of jupyter_client ends with a fixed wait of 0.2 s, a good part of a short notebook.
        """
        assert self.km is not None
        kc = self.kc = self.km.client()
        kc.session.unpack = _unpack
        kc.start_channels(hb=False, stdin=False)
        try:
            await _ready(kc, self.km, float(self.startup_timeout))
        except BaseException:
            kc.stop_channels()  # an open one would keep the next context from ending
            raise
        return kc

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            used = size(msg["content"])
            self.cell_bytes += used
            if self.cell_bytes > self.budget_bytes:
                if not self.cut:
                    self.cut = True
                    cell.outputs.append(
                        NotebookNode(
                            output_type="stream",
                            name="stdout",
                            text=TOO_MUCH,
                        )
                    )
                return None
        if msg["msg_type"].startswith("comm"):  # widgets: nothing to grade, state may be large
            return None
        return super().process_message(msg, cell, cell_index)


async def _ready(kc: AsyncKernelClient, km: AsyncKernelManager, timeout_s: float) -> None:
    """Wait until the kernel has answered a request on the shell channel and told so on iopub.

    Raises
    ------
    RuntimeError
        When it died or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    with contextlib.suppress(queue.Empty):  # the first thing on iopub, once we are connected
        await kc.get_iopub_msg(timeout=_WELCOME_S)
    while time.monotonic() < deadline:
        request = kc.kernel_info()
        with contextlib.suppress(queue.Empty):
            while (await kc.get_shell_msg(timeout=1.0))["parent_header"].get("msg_id") != request:
                pass
            while not _says_idle(await kc.get_iopub_msg(timeout=_WELCOME_S), request):
                pass
            return
        if not await km.is_alive():
            raise RuntimeError("the kernel ended while it was starting")
    raise RuntimeError(f"the kernel did not answer within {timeout_s:.0f} s")


def _says_idle(msg: Mapping[str, Any], request: str) -> bool:
    return msg["parent_header"].get("msg_id") == request and msg["content"].get("execution_state") == "idle"


async def _end(km: AsyncKernelManager) -> None:
    """Kill the kernel at once (jupyter_client's own way asks first and polls every 0.1 s)."""
    if km.provisioner is not None:
        await km.provisioner.kill()
        await km.provisioner.wait()
    await km.cleanup_resources()


def _unpack(packed: bytes) -> Any:
    """Read a part of a kernel's message. Lone surrogates, which nobody could write as UTF-8, are replaced."""
    value = json.loads(packed.decode("utf-8", "replace"))
    if b"\\ud" in packed.lower():
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value
