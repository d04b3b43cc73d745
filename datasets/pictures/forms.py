"""Pictures of the written digits on forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .frame import RED

GAP = 2  # pixels between boxes


def _read(folder: Path) -> tuple[np.ndarray, pd.DataFrame]:
    with np.load(folder / "form_digits.npz") as arrays:
        images = arrays["images"]
    fields = pd.read_csv(folder / "form_fields.csv", dtype={"code": str})
    return images, pd.read_csv(folder / "form_digits.csv").merge(fields, on="field_id")


def _sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Return pictures (n, 12, 12) side by side, ``columns`` in a row, on white."""
    padded = np.pad(images, ((0, 0), (0, GAP), (0, GAP)), constant_values=255)
    rows = padded.reshape(-1, columns, *padded.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def _show(ax: Axes, sheet: np.ndarray) -> None:
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def form_digits_images(ax: Axes, folder: Path) -> None:
    images, boxes = _read(folder)
    kinds = ("通常", "かすれ・枠ずれ")
    full = boxes["n_blank"] == 0
    _show(ax, _sheet(np.concatenate([images[full & (boxes["form_type"] == kind)][:14] for kind in kinds]), 7))
    ax.set_yticks([(12 + GAP) * 1, (12 + GAP) * 3], ["通常", "かすれ\n枠ずれ"], fontsize=8)
    ax.tick_params(length=0)
    ax.set_title("通常と、かすれ・枠ずれ")


def form_digits(ax: Axes, folder: Path) -> None:
    images, boxes = _read(folder)
    known = boxes[boxes["form_type"] == "通常"].dropna(subset="source_id")
    rows = []
    for digit in (2, 5, 8):
        often = known.loc[known["label"] == digit, "source_id"].value_counts(sort=True).sort_index()
        source = often[often >= 7].index[0]
        rows.append(images[known.index[known["source_id"] == source][:7]])
    _show(ax, _sheet(np.concatenate(rows), 7))
    ax.set_title("1つの元の字が、何枚にも")


def form_fields(ax: Axes, folder: Path) -> None:
    images, boxes = _read(folder)
    complete = boxes[(boxes["n_blank"] == 0) & (boxes["form_type"] == "通常")]
    field_id = complete["field_id"].iloc[0]
    chosen = complete[complete["field_id"] == field_id]
    _show(ax, _sheet(images[chosen.index], 7))
    for position, digit in enumerate(chosen["code"].iloc[0]):
        colour = RED if position == 6 else "black"
        ax.text((12 + GAP) * position + 6, 20, digit, ha="center", va="center", fontsize=14, color=colour)
    ax.set_ylim(26, -2)
    ax.set_xlabel("赤は検査数字", color=RED)
    ax.set_title("7桁の欄と、正しい番号")


PICTURES = {
    "form_fields": form_fields,
    "form_digits": form_digits,
    "form_digits_images": form_digits_images,
}
