"""What is committed is what the texts say, and holds nothing that learners must not get."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from course.build import directives
from course.build.assignment import read_assignment
from course.build.handbook import read_page
from course.build.leaks import leaks, secrets_of
from course.build.problems import TextError
from course.build.session import read_session
from course.build.site import COMMITTED, Course, compare

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [*Course(ROOT).lesson_texts(), *Course(ROOT).assignment_texts()]


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_text_has_no_problem(course: Course, path: Path):
    try:
        if path in course.assignment_texts():
            questions = read_assignment(path, course.datasets).questions.values()
            assert {item for q in questions for item in q.items} <= course.item_titles().keys()
            assert [q.name for q in questions if not q.items] == [], "what to drill where points are lost"
        else:
            read = read_page if path.parent.name == "handbook" else read_session
            read(path, course.datasets, course.bank)
    except TextError as error:
        pytest.fail(str(error), pytrace=False)


def test_committed_files_are_what_the_texts_make(course: Course, built: Path):
    differences = compare(built, course.root, whole=True)
    listed = "\n".join(map(str, differences))
    assert not differences, f"python -m course.build を実行してください。\n{listed}"


def test_every_text_has_its_notebooks(course: Course):
    names = {p.stem for p in course.lesson_texts()}
    assert {"00-start"} < names, "the start page and at least one session"
    for name in names:
        assert (course.root / f"course/notebooks/{name}.ipynb").is_file()
    assert course.assignment_texts()
    for path in course.assignment_texts():
        assert (course.root / f"assignments/release/{path.stem}/{path.stem}.ipynb").is_file()
        assert (course.root / f"assignments/solutions/{path.stem}.ipynb").is_file()


def committed_notebooks() -> list[Path]:
    return [p for folder in COMMITTED for p in sorted((ROOT / folder).rglob("*.ipynb"))
            if ".ipynb_checkpoints" not in p.parts]  # fmt: skip


@pytest.mark.parametrize("path", committed_notebooks(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_committed_notebook_is_clean(path: Path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.get("execution_count") is None and not cell.get("outputs"), cell.id
        assert cell.source.strip(), cell.id
        if cell.cell_type == "markdown":
            assert ":::" not in cell.source and "{{" not in cell.source, cell.source
        for marker in ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN", "END HIDDEN"):
            assert marker not in cell.source, cell.id


@pytest.fixture(scope="module")
def secrets(course: Course) -> frozenset[str]:
    """Secret lines of every assignment, without lines that lessons teach or that a generator shares."""
    shared = [*course.lesson_texts(), *sorted(course.datasets.rglob("*.py"))]
    public = [p.read_text(encoding="utf-8") for p in shared]
    found = [secrets_of(a, public) for a in course.assignments()]
    assert all(len(s) >= 20 for s in found), "an assignment has at least 20 lines to hide"
    return frozenset().union(*found)


def test_secrets_can_be_found(course: Course, secrets: frozenset[str]):
    """The search works: nearly every secret line stands in the author's own text."""
    found = {leak.line for path in course.assignment_texts() for leak in leaks(path, secrets)}
    assert found == secrets


@pytest.mark.parametrize(
    "folder", ["assignments/release", "course/notebooks", "datasets", "binder", "autograder"]
)
def test_nothing_secret_is_in(folder: str, secrets: frozenset[str]):
    assert leaks(ROOT / folder, secrets) == []


def test_nothing_secret_is_in_a_workspace(workspace: Path, secrets: frozenset[str]):
    assert (workspace / "assignments").is_dir()
    assert leaks(workspace, secrets) == []
    assert not [
        p
        for p in workspace.rglob("*")
        if {"solutions", "text", "source"} & set(p.relative_to(workspace).parts)
    ]


def test_nothing_secret_is_in_the_wheel(tmp_path: Path, secrets: frozenset[str]):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert leaks(wheel, secrets) == []
    names = zipfile.ZipFile(wheel).namelist()
    assert any(n.endswith("materials/assignments/ps2/ps2.ipynb") for n in names), (
        "the wheel carries the release"
    )
    assert not [n for n in names if "solutions/" in n or "assignments/text" in n or "/source/" in n]


def links(markdown: str) -> list[str]:
    return [
        str(child.attrs.get("href") or child.attrs.get("src") or "")
        for token in directives.parser().parse(markdown)
        for child in token.children or ()
        if child.type in ("link_open", "image")
    ]


def test_links_between_the_learners_files_resolve(workspace: Path):
    broken = []
    notebooks = [p for p in sorted(workspace.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    assert notebooks
    for path in notebooks:
        for cell in nbformat.read(path, as_version=nbformat.NO_CONVERT).cells:
            for link in links(cell.source) if cell.cell_type == "markdown" else []:
                parts = urlsplit(link)
                if parts.scheme or not parts.path:
                    continue
                if not (path.parent / unquote(parts.path)).exists():
                    broken.append(f"{path.relative_to(workspace)}: {link}")
    assert not broken, broken
