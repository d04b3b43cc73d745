"""Run a notebook cell by cell and record an explicit outcome for each cell.

The outcome of a cell is what the kernel *replied*, never what the cell printed. After a test cell
that passed, statements that must fail are run: if one "passes", the kernel no longer tells the truth
and the cell is marked for review.

A run is one kernel in one private temporary folder: its home, IPython profile, matplotlib cache, and
working directory with copies of the assignment's data files. How the kernel comes to life is not known
here (:class:`Kernel`): :mod:`.forked_kernel` forks one behind walls, :mod:`.jupyter_kernel` starts an
ordinary one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import re
import secrets
import shutil
import site
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbformat import NotebookNode

from autograder.grading import probes
from autograder.grading.outputs import error_output

__all__ = [
    "CellOutcome",
    "Kernel",
    "KernelLost",
    "KernelStartError",
    "Limits",
    "Outcome",
    "Place",
    "Ran",
    "Run",
    "StartKernel",
    "run",
    "well_formed",
]

Outcome = str  # "ok" | "error" | "timeout" | "not_run" | "skipped" (text, or an empty cell)

#: Variables of our own environment that a kernel may see. Everything else stays outside.
ENVIRONMENT_ALLOWED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV",
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV",
    "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JUPYTER_PATH", "JUPYTER_DEFAULT_PROVISIONER_NAME",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA", "NUMBER_OF_PROCESSORS",
)  # fmt: skip

_ANSWER_S = 10.0
_LONGEST_SOCKET_FOLDER = 80  # a Unix socket's path must stay below 108 bytes
_log = logging.getLogger("autograder.grading.run")


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


@dataclass(frozen=True)
class Place:
    """The private folder of a run.

    Parameters
    ----------
    folder : Path
        All that a kernel may write to.
    """

    folder: Path

    @property
    def work(self) -> Path:
        """The working directory, with the assignment's data files."""
        return self.folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a kernel: nothing of ours that is not known to be harmless."""
        env = {name: os.environ[name] for name in ENVIRONMENT_ALLOWED if name in os.environ}
        home, temp = str(self.folder / "home"), str(self.folder / "tmp")
        env.update(
            HOME=home,
            USERPROFILE=home,
            TMPDIR=temp,
            TEMP=temp,
            TMP=temp,
            IPYTHONDIR=str(self.folder / "ipython"),
            JUPYTER_CONFIG_DIR=home,
            JUPYTER_RUNTIME_DIR=temp,
            MPLCONFIGDIR=str(self.folder / "matplotlib"),
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
        return env

    def keep_font_list(self) -> None:
        """Copy matplotlib's list of fonts here: to make one anew takes seconds. (A fork knows it already.)"""
        target = self.folder / "matplotlib"
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


@dataclass(frozen=True)
class Ran:
    """What came of one cell in a kernel.

    ``status`` is "ok" (there is a ``reply``, of whatever kind), "timeout" or "dead". ``said`` counts what
    of its output was kept.
    """

    status: str
    reply: Mapping[str, Any]
    seconds: float
    said: int


class Kernel(Protocol):
    """A started kernel that runs the cells of one notebook; for one thread.

    ``dead``: it runs nothing any more. ``doubts``: what has been noticed of answers that are not the
    kernel's own.
    """

    dead: bool

    @property
    def doubts(self) -> list[str]: ...

    def run_cell(self, cell: NotebookNode, n: int, timeout_s: float, output_bytes: int) -> Ran:
        """Run cell ``n``, and fill in its outputs and execution count.

        A cell that takes longer than ``timeout_s`` is interrupted, and after some grace killed with its
        kernel.

        Raises
        ------
        KernelLost
        """
        ...

    def ask(self, source: str, timeout_s: float, **options: Any) -> dict[str, Any] | None:
        """The reply to code of ours, outside the notebook; its output is thrown away. None: there was none.

        Parameters
        ----------
        source : str
        timeout_s : float
        **options
            ``silent``, ``store_history``, ``user_expressions`` of Jupyter's ``execute_request``.

        Raises
        ------
        KernelLost
        """
        ...

    def stop(self) -> int:
        """End it; its memory in MB at the highest, 0 where nobody measured it."""
        ...


