"""Colon fences (``:::{hint} q1``) in prose, found with a Markdown parser and rendered as plain HTML.

The HTML is the small common ground of JupyterLab, GitHub and nbconvert: ``<details>`` for what is folded and
``<div class="alert ...">`` for boxes, each followed by a blank line so that the Markdown inside is rendered.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

from .problems import Collector

#: Directives that belong to a question or an exercise: ``:::{hint} q1 optional title``.
NAMED = ("hint", "answer", "goal", "why", "rubric")
#: A question of the bank that a handbook page asks: ``:::{question} T14-01`` (see :mod:`.questions`).
QUESTION = "question"

#: Boxes: Bootstrap class (JupyterLab, Notebook and nbconvert style it) and the label in bold.
BOXES = {
    "goal": ("success", "こうなれば正解"),
    "excel": ("info", "Excelなら"),
    "note": ("info", "メモ"),
    "important": ("info", "要点"),
    "caution": ("warning", "注意"),
    "why": ("info", "解説"),
    "beyond": ("info", "発展（シラバスの外）"),
}
FOLDED = ("hint", "answer")
KINDS = (*FOLDED, *BOXES, "rubric", QUESTION)

#: What each layer of several hints is called, shallow to deep.
LAYERS = ("考え方", "使うもの", "書き方")

_INFO = re.compile(r"\{(?P<kind>[\w-]+)\}\s*(?P<argument>.*)")


@dataclass(frozen=True)
class Directive:
    """One colon fence."""

    kind: str
    name: str  # the question or exercise; "" for boxes that belong to none
    title: str  # what the author wrote after the name; often ""
    body: str  # Markdown
    line: int  # 1-based, of the opening line


@dataclass(frozen=True)
class Heading:
    level: int
    text: str
    line: int


def parser() -> MarkdownIt:
    """A CommonMark parser that knows tables and colon fences."""
    return MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)


def headings(markdown: str, first_line: int = 1) -> list[Heading]:
    """Every heading outside lists, quotes, fences and directives."""
    tokens = parser().parse(markdown)
    return [
        Heading(int(token.tag[1]), tokens[at + 1].content.strip(), first_line + token.map[0])
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]


def literal_stars(markdown: str, first_line: int = 1) -> list[int]:
    """Lines on which ``**`` would be shown as it is.

    Bold that ends in 「）」 or begins with 「「」 is none when a letter touches it (CommonMark's rules).
    """
    return [
        first_line + token.map[0]
        for token in parser().parse(markdown)
        if token.type == "inline"
        and token.map
        and any(child.type == "text" and "**" in child.content for child in token.children or ())
    ]


def heading_texts(markdown: str) -> list[str]:
    """The texts of the headings of a prose cell."""
    return [heading.text for heading in headings(markdown)]


def inline_codes(markdown: str) -> list[str]:
    """The texts between single backquotes."""
    return [
        child.content
        for token in parser().parse(markdown)
        for child in token.children or ()
        if child.type == "code_inline"
    ]


def code_blocks(markdown: str, language: str = "python") -> list[str]:
    """The contents of fenced blocks in one language."""
    return [
        token.content.rstrip("\n")
        for token in parser().parse(markdown)
        if token.type == "fence" and token.info.split()[:1] == [language]
    ]


def find(markdown: str, first_line: int, problems: Collector) -> list[Directive]:
    """Every directive, in order; also those inside another directive (after the outer one)."""
    found: list[Directive] = []
    lines = markdown.split("\n")
    for token in _fences(markdown):
        directive = _read(token, lines, first_line, problems)
        if directive is not None:
            found.append(directive)
            found.extend(find(directive.body, directive.line + 1, problems))
    return found


def replace(markdown: str, render: Callable[[Directive], str | None]) -> str:
    """Put what ``render`` returns in the place of each directive; ``None`` takes it out.

    Directives inside directives are rendered first. The text must have passed :func:`find` without problems.
    """
    lines = markdown.split("\n")
    out: list[str] = []
    done = 0
    for token in _fences(markdown):
        start, end = token.map
        out.extend(lines[done:start])
        directive = _read(token, lines, 1, Collector(""))
        if directive is None:  # pragma: no cover - callers look for problems first
            raise ValueError(lines[start])
        inner = replace(directive.body, render)
        rendered = render(Directive(directive.kind, directive.name, directive.title, inner, directive.line))
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        done = end
        if rendered is None:
            while done < len(lines) and not lines[done].strip():
                done += 1
            continue
        if out and out[-1].strip():
            out.append("")
        out.extend(indent + line if line else "" for line in rendered.split("\n"))
        if done < len(lines) and lines[done].strip():
            out.append("")
    out.extend(lines[done:])
    return "\n".join(out).strip("\n")


def folded(summary: str, body: str) -> str:
    """What a reader opens with a click."""
    return (
        f"<details>\n<summary>{html.escape(summary, quote=False)}</summary>\n\n{body.strip()}\n\n</details>"
    )


def box(kind: str, body: str, title: str = "") -> str:
    """A box with its label in bold."""
    style, label = BOXES[kind]
    label = f"{label}：{title}" if title else label
    return f'<div class="alert alert-{style}">\n\n**{label}**\n\n{body.strip()}\n\n</div>'


def hint_summary(layer: int, layers: int, title: str = "") -> str:
    """The line on which a folded hint is opened. ``layer`` counts from 1."""
    if layers == 1:
        return f"ヒント（{title}）" if title else "ヒント"
    name = title or (LAYERS[layer - 1] if layer <= len(LAYERS) else "")
    return f"ヒント{layer}（{name}）" if name else f"ヒント{layer}"


class Renderer:
    """Renders the directives of one text. Counts the layers of each question's hints on its way through.

    Parameters
    ----------
    hint_count : mapping of str to int
        How many hints each question or exercise has in the whole text.
    leave_out : collection of str
        Kinds that this form of the text does not show.
    others : mapping of str to callable
        Kinds that another module renders.
    """

    def __init__(
        self,
        hint_count: dict[str, int],
        leave_out: tuple[str, ...] = (),
        others: Mapping[str, Callable[[Directive], str]] | None = None,
    ) -> None:
        self._hint_count = hint_count
        self._seen: dict[str, int] = {}
        self._leave_out = leave_out
        self._others = others or {}

    def __call__(self, directive: Directive) -> str | None:
        kind, name, title, body = directive.kind, directive.name, directive.title, directive.body
        if kind in self._leave_out:
            return None
        if kind in self._others:
            return self._others[kind](directive)
        if kind == "hint":
            self._seen[name] = self._seen.get(name, 0) + 1
            return folded(hint_summary(self._seen[name], self._hint_count.get(name, 1), title), body)
        if kind == "answer":
            return folded(f"解答例（{title}）" if title else "解答例", body)
        return box(kind, body, title)


def _fences(markdown: str) -> list[Token]:
    return [token for token in parser().parse(markdown) if token.type == "colon_fence"]


def _read(token: Token, lines: list[str], first_line: int, problems: Collector) -> Directive | None:
    start, end = token.map
    line = first_line + start
    if lines[start].strip()[:1] != ":":
        problems.add(line, "「:::」は行の初めに書いてください（リストの中では字下げだけを前に置けます）。")
        return None
    closing = lines[end - 1].strip()
    if end - 1 == start or set(closing) != {":"} or len(closing) < len(token.markup):
        problems.add(
            line,
            f"「{lines[start].strip()}」を閉じる「{token.markup}」がありません。"
            "途中にコードセルや「+++」があるときは、その前で閉じてください。",
        )
        return None
    match = _INFO.fullmatch(token.info.strip())
    kind = match["kind"] if match else ""
    if kind not in KINDS:
        shown = "、".join(f"{{{k}}}" for k in KINDS)
        problems.add(line, f"「{lines[start].strip()}」は知らない書き方です。使えるもの：{shown}")
        return None
    argument = match["argument"].strip()
    name, title = "", argument
    if kind in (*NAMED, QUESTION):
        name, _, title = argument.partition(" ")
        if not name:
            wanted, example = ("問題の番号", "T14-01") if kind == QUESTION else ("問の名前", "q1")
            problems.add(
                line, f"「{{{kind}}}」には{wanted}を続けて書いてください（例：:::{{{kind}}} {example}）。"
            )
            return None
    return Directive(kind, name, title.strip(), token.content.strip("\n"), line)
