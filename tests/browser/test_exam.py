"""The exam trainer in JupyterLab: a mock exam scored as by hand, a drill, and a kernel that goes away."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from autograder.exam.bank import Bank, Question, read_bank
from autograder.exam.exports.markup import as_html
from autograder.exam.syllabus import Syllabus, read_syllabus
from tests.setup.servers import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 120_000
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
WRONG = {3, 8, 12, 17}  # questions of the paper, from 0, that are answered wrong
BLANK = {10}
FLAGGED = 5
RELOAD_AT = 9


@dataclass
class Traffic:
    """What the page asked of other computers, and what the server told it."""

    elsewhere: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))

    def _request(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.elsewhere.append(request.url)

    def _frame(self, payload: str | bytes) -> None:
        self.told.append(payload if isinstance(payload, str) else payload.decode("utf-8", "replace"))

    def has_heard(self, text: str) -> bool:
        return any(text in frame for frame in self.told)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return read_bank(ROOT / "course" / "exam" / "questions")


@pytest.fixture(scope="module")
def syllabus() -> Syllabus:
    return read_syllabus(ROOT)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A learner's workspace."""
    folder = tmp_path / "workspace"
    subprocess.run(
        [sys.executable, "-m", "autograder.cli", "init", str(folder)], check=True, capture_output=True
    )
    return folder


@pytest.fixture
def notebook(page: Page, desk: Path, tmp_path: Path) -> Iterator[Traffic]:
    """The page shows the exam notebook in Lab, with the trainer running."""
    from autograder.learner import lab

    port = free_port()
    command = [*lab.command(desk, port, open_browser=False), "--IdentityProvider.token="]
    address = f"http://127.0.0.1:{port}"
    with serving(
        command, f"{address}/api", cwd=desk, env=lab.environment(os.environ), log=tmp_path / "lab.log"
    ):
        traffic = Traffic()
        traffic.watch(page)
        page.goto(f"{address}/lab/tree/course/notebooks/exam.ipynb", timeout=PATIENCE_MS)
        page.wait_for_selector(f"{PANEL} .jp-CodeCell", timeout=PATIENCE_MS)
        page.wait_for_selector(
            f"{PANEL} .jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=PATIENCE_MS
        )
        run_cell(page)
        yield traffic
        assert traffic.elsewhere == []


