"""A question's text (paragraphs and pipe tables, nothing else) as HTML, as Markdown and as typst markup.

No other Markdown has a meaning in a question: a star, an underscore or a tag is the character itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["as_html", "as_markdown", "as_typst", "typst_text"]

#: Marks of Markdown: anywhere (a bar in a cell has its backslash already), and in front of a line only.
_MARK = re.compile(r"\\(?!\|)|[`*_\[\]<>$~]|&(?=#?\w+;)")
_MARK_IN_FRONT = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+#=:]))")


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("zero", {"html": False, "breaks": True}).enable(["table", "newline"])


def as_html(text: str) -> str:
    """HTML: ``<p>`` and ``<table>``."""
    return _parser().render(text).strip()


def as_markdown(text: str) -> str:
    """Markdown with its marks escaped: for notebooks."""
    lines = text.split("\n")
    blocks = []
    for token in _parser().parse(text):
        if token.type == "paragraph_open":
            inside = (_MARK.sub(r"\\\g<0>", line.strip()) for line in lines[slice(*token.map)])
            blocks.append("\\\n".join(_MARK_IN_FRONT.sub(r"\1\\", line) for line in inside))
        elif token.type == "table_open":
            blocks.append("\n".join(_MARK.sub(r"\\\g<0>", line) for line in lines[slice(*token.map)]))
    return "\n\n".join(blocks)


def as_typst(text: str) -> str:
    """Typst markup, one block a line."""
    return "\n\n".join(_blocks(_parser().parse(text)))


def typst_text(text: str) -> str:
    """A text as typst shows it unread: a string, in which only backslash and quote are special."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'#"{quoted}"'


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    row: list[str] = []
    rows: list[list[str]] = []
    in_table = False
    for token in tokens:
        if token.type == "table_open":
            in_table, rows = True, []
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            rows.append(row)
        elif token.type == "table_close":
            in_table = False
            yield _table(rows)
        elif token.type == "inline" and in_table:
            row.append(_inline(token))
        elif token.type == "inline":
            yield _inline(token)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    cells = "".join(f"[{cell}], " for line in body for cell in line)
    heading = "".join(f"[{cell}], " for cell in head)
    return f"#table(columns: {len(head)}, table.header({heading}), {cells})"


def _inline(token: Token) -> str:
    out = ""
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            out += " \\ "
        elif child.content:
            out += typst_text(child.content) + ";"
    return out
