"""Anki decks (.apkg): one note and one card a question, one deck an item.

Ids hang on the question's id, so that Anki keeps what a person has learned when a newer file is read in.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import zipfile
from collections.abc import Mapping, Sequence

import genanki

from ..bank import Question
from .markup import as_html
from .sections import COURSE, CREDIT, Section, letter, page_of

__all__ = ["FIELDS", "package"]

FIELDS = ("番号", "問題文", "選択肢", "答え", "理由", "ページ", "根拠")

_MODEL_ID = 1_847_203_519  # drawn once; never changed
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip file knows
_FRONT = """
<div class="takara">
<div class="number">{{番号}}</div>
<div class="stem">{{問題文}}</div>
{{選択肢}}
</div>
"""
_BACK = f"""
{{{{FrontSide}}}}
<hr id="answer">
<div class="takara">
<div class="answer">正解　{{{{答え}}}}</div>
{{{{理由}}}}
<div class="page">くわしく：{{{{ページ}}}}</div>
{{{{#根拠}}}}<div class="page">根拠：{{{{根拠}}}}</div>{{{{/根拠}}}}
<div class="credit">{CREDIT}</div>
</div>
"""
_STYLE = """
.card { font-family: "Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP", "Noto Sans JP", sans-serif;
  font-size: 18px; line-height: 1.7; color: #222; background: #fff; }
.takara { max-width: 40em; margin: 0 auto; text-align: left; }
.number, .page, .credit { color: #555; font-size: 14px; }
.credit { margin-top: 1em; }
.takara ol { list-style: none; padding: 0; margin: 0.8em 0; }
.takara li { margin: 0.4em 0; padding-left: 2em; text-indent: -2em; }
.takara li.right { font-weight: bold; }
.takara li div { font-weight: normal; text-indent: 0; }
.answer { font-size: 20px; font-weight: bold; }
table { border-collapse: collapse; margin: 0.6em 0; }
th, td { border: 1px solid #888; padding: 0.2em 0.7em; }
.nightMode.card { color: #eee; background: #222; }
.nightMode .number, .nightMode .page, .nightMode .credit { color: #bbb; }
"""


def package(sections: Sequence[Section], titles: Mapping[str, str]) -> bytes:
    """The .apkg of these sections.

    Parameters
    ----------
    sections : sequence of Section
    titles : mapping of str to str
        The title of every item of the syllabus.
    """
    model = genanki.Model(
        _MODEL_ID,
        "Takara 四択",
        fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "四択", "qfmt": _FRONT.strip(), "afmt": _BACK.strip()}],
        css=_STYLE.strip(),
        sort_field_index=0,
    )
    decks = []
    for section in sections:
        deck = genanki.Deck(_number(f"deck {section.item.id}"), f"{COURSE}::{section.area}::{section.title}")
        for question in section.questions:
            deck.add_note(
                genanki.Note(
                    model=model,
                    fields=_fields(question, titles),
                    guid=genanki.guid_for("takara", question.id),
                    tags=_tags(section, question),
                )
            )
        decks.append(deck)
    out = io.BytesIO()
    genanki.Package(decks).write_to_file(out, timestamp=0)
    return _undated(out.getvalue())


def _fields(question: Question, titles: Mapping[str, str]) -> list[str]:
    choices = "".join(
        f"<li>{letter(place)}　{html.escape(choice.text)}</li>"
        for place, choice in enumerate(question.choices)
    )
    reasons = "".join(
        f"<li{' class=right' if choice.right else ''}>{letter(place)}　{html.escape(choice.text)}"
        f"<div>{html.escape(choice.why)}</div></li>"
        for place, choice in enumerate(question.choices)
    )
    right = question.choices[question.answer]
    basis = "、".join(filter(None, (question.source, question.as_of and f"{question.as_of} 時点")))
    return [
        question.id,
        as_html(question.stem),
        f"<ol>{choices}</ol>",
        f"{letter(question.answer)}　{html.escape(right.text)}",
        f"<ol>{reasons}</ol>",
        html.escape(page_of(question, titles)),
        html.escape(basis),
    ]


def _tags(section: Section, question: Question) -> list[str]:
    keywords = (re.sub(r"[\s:]+", "_", keyword) for keyword in question.keywords)
    return [
        *(f"キーワード::{keyword}" for keyword in keywords),
        f"項目::{section.item.id}",
        f"領域::{section.area.replace(' ', '_')}",
        f"形式::{question.form}",
        f"難しさ::{question.difficulty}",
    ]


def _number(name: str) -> int:
    """A number that Anki takes as an id and that belongs to this name for ever."""
    return int.from_bytes(hashlib.sha256(f"takara {name}".encode()).digest()[:4], "big") | 1 << 30


def _undated(archive: bytes) -> bytes:
    """The same archive without the time it was made at."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return out.getvalue()
