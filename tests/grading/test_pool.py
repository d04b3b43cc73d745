"""The pool of processes survives what its jobs do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from autograder.grading.pool import Crashed, run_all, started


def work(job: str) -> str:
    match job.split():
        case ["raise"]:
            raise ValueError("だめ")
        case ["exit"]:
            os._exit(7)
        case ["segfault"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["hang"]:
            while True:
                time.sleep(0.1)
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["once", path]:
            if not Path(path).exists():
                Path(path).touch()
                os._exit(1)
        case ["touch", path]:
            Path(path).touch()
        case ["folder"]:
            return tempfile.mkdtemp()
    return f"done {job}"


def run(jobs: list[str], workers: int = 2, hard_limit_s: float = 60.0) -> list[str | Crashed]:
    results: dict[int, str | Crashed] = {}

    def on_done(position: int, result: str | Crashed) -> None:
        assert position not in results, "counted twice"
        results[position] = result

    with started(workers, __name__) as processes:
        run_all(work, jobs, on_done, workers=processes, hard_limit_s=hard_limit_s)
    return [results[n] for n in range(len(jobs))]


def test_every_job_has_its_result() -> None:
    assert run(["sleep 0.3", "a", "b", "c"]) == ["done sleep 0.3", "done a", "done b", "done c"]
    assert run([]) == []


def test_processes_work_while_a_result_is_reported(tmp_path: Path) -> None:
    second = tmp_path / "second"
    seen = []

    def on_done(position: int, result: str | Crashed) -> None:
        deadline = time.monotonic() + 30
        while position == 0 and not second.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append((position, second.exists()))

    with started(1, __name__) as processes:
        run_all(work, ["a", f"touch {second}"], on_done, workers=processes, hard_limit_s=60)
    assert seen == [(0, True), (1, True)]


def test_an_exception_is_a_crash_of_that_job_only() -> None:
    assert run(["a", "raise", "b"]) == ["done a", Crashed("ValueError: だめ"), "done b"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_dead_process_takes_no_other_job_with_it() -> None:
    results = run(["sleep 0.2", "exit", "sleep 0.2", "segfault", "b", "c"])
    assert [isinstance(r, Crashed) for r in results] == [False, True, False, True, False, False]


def test_a_job_that_was_unlucky_once_is_tried_again(tmp_path: Path) -> None:
    job = f"once {tmp_path / 'seen'}"
    assert run(["a", job], workers=1) == ["done a", f"done {job}"]


def test_a_job_that_never_ends_is_stopped() -> None:
    results = run(["hang", "a"], hard_limit_s=4)
    assert isinstance(results[0], Crashed) and results[1] == "done a"


def test_temporary_folders_do_not_stay() -> None:
    (folder,) = run(["folder"])
    assert isinstance(folder, str) and not Path(folder).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupt_ends_the_processes() -> None:
    before = set(multiprocessing.active_children())
    threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(["hang", "hang", "a"], hard_limit_s=120)
    assert time.monotonic() - began < 30
    assert set(multiprocessing.active_children()) <= before


_KILLED = """
import os
import time

from autograder.grading.pool import run_all, started


def work(job):
    print(os.getpid(), flush=True)
    time.sleep(60)


if __name__ == "__main__":
    with started(2, "time") as processes:
        run_all(work, [1, 2], print, workers=processes, hard_limit_s=120)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(_KILLED, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
        parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
