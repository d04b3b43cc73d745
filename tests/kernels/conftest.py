"""A parent and kernels of it, for as many tests as can share them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # nothing here exists elsewhere
else:
    from forked import Kernel

    from autograder.kernels.client import ForkParent
    from autograder.kernels.request import Bounds
    from autograder.kernels.sandbox import trial

    @pytest.fixture(scope="session")
    def parent() -> Iterator[ForkParent]:
        with ForkParent(["numpy", "matplotlib.pyplot", "matplotlib_fontja"]) as parent:
            yield parent

    @pytest.fixture(scope="session")
    def holds(parent: ForkParent) -> Callable[[str], str]:
        """Skip where the machine cannot have these walls; return their name."""
        reasons = {tier: trial(parent, tier) for tier in ("namespaces", "landlock")}

        def check(tier: str) -> str:
            if reasons.get(tier):
                pytest.skip(f"{tier}: {reasons[tier]}")
            return tier

        return check

    @pytest.fixture
    def start(parent: ForkParent, holds: Callable[[str], str]) -> Iterator[Callable[..., Kernel]]:
        """Start kernels that end with the test."""
        started: list[Kernel] = []

        def start(tier: str = "namespaces", bounds: Bounds | None = None, data: Path | None = None) -> Kernel:
            kernel = Kernel(parent.address, holds(tier), bounds or Bounds(), data)
            started.append(kernel)
            return kernel

        yield start
        for kernel in started:
            kernel.close()
