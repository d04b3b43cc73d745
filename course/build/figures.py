"""Figures of a text: which code cells draw, and whether each tells with words what is seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from .problems import Collector
from .text import Cell

__all__ = ["ALT_LENGTH", "alts", "check", "draws"]

ALT_LENGTH = 10  # characters

_SHOW = "show_figure"
_CANVASES = ("ax", "axes", "fig", "figure", "plt")
_METHODS = {"plot", "hist", "boxplot", "scatter", "imshow", "bar", "barh"}
#: Methods of a canvas that draw nothing.
_QUIET = {"rcParams", "rc", "style", "close", "get_fignums", "get_cmap", "show"}


def draws(cell: Cell, helpers: frozenset[str] = frozenset()) -> bool:
    """Whether a code cell draws a figure when it runs, itself or by one of these helpers."""
    return any(_draws(node, helpers) for node in _run_at_once(_parsed(cell)))


def alts(cell: Cell) -> list[str]:
    """The texts of the cell's figures; what a variable adds counts as nothing."""
    return [_said(node) for node in ast.walk(_parsed(cell)) if _is_call(node, _SHOW)]


def helpers(cells: Sequence[Cell]) -> frozenset[str]:
    """The functions of a text that draw and leave it to their callers to show the figure."""
    return frozenset(
        node.name
        for cell in cells
        if cell.kind == "code"
        for node in ast.walk(_parsed(cell))
        if isinstance(node, ast.FunctionDef)
        and any(_draws(inner, frozenset()) for inner in ast.walk(node))
        and not any(_is_call(inner, _SHOW) for inner in ast.walk(node))
    )


def check(cells: Sequence[Cell], problems: Collector) -> None:
    """Report figures without a text, texts that are too short, and ``plt.show()``."""
    drawing = helpers(cells)
    for cell in cells:
        if cell.kind != "code":
            continue
        tree = _parsed(cell)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "plt.show":
                problems.add(
                    cell.line + node.lineno - 1,
                    'plt.show() の代わりに show_figure("図で見えること") と書いてください。',
                )
            elif _is_call(node, _SHOW) and len(_said(node)) < ALT_LENGTH:
                problems.add(
                    cell.line + node.lineno - 1,
                    f"show_figure の代替テキストが短すぎます（{ALT_LENGTH}文字以上）。"
                    "図が見えない人に、図で見えることを1〜2文でじかに書いてください。",
                )
        if draws(cell, drawing) and not _ends_in_show(tree):
            problems.add(
                cell.line,
                'グラフをかくセルは show_figure("図で見えること") で終えてください'
                "（from autograder.learner.figures import show_figure）。",
            )


def _parsed(cell: Cell) -> ast.Module:
    """The cell's Python; nothing when it is none (running it tells)."""
    source = "\n".join("" if line.startswith(("%", "!")) else line for line in cell.source.split("\n"))
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _run_at_once(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs with the cell: not what stands in functions and classes."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.Import | ast.ImportFrom):
            yield node
            yield from _run_at_once(node)


def _draws(node: ast.AST, drawing: frozenset[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in drawing or node.func.id.startswith("plot_")
    if not isinstance(node.func, ast.Attribute):
        return False
    path = ast.unparse(node.func).split(".")
    if _QUIET & set(path):
        return False
    on_canvas = any(path[0] == name or path[0].startswith(f"{name}[") for name in _CANVASES)
    return on_canvas or node.func.attr in _METHODS or (node.func.attr == "from_estimator")


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name


def _said(call: ast.Call) -> str:
    """The text of a ``show_figure`` call as far as it stands in the cell."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "alt"]
    text = (call.args[:1] or named or [None])[0]
    if text is None:
        return ""
    return "".join(
        node.value
        for node in ast.walk(text)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ).strip()


def _ends_in_show(tree: ast.Module) -> bool:
    last = tree.body[-1] if tree.body else None
    while isinstance(last, ast.For | ast.With | ast.If) and last.body:
        last = last.body[-1]
    return isinstance(last, ast.Expr) and _is_call(last.value, _SHOW)
