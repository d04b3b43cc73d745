"""What the builder's tests share: the real course, a small course of their own, both built once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, Path(__file__).resolve().parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from course.build.site import Course, build  # noqa: E402


@pytest.fixture(scope="session")
def course() -> Course:
    """The repository's own course."""
    return Course(ROOT)


@pytest.fixture(scope="session")
def built(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the repository's texts make, built afresh."""
    out = tmp_path_factory.mktemp("built")
    problems = build(course, [*course.session_texts(), *course.assignment_texts()], out)
    assert not problems, "\n".join(map(str, problems))
    return out


@pytest.fixture
def small(tmp_path: Path) -> Course:
    """A course of one lesson and one assignment, to be edited by a test."""
    import small_course

    return small_course.make(tmp_path / "small")
