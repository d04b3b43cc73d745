"""Reads from nbgrader's gradebook what people decided in the formgrader: points and comments."""

from __future__ import annotations

from pathlib import Path

from autograder.grading.feedback import ManualGrade


def manual_grades(database: Path) -> dict[tuple[str, str], dict[str, ManualGrade]]:
    """Manual points and comments, and what is settled, by (learner, assignment) and grade_id.

    Parameters
    ----------
    database : Path
        ``gradebook.db``; a missing file holds no grades.
    """
    if not database.is_file():
        return {}
    from nbgrader.api import Gradebook, SubmittedAssignment

    found: dict[tuple[str, str], dict[str, ManualGrade]] = {}
    with Gradebook(f"sqlite:///{database}") as gradebook:
        for submission in gradebook.db.query(SubmittedAssignment).all():
            cells: dict[str, ManualGrade] = {}
            for notebook in submission.notebooks:
                comments = {c.name: (c.manual_comment or "") for c in notebook.comments}
                for grade in notebook.grades:
                    points = grade.manual_score
                    if points is not None and grade.extra_credit:
                        points += grade.extra_credit
                    comment = comments.pop(grade.name, "")
                    settled = not grade.needs_manual_grade
                    if points is not None or comment or settled:
                        cells[grade.name] = ManualGrade(points, comment, settled)
                cells |= {name: ManualGrade(None, text) for name, text in comments.items() if text}
            if cells:
                found[(submission.student.id, submission.assignment.name)] = cells
    return found
