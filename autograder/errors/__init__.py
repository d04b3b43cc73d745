"""What Python's errors mean and what to do about them, in Japanese, for people in their first weeks.

The one place for these texts: learners read them under a traceback (:mod:`autograder.learner.error_help`)
and in the feedback on what they handed in (:mod:`autograder.grading.score`). Standard library only.

    >>> explain_text("ZeroDivisionError", "division by zero")
    '0 で割っています。割る数が 0 になる場合を、先に分けてください。'
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.errors import lookup, messages, syntax
from autograder.errors.case import Case, Explainer

__all__ = ["explain", "explain_text"]

_EXPLAINERS: Mapping[str, Explainer] = {**syntax.EXPLAINERS, **lookup.EXPLAINERS, **messages.EXPLAINERS}


def explain(
    error: BaseException,
    names: Mapping[str, Any] | None = None,
    *,
    source: str = "",
    folder: Path | None = None,
) -> str | None:
    """What this error means and what to do.

    Parameters
    ----------
    error : BaseException
        With its traceback, where it has one.
    names : mapping of str to object, optional
        The namespace that the code ran in: for names that are spelled alike.
    source : str
        The cell's code.
    folder : Path, optional
        The folder that the code ran in: for files that are there.

    Returns
    -------
    str or None
        Lines in Japanese. ``None`` for an error that is not common, or that speaks Japanese already.
    """
    known = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _EXPLAINERS), None)
    if known is None:
        return None
    case = Case(type(error).__name__, str(error), error, {} if names is None else names, source, folder)
    text = _EXPLAINERS[known](case)
    line = case.line
    if text and line and source.count("\n") and known not in syntax.EXPLAINERS:
        return f"{line}行目で止まりました。\n{text}"
    return text


def explain_text(ename: str, evalue: str) -> str | None:
    """The same for an error of which only the name and the message are left, as in a notebook's output."""
    known = _EXPLAINERS.get(ename)
    return known(Case(ename, evalue)) if known else None
