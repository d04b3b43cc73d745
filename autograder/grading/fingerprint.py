"""Tells whether a hand-in needs grading again: a digest of everything that its record depends on."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path

import autograder
from autograder.grading.course_root import Course
from autograder.grading.records import HandIn

__all__ = ["Fingerprints"]

_PACKAGES_THAT_MATTER = ("ipykernel", "matplotlib", "nbclient", "numpy", "pandas", "scikit-learn", "torch")


class Fingerprints:
    """A fingerprint of everything that a record depends on."""

    def __init__(self, course: Course, cell_timeout_s: float, notebook_timeout_s: float) -> None:
        environment = [platform.python_version(), sys.platform, f"{cell_timeout_s}", f"{notebook_timeout_s}"]
        for package in _PACKAGES_THAT_MATTER:
            try:
                environment.append(f"{package} {metadata.version(package)}")
            except metadata.PackageNotFoundError:
                continue
        package_folder = Path(autograder.__file__).parent
        self._common = _digest(*environment, *_files(package_folder, "*.py"))
        self._assignments = {
            name: _digest(*_files(course.data_dir(name), "*"), *_files(course.root / "release" / name, "*"))
            for name in course.assignments
        }

    def of(self, hand_in: HandIn) -> str:
        return _digest(
            self._common,
            self._assignments[hand_in.assignment],
            hand_in.learner,
            hand_in.assignment,
            hand_in.name,
            hand_in.content,
        )


def _files(folder: Path, pattern: str) -> list[bytes]:
    parts: list[bytes] = []
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            parts += [path.relative_to(folder).as_posix().encode(), path.read_bytes()]
    return parts


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
