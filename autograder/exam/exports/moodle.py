"""Moodle XML: multiple-choice questions for the question bank of an e-learning server, a category an item."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from lxml import etree

from ..bank import ASKS, Question
from .markup import as_html
from .sections import COURSE, CREDIT, Section, page_of

__all__ = ["quiz"]

_COMBINATION = ASKS[2]


def quiz(sections: Sequence[Section], titles: Mapping[str, str]) -> bytes:
    """The XML of these sections.

    Parameters
    ----------
    sections : sequence of Section
    titles : mapping of str to str
        The title of every item of the syllabus.
    """
    root = etree.Element("quiz")
    for section in sections:
        category = etree.SubElement(root, "question", type="category")
        path = "/".join(_level(name) for name in (COURSE, section.area, section.title))
        _text(category, "category", f"$course$/top/{path}")
        for question in section.questions:
            root.append(_question(question, section, titles))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _question(question: Question, section: Section, titles: Mapping[str, str]) -> etree._Element:
    element = etree.Element("question", type="multichoice")
    _text(element, "name", f"{question.id} {question.keywords[0]}")
    _html(element, "questiontext", as_html(question.stem))
    _html(element, "generalfeedback", _general(question, titles))
    for name, value in (
        ("defaultgrade", "1"),
        ("penalty", "1"),  # one right choice of four: a second try is worth nothing
        ("hidden", "0"),
        ("idnumber", f"takara-{question.id}"),
        ("single", "true"),
        ("shuffleanswers", "true" if _may_be_shuffled(question) else "false"),
        ("answernumbering", "ABCD"),
    ):
        etree.SubElement(element, name).text = value
    _html(element, "correctfeedback", "<p>正解です。</p>")
    _html(element, "partiallycorrectfeedback", "")
    _html(element, "incorrectfeedback", "<p>正解ではありません。</p>")
    for choice in question.choices:
        answer = etree.SubElement(element, "answer", fraction="100" if choice.right else "0", format="html")
        etree.SubElement(answer, "text").text = _cdata(f"<p>{html.escape(choice.text)}</p>")
        _html(answer, "feedback", f"<p>{html.escape(choice.why)}</p>")
    tags = etree.SubElement(element, "tags")
    for tag in (
        section.item.id,
        section.area,
        question.form,
        f"難しさ{question.difficulty}",
        *question.keywords,
    ):
        _text(tags, "tag", tag)
    return element


def _may_be_shuffled(question: Question) -> bool:
    """Numbers stay in ascending order, and combinations as they are, because that helps to read them."""
    return question.form != "計算" and question.ask != _COMBINATION


def _general(question: Question, titles: Mapping[str, str]) -> str:
    lines = [f"くわしく：{page_of(question, titles)}"]
    if question.source:
        lines.append(f"根拠：{question.source}（{question.as_of} 時点）")
    lines.append(CREDIT)
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(etree.SubElement(parent, name), "text").text = text


def _html(parent: etree._Element, name: str, text: str) -> None:
    element = etree.SubElement(parent, name, format="html")
    etree.SubElement(element, "text").text = _cdata(text)


def _cdata(text: str) -> etree.CDATA | str:
    """HTML unescaped in the file, as Moodle itself writes it."""
    return etree.CDATA(text) if text else ""


def _level(name: str) -> str:
    """One level of a category's path: Moodle reads "//" as a slash in a name."""
    return name.replace("/", "//")
