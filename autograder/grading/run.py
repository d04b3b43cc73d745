"""Run a notebook cell by cell and record an explicit outcome for each cell.

The outcome of a cell is what the kernel *replied*, never what the cell printed. After a test cell
that passed, statements that must fail are run: if one "passes", the kernel no longer tells the truth
and the cell is marked for review.

A run is one kernel in one private temporary folder: its sockets (``ipc``, no ports), home, IPython
profile, matplotlib cache, and working directory with copies of the assignment's data files. How the
kernel process comes to life is the business of the ``KernelFactory``; a forked or sandboxed kernel is
another factory (or a ``jupyter_client`` provisioner), nothing else here changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import queue
import re
import secrets
import shutil
import site
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from autograder.grading import probes

__all__ = [
    "CellOutcome",
    "KernelFactory",
    "KernelLost",
    "KernelStartError",
    "Limits",
    "Outcome",
    "Run",
    "run",
    "spawned_kernel",
]

Outcome = str  # "ok" | "error" | "timeout" | "not_run" | "skipped" (text, or an empty cell)

#: Variables of our own environment that a kernel may see. Everything else stays outside.
ENVIRONMENT_ALLOWED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV",
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV",
    "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JUPYTER_PATH", "JUPYTER_DEFAULT_PROVISIONER_NAME",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA", "NUMBER_OF_PROCESSORS",
)  # fmt: skip

#: Plain tracebacks: IPython's own take 20 ms each, and quote lines around the one that failed.
_KERNEL_ARGUMENTS = ("--InteractiveShell.xmode=Plain", "--InteractiveShell.colors=nocolor")
_ANSWER_S = 10.0
_WELCOME_S = 0.2  # a kernel of an older ipykernel does not send a welcome
_LONGEST_SOCKET_FOLDER = 80  # a Unix socket's path must stay below 108 bytes
_log = logging.getLogger("autograder.grading.run")
_quiet = logging.getLogger("autograder.grading.run.nbclient")
_quiet.setLevel(logging.CRITICAL)


class KernelStartError(RuntimeError):
    """The kernel did not start. The fault is ours, not the learner's: never a reason for 0 points."""


class KernelLost(KernelStartError):
    """The kernel went away through no fault of the notebook (the parent that had forked it is gone)."""


@dataclass(frozen=True)
class Limits:
    """How much one notebook may use."""

    cell_timeout_s: float = 60.0
    notebook_timeout_s: float = 600.0
    interrupt_grace_s: float = 3.0  # from the interrupt to the kill
    startup_timeout_s: float = 60.0
    start_attempts: int = 3
    cell_output_bytes: int = 1_000_000
    notebook_output_bytes: int = 10_000_000
    traceback_lines: int = 60


@dataclass(frozen=True)
class CellOutcome:
    """What became of one cell."""

    outcome: Outcome = "not_run"
    ename: str = ""
    evalue: str = ""
    traceback: str = ""  # without colour codes, cut in the middle when long
    value: tuple[str, str] | None = (
        None  # (kind, text) of the last expression: ("number", "0.5"), ("bool", "True")
    )
    seconds: float = 0.0
    distrust: tuple[str, ...] = ()  # must-fail statements that did not fail: evidence for review
    reason: str = ""  # of "not_run": "dead" or "time"


@dataclass(frozen=True)
class Run:
    """A notebook that was run, with one outcome per cell."""

    nb: NotebookNode
    outcomes: tuple[CellOutcome, ...]
    seconds: float = 0.0
    memory_mb: int = 0  # of its processes at their highest, without what they share with the parent
    died_at: int | None = None  # position of the cell during which the kernel died


KernelFactory = Callable[[Path], AsyncKernelManager]


def spawned_kernel(folder: Path, kernel_name: str = "python3") -> AsyncKernelManager:
    """A kernel manager that starts an ordinary kernel process, over sockets in ``folder``."""
    km = AsyncKernelManager(kernel_name=kernel_name)
    km.connection_file = str(folder / "connection.json")
    if sys.platform != "win32":
        km.transport = "ipc"
        km.ip = str(folder / "k")
    return km


