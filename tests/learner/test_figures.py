"""The course's figures: Japanese without tofu, colours for every eye and for grey print."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from html.parser import HTMLParser

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from autograder.learner import figures

# Machado, Oliveira & Fernandes (2009), severity 1.0, for linear RGB.
EYES = {
    "usual": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def cielab(color: str, eye: str = "usual") -> np.ndarray:
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.asarray(EYES[eye]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(figures.PALETTE, 2)))
def test_two_colours_differ_in_grey_print_and_for_every_eye(one, other):
    assert abs(cielab(one)[0] - cielab(other)[0]) >= 10
    for eye in EYES:
        assert np.linalg.norm(cielab(one, eye) - cielab(other, eye)) >= 25, eye


@pytest.fixture
def style():
    with mpl.rc_context(), pd.option_context("display.max_rows", 60):
        figures.use_course_style()
        yield
    for name in ("display.unicode.east_asian_width", "display.max_columns", "display.width"):
        pd.reset_option(name)


def test_every_character_of_a_figure_is_drawn(style, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fig, ax = plt.subplots()
        ax.plot([-2, 1], [-1, 2], label="髙﨑さん・辻さん ①㎡㈱")
        ax.set_xlabel("来庁者数（人）≤ 300")
        ax.set_title("雨の日は来庁者が減る — 平均±1σ × 2")
        ax.legend()
        fig.savefig(tmp_path / "figure.png")
    plt.close(fig)


def test_a_character_no_font_has_is_noticed(style, tmp_path):
    """The test above can fail: matplotlib does warn of a missing glyph."""
    fig = plt.figure()
    fig.text(0.5, 0.5, "\U00012000")
    with pytest.warns(UserWarning, match="missing from"):
        fig.savefig(tmp_path / "figure.png")
    plt.close(fig)


def test_settings_hold(style):
    assert mpl.rcParams["font.family"] == ["IPAexGothic", "DejaVu Sans"]
    assert mpl.rcParams["axes.unicode_minus"] is True
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.PALETTE)
    width_px = mpl.rcParams["figure.figsize"][0] * mpl.rcParams["figure.dpi"]
    assert width_px <= 900  # beside the file list on a 1366-pixel screen


def test_japanese_columns_line_up(style):
    text = str(pd.DataFrame({"手続": ["証明", "マイナンバー"], "件数": [303, 37]}))
    from autograder.learner.japanese import display_width

    assert len({display_width(line) for line in text.splitlines()}) == 1


def test_it_can_be_called_again_after_a_style_undid_it(style):
    plt.style.use("default")
    assert mpl.rcParams["font.family"] != list(figures.FONTS)
    figures.use_course_style()
    assert mpl.rcParams["font.family"] == list(figures.FONTS)


def test_importing_the_module_loads_nothing_heavy():
    code = "import sys, autograder.learner.figures as f; print({'matplotlib', 'pandas'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
    )


DRAWN = """
import matplotlib.pyplot as plt
from autograder.learner.figures import show_figure

fig, ax = plt.subplots(figsize=(7.2, 3.8), dpi=100)
ax.plot([1, 2])
"""
ALT = """雨の日は"2割"少ない <棒グラフ> & 'かさ'"""


class Alternatives(HTMLParser):
    """The images of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))


@pytest.fixture(scope="module")
def shown():
    """A notebook that shows one figure inline and the same one with its text, and two mistakes."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    sources = [f"{DRAWN}plt.show()", f"{DRAWN}show_figure({ALT!r})", "plt.get_fignums()"]
    sources += ["show_figure('図です')", f"{DRAWN}show_figure(' ')"]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=300).execute()
    return notebook


def test_the_text_reaches_the_html_export_unspoilt(shown):
    from nbconvert import HTMLExporter

    page = Alternatives()
    page.feed(HTMLExporter().from_notebook_node(shown)[0])
    assert page.images[1]["alt"] == ALT
    assert page.images[1]["src"].startswith("data:image/png;base64,")


def test_what_lab_gets(shown):
    (output,) = shown.cells[1].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/html", "image/png", "text/plain"}
    assert output.data["text/plain"] == ALT and output.metadata["image/png"]["alt"] == ALT


def test_the_figure_is_the_inline_one_and_is_closed(shown):
    (inline,), (with_text,) = shown.cells[0].outputs, shown.cells[1].outputs
    assert with_text.data["image/png"].strip() == inline.data["image/png"].strip()
    assert shown.cells[2].outputs[0].data["text/plain"] == "[]"


def test_its_mistakes_are_told(shown):
    nothing, no_text = shown.cells[3].outputs[-1], shown.cells[4].outputs[0]
    assert nothing.ename == "ValueError" and "表示する図がありません" in nothing.evalue
    assert no_text.ename == "ValueError" and "図の代わりになる文がありません" in no_text.evalue


def test_a_plain_script_can_call_it():
    agg = "import matplotlib\nmatplotlib.use('agg')\n"
    code = f"{agg}{DRAWN}show_figure({ALT!r}, fig)\nprint(plt.get_fignums())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
