"""Mend a handed-in notebook before it is run: every locked cell as it was given, in its place.

Pure: a notebook and a specification in, a mended copy and the list of mendings out. What the learner
wrote as an answer is never changed, and cells that the learner added stay where they are.

Cells are recognised by nbgrader's ``grade_id``, then by cell id, then (where the metadata were
cleared) by their text and by their position between cells that were recognised.
"""

from __future__ import annotations

import ast
import bisect
import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from autograder.grading.records import Repair
from autograder.grading.spec import AssignmentSpec, CellSpec, Kind

__all__ = ["NotThisAssignment", "is_blank", "label", "new_cell", "repair"]

MISSING_CODE = "# （このセルは、提出されたノートブックにありませんでした）"
MISSING_TEXT = "（このセルは、提出されたノートブックにありませんでした）"

_SIMILAR_ENOUGH = 0.6
_CELL_ID = re.compile(r"[a-zA-Z0-9\-_]{1,64}")


class NotThisAssignment(ValueError):
    """Nothing in the notebook was recognised as a cell of the assignment."""


@dataclass(eq=False)
class _Item:
    """A cell of the hand-in on its way through the repair."""

    cell: NotebookNode
    spec: CellSpec | None = None
    by_id: bool = False  # recognised by grade_id or cell id, not by its text


@dataclass
class _Mending:
    spec: AssignmentSpec
    items: list[_Item]
    repairs: list[Repair] = field(default_factory=list)

    def of(self, grade_id: str) -> list[_Item]:
        return [i for i in self.items if i.spec is not None and i.spec.grade_id == grade_id]

    def at(self, item: _Item) -> int:
        return next(n for n, other in enumerate(self.items) if other is item)

    def note(self, grade_id: str, what: str, needs_review: bool = False) -> None:
        self.repairs.append(Repair(grade_id, what, needs_review))


def repair(nb: NotebookNode, spec: AssignmentSpec) -> tuple[NotebookNode, list[Repair]]:
    """Return a mended copy of ``nb`` and what was mended.

    In the copy every cell of the assignment is present exactly once, with the specification's
    metadata; tests and given cells have the specification's source, and a test never comes before
    its answer. Outputs are cleared.

    Raises
    ------
    NotThisAssignment
        If no cell of the assignment is recognised.
    """
    m = _Mending(spec, [_Item(_fresh(cell)) for cell in nb.cells])
    _recognise_by_id(m)
    _recognise_by_text(m)
    _recognise_by_place(m)
    if not any(i.spec is not None and i.spec.kind is not Kind.PROSE for i in m.items):
        raise NotThisAssignment(f"no cell of {spec.assignment} recognised among {len(m.items)} cells")
    _drop_unknown_metadata(m)
    _merge_duplicates(m)
    _restore(m)
    _put_back_missing(m)
    _put_in_order(m)
    return _notebook(m), m.repairs


def label(cell: CellSpec) -> str:
    """The name of a cell's question, for people."""
    return f"「{cell.title or cell.question or cell.grade_id}」"


def is_blank(source: str, cell: CellSpec) -> bool:
    """Whether an answer is still what the learner was given."""
    text = _normal(source)
    return not text or text in (_normal(cell.visible), MISSING_CODE, MISSING_TEXT)


# --- recognising ---------------------------------------------------------------------------------


def _recognise_by_id(m: _Mending) -> None:
    for item in m.items:
        grade_id = _nbgrader(item.cell).get("grade_id")
        if isinstance(grade_id, str) and grade_id in m.spec.by_grade_id:
            item.spec, item.by_id = m.spec.by_grade_id[grade_id], True
    taken = {id(i.spec) for i in m.items if i.spec is not None}
    by_cell_id = {c.cell_id: c for c in m.spec.cells if c.cell_id and id(c) not in taken}
    for item in m.items:
        if item.spec is None and (found := by_cell_id.pop(item.cell.get("id", ""), None)):
            item.spec, item.by_id = found, True


def _recognise_by_text(m: _Mending) -> None:
    """Exactly the given text: prose, tests and given cells (stubs may be alike, so not answers)."""
    for cell in _unseen(m):
        if cell.kind in (Kind.ANSWER, Kind.WRITTEN):
            continue
        texts = {_normal(cell.visible), _normal(cell.source)} - {""}
        same = [i for i in m.items if i.spec is None and _normal(i.cell.source) in texts]
        if same:
            low, high = _gap(m, cell)
            inside = [i for i in same if low <= m.at(i) < high]
            (inside or same)[0].spec = cell


