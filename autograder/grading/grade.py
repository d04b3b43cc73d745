"""Grade one hand-in: from the bytes of a notebook to a record. The unit of work of a class.

:func:`grade_hand_in` depends on its arguments only and touches nothing but a temporary folder of its
own: no database, no course folder. So a class can be graded in a pool of processes, on one machine or
on many.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.grading.records import GradeRecord, HandIn, Rejected, Repair
from autograder.grading.repair import NotThisAssignment, new_cell, repair
from autograder.grading.run import KernelStartError, Limits, StartKernel, run
from autograder.grading.score import annotate, positions_of_tests, score
from autograder.grading.spec import TEXT_STUB, AssignmentSpec, SpecError, from_notebook, read_spec

__all__ = [
    "MAX_NOTEBOOK_MB",
    "Unreadable",
    "check_notebook",
    "grade_hand_in",
    "grade_notebook",
    "read_notebook",
]

MAX_NOTEBOOK_MB = 50
_CELL_TYPES = ("code", "markdown", "raw")
_MOST_CELLS = 5000
_DEEPEST = 100  # values within values


class Unreadable(ValueError):
    """Bytes that are no notebook. ``str(error)`` says in Japanese what is wrong and what to do."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def grade_hand_in(
    hand_in: HandIn,
    spec: AssignmentSpec,
    *,
    data_dir: Path | None = None,
    cell_timeout_s: float = 60.0,
    notebook_timeout_s: float = 600.0,
    kernel: StartKernel | None = None,
) -> tuple[GradeRecord, NotebookNode] | Rejected:
    """Grade one hand-in.

    Parameters
    ----------
    hand_in : HandIn
    spec : AssignmentSpec
        Of the assignment's source notebook (with the hidden tests).
    data_dir : Path, optional
        The assignment's folder; its files other than notebooks are copied next to the run.
    cell_timeout_s, notebook_timeout_s : float
        Seconds for one cell, and for all cells together.
    kernel : callable, optional
        How a kernel is started (see :mod:`autograder.grading.run`).

    Returns
    -------
    (GradeRecord, NotebookNode) or Rejected
        The record and the executed notebook; or why nothing could be graded. ``Rejected.ours`` is
        true where the grading machine is to blame (no kernel): such a hand-in is graded again later.
    """
    limits = Limits(cell_timeout_s=cell_timeout_s, notebook_timeout_s=notebook_timeout_s)

    def rejected(reason: str, detail: str, ours: bool = False) -> Rejected:
        return Rejected(
            hand_in.name, reason, detail, hand_in.learner, hand_in.assignment or spec.assignment, ours
        )

    try:
        nb = read_notebook(hand_in.content)
        return grade_notebook(
            nb,
            spec,
            learner=hand_in.learner,
            name=hand_in.name,
            data_dir=data_dir,
            limits=limits,
            kernel=kernel,
        )
    except Unreadable as error:
        return rejected(error.reason, error.detail)
    except NotThisAssignment as error:
        return rejected(_other_assignment(spec), str(error))
    except KernelStartError as error:
        return rejected(
            "採点用の Python（カーネル）を起動できませんでした。提出物のせいではありません。"
            "採点するパソコンの空きメモリと `takara doctor` の結果を確かめて、もう一度採点してください。",
            str(error),
            ours=True,
        )


def grade_notebook(
    nb: NotebookNode,
    spec: AssignmentSpec,
    *,
    learner: str,
    name: str = "",
    data_dir: Path | None = None,
    limits: Limits | None = None,
    kernel: StartKernel | None = None,
) -> tuple[GradeRecord, NotebookNode]:
    """Repair, run and score a notebook that was read (see :func:`grade_hand_in`)."""
    began = time.monotonic()
    declared = _takara(nb).get("assignment")
    if isinstance(declared, str) and declared and declared != spec.assignment:
        raise NotThisAssignment(f"metadata.takara.assignment is {declared!r}, not {spec.assignment!r}")
    mended, repairs = repair(nb, spec)
    if version := nb.metadata.get("orig_nbformat"):
        what = f"古い形式（nbformat {version}）のノートブックだったので、新しい形式に直して採点しました。"
        repairs = [Repair("", what), *repairs]
    done = run(
        mended, data_dir=data_dir, tests=positions_of_tests(mended, spec), limits=limits, kernel=kernel
    )
    record = score(done, spec, learner=learner, repairs=repairs, submitted_name=name)
    cost = dataclasses.replace(record.cost, seconds=round(time.monotonic() - began, 3))
    record = dataclasses.replace(record, cost=cost)
    return record, annotate(done.nb, record)


