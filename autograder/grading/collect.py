"""Finds out, for every file that was handed in, whose it is and which assignment it answers.

What cannot be told is rejected with what to do about it; nothing is guessed silently. The rules, in
the order in which they are tried:

*Learner* — an LMS folder (``田中 花子_12345_assignsubmission_file_``), the first folder below the
hand-ins (wrapping folders such as ``submitted`` are passed over), ``metadata.takara.learner``, the
file name (``ps2_tanaka.ipynb``).

*Assignment* — ``metadata.takara.assignment``, the ids and sources of the cells, then a folder or file
name. Where content and name disagree, the hand-in is rejected.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.grading.grade import Unreadable, read_notebook
from autograder.grading.intake import FoundFile, Limits, printable, read_files
from autograder.grading.records import HandIn, Rejected
from autograder.grading.spec import AssignmentSpec

#: Folder names around a class's hand-ins that are never a learner's name.
WRAPPERS = frozenset(
    {
        "submitted", "submissions", "submission", "hand-ins", "handins",
        "提出", "提出物", "提出ファイル", "課題", "課題提出", "ダウンロード", "downloads",
    }
)  # fmt: skip
#: Folders of a learner's workspace, which may be handed in as a whole.
WORKSPACE_FOLDERS = frozenset({"assignments", "course", "datasets", "notebooks"})
_MOODLE = re.compile(r"^(?P<learner>.+?)_(?P<number>\d+)_assignsubmission_file_?$")
_CANVAS = re.compile(r"^(?P<learner>[^_]+)_(?:LATE_)?\d+_\d+_(?P<rest>.+)$")
_COPY_MARKS = re.compile(
    r"(?:[\s_-]*(?:\(\d+\)|（\d+）|-copy\d*|_copy\d*|のコピー(?:\s*\d+)?|\s-\s*コピー(?:\s*\(\d+\))?))+$",
    re.IGNORECASE,
)
_SEPARATORS = "_-－–—.・ 　\t"
_NOT_NAMES = frozenset(
    {"untitled", "無題", "notebook", "answer", "answers", "解答", "課題", "提出", "最終", "final"}
)
_WINDOWS_DEVICES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)

#: A shorter cell ("import pandas as pd") may stand in any notebook and tells nothing.
_TELLING_LENGTH = 40
#: So many cells must be surely an assignment's before a notebook without metadata counts as its own.
_ENOUGH_CELLS = 2

HOW_TO_NAME = (
    "「氏名/ps2.ipynb」のように氏名のフォルダーに入れるか、"
    "「ps2_氏名.ipynb」のようなファイル名にしてください。"
)


@dataclass(frozen=True)
class Ignored:
    """A file that is no hand-in. It is listed, and changes nothing."""

    name: str
    reason: str


@dataclass(frozen=True)
class Collected:
    """All that was found: each list is sorted, and every file is in exactly one of them."""

    hand_ins: tuple[HandIn, ...]
    rejected: tuple[Rejected, ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    file: FoundFile
    learner: str
    learner_key: str  # two people of the same name differ here
    assignment: str


class _Refusal(Exception):
    """One file cannot be taken. Carries the sentence for people, the cause, and what was known."""

    def __init__(self, reason: str, detail: str = "", learner: str = "", assignment: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail, self.learner, self.assignment = reason, detail, learner, assignment


def collect(
    path: Path,
    assignments: Mapping[str, AssignmentSpec],
    only_assignment: str | None = None,
    *,
    limits: Limits | None = None,
) -> Collected:
    """Read the hand-ins below ``path`` and say whose each is.

    Parameters
    ----------
    path : Path
        Folder, zip or single notebook.
    assignments : mapping of str to AssignmentSpec
        The course's assignments by name.
    only_assignment : str, optional
        Grade this assignment only. Notebooks of other assignments are ignored, a notebook that does
        not say what it is counts as this one when its cells fit, and a loose file's whole name may
        be the learner.
    limits : Limits, optional

    Raises
    ------
    IntakeError
        When ``path`` cannot be read at all.
    """
    files, rejected = read_files(path, limits)
    prefix = _wrapper_length(files, assignments)
    marks = {name: _Marks.of(spec) for name, spec in assignments.items()}
    candidates: list[_Candidate] = []
    ignored: list[Ignored] = []
    notebooks = [f for f in files if f.content is not None]
    for file in notebooks:
        try:
            outcome = _identify(file, file.parts[prefix:], marks, only_assignment)
        except _Refusal as refusal:
            rejected.append(
                Rejected(file.name, refusal.reason, refusal.detail, refusal.learner, refusal.assignment)
            )
            continue
        (candidates if isinstance(outcome, _Candidate) else ignored).append(outcome)  # type: ignore[arg-type]
    ignored += [
        Ignored(f.name, "ノートブック（.ipynb）ではないファイルです。") for f in files if f.content is None
    ]
    rejected += _folders_without_notebook(files, prefix, rejected, assignments)
    rejected = [_with_learner(r, prefix, assignments) for r in rejected]
    candidates, collided = _split_name_collisions(candidates)
    hand_ins, doubled, same = _split_duplicates(candidates)
    return Collected(
        hand_ins=tuple(sorted(hand_ins, key=lambda h: (h.assignment, h.learner))),
        rejected=tuple(sorted([*rejected, *collided, *doubled], key=lambda r: (r.name, r.reason))),
        ignored=tuple(sorted([*ignored, *same], key=lambda i: i.name)),
    )


# ---------------------------------------------------------------- who


def _is_assignment(part: str, names: Iterable[str]) -> bool:
    return _fold(part) in {_fold(n) for n in names}


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _wrapper_length(files: list[FoundFile], assignments: Iterable[str]) -> int:
    """How many leading folders, common to all notebooks, wrap the class rather than name a learner."""
    folders = [f.parts[:-1] for f in files if f.content is not None]
    names = list(assignments)
    length = 0
    while folders and all(len(p) > length for p in folders):
        first = {p[length] for p in folders}
        if len(first) != 1:
            break
        (part,) = first
        below = {p[length + 1] for p in folders if len(p) > length + 1}
        is_wrapper = _fold(part) in WRAPPERS or _is_assignment(part, names)
        several_people_below = (
            all(len(p) > length + 1 for p in folders)
            and len(below) > 1
            and not any(_is_assignment(b, names) or _fold(b) in WORKSPACE_FOLDERS for b in below)
        )
        if not (is_wrapper or several_people_below) or _MOODLE.match(part):
            break
        length += 1
    return length


def _learner_from_folders(folders: tuple[str, ...], assignments: Iterable[str]) -> tuple[str, str] | None:
    """The learner's name and key from the folders of a path, or None for a loose file."""
    names = list(assignments)
    for part in folders:
        if match := _MOODLE.match(part):
            return match["learner"], part
    for part in folders:
        if _fold(part) in WRAPPERS or _is_assignment(part, names):
            continue
        if _fold(part) in WORKSPACE_FOLDERS:
            return None
        return part, part
    return None


