"""Memory, processes, files: what a kernel may use, and what is said when it uses more."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from forked import CellError, Kernel, alive

from autograder.kernels import child
from autograder.kernels.request import Bounds

SMALL = Bounds(memory_mb=300, processes=24, file_mb=2, disk_mb=50, open_files=128)
TIERS = ("namespaces", "landlock", "none")
Start = Callable[..., Kernel]


@pytest.mark.parametrize("tier", TIERS)
def test_limits_that_raise_and_leave_the_kernel_alive(start: Start, tier: str) -> None:
    kernel = start(tier, SMALL)
    for source, ename in {
        "bytearray(10**10)": "MemoryError",
        "import numpy; numpy.ones(10**10)": "MemoryError",
        "open('big', 'wb').write(bytes(3_000_000))": "OSError",
        "[open('/dev/null') for _ in range(200)]": "OSError",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))": "ValueError",
    }.items():
        with pytest.raises(CellError) as caught:
            kernel.run(source)
        assert caught.value.ename.endswith(ename), caught.value
    assert kernel.run("print(1 + 1)") == "2"
    assert kernel.process.poll() is None


@pytest.mark.parametrize("tier", TIERS)
def test_memory_that_grows_ends_the_kernel_and_says_why(start: Start, tier: str) -> None:
    kernel = start(tier, SMALL)
    with pytest.raises(RuntimeError):
        kernel.run("import time\nkept = []\nwhile True:\n    kept.append(b'x' * 5_000_000); time.sleep(.02)")
    end = kernel.end()
    assert end.cause.startswith("memory: ") and "of 300 MB" in end.cause
    assert end.peak_mb > 250 and not end.lost and end.code != 0


def test_memory_that_processes_share_is_counted(start: Start) -> None:
    """Shared with a process of one's own, it is private to neither."""
    kernel = start(bounds=SMALL)
    with pytest.raises(RuntimeError):
        kernel.run(
            "import mmap, os, time\n"
            "for _ in range(4):\n"
            "    shared = mmap.mmap(-1, 200_000_000)\n"
            "    if os.fork() == 0:\n"
            "        if os.fork():\n"
            "            for n in range(0, len(shared), 4096): shared[n] = 1\n"
            "        else:\n"
            "            for n in range(0, len(shared), 4096): shared[n] = 1\n"
            "        time.sleep(300)\n"
            "    shared.close()\n"
            "time.sleep(60)"
        )
    assert kernel.end().cause.startswith("memory: ")


def test_memory_shared_with_the_parent_is_not_counted(start: Start) -> None:
    kernel = start(bounds=SMALL)
    kernel.run("import time; time.sleep(1)")
    kernel.process.kill()
    assert kernel.end().peak_mb < 100


@pytest.mark.parametrize("tier", TIERS)
def test_processes_and_threads(start: Start, tier: str) -> None:
    if tier != "namespaces" and os.getuid() == 0:
        pytest.skip("root's own processes are not limited; the parent counts them (next test)")
    kernel = start(tier, SMALL)
    with pytest.raises(CellError) as caught:
        kernel.run("import subprocess\np = [subprocess.Popen(['sleep', '300']) for _ in range(60)]")
    assert caught.value.ename == "BlockingIOError"
    kernel.run("for q in globals().get('p', []): q.kill()")


def test_a_flood_of_processes_is_ended(start: Start) -> None:
    kernel = start("landlock", SMALL)
    with pytest.raises((RuntimeError, CellError)) as caught:
        kernel.run(
            "import os, time\nfor _ in range(60):\n    if os.fork() == 0: time.sleep(300)\ntime.sleep(60)"
        )
    if caught.type is RuntimeError:
        assert kernel.end().cause.startswith("processes: ")
    pid = kernel.process.pid
    kernel.process.kill()
    kernel.end()
    assert not alive(pid)


def test_processes_of_others_are_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person with hundreds of threads (a browser) must be able to grade."""
    others = child._threads_of(os.getuid())
    assert others >= 1
    limits = child._limits(SMALL, others)
    assert limits[child.resource.RLIMIT_NPROC] == others + SMALL.processes


@pytest.mark.parametrize(
    ("release", "apart"),
    [("5.4.0-150-generic", False), ("5.13.19", False), ("5.14.0-362.el9", True), ("6.1-rc3", True)],
)
def test_who_counts_processes_by_namespace(
    monkeypatch: pytest.MonkeyPatch, release: str, apart: bool
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "h", release, "v", "x86_64")))
    assert child._counts_by_namespace() is apart
