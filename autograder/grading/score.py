"""From outcomes to points: an explicit result for every graded cell of an assignment.

A test earns its points only by the kernel's explicit "ok". Warnings and other output never cost
points. A number counts as partial credit only where the test ends in an expression whose value is a
plain number within its points; anything unclear is for a person to decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from nbformat import NotebookNode

from autograder.errors import explain_text
from autograder.grading.records import CellResult, Cost, GradeRecord, Repair, Status
from autograder.grading.repair import is_blank
from autograder.grading.run import CellOutcome, Run
from autograder.grading.spec import AssignmentSpec, CellSpec, Kind

__all__ = ["annotate", "explain", "positions", "positions_of_tests", "score"]

_LONGEST_MESSAGE = 1000
_TELLING_LENGTH = 12  # a shorter line of a test tells nothing

_REVIEW = "この問は、自動では点を決められませんでした。採点者が見て、点をつけます。"
_BLANK = "まだ書かれていません。解答のセルに自分のコードを書いて、実行してください。"
_PLAIN_FAIL = (
    "答えが、テストの条件に合っていません。問題文をもう一度読み、解答のセルの結果を表示して確かめてください。"
)


def score(
    run: Run,
    spec: AssignmentSpec,
    *,
    learner: str,
    repairs: Sequence[Repair] = (),
    submitted_name: str = "",
) -> GradeRecord:
    """Grade a notebook that was run.

    Parameters
    ----------
    run : Run
        Of the repaired notebook: every graded cell of ``spec`` is in it once.
    spec : AssignmentSpec
    learner, submitted_name : str
    repairs : sequence of Repair

    Returns
    -------
    GradeRecord
        With one result for every graded cell of ``spec``, in its order.
    """
    at = positions(run.nb)
    results = []
    for cell in spec.graded:
        if cell.grade_id not in at:
            results.append(
                _result(cell, Status.NOT_RUN, 0.0, "このセルは実行できませんでした。", "cell not in notebook")
            )
        elif cell.manual:
            results.append(_manual(cell, run.nb.cells[at[cell.grade_id]].source))
        else:
            results.append(_test(cell, run, at, spec))
    return GradeRecord(
        learner=learner,
        assignment=spec.assignment,
        results=tuple(results),
        repairs=tuple(repairs),
        submitted_name=submitted_name,
        cost=Cost(round(run.seconds, 3), run.memory_mb),
    )


def positions(nb: NotebookNode) -> dict[str, int]:
    """grade_id → position in a repaired notebook."""
    found: dict[str, int] = {}
    for n, cell in enumerate(nb.cells):
        meta = cell.metadata.get("nbgrader")
        if isinstance(meta, Mapping) and isinstance(meta.get("grade_id"), str):
            found[meta["grade_id"]] = n
    return found


def positions_of_tests(nb: NotebookNode, spec: AssignmentSpec) -> frozenset[int]:
    """Positions of the test cells in a repaired notebook."""
    at = positions(nb)
    return frozenset(at[c.grade_id] for c in spec.cells if c.kind is Kind.TEST and c.grade_id in at)


def annotate(nb: NotebookNode, record: GradeRecord) -> NotebookNode:
    """Write each result into the metadata of its cell (``metadata.takara.result``), in place."""
    at = positions(nb)
    for result in record.results:
        if result.grade_id not in at:
            continue
        metadata = nb.cells[at[result.grade_id]].metadata
        takara = metadata.get("takara")
        metadata["takara"] = NotebookNode(
            {
                **(takara if isinstance(takara, Mapping) else {}),
                "result": NotebookNode(
                    status=result.status.value,
                    points=result.points,
                    max_points=result.max_points,
                    message=result.message,
                    detail=result.detail,
                ),
            }
        )
    return nb


# --- one cell ------------------------------------------------------------------------------------


def _result(cell: CellSpec, status: Status, points: float, message: str = "", detail: str = "") -> CellResult:
    return CellResult(
        grade_id=cell.grade_id,
        question=cell.question or cell.grade_id,
        title=cell.title or cell.grade_id,
        status=status,
        points=points,
        max_points=cell.points,
        message=_PLAIN_FAIL if _quotes_hidden(message, cell) else _tidy(message),
        detail=detail[:4000],
        hints=cell.hints,
        read=cell.read,
        items=cell.items,
    )


def _quotes_hidden(message: str, cell: CellSpec) -> bool:
    """Whether a message contains a line of the hidden tests: the learner's code may raise what it likes."""
    hidden = {line.strip() for line in cell.source.splitlines()} - {
        line.strip() for line in cell.visible.splitlines()
    }
    return any(line in message for line in hidden if len(line) >= _TELLING_LENGTH)


