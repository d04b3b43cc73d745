"""What a learner wrote, taken from the executed notebook: answers, and questions to the instructor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.grading.repair import is_blank
from autograder.grading.spec import AssignmentSpec, CellSpec, Kind

__all__ = ["Answer", "Written", "written"]

_ERROR_LIMIT = 600
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Answer:
    """One cell that the learner wrote, taken from the executed notebook."""

    question: str
    is_code: bool
    source: str
    blank: bool = False
    error: str = ""  # "NameError: name 'df' is not defined"


@dataclass(frozen=True)
class Written:
    """What pages show of an executed notebook."""

    answers: tuple[Answer, ...] = ()
    asks: tuple[str, ...] = ()


def written(nb: NotebookNode, spec: AssignmentSpec) -> Written:
    """The learner's own cells of the graded questions, and what they ask, in the notebook's order."""
    return Written(tuple(_answers(nb, spec)), tuple(_asks(nb, spec)))


def _answers(nb: NotebookNode, spec: AssignmentSpec) -> Iterator[Answer]:
    for cell in nb.cells:
        cell_spec = spec.by_grade_id.get(_grade_id(cell))
        if cell_spec is None or cell_spec.kind not in (Kind.ANSWER, Kind.WRITTEN):
            continue
        source = str(cell.source)
        yield Answer(
            question=_question_of(cell_spec, spec),
            is_code=cell.cell_type == "code",
            source=source,
            blank=is_blank(source, cell_spec),
            error=_error_of(cell),
        )


def _asks(nb: NotebookNode, spec: AssignmentSpec) -> Iterator[str]:
    """What is in the cells for questions to the instructor (untouched cells excluded)."""
    given = {c.cell_id: c.visible for c in spec.cells if _is_ask(c.metadata)}
    for cell in nb.cells:
        cell_id = str(cell.get("id", ""))
        if cell.cell_type != "markdown" or not (cell_id in given or _is_ask(cell.metadata)):
            continue
        stubs = [given[cell_id]] if cell_id in given else list(given.values())
        text = str(cell.source)
        if any(_squeezed(text) == _squeezed(stub) for stub in stubs):
            continue
        known_lines = {line.strip() for stub in stubs for line in stub.splitlines()}
        new = "\n".join(line for line in text.splitlines() if line.strip() not in known_lines).strip()
        if new:
            yield new


def _grade_id(cell: NotebookNode) -> str:
    meta = cell.metadata.get("nbgrader")
    return str(meta.get("grade_id", "")) if isinstance(meta, Mapping) else ""


def _question_of(cell: CellSpec, spec: AssignmentSpec) -> str:
    """The question under which this cell's result is recorded, also in courses without questions."""
    recorded = {c.question for c in spec.graded}
    if cell.question in recorded:
        return cell.question
    for test in spec.tests_of(cell.grade_id):
        return spec.by_grade_id[test].question
    return cell.question


def _is_ask(metadata: Mapping[str, Any]) -> bool:
    takara = metadata.get("takara")
    return isinstance(takara, Mapping) and takara.get("role") == "ask"


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _error_of(cell: NotebookNode) -> str:
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            name = str(output.get("ename", ""))
            if name == "KeyboardInterrupt":  # ours, when the time was up
                return ""
            value = _ANSI.sub("", str(output.get("evalue", ""))).strip()
            text = f"{name}: {value}" if value else name
            return text if len(text) <= _ERROR_LIMIT else text[:_ERROR_LIMIT] + "…"
    return ""
