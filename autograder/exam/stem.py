"""The Markdown of a question's stem in pieces: paragraphs and pipe tables, which is all a stem may hold."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

__all__ = ["Paragraph", "StemTable", "pieces"]

_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Paragraph:
    """Text, one line after the other."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class StemTable:
    """A table; every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right_aligned: tuple[bool, ...]  # by column


def pieces(stem: str) -> list[Paragraph | StemTable]:
    """Take a stem apart."""
    found: list[Paragraph | StemTable] = []
    lines = [line.strip() for line in stem.strip().splitlines()]
    for filled, group in itertools.groupby(lines, bool):
        if filled:
            found += _block(list(group))
    return found


def _block(lines: list[str]) -> list[Paragraph | StemTable]:
    """Lines without an empty one between: text, and a table where a rule stands under a head."""
    for number in range(1, len(lines)):
        if "|" in lines[number - 1] and "|" in lines[number] and _RULE.fullmatch(lines[number]):
            end = next((n for n in range(number, len(lines)) if "|" not in lines[n]), len(lines))
            table = _table(lines[number - 1], lines[number], lines[number + 1 : end])
            return [*_text(lines[: number - 1]), table, *(_block(lines[end:]) if lines[end:] else [])]
    return _text(lines)


def _text(lines: list[str]) -> list[Paragraph | StemTable]:
    return [Paragraph(tuple(lines))] if lines else []


def _table(head: str, rule: str, rows: list[str]) -> StemTable:
    names = _cells(head)
    width = len(names)
    aligned = [cell.endswith(":") and not cell.startswith(":") for cell in _cells(rule)]
    return StemTable(
        names,
        tuple((*_cells(row), *[""] * width)[:width] for row in rows),
        tuple([*aligned, *[False] * width][:width]),
    )


def _cells(line: str) -> tuple[str, ...]:
    parts = [part.strip().replace("\\|", "|") for part in _CELL_BORDER.split(line.strip())]
    first, last = int(line.startswith("|")), len(parts) - int(line.endswith("|"))
    return tuple(parts[first:last])