def _name_tokens(stem: str) -> str:
    return _COPY_MARKS.sub("", stem).strip(_SEPARATORS)


def _split_file_name(stem: str, assignments: Iterable[str]) -> tuple[str | None, str]:
    """``ps2_tanaka`` → ``("ps2", "tanaka")``; the rest is empty where the name says the assignment only."""
    cleaned = _name_tokens(stem)
    folded = cleaned.casefold()
    for name in sorted(assignments, key=len, reverse=True):
        key = name.casefold()
        if folded == key:
            return name, ""
        if folded.startswith(key) and folded[len(key)] in _SEPARATORS:
            return name, cleaned[len(key) :].strip(_SEPARATORS)
        if folded.endswith(key) and folded[-len(key) - 1] in _SEPARATORS:
            return name, cleaned[: -len(key)].strip(_SEPARATORS)
    return None, cleaned


def safe_learner(raw: str) -> str | None:
    """The learner's name as it may be used for a folder, or None where that is not possible.

    Japanese and spaces are kept; characters that Windows or nbgrader cannot have in a folder name
    become ``_``; names that are empty, hidden, a path, or too long are refused.
    """
    text = unicodedata.normalize("NFC", raw)
    if "\ufffd" in printable(text) or "/" in text or "\\" in text:
        return None
    text = re.sub(r'[<>:"|?*\[\]{}]', "_", re.sub(r"\s+", " ", text)).strip().rstrip(".")
    if not text or text.startswith(".") or _WINDOWS_DEVICES.match(text) or len(text.encode()) > 120:
        return None
    return text


