"""The worked-solution notebook of an assignment, for people who study on their own."""

from __future__ import annotations

from collections.abc import Mapping

from nbformat import NotebookNode

from . import directives, stub
from .assignment import Assignment, Question, without_directives
from .directives import Renderer
from .notebook import UnnamedIds, cell_id, code_cell, new_notebook, prose_cell

_FIRST = """<div class="alert alert-warning">

**これは解答と解説です**

先に課題のノートブックを自分で解き、採点してから読んでください。

</div>"""

_GO_TO_DATA = """# データは配布版の課題と同じ場所にあります
import os
from pathlib import Path

if not Path("{file}").exists():
    os.chdir("../release/{assignment}")"""


def solutions_notebook(assignment: Assignment, titles: Mapping[str, str]) -> NotebookNode:
    """Questions, worked answers, hints, explanations and whole tests; no rubric, no planted wrong answers.

    ``titles`` are those of the syllabus's items, as for the source notebook.
    """
    name = assignment.name
    renderer = Renderer(assignment.hint_count, leave_out=("rubric", "why"))
    ids = UnnamedIds(name)
    tests_seen: dict[str, int] = {}
    cells = [prose_cell(cell_id(name, "solutions-note"), _FIRST)]
    if assignment.data:
        code = _GO_TO_DATA.format(file=assignment.data[0].name, assignment=name)
        cells.append(code_cell(cell_id(name, "solutions-data"), code, {"tags": ["hide-input"]}))
    for cell in assignment.text.cells:
        kind = cell.role.kind if cell.role else ""
        question = assignment.questions.get(cell.role.name) if cell.role else None
        if kind in ("wrong", "ask"):
            continue
        if kind == "written":
            cells.append(prose_cell(cell_id(name, question.name, "written"), _written(question)))
            cells.extend(_why(name, question))
        elif cell.kind == "markdown":
            prose = directives.replace(assignment.prose(cell.source), renderer)
            identity = ids.of_prose(directives.heading_texts(cell.source))
            if prose.strip():
                cells.append(prose_cell(identity, prose))
        elif kind == "answer":
            cells.append(code_cell(cell_id(name, question.name, "answer"), stub.worked(cell.source)))
            cells.extend(_why(name, question))
        elif kind == "test":
            at = tests_seen.get(question.name, 0)
            tests_seen[question.name] = at + 1
            cells.append(code_cell(cell_id(name, question.test_id(at)), _test(cell.source)))
        elif kind == "given":
            cells.append(code_cell(cell_id(name, "given", cell.role.name.replace("_", "-")), cell.source))
        else:
            cells.append(code_cell(ids.next("code"), cell.source))
    return new_notebook(cells, {**assignment.metadata(titles), "form": "solutions"})


def _written(question: Question) -> str:
    return f"**解答例**\n\n{without_directives(question.written.source)}"


def _why(name: str, question: Question) -> list[NotebookNode]:
    if not question.why:
        return []
    text = directives.box("why", "\n\n".join(question.why))
    return [prose_cell(cell_id(name, question.name, "why"), text)]


def _test(source: str) -> str:
    whole = stub.without_markers(source, stub.regions(source, stub.BEGIN_HIDDEN, stub.END_HIDDEN))
    head = "" if "from autograder import checks" in whole else "from autograder import checks\n\n"
    return head + whole
