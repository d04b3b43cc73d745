"""Bold in prose. In a handbook page it marks where a term is defined: ``**正則化**（regularization）``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from . import directives
from .problems import Collector

__all__ = ["Bold", "bolds", "has_japanese"]

_JAPANESE = re.compile(r"[ぁ-ヿ㐀-鿿豈-﫿々〆]")
_PARENTHESIS = re.compile(r"（([^（）]*(?:（[^（）]*）[^（）]*)*)）")
_END_OF_NAME = re.compile(r"[、。；：;／]")
_LABEL_FOLLOWS = re.compile(r"[\s：:　]")


@dataclass(frozen=True)
class Bold:
    """One text in bold."""

    text: str
    english: str  # from the parenthesis right after it; "" where there is none
    line: int  # 1-based, where its paragraph begins
    is_label: bool  # no definition: in a heading, a table's head or a quote, or a lead (``**問い** …``)


def bolds(markdown: str, first_line: int = 1) -> list[Bold]:
    """Every bold text in a prose cell, in order; those inside directives after those around them."""
    found = list(_outside_directives(markdown, first_line))
    for directive in directives.find(markdown, first_line, Collector("")):
        found.extend(_outside_directives(directive.body, directive.line + 1))
    return found


def has_japanese(text: str) -> bool:
    return bool(_JAPANESE.search(text))


def _outside_directives(markdown: str, first_line: int) -> Iterator[Bold]:
    around: list[str] = []
    line = first_line
    for token in directives.parser().parse(markdown):
        if token.map:
            line = first_line + token.map[0]
        if token.nesting == 1:
            around.append(token.type)
        elif token.nesting == -1:
            around.pop()
        elif token.type == "inline":
            apart = bool({"heading_open", "th_open", "blockquote_open"} & set(around))
            yield from _in_line(token.children or [], line, apart)


def _in_line(children: Sequence[Token], line: int, apart: bool) -> Iterator[Bold]:
    at = 0
    while at < len(children):
        if children[at].type != "strong_open":
            at += 1
            continue
        close = next(n for n in range(at, len(children)) if children[n].type == "strong_close")
        text, after = _text(children[at + 1 : close]), _text(children[close + 1 :])
        leads = not _text(children[:at]).strip() and (not after or bool(_LABEL_FOLLOWS.match(after)))
        yield Bold(text.strip(), _english(after), line, apart or leads)
        at = close + 1


def _text(tokens: Sequence[Token]) -> str:
    return "".join("\n" if t.type in ("softbreak", "hardbreak") else t.content for t in tokens)


def _english(after: str) -> str:
    """The name in other letters than Japanese ones with which the parenthesis begins."""
    match = _PARENTHESIS.match(after)
    if match is None:
        return ""
    name = _END_OF_NAME.split(match[1])[0].strip()
    return name if re.search(r"[A-Za-z]", name) and not has_japanese(name) else ""
