"""What is wrong with a command line, in Japanese: typer says it in English."""

from __future__ import annotations

import difflib
import re
from typing import Any

__all__ = ["usage_problem"]

#: What typer says → what we say. ``{name}``: the option or argument it is about; ``{0}``: what was found.
_SAID = (
    (r"greater than or equal to (\S+)", "{name} には、{0}以上の数を書いてください。"),
    (r"less than or equal to (\S+)", "{name} には、{0}以下の数を書いてください。"),
    (r"valid integer()", "{name} には、整数を書いてください（例: 5）。"),
    (r"valid number()", "{name} には、数を書いてください（例: 1.5）。"),
    (r"requires (an argument|\d+ arguments)", "{name} のうしろに、値を書いてください。"),
    (r"does not take a value()", "{name} には、値を付けられません。"),
    (r"extra arguments?(?:\(s\))? \((.*)\)", "余分なものが書かれています: {0}"),
)


def usage_problem(error: Any) -> str:
    """One Japanese sentence about a usage error of typer.

    Parameters
    ----------
    error : typer.exceptions.TyperException
        A usage error: it has ``message`` and ``format_message``, and by its kind ``param``, ``option_name``,
        ``possibilities`` and ``ctx``.
    """
    said = str(getattr(error, "message", "") or error.format_message())
    if said.startswith("No such option"):
        near = sorted(error.possibilities or ())
        return f"{error.option_name} というオプションはありません{_meant(near)}。"
    if no_command := re.match(r"No such command '(.*?)'", said):
        command = getattr(error.ctx, "command", None)
        names = command.list_commands(error.ctx) if hasattr(command, "list_commands") else []
        near = difflib.get_close_matches(no_command[1], names, n=3)
        return f"「{no_command[1]}」というコマンドはありません{_meant(near)}。"
    name = _name(error)
    for pattern, sentence in _SAID:
        if found := re.search(pattern, said):
            return sentence.format(found[1], name=name)
    if any(ord(character) > 0x3000 for character in said):  # one of our own
        return f"{name} には、{said}" if getattr(error, "param", None) else said
    return f"{name} に書かれたものを使えません（{said}）。"


def _name(error: Any) -> str:
    param = getattr(error, "param", None)
    if param is None:
        return getattr(error, "option_name", None) or "コマンド"
    return param.metavar if param.param_type_name == "argument" else param.opts[0]


def _meant(near: list[str]) -> str:
    return f"（{'、'.join(near)} のことですか）" if near else ""
