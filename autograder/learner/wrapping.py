"""Japanese lines in a terminal: how wide they are and where they may break."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

__all__ = ["display_width", "wrap"]

_NEVER_FIRST = set("。、）」』！？ー…・ぁぃぅぇぉっゃゅょァィゥェォッャュョ")


def display_width(text: str) -> int:
    """Columns a text takes in a terminal: two for a full-width character."""
    return sum(2 if unicodedata.east_asian_width(char) in "FWA" else 1 for char in text)


def wrap(text: str, width: int) -> list[str]:
    """Break a Japanese text into lines of at most ``width`` columns.

    A line breaks between any two full-width characters and at spaces, and inside a word of Latin letters only
    when the word is longer than a line. A mark such as 「。」 never begins a line: it stands out instead.
    """
    lines, line = [], ""
    for piece in _pieces(text, width):
        if line and display_width(line + piece.rstrip()) > width and piece[0] not in _NEVER_FIRST:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str, width: int) -> Iterable[str]:
    """What is never broken: a word of Latin letters (up to a line's width), or a single other character."""
    word = ""
    for char in text:
        if ord(char) < 128 and char != " " and len(word) < width:
            word += char
            continue
        if word:
            yield word
        if ord(char) < 128 and char != " ":
            word = char
        else:
            yield char
            word = ""
    if word:
        yield word