def _recognise_by_place(m: _Mending) -> None:
    """Answers, and edited locked cells, between the neighbours that were recognised."""
    found: list[CellSpec] = []
    unsure: list[CellSpec] = []
    anchored = any(i.spec is not None for i in m.items)
    for cell in _unseen(m):
        if cell.kind is Kind.PROSE:
            continue
        low, high = _gap(m, cell)
        candidates = [i for i in m.items[low:high] if i.spec is None and _same_type(i.cell, cell)]
        scored = sorted(
            ((_likeness(i.cell.source, cell), -n, i) for n, i in enumerate(candidates)), reverse=True
        )
        if not scored:
            continue
        best, _, item = scored[0]
        clear = best >= _SIMILAR_ENOUGH
        alone = anchored and len(scored) == 1 and not cell.locked and _normal(item.cell.source) != ""
        several = anchored and len(scored) > 1 and not cell.locked
        if clear or alone or several:
            item.spec = cell
            found.append(cell)
            rival = len(scored) > 1 and scored[1][0] >= best - 0.1
            if not cell.locked and rival and (several or clear):
                unsure.append(cell)
    by_text = [i for i in m.items if i.spec is not None and not i.by_id and i.spec.kind is not Kind.PROSE]
    if by_text:
        labels = list(dict.fromkeys(label(i.spec) for i in by_text if i.spec is not None))
        names = "、".join(labels[:3]) + (f"など{len(labels)}か所" if len(labels) > 3 else "")
        m.note(
            by_text[0].spec.grade_id if len(by_text) == 1 and by_text[0].spec else "",
            f"採点用の目印（メタデータ）が消えていたので、{names}のセルを、中身と位置から見つけました。",
        )
    for cell in unsure:
        m.note(
            cell.grade_id,
            f"{label(cell)}の解答らしいセルが2つ以上ありました。書かれている順にすべて実行して採点し、採点者も確認します。",
            needs_review=True,
        )


def _unseen(m: _Mending) -> list[CellSpec]:
    seen = {id(i.spec) for i in m.items if i.spec is not None}
    return [c for c in m.spec.cells if id(c) not in seen]


def _gap(m: _Mending, cell: CellSpec) -> tuple[int, int]:
    """The range of positions between the recognised neighbours of ``cell``."""
    order = {id(c): n for n, c in enumerate(m.spec.cells)}
    me = order[id(cell)]
    anchors = _longest_increasing(
        [(order[id(i.spec)], n) for n, i in enumerate(m.items) if i.spec is not None]
    )
    low = max((n + 1 for k, n in anchors if k < me), default=0)
    high = min((n for k, n in anchors if k > me), default=len(m.items))
    return low, max(low, high)


def _longest_increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of (place in the assignment, place in the hand-in) in which both increase."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = [-1] * len(pairs)
    for n, (k, _) in enumerate(pairs):
        at = bisect.bisect_left(tails, k)
        if at == len(tails):
            tails.append(k)
            ends.append(n)
        else:
            tails[at], ends[at] = k, n
        before[n] = ends[at - 1] if at else -1
    run: list[tuple[int, int]] = []
    n = ends[-1] if ends else -1
    while n >= 0:
        run.append(pairs[n])
        n = before[n]
    return run[::-1]


def _likeness(source: str, cell: CellSpec) -> float:
    """How much a learner's cell looks like ``cell``: 0 (not at all) to 1 and above (surely)."""
    text = _normal(source)
    if not text:
        return 0.0
    ratio = max(
        difflib.SequenceMatcher(None, text, _normal(given), autojunk=False).ratio()
        for given in (cell.visible, cell.source)
    )
    if cell.locked or cell.cell_type != "code":
        return ratio
    wanted = _defined_names(cell.visible) or _defined_names(cell.source)
    return ratio + (1.0 if wanted and wanted <= _defined_names(text) else 0.0)