def _manual(cell: CellSpec, source: str) -> CellResult:
    if cell.kind is Kind.WRITTEN and is_blank(source, cell):
        return _result(
            cell,
            Status.BLANK,
            0.0,
            "まだ書かれていません。短くてもよいので、自分の言葉で書いてみましょう。",
        )
    return _result(cell, Status.MANUAL, 0.0, "採点者が読んで、点をつけます。")


def _test(cell: CellSpec, run: Run, at: Mapping[str, int], spec: AssignmentSpec) -> CellResult:
    outcome = run.outcomes[at[cell.grade_id]]
    if outcome.outcome == "ok":
        return _passed(cell, outcome)
    if outcome.outcome == "timeout":
        seconds = _seconds(outcome)
        return _result(
            cell,
            Status.TIMEOUT,
            0.0,
            f"テストが時間内（{seconds}）に終わりませんでした。同じ計算を何度もくり返していないか、確かめてください。",
            f"timeout after {outcome.evalue}",
        )
    if outcome.outcome in ("not_run", "skipped"):
        return _not_run(cell, outcome, run)
    if outcome.ename == "DeadKernel":
        return _result(
            cell,
            Status.ERROR,
            0.0,
            "テストの途中で、Python そのものが止まりました。メモリを使いすぎていないか、確かめてください。",
            outcome.evalue,
        )
    return _failed(cell, outcome, _answer_outcomes(cell, run, at, spec), _unwritten(cell, run, at, spec))


def _passed(cell: CellSpec, outcome: CellOutcome) -> CellResult:
    if outcome.distrust:
        return _result(
            cell, Status.NEEDS_REVIEW, 0.0, _REVIEW, "must-fail check: " + "; ".join(outcome.distrust)
        )
    if outcome.value is None:
        return _result(cell, Status.PASS, cell.points)
    kind, text = outcome.value
    points = float(text) if kind == "number" else math.nan
    if not (math.isfinite(points) and 0 <= points <= cell.points):
        return _result(
            cell,
            Status.NEEDS_REVIEW,
            0.0,
            _REVIEW,
            f"the test's last expression is {kind} {text!r}, not 0..{cell.points:g}",
        )
    if points == cell.points:
        return _result(cell, Status.PASS, points)
    if points == 0:
        return _result(cell, Status.FAIL, 0.0, _PLAIN_FAIL, "the test's value is 0")
    message = f"一部が合っています（{cell.points:g}点中{points:g}点）。"
    return _result(cell, Status.PARTIAL, points, message, f"the test's value is {points:g}")


def _not_run(cell: CellSpec, outcome: CellOutcome, run: Run) -> CellResult:
    if outcome.reason == "time":
        message = (
            "ノートブック全体の時間が足りず、このテストまで実行できませんでした。"
            "時間のかかるセルを見直してください。"
        )
    elif outcome.reason == "dead":
        message = (
            "前のセルで Python そのものが止まったため、このテストは実行できませんでした。"
            "終わらないくり返しや、大きすぎるデータを作っていないか、確かめてください。"
        )
    else:
        message = "このテストは実行されませんでした。"
    where = f"; the kernel died at cell {run.died_at}" if run.died_at is not None else ""
    return _result(cell, Status.NOT_RUN, 0.0, message, f"not run: {outcome.reason or 'unknown'}{where}")


