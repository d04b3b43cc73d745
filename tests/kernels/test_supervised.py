"""Who is not root gets a supervisor beside each kernel; the same walls must hold there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.kernels import namespaces

HERE = Path(__file__).parent
TESTS = ("test_walls.py", "test_forked.py", "test_bounds.py")


def test_the_same_tests_with_a_supervisor() -> None:
    """As an ordinary user: it cannot come back from a process namespace."""
    try:
        os.close(namespaces.processes())
    except OSError:
        pytest.skip("all of these tests ran with a supervisor")
    if shutil.which("unshare") is None:
        pytest.skip("no unshare command")
    user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    command = [*user, sys.executable, "-m", "pytest", "-q", "-rs"]
    # Whoever is root outside is not bound by a number of processes.
    command += ["-p", "no:cacheprovider", "-k", "not test_processes_and_threads"]
    tests = [str(HERE / name) for name in TESTS]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        run = subprocess.run([*command, *tests], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert "namespaces:" not in run.stdout, run.stdout  # skipped: the walls did not stand
