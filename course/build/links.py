"""Relative links of the texts: to files that are there, and to headings that are in them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from autograder.exam.syllabus import ITEM

from . import directives
from .glossary import FILE as GLOSSARY
from .problems import Collector, Problem, TextError, shown_path
from .site import Course
from .text import read_text

__all__ = ["Link", "Links", "documents", "links_in"]

NOTEBOOKS = "course/notebooks"

_RELEASED = re.compile(r"assignments/(?P<name>ps\d+)/(?P=name)\.ipynb")


@dataclass(frozen=True)
class Link:
    """A link or a picture."""

    target: str
    line: int  # 1-based, where its paragraph begins


def links_in(markdown: str, first_line: int = 1) -> list[Link]:
    """Every link and picture in prose, those inside directives after those around them."""
    found = list(_outside_directives(markdown, first_line))
    for directive in directives.find(markdown, first_line, Collector("")):
        found.extend(_outside_directives(directive.body, directive.line + 1))
    return found


def documents(course: Course) -> list[Path]:
    """The Markdown files that are no lesson and no assignment, and whose links are checked."""
    root = course.root
    found = [*root.glob("*.md"), *root.glob("course/*/*.md"), *root.glob("datasets/*.md")]
    texts = {*course.lesson_texts(), *course.assignment_texts()}
    return sorted(path for path in found if path not in texts)


class Links:
    """Checks the links of a course's texts.

    Attributes
    ----------
    waiting : dict of str to set of str
        Item without a page as yet → names of the texts that link to it. No mistake until all are written.
    """

    def __init__(self, course: Course) -> None:
        self._root = course.root
        self._lessons = {path.stem: path for path in course.lesson_texts()}
        self._assignments = {path.stem: path for path in course.assignment_texts()}
        self._items = {path.stem[:3] for path in course.handbook_texts()}
        self._headings: dict[Path, set[str]] = {}
        self.waiting: dict[str, set[str]] = {}

    def problems(self, path: Path) -> list[Problem]:
        """What is wrong with the links of one text or document."""
        problems = Collector(shown_path(path))
        for markdown, line in self._prose(path):
            for link in links_in(markdown, line):
                said = self._wrong(path, link.target)
                if said:
                    problems.add(link.line, f"リンク「{unquote(link.target)}」{said}")
        return problems.problems

    def _wrong(self, path: Path, target: str) -> str:
        """What is wrong with a link; "" for nothing."""
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            return ""
        place = path
        if parts.path:
            # where the built file stands, seen from the root
            joined = posixpath.normpath(posixpath.join(self._folder(path), unquote(parts.path)))
            found = self._find(joined)
            if found is None:
                if self._is_to_come(joined, path):
                    return ""
                return "の先にファイルがありません。ファイル名と場所を確かめてください。"
            place = found
        if not parts.fragment or place.suffix != ".md":
            return ""
        if unquote(parts.fragment) in self._anchors(place):
            return ""
        return f"の「#」の後に当たる見出しが {place.name} にありません。見出しを確かめてください。"

    def _folder(self, path: Path) -> str:
        if path in self._lessons.values():
            return NOTEBOOKS
        if path in self._assignments.values():
            return f"assignments/{path.stem}"  # in a learner's workspace
        return path.relative_to(self._root).parent.as_posix()

    def _find(self, target: str) -> Path | None:
        """The file, or for a notebook the text that it is made from."""
        folder, name = posixpath.split(target)
        stem = posixpath.splitext(name)[0]
        if folder == NOTEBOOKS and name.endswith(".ipynb"):
            if name == GLOSSARY and self._items:
                return self._root / NOTEBOOKS / name
            return self._lessons.get(stem)
        released = _RELEASED.fullmatch(target)
        if released:
            return self._assignments.get(released["name"])
        found = self._root / target
        if not found.exists() and folder.startswith("assignments/ps"):  # data beside the assignment
            found = self._root / "datasets" / name
        return found if found.exists() else None

    def _is_to_come(self, target: str, path: Path) -> bool:
        folder, name = posixpath.split(target)
        item = name[:3]
        if folder != NOTEBOOKS or not ITEM.fullmatch(item) or not name.endswith(".ipynb"):
            return False
        if item in self._items:
            return False
        self.waiting.setdefault(item, set()).add(path.stem)
        return True

    def _anchors(self, path: Path) -> set[str]:
        """What may stand after a ``#``: Lab's names in lessons, GitHub's in other documents."""
        if path not in self._headings:
            slug = _in_github if path in documents(Course(self._root)) else _in_lab
            self._headings[path] = {
                slug(heading)
                for markdown, _ in self._prose(path)
                for heading in directives.heading_texts(markdown)
            }
        return self._headings[path]

    def _prose(self, path: Path) -> Iterator[tuple[str, int]]:
        """(Markdown, its first line) of the file; nothing of a text that cannot be read (told elsewhere)."""
        if path not in self._lessons.values() and path not in self._assignments.values():
            yield path.read_text(encoding="utf-8"), 1
            return
        try:
            cells = read_text(path, {}, Collector("")).cells
        except TextError:
            return
        yield from ((cell.source, cell.line) for cell in cells if cell.kind == "markdown")


def _outside_directives(markdown: str, first_line: int) -> Iterator[Link]:
    line = first_line
    for token in directives.parser().parse(markdown):
        if token.map:
            line = first_line + token.map[0]
        for child in token.children or ():
            if child.type in ("link_open", "image"):
                yield Link(str(child.attrs.get("href") or child.attrs.get("src") or ""), line)


def _in_lab(heading: str) -> str:
    return re.sub(r"[`*]", "", heading).replace(" ", "-")


def _in_github(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
