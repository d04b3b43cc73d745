"""The exam trainer in a notebook: the engine (:mod:`autograder.exam.trainer`) behind a widget of JupyterLab.

    from autograder.exam.widget import exam_trainer
    exam_trainer()

``views`` says what a screen shows, ``desk`` what a command does, ``widget`` carries both to the browser, and
``trainer.js`` draws. The browser holds no state of its own and never the key of an open question.
"""

from __future__ import annotations

from .widget import ExamWidget, exam_trainer

__all__ = ["ExamWidget", "exam_trainer"]
