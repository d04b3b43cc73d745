"""The feedback page of one learner for one assignment: plain, self-contained HTML.

It is written from the :class:`~autograder.grading.records.GradeRecord` (status, message, hints) and from
the learner's own cells. Hidden tests never reach it: no source and no output of a test cell is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from autograder.grading.records import CellResult, GradeRecord, Status, most_lost
from autograder.grading.spec import AssignmentSpec
from autograder.grading.written import Answer

_DRILLS = 5  # items shown at most
_ANSWER_LIMIT = 20_000  # characters of one answer that a page shows
_TAGS = {
    "p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "del", "s",
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a status is shown: a word and a symbol, so that colour is never the only sign."""

    words: str
    symbol: str
    tone: str  # good, part, bad, wait


LOOKS: Mapping[Status, Look] = {
    Status.PASS: Look("正解", "○", "good"),
    Status.PARTIAL: Look("部分点", "△", "part"),
    Status.BLANK: Look("未記入", "－", "bad"),
    Status.FAIL: Look("不正解", "×", "bad"),
    Status.ERROR: Look("エラー", "！", "bad"),
    Status.TIMEOUT: Look("時間切れ", "⌛", "bad"),
    Status.NOT_RUN: Look("実行できず", "‖", "bad"),
    Status.NEEDS_REVIEW: Look("確認中", "？", "wait"),
    Status.MANUAL: Look("採点者が読みます", "✎", "wait"),
}
_DEFAULT_MESSAGES: Mapping[Status, str] = {
    Status.PASS: "正解です。",
    Status.PARTIAL: "一部ができています。",
    Status.BLANK: "まだ書かれていません。",
    Status.FAIL: "答えが正解と違います。ヒントを開いて、見直してみましょう。",
    Status.ERROR: "実行の途中でエラーが出ました。",
    Status.TIMEOUT: "制限時間のうちに終わりませんでした。終わらないくり返しがないか、確かめてください。",
    Status.NOT_RUN: "このテストまで実行が進みませんでした。",
    Status.NEEDS_REVIEW: "採点者が確認しています。",
    Status.MANUAL: "採点者が読みます。点は、そのあとで加わります。",
}
_READ_BY_HAND = Look("採点者が読みました", "✎", "good")
_DECIDED_BY_HAND = Look("採点者が決めました", "✎", "part")


@dataclass(frozen=True)
class ManualGrade:
    """What a person decided about one graded cell in nbgrader's formgrader."""

    points: float | None = None  # None: commented only, or not looked at
    comment: str = ""
    settled: bool = False  # the formgrader does not ask for a look at this cell (any more)


@dataclass(frozen=True)
class QuestionSum:
    """All graded cells of one question together."""

    question: str
    title: str
    results: tuple[CellResult, ...]
    points: float
    max_points: float
    look: Look


def question_sums(
    record: GradeRecord, manual: Mapping[str, ManualGrade] | None = None
) -> tuple[QuestionSum, ...]:
    """The record's results grouped by question, a person's decisions applied."""
    manual = manual or {}
    order = list(dict.fromkeys(r.question for r in record.results))
    sums = []
    for question in order:
        results = tuple(r for r in record.results if r.question == question)
        sums.append(
            QuestionSum(
                question=question,
                title=results[0].title or question,
                results=results,
                points=sum(final_points(r, manual) for r in results),
                max_points=sum(r.max_points for r in results),
                look=_question_look(results, manual),
            )
        )
    return tuple(sums)


def final_points(result: CellResult, manual: Mapping[str, ManualGrade]) -> float:
    """A person's points where there are any, else the machine's."""
    decided = manual.get(result.grade_id)
    return decided.points if decided is not None and decided.points is not None else result.points


def is_decided(result: CellResult, manual: Mapping[str, ManualGrade]) -> bool:
    """Whether a person gave the points."""
    m = manual.get(result.grade_id)
    return m is not None and m.points is not None


def open_points(record: GradeRecord, manual: Mapping[str, ManualGrade], status: Status) -> float:
    """Points of the cells of this status that nobody has decided yet."""
    return sum(r.max_points for r in record.results if r.status is status and not is_decided(r, manual))


def render_feedback(
    record: GradeRecord,
    spec: AssignmentSpec,
    answers: Iterable[Answer] = (),
    manual: Mapping[str, ManualGrade] | None = None,
) -> str:
    """The feedback page as HTML.

    Parameters
    ----------
    record : GradeRecord
    spec : AssignmentSpec
        For the assignment's title.
    answers : iterable of Answer
        From :func:`autograder.grading.written.written`.
    manual : mapping of str to ManualGrade, optional
        What a person decided, by grade_id.
    """
    manual = manual or {}
    answers = tuple(answers)
    sums = question_sums(record, manual)
    points, max_points = sum(s.points for s in sums), sum(s.max_points for s in sums)
    page = {
        "title": spec.title or record.assignment,
        "learner": record.learner,
        "syllabus": [_item(item, spec) for item in spec.syllabus],
        "drills": _drills(sums, spec, manual),
        "submitted_name": record.submitted_name.rsplit("/", 1)[-1],
        "points": points,
        "max_points": max_points,
        "percent": f"{100 * points / max_points:.1f}" if max_points else "0",
        "unread_points": open_points(record, manual, Status.MANUAL),
        "in_review_points": open_points(record, manual, Status.NEEDS_REVIEW),
        "repairs": list(dict.fromkeys(r.what for r in record.repairs)),
        "questions": [
            _question_view(number, s, [a for a in answers if a.question == s.question], manual)
            for number, s in enumerate(sums, start=1)
        ],
    }
    return environment().get_template("feedback.html.j2").render(page=page, css=page_css())


