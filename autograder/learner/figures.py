"""One look for every figure of the course: Japanese text, colours that everybody can tell apart.

    from autograder.learner.figures import use_course_style

    use_course_style()

Nothing is fetched: the font (IPAex Gothic) comes with ``matplotlib_fontja``.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BLACK",
    "BLUE",
    "FONTS",
    "GREY",
    "ORANGE",
    "PALETTE",
    "RED",
    "SKY",
    "course_rc",
    "use_course_style",
]

FONTS = ("IPAexGothic", "DejaVu Sans")
"""The second one has what the first has not, such as the minus sign's relatives and ≤."""

# Their lightness (CIE L*) is 29, 65, 40, 77, 0: at least 10 apart, so that a grey print still tells them
# apart, and they stay apart for the common kinds of colour blindness (tests/learner/test_figures.py).
BLUE, ORANGE, RED, SKY, BLACK = "#004488", "#D98E00", "#A8324A", "#8CC5DE", "#000000"
PALETTE = (BLUE, ORANGE, RED, SKY, BLACK)
GREY = "#767676"
"""For what is background: baselines, reference lines, notes."""


def course_rc() -> dict[str, Any]:
    """The matplotlib settings of the course, as ``rcParams`` entries."""
    from cycler import cycler

    return {
        "font.family": list(FONTS),
        "font.size": 11,
        "axes.unicode_minus": True,
        "axes.prop_cycle": cycler(color=list(PALETTE)),
        "axes.titlesize": 12,
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.8,
        "legend.frameon": False,
        "image.cmap": "cividis",
        "figure.figsize": (7.2, 3.8),  # fits beside Lab's file list on a 1366-pixel screen
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 150,
    }


def use_course_style() -> None:
    """Set fonts, colours and sizes of matplotlib, and how pandas prints tables.

    Call it once at the top of a notebook; call it again after ``plt.style.use`` or seaborn's ``set_theme``,
    which undo the Japanese font.
    """
    import matplotlib as mpl
    import pandas as pd
    from matplotlib_fontja import japanize

    japanize()  # registers the font file; the settings below decide how it is used
    mpl.rcParams.update(course_rc())
    pd.set_option("display.unicode.east_asian_width", True)
    pd.set_option("display.max_columns", 30)
    pd.set_option("display.max_rows", 20)
    pd.set_option("display.width", 100)
