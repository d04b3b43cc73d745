"""Every lesson runs, blank and (with exercises) solved: no error, in time and memory, shows what it says."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from course.build.expected import shows
from course.build.measure import Executed, execute
from course.build.prove import promises, solved_session
from course.build.session import read_session, session_notebook
from course.build.site import Course

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MB = 1000
CPU_SECONDS = {"sessions": 180, "handbook": 60, "exam": 60}

COURSE = Course(ROOT)
TEXTS = {p.stem: p for p in COURSE.lesson_texts()}
VARIANTS = [
    (name, variant)
    for name, path in TEXTS.items()
    for variant in ("blank", "solved")
    if variant == "blank" or ":takara: exercise" in path.read_text(encoding="utf-8")
]
pytestmark = pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=["-".join(v) for v in VARIANTS])


@functools.cache
def executed(name: str, variant: str, folder: Path) -> Executed:
    session = read_session(TEXTS[name], COURSE.datasets, COURSE.bank)
    notebook = solved_session(session) if variant == "solved" else session_notebook(session)
    return execute(notebook, folder)


@pytest.fixture
def run(name: str, variant: str, workspace: Path) -> Executed:
    return executed(name, variant, workspace / "course" / "notebooks")


def test_runs_without_error_or_warning(run: Executed):
    assert run.errors == []


def test_keeps_to_time_and_memory(run: Executed, name: str, variant: str, costs: list[str]):
    costs.append(
        f"{name} ({variant}): {run.seconds:.1f} s (CPU {run.cpu_seconds:.1f} s), {run.peak_mb:.0f} MB"
    )
    assert 0 < run.cpu_seconds < CPU_SECONDS[TEXTS[name].parent.name]
    assert 20 < run.peak_mb < MEMORY_MB


def test_every_japanese_character_has_a_glyph(run: Executed):
    texts = [o.get("text", "") for c in run.notebook.cells for o in c.get("outputs", [])]
    assert not [t for t in texts if "Glyph" in t or "findfont" in t]


def test_shows_what_the_prose_says(run: Executed, name: str, variant: str):
    session = read_session(TEXTS[name], COURSE.datasets, COURSE.bank)
    missing = [
        f"{session.text.shown}:{promise.line}: 「{promise.wanted}」が出力にありません。"
        f"出力：{run.text(promise.cell)[:400]}"
        for promise in promises(session, solved=variant == "solved")
        if not shows(run.text(promise.cell), promise.wanted)
    ]
    assert not missing, "\n".join(missing)
