"""A newcomer types ``takara lab``: JupyterLab in Japanese, the start page, and a plot after Shift+Enter."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import TimeoutError

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 120_000
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
PLOT = ".jp-CodeCell .jp-OutputArea-output img"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The address that ``takara lab`` prints, for a workspace it has just made."""
    desk = tmp_path_factory.mktemp("lab") / "workspace"
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli", "lab", str(desk), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("http://127.0.0.1:"):
                break
        else:
            pytest.fail("takara lab did not start:\n" + "".join(lines))
        yield lines[-1].strip()
    finally:
        if os.name == "nt":
            process.terminate()
        else:
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()


def open_lab(page, address: str) -> list[str]:
    """Go to the start page and wait for the notebook. Returns requests that left this computer."""
    elsewhere: list[str] = []

    def note(request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            elsewhere.append(request.url)

    page.on("request", note)
    page.goto(f"{address}&reset", timeout=PATIENCE_MS)  # without the tabs of the test before
    page.wait_for_selector(f"{PANEL} .jp-CodeCell", timeout=PATIENCE_MS)
    page.wait_for_selector(f"{PANEL} .jp-Toolbar-kernelName", timeout=PATIENCE_MS)
    return elsewhere


def run_first_cell(page) -> None:
    """Click into the first code cell and press Shift+Enter, again if Lab was still moving things around."""
    for _ in range(6):
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(
                r"() => /\[(\*|\d+)\]/.test("
                "document.querySelector('.jp-CodeCell .jp-InputPrompt').innerText)",
                timeout=10_000,
            )
            return
    pytest.fail("the first cell did not start")


def test_start_page_in_japanese_and_its_first_cell(page, address):
    elsewhere = open_lab(page, address)

    menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert menus == ["ファイル", "編集", "表示", "実行", "カーネル", "タブ", "設定", "ヘルプ"]
    assert page.locator(f"{PANEL} h1").first.inner_text().startswith("宝探しAI講座（Takara）へようこそ")
    assert page.locator(PLOT).count() == 0

    run_first_cell(page)
    page.wait_for_selector(PLOT, timeout=PATIENCE_MS)
    box = page.locator(PLOT).first.bounding_box()
    assert box["width"] > 300
    assert box["height"] > 150
    page.wait_for_function(
        "() => document.querySelector('.jp-CodeCell .jp-OutputArea').innerText.includes('ようこそ')",
        timeout=PATIENCE_MS,
    )
    assert page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert elsewhere == []


def test_learners_see_no_instructor_tools(page, address):
    open_lab(page, address)
    disabled = json.loads(page.locator("#jupyter-config-data").text_content())["disabledExtensions"]
    assert "@jupyter/nbgrader:formgrader" in disabled
    for english in ("Nbgrader", "Formgrader", "Validate", "Assignment List"):
        assert page.get_by_text(english, exact=True).count() == 0


@pytest.mark.parametrize(
    ("words", "file"), [("データを読む", "02-read-data.ipynb"), ("ps2", "ps2.ipynb"), ("ps3", "ps3.ipynb")]
)
def test_links_of_the_start_page_open_what_is_there(page, address, words, file):
    open_lab(page, address)
    link = page.locator(f"{PANEL} .jp-RenderedMarkdown a:has-text('{words}')").first
    page.locator(f"{PANEL} .jp-CodeCell").first.hover()
    for _ in range(20):  # cells are drawn when they come into view
        if link.count():
            break
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(250)
    link.click(timeout=PATIENCE_MS)
    page.wait_for_selector(
        f".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel:text-is('{file}')", timeout=PATIENCE_MS
    )
    page.wait_for_selector(f"{PANEL} .jp-CodeCell", timeout=PATIENCE_MS)


def test_a_second_takara_lab_opens_the_running_one(page, address):
    open_lab(page, address)
    root = json.loads(page.locator("#jupyter-config-data").text_content())["serverRoot"]
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "lab", str(Path(root).expanduser()), "--no-browser"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0
    assert "もう動いています" in done.stdout
    assert address in done.stdout