# ---------------------------------------------------------------- which assignment


def _plain_source(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@dataclass(frozen=True)
class _Marks:
    """What tells one assignment's notebook from another's, even when its metadata was cleared."""

    cell_ids: frozenset[str]
    grade_ids: frozenset[str]
    sources: frozenset[str]

    @classmethod
    def of(cls, spec: AssignmentSpec) -> _Marks:
        return cls(
            cell_ids=frozenset(c.cell_id for c in spec.cells if c.cell_id),
            grade_ids=frozenset(c.grade_id for c in spec.cells if c.grade_id),
            sources=frozenset(
                text
                for c in spec.cells
                if not c.manual and len(text := _plain_source(c.visible)) >= _TELLING_LENGTH
            ),
        )

    def score(self, nb: NotebookNode) -> tuple[int, int]:
        """How many cells are surely this assignment's, and how many could be (grade_ids repeat)."""
        sure = possible = 0
        for cell in nb.cells:
            nbgrader = cell.metadata.get("nbgrader")
            grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, Mapping) else None
            if cell.get("id") in self.cell_ids or _plain_source(cell.source) in self.sources:
                sure += 1
            elif isinstance(grade_id, str) and grade_id in self.grade_ids:
                possible += 1
        return sure, possible


def _takara(nb: NotebookNode) -> Mapping[str, Any]:
    found = nb.metadata.get("takara")
    return found if isinstance(found, Mapping) else {}


def _assignment_from_content(nb: NotebookNode, marks: Mapping[str, _Marks]) -> str | None:
    declared = _takara(nb).get("assignment")
    if isinstance(declared, str) and declared:
        if declared in marks:
            return declared
        raise _Refusal(
            f"課題「{printable(declared)}」のノートブックですが、この講座にその課題はありません。"
            f"この講座の課題は {'、'.join(sorted(marks))} です。",
            f"metadata.takara.assignment = {declared!r}",
        )
    scores = {name: m.score(nb) for name, m in marks.items()}
    best = max((sure for sure, _ in scores.values()), default=0)
    winners = sorted(name for name, (sure, _) in scores.items() if sure == best)
    return winners[0] if best >= _ENOUGH_CELLS and len(winners) == 1 else None