def _defined_names(source: str) -> frozenset[str]:
    """Names that a cell defines at top level; by a rough reading where it is not valid Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found = re.findall(r"^(?:def\s+|class\s+)?([^\W\d]\w*)\s*(?:=(?!=)|\()", source, re.MULTILINE)
        return frozenset(found)
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
    return frozenset(names)


def _same_type(cell: NotebookNode, spec: CellSpec) -> bool:
    return (cell.cell_type == "code") == (spec.cell_type == "code")


# --- mending -------------------------------------------------------------------------------------


def _drop_unknown_metadata(m: _Mending) -> None:
    for item in m.items:
        meta = _nbgrader(item.cell)
        item.cell.metadata.pop("nbgrader", None)
        if item.spec is None and any(meta.get(k) for k in ("grade", "solution", "locked", "task")):
            name = str(meta.get("grade_id", ""))[:40]
            m.note(
                "",
                f"この課題にない採点用の目印（ID「{name}」）がついたセルがありました。ふつうのセルとして実行します。",
            )


def _merge_duplicates(m: _Mending) -> None:
    for cell in m.spec.cells:
        if cell.kind is Kind.PROSE or len(copies := m.of(cell.grade_id)) < 2:
            continue
        if cell.locked:
            _merge_locked(m, cell, copies)
        else:
            _merge_answers(m, cell, copies)


def _merge_locked(m: _Mending, cell: CellSpec, copies: list[_Item]) -> None:
    keep = copies[0]
    if cell.kind is Kind.TEST:
        last_answer = max((m.at(i) for a in m.spec.answers_of(cell.grade_id) for i in m.of(a)), default=-1)
        keep = next((i for i in copies if m.at(i) > last_answer), copies[-1])
    for item in copies:
        if item is keep:
            continue
        item.spec = None
        # A copy of a given cell may be the learner's way to start afresh: it goes on running, as an
        # ordinary cell. A copy of a test has nothing to add, unless the learner wrote into it.
        if cell.kind is Kind.TEST and not _added_lines(item.cell.source, cell):
            m.items.remove(item)
    m.note(
        cell.grade_id, f"{label(cell)}の{_what(cell)}が{len(copies)}つありました。採点には1つだけ使います。"
    )


def _merge_answers(m: _Mending, cell: CellSpec, copies: list[_Item]) -> None:
    written = [i for i in copies if not is_blank(i.cell.source, cell)] or copies[:1]
    kept: list[_Item] = []
    for item in written:
        if all(_normal(item.cell.source) != _normal(other.cell.source) for other in kept):
            kept.append(item)
    for item in copies:
        if item not in kept:
            m.items.remove(item)
    for item in kept[:-1]:
        item.spec = None
    if len(kept) == 1:
        m.note(
            cell.grade_id,
            f"{label(cell)}の解答のセルが{len(copies)}つありました。書かれている方を採点しました。",
        )
    else:
        m.note(
            cell.grade_id,
            f"{label(cell)}の解答のセルが{len(kept)}つあり、中身が違いました。"
            "書かれている順にすべて実行して採点し、採点者も確認します。",
            needs_review=True,
        )


def _restore(m: _Mending) -> None:
    for item in list(m.items):
        cell = item.spec
        if cell is None or cell.kind is Kind.PROSE:
            continue
        if item.cell.cell_type != cell.cell_type:
            m.note(
                cell.grade_id,
                f"{label(cell)}の{_what(cell)}の種類が変わっていたので、{_TYPE_JA[cell.cell_type]}に戻しました。",
            )
        source = item.cell.source
        if cell.locked and _normal(source) not in (_normal(cell.visible), _normal(cell.source)):
            m.note(
                cell.grade_id, f"{label(cell)}の{_what(cell)}が配ったものと違っていたので、元に戻しました。"
            )
            if cell.cell_type == "code" and item.cell.cell_type == "code" and _added_lines(source, cell):
                # What the learner typed there still runs, before the restored cell.
                m.items.insert(m.at(item), _Item(new_cell("code", source)))
        attachments = item.cell.get("attachments")
        item.cell = new_cell(cell.cell_type, cell.source if cell.locked else source)
        item.cell.metadata.update(cell.cell_metadata())
        item.cell["id"] = cell.cell_id or item.cell["id"]
        if attachments and cell.cell_type != "code" and not cell.locked:
            item.cell["attachments"] = attachments


def _put_back_missing(m: _Mending) -> None:
    for n, cell in enumerate(m.spec.cells):
        if cell.kind is Kind.PROSE or m.of(cell.grade_id):
            continue
        if cell.locked:
            source = cell.source
            m.note(cell.grade_id, f"消えていた{label(cell)}の{_what(cell)}を戻しました。")
        else:
            source = MISSING_CODE if cell.cell_type == "code" else MISSING_TEXT
            m.note(cell.grade_id, f"{label(cell)}の解答のセルが見つかりませんでした。")
        item = _Item(new_cell(cell.cell_type, source), cell)
        item.cell.metadata.update(cell.cell_metadata())
        item.cell["id"] = cell.cell_id or item.cell["id"]
        m.items.insert(_place_for(m, cell, m.spec.cells[:n]), item)


def _place_for(m: _Mending, cell: CellSpec, before: Iterable[CellSpec]) -> int:
    """Where a cell belongs: a test after the last cell of its answer, another after its predecessor."""
    if cell.kind is Kind.TEST:
        answers = m.spec.answers_of(cell.grade_id)
        earlier = [
            c.grade_id for c in before if c.kind is Kind.TEST and m.spec.answers_of(c.grade_id) == answers
        ]
        at = max((m.at(i) + 1 for g in (*answers, *earlier) for i in m.of(g)), default=-1)
        if at >= 0:
            while at < len(m.items) and m.items[at].spec is None:
                at += 1
            return at
    present = {id(i.spec): n for n, i in enumerate(m.items) if i.spec is not None}
    at = next((present[id(c)] + 1 for c in reversed(list(before)) if id(c) in present), 0)
    if cell.kind is Kind.GIVEN:
        at = min([at, *(m.at(i) for i in _users_of(m, cell))])
    return at


def _put_in_order(m: _Mending) -> None:
    for n, cell in enumerate(m.spec.cells):
        if cell.kind is Kind.TEST:
            item = m.of(cell.grade_id)[0]
            answers = [m.at(i) for a in m.spec.answers_of(cell.grade_id) for i in m.of(a)]
            if answers and m.at(item) < max(answers):
                m.items.remove(item)
                m.items.insert(_place_for(m, cell, m.spec.cells[:n]), item)
                m.note(
                    cell.grade_id, f"{label(cell)}のテストが解答より前にあったので、解答の後ろに移しました。"
                )
        elif cell.kind is Kind.GIVEN:
            item = m.of(cell.grade_id)[0]
            first = min((m.at(i) for i in _users_of(m, cell)), default=len(m.items))
            if first < m.at(item):
                m.items.remove(item)
                m.items.insert(first, item)
                m.note(
                    cell.grade_id,
                    f"{label(cell)}の{_what(cell)}が解答より後ろにあったので、解答の前に移しました。",
                )


def _users_of(m: _Mending, given: CellSpec) -> list[_Item]:
    """The answers that follow a given cell, up to the next given cell after an answer."""
    found: list[_Item] = []
    cells = list(m.spec.cells)
    for cell in cells[cells.index(given) + 1 :]:
        if cell.kind is Kind.GIVEN and found:
            break
        if cell.kind is Kind.ANSWER:
            found.extend(m.of(cell.grade_id))
    return found


def _added_lines(source: str, cell: CellSpec) -> bool:
    """Whether the learner wrote lines of code into a locked cell."""
    given = {line.strip() for line in cell.source.splitlines()}
    lines = (line.strip() for line in source.splitlines())
    return any(line and not line.startswith("#") and line not in given for line in lines)


_TYPE_JA: Mapping[str, str] = {"code": "コードのセル", "markdown": "文章のセル", "raw": "そのままのセル"}


def _what(cell: CellSpec) -> str:
    return {
        Kind.TEST: "テストのセル",
        Kind.GIVEN: "準備のセル",
        Kind.TASK: "問題のセル",
    }.get(cell.kind, "解答のセル")


# --- notebook ------------------------------------------------------------------------------------


def _normal(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()


def _nbgrader(cell: NotebookNode) -> Mapping[str, object]:
    meta = cell.metadata.get("nbgrader")
    return meta if isinstance(meta, Mapping) else {}


def _fresh(cell: NotebookNode) -> NotebookNode:
    """A copy of a learner's cell without outputs, with only the metadata that have a use here."""
    new = new_cell(cell.cell_type, cell.source)
    metadata = cell.get("metadata")
    if isinstance(metadata, Mapping):
        for key in ("nbgrader", "takara"):
            if isinstance(metadata.get(key), Mapping):
                new.metadata[key] = metadata[key]
    if isinstance(cell.get("id"), str) and _CELL_ID.fullmatch(cell["id"]):
        new["id"] = cell["id"]
    if cell.get("attachments") and cell.cell_type != "code":
        new["attachments"] = cell["attachments"]
    return new


