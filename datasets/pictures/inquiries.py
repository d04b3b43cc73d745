"""Pictures of the citizens' inquiries and of the city's Q&A."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, ORANGE


def inquiries(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "inquiries.csv", usecols=["category"])
    counts = table.groupby("category").size().sort_values(kind="stable")
    ax.barh(counts.index, counts, color=[ORANGE if n < 400 else BLUE for n in counts])
    ax.tick_params(axis="y", labelsize=7.5, length=0)
    ax.set_xlabel("件")
    ax.set_title("10分類、件数は5倍違う")


def faq(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "inquiries.csv", usecols=["faq_id"])
    counts = table["faq_id"].value_counts().to_numpy()
    ax.bar(range(1, len(counts) + 1), counts, width=1.0, color=BLUE)
    ax.set_xlabel("100のQ&A（よく使う順）")
    ax.set_ylabel("答えになった件数")
    ax.set_title("よく使うQ&A、そうでないQ&A")


PICTURES = {"inquiries": inquiries, "faq": faq}