def _identify(
    file: FoundFile, parts: tuple[str, ...], marks: Mapping[str, _Marks], only: str | None
) -> _Candidate | Ignored:
    folders, stem = parts[:-1], parts[-1][: -len(".ipynb")]
    assert file.content is not None
    by_folder = _learner_from_folders(folders, marks)
    canvas = _CANVAS.match(stem) if not by_folder else None
    named, rest = _split_file_name(canvas["rest"] if canvas else stem, marks)
    known = by_folder[0] if by_folder else (canvas["learner"] if canvas else (rest if named else ""))
    try:
        nb = read_notebook(file.content)
    except Unreadable as error:
        raise _Refusal(error.reason, error.detail, safe_learner(known) or "", named or only or "") from error
    takara = _takara(nb)
    if "assignment" not in takara and "session" in takara:
        return Ignored(file.name, "授業のノートブックです（課題ではありません）。")

    path_names = {n for part in folders for n in marks if _fold(part) == _fold(n)} | (
        {named} if named else set()
    )
    refuse = {"learner": safe_learner(known) or ""}
    try:
        content_says = _assignment_from_content(nb, marks)
    except _Refusal as refusal:
        refusal.learner = refuse["learner"]
        raise
    assignment = content_says or (path_names.pop() if len(path_names) == 1 else None)
    if assignment is None and not path_names:
        assignment = only
    if assignment is None:
        raise _Refusal(
            f"どの課題かわかりません。{HOW_TO_NAME}課題が1つだけなら --assignment で指定してください。",
            "no takara metadata, no known cell, no assignment in the name",
            **refuse,
        )
    if takara.get("form") == "solutions":
        raise _Refusal(
            f"課題 {assignment} の「解答と解説」のノートブックです（提出物ではありません）。"
            "自分で解いた課題のノートブックを、出し直してもらってください。",
            "metadata.takara.form = 'solutions'",
            **refuse,
            assignment=assignment,
        )
    wrong_name = path_names - {assignment}
    if content_says and wrong_name:
        raise _Refusal(
            f"名前は {'・'.join(sorted(wrong_name))} ですが、中身は {content_says} です。"
            "どちらのつもりかを提出者に確かめて、名前を直してください。",
            f"path says {sorted(wrong_name)}, content says {content_says}",
            **refuse,
        )
    if only is not None and assignment != only:
        return Ignored(file.name, f"課題 {assignment} のノートブックです（今回は {only} だけを採点します）。")
    if content_says is None and sum(marks[assignment].score(nb)) == 0:
        raise _Refusal(
            f"課題 {assignment} のノートブックではないようです（課題のセルが1つもありません）。"
            "別の講座や別の課題のファイルではないか、提出者に確かめてください。",
            "no cell id, grade_id or source of the assignment found",
            **refuse,
            assignment=assignment,
        )

    raw_learner = by_folder[0] if by_folder else _loose_learner(takara, canvas, named, rest, only)
    if not raw_learner:
        raise _Refusal(
            f"だれの提出物かわかりません。{HOW_TO_NAME}", "no folder, no name", assignment=assignment
        )
    learner = safe_learner(raw_learner)
    if learner is None:
        raise _Refusal(
            f"氏名「{printable(raw_learner)}」は、フォルダー名に使えません。"
            "記号を除いた名前に直してから、もう一度採点してください。",
            f"unsafe learner name {raw_learner!r}",
            assignment=assignment,
        )
    return _Candidate(file, learner, by_folder[1] if by_folder else raw_learner, assignment)


def _loose_learner(
    takara: Mapping[str, Any], canvas: re.Match[str] | None, named: str | None, rest: str, only: str | None
) -> str:
    declared = takara.get("learner")
    if isinstance(declared, str) and declared.strip():
        return declared
    if canvas:
        return canvas["learner"]
    if named or only:
        return "" if _fold(rest) in _NOT_NAMES else rest
    return ""


# ---------------------------------------------------------------- conflicts


def _folders_without_notebook(
    files: list[FoundFile], prefix: int, rejected: list[Rejected], assignments: Iterable[str]
) -> list[Rejected]:
    """Learner folders in which there is something, but no notebook."""
    with_notebook = {
        who[0]
        for f in files
        if f.content is not None and (who := _learner_from_folders(f.parts[prefix:-1], assignments))
    }
    heard = {tuple(r.name.split("/"))[prefix : prefix + 1] for r in rejected}
    empty: dict[str, list[str]] = defaultdict(list)
    for f in files:
        who = _learner_from_folders(f.parts[prefix:-1], assignments)
        if (
            f.content is None
            and who
            and who[0] not in with_notebook
            and f.parts[prefix : prefix + 1] not in heard
        ):
            empty[who[0]].append(f.name)
    return [
        Rejected(
            name="/".join(names[0].split("/")[:-1]),
            reason="ノートブック（.ipynb）が入っていません（あるのは "
            + "、".join(n.rsplit("/", 1)[-1] for n in names[:3])
            + (" など" if len(names) > 3 else "")
            + "）。.ipynb を出してもらってください。",
            learner=safe_learner(learner) or "",
        )
        for learner, names in sorted(empty.items())
    ]


