"""Fixtures of the learner's side."""

from __future__ import annotations

from pathlib import Path

import pytest
from course_on_disk import Course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "clone")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Where the learner's workspace goes."""
    return tmp_path / "workspace"