def run(
    nb: NotebookNode,
    *,
    data_dir: Path | None = None,
    tests: Collection[int] = (),
    limits: Limits | None = None,
    kernel: KernelFactory = spawned_kernel,
) -> Run:
    """Run every code cell of ``nb`` and return the executed copy with the outcomes.

    Parameters
    ----------
    nb : NotebookNode
        Repaired notebook; not modified.
    data_dir : Path, optional
        Folder whose files (without notebooks and links) are copied next to the running notebook.
    tests : collection of int
        Positions of test cells; after each that passed, the must-fail statements are run.
    limits : Limits
    kernel : KernelFactory
        Makes the kernel manager in the given private folder.

    Raises
    ------
    KernelStartError
        If no kernel could be started after several attempts.
    """

    def once() -> Run:
        copy = NotebookNode(_copy(nb))
        return _in_own_loop(_run(copy, data_dir, frozenset(tests), limits or Limits(), kernel))

    with contextlib.suppress(KernelLost):
        return once()
    return once()


async def _run(
    nb: NotebookNode, data_dir: Path | None, tests: frozenset[int], limits: Limits, kernel: KernelFactory
) -> Run:
    started = time.monotonic()
    with _private_folder() as folder:
        work = folder / "work"
        _copy_data(data_dir, work)
        session = await _start(nb, folder, limits, kernel)
        try:
            outcomes = await _run_cells(session, tests, limits)
        finally:
            memory_mb = await session.stop()
    died_at = next((n for n, o in enumerate(outcomes) if o.ename == "DeadKernel"), None)
    return Run(nb, tuple(outcomes), time.monotonic() - started, memory_mb, died_at)


