"""The instructor's report on a class: what went well, what did not and why, and what to look at.

One self-contained HTML page, written from the records alone.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.grading.collect import Ignored
from autograder.grading.feedback import (
    LOOKS,
    Answer,
    ManualGrade,
    environment,
    final_points,
    is_decided,
    open_points,
    page_css,
    question_sums,
)
from autograder.grading.records import CellResult, GradeRecord, Rejected, Repair, Status
from autograder.grading.spec import AssignmentSpec

_EXAMPLE_LINES = 12
_COMMON_MESSAGES = 3
_FEWEST_FOR_GROUPS = 9  # fewer learners are shown one by one


@dataclass(frozen=True)
class Graded:
    """One graded hand-in with what the pages show of it beside the record."""

    record: GradeRecord
    answers: tuple[Answer, ...] = ()
    asks: tuple[str, ...] = ()
    manual: Mapping[str, ManualGrade] = field(default_factory=dict)
    feedback: str = ""  # link to the learner's page, relative to the report

    @property
    def points(self) -> float:
        return sum(final_points(r, self.manual) for r in self.record.results)

    @property
    def needs_review(self) -> bool:
        """Somebody must still look: doubtful results without a person's decision, doubtful repairs."""
        return open_points(self.record, self.manual, Status.NEEDS_REVIEW) > 0 or bool(self.doubtful_repairs)

    @property
    def doubtful_repairs(self) -> tuple[Repair, ...]:
        """Doubtful repairs, until the formgrader asks for no more than the other written answers."""
        doubtful = tuple(r for r in self.record.repairs if r.needs_review)
        written = {r.grade_id for r in self.record.results if r.status is Status.MANUAL}
        to_settle = {r.grade_id for r in self.record.results} - (written - {r.grade_id for r in doubtful})
        settled = {i for i, m in self.manual.items() if m.settled or m.points is not None}
        return () if to_settle <= settled else doubtful

    @property
    def unread_points(self) -> float:
        return open_points(self.record, self.manual, Status.MANUAL)


def render_report(
    graded: Sequence[Graded],
    specs: Mapping[str, AssignmentSpec],
    rejected: Sequence[Rejected] = (),
    ignored: Sequence[Ignored] = (),
) -> str:
    """The report as HTML, one section for each assignment."""
    names = sorted({g.record.assignment for g in graded})
    page = {
        "assignments": [
            _assignment_view([g for g in graded if g.record.assignment == name], specs.get(name), name)
            for name in names
        ],
        "rejected": sorted(rejected, key=lambda r: (r.name, r.reason)),
        "ignored": sorted(ignored, key=lambda i: i.name),
    }
    return environment().get_template("report.html.j2").render(page=page, css=page_css())


def _assignment_view(graded: Sequence[Graded], spec: AssignmentSpec | None, name: str) -> dict[str, Any]:
    graded = sorted(graded, key=lambda g: g.record.learner)
    points = [g.points for g in graded]
    max_points = max(g.record.max_points for g in graded)
    unread = sum(1 for g in graded if g.unread_points)
    return {
        "id": name,
        "title": (spec.title if spec else "") or name,
        "count": len(graded),
        "mean": statistics.fmean(points),
        "median": statistics.median(points),
        "max_points": max_points,
        "machine_points": max_points - max((g.unread_points for g in graded), default=0),
        "unread": unread,
        "histogram": histogram(points, max_points),
        "questions": [_question_view(q, graded) for q in _question_order(graded, spec)],
        "heat": heat_map(graded, _question_order(graded, spec)),
        "review": [v for g in graded if (v := _review_view(g))],
        "asks": [{"learner": g.record.learner, "texts": g.asks} for g in graded if g.asks],
        "learners": [
            {
                "learner": g.record.learner,
                "points": g.points,
                "feedback": g.feedback,
                "needs_review": g.needs_review,
                "unread": g.unread_points,
                "repairs": [r.what for r in g.record.repairs],
                "seconds": g.record.cost.seconds,
                "memory_mb": g.record.cost.memory_mb,
            }
            for g in graded
        ],
    }


def _question_order(graded: Sequence[Graded], spec: AssignmentSpec | None) -> list[str]:
    order = [c.question for c in spec.graded] if spec else []
    return list(dict.fromkeys(order + [r.question for g in graded for r in g.record.results]))


def _question_view(question: str, graded: Sequence[Graded]) -> dict[str, Any]:
    sums = [(g, s) for g in graded for s in question_sums(g.record, g.manual) if s.question == question]
    by_hand = any(r.status is Status.MANUAL for _, s in sums for r in s.results)
    pending = [g for g, s in sums if any(_is_pending(r, g.manual) for r in s.results)]
    decided = [(g, s) for g, s in sums if g not in pending]
    full = sum(1 for _, s in decided if s.max_points > 0 and s.points >= s.max_points)
    looks = Counter(s.look for _, s in sums)
    order = {look: i for i, look in enumerate(LOOKS.values())}
    return {
        "title": sums[0][1].title if sums else question,
        "by_hand": by_hand,
        "max_points": max((s.max_points for _, s in sums), default=0),
        "decided": len(decided),
        "pending": len(pending),
        "full": full,
        "percent": f"{100 * full / len(decided):.0f}" if decided else "",
        "mean": statistics.fmean(s.points for _, s in decided) if decided else 0.0,
        "statuses": [
            {"look": look, "count": n}
            for look, n in sorted(looks.items(), key=lambda item: (order.get(item[0], 99), item[0].words))
        ],
        "messages": [] if by_hand else _common_messages(question, sums),
    }


