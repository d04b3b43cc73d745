"""The benchmark itself: it runs, says what it measured, and finds a score that differs."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import grading

import factory  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked kernels")


def small_class(folder: Path, learners: int) -> grading.SchoolClass:
    """Hand-ins that need nothing but the standard library; every second one is wrong."""
    source = factory.source_notebook()
    source.cells.append(factory.given("wait", "import time\ntime.sleep(1)"))  # long enough for ``Memory``
    for step, nb in (("source", source), ("release", factory.release_of(source))):
        path = folder / step / "ps" / "ps.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(nb, path)
        path.with_name("waits.csv").write_text(factory.DATA, encoding="utf-8")
    school = grading.SchoolClass("ps", folder)
    for number in range(learners):
        learner, wrong = f"learner-{number}", number % 2
        answers = {**factory.RIGHT, **({"q1-answer": "mean_wait = 3"} if wrong else {})}
        school.hand_ins[learner, "ps"] = factory.hand_in_of(source, answers)
        school.points |= {(learner, "ps", "q1"): 0.0 if wrong else 3.0, (learner, "ps", "q2"): 2.0}
    return school


def test_two_learners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(grading.CLASSES, "ps", small_class)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = tmp_path / "result.json"
    arguments = ["--learners", "2", "--only", "ps", "--skip-stock", "--ways", "auto", "--json", str(result)]
    assert grading.main(arguments) == 0
    measured = json.loads(result.read_text(encoding="utf-8"))
    assert measured["machine"]["cores"] >= 1 and measured["machine"]["versions"]["nbgrader"]
    ps = measured["classes"]["ps"]
    assert (ps["learners"], ps["hand_ins"]) == (2, 2)
    assert ps["scores_equal"] and ps["differences"] == []
    assert set(ps["ways"]) == {"auto"} and ps["ways"]["auto"]["times_the_floor"] > 0
    assert ps["floor"]["median_seconds"] > 0
    assert ps["memory"]["kernels"] and ps["memory"]["parent_rss_mb"] > 20
    assert "点は同じか：はい" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [result], "nothing else is left"


def test_a_score_that_differs_is_found() -> None:
    school = grading.SchoolClass("ps", Path("nowhere"), points={("hana", "ps2", "q1"): 3.0})
    right = {("hana", "ps2", "q1-test"): 3.0}
    wrong = {("hana", "ps2", "q1-test"): 2.0}
    assert grading.differences(school, right, right) == []
    assert len(grading.differences(school, wrong, right)) == 2
    assert len(grading.differences(school, {}, right)) == 2


def test_hand_ins_have_known_points(tmp_path: Path) -> None:
    school = grading.torch_class(tmp_path, 4)
    assert school.learners == 4 and school.assignments == ["net"]
    sums = [sum(p for (who, *_), p in school.points.items() if who == f"learner-{n:03}") for n in range(4)]
    assert sums == [5, 1, 2, 5]
    assert len({str(nb.cells) for nb in school.hand_ins.values()}) == 4, "no two alike"