async def _run_cells(session: _Session, tests: frozenset[int], limits: Limits) -> list[CellOutcome]:
    deadline = session.deadline
    outcomes: list[CellOutcome] = []
    reason = ""
    for n, cell in enumerate(session.client.nb.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            outcomes.append(CellOutcome("skipped"))
            continue
        left = deadline - time.monotonic()
        if not reason and left <= 0:
            reason = "time"
        if reason:
            outcomes.append(CellOutcome("not_run", reason=reason))
            continue
        outcome = await session.execute(n, min(limits.cell_timeout_s, left))
        if n in tests and outcome.outcome == "ok":
            outcome = await session.examine(outcome, cell)
        outcomes.append(outcome)
        if session.dead:
            reason = "dead"
    return outcomes


# --- one kernel ----------------------------------------------------------------------------------


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
            size = _size(msg["content"])
            self.cell_bytes += size
            if self.cell_bytes > self.budget_bytes:
                if not self.cut:
                    self.cut = True
                    cell.outputs.append(
                        NotebookNode(
                            output_type="stream",
                            name="stdout",
                            text="\n…（出力が多いため、ここから後は省きました）\n",
                        )
                    )
                return None
        if msg["msg_type"].startswith("comm"):  # widgets: nothing to grade, state may be large
            return None
        return super().process_message(msg, cell, cell_index)


@dataclass
class _Session:
    """A started kernel and the notebook that it runs."""

    client: _Client
    limits: Limits
    comparisons: tuple[str, ...]
    left_bytes: int
    deadline: float  # of the whole notebook, by time.monotonic()
    dead: bool = False

    async def execute(self, n: int, timeout_s: float) -> CellOutcome:
        client, limits = self.client, self.limits
        cell = client.nb.cells[n]
        client.budget_bytes, client.cell_bytes, client.cut = (
            min(limits.cell_output_bytes, self.left_bytes),
            0,
            False,
        )
        status, reply, seconds = await self._send(cell, n, timeout_s)
        self.left_bytes -= min(client.cell_bytes, client.budget_bytes)
        if status == "dead":
            return CellOutcome(
                "error", "DeadKernel", "the kernel died while this cell was running", seconds=seconds
            )
        if status == "timeout":
            if not self.dead and not any(o.output_type == "error" for o in cell.outputs):
                cell.outputs.append(_error("TimeoutError", f"{timeout_s:.0f} s"))
            return CellOutcome("timeout", "TimeoutError", f"{timeout_s:.0f} s", seconds=seconds)
        if reply.get("status") == "ok":
            _shorten_tracebacks(cell, limits.traceback_lines)
            return CellOutcome("ok", seconds=seconds)
        ename, evalue = str(reply.get("ename", "")), str(reply.get("evalue", ""))[:4000]
        lines = [_plain(str(line)) for line in reply.get("traceback") or []]
        if not any(o.output_type == "error" for o in cell.outputs):
            cell.outputs.append(_error(ename, evalue, [str(x) for x in reply.get("traceback") or []]))
        _shorten_tracebacks(cell, limits.traceback_lines)
        text = "\n".join(_middle_cut("\n".join(lines).split("\n"), limits.traceback_lines))
        return CellOutcome("error", ename or "Error", evalue, text[:20_000], seconds=seconds)

    async def _send(self, cell: NotebookNode, n: int, timeout_s: float) -> tuple[str, Any, float]:
        """Execute a cell: ("ok", reply content, seconds), or "timeout" / "dead" without a reply."""
        client = self.client
        client.reply = None
        began = time.monotonic()
        task = asyncio.ensure_future(client.async_execute_cell(cell, n))
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        timed_out = not done
        if timed_out:
            with contextlib.suppress(Exception):
                await client.km.interrupt_kernel()
            done, _ = await asyncio.wait({task}, timeout=self.limits.interrupt_grace_s)
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
            self._mourn()
            return ("timeout" if timed_out else "dead"), {}, seconds
        if timed_out:
            return "timeout", {}, seconds
        if error is not None:
            _log.warning("unexpected error while a cell was running", exc_info=error)
            return "ok", {"status": "error", "ename": type(error).__name__, "evalue": str(error)}, seconds
        return (
            "ok",
            client.reply or {"status": "error", "ename": "NoReply", "evalue": "the kernel gave no reply"},
            seconds,
        )

    async def examine(self, outcome: CellOutcome, cell: NotebookNode) -> CellOutcome:
        """Ask for the value of a test's last expression, then check that failures still fail."""
        value: tuple[str, str] | None = None
        distrust: list[str] = []
        if probes.may_have_value(cell.source):
            count = int((self.client.reply or {}).get("execution_count") or 0)
            value = await self._value(count, keep=True)
            if value is None:  # is it None, or does the kernel hide values?
                nonce = str(secrets.randbelow(900_000_000) + 100_000_000)
                count = int((await self._ask(nonce) or {}).get("execution_count") or 0)
                seen = await self._value(count, keep=False)
                if seen != ("number", f"{float(nonce)!r}"):
                    distrust.append(f"the value {nonce} of an expression came back as {seen}")
        source, ename, evalue = probes.must_fail(secrets.token_hex(8), self.comparisons)
        if doubt := probes.distrust_of(await self._ask(source), ename, evalue):
            distrust.append(doubt)
        return dataclasses.replace(outcome, value=value, distrust=tuple(distrust))

    async def _value(self, execution_count: int, *, keep: bool) -> tuple[str, str] | None:
        """The value of the expression that ended execution ``execution_count``; None for None."""
        expression = probes.value_expression(execution_count, keep=keep)
        reply = await self._ask("", silent=True, user_expressions={"value": expression})
        if reply is None:
            return ("unknown", "no answer")
        return probes.parse_value((reply.get("user_expressions") or {}).get("value") or {})

    async def _ask(self, source: str, **options: Any) -> dict[str, Any] | None:
        """The kernel's reply to code of ours, outside the notebook; its output is thrown away."""
        kc, km = self.client.kc, self.client.km
        if self.dead or kc is None or km is None:
            return None
        # An error must not make the kernel drop the next request, as it does for "run all cells".
        request = kc.execute(source, store_history=False, stop_on_error=False, **options)
        left = max(1.0, self.deadline - time.monotonic())
        for seconds in (min(_ANSWER_S, self.limits.cell_timeout_s, left), self.limits.interrupt_grace_s):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._reply(kc, request)
            with contextlib.suppress(Exception):
                await km.interrupt_kernel()
        with contextlib.suppress(Exception):
            await km.shutdown_kernel(now=True)
        self._mourn()
        return None

    def _mourn(self) -> None:
        """Note that the kernel is dead, and raise KernelLost where the notebook has no part in it."""
        self.dead = True
        provisioner = self.client.km.provisioner if self.client.km else None
        process = getattr(provisioner, "process", None)
        end = getattr(provisioner, "end", None) or getattr(process, "end", None)
        if getattr(end, "lost", False):
            raise KernelLost("the parent of the kernels is gone")

    async def _reply(self, kc: AsyncKernelClient, request: str) -> dict[str, Any] | None:
        """Wait for the reply to a request; None when the kernel has ended."""
        while True:
            with contextlib.suppress(queue.Empty):
                msg = await kc.get_shell_msg(timeout=1.0)
                if msg["parent_header"].get("msg_id") == request:
                    return _well_formed(msg["content"])
                continue
            if not await self.client.km.is_alive():
                self._mourn()
                return None

    async def stop(self) -> int:
        """End the kernel and return its memory in MB at the highest; 0 where nobody measured it."""
        client = self.client
        with contextlib.suppress(Exception):
            if client.kc is not None:
                client.kc.stop_channels()
        with contextlib.suppress(Exception):
            return await _end(client.km)
        return 0


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


async def _end(km: AsyncKernelManager) -> int:
    """Kill the kernel at once (jupyter_client's own way polls every 0.1 s); return its peak memory in MB."""
    provisioner = km.provisioner
    if provisioner is not None:
        await provisioner.kill()
        await provisioner.wait()
    await km.cleanup_resources()
    return getattr(getattr(provisioner, "end", None), "peak_mb", 0)


async def _start(nb: NotebookNode, folder: Path, limits: Limits, kernel: KernelFactory) -> _Session:
    problem: BaseException | None = None
    for attempt in range(limits.start_attempts):
        place = folder / f"kernel-{attempt}"
        place.mkdir(mode=0o700)
        km = None
        try:
            km = kernel(place)
            client = _Client(
                nb,
                km=km,
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
            client.on_cell_executed = lambda *, cell, cell_index, execute_reply, c=client: setattr(
                c, "reply", _well_formed(execute_reply["content"])
            )
            client.reset_execution_trackers()
            await client.async_start_new_kernel(cwd=str(folder / "work"), env=_environment(folder))
            await client.async_start_new_kernel_client()
        except Exception as error:
            problem = error
            _log.warning("kernel start %d of %d failed: %s", attempt + 1, limits.start_attempts, error)
            with contextlib.suppress(Exception):
                if km is not None:
                    await _end(km)
            continue
        used = probes.used_comparisons(cell.source for cell in nb.cells)
        deadline = time.monotonic() + limits.notebook_timeout_s
        return _Session(client, limits, used, limits.notebook_output_bytes, deadline)
    raise KernelStartError(f"{type(problem).__name__}: {problem}") from problem


# --- the rim: folders, environment, loop ---------------------------------------------------------


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    base = tempfile.gettempdir()
    if sys.platform != "win32" and len(base) > _LONGEST_SOCKET_FOLDER - 30:
        base = "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="takara-", dir=base))
    try:
        for name in ("work", "home", "ipython", "tmp", "matplotlib"):
            (folder / name).mkdir(mode=0o700)
        yield folder
    finally:
        _make_deletable(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _make_deletable(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)


def _copy_data(data_dir: Path | None, work: Path) -> None:
    """Copy the regular files of ``data_dir``: no notebooks, no links, no hidden folders."""
    if data_dir is None or not data_dir.is_dir():
        return
    for path, folders, names in os.walk(data_dir, followlinks=False):
        folders[:] = [d for d in folders if not d.startswith(".") and d != "__pycache__"]
        target = work / Path(path).relative_to(data_dir)
        for name in names:
            source = Path(path, name)
            if name.endswith(".ipynb") or name.startswith(".") or source.is_symlink() or not source.is_file():
                continue
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


def _environment(folder: Path) -> dict[str, str]:
    env = {name: os.environ[name] for name in ENVIRONMENT_ALLOWED if name in os.environ}
    home = str(folder / "home")
    temp = str(folder / "tmp")
    env.update(
        HOME=home,
        USERPROFILE=home,
        TMPDIR=temp,
        TEMP=temp,
        TMP=temp,
        IPYTHONDIR=str(folder / "ipython"),
        JUPYTER_CONFIG_DIR=home,
        JUPYTER_RUNTIME_DIR=temp,
        MPLCONFIGDIR=str(folder / "matplotlib"),
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        PYTHONHASHSEED="0",
        PYTHONUTF8="1",
        PYTHONDONTWRITEBYTECODE="1",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        NBGRADER_EXECUTION="autograde",
    )
    with contextlib.suppress(Exception):
        env["PYTHONUSERBASE"] = site.getuserbase()
    _copy_font_cache(folder / "matplotlib")
    return env


def _copy_font_cache(target: Path) -> None:
    """Give the kernel a copy of matplotlib's list of fonts, which takes seconds to make anew."""
    try:
        import matplotlib

        cache = Path(matplotlib.get_cachedir() or "")
        lists = list(cache.glob("fontlist-*.json"))
        if not lists:
            import matplotlib.font_manager

            lists = list(cache.glob("fontlist-*.json"))
        for path in lists:
            shutil.copyfile(path, target / path.name)
    except (ImportError, OSError, RuntimeError) as error:
        _log.debug("no font cache to copy: %s", error)


def _in_own_loop(coroutine: Coroutine[Any, Any, Run]) -> Run:
    """Run a coroutine to its end, also when the caller is inside an event loop (a notebook, a server)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    result: list[Run] = []
    problem: list[BaseException] = []

    def work() -> None:
        try:
            result.append(asyncio.run(coroutine))
        except BaseException as error:
            problem.append(error)

    thread = threading.Thread(target=work, name="takara-run")
    thread.start()
    thread.join()
    if problem:
        raise problem[0]
    return result[0]


# --- small things --------------------------------------------------------------------------------


def _unpack(packed: bytes) -> Any:
    """Read a part of a kernel's message. Lone surrogates, which nobody could write as UTF-8, are replaced."""
    value = json.loads(packed.decode("utf-8", "replace"))
    if b"\\ud" in packed.lower():
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _well_formed(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A kernel's reply with values of the right types: the learner's code can send anything."""
    kinds = {"traceback": list, "execution_count": int}
    return {k: v for k, v in reply.items() if isinstance(v, kinds.get(k, object))}


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)


def _size(content: Any) -> int:
    if isinstance(content, str | bytes):
        return len(content)
    if isinstance(content, Mapping):
        return sum(_size(v) for v in content.values())
    if isinstance(content, list | tuple):
        return sum(_size(v) for v in content)
    return 8


def _error(ename: str, evalue: str, traceback: list[str] | None = None) -> NotebookNode:
    return NotebookNode(
        output_type="error", ename=ename, evalue=evalue, traceback=traceback or [f"{ename}: {evalue}"]
    )


def _middle_cut(lines: list[str], at_most: int) -> list[str]:
    if len(lines) <= at_most:
        return lines
    head, tail = at_most // 2, at_most - at_most // 2
    return [*lines[:head], f"…（{len(lines) - head - tail} 行を省きました）…", *lines[-tail:]]


def _shorten_tracebacks(cell: NotebookNode, at_most: int) -> None:
    for output in cell.outputs:
        if output.output_type == "error":
            output.evalue = str(output.get("evalue", ""))[:4000]
            lines = "\n".join(str(x) for x in output.get("traceback") or []).split("\n")
            output.traceback = [line[:2000] for line in _middle_cut(lines, at_most)]


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return NotebookNode({k: _copy(v) for k, v in value.items()})
    if isinstance(value, list):
        return [_copy(v) for v in value]
    return value
