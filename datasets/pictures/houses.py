"""Pictures of the houses and of the courses at the public halls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED, SKY


def houses(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "houses.csv", dtype={"town_code": str})
    points = ax.hexbin(
        table["x_m"] / 1000,
        table["y_m"] / 1000,
        C=table["build_year"],
        gridsize=(36, 17),
        vmin=1965,
        vmax=2010,
    )
    ax.figure.colorbar(points, label="建てた年")
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title("2万戸の場所と古さ")


def house_water(ax: Axes, folder: Path) -> None:
    last = pd.read_csv(folder / "house_water.csv")["water_2025_08"].dropna()
    bins = np.arange(0, 82, 2)
    _, _, bars = ax.hist(last, bins=bins, color=BLUE)
    bars[0].set_color(RED)
    ax.annotate("0と1", (3, 1_900), color=RED)
    ax.set_xlabel("2か月の水量（m3）")
    ax.set_ylabel("戸")
    ax.set_title("ゼロの山は空き家か")


def house_survey(ax: Axes, folder: Path) -> None:
    text = pd.read_csv(folder / "house_survey.csv")["lot_text"]
    shares = {
        "丁目・番・号": text.str.fullmatch(r"[一-龠]+(\d+丁目)?\d+番\d+号").mean(),
        "番地": text.str.fullmatch(r"[一-龠]+\d+番地\d*").mean(),
        "2-3-4": text.str.contains(r"\d[-－−ー‐]\d").mean(),
        "全角の数字": text.str.contains("[０-９]").mean(),
        "市名つき": text.str.startswith("たから市").mean(),
        "空白入り": text.str.contains("[ 　]").mean(),
    }
    colours = [SKY, SKY, ORANGE, ORANGE, ORANGE, ORANGE]
    names, values = list(shares)[::-1], [100 * value for value in shares.values()][::-1]
    ax.barh(names, values, color=colours[::-1])
    ax.tick_params(axis="y", labelsize=8, length=0)
    ax.set_xlabel("調査の行（%）")
    ax.set_title("所在地の書き方がばらばら")


def courses(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "courses.csv")
    counts = table.groupby("area").size().sort_values(kind="stable")
    ax.barh(counts.index, counts, color=BLUE)
    ax.tick_params(axis="y", labelsize=8, length=0)
    ax.set_xlabel("講座")
    ax.set_title("8つの分野の60講座")


def course_enrollments(ax: Axes, folder: Path) -> None:
    counts = pd.read_csv(folder / "course_enrollments.csv")["course_id"].value_counts()
    ax.bar(np.arange(len(counts)), counts, color=[RED] * 10 + [GREY] * (len(counts) - 10), width=0.9)
    ax.set_xticks([])
    ax.set_xlabel("60講座（受講の多い順）")
    ax.set_ylabel("受講（人）")
    ax.set_title(f"10講座に受講の{counts.head(10).sum() / counts.sum():.0%}")


PICTURES = {
    "houses": houses,
    "house_water": house_water,
    "house_survey": house_survey,
    "courses": courses,
    "course_enrollments": course_enrollments,
}
