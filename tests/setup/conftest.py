"""What the set-up tests share: the lines that no learner may get."""

from __future__ import annotations

import pytest

from course.build.leaks import secrets_of
from course.build.site import Course
from tests.setup.clones import ROOT


@pytest.fixture(scope="session")
def secrets() -> frozenset[str]:
    """Every line of every assignment that only its author may see."""
    course = Course(ROOT)
    lessons = [path.read_text(encoding="utf-8") for path in course.session_texts()]
    found = frozenset().union(*(secrets_of(assignment, lessons) for assignment in course.assignments()))
    assert len(found) > 20, "the assignments' texts must hold solutions, or this proves nothing"
    return found
