"""From a worked answer to what the learner finds: the stub, in nbgrader's own solution markers."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
BLANK = "..."
NOT_WRITTEN = "未記入です。上の「...」を自分のコードに書きかえ、この行を消してください。"

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class StubError(ValueError):
    """An answer from which no stub can be made. ``line`` counts from 0 within the cell."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Region:
    """Lines of a cell between two markers, both markers included; counted from 0, ``end`` included."""

    start: int
    end: int


def regions(source: str, begin: str, end: str) -> list[Region]:
    """The marked regions of a cell.

    Raises
    ------
    StubError
        When a marker has no partner or regions are nested.
    """
    found: list[Region] = []
    opened: int | None = None
    begin_key, end_key = begin.lstrip("# "), end.lstrip("# ")
    for at, line in enumerate(source.split("\n")):
        if begin_key in line:
            if opened is not None:
                raise StubError(at, f"「{begin}」が「{end}」の前にもう1つあります。")
            opened = at
        elif end_key in line:
            if opened is None:
                raise StubError(at, f"「{end}」の前に「{begin}」がありません。")
            found.append(Region(opened, at))
            opened = None
    if opened is not None:
        raise StubError(opened, f"「{begin}」に対応する「{end}」がありません。")
    return found


def inside(source: str, marked: list[Region]) -> str:
    """Only the lines between the markers."""
    lines = source.split("\n")
    return "\n".join(line for r in marked for line in lines[r.start + 1 : r.end])


def without_markers(source: str, marked: list[Region]) -> str:
    """The cell with the marker lines taken out and everything else left."""
    drop = {at for r in marked for at in (r.start, r.end)}
    return "\n".join(line for at, line in enumerate(source.split("\n")) if at not in drop)


def replaced(source: str, marked: list[Region], stub: str) -> str:
    """The cell as nbgrader's ClearSolutions will leave it."""
    out: list[str] = []
    starts = {r.start: r for r in marked}
    at, lines = 0, source.split("\n")
    while at < len(lines):
        if at in starts:
            indent = re.match(r"\s*", lines[at])[0]
            out.extend(indent + line for line in stub.split("\n"))
            at = starts[at].end + 1
        else:
            out.append(lines[at])
            at += 1
    return "\n".join(out)


def parse(source: str) -> ast.Module:
    """Parse plain Python; cell magics are not Python.

    Raises
    ------
    StubError
    """
    try:
        return ast.parse(source)
    except SyntaxError as error:
        at = (error.lineno or 1) - 1
        raise StubError(at, f"Pythonとして読めません（{error.msg}）。") from error


def defined_names(source: str) -> list[str]:
    """Names that the cell's top level assigns or defines, in order, without ``_private`` ones."""
    names: list[str] = []
    for node in parse(source).body:
        for name in _names_of(node):
            if name not in names and not name.startswith("_"):
                names.append(name)
    return names


def used_names(source: str) -> set[str]:
    """Names that the code reads."""
    return {
        node.id
        for node in ast.walk(parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def bound_names(source: str) -> set[str]:
    """Names that the code binds anywhere: assignments, arguments, imports, functions, loops."""
    bound: set[str] = set()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound


def with_stub(answer: str, wanted: list[str]) -> str:
    """A worked answer as nbgrader's source cell: the stub, then the answer between solution markers.

    Parameters
    ----------
    answer : str
        The worked answer. Where it has solution markers already, it is returned as it is.
    wanted : list of str
        The names that the tests read: each gets a line of the stub.
    """
    if regions(answer, BEGIN_SOLUTION, END_SOLUTION):
        return answer
    lines = answer.split("\n")
    stub: list[str] = []
    done: set[str] = set()
    after_function = False
    for node in parse(answer).body:
        for name in _names_of(node):
            if name not in wanted or name in done:
                continue
            done.add(name)
            is_function = isinstance(node, _FUNCTIONS)
            if stub and (is_function or after_function):
                stub += ["", ""]
            stub += _function_stub(node, lines) if is_function else [f"{name} = {BLANK}"]
            after_function = is_function
    return "\n".join([*stub, BEGIN_SOLUTION, answer.strip("\n"), END_SOLUTION])


def worked(answer: str) -> str:
    """The worked answer as one would write it: without markers and without the blanks around them."""
    marked = regions(answer, BEGIN_SOLUTION, END_SOLUTION)
    if not marked:
        return answer.strip("\n")
    lines = answer.split("\n")
    tree = parse(answer)
    within = {at for r in marked for at in range(r.start, r.end + 1)}
    drop = {at for r in marked for at in (r.start, r.end)}
    solved = {name for node in tree.body if node.lineno - 1 in within for name in _names_of(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        span = set(range(node.lineno - 1, (node.end_lineno or node.lineno)))
        if span & within:
            continue
        redefined = isinstance(node, _FUNCTIONS) and node.name in solved
        if redefined or _is_blank(node):
            drop |= span
    return "\n".join(line for at, line in enumerate(lines) if at not in drop).strip("\n")


def _is_blank(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(called, ast.Name) and called.id == "NotImplementedError"
    value = getattr(node, "value", None) if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) else None
    return isinstance(value, ast.Constant) and value.value is Ellipsis


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
        return [
            name
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.stmt)
            for name in _names_of(child)
        ]
    else:
        return []
    return [
        part.id
        for target in targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    ]


def _function_stub(node: ast.stmt, lines: list[str]) -> list[str]:
    first = node.body[0]
    if first.lineno == node.lineno:
        raise StubError(node.lineno - 1, f"関数 {node.name} の中身は次の行に書いてください。")
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
    documented = ast.get_docstring(node) is not None
    end = first.end_lineno if documented else first.lineno - 1
    # comments between the signature and the first statement belong to the answer
    head = (
        lines[start:end]
        if documented
        else [line for line in lines[start:end] if not line.strip().startswith("#")]
    )
    indent = " " * first.col_offset
    return [*head, f"{indent}{BLANK}", f'{indent}raise NotImplementedError("{NOT_WRITTEN}")']
