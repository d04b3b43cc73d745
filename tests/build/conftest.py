"""What the builder's tests share: the real course built once, a small course, a list of what runs cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.build.site import Course, build

ROOT = Path(__file__).resolve().parents[2]
COSTS: list[str] = []


@pytest.fixture(scope="session")
def course() -> Course:
    """The repository's own course."""
    return Course(ROOT)


@pytest.fixture(scope="session")
def built(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the repository's texts make, built afresh; texts with problems are left out."""
    out = tmp_path_factory.mktemp("built")
    build(course, [*course.lesson_texts(), *course.assignment_texts()], out)
    return out


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner's workspace as ``takara init`` makes it from this clone."""
    from autograder.learner.workspace import init
    from autograder.materials import Materials

    folder = tmp_path_factory.mktemp("learner") / "workspace"
    init(folder, Materials(ROOT, is_clone=True))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Course:
    """A course of one lesson and one assignment, to be edited by a test."""
    import small_course

    return small_course.make(tmp_path / "small")


@pytest.fixture(scope="session")
def costs() -> list[str]:
    """Lines for the summary: what each notebook took."""
    return COSTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COSTS:
        terminalreporter.section("what the notebooks took")
        for line in COSTS:
            terminalreporter.write_line(line)
