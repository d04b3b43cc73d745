"""Where the course materials are: packed in the wheel, or in the clone of an editable install.

The package ships no lesson of its own. ``find_materials`` finds the folder with the generated notebooks, the
released assignments and the data sets, wherever this installation has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["START_PAGE", "Materials", "MaterialsNotFound", "find_materials"]

START_PAGE = PurePosixPath("course/notebooks/00-start.ipynb")
"""The start page, relative to a workspace."""

_DATA_SUFFIXES = {".csv", ".npz", ".md", ".png", ".json", ".xlsx", ".txt"}
_NEVER_DELIVERED = {"__pycache__", ".ipynb_checkpoints", "generate", "instructor", "resources"}


class MaterialsNotFound(Exception):
    """This installation has no course materials. The message is for people (Japanese)."""


@dataclass(frozen=True)
class Materials:
    """The course materials of this installation.

    Parameters
    ----------
    root : Path
        The repository's root (a clone) or ``autograder/materials`` (a wheel).
    is_clone : bool
        Whether ``root`` is a clone: the released assignments are then in ``assignments/release``.
    """

    root: Path
    is_clone: bool = False

    @property
    def notebooks(self) -> Path:
        return self.root / "course" / "notebooks"

    @property
    def assignments(self) -> Path:
        """Folder of the learners' assignments: one folder each (``ps2/ps2.ipynb`` and its data files)."""
        return self.root / "assignments" / "release" if self.is_clone else self.root / "assignments"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def exam(self) -> Path:
        """Folder of the exam trainer: ``syllabus.yaml``, ``blueprints.yaml``, ``questions/``."""
        return self.root / "course" / "exam"

    def exam_files(self) -> dict[PurePosixPath, Path]:
        """Every file of :attr:`exam`: its path relative to :attr:`root`, and where it is."""
        place = PurePosixPath("course/exam")
        return {
            place / path.relative_to(self.exam).as_posix(): path
            for path in _files_under(self.exam)
            if path.suffix == ".yaml"
        }

    def files(self) -> dict[PurePosixPath, Path]:
        """Every file a workspace gets: its path in the workspace, and where it is copied from."""
        found: dict[PurePosixPath, Path] = {}
        for folder, place, wanted in (
            (self.notebooks, PurePosixPath("course/notebooks"), lambda p: p.suffix == ".ipynb"),
            (self.assignments, PurePosixPath("assignments"), lambda p: True),
            (self.datasets, PurePosixPath("datasets"), lambda p: p.suffix in _DATA_SUFFIXES),
        ):
            for path in _files_under(folder):
                if wanted(path):
                    found[place / path.relative_to(folder).as_posix()] = path
        return dict(sorted(found.items()))


def _files_under(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part in _NEVER_DELIVERED or part.startswith(".") for part in parts):
            continue
        if path.is_file():
            yield path


def find_materials(package: Path | None = None) -> Materials:
    """Find the materials that belong to the installed package.

    Parameters
    ----------
    package : Path, optional
        Folder of the ``autograder`` package; by default the one that is running.

    Raises
    ------
    MaterialsNotFound
        When neither the wheel's copy nor a clone's folders are there.
    """
    package = (package or Path(__file__).parent).resolve()
    packed = Materials(package / "materials")
    if packed.notebooks.is_dir():
        return packed
    clone = Materials(package.parent, is_clone=True)
    if clone.notebooks.is_dir() and (clone.root / "pyproject.toml").is_file():
        return clone
    raise MaterialsNotFound(
        "教材のファイルが見つかりません。"
        "リポジトリのフォルダーで「pip install -e .」を実行するか、配布されたファイル"
        "（takara-….whl）を入れ直してください。\n"
        f"原因: no course/notebooks in {packed.root} nor in {clone.root}"
    )
