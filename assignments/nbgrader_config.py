"""nbgrader's configuration of this course (`nbgrader` is run in this folder)."""

from autograder.grading.nbgrader_config import configure

configure(get_config())  # noqa: F821
