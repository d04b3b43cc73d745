"""IPython's input transformer that first looks whether a cell is plain Python: nothing to do then."""

from __future__ import annotations

import ast
import re

from IPython.core.inputtransformer2 import TransformerManager

__all__ = ["PlainPythonFirst"]

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: What the transformer changes although it may be Python: indented or empty first lines, prompts.
_CHANGED = re.compile(r"\A\s|^(?:>>>|\.\.\.|In \[|\s*\.{3,}:)", re.MULTILINE)

#: What Python warns of when it only parses: the warning must come once, when the cell is run.
_WARNED = re.compile(r"""\\[^\\'"abfnrtvx0-7NuU\r\n]|\d(?:and|else|for|if|in|is|not|or)\b""")


class PlainPythonFirst(TransformerManager):
    """As its base, but a cell that Python understands is not tokenised (half of what a short cell costs).

    IPython's own syntax (magics, commands, help) is no Python, so a cell without it stays as it is. With
    transformers that somebody has added, every cell goes the base's way.
    """

    def __init__(self) -> None:
        super().__init__()
        self._original = self._transforms()

    def _transforms(self) -> tuple[object, ...]:
        return (*self.cleanup_transforms, *self.line_transforms, *self.token_transformers)

    def transform_cell(self, cell: str) -> str:
        if self._transforms() == self._original and is_plain(cell):
            return cell if cell.endswith("\n") else cell + "\n"
        return super().transform_cell(cell)


def is_plain(cell: str) -> bool:
    """Whether a cell is Python that IPython's transformer leaves as it is."""
    if _CHANGED.search(cell) or _WARNED.search(cell):
        return False
    try:
        compile(cell, "<cell>", "exec", _FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True