def _item(item: str, spec: AssignmentSpec) -> str:
    return f"{item} {spec.syllabus.get(item, '')}".rstrip()


def _drills(
    sums: Iterable[QuestionSum], spec: AssignmentSpec, manual: Mapping[str, ManualGrade]
) -> list[dict[str, Any]]:
    """Items of the exam's syllabus in which points were lost, the most lost first, with their questions."""
    waiting = (Status.MANUAL, Status.NEEDS_REVIEW)
    losses: list[tuple[float, list[str]]] = []
    where: dict[str, list[str]] = {}
    for s in sums:
        missed = s.max_points - s.points
        if missed <= 0 or any(r.status in waiting and not is_decided(r, manual) for r in s.results):
            continue
        items = list(dict.fromkeys(item for r in s.results for item in r.items))
        losses.append((missed, items))
        for item in items:
            where.setdefault(item, []).append(s.title.split()[0])
    return [
        {"item": item, "text": _item(item, spec), "questions": where[item]}
        for item in most_lost(losses)[:_DRILLS]
    ]


def _question_view(
    number: int, s: QuestionSum, answers: list[Answer], manual: Mapping[str, ManualGrade]
) -> dict[str, Any]:
    solved = all(r.status is Status.PASS for r in s.results)
    parts = [_part_view(r, manual) for r in s.results]
    if solved and all(p["message"] == _DEFAULT_MESSAGES[Status.PASS] for p in parts):
        parts = []  # the mark beside the title says it all
    elif len({(p["look"], p["message"]) for p in parts}) == 1:
        parts = parts[:1]  # a blank answer fails every test in the same words
    return {
        "solved": solved,
        "anchor": f"q-{number}",
        "title": s.title,
        "look": s.look,
        "points": s.points,
        "max_points": s.max_points,
        "parts": parts,
        "comments": [
            markdown(m.comment)
            for r in s.results
            if (m := manual.get(r.grade_id)) is not None and m.comment.strip()
        ],
        "hints": []
        if solved
        else [markdown(h) for h in dict.fromkeys(h for r in s.results for h in r.hints)],
        "read": "" if solved else next((r.read for r in s.results if r.read), ""),
        "answers": [_answer_view(a) for a in answers],
    }


def _part_view(result: CellResult, manual: Mapping[str, ManualGrade]) -> dict[str, Any]:
    decided = is_decided(result, manual)
    if decided and result.status is Status.MANUAL:
        look, message = _READ_BY_HAND, "採点者が読んで、点をつけました。"
    elif decided:
        look = _DECIDED_BY_HAND
        message = "採点者が確認して、点を決めました。"
        if result.message and result.status is not Status.NEEDS_REVIEW:
            message += f"\n{result.message}"
    else:
        look = LOOKS[result.status]
        message = result.message or _DEFAULT_MESSAGES[result.status]
    return {
        "look": look,
        "message": message,
        "points": final_points(result, manual),
        "max_points": result.max_points,
    }


def _answer_view(answer: Answer) -> dict[str, Any]:
    source = answer.source
    if len(source) > _ANSWER_LIMIT:
        source = source[:_ANSWER_LIMIT] + "\n…（長いため、ここまでを表示しています）"
    if answer.is_code:
        shown: Any = source.rstrip() or "（空白のまま出されています）"
    else:
        shown = "" if answer.blank else markdown(source)
    return {
        "is_code": answer.is_code,
        "shown": shown,
        "error": answer.error,
    }


def _question_look(results: tuple[CellResult, ...], manual: Mapping[str, ManualGrade]) -> Look:
    looks = [_part_view(r, manual)["look"] for r in results]
    if len(set(looks)) == 1:
        return looks[0]
    statuses = {r.status for r in results}
    for status in (Status.NEEDS_REVIEW, Status.MANUAL):
        if status in statuses and LOOKS[status] in looks:
            return LOOKS[status]
    if sum(final_points(r, manual) for r in results) > 0:
        return LOOKS[Status.PARTIAL]
    for status in (Status.ERROR, Status.TIMEOUT, Status.FAIL, Status.NOT_RUN, Status.BLANK):
        if status in statuses:
            return LOOKS[status]
    return looks[0]


# ---------------------------------------------------------------- shared with the report


@cache
def environment() -> Environment:
    """The templates, with autoescape on and an error for every unknown name."""
    env = Environment(
        loader=PackageLoader("autograder.grading", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["points"] = plain_points
    return env


@cache
def page_css() -> Markup:
    """The style sheet of both pages, to be written into the page itself."""
    return Markup((Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf-8"))


def plain_points(value: float) -> str:
    """``3.0`` → ``3``, ``2.50`` → ``2.5``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@cache
def _markdown_parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def markdown(text: str) -> Markup:
    """Markdown as safe HTML: no raw HTML, no links, no pictures, nothing that is fetched or run."""
    return Markup(nh3.clean(_markdown_parser().render(text), tags=_TAGS, attributes={}, link_rel=None))
