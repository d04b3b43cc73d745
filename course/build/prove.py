"""Variants of the built notebooks that tests run to prove a text right.

A lesson is run as it is and once more with the worked answer after each exercise. An assignment is handed
in with every worked answer (full marks), blank (nothing), and once for each planted wrong answer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from . import stub
from .assignment import Assignment, without_directives
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

    name: str  # "worked", "blank", "wrong q1 (1)"
    notebook: NotebookNode
    points: Mapping[str, float]  # question → machine-graded points
    question: str = ""  # of a wrong answer
    message: str = ""  # a part of the message that must come with it
    line: int = 0  # of the wrong answer in the text


def hand_ins(assignment: Assignment, release: NotebookNode) -> Iterator[HandIn]:
    """The hand-ins that prove an assignment, as learners would make them from the release notebook."""
    full = {q.name: float(sum(t.role.points for t in q.tests)) for q in assignment.questions.values() if q.tests}
    yield HandIn("blank", copy.deepcopy(release), dict.fromkeys(full, 0.0))
    answers = worked_answers(assignment)
    yield HandIn("worked", filled(release, answers), full)
    for question in assignment.questions.values():
        for at, wrong in enumerate(question.wrongs, 1):
            planted = {**answers, f"{question.name}-answer": wrong.cell.source}
            yield HandIn(
                f"wrong {question.name} ({at})",
                filled(release, planted),
                {**full, question.name: full[question.name] - wrong.loses},
                question.name,
                wrong.message,
                wrong.cell.line,
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
