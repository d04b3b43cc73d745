"""Picture of the water mains."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from .frame import RED


def pipes(ax: Axes, folder: Path) -> None:
    pipes = pd.read_csv(folder / "pipes.csv")
    table = pipes.sort_values("install_year", ascending=False, kind="stable")
    dots = ax.scatter(
        table["x_m"], table["y_m"], c=2021 - table["install_year"], s=1.6, vmin=0, vmax=60, linewidth=0,
        cmap="cividis_r",
    )  # fmt: skip
    leaks = table[table["leak_5y"] == 1]
    ax.scatter(leaks["x_m"], leaks["y_m"], marker="x", s=14, color=RED, linewidth=1.2)
    ax.figure.colorbar(dots, label="管の年齢（年）")
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title("古い管と、見つかった漏水（×）")


PICTURES = {"pipes": pipes}