#: Starts a kernel for a notebook in a place; raises whatever went wrong.
StartKernel = Callable[[NotebookNode, Place, Limits], Kernel]


def run(
    nb: NotebookNode,
    *,
    data_dir: Path | None = None,
    tests: Collection[int] = (),
    limits: Limits | None = None,
    kernel: StartKernel | None = None,
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
    kernel : callable, optional
        Starts the kernel; by default an ordinary one of jupyter_client's.

    Raises
    ------
    KernelStartError
        If no kernel could be started after several attempts.
    """

    if kernel is None:
        from autograder.grading.jupyter_kernel import jupyter_kernel

        kernel = jupyter_kernel()

    def once() -> Run:
        return _run(_copy(nb), data_dir, frozenset(tests), limits or Limits(), kernel)

    with contextlib.suppress(KernelLost):
        return _outside_event_loops(once)
    return _outside_event_loops(once)


def _run(
    nb: NotebookNode, data_dir: Path | None, tests: frozenset[int], limits: Limits, start: StartKernel
) -> Run:
    started = time.monotonic()
    with _private_folder() as folder:
        place = Place(folder)
        _copy_data(data_dir, place.work)
        kernel = _start(nb, place, limits, start)
        try:
            outcomes = _Session(kernel, nb, limits).run(tests)
        finally:
            memory_mb = kernel.stop()
    died_at = next((n for n, o in enumerate(outcomes) if o.ename == "DeadKernel"), None)
    return Run(nb, tuple(outcomes), time.monotonic() - started, memory_mb, died_at)


def _start(nb: NotebookNode, place: Place, limits: Limits, start: StartKernel) -> Kernel:
    problem: BaseException | None = None
    for attempt in range(limits.start_attempts):
        try:
            return start(nb, place, limits)
        except Exception as error:
            problem = error
            if attempt + 1 < limits.start_attempts:
                _log.warning("a kernel did not start, trying again: %s", error)
    raise KernelStartError(f"{type(problem).__name__}: {problem}") from problem


class _Session:
    """A notebook and the kernel that runs it."""

    def __init__(self, kernel: Kernel, nb: NotebookNode, limits: Limits) -> None:
        self._kernel, self._nb, self._limits = kernel, nb, limits
        self._shared: list[str] = []  # what every test may use: the cells that are no tests
        self._left_bytes = limits.notebook_output_bytes
        self._deadline = time.monotonic() + limits.notebook_timeout_s
        self._count = 0  # of the last execution

    def run(self, tests: frozenset[int]) -> list[CellOutcome]:
        """Run the cells in order; after each test that passed, see whether the kernel tells the truth."""
        code = [(n, cell.source) for n, cell in enumerate(self._nb.cells) if cell.cell_type == "code"]
        self._shared = [source for n, source in code if n not in tests]
        outcomes: list[CellOutcome] = []
        reason = ""
        for n, cell in enumerate(self._nb.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                outcomes.append(CellOutcome("skipped"))
                continue
            left = self._deadline - time.monotonic()
            if not reason and left <= 0:
                reason = "time"
            if reason:
                outcomes.append(CellOutcome("not_run", reason=reason))
                continue
            outcome = self._execute(n, min(self._limits.cell_timeout_s, left))
            if n in tests and outcome.outcome == "ok":
                outcome = self._examine(outcome, cell)
            outcomes.append(outcome)
            if self._kernel.dead:
                reason = "dead"
        return outcomes

    def _execute(self, n: int, timeout_s: float) -> CellOutcome:
        limits, cell = self._limits, self._nb.cells[n]
        ran = self._kernel.run_cell(cell, n, timeout_s, min(limits.cell_output_bytes, self._left_bytes))
        self._left_bytes -= ran.said
        self._count = int(ran.reply.get("execution_count") or 0)
        if ran.status == "dead":
            return CellOutcome(
                "error", "DeadKernel", "the kernel died while this cell was running", seconds=ran.seconds
            )
        failed = any(o.output_type == "error" for o in cell.outputs)
        if ran.status == "timeout":
            if not self._kernel.dead and not failed:
                cell.outputs.append(error_output("TimeoutError", f"{timeout_s:.0f} s"))
            return CellOutcome("timeout", "TimeoutError", f"{timeout_s:.0f} s", seconds=ran.seconds)
        if ran.reply.get("status") == "ok":
            _shorten_tracebacks(cell, limits.traceback_lines)
            return CellOutcome("ok", seconds=ran.seconds)
        ename, evalue = str(ran.reply.get("ename", "")), str(ran.reply.get("evalue", ""))[:4000]
        traceback = [str(line) for line in ran.reply.get("traceback") or []]
        if not failed:
            cell.outputs.append(error_output(ename, evalue, traceback))
        _shorten_tracebacks(cell, limits.traceback_lines)
        lines = "\n".join(map(_plain, traceback)).split("\n")
        text = "\n".join(_middle_cut(lines, limits.traceback_lines))
        return CellOutcome("error", ename or "Error", evalue, text[:20_000], seconds=ran.seconds)

    def _examine(self, outcome: CellOutcome, cell: NotebookNode) -> CellOutcome:
        """Ask for the value of a test's last expression, then check that failures still fail."""
        value: tuple[str, str] | None = None
        distrust: list[str] = []
        if probes.may_have_value(cell.source):
            value = self._value(self._count, keep=True)
            if value is None:  # is it None, or does the kernel hide values?
                nonce = str(secrets.randbelow(900_000_000) + 100_000_000)
                count = int((self._ask(nonce) or {}).get("execution_count") or 0)
                seen = self._value(count, keep=False)
                if seen != ("number", f"{float(nonce)!r}"):
                    distrust.append(f"the value {nonce} of an expression came back as {seen}")
        comparisons = probes.used_comparisons([*self._shared, cell.source])
        source, ename, evalue = probes.must_fail(secrets.token_hex(8), comparisons)
        if doubt := probes.distrust_of(self._ask(source), ename, evalue):
            distrust.append(doubt)
        distrust += self._kernel.doubts
        return dataclasses.replace(outcome, value=value, distrust=tuple(distrust))

    def _value(self, execution_count: int, *, keep: bool) -> tuple[str, str] | None:
        """The value of the expression that ended execution ``execution_count``; None for None."""
        expression = probes.value_expression(execution_count, keep=keep)
        reply = self._ask("", silent=True, user_expressions={"value": expression})
        if reply is None:
            return ("unknown", "no answer")
        return probes.parse_value((reply.get("user_expressions") or {}).get("value") or {})

    def _ask(self, source: str, **options: Any) -> dict[str, Any] | None:
        left_s = max(1.0, self._deadline - time.monotonic())
        timeout_s = min(_ANSWER_S, self._limits.cell_timeout_s, left_s)
        return self._kernel.ask(source, timeout_s, store_history=False, **options)


# --- the rim: folders, event loops ---------------------------------------------------------------


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


def _outside_event_loops(function: Callable[[], Run]) -> Run:
    """Call in a thread of its own when the caller is inside an event loop (a notebook, a server)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    result: list[Run] = []
    problem: list[BaseException] = []

    def work() -> None:
        try:
            result.append(function())
        except BaseException as error:
            problem.append(error)

    thread = threading.Thread(target=work, name="takara-run")
    thread.start()
    thread.join()
    if problem:
        raise problem[0]
    return result[0]


# --- small things --------------------------------------------------------------------------------


def well_formed(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A kernel's reply with values of the right types: the learner's code can send anything."""
    kinds = {"traceback": list, "execution_count": int, "user_expressions": dict}
    return {k: v for k, v in reply.items() if isinstance(v, kinds.get(k, object))}


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)


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
