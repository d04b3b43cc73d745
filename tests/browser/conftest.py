"""A headless Chromium that can show Japanese, from the system's own package."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def give_up(reason: str) -> NoReturn:
    """Skip loudly; in CI, where a skipped browser test would go unnoticed, fail."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"browser tests cannot run: {reason}", pytrace=False)
    pytest.skip(f"BROWSER TEST NOT RUN: {reason}")


def find_chromium() -> str | None:
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def install_chromium() -> str:
    """Debian's package, where this is Debian and root. Returns what went wrong, else ""."""
    if shutil.which("apt-get") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "no Chromium here; install it (Debian: apt-get install chromium)"
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
    ):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            return f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}"
    return ""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium program."""
    path = find_chromium()
    if path is None:
        problem = install_chromium()
        path = find_chromium()
        if path is None:
            give_up(problem or "chromium was installed, but is not on the path")
    return path


@pytest.fixture(scope="module")  # not longer: Playwright keeps an event loop running in this thread
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A Playwright browser. Its Japanese font is the one of the course's figures, wherever it runs."""
    try:
        import matplotlib_fontja
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        give_up(str(error))
    folder: Path = tmp_path_factory.mktemp("fonts")
    config = folder / "fonts.conf"
    config.write_text(
        _FONTS_CONF.format(fonts=matplotlib_fontja.get_font_path(), cache=folder / "cache"), encoding="utf-8"
    )
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            env={**os.environ, "FONTCONFIG_FILE": str(config)},
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A tab of the size of a small laptop's screen."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    yield context.new_page()
    context.close()
