"""One look for every figure of the course: Japanese text, colours that everybody can tell apart.

    from autograder.learner.figures import use_course_style

    use_course_style()

Nothing is fetched: the font (IPAex Gothic) comes with ``matplotlib_fontja``. A figure for everybody has a
text for those who cannot see it: ``show_figure("雨の日は来庁者が2割少ない棒グラフ")``, not ``plt.show()``.
"""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    "show_figure",
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


def show_figure(alt: str, figure: Figure | None = None) -> None:
    """Show a figure with a text that says what is seen in it, and close it.

    JupyterLab gives an inline figure no alternative text of the author's; this one shows the same picture, as
    large, as an ``<img alt="…">``, which screen readers read in Lab and in nbconvert's HTML.

    Parameters
    ----------
    alt : str
        What is to be seen, in one or two sentences.
    figure : matplotlib Figure, optional
        By default the current one.

    Raises
    ------
    ValueError
        When ``alt`` is empty, or there is no figure to show.
    """
    import matplotlib.pyplot as plt
    from IPython import get_ipython

    if not str(alt).strip():
        raise ValueError("図の代わりになる文がありません。図で見えることを1〜2文で書いてください。")
    if figure is None:
        if not plt.get_fignums():
            raise ValueError("表示する図がありません。先に図をかいてください（plt.show() は要りません）。")
        figure = plt.gcf()
    if get_ipython() is None:  # a plain script: a window where there can be one
        if _has_windows():
            plt.show()
        else:
            figure.draw_without_rendering()
    else:
        _publish(figure, str(alt).strip())
    plt.close(figure)


def _publish(figure: Figure, alt: str) -> None:
    from IPython.core.pylabtools import print_figure
    from IPython.display import display

    # the figure's own dpi and a tight box: what the inline backend does by default
    png = base64.b64encode(print_figure(figure, "png", base64=False)).decode("ascii")
    said = html.escape(alt, quote=True)
    image = f'<img src="data:image/png;base64,{png}" alt="{said}" style="max-width: 100%; height: auto;">'
    display(
        {"text/html": image, "image/png": png, "text/plain": alt},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def _has_windows() -> bool:
    """Whether matplotlib draws into windows here (not with ``agg``)."""
    import matplotlib as mpl
    from matplotlib.backends import BackendFilter, backend_registry

    return mpl.get_backend().lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE)
