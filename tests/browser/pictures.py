"""Take the README's pictures anew: ``python -m pytest tests/browser/pictures.py``.

Not collected with the tests: a picture of a living page is not the same bytes twice.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.grading.classroom import grade_class
from tests.browser.test_exam import run_cell
from tests.grading import simulated_class
from tests.setup.servers import free_port, serving

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "images"
LESSON = Path("course/notebooks/02-read-data.ipynb")
TRAINER = Path("course/notebooks/exam.ipynb")
PATIENCE_MS = 60_000


@contextlib.contextmanager
def in_lab(page, desk: Path, notebook: Path, log: Path) -> Iterator[None]:
    """JupyterLab in a learner's workspace, with a notebook open."""
    from autograder.learner import lab

    port = free_port()
    command = [*lab.command(desk, port, open_browser=False), "--IdentityProvider.token="]
    address = f"http://127.0.0.1:{port}"
    with serving(command, f"{address}/api", cwd=desk, env=lab.environment(os.environ), log=log):
        page.set_viewport_size({"width": 1280, "height": 860})
        page.goto(f"{address}/lab/tree/{notebook.as_posix()}", timeout=PATIENCE_MS)
        page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=PATIENCE_MS)
        yield


def test_lesson(page, tmp_path: Path) -> None:
    """Session 2 in JupyterLab, run, at its figure of the year's peak."""
    desk = tmp_path / "desk"
    subprocess.run(
        [sys.executable, "-m", "autograder.cli", "init", str(desk)], check=True, capture_output=True
    )
    notebook = nbformat.read(desk / LESSON, as_version=4)
    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(desk / LESSON.parent)}}
    ).execute()
    nbformat.write(notebook, desk / LESSON)
    with in_lab(page, desk, LESSON, tmp_path / "lab.log"):
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


def test_trainer(page, tmp_path: Path) -> None:
    """The exam trainer in JupyterLab: a question of T14 with the reasons of its four choices."""
    desk = tmp_path / "desk"
    subprocess.run(
        [sys.executable, "-m", "autograder.cli", "init", str(desk)], check=True, capture_output=True
    )
    with in_lab(page, desk, TRAINER, tmp_path / "lab.log"):
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=PATIENCE_MS)
        run_cell(page)
        page.locator(".tk [data-key=range]").select_option("item:T14")
        page.locator(".tk [data-key=drill]").click()
        page.wait_for_selector(".tk-main[data-kind=question]", timeout=PATIENCE_MS)
        page.keyboard.press("b")
        page.wait_for_selector(".tk-main[data-kind=answer]", timeout=PATIENCE_MS)
        page.locator(".tk").evaluate("trainer => trainer.scrollIntoView({block: 'start'})")
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / "trainer.png")


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