def check_notebook(
    path: Path,
    *,
    release: Path | None = None,
    cell_timeout_s: float = 60.0,
    notebook_timeout_s: float = 600.0,
) -> GradeRecord:
    """Run a learner's own notebook with its visible tests, as ``takara check`` does.

    Parameters
    ----------
    path : Path
        The learner's notebook; never changed. Data files are taken from its folder.
    release : Path, optional
        The notebook as it was handed out. Without it, the tests in the learner's notebook count.

    Raises
    ------
    Unreadable
        If there is nothing to check; the message is for the learner.
    KernelStartError
        If no kernel could be started.
    """
    try:
        if path.stat().st_size > MAX_NOTEBOOK_MB * 1_000_000:
            raise _too_large(path.stat().st_size)
        nb = read_notebook(path.read_bytes())
    except OSError as error:
        raise Unreadable(
            f"「{path.name}」を開けません。ファイルの名前と場所を確かめてください。", str(error)
        ) from error
    try:
        if release is not None and release.is_file():
            spec = read_spec(release)
        else:
            spec = from_notebook(nb, notebook=path.stem, stubs=_unknown_stubs(nb))
    except SpecError as error:
        raise Unreadable(
            f"「{path.name}」には、採点するセルがありません。"
            "課題のノートブック（ps2.ipynb など）を指定してください。",
            str(error),
        ) from error
    try:
        record, _ = grade_notebook(
            nb,
            spec,
            learner="",
            name=path.name,
            data_dir=path.parent,
            limits=Limits(cell_timeout_s=cell_timeout_s, notebook_timeout_s=notebook_timeout_s),
        )
    except NotThisAssignment as error:
        raise Unreadable(_other_assignment(spec), str(error)) from error
    return record


def read_notebook(content: bytes) -> NotebookNode:
    """Read the bytes of an ``.ipynb`` file that nobody vouches for.

    Returns
    -------
    NotebookNode
        In nbformat 4.5, every cell with a type, a source and metadata of the right kinds.

    Raises
    ------
    Unreadable
        With a Japanese reason.
    """
    if len(content) > MAX_NOTEBOOK_MB * 1_000_000:
        raise _too_large(len(content))
    raw = _read_json(content)
    version = raw.get("nbformat")
    if not isinstance(version, int) or not ("cells" in raw or "worksheets" in raw):
        raise Unreadable(
            "Jupyter のノートブックではありません（JSON ですが、セルがありません）。"
            ".ipynb ファイルを出してください。",
            f"nbformat={version!r}, keys={sorted(map(str, raw))[:10]}",
        )
    if version > 4:
        raise Unreadable(
            f"新しすぎる形式（nbformat {version}）のノートブックです。"
            "JupyterLab で開いて、保存し直してください。",
            f"nbformat {version}",
        )
    cells = raw.get("cells") if version == 4 else _upgraded(raw).get("cells")
    if not isinstance(cells, list):
        raise Unreadable(
            "ノートブックのセルを読めません。JupyterLab で開けるか、確かめてください。", "cells is no list"
        )
    if not cells:
        raise Unreadable("セルが1つもないノートブックです。課題のノートブックを出してください。", "no cells")
    if len(cells) > _MOST_CELLS:
        raise Unreadable(
            f"セルが多すぎます（{len(cells):,}個）。課題のノートブックを出してください。",
            f"{len(cells)} cells",
        )
    nb = nbformat.v4.new_notebook()
    metadata = raw.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("takara"), dict):
        nb.metadata["takara"] = nbformat.from_dict(metadata["takara"])
    if version < 4:
        nb.metadata["orig_nbformat"] = version  # nbformat's own key for a notebook that was converted
    nb.cells = [cell for c in cells if (cell := _cell(c)) is not None]
    for n, cell in enumerate(nb.cells):
        cell["id"] = cell["id"] or f"cell-{n}"
    if not nb.cells:
        raise Unreadable(
            "読めるセルが1つもないノートブックです。JupyterLab で開けるか、確かめてください。",
            "no valid cells",
        )
    return nb


