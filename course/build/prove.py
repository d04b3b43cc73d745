"""Variants of the built notebooks that tests run to prove a text right.

A lesson is run as it is and once more with the worked answer after each exercise. An assignment is handed
in with every worked answer (full marks), blank (nothing), and once for each planted wrong answer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

from . import stub
from .assignment import Assignment, Wrong, without_directives
from .notebook import cell_id, code_cell
from .session import Session, exercise_id, session_notebook, shown_strings


@dataclass(frozen=True)
class Promise:
    """A string that the prose promises in the output of one cell."""

    cell: str  # cell id
    wanted: str
    line: int  # of the cell in the text


def solved_session(session: Session) -> NotebookNode:
    """The lesson with each worked answer in a cell of its own, right after the exercise's cell."""
    notebook = session_notebook(session)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        for exercise in session.exercises.values():
            if cell.id == exercise_id(session, exercise.name):
                cells.append(code_cell(worked_id(session, exercise.name), exercise.answer))
    notebook.cells = cells
    return notebook


def worked_id(session: Session, exercise: str) -> str:
    """The id of the cell that holds a worked answer in :func:`solved_session`."""
    return cell_id(session.name, "worked", exercise.replace("_", "-"))


def promises(session: Session, *, solved: bool) -> list[Promise]:
    """What must appear in the outputs: ``:shows:`` strings; with ``solved`` also each exercise's goal."""
    notebook = session_notebook(session)
    made = [
        Promise(built.id, wanted, cell.line)
        for cell, built in zip(session.text.cells, notebook.cells, strict=True)
        for wanted in shown_strings(cell)
    ]
    if solved:
        made += [
            Promise(worked_id(session, e.name), goal, e.cell.line)
            for e in session.exercises.values()
            for goal in e.goals
        ]
    return made


@dataclass(frozen=True)
class HandIn:
    """One hand-in made by us, and what it must get."""

    name: str  # "worked", "blank", "wrong q1 q3 (2)"
    notebook: NotebookNode
    points: Mapping[str, float]  # question → machine-graded points
    planted: Mapping[str, Wrong] = field(default_factory=dict)  # question → the wrong answer in it


def hand_ins(assignment: Assignment, release: NotebookNode) -> Iterator[HandIn]:
    """The hand-ins that prove an assignment, as learners would make them from the release notebook.

    Every planted wrong answer is handed in once. To save kernels, every second question has one at the same
    time; the questions between have their worked answers and must keep full marks, so that a wrong answer
    which spoils another question is found.
    """
    coded = [q for q in assignment.questions.values() if q.tests]
    full = {q.name: float(sum(t.role.points for t in q.tests)) for q in coded}
    yield HandIn("blank", copy.deepcopy(release), dict.fromkeys(full, 0.0))
    answers = worked_answers(assignment)
    yield HandIn("worked", filled(release, answers), full)
    for group in (coded[::2], coded[1::2]):
        for at in range(max((len(q.wrongs) for q in group), default=0)):
            planted = {q.name: q.wrongs[at] for q in group if at < len(q.wrongs)}
            yield HandIn(
                f"wrong {' '.join(planted)} ({at + 1})",
                filled(release, {**answers, **{f"{q}-answer": w.cell.source for q, w in planted.items()}}),
                {**full, **{q: full[q] - w.loses for q, w in planted.items()}},
                planted,
            )


def worked_answers(assignment: Assignment) -> dict[str, str]:
    """grade_id → worked answer, written ones included."""
    answers = {}
    for question in assignment.questions.values():
        if question.answer is not None:
            answers[f"{question.name}-answer"] = stub.worked(question.answer.source)
        elif question.written is not None:
            answers[f"{question.name}-written"] = without_directives(question.written.source)
    return answers


def filled(release: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """The release notebook with the learner's cells filled in.

    Raises
    ------
    KeyError
        When an answer has no cell.
    """
    notebook = copy.deepcopy(release)
    left = dict(answers)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id in left:
            cell.source = left.pop(grade_id)
    if left:
        raise KeyError(f"no cell in the release for {sorted(left)}")
    return notebook
