"""The frame of every small picture: size, font, colours. Glyphs that the font lacks are an error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import matplotlib.pyplot as plt
import matplotlib_fontja  # noqa: F401 (registers the Japanese font)
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, RED, SKY, GREY = "#004488", "#D98E00", "#A8324A", "#8CC5DE", "#767676"
WIDTH_PX, HEIGHT_PX = 360, 200
STYLE = {
    "font.family": ["IPAexGothic", "DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=[BLUE, ORANGE, RED, SKY]),
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "image.cmap": "cividis",
    "figure.dpi": 100,
    "savefig.dpi": 100,
}


@contextmanager
def frame() -> Iterator[tuple[Figure, Axes]]:
    """Give a figure of the fixed size with the course's look; it is closed afterwards."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        warnings.filterwarnings("error", message=".*Glyph.*missing")
        figure, ax = plt.subplots(figsize=(WIDTH_PX / 100, HEIGHT_PX / 100), layout="constrained")
        try:
            yield figure, ax
        finally:
            plt.close(figure)


def to_png_bytes(figure: Figure) -> bytes:
    """Return the PNG of ``figure`` without a program name: the same drawing gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
