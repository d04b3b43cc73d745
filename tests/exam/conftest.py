"""What the tests of the trainer share: a small course, and a clock that they set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.exam.bank import Bank
from autograder.exam.syllabus import Syllabus, read_syllabus
from autograder.exam.trainer import Trainer, read_questions
from autograder.materials import Materials
from tests.exam.clocks import Clock
from tests.exam.small_exam import write_exam


@pytest.fixture(scope="session")
def small_materials(tmp_path_factory: pytest.TempPathFactory) -> Materials:
    """A small course; read only. A test that changes it writes its own with ``write_exam``."""
    return write_exam(tmp_path_factory.mktemp("exam"))


@pytest.fixture(scope="session")
def small_bank(small_materials: Materials) -> Bank:
    return read_questions(small_materials.exam / "questions")[0]


@pytest.fixture(scope="session")
def small_syllabus(small_materials: Materials) -> Syllabus:
    return read_syllabus(small_materials.root)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_trainer(
    tmp_path: Path, small_materials: Materials, clock: Clock
) -> Iterator[Callable[..., Trainer]]:
    """Opens the same progress file again and again."""
    opened: list[Trainer] = []

    def open_it(materials: Materials = small_materials) -> Trainer:
        opened.append(Trainer(tmp_path / "progress.sqlite3", materials, clock=clock))
        return opened[-1]

    yield open_it
    for trainer in opened:
        trainer.close()
