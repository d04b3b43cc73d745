"""Take the README's pictures anew: ``python -m pytest tests/browser/pictures.py``.

Not collected with the tests: a picture of a living page is not the same bytes twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.grading.classroom import grade_class
from tests.grading import simulated_class
from tests.setup.servers import free_port, serving

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "images"
LESSON = Path("course/notebooks/02-read-data.ipynb")
PATIENCE_MS = 60_000


def test_lesson(page, tmp_path: Path) -> None:
    """Session 2 in JupyterLab, run, at its figure of the year's peak."""
    from autograder.learner import lab

    desk = tmp_path / "desk"
    subprocess.run(
        [sys.executable, "-m", "autograder.cli", "init", str(desk)], check=True, capture_output=True
    )
    notebook = nbformat.read(desk / LESSON, as_version=4)
    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(desk / LESSON.parent)}}
    ).execute()
    nbformat.write(notebook, desk / LESSON)
    port = free_port()
    command = [*lab.command(desk, port, open_browser=False), "--IdentityProvider.token="]
    address = f"http://127.0.0.1:{port}"
    with serving(
        command, f"{address}/api", cwd=desk, env=lab.environment(os.environ), log=tmp_path / "lab.log"
    ):
        page.set_viewport_size({"width": 1280, "height": 860})
        page.goto(f"{address}/lab/tree/{LESSON.as_posix()}", timeout=PATIENCE_MS)
        page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=PATIENCE_MS)
        heading = page.locator(".jp-NotebookPanel h3", has_text="季節と移動平均")
        page.locator(".jp-NotebookPanel .jp-CodeCell").first.hover()
        for _ in range(80):
            if heading.count():
                break
            page.mouse.wheel(0, 600)
            page.wait_for_timeout(150)
        heading.first.scroll_into_view_if_needed()
        page.wait_for_timeout(2500)
        page.screenshot(path=IMAGES / "lesson.png")


def test_report(page, tmp_path: Path) -> None:
    """The class report on a simulated class of thirty."""
    the_class = simulated_class.make_class(tmp_path / "course", "ps2")
    out = tmp_path / "out"
    grade_class(
        the_class.write(tmp_path / "in"), out, course=the_class.course_root, workers=2, cell_timeout_s=20
    )
    page.set_viewport_size({"width": 1000, "height": 1100})
    page.goto((out / "report.html").as_uri())
    page.screenshot(path=IMAGES / "report.png")
