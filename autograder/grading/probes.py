"""What is asked of a kernel after a test has passed: does a failure still fail, and which value came out?

A learner's code can make everything pass: by a kernel that swallows errors, by replaced comparisons, by a
display hook. Statements that must fail, run the way the test was run, show it. They cannot show everything:
see ``course/organiser/grading.md``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "distrust_of",
    "may_have_value",
    "must_fail",
    "parse_value",
    "used_comparisons",
    "value_expression",
]

#: Comparisons that must fail: package and module that has it, arguments (n is numpy, p is pandas).
_WRONG_COMPARISONS = {
    "assert_allclose": ("numpy", "testing", "1.0, 2.0"),
    "assert_equal": ("numpy", "testing", "1.0, 2.0"),
    "assert_series_equal": ("pandas", "testing", "p.Series([1.0]), p.Series([2.0])"),
    "assert_frame_equal": ("pandas", "testing", "p.DataFrame([1.0]), p.DataFrame([2.0])"),
    "number": ("autograder", "checks", "1.0, 2.0"),
    "equal": ("autograder", "checks", "'a', 'b'"),
    "written": ("autograder", "checks", "'', {}, 'a'"),
    "array": ("autograder", "checks", "n.array([1.0]), [2.0]"),
    "series": ("autograder", "checks", "p.Series([1.0]), p.Series([2.0])"),
    "frame": ("autograder", "checks", "p.DataFrame([1.0]), p.DataFrame([2.0])"),
    "function": ("autograder", "checks", "lambda: 1.0, [((), 2.0)]"),
}
_WITHOUT_VALUE = re.compile(r"print|assert\w*")


def used_comparisons(sources: Iterable[str]) -> tuple[str, ...]:
    """The comparisons that must be tried after a test: those that it names, or that it may call.

    A course that uses none of our own ``checks`` may reach those of numpy and pandas through helpers of its
    own: then they are always tried.
    """
    words = set(re.findall(r"\w+", "\n".join(sources)))
    ours = {name for name, (package, *_) in _WRONG_COMPARISONS.items() if package == "autograder"} & words
    if "checks" not in words:
        ours = set()
    theirs = not ours or "testing" in words or any(word.startswith("assert_") for word in words)
    return tuple(
        name
        for name, (package, *_) in _WRONG_COMPARISONS.items()
        if (name in ours if package == "autograder" else theirs)
    )


def must_fail(nonce: str, comparisons: Iterable[str]) -> tuple[str, str, str]:
    """Statements that must fail.

    Each failure is noted under a name; the last statement raises the notes with a value that nobody can
    foresee. A comparison whose package was never imported cannot have been used, and counts as failed.

    Parameters
    ----------
    nonce : str
        Hexadecimal digits.
    comparisons : iterable of str

    Returns
    -------
    source, ename, evalue : str
        And the error that must come of it.
    """
    names = list(comparisons)
    calls = "".join(
        f"    ('{name}', '{package}', '{module}', lambda m, n, p: m.{name}({wrong})),\n"
        for name in names
        for package, module, wrong in [_WRONG_COMPARISONS[name]]
    )
    source = f"""\
_t{nonce} = []
try:
    assert {int(nonce, 16)} == 0, '{nonce}'
except AssertionError as _m{nonce}:
    if _m{nonce}.args == ('{nonce}',): _t{nonce}.append('assert')
try:
    raise ValueError('{nonce}')
except ValueError:
    _t{nonce}.append('raise')
_m{nonce} = __import__('sys').modules
for _n{nonce} in (
{calls}):
    try:
        _n{nonce}[3](vars(_m{nonce}[_n{nonce}[1]])[_n{nonce}[2]], *map(_m{nonce}.get, ['numpy', 'pandas']))
    except (AssertionError, KeyError):
        _t{nonce}.append(_n{nonce}[0])
_m{nonce} = '{nonce} ' + ' '.join(_t{nonce})
del _t{nonce}, _n{nonce}
try:
    raise LookupError(_m{nonce})
finally:
    del _m{nonce}
"""
    return source, "LookupError", " ".join([nonce, "assert", "raise", *names])


def distrust_of(reply: Mapping[str, Any] | None, ename: str, expected: str) -> str:
    """What speaks against a kernel that answered statements that must fail; nothing: an empty text.

    Parameters
    ----------
    reply : dict, optional
        The kernel's reply; None when there was none.
    ename, expected : str
        Of the error that had to come.
    """
    if reply is None:
        return "statements that must fail: no answer"
    if reply.get("status") != "error":
        return "a statement that must fail passed"
    said = str(reply.get("evalue"))
    if reply.get("ename") == ename and said == expected:
        return ""
    passed = [name for name in expected.split()[1:] if name not in said.split()[1:]]
    return (
        f"passed although they must fail: {', '.join(passed) or 'none'} ({reply.get('ename')}: {said[:200]})"
    )


def value_expression(execution_count: int, *, keep: bool) -> str:
    """Python that gives the value of execution ``execution_count``: None, or a pair of kind and text."""
    get = "get" if keep else "pop"
    return (
        "(lambda b, v: None if v is None else ("
        "('bool', b.str(v)) if b.type(v) is b.bool or b.type(v).__name__ in ('bool', 'bool_') else "
        "('number', b.repr(b.float(v))) if b.type(v) in (b.int, b.float) or "
        "(b.type(v).__module__ == 'numpy' and b.getattr(v, 'ndim', 1) == 0 "
        "and v.dtype.kind in 'iuf') else "
        "(b.type(v).__name__, b.repr(v)[:200])))"
        f"(__import__('builtins'), get_ipython().user_ns['_oh'].{get}({execution_count}, None))"
    )


def parse_value(answer: Mapping[str, Any]) -> tuple[str, str] | None:
    """Read the answer to :func:`value_expression`, as in ``user_expressions`` of an execute reply."""
    if answer.get("status") != "ok":
        return ("unknown", f"{answer.get('ename')}: {answer.get('evalue')}"[:200])
    try:
        value = ast.literal_eval(answer["data"]["text/plain"])
    except (ValueError, SyntaxError, KeyError, TypeError):
        return ("unknown", str(answer)[:200])
    if value is None:
        return None
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, str) for v in value):
        return value
    return ("unknown", repr(value)[:200])


def may_have_value(source: str) -> bool:
    """Whether a cell's last statement is an expression that shows its value.

    A call of ``checks.…``, ``assert_…`` or ``print`` has none.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        try:
            body = ast.parse(TransformerManager().transform_cell(source)).body
        except (SyntaxError, ValueError):
            return False
    return (
        bool(body)
        and isinstance(body[-1], ast.Expr)
        and not _is_void(body[-1].value)
        and not _ends_in_semicolon(source)
    )


def _is_void(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    called = expression.func
    if isinstance(called, ast.Attribute):
        owner = called.value
        ours = isinstance(owner, ast.Name) and owner.id == "checks"
        return ours or called.attr.startswith("assert")
    return isinstance(called, ast.Name) and bool(_WITHOUT_VALUE.fullmatch(called.id))


def _ends_in_semicolon(source: str) -> bool:
    """A semicolon at the end keeps a notebook cell from showing its value."""
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT)
    try:
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in skip]
    except (tokenize.TokenError, SyntaxError):
        return source.rstrip().endswith(";")
    return bool(tokens) and tokens[-1].string == ";"
