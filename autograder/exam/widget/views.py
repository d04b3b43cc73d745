"""What each screen shows, as plain values for the browser.

A view of an open question (:func:`question_view`, :func:`mock_view`) is made of its stem and the texts of its
choices and of nothing else: not of its keywords, its source or its id either, which may give it away.
Numbers of questions and places of choices count from 0; seconds are floats; shares go from 0.0 to 1.0.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from ..bank import LETTERS
from ..blueprint import Blueprints
from ..exports.markup import as_html
from ..layout import Marked, Sheet
from ..mock import PAUSE_NOTE, MockExam
from ..pages import Page
from ..plots import Plot
from ..progress import StoredSitting
from ..readiness import BASIS, FEWEST_IN_ALL, FEWEST_IN_AREA, AreaReadiness, Estimate, Readiness
from ..result import MockResult, Score
from ..sitting import Pace, Sitting, State
from ..syllabus import Syllabus
from ..trainer import Trainer

__all__ = [
    "View", "answer_view", "home_view", "mock_view", "paused_view", "plots_view", "question_view",
    "readiness_view", "result_view", "round_view",
]  # fmt: skip

View = dict[str, Any]  # JSON

UNKNOWN = "まだわかりません"
NO_PASS_MARK = "本番の合格ラインは公表されていません。この点は、この教材の問題での点です。"
_LATEST_MOCKS = 5
_ANSWERED, _FLAGGED = 1, 2  # bits of a question's mark in the grid


# ------------------------------------------------------------------ home


def home_view(trainer: Trainer) -> View:
    """Everything one can begin, and how ready one is."""
    unfinished = trainer.unfinished_mock()
    return {
        "kind": "home",
        "review": {"due": len(trainer.review()), "next": trainer.next_review()},
        "unfinished": _unfinished(unfinished, trainer.blueprints) if unfinished else None,
        "areas": _areas(trainer.syllabus),
        "assignments": [
            {"name": one.name, "title": f"{one.name} {one.title}", "items": list(one.items)}
            for one in trainer.assignments
        ],
        "formats": [{"name": one.name, "title": one.title} for one in trainer.blueprints.by_name.values()],
        "format_note": trainer.blueprints.note,
        "pause_note": PAUSE_NOTE,
        "mocks": _latest_mocks(trainer),
        "readiness": readiness_view(trainer.readiness()),
        "questions": len(trainer.bank),
        "path": str(trainer.progress.path),
    }


def _areas(syllabus: Syllabus) -> list[View]:
    return [
        {
            "title": area.title,
            "items": [{"id": item, "title": syllabus.items[item].title} for item in area.items],
        }
        for area in syllabus.areas
    ]


def _unfinished(stored: StoredSitting, blueprints: Blueprints) -> View:
    sitting = stored.sitting
    return {
        "title": format_title(sitting, blueprints),
        "started": _date(stored.started),
        "answered": sitting.answered,
        "of": len(sitting.slots),
        "left": clock_text(sitting.remaining_s),
    }


def _latest_mocks(trainer: Trainer) -> list[View]:
    latest = []
    for stored in trainer.finished_mocks()[: -_LATEST_MOCKS - 1 : -1]:
        result = trainer.mock_result(stored.id)
        latest.append(
            {
                "id": stored.id,
                "title": format_title(stored.sitting, trainer.blueprints),
                "date": _date(stored.updated),
                "score": _score_text(result.total),
            }
        )
    return latest


def readiness_view(readiness: Readiness) -> View:
    """The estimate over all and by area; no figure where there are too few answers for one."""
    return {
        "overall": _estimate(readiness.overall) if readiness.known else None,
        "overall_text": (
            f"全体の見積もり：{_estimate_text(readiness.overall)}。{readiness.questions}問の解答から。"
            if readiness.known
            else f"全体：{UNKNOWN}（解いた問題は{readiness.questions}問）。"
            f"領域ごとに{FEWEST_IN_AREA}問以上、全部で{FEWEST_IN_ALL}問以上解くと、見積もりが出ます。"
        ),
        "areas": [_area(area) for area in readiness.areas],
        "basis": BASIS,
        "stale": (
            f"教材の更新で変わった問題への解答{readiness.stale}件は、数えていません。"
            if readiness.stale
            else ""
        ),
    }


def _area(area: AreaReadiness) -> View:
    return {
        "title": area.title,
        "estimate": _estimate(area.estimate) if area.known else None,
        "text": _estimate_text(area.estimate) if area.known else UNKNOWN,
        "answered": f"{area.questions}/{area.in_bank}問",
        "ago": _ago(area.days_since),
    }


def _estimate(estimate: Estimate) -> View:
    return {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}


def _estimate_text(estimate: Estimate) -> str:
    return f"{_percent(estimate.mean)}（{100 * estimate.low:.0f}〜{_percent(estimate.high)}）"


def plots_view(plots: Iterable[Plot]) -> View:
    """Figures, each with its text for who cannot see it."""
    return {
        "kind": "plots",
        "plots": [
            {"alt": plot.alt, "src": f"data:image/png;base64,{base64.b64encode(plot.png()).decode()}"}
            for plot in plots
        ],
    }


# ------------------------------------------------------------------ drill and review


def question_view(sheet: Sheet, *, title: str, number: int, of: int) -> View:
    """An open question of a drill or a review."""
    return {"kind": "question", "title": title, "number": number, "of": of, **_open(sheet)}


def answer_view(
    marked: Marked, pages: Iterable[Page], *, title: str, number: int, of: int, seconds: float
) -> View:
    """A question that has just been answered, with the reasons."""
    return {
        "kind": "answer",
        "title": title,
        "number": number,
        "of": of,
        "seconds": round(seconds),
        "answer": marked_view(marked, pages),
    }


def round_view(marked: Sequence[tuple[Marked, Iterable[Page]]], *, title: str) -> View:
    """The end of a drill or a review."""
    right = sum(one.right for one, _ in marked)
    misses = [
        {**marked_view(one, pages), "number": number}
        for number, (one, pages) in enumerate(marked)
        if not one.right
    ]
    return {
        "kind": "round",
        "title": title,
        "text": f"{len(marked)}問のうち {right}問正解",
        "misses": misses,
    }


def marked_view(marked: Marked, pages: Iterable[Page]) -> View:
    """An answered question: the verdict, the reason for every choice, and where it is taught."""
    sheet, question = marked.sheet, marked.sheet.question
    letter = LETTERS[sheet.right_place]
    if marked.right:
        verdict = "○ 正解です"
    elif marked.place is None:
        verdict = f"－ 未解答です。正解は {letter} です"
    else:
        verdict = f"× 不正解です。正解は {letter} です"
    return {
        "right": marked.right,
        "verdict": verdict,
        "stem": as_html(question.stem),
        "choices": [
            {
                "letter": LETTERS[place],
                "text": choice.text,
                "why": choice.why,
                "right": choice.right,
                "chosen": place == marked.place,
            }
            for place, choice in enumerate(sheet.choices)
        ],
        "source": _source(question.source, question.as_of),
        "about": f"{question.id}　{question.form}　キーワード：{'、'.join(question.keywords)}",
        "pages": [
            {"label": f"{page.item} {page.title}", "notebook": page.notebook.name if page.notebook else None}
            for page in pages
        ],
    }


def _open(sheet: Sheet) -> View:
    """What may be seen of a question before it is answered."""
    return {
        "form": sheet.question.form,
        "stem": as_html(sheet.question.stem),
        "choices": [
            {"letter": LETTERS[place], "text": choice.text} for place, choice in enumerate(sheet.choices)
        ],
    }


def _source(source: str, as_of: str) -> str:
    return f"根拠：{source}{f'（{as_of} 時点）' if as_of else ''}" if source else ""


# ------------------------------------------------------------------ mock exams


def mock_view(exam: MockExam, blueprints: Blueprints, *, handing_in: bool) -> View:
    """A mock exam at its current question; with ``handing_in`` the question whether to hand it in."""
    sitting, sheet = exam.sitting, exam.current_sheet
    slot = sitting.slots[sitting.current]
    return {
        "kind": "mock",
        "id": exam.id,
        "title": format_title(sitting, blueprints),
        "number": sitting.current,
        "of": len(sitting.slots),
        "question": _open(sheet) if sheet else None,
        "place": slot.place,
        "flagged": slot.flagged,
        "grid": [
            _ANSWERED * (one.place is not None) + _FLAGGED * one.flagged for one in sitting.slots
        ],
        "answered": sitting.answered,
        "clock": {"remaining_s": exam.remaining_s, "limit_s": sitting.limit_s},
        "pace": _pace(exam.pace),
        "pause_note": PAUSE_NOTE,
        "handing_in": (
            {"unanswered": list(sitting.unanswered_numbers), "flagged": list(sitting.flagged_numbers)}
            if handing_in
            else None
        ),
    }  # fmt: skip


def paused_view(stored: StoredSitting, blueprints: Blueprints) -> View:
    """A mock exam whose clock stands still."""
    return {"kind": "paused", "pause_note": PAUSE_NOTE, **_unfinished(stored, blueprints)}


def _pace(pace: Pace) -> View:
    whole = round(abs(pace.ahead))
    text = "ちょうどよい" if whole == 0 else f"{whole}問 {'先行' if pace.ahead > 0 else '遅れ'}"
    return {"ahead": pace.ahead, "text": text, "needed": f"1分に{pace.needed_per_minute:.1f}問"}


def result_view(
    result: MockResult, blueprints: Blueprints, pages_of: Any, *, number: int, date: datetime.datetime
) -> View:
    """The result of a mock exam.

    Parameters
    ----------
    result : MockResult
    blueprints : Blueprints
    pages_of : callable
        Question → the pages that teach it.
    number : int
        Of the mock exam in the progress file.
    date : datetime
        When it was handed in, in UTC.
    """
    sitting = result.sitting

    def seen(one: Any) -> View:
        marked = marked_view(one.marked, pages_of(one.marked.sheet.question))
        return {**marked, "number": one.number, "flagged": one.flagged}

    return {
        "kind": "result",
        "id": number,
        "title": format_title(sitting, blueprints),
        "date": _date(date),
        "timed_out": sitting.state is State.TIMED_OUT,
        "total": _score(result.total),
        "time": f"{clock_text(sitting.elapsed_s)}（制限 {clock_text(sitting.limit_s)}）",
        "unanswered": result.unanswered,
        "void": [number + 1 for number in result.void],
        "areas": [_score(score) for score in result.by_area],
        "forms": [_score(score) for score in result.by_form],
        "note": NO_PASS_MARK,
        "misses": [seen(one) for one in result.misses],
        "unsure": [seen(one) for one in result.questions if one.flagged and one.marked.right],
    }


def _score(score: Score) -> View:
    return {
        "name": score.name,
        "right": score.right,
        "asked": score.asked,
        "share": score.share,
        "text": _score_text(score),
    }


def _score_text(score: Score) -> str:
    return f"{score.right} / {score.asked}問（{_percent(score.share)}）"


# ------------------------------------------------------------------ texts


def format_title(sitting: Sitting, blueprints: Blueprints) -> str:
    """The title of a sitting's format, also of one that is no more."""
    blueprint = blueprints.by_name.get(sitting.blueprint)
    return blueprint.title if blueprint else sitting.blueprint


def clock_text(seconds: float) -> str:
    """``5400.0`` → ``90:00``."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _date(at: datetime.datetime) -> str:
    local = at.astimezone()
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def _ago(days: float | None) -> str:
    if days is None:
        return "解答なし"
    return "1日以内" if days < 1 else f"{days:.0f}日前"
