"""How the kernels of a class are made: forked from a parent that has imported everything, behind walls.

The parent is started once for a class. Its children run hand-ins; which walls stand around them is tried out
before the first one (:mod:`autograder.kernels.sandbox`).
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from autograder.grading.rehearsal import imported_on_the_way
from autograder.grading.run import StartKernel
from autograder.grading.spec import AssignmentSpec
from autograder.kernels.client import Address, Connection, ForkParent, ParentError
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

    def starter(self) -> StartKernel:
        """How to start a kernel in a private folder of a run."""
        if self.address is None:
            from autograder.grading.jupyter_kernel import jupyter_kernel

            return jupyter_kernel()
        from autograder.grading.forked_kernel import forked_kernel

        return forked_kernel(self.address, self.tier, self.bounds)


@contextlib.contextmanager
def prepared(
    specs: Iterable[AssignmentSpec],
    *,
    sandbox: str = "auto",
    bounds: Bounds | None = None,
    rehearse: Mapping[str, Path] | None = None,
    parent: ForkParent | None = None,
) -> Iterator[Callable[[], KernelSetup]]:
    """Start the parent for these assignments; it imports their modules meanwhile.

    Parameters
    ----------
    specs : iterable of AssignmentSpec
    sandbox : {"auto", "namespaces", "landlock", "none"}
        "auto" takes the strongest walls that hold.
    bounds : Bounds, optional
    rehearse : mapping of str to Path, optional
        By assignment, the folder with its data files: while the first hand-ins are graded, its own answers
        are run once to learn what else they import. Worth it for more than a few hand-ins.
    parent : ForkParent, optional
        One that was started before the assignments were known. It ends with the block, as any other.

    Yields
    ------
    callable
        Waits for the parent, chooses the walls and returns the :class:`KernelSetup`. Raises
        :class:`SandboxRefused` when the walls do not hold.
    """
    specs, bounds = list(specs), bounds or Bounds()
    with contextlib.ExitStack() as stack:
        modules = imported_modules(specs)
        if parent is not None:
            parent.add(modules)
        else:
            try:
                parent = ForkParent(modules)
            except ParentError as error:
                cause = str(error)
                yield lambda: _without_parent(sandbox, bounds, cause)
                return
        # In a thread: whoever prepares a class has something else to do meanwhile.
        others = stack.enter_context(ThreadPoolExecutor(1, "takara-kernels"))
        stack.callback(parent.close)
        setup = others.submit(_behind_walls, parent, sandbox, bounds)
        if rehearse:
            others.submit(_rehearse, setup, [(s, rehearse[s.assignment]) for s in specs])
        yield setup.result


def _behind_walls(parent: ForkParent, sandbox: str, bounds: Bounds) -> KernelSetup:
    from autograder.kernels.sandbox import NoSandbox, choose

    try:
        parent.wait_until_ready()
        return KernelSetup(choose(parent, sandbox).tier, parent.address, bounds)
    except ParentError as error:
        return _without_parent(sandbox, bounds, str(error))
    except NoSandbox as error:
        raise SandboxRefused(_refusal(str(error))) from error


def _rehearse(setup: Future[KernelSetup], assignments: Iterable[tuple[AssignmentSpec, Path]]) -> None:
    """Let the parent import what the instructor's answers import on the way; nothing depends on it."""
    kernels = setup.result()
    if kernels.address is None:
        return
    for spec, data_dir in assignments:
        found = imported_on_the_way(spec, data_dir, kernels.starter())
        with contextlib.suppress(ParentError):  # then another parent is there, without them
            Connection.shared(kernels.address).import_modules(sorted(filter(_installed, found)))


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
    """Installed modules that the notebooks of these assignments import, in order of appearance.

    Of this package's own modules also what their functions import when they are called.
    """
    found: dict[str, None] = {}
    for spec in specs:
        for cell in spec.cells:
            if cell.cell_type == "code":
                found.update(dict.fromkeys(_imports(cell.source)))
    for name in [name for name in found if name.startswith("autograder.")]:
        found.update(dict.fromkeys(_imports(_source_of(name))))
    return tuple(name for name in found if _installed(name))


def _source_of(module: str) -> str:
    spec = importlib.util.find_spec(module) if importlib.util.find_spec(module.rpartition(".")[0]) else None
    if spec is None or spec.origin is None:
        return ""
    return Path(spec.origin).read_text(encoding="utf-8")


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
