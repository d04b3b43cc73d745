"""The steps of Takara's grading as nbgrader preprocessors, for ``nbgrader autograde``.

:func:`autograder.grading.nbgrader_config.configure` puts them into nbgrader's own lists
(``Autograde.sanitize_preprocessors``, ``Autograde.autograde_preprocessors``,
``GenerateFeedback.preprocessors``), so that the nbgrader command gives the same scores as
:func:`autograder.grading.grade.grade_hand_in`. Nothing of nbgrader is replaced or patched.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import re
import sysconfig
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum, Float, Int

import autograder
from autograder.grading.grade import read_notebook
from autograder.grading.gradebook import course_paths, open_gradebook, save_record, spec_from_gradebook
from autograder.grading.kernel_setup import KernelSetup, prepared
from autograder.grading.records import GradeRecord, Repair, Status
from autograder.grading.repair import NotThisAssignment, repair
from autograder.grading.run import Limits, run
from autograder.grading.score import annotate, positions_of_tests, score
from autograder.grading.spec import AssignmentSpec, visible_part
from autograder.kernels.request import TIERS, Bounds

__all__ = ["HideTests", "RepairHandIn", "RunHandIn", "SaveRecord"]

Resources = dict[str, Any]


class _Step(NbGraderPreprocessor):
    """What the steps have in common: the specification of the assignment at hand."""

    def _where(self, resources: Resources) -> tuple[str, str, str]:
        r = resources["nbgrader"]
        return r["assignment"], r["notebook"], r["student"]

    def _paths(self, resources: Resources) -> dict[str, Path]:
        assignment, notebook, _ = self._where(resources)
        coursedir = self.parent.parent.coursedir  # the exporter's converter
        return dict(course_paths(coursedir, assignment, notebook))

    def _spec(self, resources: Resources) -> AssignmentSpec:
        assignment, notebook, _ = self._where(resources)
        paths = self._paths(resources)
        made = tuple(p.stat().st_mtime_ns if p.is_file() else 0 for p in (paths["source"], paths["release"]))
        path = paths["source"] if made[0] else paths["release"]
        return _spec_as_made(resources["nbgrader"]["db_url"], path, assignment, notebook, made)


@functools.lru_cache(maxsize=16)
def _spec_as_made(
    db_url: str, path: Path, assignment: str, notebook: str, made: tuple[int, ...]
) -> AssignmentSpec:
    """The specification as of the times at which source and release were made (they change with it)."""
    gb = open_gradebook(db_url)
    try:
        return spec_from_gradebook(gb, path, assignment, notebook)
    finally:
        gb.close()


class RepairHandIn(_Step):
    """Sanitising: mend the hand-in (in place of ClearOutput, DeduplicateIds, OverwriteCells)."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        spec = self._spec(resources)
        nb = read_notebook(json.dumps(nb).encode("utf-8"))
        declared = nb.metadata.get("takara", {}).get("assignment")
        if isinstance(declared, str) and declared and declared != spec.assignment:
            raise NotThisAssignment(f"metadata.takara.assignment is {declared!r}, not {spec.assignment!r}")
        mended, repairs = repair(nb, spec)
        for one in repairs:
            self.log.warning("Repair %s: %s", one.grade_id or "(notebook)", one.what)
        mended.metadata["takara"]["repairs"] = [
            {"grade_id": r.grade_id, "what": r.what, "needs_review": r.needs_review} for r in repairs
        ]
        return mended, resources