def _read_json(content: bytes) -> dict[str, Any]:
    if not content.strip():
        raise Unreadable("中身が空のファイルです。保存してから、もう一度出してください。", "empty file")
    if content[:2] == b"PK":
        raise Unreadable(
            "zip などの圧縮ファイルの名前が .ipynb になっています。中のノートブックを出してください。",
            "zip signature",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            "文字コードが UTF-8 ではないため、ノートブックとして読めません。"
            "メモ帳などで開いて保存し直していないか、確かめてください。",
            str(error),
        ) from error
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("<"):
            raise Unreadable(
                "ノートブックではなく、ウェブページ（HTML）が保存されています。"
                "JupyterLab の左の一覧で右クリックし、「ダウンロード」で保存したファイルを出してください。",
                "starts with <",
            ) from error
        cut = "途中で切れているようです。" if not text.rstrip().endswith("}") else ""
        raise Unreadable(
            f"ノートブックの形式（JSON）がこわれていて読めません。{cut}"
            "JupyterLab で開けるか確かめ、保存し直してから出してください。",
            f"{type(error).__name__}: {error}"[:500],
        ) from error
    if not isinstance(raw, dict):
        raise Unreadable(
            "Jupyter のノートブックではありません。.ipynb ファイルを出してください。",
            f"JSON {type(raw).__name__}",
        )
    level: list[Any] = [raw]
    for _ in range(_DEEPEST):
        nested = (x.values() if isinstance(x, dict) else x for x in level if isinstance(x, dict | list))
        level = [value for values in nested for value in values]
    if level:
        raise Unreadable(
            "ノートブックの中の入れ子が深すぎて読めません。"
            "JupyterLab で開いて、保存し直してから出してください。",
            f"nested more than {_DEEPEST} deep",
        )
    return raw


def _upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    try:
        return nbformat.reads(json.dumps(raw), as_version=4)  # joins the lines, then converts
    except Exception as error:  # nbformat raises many kinds
        raise Unreadable(
            f"古い形式（nbformat {raw.get('nbformat')}）のノートブックで、新しい形式に直せませんでした。"
            "JupyterLab で開いて、保存し直してから出してください。",
            f"{type(error).__name__}: {error}"[:500],
        ) from error


def _cell(raw: Any) -> NotebookNode | None:
    """A well-formed copy of a cell, without outputs; None for what is no cell at all."""
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    # Lone surrogates are valid in JSON escapes, but cannot be written as UTF-8 again.
    source = source.encode("utf-8", "replace").decode("utf-8")
    cell_type = raw.get("cell_type")
    cell = new_cell(cell_type if cell_type in _CELL_TYPES else "raw", source)
    metadata = raw.get("metadata")
    if isinstance(metadata, dict):
        cell.metadata = nbformat.from_dict({str(k): v for k, v in metadata.items()})
    if isinstance(raw.get("id"), str):
        cell["id"] = raw["id"]
    if isinstance(raw.get("attachments"), dict) and cell.cell_type != "code":
        cell["attachments"] = nbformat.from_dict(raw["attachments"])
    return cell


def _unknown_stubs(nb: NotebookNode) -> dict[str, str]:
    """Stubs to compare with when only the learner's own notebook is known: what nobody wrote."""
    return {
        str(c.metadata["nbgrader"].get("grade_id")): "" if c.cell_type == "code" else TEXT_STUB
        for c in nb.cells
        if isinstance(c.metadata.get("nbgrader"), dict)
    }


def _takara(nb: NotebookNode) -> dict[str, Any]:
    found = nb.metadata.get("takara")
    return found if isinstance(found, dict) else {}


def _too_large(size: int) -> Unreadable:
    return Unreadable(
        f"ファイルが大きすぎます（{size / 1_000_000:.0f} MB。上限は {MAX_NOTEBOOK_MB} MB）。"
        "メニューの「すべてのセルの出力をクリア」で出力を消し、保存してから出してください。",
        f"{size} bytes",
    )


def _other_assignment(spec: AssignmentSpec) -> str:
    title = f"（{spec.title}）" if spec.title else ""
    return (
        f"課題「{spec.assignment}」{title}のノートブックではないようです。"
        "この課題のセルが1つも見つかりません。出すファイルを間違えていないか、確かめてください。"
    )
