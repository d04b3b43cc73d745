"""The course that the hostile hand-ins attack: the same questions with plain tests and with Takara's checks.

``plain`` is what any nbgrader course may look like (``==``, partial credit by the last expression, the
comparisons of numpy and pandas), ``checked`` is our own way (``autograder.checks``). Nobody who does not run
the hidden tests can know the word ``kakushi_kotae``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grading"))

import factory

HIDDEN_WORD = "kakushi_kotae"
DATA = "wait_min\n5\n10\n15\n42\n"

RIGHT = {
    "q1": "mean_wait = sum(waits) / len(waits)",
    "q2": "def rate(part, whole):\n    return part / whole",
    "q3": "table = pd.DataFrame({'wait': waits, 'long': [float(w > 10) for w in waits]})",
    "q4": "月曜に人を増やす。",
}
WRONG = {
    "q1": "mean_wait = 3.0",
    "q2": "def rate(part, whole):\n    return 0.5",
    "q3": "table = pd.DataFrame({'wait': [1, 2, 3, 4], 'long': [0.5] * 4})",
    "q4": "わからない。",
}
FULL = {"q1": 3.0, "q2": 2.0, "q3": 4.0}

_TESTS = {
    "plain": {
        "q1": "assert mean_wait == kakushi_kotae_1, '平均が正解と違います。'",
        "q2": "sum(rate(*given) == right for given, right in kakushi_kotae_2)",
        "q3": "np.testing.assert_allclose(table['wait'], kakushi_kotae_3['wait'])\n"
        "pd.testing.assert_frame_equal(table, kakushi_kotae_3)",
    },
    "checked": {
        "q1": "checks.number(mean_wait, kakushi_kotae_1, name='mean_wait')",
        "q2": "checks.function(rate, kakushi_kotae_2, name='rate')",
        "q3": "checks.frame(table, kakushi_kotae_3, name='table')",
    },
}
_EXPECTED = {
    "q1": "kakushi_kotae_1 = 18.0",
    "q2": "kakushi_kotae_2 = [((1, 4), 0.25), ((3, 4), 0.75)]",
    "q3": "kakushi_kotae_3 = pd.DataFrame({'wait': [5, 10, 15, 42], 'long': [0.0, 0.0, 1.0, 1.0]})",
}
_NAMES = {"q1": "mean_wait", "q2": "rate", "q3": "table"}
ASSIGNMENTS = tuple(_TESTS)


def source_notebook(assignment: str) -> NotebookNode:
    """The instructor's notebook, with solutions and hidden tests."""
    cells = [
        factory.prose(f"# 窓口の待ち時間（{assignment}）", "head"),
        factory.given(
            "setup",
            "import csv\nimport numpy as np\nimport pandas as pd\n\n"
            "waits = [int(r['wait_min']) for r in csv.DictReader(open('waits.csv'))]",
        ),
    ]
    for question, points in FULL.items():
        name = _NAMES[question]
        stub = "def rate(part, whole):\n    ..." if question == "q2" else f"{name} = ..."
        cells += [
            factory.prose(f"## 問{question[1]}（{points:g}点）", f"p{question[1]}"),
            factory.answer(
                f"{question}-answer", f"{stub}\n### BEGIN SOLUTION\n{RIGHT[question]}\n### END SOLUTION"
            ),
            factory.test(f"{question}-test", points, _test_source(assignment, question)),
        ]
    cells += [factory.prose("## 問4（1点）", "p4"), factory.written("q4-written", 1, RIGHT["q4"])]
    return factory.notebook(*cells)


def _test_source(assignment: str, question: str) -> str:
    name = _NAMES[question]
    visible = (
        f"from autograder import checks\n\nchecks.written('問{question[1]}', globals(), '{name}')"
        if assignment == "checked"
        else f"assert {name} is not ..., 'まだ書かれていません。'"
    )
    hidden = f"{_EXPECTED[question]}\n{_TESTS[assignment][question]}"
    return f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"


def hand_in(assignment: str, answers: Mapping[str, str]) -> NotebookNode:
    """A learner's notebook with these answers (``{"q1": source}``)."""
    given = {("q4-written" if q == "q4" else f"{q}-answer"): source for q, source in answers.items()}
    return factory.hand_in_of(source_notebook(assignment), given)


def write_course(root: Path) -> None:
    """Write the nbgrader course root."""
    for assignment in ASSIGNMENTS:
        folder = root / "source" / assignment
        folder.mkdir(parents=True)
        nbformat.write(source_notebook(assignment), folder / f"{assignment}.ipynb")
        (folder / "waits.csv").write_text(DATA, encoding="utf-8")