def _failed(
    cell: CellSpec, outcome: CellOutcome, answers: Iterable[CellOutcome], unwritten: bool
) -> CellResult:
    detail = f"{outcome.ename}: {outcome.evalue}"
    broken = next((o for o in answers if o.outcome in ("error", "timeout")), None)
    status = Status.FAIL if outcome.ename == "AssertionError" else Status.ERROR
    if unwritten:
        own = outcome.ename in ("AssertionError", "NotImplementedError") and outcome.evalue.strip()
        message = explain(outcome.ename, outcome.evalue) if own else _BLANK
        return _result(cell, Status.BLANK, 0.0, message, detail)
    if broken is not None and broken.outcome == "timeout":
        message = (
            f"解答のセルが時間内（{_seconds(broken)}）に終わりませんでした。"
            "終わらないくり返し（while True など）がないか、確かめてください。"
        )
        return _result(cell, status, 0.0, message, f"answer: timeout; test: {detail}")
    if broken is not None:
        message = f"解答のセルがエラーで止まっています：{explain(broken.ename, broken.evalue)}"
        return _result(cell, status, 0.0, message, f"answer: {broken.ename}: {broken.evalue}; test: {detail}")
    return _result(cell, status, 0.0, explain(outcome.ename, outcome.evalue), detail)


def _seconds(timeout: CellOutcome) -> str:
    """``"60 s"`` → ``"60秒"``."""
    return timeout.evalue.replace(" s", "秒")


def _unwritten(cell: CellSpec, run: Run, at: Mapping[str, int], spec: AssignmentSpec) -> bool:
    """Whether every answer cell of a test is still as it was handed out."""
    answers = [spec.by_grade_id[a] for a in spec.answers_of(cell.grade_id) if a in at]
    return bool(answers) and all(is_blank(run.nb.cells[at[a.grade_id]].source, a) for a in answers)


def _answer_outcomes(
    cell: CellSpec, run: Run, at: Mapping[str, int], spec: AssignmentSpec
) -> list[CellOutcome]:
    """Outcomes of the cells that make up the answer: the answer cells and what the learner put after them."""
    answers = [at[a] for a in spec.answers_of(cell.grade_id) if a in at]
    outcomes: list[CellOutcome] = []
    for n in answers:
        outcomes.append(run.outcomes[n])
        for k in range(n + 1, at[cell.grade_id]):
            if "nbgrader" in run.nb.cells[k].metadata or "takara" in run.nb.cells[k].metadata:
                break
            outcomes.append(run.outcomes[k])
    return outcomes


# --- explaining errors ---------------------------------------------------------------------------


def explain(ename: str, evalue: str) -> str:
    """What an exception means and what to do, in Japanese, for a learner of the first weeks."""
    if ename == "AssertionError":
        return _assertion(evalue)
    if ename == "NotImplementedError":
        return evalue.strip() or "まだ書かれていません。解答のセルに自分のコードを書いてください。"
    known = _OUR_OWN.get(ename) or explain_text(ename, evalue)
    return known or f"エラー（{ename}）が起きました。エラーの最後の行：{_first_line(evalue)}"


def _assertion(evalue: str) -> str:
    text = evalue.strip()
    if not text:
        return _PLAIN_FAIL
    # numpy's and pandas' comparisons print the expected values: those are not for the learner.
    if re.search(
        r"\bDESIRED\b|\[right\]:|^\s*y: array|\bNot equal to tolerance|are different", text, re.MULTILINE
    ):
        return "値が正解と違います。型（表・列・数値）、行の数、計算のしかたを確かめてください。"
    if re.fullmatch(
        r"(?s).+ (?:!=|not found in|is not|is not true|not (?:less|greater) than).*", text
    ) and not (re.search(r"[ぁ-んァ-ヶ一-龠]", text)):
        return _PLAIN_FAIL
    return text


#: Not Python's errors, but what a run found out (:mod:`autograder.grading.run`).
_OUR_OWN = {
    "DeadKernel": "Python そのものが止まりました。メモリを使いすぎていないか、確かめてください。",
    "NoReply": "Python からの返事がありませんでした。",
}


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["（説明なし）"])[0][:200]


def _tidy(message: str) -> str:
    """No colour codes, no control characters, not endless."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", message)
    text = "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0))
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"
