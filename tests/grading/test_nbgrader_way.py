"""The plain nbgrader way: every command of nbgrader, with our configuration, on a course of its own."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import factory
import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.grading.grade import grade_hand_in
from autograder.grading.records import HandIn

CONFIG = """
from autograder.grading.nbgrader_config import configure
c = get_config()
configure(c)
c.CourseDirectory.course_id = "takara"
c.Exchange.root = {exchange!r}
c.Exchange.assignment_dir = {learner!r}
"""

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "PYTHONPATH": os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]),
}

WARNS = {
    **factory.RIGHT,
    "q1-answer": "import sys\nmean_wait = sum(waits) / len(waits)\nprint('!', file=sys.stderr)",
}
WRONG = {"q1-answer": "mean_wait = 3", "q2-answer": "def rate(part, whole):\n    return part // whole"}
PEEKS = {
    **factory.RIGHT,
    "q1-answer": "mean_wait = 3",
    "q2-answer": "def rate(part, whole):\n    return In[-1]",
}


def _without_test(nb):
    nb.cells.remove(factory.cell_of(nb, "q1-test"))


def _with_script(nb):
    folded = "<details><summary>ヒント</summary>\n\n`a < b`\n\n</details>"
    nb.cells.insert(0, nbformat.v4.new_markdown_cell(f"<script>alert('md')</script>\n\n{folded}"))
    shown = "<table><tr><td>1</td></tr></table><script>alert(1)</script>"
    nb.cells.insert(0, factory.code(f"from IPython.display import HTML\nHTML('{shown}')"))
    nb.cells.insert(0, factory.code("import warnings\nwarnings.warn('古い書き方')"))
    nb.cells.insert(0, factory.code("import numpy\nnumpy.linalg.inv(numpy.zeros((2, 2)))"))


HAND_INS = {
    "hana": factory.hand_in_of(factory.source_notebook()),
    "ichiro": factory.spoiled(lambda nb: None, WARNS),
    "jiro": factory.spoiled(lambda nb: None, WRONG),
    "kaori": factory.spoiled(_without_test),
    "midori": factory.spoiled(_with_script, PEEKS),
}
POINTS = {"hana": 5.0, "ichiro": 5.0, "jiro": 0.0, "kaori": 5.0, "midori": 0.0}


class Course:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.learner = root.parent / "learner"

    def nbgrader(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *args],
            cwd=cwd or self.root,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course that went through the commands of nbgrader, from source to export."""
    base = tmp_path_factory.mktemp("nbgrader-way")
    course = Course(base / "course")
    (course.root / "source" / "ps").mkdir(parents=True)
    exchange = base / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    course.learner.mkdir()
    config = CONFIG.format(exchange=str(exchange), learner="")
    (course.root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    (course.root / "source" / "ps" / "waits.csv").write_text(factory.DATA, encoding="utf-8")
    nbformat.write(factory.source_notebook(), course.root / "source" / "ps" / "ps.ipynb")

    course.nbgrader("generate_assignment", "ps")
    course.nbgrader("release_assignment", "ps")
    # A learner hands in through the exchange, the others by a zip.
    (course.learner / "nbgrader_config.py").write_text(config, encoding="utf-8")
    first, *others = HAND_INS
    (course.learner / "ps").mkdir()
    nbformat.write(HAND_INS[first], course.learner / "ps" / "ps.ipynb")
    course.nbgrader("submit", "ps", cwd=course.learner)
    course.nbgrader("collect", "ps")
    (collected,) = (course.root / "submitted").iterdir()
    collected.rename(course.root / "submitted" / first)
    archive = course.root / "downloaded" / "ps" / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "class.zip", "w") as z:
        for learner in others:
            z.writestr(f"{learner}/ps.ipynb", factory.to_bytes(HAND_INS[learner]))
    course.nbgrader(
        "zip_collect", "ps",
        r"--FileNameCollectorPlugin.named_regexp=.*/(?P<student_id>\w+)/(?P<file_id>\w+)\.ipynb$",
    )  # fmt: skip
    course.nbgrader("autograde", "ps")
    course.nbgrader("generate_feedback", "ps")
    course.nbgrader("export", "--to=grades.csv")
    return course


def test_release_has_our_stubs_and_no_hidden_test(course: Course) -> None:
    released = (course.root / "release" / "ps" / "ps.ipynb").read_text(encoding="utf-8")
    assert "secret_mean" not in released and "HIDDEN" not in released
    assert all(stub in released for stub in factory.STUBS)
    assert "sum(waits) / len(waits)" not in released


def test_scores_equal_ours(course: Course) -> None:
    spec = factory.spec_of(factory.source_notebook())
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "takara") as gb:
        for learner, points in POINTS.items():
            content = (course.root / "submitted" / learner / "ps" / "ps.ipynb").read_bytes()
            ours = grade_hand_in(
                HandIn(learner, "ps", "ps.ipynb", content), spec, data_dir=course.root / "source" / "ps"
            )
            assert isinstance(ours, tuple)
            assert ours[0].points == points, learner
            for result in ours[0].results:
                grade = gb.find_grade(result.grade_id, "ps", "ps", learner)
                manual = result.status == "manual"
                assert grade.auto_score == (None if manual else result.points), (learner, result)
                assert grade.needs_manual_grade == (manual or result.status == "needs_review")


def test_export_has_the_scores(course: Course) -> None:
    with open(course.root / "grades.csv", encoding="utf-8") as file:
        rows = {r["student_id"]: float(r["score"]) for r in csv.DictReader(file)}
    assert rows == POINTS


def test_feedback_is_safe_to_open_and_to_give(course: Course) -> None:
    for learner in POINTS:
        page = (course.root / "feedback" / learner / "ps" / "ps.html").read_text(encoding="utf-8")
        assert "secret_mean" not in page, learner
        assert "<script>alert" not in page
        assert not re.search(r"""(?:src|href)=["']https?://""", page)
        assert not re.search(r"""(?:import|from)\s+["']https?://""", page)
        assert sysconfig.get_path("purelib") not in page and str(REPO) not in page
        assert not re.search(r"takara-\w+/", page), "a folder of the machine that graded"
    page = (course.root / "feedback" / "jiro" / "ps" / "ps.html").read_text(encoding="utf-8")
    assert "不正解（0 / 3点）" in page and "平均が正解と違います" in page
    page = (course.root / "feedback" / "midori" / "ps" / "ps.html").read_text(encoding="utf-8")
    assert "<td>1</td>" in page and "<summary>ヒント</summary>" in page, "tables and hints stay readable"
    assert "<code>a &lt; b</code>" in page and "LinAlgError" in page and "古い書き方" in page


def test_autograded_notebooks_are_what_was_run(course: Course) -> None:
    nb = nbformat.read(course.root / "autograded" / "kaori" / "ps" / "ps.ipynb", as_version=4)
    nbformat.validate(nb)
    assert "secret_mean" in factory.cell_of(nb, "q1-test").source
    assert nb.metadata.takara.repairs[0].what.startswith("消えていた")
