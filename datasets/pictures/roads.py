"""Pictures of the road reports and of the small pictures of road surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, RED

COLUMNS, GAP_PX, ENLARGE = 4, 2, 3


def road_reports(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "road_reports.csv", parse_dates=["received_date"])
    fiscal_year = (table["received_date"] - pd.DateOffset(months=3)).dt.year
    counts = fiscal_year.value_counts().sort_index()
    ax.bar(counts.index, counts, color=BLUE)
    ax.axvline(2022.5, color=RED, linestyle="--", linewidth=1.6)
    ax.text(2022.4, 1240, "LINE開始", color=RED, ha="right", va="top")
    ax.set_ylim(0, 1250)
    ax.set_xlabel("年度")
    ax.set_ylabel("通報（件）")
    ax.set_title("LINEの後、通報が増えた")


def road_images(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "road_images.csv")
    crack = table["label"] == 1
    _tiles(ax, folder, [crack & (table["split"] == "通常"), crack & (table["split"] == "夜間")], ["昼", "夜"])
    ax.set_title("昼に学び、夜に試す")


def road_images_arrays(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "road_images.csv")
    day = table["split"] == "通常"
    _tiles(ax, folder, [day & (table["label"] == 1), day & (table["label"] == 0)], ["ひび", "なし"])
    ax.set_title("ひびと、ひびに似たもの")


def _tiles(ax: Axes, folder: Path, chosen: list[pd.Series], names: list[str]) -> None:
    """Show a row of tiles for each choice, the first 40 left out."""
    images = np.load(folder / "road_images.npz")["images"]
    size = images.shape[1] * ENLARGE
    step = size + GAP_PX * ENLARGE
    sheet = np.full((step * len(chosen), step * COLUMNS), 255, dtype=np.uint8)
    for row, rows in enumerate(chosen):
        for column, index in enumerate(np.flatnonzero(rows)[40 : 40 + COLUMNS]):
            tile = np.kron(images[index], np.ones((ENLARGE, ENLARGE), dtype=np.uint8))
            sheet[row * step : row * step + size, column * step : column * step + size] = tile
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_yticks([step * (row + 0.5) for row in range(len(names))], names)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


PICTURES = {
    "road_reports": road_reports,
    "road_images": road_images,
    "road_images_arrays": road_images_arrays,
}
