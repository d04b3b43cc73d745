"""Plain Python stays as it is; everything else, and every doubtful case, is IPython's."""

from __future__ import annotations

import warnings
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from autograder.kernels.transform import PlainPythonFirst, is_plain

ROOT = Path(__file__).parents[2]
PIECES = (
    "x = 1", "for i in range(3):", "    print(i)", "...", "... ", ">>> x", "    ...: x", "In [1]: x",
    "In [1]: int", "In [2]", "Out[1]: 3", "", "   ", "# いつ？", "#?", "f(x)  # ?", "'''", "'''\n%magic\n'''",
    "%matplotlib inline", "%%time", "!ls", "a = %pwd", "b = !ls", "x?", "x??", "?x", "x = '?'", "/f x",
    ",f a b", ";", "ls", "x;", "@f", "if 1: %time", "print('100%')", "await f()", "def f():",
    "    return '''a", "   b'''", "(1,", "2)", "x = \\", "  2", "\t1", "\x0c", "with a: pass", "lambda: 0",
    "é = 1", "a\u2028b", "from __future__ import annotations",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("\n".join))
def test_the_same_as_ipython(cell: str) -> None:
    assert PlainPythonFirst().transform_cell(cell) == TransformerManager().transform_cell(cell)


def _cells() -> list[str]:
    paths = sorted(ROOT.glob("course/notebooks/*.ipynb")) + sorted(ROOT.glob("assignments/release/*/*.ipynb"))
    return [c.source for p in paths for c in nbformat.read(p, as_version=4).cells if c.cell_type == "code"]


def test_the_cells_of_the_course() -> None:
    cells = _cells()
    ours, theirs = PlainPythonFirst(), TransformerManager()
    assert [ours.transform_cell(cell) for cell in cells] == [theirs.transform_cell(cell) for cell in cells]
    assert sum(map(is_plain, cells)) > 0.9 * len(cells)


@pytest.mark.parametrize("cell", ["print('\\d')", "x = 1if y else 2", "re.sub('\\\\s', '', '\\.')"])
def test_no_warning_comes_twice(cell: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert PlainPythonFirst().transform_cell(cell) == cell + "\n"


@pytest.mark.parametrize("where", ["cleanup_transforms", "line_transforms", "token_transformers"])
def test_transformers_that_somebody_adds_are_asked(where: str) -> None:
    class Added:
        seen = 0

        @classmethod
        def find(cls, tokens):
            cls.seen += 1

        def __call__(self, lines):
            Added.seen += 1
            return lines

    manager = PlainPythonFirst()
    assert manager.transform_cell("x = 1") == "x = 1\n" and Added.seen == 0
    getattr(manager, where).append(Added if where == "token_transformers" else Added())
    assert manager.transform_cell("x = 1") == "x = 1\n" and Added.seen > 0
