"""The record of blind answers: one line an answer in ``course/exam/blind.csv``, outcomes filled in by hand.

The first line of a question is its first pass. When an answer and the key disagree, a person mends the
question or the key, or finds that both may stay, and writes which (``outcome``) and why (``reason``) into the
line. A question that changed without such a word has to be answered again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from .bank import Question
from .blind import UNSURE, Verdict

__all__ = [
    "KEPT", "KEY_CHANGED", "MENDED", "OUTCOMES", "PATH", "Line", "RecordError", "State", "appended",
    "read_record", "state", "written",
]  # fmt: skip

#: Where the record is kept in the clone.
PATH = "course/exam/blind.csv"

MENDED, KEY_CHANGED, KEPT = "直した", "正解を変えた", "そのまま"
OUTCOMES = (MENDED, KEY_CHANGED, KEPT)

_YES, _NO = "○", "×"


class RecordError(Exception):
    """A record that cannot be read. The message is Japanese, one line for each problem."""


@dataclass(frozen=True)
class Line:
    """One blind answer."""

    question: str  # "T14-01"
    fingerprint: str  # of the question as it was answered
    agreed: str  # "○" as the key, "×" another choice, "？" not sure
    date: str  # "2026-11-30"
    who: str  # never the author of the question
    picked: str = ""  # the choice, where it was not the key
    remark: str = ""  # of the solver
    outcome: str = ""  # one of OUTCOMES, or "" where nothing had to be settled
    reason: str = ""  # for the outcome

    @classmethod
    def of(cls, verdict: Verdict, date: str, who: str) -> Line:
        agreed = UNSURE if verdict.picked is None else _YES if verdict.agrees else _NO
        picked = verdict.picked.text if verdict.picked is not None and not verdict.agrees else ""
        question = verdict.question
        return cls(question.id, question.fingerprint, agreed, date, who, picked, verdict.answer.remark)


@dataclass(frozen=True)
class State:
    """What the record says of the bank as it is now. Lists hold ids, in the bank's order."""

    first_pass: int  # questions answered at least once
    agreed_at_first: int
    unanswered: list[str]
    unsettled: list[str]  # the last answer disagrees, and no outcome is written
    changed: list[str]  # changed since the last answer, with no word of mending
    mended: list[str]  # mended after the last answer, not answered again since
    unknown: list[str]  # in the record, not in the bank

    @property
    def rate(self) -> float:
        """The share of first answers that agreed with the key."""
        return self.agreed_at_first / self.first_pass if self.first_pass else 0.0


def read_record(path: Path) -> list[Line]:
    """The lines of the record; none when there is no file yet.

    Raises
    ------
    RecordError
        With every line that cannot be read.
    """
    if not path.is_file():
        return []
    names = [field.name for field in fields(Line)]
    reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    heading = next(reader, [])
    if heading != names:
        raise RecordError(f"{path.name}：1行目は「{','.join(names)}」です。今は「{','.join(heading)}」です。")
    lines, problems = [], []
    for row in reader:
        place = f"{path.name}の{reader.line_num}行目"
        if len(row) != len(names):
            problems.append(f"{place}：列は{len(names)}個です（今は{len(row)}個）。")
            continue
        line = Line(*(cell.strip() for cell in row))
        if line.agreed not in (_YES, _NO, UNSURE):
            problems.append(f"{place}：agreed は{_YES}、{_NO}、{UNSURE}のどれかです。")
        if line.outcome not in ("", *OUTCOMES):
            problems.append(f"{place}：outcome は{'、'.join(OUTCOMES)}のどれかです（決まるまでは空です）。")
        elif line.outcome and not line.reason:
            problems.append(f"{place}：outcome を書いたら、reason に理由を短く書いてください。")
        lines.append(line)
    if problems:
        raise RecordError("\n".join(problems))
    return lines


def appended(lines: Sequence[Line], new: Iterable[Line]) -> list[Line]:
    """The record with new lines; the same person's answer to the same wording is kept only once."""
    known = {(line.question, line.fingerprint, line.who) for line in lines}
    return [*lines, *(line for line in new if (line.question, line.fingerprint, line.who) not in known)]


def written(lines: Iterable[Line]) -> bytes:
    """The record as a file, in the order the answers came."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Line)])
    writer.writerows(astuple(line) for line in lines)
    return out.getvalue().encode("utf-8")


def state(questions: Iterable[Question], lines: Sequence[Line]) -> State:
    """Set the record beside the bank."""
    bank = {question.id: question for question in questions}
    first: dict[str, Line] = {}
    last: dict[str, Line] = {}
    for line in lines:
        first.setdefault(line.question, line)
        last[line.question] = line
    answered = [name for name in bank if name in last]
    settled = {name for name in answered if last[name].outcome}
    other = {name for name in answered if last[name].fingerprint != bank[name].fingerprint}
    told = {name for name in other if last[name].outcome in (MENDED, KEY_CHANGED)}
    return State(
        first_pass=len(answered),
        agreed_at_first=sum(first[name].agreed == _YES for name in answered),
        unanswered=[name for name in bank if name not in last],
        unsettled=[name for name in answered if last[name].agreed != _YES and name not in settled],
        changed=[name for name in answered if name in other - told],
        mended=[name for name in answered if name in told],
        unknown=[name for name in last if name not in bank],
    )