def new_cell(cell_type: str, source: str) -> NotebookNode:
    """A cell without an id, made by hand: nbformat's own functions check each against the whole schema."""
    cell = NotebookNode(id="", cell_type=cell_type, metadata=NotebookNode(), source=source)
    if cell_type == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def _notebook(m: _Mending) -> NotebookNode:
    nb = nbformat.v4.new_notebook()
    nb.nbformat_minor = 5
    nb.metadata["kernelspec"] = NotebookNode(m.spec.kernelspec)
    nb.metadata["takara"] = NotebookNode(assignment=m.spec.assignment, title=m.spec.title)
    reserved = {c.cell_id for c in m.spec.cells if c.cell_id}
    used: set[str] = set()
    for n, item in enumerate(m.items):
        own = item.spec is not None and item.cell["id"] == item.spec.cell_id
        name = item.cell["id"]
        if not name or name in used or (name in reserved and not own):
            free = (f"learner-{k}" for k in itertools.count(n))
            item.cell["id"] = next(i for i in free if i not in used and i not in reserved)
        used.add(item.cell["id"])
        takara = item.cell.metadata.get("takara")
        if item.spec is None and isinstance(takara, Mapping):  # only the "ask" mark is a learner's own
            role = takara.get("role")
            item.cell.metadata["takara"] = (
                NotebookNode(role=role) if isinstance(role, str) else NotebookNode()
            )
        nb.cells.append(item.cell)
    return nb