def run_cell(page: Page) -> None:
    """Run the notebook's cell, again if Lab was still moving things around."""
    for _ in range(6):
        dialog = page.locator(".jp-Dialog .jp-mod-accept")
        if dialog.count():  # Lab asks for a kernel when it is faster than its server
            dialog.click()
        page.locator(f"{PANEL} .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(TimeoutError):
            page.wait_for_selector(".tk-main[data-kind]", timeout=20_000)
            return
    pytest.fail("the trainer did not appear")


def at(page: Page, kind: str, heading: str = "") -> None:
    """Wait for a screen."""
    expect(page.locator(f".tk-main[data-kind={kind}] h2")).to_contain_text(heading, timeout=PATIENCE_MS)


def press(page: Page, key: str) -> None:
    page.locator(f".tk [data-key='{key}']").click()


def plain(text: str) -> str:
    return re.sub(r"<[^>]+>|\s+", "", text)


def question_on(page: Page, bank: Bank) -> tuple[Question, int]:
    """The question on the screen, and the place of its right choice."""
    stem = plain(page.locator(".tk-stem").inner_html())
    texts = page.locator(".tk-choice > span:last-child").all_inner_texts()
    (found,) = [
        question
        for question in bank
        if plain(as_html(question.stem)) == stem and {c.text for c in question.choices} == set(texts)
    ]
    return found, texts.index(found.choices[found.answer].text)


def scores(page: Page, name: str) -> dict[str, str]:
    """A table of the result: row → "1 / 2問（50%）"."""
    rows = page.locator(f".tk section[aria-label={name}] tr").all()
    return {row.locator("th").inner_text(): row.locator(".tk-number").inner_text() for row in rows}


def shown(right: int, asked: int) -> str:
    return f"{right} / {asked}問（{100 * right / asked:.0f}%）"


def test_a_mock_exam_is_shown_and_recorded_as_scored_by_hand(page, notebook, desk, bank, syllabus):
    at(page, "home")
    page.locator(".tk [data-key=format-mini]").check()
    press(page, "mock")
    at(page, "mock", "問1 / 20")

    area_of = {item: area.title for area in syllabus.areas for item in area.items}
    paper: list[Question] = []
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for number in range(20):
        at(page, "mock", f"問{number + 1} / 20")
        question, place = question_on(page, bank)
        paper.append(question)
        asked[area_of[question.item]] += 1
        right[area_of[question.item]] += number not in WRONG | BLANK
        if number not in BLANK:
            chosen = (place + (number in WRONG)) % 4
            if number % 2:
                page.locator(".tk-choice").nth(chosen).click()
            else:
                page.locator(".tk h2").focus()
                page.keyboard.press("ABCD"[chosen].lower())
            expect(page.locator(".tk-choice input").nth(chosen)).to_be_checked()
        if number == FLAGGED:
            page.keyboard.press("f")
            expect(page.locator(".tk [data-key=flag]")).to_have_attribute("aria-pressed", "true")
        if number == RELOAD_AT:
            page.keyboard.press("Control+s")
            expect(page.locator(".lm-TabBar-tab.jp-mod-current.jp-mod-dirty")).to_have_count(0)
            page.wait_for_timeout(1500)  # Lab has written the file
            page.reload()
            at(page, "mock", "問10 / 20")
            expect(page.locator(".tk [data-key=flag]")).to_have_attribute("aria-pressed", "false")
            expect(page.locator(".tk-grid .tk-answered")).to_have_count(10)
        if number < 19:
            if number % 3:
                press(page, "next")
            else:
                page.locator(".tk h2").focus()
                page.keyboard.press("n")
    assert page.locator(f"{PANEL} .jp-Cell").count() == 3, "no key reached Lab's own shortcuts"

    press(page, "hand_in")
    dialog = page.locator(".tk [role=alertdialog]")
    expect(dialog).to_contain_text("まだ答えていない問題が1問あります")
    expect(dialog.locator(".tk-jumps button")).to_have_text(["問11", "問6"])
    dialog.get_by_text("問6", exact=True).click()
    at(page, "mock", "問6 / 20")
    press(page, "flag")
    expect(page.locator(".tk [data-key=flag]")).to_have_attribute("aria-pressed", "false")
    press(page, "hand_in")
    expect(dialog.locator(".tk-jumps button")).to_have_text(["問11"])

    reasons = [choice.why for question in paper for choice in question.choices]
    assert not [reason for reason in reasons if notebook.has_heard(reason)]
    press(page, "submit")
    at(page, "result")
    assert [reason for reason in reasons if notebook.has_heard(reason)]

    # shown
    assert page.locator(".tk [data-key=total]").inner_text() == shown(15, 20)
    assert scores(page, "領域ごとの点") == {name: shown(right[name], asked[name]) for name in asked}
    misses = page.locator(".tk-details").all()
    assert len(misses) == 5
    for number, details in zip(sorted(WRONG | BLANK), misses, strict=True):
        details.locator("summary").click()
        assert details.locator("summary").inner_text().startswith(f"問{number + 1}")
        text = details.inner_text()
        assert all(choice.why in text for choice in paper[number].choices)

    # recorded
    with contextlib.closing(sqlite3.connect(desk / "takara-exam.sqlite3")) as connection:
        ((state, drawn),) = connection.execute("SELECT state, count(*) FROM mocks GROUP BY state")
        answers = connection.execute("SELECT question, right FROM answers WHERE mode = 'mock'").fetchall()
        order = [row[0] for row in connection.execute("SELECT question FROM slots ORDER BY number")]
    assert (state, drawn) == ("submitted", 1)
    assert order == [question.id for question in paper]
    assert dict(answers) == {
        question.id: int(number not in WRONG) for number, question in enumerate(paper) if number not in BLANK
    }

    press(page, "plots")
    at(page, "plots")
    figures = page.locator(".tk-plot")
    expect(figures).to_have_count(3)
    assert all(figures.nth(n).evaluate("image => image.naturalWidth") > 500 for n in range(3))
    assert "模試の1問ごと" in figures.last.get_attribute("alt")
    press(page, "home")
    at(page, "home")
    expect(page.locator(".tk-list")).to_contain_text(shown(15, 20))


def test_a_drill_gives_four_reasons_and_the_way_to_the_page(page, notebook, bank):
    at(page, "home")
    page.locator(".tk [data-key=range]").select_option("item:T14")
    press(page, "drill")
    at(page, "question", "問1 / ")
    question, place = question_on(page, bank)
    assert question.item == "T14"
    page.keyboard.press("abcd"[(place + 1) % 4])
    at(page, "answer", f"× 不正解です。正解は {'ABCD'[place]} です")
    shown_reasons = page.locator(".tk-reasons li").all_inner_texts()
    assert len(shown_reasons) == 4
    for choice in question.choices:
        assert [line for line in shown_reasons if choice.why in line and choice.text in line]
    assert question.choices[question.answer].why in page.locator(".tk-reasons .tk-right").inner_text()
    assert "選んだ答え" in page.locator(".tk-reasons .tk-wrong").inner_text()
    page.locator(".tk a", has_text="T14").click()
    page.wait_for_selector(
        ".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel:text-is('T14-regularization.ipynb')",
        timeout=PATIENCE_MS,
    )
    assert len(page.context.pages) == 1


def test_a_drill_of_what_an_assignment_uses(page, notebook, bank):
    at(page, "home")
    page.locator(".tk [data-key=range]").select_option("assignment:ps4")
    press(page, "drill")
    at(page, "question", "問1 / ")
    assert question_on(page, bank)[0].item in {"T04", "T08", "T09", "T37", "L01", "L13"}
    page.locator(".tk [data-key=home]").click()
    at(page, "home")
    expect(page.locator(".tk [data-key=range]")).to_have_value("assignment:ps4")


def test_a_restarted_kernel_is_told_and_nothing_is_lost(page, notebook):
    at(page, "home")
    page.locator(".tk [data-key=format-mini]").check()
    press(page, "mock")
    at(page, "mock", "問1 / 20")
    page.keyboard.press("b")
    expect(page.locator(".tk-choice input").nth(1)).to_be_checked()
    press(page, "next")
    at(page, "mock", "問2 / 20")

    page.locator(f"{PANEL} [data-jp-item-name=restart] *").first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".tk-lost")).to_contain_text("もう一度動かしてください", timeout=PATIENCE_MS)
    expect(page.locator(".tk-lost")).to_contain_text("なくなりません")
    page.locator(f"{PANEL} .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    at(page, "paused", "模試の途中です")
    press(page, "resume")
    at(page, "mock", "問2 / 20")
    expect(page.locator(".tk-grid .tk-answered")).to_have_count(1)
