"""The handbook page that teaches an item."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.materials import Materials

from .syllabus import Syllabus

__all__ = ["Page", "Pages"]

_NOTEBOOKS = PurePosixPath("course/notebooks")


@dataclass(frozen=True)
class Page:
    """Where an item is taught."""

    item: str  # "T14"
    title: str  # "正則化"
    notebook: PurePosixPath | None  # relative to a workspace; None: there is no such page

    def __str__(self) -> str:
        where = f"（{self.notebook}）" if self.notebook else ""
        return f"{self.item} {self.title}{where}"


class Pages:
    """The pages of the handbook, by item."""

    def __init__(self, syllabus: Syllabus, materials: Materials) -> None:
        self._titles = {item.id: item.title for item in syllabus.items.values()}
        self._names = _names(materials.notebooks)

    def page(self, item: str) -> Page:
        name = self._names.get(item)
        return Page(item, self._titles.get(item, ""), _NOTEBOOKS / name if name else None)


def _names(folder: Path) -> dict[str, str]:
    """Item → file name ("T14-regularization.ipynb")."""
    return {path.name.partition("-")[0]: path.name for path in sorted(folder.glob("[TL][0-9][0-9]-*.ipynb"))}
