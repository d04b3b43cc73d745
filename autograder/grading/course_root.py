"""Finds an nbgrader course and reads its assignments: Takara's own, or any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import autograder
from autograder.grading.spec import AssignmentSpec, SpecError, read_spec


class CourseError(ValueError):
    """There is no course that can be graded against. The message is for people."""


@dataclass(frozen=True)
class Course:
    """An nbgrader course root and what its assignments consist of."""

    root: Path
    assignments: dict[str, AssignmentSpec]

    def data_dir(self, assignment: str) -> Path:
        """The folder whose data files a hand-in may read."""
        return self.root / "source" / assignment

    def source(self, assignment: str) -> Path:
        spec = self.assignments[assignment]
        return self.root / "source" / assignment / f"{spec.notebook}.ipynb"


def load_course(folder: Path | None = None, only_assignment: str | None = None) -> Course:
    """Read the course at ``folder``, or find Takara's own from here.

    Parameters
    ----------
    folder : Path, optional
        Course root: the folder with ``source/<assignment>/<notebook>.ipynb``.
    only_assignment : str, optional
        Read (and demand) this assignment only.

    Raises
    ------
    CourseError
    """
    root = _given_root(folder) if folder is not None else _find_root()
    source = root / "source"
    names = sorted(p.name for p in source.iterdir() if _notebooks(p)) if source.is_dir() else []
    if not names:
        if (root / "text").is_dir():
            raise CourseError(
                f"採点に使うノートブックが、まだ作られていません（{source} がありません）。"
                f"リポジトリのフォルダー（{root.parent}）で、次のコマンドを実行してください。\n"
                "  python -m course.build"
            )
        raise CourseError(
            f"「{root}」に、課題（source/課題名/課題名.ipynb）がありません。"
            "nbgraderのコースのフォルダーを --course で指定してください。"
        )
    if only_assignment is not None and only_assignment not in names:
        raise CourseError(
            f"課題「{only_assignment}」は、この講座にありません。あるのは {'、'.join(names)} です。"
        )
    specs: dict[str, AssignmentSpec] = {}
    several: list[str] = []
    for name in names:
        notebooks = _notebooks(source / name)
        if len(notebooks) > 1:
            several.append(name)
            continue
        release = root / "release" / name / notebooks[0].name
        try:
            specs[name] = read_spec(notebooks[0], release=release, assignment=name)
        except (SpecError, OSError, ValueError) as error:
            raise CourseError(f"課題「{name}」を読めません（{notebooks[0]}）。\n原因：{error}") from error
    wanted = only_assignment or (several[0] if not specs else None)
    if wanted in several:
        raise CourseError(
            f"課題「{wanted}」にはノートブックが2つ以上あります。"
            "takara grade は、1つの課題に1つのノートブックを採点します。"
            "この課題は nbgrader autograde で採点してください。"
        )
    return Course(root, specs)


def _notebooks(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ipynb")) if folder.is_dir() else []


def _given_root(folder: Path) -> Path:
    folder = folder.resolve()
    for candidate in (folder, folder / "assignments"):
        if (candidate / "source").is_dir() or (candidate / "text").is_dir():
            return candidate
    if not folder.is_dir():
        raise CourseError(f"コースのフォルダー「{folder}」がありません。--course の場所を確かめてください。")
    return folder


def _candidates() -> Iterator[Path]:
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        yield folder / "assignments"
        yield folder
    yield Path(autograder.__file__).resolve().parents[1] / "assignments"


def _find_root() -> Path:
    for candidate in _candidates():
        has_text = any((candidate / "text").glob("*.md"))
        has_source = (candidate / "source").is_dir() and (candidate / "nbgrader_config.py").is_file()
        if has_text or has_source:
            return candidate
    raise CourseError(
        "採点に使うコースのフォルダーが見つかりません。リポジトリのフォルダーで実行するか、"
        "nbgraderのコースのフォルダーを --course で指定してください。"
    )
