"""Course materials are found in a wheel and in a clone, and only what learners need is delivered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.materials import Materials, MaterialsNotFound, find_materials

WANTED = [
    "assignments/ps2/ps2.ipynb",
    "assignments/ps2/window_visits.csv",
    "course/notebooks/00-start.ipynb",
    "course/notebooks/02-read-data.ipynb",
    "datasets/messy/window_daily_r6.csv",
    "datasets/window_daily.csv",
    "datasets/window_daily.md",
]


def test_clone(course):
    (course.root / "autograder").mkdir()
    found = find_materials(course.root / "autograder")
    assert found == Materials(course.root, is_clone=True)
    assert [str(place) for place in found.files()] == WANTED


def test_wheel_comes_before_clone(course):
    package = course.root / "autograder"
    packed = package / "materials"
    (packed / "course").mkdir(parents=True)
    (course.root / "course" / "notebooks").rename(packed / "course" / "notebooks")
    (course.root / "assignments" / "release").rename(packed / "assignments")
    (course.root / "datasets").rename(packed / "datasets")
    found = find_materials(package)
    assert found == Materials(packed)
    assert [str(place) for place in found.files()] == WANTED


def test_maintainers_files_are_not_delivered(course):
    for name in (
        "datasets/build.py",
        "datasets/generate/window.py",
        "datasets/generate/notes.md",
        "datasets/__pycache__/build.cpython-311.pyc",
        "course/notebooks/.ipynb_checkpoints/00-start-checkpoint.ipynb",
        "assignments/source/ps2/ps2.ipynb",
        "assignments/solutions/ps2.ipynb",
        "assignments/text/ps2.md",
    ):
        course.put(name, b"{}")
    assert [str(place) for place in course.materials.files()] == WANTED


def test_the_exam_is_part_of_the_installation_and_of_no_workspace(course):
    for name in ("syllabus.yaml", "questions/T01.yaml", "questions/.T01.yaml.swp", "notes.txt"):
        course.put(f"course/exam/{name}", b"{}")
    assert course.materials.exam == course.root / "course" / "exam"
    assert [str(place) for place in course.materials.exam_files()] == [
        "course/exam/questions/T01.yaml",
        "course/exam/syllabus.yaml",
    ]
    assert [str(place) for place in course.materials.files()] == WANTED


def test_nothing_there_is_told_in_japanese(tmp_path: Path):
    (tmp_path / "autograder").mkdir()
    with pytest.raises(MaterialsNotFound, match="教材のファイルが見つかりません"):
        find_materials(tmp_path / "autograder")


def test_this_clone_delivers_its_start_page(repo: Path):
    files = find_materials().files()
    names = [str(place) for place in files]
    assert "course/notebooks/00-start.ipynb" in names
    assert not [name for name in names if re.search(r"\.py$|solution|/source/|generate/", name)]
    assert all(path.is_file() and path.is_relative_to(repo) for path in files.values())