def _is_pending(result: CellResult, manual: Mapping[str, ManualGrade]) -> bool:
    """A written answer that nobody has read yet."""
    return result.status is Status.MANUAL and not is_decided(result, manual)


def _common_messages(question: str, sums: Sequence[tuple[Graded, Any]]) -> list[dict[str, Any]]:
    """The commonest messages of lost points, with the shortest written answer that got each."""
    groups: dict[str, list[tuple[Graded, CellResult]]] = {}
    for g, s in sums:
        lost = [
            r
            for r in s.results
            if r.message
            and r.status not in (Status.PASS, Status.MANUAL, Status.BLANK)
            and r.points < r.max_points
        ]
        for pattern, r in {_pattern(r.message): r for r in reversed(lost)}.items():
            groups.setdefault(pattern, []).append((g, r))
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    views = []
    for _, members in ranked[:_COMMON_MESSAGES]:
        texts = Counter(r.message for _, r in members)
        message = min(texts, key=lambda t: (-texts[t], t))
        examples = sorted(
            (len(a.source), g.record.learner, a.source)
            for g, r in members
            for a in g.answers
            if r.status is not Status.NOT_RUN and a.question == question and a.is_code and not a.blank
        )
        views.append(
            {
                "message": message,
                "count": len(members),
                "example": _shortened(examples[0][2]) if examples else "",
                "example_of": examples[0][1] if examples else "",
            }
        )
    return views


def _pattern(message: str) -> str:
    """Messages that differ in the learner's own numbers or quoted values only are one message."""
    return re.sub(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|'[^']*'", "#", message)


def _shortened(source: str) -> str:
    lines = source.strip().splitlines()
    return "\n".join(lines[:_EXAMPLE_LINES] + (["…"] if len(lines) > _EXAMPLE_LINES else []))


def _review_view(g: Graded) -> dict[str, Any] | None:
    if not g.needs_review:
        return None
    doubtful = [
        r for r in g.record.results if r.status is Status.NEEDS_REVIEW and not is_decided(r, g.manual)
    ]
    return {
        "learner": g.record.learner,
        "feedback": g.feedback,
        "items": [{"title": r.title, "message": r.message, "detail": r.detail} for r in doubtful]
        + [
            {"title": "ノートブックの直し", "message": r.what, "detail": r.grade_id}
            for r in g.doubtful_repairs
        ],
    }


# ---------------------------------------------------------------- the heat map


def heat_map(graded: Sequence[Graded], questions: Sequence[str]) -> dict[str, Any]:
    """Share of the points by question (columns) and group of learners (rows).

    The groups are the thirds of the class by points; a class of fewer than nine is shown one by one.
    A cell is None where nobody has a result yet (a written answer that nobody has read).
    """
    ranked = sorted(graded, key=lambda g: (-g.points, g.record.learner))
    if len(ranked) < _FEWEST_FOR_GROUPS:
        groups = [(g.record.learner, [g]) for g in ranked]
    else:
        edges = [len(ranked) * k // 3 for k in range(4)]
        thirds = [ranked[low:high] for low, high in itertools.pairwise(edges)]
        names = ("得点の高い3分の1", "まん中の3分の1", "得点の低い3分の1")
        groups = [(f"{name}（{len(third)}人）", third) for name, third in zip(names, thirds, strict=True)]
    return {
        "questions": [_short_title(q, graded) for q in questions],
        "rows": [{"name": name, "cells": [_share(q, third) for q in questions]} for name, third in groups],
    }


def _share(question: str, graded: Sequence[Graded]) -> float | None:
    sums = [
        s
        for g in graded
        for s in question_sums(g.record, g.manual)
        if s.question == question and not any(_is_pending(r, g.manual) for r in s.results)
    ]
    most = sum(s.max_points for s in sums)
    return sum(s.points for s in sums) / most if most else None


def _short_title(question: str, graded: Sequence[Graded]) -> dict[str, str]:
    """「問1」 over the column, the whole title on pointing at it."""
    titles = (s.title for g in graded for s in question_sums(g.record, g.manual) if s.question == question)
    title = next(titles, question)
    return {"short": re.split(r"[\s　：:]", title, maxsplit=1)[0], "title": title}


# ---------------------------------------------------------------- the histogram


def histogram(points: Sequence[float], max_points: float) -> dict[str, Any]:
    """Bars of the distribution of points, in the coordinates of the template's SVG.

    The bins are whole numbers of points wide, at most twelve of them; the last holds full marks.
    """
    width = 1
    while max_points / width > 12:
        width += 1 if width < 2 else (3 if width == 2 else 5)  # 1, 2, 5, 10, 15 …
    bins = max(1, -(-int(max_points) // width))
    counts = [0] * bins
    for p in points:
        counts[min(bins - 1, max(0, int(p // width)))] += 1
    left, right, top, bottom = 44, 10, 18, 44
    chart_width, chart_height = 720 - left - right, 230 - top - bottom
    highest = max(counts) if any(counts) else 1
    step = chart_width / bins
    bars = []
    for i, n in enumerate(counts):
        height = chart_height * n / highest
        low, high = i * width, (i + 1) * width - 1 if i < bins - 1 else int(max_points)
        bars.append(
            {
                "x": round(left + i * step + 2, 1),
                "y": round(top + chart_height - height, 1),
                "width": round(step - 4, 1),
                "height": round(height, 1),
                "middle": round(left + (i + 0.5) * step, 1),
                "count": n,
                "label": str(low) if low == high else f"{low}-{high}",
            }
        )
    described = "、".join(f"{b['label']}点 {b['count']}人" for b in bars if b["count"])
    return {
        "bars": bars,
        "left": left,
        "base": top + chart_height,
        "right": 720 - right,
        "described": described,
    }
