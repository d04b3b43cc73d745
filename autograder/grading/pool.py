"""Runs one function over many jobs in several processes, and survives whatever a job does.

A job that brings its worker process down, or does not return in time, is tried once more in a process
of its own; if that fails as well the job is reported as :class:`Crashed`. The others are not touched.
Processes are spawned, never forked, so that it works the same on Linux, macOS and Windows.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_STOP_GRACE_S = 5.0
_devnull = None  # kept open for faulthandler in the worker


@dataclass(frozen=True)
class Crashed:
    """A job without a result: it raised, or its process died or was stopped."""

    cause: str


@dataclass(frozen=True)
class _Task(Generic[Job, Result]):
    """What a worker process gets."""

    function: Callable[[Job], Result]
    job: Job
    hard_limit_s: float

    def __call__(self) -> Result:
        # Ends the process from a thread of its own, even where Python code no longer runs.
        faulthandler.dump_traceback_later(self.hard_limit_s, exit=True, file=_devnull or sys.__stderr__)
        try:
            return self.function(self.job)
        finally:
            faulthandler.cancel_dump_traceback_later()


def _call(task: _Task[Job, Result]) -> Result:
    return task()


def _start_worker(folder: str) -> None:
    global _devnull
    _devnull = open(os.devnull, "w")  # noqa: SIM115 (lives as long as the process)
    tempfile.tempdir = folder
    # A Ctrl-C in the terminal is for the parent, which then ends the workers. Kernels would inherit SIG_IGN,
    # so a function that does nothing it is.
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next job for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@dataclass(frozen=True)
class Workers:
    """Processes that were started; see :func:`started`."""

    count: int
    folder: Path  # for their temporary files
    first_pool: ProcessPoolExecutor
    others: frozenset[BaseProcess]  # children of this process that were there before


@contextlib.contextmanager
def started(count: int, preload: str) -> Iterator[Workers]:
    """Start processes for :func:`run_all`, which import a module while there is nothing else to do.

    Parameters
    ----------
    count : int
    preload : str
        Name of the module with the function to be run.
    """
    folder = Path(tempfile.mkdtemp(prefix="tkr-"))
    others = frozenset(multiprocessing.active_children())
    pool = _pool(count, folder)
    try:
        for _ in range(count):
            pool.submit(_import, preload)
        yield Workers(count, folder, pool, others)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _end_processes(others)
        shutil.rmtree(folder, ignore_errors=True)


def _import(name: str) -> None:
    importlib.import_module(name)


def run_all(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    on_done: Callable[[int, Result | Crashed], None],
    *,
    workers: Workers,
    hard_limit_s: float,
) -> None:
    """Call ``function`` once for every job; report each result as it comes.

    Parameters
    ----------
    function : callable
        Top-level function (it is pickled by name).
    jobs : sequence
    on_done : callable
        Called in this process with the job's position and its result, in the order of completion.
    workers : Workers
    hard_limit_s : float
        A job that runs longer is stopped together with its process.

    Raises
    ------
    KeyboardInterrupt
        After the workers were ended.
    """
    try:
        suspects = _run_together(function, jobs, on_done, workers, hard_limit_s)
        for position in suspects:
            on_done(position, _run_alone(function, jobs[position], hard_limit_s, workers.folder))
    except BaseException:
        _end_processes(workers.others, at_once=True)
        raise


def _pool(workers: int, folder: Path) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(str(folder),),
    )


def _run_together(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    on_done: Callable[[int, Result | Crashed], None],
    workers: Workers,
    hard_limit_s: float,
) -> list[int]:
    """Run the jobs; return those during which a worker process was lost."""
    waiting = deque(range(len(jobs)))
    suspects: list[int] = []
    pool = workers.first_pool
    while waiting:
        running: dict[Future[Result], int] = {}
        finished: list[tuple[int, Result | Crashed]] = []
        broken = False
        try:
            while waiting or running or finished:
                # One spare job a process, so that none waits for us. Not more: when a process is lost, all
                # that are inside are suspect.
                while waiting and len(running) < 2 * workers.count and not broken:
                    position = waiting.popleft()
                    try:
                        task = _Task(function, jobs[position], hard_limit_s)
                        running[pool.submit(_call, task)] = position
                    except BrokenProcessPool:
                        waiting.appendleft(position)
                        broken = True
                while finished:  # only now: the processes have work again
                    on_done(*finished.pop(0))
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    position = running.pop(future)
                    try:
                        finished.append((position, future.result()))
                    except BrokenProcessPool:
                        broken = True
                        suspects.append(position)
                    except Exception as error:
                        finished.append((position, Crashed(f"{type(error).__name__}: {error}")))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if waiting:
            pool = _pool(min(workers.count, len(waiting)), workers.folder)
    return sorted(suspects)


def _run_alone(
    function: Callable[[Job], Result], job: Job, hard_limit_s: float, folder: Path
) -> Result | Crashed:
    pool = _pool(1, folder)
    try:
        return pool.submit(_call, _Task(function, job, hard_limit_s)).result()
    except BrokenProcessPool:
        return Crashed(f"the grading process ended twice (crash, or more than {hard_limit_s:.0f} s)")
    except Exception as error:
        return Crashed(f"{type(error).__name__}: {error}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_processes(others: frozenset[BaseProcess], *, at_once: bool = False) -> None:
    """End the processes that were started here: idle ones end by themselves, busy ones are stopped."""
    mine = [p for p in multiprocessing.active_children() if p not in others]
    for process in mine:
        if at_once:
            process.terminate()
    for process in mine:
        process.join(_STOP_GRACE_S)
        if process.is_alive():
            with contextlib.suppress(OSError):
                process.kill()
            process.join(_STOP_GRACE_S)
