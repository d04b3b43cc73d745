"""``python -m course.build check``: what the handbook has, what it lacks, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.exam.syllabus import Syllabus, read_syllabus
from autograder.learner.japanese import display_width

from . import rules, table, wording
from .handbook import Page, read_page
from .links import Links, documents
from .problems import Problem, TextError
from .site import Course

__all__ = ["Report", "check", "missing_items", "render"]

_HEADINGS = (
    "ページ", "題", "分", "キーワード", "実演", "見分け", "間違い", "問題", "発展", "図", "秒", "MB",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What a check found."""

    rows: tuple[tuple[str, ...], ...]  # of the table, as shown
    pages: int
    keywords: int
    syllabus: Syllabus
    missing: tuple[str, ...]  # items without a page
    waiting: tuple[str, ...]  # such items that a text links to
    problems: tuple[Problem, ...]

    @property
    def is_complete(self) -> bool:
        return not self.problems and not self.missing


def check(course: Course, texts: Sequence[Path] | None = None) -> Report:
    """Check these texts, or everything: every text, every README and data card, and that no page is missing.

    With a page, the words of all questions on its item are checked.

    Parameters
    ----------
    course : Course
    texts : sequence of Path, optional
        Texts of the course.
    """
    syllabus = read_syllabus(course.root)
    pages, problems = _read(course)
    chosen = list(texts) if texts is not None else [*course.lesson_texts(), *course.assignment_texts()]
    by_item = {page.item: page for page in pages.values()}
    costs = _costs(course)
    rows = []
    for path in chosen:
        if path in pages:
            problems[path] = rules.problems_of(pages[path], syllabus, by_item)
            rows.append(_row(pages[path], syllabus, costs.get(path.name, table.Measured())))
        elif path in problems:
            rows.append((path.stem[:3], "（読めません）", *[table.NOTHING] * (len(_HEADINGS) - 2)))
    words, links = wording.read_words(course.root), Links(course)
    found = [problem for path in chosen for problem in problems.get(path, [])]
    for path in [*chosen, *_question_files(course, texts)]:
        found += wording.problems(path, words)
    for path in [*chosen, *(documents(course) if texts is None else [])]:
        found += links.problems(path)
    return Report(
        rows=tuple(rows),
        pages=len(course.handbook_texts()),
        keywords=sum(len(page.keywords) for page in pages.values()),
        syllabus=syllabus,
        missing=tuple(missing_items(course, syllabus)) if texts is None else (),
        waiting=tuple(sorted(links.waiting)),
        problems=tuple(sorted(set(found))),
    )


def missing_items(course: Course, syllabus: Syllabus) -> list[str]:
    """The items of the syllabus that have no page."""
    written = {path.stem[:3] for path in course.handbook_texts()}
    return [item for item in syllabus.items if item not in written]


def render(report: Report) -> str:
    """The report for people: the table, the sum, then every problem."""
    lines = [*_aligned([_HEADINGS, *report.rows]), ""] if report.rows else []
    lines.append(
        f"{len(report.syllabus.items)}ページ中 {report.pages} ページ、"
        f"キーワード {report.keywords}/{report.syllabus.keywords}"
    )
    if report.missing:
        lines.append(f"まだ無いページ（{len(report.missing)}）：{_ranges(report.missing)}")
    if report.waiting:
        lines.append(f"まだ無いページへのリンクがあります（書けば届きます）：{_ranges(report.waiting)}")
    if report.problems:
        lines += ["", *map(str, report.problems), "", f"直す所が{len(report.problems)}か所あります。"]
    elif not report.missing:
        lines.append("足りないものはありません。")
    return "\n".join(lines)


def main(course: Course, texts: Sequence[Path] | None) -> int:
    """Print the report. Returns the exit status: 1 when something is missing."""
    report = check(course, texts)
    print(render(report), file=sys.stdout)
    return 0 if report.is_complete else 1


def _read(course: Course) -> tuple[dict[Path, Page], dict[Path, list[Problem]]]:
    """The pages that can be read, and what is wrong with the others."""
    pages: dict[Path, Page] = {}
    problems: dict[Path, list[Problem]] = {}
    for path in course.handbook_texts():
        try:
            pages[path] = read_page(path, course.datasets, course.bank)
        except TextError as error:
            problems[path] = error.problems
    return pages, problems


def _question_files(course: Course, texts: Sequence[Path] | None) -> list[Path]:
    """The files of the question bank on the items of these texts; all when none are named."""
    items = None if texts is None else {path.stem[:3] for path in texts if path.parent.name == "handbook"}
    return [path for path in sorted(course.bank.glob("*.yaml")) if items is None or path.stem in items]


def _costs(course: Course) -> dict[str, table.Measured]:
    readme = course.root / "course" / "handbook" / "README.md"
    return table.costs(readme.read_text(encoding="utf-8")) if readme.is_file() else {}


def _row(page: Page, syllabus: Syllabus, cost: table.Measured) -> tuple[str, ...]:
    counted = rules.facts(page)
    item = syllabus.items.get(page.item)
    numbers = (counted.demos, counted.look_alikes, counted.mistakes, counted.questions, counted.beyond)
    return (
        page.item,
        page.title,
        str(counted.minutes),
        f"{counted.keywords}/{item.keywords if item else '?'}",
        *(str(number) for number in numbers),
        f"{counted.figures_with_text}/{counted.figures}",
        cost.seconds,
        cost.peak_mb,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - display_width(cell))
            cells.append(cell + space if at < 2 else space + cell)
        yield "  ".join(cells).rstrip()


def _ranges(items: Sequence[str]) -> str:
    """``T01–T13、T15``."""
    groups: list[list[str]] = []
    for item in items:
        last = groups[-1][-1] if groups else ""
        if last and last[0] == item[0] and int(last[1:]) + 1 == int(item[1:]):
            groups[-1].append(item)
        else:
            groups.append([item])
    return "、".join(g[0] if len(g) == 1 else f"{g[0]}–{g[-1]}" for g in groups)
