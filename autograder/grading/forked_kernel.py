"""A notebook in a forked kernel: nothing lies between its cells and the outcome but one socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

from autograder.grading.outputs import Outputs
from autograder.grading.run import KernelLost, Limits, Place, Ran, well_formed
from autograder.kernels.client import Address
from autograder.kernels.forked import ForkedKernel, KernelEnded
from autograder.kernels.request import Bounds, Start

__all__ = ["Forked", "forked_kernel"]


def forked_kernel(address: Address, tier: str, bounds: Bounds) -> Callable[..., Forked]:
    """How :func:`autograder.grading.run.run` forks kernels from this parent, behind these walls."""
    return lambda nb, place, limits: Forked(address, tier, bounds, place, limits)


class Forked:
    """See :class:`autograder.grading.run.Kernel`."""

    def __init__(self, address: Address, tier: str, bounds: Bounds, place: Place, limits: Limits) -> None:
        self.dead = False
        self._grace_s = limits.interrupt_grace_s
        self._outputs = Outputs()
        start = Start(str(place.folder), str(place.work), place.environment, tier, bounds)
        self._kernel = ForkedKernel(address, start)

    @property
    def doubts(self) -> list[str]:
        return self._kernel.doubts

    def run_cell(self, cell: NotebookNode, n: int, timeout_s: float, output_bytes: int) -> Ran:
        self._outputs.begin(cell, output_bytes)
        began = time.monotonic()
        status, reply = self._ask(cell.source, timeout_s, output_bytes)
        cell.execution_count = reply.get("execution_count")
        return Ran(status, reply, time.monotonic() - began, self._outputs.said)

    def ask(self, source: str, timeout_s: float, **options: Any) -> dict[str, Any] | None:
        if self.dead:
            return None
        _, reply = self._ask(source, timeout_s, 0, **options)
        return None if self.dead else reply

    def _ask(
        self, source: str, timeout_s: float, output_bytes: int, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Run code: "ok" and its reply, or "timeout", or "dead". What takes too long is ended."""
        heard = self._outputs.hear if output_bytes else None
        timed_out = False
        try:
            number = self._kernel.ask(source, output_bytes=output_bytes, **options)
            try:
                return "ok", well_formed(self._kernel.answer(number, timeout_s, heard))
            except TimeoutError:
                timed_out = True
                self._kernel.interrupt()
                reply = self._kernel.answer(number, self._grace_s, heard)
                return "timeout", well_formed(reply)
        except TimeoutError:
            self._kernel.kill()
            self.dead = True
        except KernelEnded as ended:
            if ended.end.lost:
                raise KernelLost("the parent of the kernels is gone") from ended
            self.dead = True
        return ("timeout" if timed_out else "dead"), {}

    def stop(self) -> int:
        return self._kernel.kill().peak_mb
