"""Figures: in the course's style, every label inside, every character with a glyph."""

from __future__ import annotations

import datetime
import warnings

import matplotlib as mpl
import matplotlib.image
import pytest

from autograder.exam.plots import area_plot, pace_plot, save, trend_plot
from autograder.exam.progress import Mode
from autograder.exam.readiness import readiness
from autograder.exam.result import result_of
from autograder.learner.figures import FONTS
from tests.exam.clocks import START
from tests.exam.test_drill import WEIGHTS, answered


@pytest.fixture(params=["nothing", "one", "many"])
def made(request, open_trainer, small_bank, small_syllabus):
    """The three figures of somebody who did nothing, one thing, or a lot."""
    questions = {"nothing": [], "one": ["T07-01"], "many": [q.id for q in small_bank if q.item != "L01"]}
    answers = [
        answered(small_bank, id_, number % 3 > 0, 40 - number)
        for number, id_ in enumerate(questions[request.param])
    ]
    exam = open_trainer().start_mock("12", seed=1)
    for number in range(len(answers) % 13):
        exam.answer(number % 4, number)
    result = result_of(exam.sitting.advance(300), small_bank, small_syllabus)
    ready = readiness(answers, small_bank, small_syllabus, WEIGHTS, START)
    return [area_plot(ready), trend_plot(answers, small_bank), pace_plot(result)]


def test_every_character_has_a_glyph_and_every_label_is_inside(made, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph … missing from font", "constrained layout not applied"
        paths = save(made, tmp_path)
    for plot, path in zip(made, paths, strict=True):
        figure = plot.figure
        figure.draw_without_rendering()  # at its own size again: the file has a larger one
        box = figure.bbox
        for text in figure.findobj(mpl.text.Text):
            if text.get_text().strip() and text.get_visible():
                assert text.get_fontfamily() == list(FONTS)
                extent = text.get_window_extent()
                if extent.width and _is_shown(text, figure):
                    assert box.x0 - 1 <= extent.x0 and extent.x1 <= box.x1 + 1, text.get_text()
                    assert box.y0 - 1 <= extent.y0 and extent.y1 <= box.y1 + 1, text.get_text()
        assert mpl.image.imread(path).shape[1] >= 1000
        assert plot.alt.encode() in path.read_bytes()  # the Description of the PNG


def _is_shown(text, figure) -> bool:
    """Ticks beyond the limits are made, and not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if text in (tick.label1, tick.label2):
                    return low <= tick.get_loc() <= high
    return True


def test_alt_texts_say_what_is_seen(made):
    assert len({plot.name for plot in made}) == 3
    for plot in made:
        assert plot.alt.endswith("。")
        assert len(plot.alt) > 15


def test_settings_of_the_caller_are_left_alone(small_bank):
    mpl.rcParams["font.size"] = 7.0
    before = mpl.rcParams.copy()
    trend_plot([answered(small_bank, "T07-01", True, 1)], small_bank)
    changed = {name for name in before if mpl.rcParams[name] != before[name]}
    mpl.rcParams["font.size"] = mpl.rcParamsDefault["font.size"]
    assert changed <= {"backend"}  # which matplotlib chooses when it is first needed


def test_the_trend_has_a_point_for_each_day(small_bank):
    days = [9, 9, 5, 1]
    answers = [answered(small_bank, f"T07-0{n}", n != 1, day) for n, day in enumerate(days, 1)]
    upper, lower = trend_plot(answers, small_bank).figure.axes
    x, y = upper.lines[0].get_data()
    local = [(START - datetime.timedelta(days=day)).astimezone().date() for day in (9, 5, 1)]
    assert list(x) == local
    assert list(y) == [50, 100, 100]
    assert [bar.get_height() for bar in lower.patches] == [2, 1, 1]
    assert answers[0].mode is Mode.DRILL
