"""nbgrader's configuration for this course: one call in ``nbgrader_config.py``.

    from autograder.grading.nbgrader_config import configure

    configure(get_config())

After it, nbgrader's own commands (generate_assignment, autograde, generate_feedback, export, formgrader)
work with Takara's stubs and steps of grading. Everything is a documented option of nbgrader, and the
course's own file may change any of it after the call.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import server_extensions
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    GetGrades,
    IgnorePattern,
    OverwriteKernelspec,
)
from traitlets.config import Config

from autograder.grading.spec import CODE_STUB, TEXT_STUB

__all__ = ["configure"]


def configure(c: Config) -> None:
    """Set nbgrader's options for this course on the configuration object of ``nbgrader_config.py``."""
    from autograder.grading.preprocessors import HideTests, RepairHandIn, RunHandIn, SaveRecord
    from autograder.grading.safe_html import SafeHTML, safe_markdown

    c.ClearSolutions.code_stub = {"python": CODE_STUB}
    c.ClearSolutions.text_stub = TEXT_STUB

    c.Autograde.sanitize_preprocessors = [RepairHandIn, OverwriteKernelspec, CheckCellMetadata]
    c.Autograde.autograde_preprocessors = [
        RunHandIn,
        IgnorePattern,
        SaveRecord,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.RunHandIn.cell_timeout_s = 60.0
    c.RunHandIn.notebook_timeout_s = 600.0
    c.RunHandIn.sandbox = "auto"

    # `nbgrader validate` runs notebooks with nbgrader's own preprocessor.
    c.Execute.timeout = 60
    c.ExecutePreprocessor.timeout = 60
    c.ExecutePreprocessor.shutdown_kernel = "immediate"

    c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]

    # HTMLExporter makes the pages of the formgrader and those of generate_feedback. Each names its own
    # template ("formgrade", "feedback"): a template_name set here would take the other's place.
    c.HTMLExporter.preprocessors = [SafeHTML]
    c.HTMLExporter.filters = {"markdown2html": safe_markdown}
    c.HTMLExporter.extra_template_basedirs = [
        str(files("autograder.grading") / "nbgrader_templates"),
        str(Path(server_extensions.__path__[0], "formgrader", "templates")),
    ]
    # No address of a public server in the pages: they are read inside office networks.
    c.HTMLExporter.mathjax_url = ""
    c.HTMLExporter.require_js_url = ""
    c.HTMLExporter.jquery_url = ""
    c.HTMLExporter.jupyter_widgets_base_url = ""
    c.HTMLExporter.widget_renderer_url = ""
