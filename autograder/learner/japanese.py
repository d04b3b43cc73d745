"""Typer commands whose help is in Japanese from the first line to the last.

Typer writes its headings and types in English and cuts Japanese lines short (they have no spaces to wrap at).
It lets a command name its own class (``cls=``), and a command class may write its own help (``format_help``):
that is all that is used here.
"""

from __future__ import annotations

import io
from typing import Any

from typer.core import TyperCommand, TyperGroup

from autograder.learner.wrapping import display_width, wrap

__all__ = ["JapaneseCommand", "JapaneseGroup"]

_HELP = "この説明を表示して終わります。"
_WIDTH = 78


class _Japanese:
    """The help that commands and groups share."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.help = _HELP
        return option

    def format_help(self: Any, ctx: Any, formatter: Any) -> None:
        out = io.StringIO()
        params = [param for param in self.get_params(ctx) if not getattr(param, "hidden", False)]
        arguments = [param for param in params if param.param_type_name == "argument"]
        options = [param for param in params if param.param_type_name == "option"]
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)] if self.is_group else []

        words = [ctx.command_path, *(_name(param) for param in arguments)]
        words += ["コマンド …"] if commands else []
        out.write(f"使い方: {' '.join(words)} [オプション]\n\n")
        out.writelines(f"{line}\n" for line in wrap(self.help or "", _WIDTH))
        _write_section(out, "指定するもの", [(_name(param), param.help) for param in arguments])
        _write_section(out, "コマンド", [(command.name, command.help) for command in commands])
        _write_section(out, "オプション", [(_name(param), param.help) for param in options])
        if self.epilog:
            out.write("\n")
            out.writelines(f"{line}\n" for line in wrap(self.epilog, _WIDTH))
        formatter.write(out.getvalue())


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = ", ".join(param.opts)
    return names if param.is_flag or not param.metavar else f"{names} {param.metavar}"


def _write_section(out: io.StringIO, heading: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    out.write(f"\n{heading}:\n")
    column = max(display_width(name) for name, _ in rows) + 4
    for name, text in rows:
        first = f"  {name}"
        lines = wrap(text or "", _WIDTH - column)
        for line in lines or [""]:
            out.write(f"{first}{' ' * (column - display_width(first))}{line}\n")
            first = ""


class JapaneseCommand(_Japanese, TyperCommand):
    is_group = False


class JapaneseGroup(_Japanese, TyperGroup):
    is_group = True
