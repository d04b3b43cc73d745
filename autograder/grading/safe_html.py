"""What nbgrader's pages (formgrader, feedback) show of a hand-in: tables and pictures, but nothing that runs.

The formgrader is a page of the instructor's own JupyterLab: a script in a learner's answer would act
there with the instructor's rights. So HTML is cleaned after it was made from Markdown, and in outputs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

__all__ = ["SafeHTML", "safe_html", "safe_markdown"]

_ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "*": {"class"}, "table": {"border"}}  # as pandas writes it
_SHOWN = ("text/plain", "text/html", "text/markdown", "image/png", "image/jpeg")


class SafeHTML(Preprocessor):
    """Keeps of every output what can be shown safely."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "raw":  # shown as HTML
            cell.source = safe_html(cell.source)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode(
                    {
                        kind: safe_html(value) if kind == "text/html" else value
                        for kind, value in output.data.items()
                        if kind in _SHOWN
                    }
                )
                output.metadata = NotebookNode()
        return cell, resources


@pass_context
def safe_markdown(context: Context, source: str) -> str:
    """nbconvert's filter ``markdown2html`` with clean HTML as its result."""
    return safe_html(_exporter().markdown2html(context, source))


def safe_html(html: str | list[str]) -> str:
    """HTML without scripts, forms, styles and pictures from elsewhere."""
    text = html if isinstance(html, str) else "".join(html)
    return nh3.clean(
        text,
        attributes=_ATTRIBUTES,
        attribute_filter=_without_remote_pictures,
        url_schemes={"data", "http", "https", "mailto"},
    )


def _without_remote_pictures(tag: str, attribute: str, value: str) -> str | None:
    remote = (tag, attribute) == ("img", "src") and not value.startswith("data:image/")
    return None if remote else value


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter()
