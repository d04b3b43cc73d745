"""The repository's own bank: everything that ``takara bank check`` looks at, and what needs the handbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.exam import blind_record
from autograder.exam.bank import Bank, read_readable
from autograder.exam.bank_check import Result, check_bank, pages_in
from autograder.exam.syllabus import normalised, read_syllabus
from course.build import glossary
from course.build.handbook import Page, read_page
from course.build.site import Course
from course.build.wording import problems, read_words

CHECKS = (
    "schema", "coverage", "questions", "ask", "difficulty", "areas", "positions", "guessers", "keywords",
    "values", "law", "not", "links", "alike", "blind",
)  # fmt: skip


@pytest.fixture(scope="module")
def bank(repo: Path) -> Bank:
    return read_readable(repo / "course" / "exam" / "questions")[0]


@pytest.fixture(scope="module")
def results(repo: Path) -> dict[str, Result]:
    bank, schema = read_readable(repo / "course" / "exam" / "questions")
    record = blind_record.read_record(repo / blind_record.PATH)
    pages = pages_in(repo / "course" / "notebooks")
    return {r.key: r for r in check_bank(bank, read_syllabus(repo), pages, record, schema)}


@pytest.fixture(scope="module")
def handbook(repo: Path) -> dict[str, Page]:
    course = Course(repo)
    return {
        page.item: page
        for page in (read_page(path, course.datasets, course.bank) for path in course.handbook_texts())
    }


@pytest.mark.parametrize("key", CHECKS)
def test_the_bank_is_sound(results, key):
    assert results[key].problems == ()


def test_every_check_is_tested(results):
    assert tuple(results) == CHECKS


def test_one_word_for_one_thing(repo):
    words = read_words(repo)
    paths = sorted((repo / "course" / "exam" / "questions").glob("*.yaml"))
    assert [str(problem) for path in paths for problem in problems(path, words)] == []


def test_every_keyword_is_a_term_with_a_reading(bank, handbook):
    """A keyword is among its page's terms, and the glossary says how the term is read."""
    read = {entry.term.term for entry in glossary.entries(list(handbook.values())) if entry.term.reading}
    lacking = []
    for question in bank:
        terms = {normalised(t.keyword): t.term for t in handbook[question.item].terms if not t.extra}
        for keyword in question.keywords:
            if terms.get(normalised(keyword)) not in read:
                lacking.append(f"{question.id}: {keyword}")
    assert lacking == []
