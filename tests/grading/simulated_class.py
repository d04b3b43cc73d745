"""A class of thirty whose scores are known before anything is graded.

The hand-ins are made from an assignment's release notebook: right, blank, partly done, one for each
planted wrong answer of the assignment's text, and the accidents that happen to real learners. Each
comes with the points that every question must get.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from course.build import prove  # noqa: E402
from course.build.assignment import Assignment, read_assignment  # noqa: E402
from course.build.site import Course, build  # noqa: E402

SIZE = 30
QUESTION_FOR_THE_TEACHER = "平均と中央値は、窓口の報告書でどちらを書けばよいですか。"


@dataclass(frozen=True)
class Member:
    """One learner of the class: what is handed in, and what must come of it."""

    learner: str
    path: str  # below the folder of hand-ins
    notebook: NotebookNode
    points: Mapping[str, float]  # machine-graded questions
    messages: Mapping[str, str] = field(default_factory=dict)  # question → a part of its message
    needs_review: bool = False
    repaired: bool = False


@dataclass(frozen=True)
class SimulatedClass:
    """An assignment, built, and the class that hands it in."""

    assignment: str
    course_root: Path  # nbgrader course root with source/ and release/
    members: tuple[Member, ...] = field(default=())

    def write(self, folder: Path, *, only: set[str] | None = None) -> Path:
        """Write the hand-ins below ``folder``."""
        for m in self.members:
            if only is None or m.learner in only:
                path = folder / m.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(nbformat.writes(m.notebook).encode("utf-8"))
        return folder


def make_class(
    folder: Path, assignment: str = "ps2", *, size: int = SIZE, root: Path = ROOT
) -> SimulatedClass:
    """Build the assignment below ``folder`` and invent the class.

    Parameters
    ----------
    folder : Path
        For the built course; not the repository.
    assignment : str
    size : int
        The accidents come first; learners with right answers fill up the class.
    root : Path
        The clone (or small course) with the texts.
    """
    course = Course(root)
    text = root / "assignments" / "text" / f"{assignment}.md"
    problems = build(course, [text], folder)
    assert not problems, "\n".join(map(str, problems))
    read = read_assignment(text, course.datasets)
    release = nbformat.read(
        folder / "assignments" / "release" / assignment / f"{assignment}.ipynb", as_version=4
    )
    members = [*_proofs(read, release), *_accidents(read, release)]
    right = next(m for m in members if m.learner == "worked")
    n = 0
    while len(members) < size:
        n += 1
        members.append(replace(right, learner=f"right-{n:02}", path=f"right-{n:02}/{assignment}.ipynb"))
    return SimulatedClass(assignment, folder / "assignments", tuple(members))


def _proofs(assignment: Assignment, release: NotebookNode) -> list[Member]:
    """Blank, all right, and each planted mistake."""
    return [
        Member(
            learner=(learner := h.name.replace(" ", "-").replace("(", "").replace(")", "")),
            path=f"{learner}/{assignment.name}.ipynb",
            notebook=h.notebook,
            points=h.points,
            messages={question: wrong.message for question, wrong in h.planted.items()},
        )
        for h in prove.hand_ins(assignment, release)
    ]


def _accidents(assignment: Assignment, release: NotebookNode) -> list[Member]:
    name = assignment.name
    answers = prove.worked_answers(assignment)
    worked = prove.filled(release, answers)
    full = {
        q.name: float(sum(t.role.points for t in q.tests)) for q in assignment.questions.values() if q.tests
    }
    coded = list(full)
    first, middle, last = coded[0], coded[len(coded) // 2], coded[-1]

    def lost(*questions: str) -> dict[str, float]:
        return {q: 0.0 if q in questions else p for q, p in full.items()}

    def spoiled(spoil: Callable[[NotebookNode], None]) -> NotebookNode:
        nb = copy.deepcopy(worked)
        spoil(nb)
        return nb

    def with_answer(question: str, source: str) -> NotebookNode:
        return prove.filled(release, {**answers, f"{question}-answer": source})

    def before_answer(question: str, source: str) -> NotebookNode:
        return with_answer(question, source + "\n" + answers[f"{question}-answer"])

    half = {k: v for k, v in answers.items() if k.split("-")[0] in coded[: len(coded) // 2]}

    def member(learner: str, notebook: NotebookNode, points: Mapping[str, float], **more: object) -> Member:
        path = str(more.pop("path", f"{learner}/{name}.ipynb"))
        return Member(learner, path, notebook, points, **more)  # type: ignore[arg-type]

    return [
        member("partly", prove.filled(release, half), lost(*coded[len(coded) // 2 :])),
        member("renamed", worked, full, path="renamed/無題（最終版）.ipynb"),
        member("佐藤 花子", worked, full, path=f"{name}_佐藤 花子.ipynb"),
        member("cleared", spoiled(_clear_metadata), full, path="cleared/無題.ipynb", repaired=True),
        member("no-test", spoiled(lambda nb: _remove(nb, f"{first}-test")), full, repaired=True),
        member("no-answer", spoiled(lambda nb: _remove(nb, f"{middle}-answer")), lost(middle), repaired=True),
        member("twice-the-same", spoiled(lambda nb: _double(nb, f"{first}-answer")), full, repaired=True),
        member(
            "twice-different",
            spoiled(lambda nb: _double(nb, f"{first}-answer", "# やり直し\n")),
            full,
            repaired=True,
            needs_review=True,
        ),
        member(
            "edited-test",
            _with_edited_test(prove.filled(release, {}), f"{first}-test"),
            lost(*coded),
            repaired=True,
        ),
        member(
            "warns",
            before_answer(
                first, "import sys, warnings\nwarnings.warn('古い書き方です')\nprint('注意', file=sys.stderr)"
            ),
            full,
        ),
        member(
            "endless", with_answer(first, "while True:\n    pass"), lost(first), messages={first: "時間内"}
        ),
        member(
            "dies",
            with_answer(middle, "import os\nos._exit(1)"),
            lost(*coded[coded.index(middle) :]),
            messages={last: "止まった"},
        ),
        member(
            "stuck", with_answer(first, "raise ValueError('だめ')"), lost(first), messages={first: "エラー"}
        ),
        member("asks", spoiled(_ask), full),
    ]


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _index(nb: NotebookNode, grade_id: str) -> int:
    return next(n for n, c in enumerate(nb.cells) if _grade_id(c) == grade_id)


def _remove(nb: NotebookNode, grade_id: str) -> None:
    del nb.cells[_index(nb, grade_id)]


def _double(nb: NotebookNode, grade_id: str, prefix: str = "") -> None:
    at = _index(nb, grade_id)
    twin = copy.deepcopy(nb.cells[at])
    twin["id"] = "twin"
    twin.source = prefix + twin.source
    nb.cells.insert(at + 1, twin)


def _with_edited_test(nb: NotebookNode, grade_id: str) -> NotebookNode:
    nb.cells[_index(nb, grade_id)].source = "pass"
    return nb


def _clear_metadata(nb: NotebookNode) -> None:
    nb.metadata.clear()
    for n, cell in enumerate(nb.cells):
        cell.metadata.clear()
        cell["id"] = f"c{n}"


def _ask(nb: NotebookNode) -> None:
    cell = next(c for c in nb.cells if c.metadata.get("takara", {}).get("role") == "ask")
    cell.source += f"\n\n{QUESTION_FOR_THE_TEACHER}"
