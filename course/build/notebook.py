"""Notebooks as bytes that are the same on every machine: fixed metadata, derived cell ids, no outputs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def cell_id(notebook: str, *parts: str) -> str:
    """A cell's id from the notebook's name and the cell's own: ``ps2-q1-answer``."""
    made = "-".join((notebook[:40], *parts))
    if not _ID.fullmatch(made):
        raise ValueError(f"not a valid nbformat cell id: {made!r}")
    return made


class UnnamedIds:
    """Ids for cells without a name: from the notebook, the heading above and the place under that heading.

    An edit inside one section leaves the ids of every other section as they are.
    """

    def __init__(self, notebook: str) -> None:
        self._notebook = notebook
        self._heading = ""
        self._count: dict[str, int] = {}

    def under(self, heading: str) -> None:
        """A new heading begins."""
        self._heading = heading

    def of_prose(self, headings: Sequence[str]) -> str:
        """The id of a prose cell with these headings in it; later cells stand under the last of them."""
        if headings:
            self.under(headings[0])
        identity = self.next("text")
        if headings:
            self.under(headings[-1])
        return identity

    def next(self, kind: str) -> str:
        """The id of the next cell under the present heading."""
        self._count[self._heading] = self._count.get(self._heading, 0) + 1
        key = f"{self._notebook}\n{self._heading}\n{self._count[self._heading]}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:10]
        return cell_id(self._notebook, kind, digest)


def code_cell(identity: str, source: str, metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, id=identity, metadata=nbformat.from_dict(dict(metadata or {})))


def prose_cell(identity: str, source: str, metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(
        source, id=identity, metadata=nbformat.from_dict(dict(metadata or {}))
    )


def new_notebook(cells: Sequence[NotebookNode], takara: Mapping[str, Any]) -> NotebookNode:
    """A notebook with the course's fixed metadata; ``takara`` says which one it is, whatever its name."""
    identities = [cell.id for cell in cells]
    twice = sorted({i for i in identities if identities.count(i) > 1})
    if twice:
        raise ValueError(f"duplicate cell ids: {twice}")
    notebook = nbformat.v4.new_notebook(
        cells=list(cells),
        metadata=nbformat.from_dict(
            {"kernelspec": dict(KERNELSPEC), "language_info": dict(LANGUAGE_INFO), "takara": dict(takara)}
        ),
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return notebook


def to_bytes(notebook: NotebookNode) -> bytes:
    """The file: sorted keys, one space of indent, ``\\n`` line ends, one line end at the end."""
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return (text.rstrip("\n") + "\n").encode("utf-8")
