"""An instructor opens nbgrader's formgrader on the folder that ``takara grade`` wrote."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autograder.grading.classroom import grade_class
from tests.grading import simulated_class
from tests.setup.servers import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 60_000
FEW = {"worked", "blank", "twice-different", "佐藤 花子"}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[simulated_class.SimulatedClass, Path]:
    folder = tmp_path_factory.mktemp("formgrader")
    the_class = simulated_class.make_class(folder / "course", "ps2")
    out = folder / "out"
    grade_class(
        the_class.write(folder / "hand-ins", only=FEW),
        out,
        course=the_class.course_root,
        workers=2,
        cell_timeout_s=20,
    )
    return the_class, out


def test_formgrader_shows_the_same_scores(page, graded, tmp_path: Path) -> None:
    the_class, out = graded
    expected = {m.learner: sum(m.points.values()) for m in the_class.members if m.learner in FEW}
    assert set(expected) == FEW
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={out}",
    ]
    address = f"http://127.0.0.1:{port}"
    with serving(command, f"{address}/api", cwd=out, env=os.environ, log=tmp_path / "lab.log"):
        page.goto(f"{address}/formgrader/manage_submissions/{the_class.assignment}", timeout=PATIENCE_MS)
        page.wait_for_function(
            "n => document.querySelectorAll('table tbody tr').length >= n", arg=len(FEW), timeout=PATIENCE_MS
        )
        header = page.locator("table thead th").all_inner_texts()
        score_at = next(n for n, text in enumerate(header) if "score" in text.lower())
        shown: dict[str, float] = {}
        for line in page.locator("table tbody tr").all():
            cells = line.locator("td").all_inner_texts()
            learner = next(name for name in FEW if any(name in cell for cell in cells[:2]))
            shown[learner] = float(cells[score_at].split("/")[0])
    assert shown == expected
