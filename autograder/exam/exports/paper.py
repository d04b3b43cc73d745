"""Drill sheets on paper (PDF): a page to answer on, the questions, the key and the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import matplotlib_fontja
import typst

from ..bank import Question
from .markup import as_typst, typst_text
from .sections import COURSE, CREDIT, Section, letter, page_of

__all__ = ["drill_sheet", "source"]

_CREATED_S = 0  # seconds since 1970, in the PDF: the same for the same questions
_SETUP = """
#set document(title: {title}, date: none)
#set page(
  paper: "a4",
  margin: (x: 20mm, top: 18mm, bottom: 20mm),
  footer: context [
    #set text(size: 8pt)
    {credit}
    #h(1fr)
    #counter(page).display("1 / 1", both: true)
  ],
)
#set text(font: ("IPAexGothic", "DejaVu Sans Mono"), lang: "ja", size: 10pt)
#set par(leading: 0.75em, spacing: 0.9em, justify: false)
#set table(stroke: 0.5pt, inset: (x: 6pt, y: 4pt))
#show heading: set block(above: 1.6em, below: 1em)
#show heading.where(level: 1): set text(size: 15pt)
#show heading.where(level: 2): set text(size: 12pt)
#let question(number, note, stem, ..choices) = block(breakable: false, below: 1.9em, width: 100%)[
  #text(weight: "bold")[#number]#h(0.8em)#text(size: 8pt)[#note]
  #block(above: 0.7em, stem)
  #grid(columns: (1.9em, 1fr), row-gutter: 0.75em, ..choices.pos().flatten())
]
#let reasons(number, answer, page, ..choices) = block(breakable: false, below: 1.7em, width: 100%)[
  #text(weight: "bold")[#number]#h(0.8em)正解 #text(weight: "bold")[#answer]
  #set text(size: 9pt)
  #grid(columns: (1.9em, 1fr), row-gutter: 0.7em, ..choices.pos().flatten())
  #text(size: 8pt)[#page]
]
#let blank = box(width: 1fr, height: 8mm, stroke: (bottom: 0.5pt))
#let answers(..numbers) = grid(
  columns: (1fr,) * 6, column-gutter: 3mm, row-gutter: 2mm,
  ..numbers.pos().map(number => grid(
    columns: (auto, 1fr), align: horizon, column-gutter: 1.5mm,
    text(size: 9pt, number), box(width: 100%, height: 6.5mm, stroke: 0.5pt),
  )),
)
#let right(it) = underline(offset: 2.5pt, it)
"""


def drill_sheet(sections: Sequence[Section], titles: Mapping[str, str], with_answers: bool = True) -> bytes:
    """The PDF of these sections, with Japanese fonts inside.

    Parameters
    ----------
    sections : sequence of Section
    titles : mapping of str to str
        The title of every item of the syllabus.
    with_answers : bool
        Without them: to be handed out before the answers are known.
    """
    return typst.compile(
        source(sections, titles, with_answers).encode("utf-8"),
        format="pdf",
        font_paths=[matplotlib_fontja.get_font_path()],
        ignore_system_fonts=True,
        timestamp=_CREATED_S,
    )


def source(sections: Sequence[Section], titles: Mapping[str, str], with_answers: bool = True) -> str:
    """The sheet in typst's own language."""
    return "\n".join(_lines(sections, titles, with_answers))


def _lines(sections: Sequence[Section], titles: Mapping[str, str], with_answers: bool) -> Iterator[str]:
    yield _SETUP.replace("{title}", _string(COURSE)).replace("{credit}", typst_text(CREDIT))
    yield from _answer_page(sections)
    yield "#pagebreak(weak: true)"
    yield f"= {typst_text(f'{COURSE}　問題')}"
    for section in sections:
        yield f"== {typst_text(section.title)}"
        yield from map(_asked, section.questions)
    if not with_answers:
        return
    yield "#pagebreak(weak: true)"
    yield f"= {typst_text('正解と理由')}"
    for section in sections:
        yield f"== {typst_text(section.title)}"
        yield _key(section)
        yield from (_explained(question, titles) for question in section.questions)


def _answer_page(sections: Sequence[Section]) -> Iterator[str]:
    """Where the name and the letters are written; it can be handed in alone."""
    ids = [question.id for section in sections for question in section.questions]
    yield f"= {typst_text(f'{COURSE}　解答用紙')}"
    blanks = (
        f"[{typst_text(before)} #blank {typst_text(after)}]"
        for before, after in (("名前", ""), ("日付", ""), ("正解", f"／{len(ids)}問"))
    )
    yield f"#grid(columns: (2fr, 1fr, 1fr), gutter: 6mm, {', '.join(blanks)})"
    yield f"#block(above: 1.2em, below: 1.2em, {_content('A〜Dの記号を、番号のとなりに書いてください。')})"
    yield f"#answers({', '.join(_content(id_) for id_ in ids)})"


def _asked(question: Question) -> str:
    choices = "".join(
        f"[{letter(place)}], [{typst_text(choice.text)}], " for place, choice in enumerate(question.choices)
    )
    note = f"{question.form}・難しさ{question.difficulty}"
    stem = as_typst(question.stem)
    return f"#question([{typst_text(question.id)}], [{typst_text(note)}], [{stem}], {choices})"


def _key(section: Section) -> str:
    """The right letters of a section at a glance."""
    cells = "　".join(f"{question.id} {letter(question.answer)}" for question in section.questions)
    return f"#block(below: 1.8em, {_content(cells)})"


def _explained(question: Question, titles: Mapping[str, str]) -> str:
    choices = ""
    for place, choice in enumerate(question.choices):
        text = typst_text(choice.text)
        shown = f"#right[{text}]" if choice.right else text
        choices += f"[{letter(place)}], [{shown} \\ {typst_text(choice.why)}], "
    basis = f"　根拠：{question.source}（{question.as_of} 時点）" if question.source else ""
    page = typst_text(f"くわしく：{page_of(question, titles)}{basis}")
    return f"#reasons([{typst_text(question.id)}], [{letter(question.answer)}], [{page}], {choices})"


def _content(text: str) -> str:
    return f"[{typst_text(text)}]"


def _string(text: str) -> str:
    return typst_text(text).removeprefix("#")
