"""A Japanese explanation under the traceback of an error: an IPython extension.

    %load_ext autograder.learner.error_help
    %unload_ext autograder.learner.error_help

Notebooks that JupyterLab opens for a learner have it on (:mod:`autograder.learner.kernel_specs`). It shows
one more output after Python's own. The traceback stays as it is, and so does the kernel's reply, which is
what a grader reads: IPython's ``post_run_cell`` event comes after the one and takes no part in the other.
"""

from __future__ import annotations

import contextlib
import html
import os
from pathlib import Path
from typing import Any

__all__ = ["load_ipython_extension", "show_help", "unload_ipython_extension"]

_TITLE = "エラーの読み方"
_EVENT = "post_run_cell"


def load_ipython_extension(shell: Any) -> None:
    """Switch the explanations on, except while a notebook is graded."""
    if "NBGRADER_EXECUTION" not in os.environ:  # which nbgrader and autograder.grading set for their kernels
        shell.events.register(_EVENT, show_help)


def unload_ipython_extension(shell: Any) -> None:
    """Switch the explanations off."""
    with contextlib.suppress(ValueError):  # it was not on
        shell.events.unregister(_EVENT, show_help)


def show_help(result: Any) -> None:
    """Show what the error of a cell means, where there is one and it is known.

    Parameters
    ----------
    result : IPython.core.interactiveshell.ExecutionResult or None
        ``None`` when the cell was cancelled.
    """
    # Whatever goes wrong here must stay here: IPython would show it in place of the learner's own error.
    with contextlib.suppress(Exception, KeyboardInterrupt):
        errors = (result.error_before_exec, result.error_in_exec) if result is not None else ()
        for error in errors:
            if error is not None:
                _show(error, result.info.raw_cell)


def _show(error: BaseException, source: str) -> None:
    from IPython import get_ipython
    from IPython.display import display

    from autograder.errors import explain

    text = explain(error, get_ipython().user_ns, source=source, folder=Path.cwd())
    if text:
        display({"text/html": as_html(text), "text/plain": f"【{_TITLE}】\n{text}"}, raw=True)


def as_html(text: str) -> str:
    """The explanation in the blue box that the lessons use for notes."""
    lines = "<br>".join(html.escape(line) for line in text.splitlines())
    return f'<div class="alert alert-info"><b>{_TITLE}</b><br>{lines}</div>'
