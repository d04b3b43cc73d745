"""Every hostile or broken hand-in gets exactly what it deserves and does no harm, all in one class."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import CORPUS, Case
from small_class import ASSIGNMENTS
from trial import Trial, harm_of, harm_to_all, live_html, points_of, run_trial

from autograder.kernels.client import ForkParent, ParentError
from autograder.kernels.sandbox import NoSandbox, choose

pytestmark = pytest.mark.slow

#: Safe to run without walls (in a folder of the test): they show that the probes can see harm.
_SEEN_WITHOUT_WALLS = {
    "reads-course": "BREACH course",
    "writes-outside": "a file outside",
    "tcp": "a server was reached",
    "abstract-socket": "a server was reached",
    "path-socket": "a server was reached",
    "pickle": "a file outside",
}


@pytest.fixture(scope="session")
def walls() -> str:
    """The walls of this machine; the corpus is not run without."""
    try:
        with ForkParent() as parent:
            return choose(parent).tier
    except (NoSandbox, ParentError) as error:
        pytest.skip(f"no walls here: {error}")


@pytest.fixture(scope="session")
def trial(walls: str, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    folder = tmp_path_factory.mktemp("hostile")
    return run_trial(CORPUS, folder)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_outcome_and_harm(case: Case, trial: Trial) -> None:
    record = trial.record(case)
    if case.points is None:
        assert record is None
        reasons = trial.rejected(case)
        assert reasons and all(r.reason and not r.ours for r in reasons)
    else:
        assert record is not None, trial.rejected(case)
        assert points_of(record) == case.points, record
        assert record.needs_review == case.needs_review, record
    if not case.known_limit:
        assert harm_of(case, trial) == []


def test_nobody_else_is_harmed(trial: Trial) -> None:
    assert harm_to_all(trial) == []


def test_everything_handed_in_is_accounted_for(trial: Trial) -> None:
    graded = {(g.record.learner, g.record.assignment) for g in trial.outcome.graded}
    assert len(graded) == len(trial.outcome.graded) == len(trial.records)
    assert trial.outcome.not_reached == 0
    assert {a for _, a in graded} == set(ASSIGNMENTS)
    assert not any(r.ours for r in trial.outcome.rejected), "a hand-in brought our own program down"


def test_the_corpus_is_large_and_says_what_cannot_be_stopped() -> None:
    names = [case.name for case in CORPUS]
    assert len(names) == len(set(names)) >= 60
    assert all(case.tries and case.tries_ja for case in CORPUS)
    assert 0 < sum(bool(case.known_limit) for case in CORPUS) < 15


def test_the_probes_see_harm_where_there_are_no_walls(tmp_path: Path) -> None:
    cases = tuple(case for case in CORPUS if case.name in _SEEN_WITHOUT_WALLS)
    assert not any(case.not_for_stock for case in cases)
    trial = run_trial(cases, tmp_path / "class", sandbox="none")
    for case in cases:
        assert _SEEN_WITHOUT_WALLS[case.name] in "; ".join(harm_of(case, trial)), case.name
    found = "; ".join(harm_to_all(trial))
    assert "files outside" in found and "something arrived at a server" in found


@pytest.mark.parametrize(
    "page",
    [
        "<script>1</script>",
        "<p onclick='x'>",
        "<a href=' java\nscript:x'>",
        "<img src='https://x'>",
        "<iframe>",
    ],
)
def test_live_html_is_found(page: str) -> None:
    assert live_html(page)
    assert not live_html("<p class='x'>&lt;script&gt;</p><img src='data:image/png;base64,AA'>")