def _with_learner(rejected: Rejected, prefix: int, assignments: Iterable[str]) -> Rejected:
    """Fill in the learner of a file that was refused before anybody looked inside."""
    if rejected.learner:
        return rejected
    parts = tuple(rejected.name.split("/"))
    names = list(assignments)
    who = _learner_from_folders(parts[prefix:-1], names)
    if who:
        return replace(rejected, learner=safe_learner(who[0]) or "")
    stem = parts[-1].rsplit(".", 1)[0]
    named, rest = _split_file_name(stem, names)
    return replace(
        rejected,
        learner=(safe_learner(rest) or "") if named else "",
        assignment=rejected.assignment or named or "",
    )


def _split_name_collisions(candidates: list[_Candidate]) -> tuple[list[_Candidate], list[Rejected]]:
    """Refuse different people who would share one folder; tell LMS namesakes apart by their number."""
    told_apart: list[_Candidate] = []
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for c in candidates:
        if _MOODLE.match(c.learner_key):
            keys[(c.learner, c.assignment)].add(c.learner_key)
    namesakes = {learner for (learner, _), found in keys.items() if len(found) > 1}
    for c in candidates:
        match = _MOODLE.match(c.learner_key)
        if c.learner in namesakes and match:
            c = replace(c, learner=f"{c.learner}_{match['number']}")
        told_apart.append(c)

    spellings: dict[str, set[str]] = defaultdict(set)
    for c in told_apart:
        spelled = c.learner if _MOODLE.match(c.learner_key) else unicodedata.normalize("NFC", c.learner_key)
        spellings[_fold(c.learner)].add(spelled)
    kept = [c for c in told_apart if len(spellings[_fold(c.learner)]) == 1]
    collided = [
        Rejected(
            name=c.file.name,
            reason="氏名が、ほかの提出物と区別できません（"
            + "、".join(f"「{s}」" for s in sorted(spellings[_fold(c.learner)]))
            + "）。同じ人なら書き方をそろえ、違う人なら番号などで区別してください。",
            detail="names equal as folder names",
            learner=c.learner,
            assignment=c.assignment,
        )
        for c in told_apart
        if len(spellings[_fold(c.learner)]) > 1
    ]
    return kept, collided


def _split_duplicates(
    candidates: list[_Candidate],
) -> tuple[list[HandIn], list[Rejected], list[Ignored]]:
    """One hand-in per learner and assignment. Different ones: none is taken, all are listed."""
    groups: dict[tuple[str, str], list[_Candidate]] = defaultdict(list)
    for c in candidates:
        groups[(c.learner, c.assignment)].append(c)
    hand_ins: list[HandIn] = []
    rejected: list[Rejected] = []
    ignored: list[Ignored] = []
    for (learner, assignment), group in groups.items():
        digests = {hashlib.sha256(c.file.content or b"").hexdigest() for c in group}
        if len(digests) == 1:
            first, *others = sorted(group, key=lambda c: (len(c.file.parts), c.file.name))
            hand_ins.append(HandIn(learner, assignment, first.file.name, first.file.content or b""))
            ignored += [Ignored(c.file.name, f"「{first.file.name}」と中身が同じです。") for c in others]
            continue
        names = "、".join(f"「{c.file.name}」" for c in sorted(group, key=lambda c: c.file.name))
        rejected += [
            Rejected(
                name=c.file.name,
                reason=f"{learner} さんの {assignment} が {len(group)} つあり、中身が違います（{names}）。"
                "採点するものを1つだけ残して、もう一度実行してください。",
                detail="several different hand-ins",
                learner=learner,
                assignment=assignment,
            )
            for c in group
        ]
    return hand_ins, rejected, ignored
