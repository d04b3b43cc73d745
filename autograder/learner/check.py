"""A learner looks at their own assignment: which questions are right, and a hint for those that are not.

The notebook is read, repaired and run as the instructor's grading would do it (:mod:`autograder.grading`),
against the released assignment, so only with the visible tests. The learner's file is never written to.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from autograder.grading.records import GradeRecord
from autograder.materials import Materials, MaterialsNotFound, find_materials

__all__ = ["CheckError", "check", "find_notebook", "find_release"]


class CheckError(Exception):
    """A notebook could not be checked. The message is for people (Japanese), the cause on its last line."""


def find_notebook(given: Path, start: Path | None = None) -> Path:
    """The notebook a learner means: a path from here, or from the top of the workspace that ``start`` is in.

    Lab opens its terminal in whatever folder is shown, so ``assignments/ps2/ps2.ipynb`` is also looked for
    from the workspace's top. What is found nowhere is returned as it was given.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if folder == start or (folder / ".takara").is_dir():
            candidate = folder / given
            if candidate.exists():
                return candidate
    return given


def find_release(notebook: NotebookNode, name: str, materials: Materials) -> Path | None:
    """The released notebook of the same assignment: by metadata, else by cells, else by file name.

    Returns ``None`` when that is not clear; the tests in the learner's own notebook must do then.
    """
    released = {
        path.stem: path for path in materials.assignments.glob("*/*.ipynb") if path.stem == path.parent.name
    }
    takara = notebook.metadata.get("takara", {})
    if takara.get("assignment") in released:
        return released[takara["assignment"]]
    cells = _graded(notebook)
    if cells:
        same = [path for path in released.values() if cells & _graded(_read(path))]
    else:
        same = [path for known, path in released.items() if name.lower().startswith(known.lower())]
    return same[0] if len(same) == 1 else None


def _graded(notebook: NotebookNode) -> set[tuple[str, str]]:
    """Graded cells by id and title: two assignments share ids such as ``q1-test``, but not titles."""
    return {
        (str(cell.metadata["nbgrader"].get("grade_id")), str(cell.metadata["takara"].get("title")))
        for cell in notebook.cells
        if isinstance(cell.metadata.get("nbgrader"), dict) and isinstance(cell.metadata.get("takara"), dict)
    }


def _read(path: Path) -> NotebookNode:
    from autograder.grading.grade import read_notebook

    return read_notebook(path.read_bytes())


def check(notebook: Path, materials: Materials | None = None) -> GradeRecord:
    """Run the visible tests of the learner's notebook.

    Raises
    ------
    CheckError
        It could not be read or run at all.
    """
    from autograder.grading.grade import Unreadable, check_notebook
    from autograder.grading.run import KernelStartError

    path = find_notebook(notebook)
    if path.is_dir():
        inside = _examples(path)
        raise CheckError(f"{notebook} はフォルダーです。中のノートブックを指定してください（{inside}）。")
    if not path.exists():
        raise CheckError(
            f"{notebook} が見つかりません。"
            "場所と名前を確かめてください（例: takara check assignments/ps2/ps2.ipynb）。"
        )
    try:
        release = find_release(_read(path), path.stem, materials or find_materials())
    except (MaterialsNotFound, Unreadable, OSError):
        release = None  # unreadable: ``check_notebook`` says in which way
    try:
        return check_notebook(path, release=release)
    except Unreadable as error:
        raise CheckError(f"{error}\n原因: {error.detail or path}") from error
    except KernelStartError as error:
        raise CheckError(
            "ノートブックを動かす Python を起動できませんでした。"
            "takara doctor を実行すると、直し方がわかります。\n"
            f"原因: {error}"
        ) from error


def _examples(folder: Path) -> str:
    names: Iterable[Path] = sorted(folder.glob("*.ipynb"))[:3]
    return "、".join(f"{path.name}" for path in names) or "例: assignments/ps2/ps2.ipynb"
