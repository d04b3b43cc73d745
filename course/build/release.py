"""The learner's release, made by ``nbgrader generate_assignment`` itself through its Python API."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import nbformat
from traitlets.config import Config

from .notebook import to_bytes


class ReleaseError(RuntimeError):
    """nbgrader refused an assignment. The text of the error is nbgrader's log."""


def nbgrader_config(course_root: Path) -> Config:
    """nbgrader's configuration for a build: our settings and no gradebook; nothing is read from the machine.

    It is what ``nbgrader generate_assignment --no-db`` does. The one step that is left out, SaveCells, writes
    to the gradebook and changes no notebook.
    """
    from nbgrader.converters import GenerateAssignment

    from autograder.grading.nbgrader_config import configure

    config = Config()
    configure(config)
    config.CourseDirectory.root = str(course_root)
    config.GenerateAssignment.no_database = True
    steps = GenerateAssignment.preprocessors.default()
    config.GenerateAssignment.preprocessors = [step for step in steps if step.__name__ != "SaveCells"]
    return config


def generate(course_root: Path, names: Sequence[str]) -> None:
    """Make ``release/<name>/`` from ``source/<name>/`` below ``course_root`` for each name.

    Raises
    ------
    ReleaseError
    """
    from nbgrader.apps import NbGraderAPI

    api = NbGraderAPI(config=nbgrader_config(course_root))
    api.log.setLevel(logging.ERROR)
    for name in names:
        result = api.generate_assignment(name, force=True, create=True)
        if not result["success"]:
            raise ReleaseError(f"{name}\n{result.get('log', '')}\n{result.get('error', '')}")
        for path in sorted((course_root / "release" / name).glob("*.ipynb")):
            path.write_bytes(to_bytes(nbformat.read(path, as_version=nbformat.NO_CONVERT)))
