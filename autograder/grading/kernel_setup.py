"""How the kernels of a class are made: forked from a parent that has imported everything, behind walls.

The parent is started once for a class. Its children run hand-ins; which walls stand around them is tried out
before the first one (:mod:`autograder.kernels.sandbox`).
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

from autograder.grading.run import KernelFactory, spawned_kernel
from autograder.grading.spec import AssignmentSpec
from autograder.kernels.client import Address, ForkParent, ParentError
from autograder.kernels.request import Bounds

__all__ = ["KernelSetup", "SandboxRefused", "imported_modules", "prepared"]

TIER_NAMES_JA = {
    "namespaces": "名前空間（ファイル・ネットワーク・プロセスを切り離す）",
    "landlock": "Landlock（ファイルとネットワークを閉じる）",
    "none": "なし",
}


class SandboxRefused(RuntimeError):
    """Hand-ins of others must not run without walls. The message is for the instructor."""


@dataclass(frozen=True)
class KernelSetup:
    """What a worker process needs to make kernels; can be sent to another process.

    Parameters
    ----------
    tier : {"namespaces", "landlock", "none"}
        The walls.
    address : Address, optional
        The parent; without one, kernels are ordinary processes.
    bounds : Bounds
    """

    tier: str = "none"
    address: Address | None = None
    bounds: Bounds = field(default_factory=Bounds)

    def factory(self) -> KernelFactory:
        """How to make a kernel in a private folder of a run."""
        return spawned_kernel if self.address is None else self._forked

    def _forked(self, place: Path) -> AsyncKernelManager:
        from autograder.kernels.provisioner import kernel_manager

        assert self.address is not None
        return kernel_manager(place, place.parent, self.address, self.tier, self.bounds)


@contextlib.contextmanager
def prepared(
    specs: Iterable[AssignmentSpec], *, sandbox: str = "auto", bounds: Bounds | None = None
) -> Iterator[Callable[[], KernelSetup]]:
    """Start the parent for these assignments; it imports their modules meanwhile.

    Parameters
    ----------
    specs : iterable of AssignmentSpec
    sandbox : {"auto", "namespaces", "landlock", "none"}
        "auto" takes the strongest walls that hold.
    bounds : Bounds, optional

    Yields
    ------
    callable
        Waits for the parent, chooses the walls and returns the :class:`KernelSetup`. Raises
        :class:`SandboxRefused` when the walls do not hold.
    """
    bounds = bounds or Bounds()
    with contextlib.ExitStack() as stack:
        try:
            parent = ForkParent(imported_modules(specs))
        except ParentError as error:
            cause = str(error)
            yield lambda: _without_parent(sandbox, bounds, cause)
        else:
            stack.callback(parent.close)
            yield lambda: _behind_walls(parent, sandbox, bounds)


def _behind_walls(parent: ForkParent, sandbox: str, bounds: Bounds) -> KernelSetup:
    from autograder.kernels.sandbox import NoSandbox, choose

    try:
        parent.wait_until_ready()
        return KernelSetup(choose(parent, sandbox).tier, parent.address, bounds)
    except ParentError as error:
        return _without_parent(sandbox, bounds, str(error))
    except NoSandbox as error:
        raise SandboxRefused(_refusal(str(error))) from error


def _without_parent(sandbox: str, bounds: Bounds, cause: str) -> KernelSetup:
    if sandbox != "none":
        raise SandboxRefused(_refusal(cause))
    return KernelSetup(bounds=bounds)


def _refusal(cause: str) -> str:
    return (
        "このパソコンでは、受講者のコードを安全に閉じこめて動かせません。採点をしないで止めました。\n"
        "次のどれかを選んでください。\n"
        "  1. Linux のパソコン（WSL 2 でもよい）で採点する。\n"
        "  2. 使い捨ての仮想マシンやコンテナの中で、--sandbox none を付けて採点する。\n"
        "  3. 自分のコードだけ、または全員を信頼できるときに、--sandbox none を付けて採点する。"
        "提出物は、このパソコンのファイルを読み書きできます。\n"
        '（nbgrader autograde では、nbgrader_config.py に c.RunHandIn.sandbox = "none" と書きます）\n'
        f"原因：{cause}"
    )


def imported_modules(specs: Iterable[AssignmentSpec]) -> tuple[str, ...]:
    """Installed modules that the notebooks of these assignments import, in order of appearance."""
    found: dict[str, None] = {}
    for spec in specs:
        for cell in spec.cells:
            if cell.cell_type == "code":
                found.update(dict.fromkeys(_imports(cell.source)))
    return tuple(name for name in found if _installed(name))


def _imports(source: str) -> Iterator[str]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            if "." not in node.module:  # from autograder import checks: a module, perhaps
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _installed(name: str) -> bool:
    """Whether a module comes with Python or an installed package (not from the folder we happen to be in)."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    return top == "autograder" or "site-packages" in Path(spec.origin).parts