class RunHandIn(_Step):
    """Run the mended notebook and score it (in place of Execute and LimitOutput)."""

    cell_timeout_s = Float(60.0, help="Seconds that one cell may take.").tag(config=True)
    notebook_timeout_s = Float(600.0, help="Seconds that a whole notebook may take.").tag(config=True)
    memory_mb = Int(Bounds.memory_mb, help="Memory of one hand-in.").tag(config=True)
    sandbox = Enum(
        ("auto", *TIERS), "auto", help="Walls around a hand-in; 'auto' takes the strongest that hold here."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        assignment, _, student = self._where(resources)
        spec = self._spec(resources)
        repairs = [Repair(**dict(r)) for r in nb.metadata.get("takara", {}).get("repairs", [])]
        data_dir = self._paths(resources)["data"]
        done = run(
            nb,
            data_dir=data_dir,
            tests=positions_of_tests(nb, spec),
            limits=Limits(cell_timeout_s=self.cell_timeout_s, notebook_timeout_s=self.notebook_timeout_s),
            kernel=_kernels(spec, data_dir, self.sandbox, self.memory_mb).starter(),
        )
        record = score(done, spec, learner=student, repairs=repairs)
        self.log.info("%s %s: %g / %g points", assignment, student, record.points, record.max_points)
        resources["takara"] = {"record": record, "spec": spec}
        return annotate(done.nb, record), resources


@functools.cache
def _kernels(spec: AssignmentSpec, data_dir: Path, sandbox: str, memory_mb: int) -> KernelSetup:
    """One parent for all hand-ins of an assignment that this process grades; it ends with the process."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    rehearse = {spec.assignment: data_dir}
    bounds = Bounds(memory_mb=memory_mb)
    return stack.enter_context(prepared([spec], sandbox=sandbox, bounds=bounds, rehearse=rehearse))()


class SaveRecord(_Step):
    """Write the record into the gradebook (in place of SaveAutoGrades)."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        record: GradeRecord = resources["takara"]["record"]
        gb = open_gradebook(resources["nbgrader"]["db_url"])
        try:
            save_record(gb, record, resources["takara"]["spec"])
        finally:
            gb.close()
        return nb, resources


class HideTests(NbGraderPreprocessor):
    """Feedback: no hidden test in any cell or output, and the result in words below each test."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        secrets = hidden_lines(nb)
        for cell in nb.cells:
            result = cell.metadata.get("takara", {}).get("result")
            if _is_test(cell):
                cell.source = visible_part(cell.source)
                cell.outputs = [_result_output(result)] if result else []
            elif cell.cell_type == "code":
                for output in cell.outputs:
                    _redact(output, secrets)
        return nb, resources


def hidden_lines(nb: NotebookNode) -> frozenset[str]:
    """The lines of hidden tests in an autograded notebook that must not be shown to learners."""
    found: set[str] = set()
    for cell in nb.cells:
        if _is_test(cell):
            shown = {line.strip() for line in visible_part(cell.source).splitlines()}
            lines = {line.strip() for line in cell.source.splitlines()}
            found.update(line for line in lines - shown if len(line) >= 8)
    return frozenset(found)


def _is_test(cell: NotebookNode) -> bool:
    meta = cell.metadata.get("nbgrader", {})
    return bool(meta.get("grade")) and not meta.get("solution") and cell.cell_type == "code"


_WORD_JA = {
    Status.PASS: "正解",
    Status.PARTIAL: "部分点",
    Status.BLANK: "未記入",
    Status.FAIL: "不正解",
    Status.ERROR: "エラー",
    Status.TIMEOUT: "時間切れ",
    Status.NOT_RUN: "実行できず",
    Status.NEEDS_REVIEW: "採点者が確認",
    Status.MANUAL: "採点者が採点",
}


def _result_output(result: dict[str, Any]) -> NotebookNode:
    word = _WORD_JA.get(Status(result.get("status", "not_run")), "")
    points = f"{result.get('points', 0):g} / {result.get('max_points', 0):g}点"
    text = f"{word}（{points}）\n{result.get('message', '')}".rstrip() + "\n"
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def _without_folders(text: str) -> str:
    """Without the folders of the machine that graded: they may hold a person's name."""
    for folder in (sysconfig.get_path("purelib"), str(Path(autograder.__file__).parents[1])):
        text = text.replace(folder, "…")
    return re.sub(r"[^\s\"'(]*[/\\]takara-\w+[/\\](?:work|tmp)[/\\]", "", text)


def _redact(output: NotebookNode, secrets: frozenset[str]) -> None:
    def clean(text: Any) -> Any:
        if isinstance(text, list):
            return [clean(part) for part in text]
        if isinstance(text, str):
            text = _without_folders(text)
            bare = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
            if any(line in bare or repr(line)[1:-1] in bare for line in secrets):
                for line in secrets:
                    bare = bare.replace(line, "…").replace(repr(line)[1:-1], "…")
                return bare
        return text

    if output.output_type == "stream":
        output.text = clean(output.text)
    elif output.output_type == "error":
        output.evalue, output.traceback = clean(output.evalue), clean(output.traceback)
    else:
        for kind, value in output.get("data", {}).items():
            output.data[kind] = clean(value)
