"""Reads from nbgrader's gradebook what people decided in the formgrader: points and comments."""

from __future__ import annotations

from collections import defaultdict
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
    from nbgrader.api import (
        Assignment,
        BaseCell,
        Comment,
        Grade,
        Gradebook,
        SubmittedAssignment,
        SubmittedNotebook,
    )
    from sqlalchemy import select

    def rows_of(table, *columns):
        """One row for each grade or comment, and whose it is: one query instead of one for each hand-in."""
        chosen = select(SubmittedAssignment.student_id, Assignment.name, BaseCell.name, *columns)
        joined = chosen.select_from(table).join(BaseCell, table.cell_id == BaseCell.id)
        joined = joined.join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
        joined = joined.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        return gradebook.db.execute(
            joined.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        )

    found: dict[tuple[str, str], dict[str, ManualGrade]] = defaultdict(dict)
    with Gradebook(f"sqlite:///{database}") as gradebook:
        comments = {
            (learner, assignment, cell): comment
            for learner, assignment, cell, comment in rows_of(Comment, Comment.manual_comment)
            if comment
        }
        scores = rows_of(Grade, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
        for learner, assignment, cell, points, extra, open_ in scores:
            if points is not None and extra:
                points += extra
            comment = comments.pop((learner, assignment, cell), "")
            if points is not None or comment or not open_:
                found[learner, assignment][cell] = ManualGrade(points, comment, not open_)
        for (learner, assignment, cell), comment in comments.items():
            found[learner, assignment][cell] = ManualGrade(None, comment)
    return dict(found)
