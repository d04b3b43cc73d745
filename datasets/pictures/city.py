"""Pictures of the city's base tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED, SKY

CODES = {"district_code": str, "town_code": str}


def districts(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "districts.csv", dtype=CODES).sort_values("population")
    ax.barh(table["district"], table["population"] / 1000, color=BLUE)
    ax.tick_params(axis="y", labelsize=7, length=0)
    ax.set_xlabel("人口（千人）")
    ax.set_title("12の地区の人口")


def towns(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "towns.csv", dtype=CODES)
    points = ax.scatter(
        table["x_m"] / 1000,
        table["y_m"] / 1000,
        s=table["population"] / 35,
        c=table["elderly_pct"],
        edgecolor="white",
        linewidth=0.4,
    )
    ax.figure.colorbar(points, label="65歳以上（%）")
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title("60の町の地図")


def population_age(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "population_age.csv", dtype=CODES)
    now = table[table["year"] == 2025]
    lower = now["age_group"].str.extract(r"(\d+)")[0].astype(int)
    by_sex = now.groupby([lower.rename("lower"), "sex"])["population"].sum().unstack() / 1000
    ax.barh(by_sex.index, -by_sex["男"], height=4.4, color=BLUE)
    ax.barh(by_sex.index, by_sex["女"], height=4.4, color=ORANGE)
    ax.set_xticks([-5, 0, 5], ["5", "0", "5"])
    ax.set_xlabel("人口（千人）")
    ax.set_ylabel("年齢")
    ax.text(-5.8, 82, "男", color=BLUE)
    ax.text(5.2, 82, "女", color=ORANGE)
    ax.set_title("年齢と男女のピラミッド")


def calendar(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "calendar.csv", parse_dates=["date"])
    year = table[table["fiscal_year"] == 2025]
    month = (year["date"].dt.month - 4) % 12
    for column, colour, size in ((year["is_open"] == 0, SKY, 10), (year["is_holiday"] == 1, RED, 16)):
        ax.scatter(year["date"].dt.day[column], month[column], marker="s", s=size, color=colour)
    ax.set_yticks(range(12), [f"{(index + 3) % 12 + 1}月" for index in range(12)], fontsize=6)
    ax.invert_yaxis()
    ax.set_xlabel("日")
    ax.set_title("休みの日（赤は祝日）")


def weather(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "weather.csv", parse_dates=["date"])
    year = table[table["date"].between("2024-04-01", "2025-03-31")]
    rain = year.groupby(year["date"].dt.to_period("M"))["rain_mm"].sum()
    ax.bar(np.arange(12), rain.to_numpy(), color=SKY)
    ax.set_xticks(range(0, 12, 3), ["4月", "7月", "10月", "1月"])
    ax.set_ylabel("雨（mm）")
    warm = ax.twinx()
    mean = year.groupby(year["date"].dt.to_period("M"))["temperature_mean_c"].mean()
    warm.plot(np.arange(12), mean.to_numpy(), color=RED)
    warm.set_ylabel("気温（℃）", color=RED)
    warm.tick_params(colors=GREY)
    ax.set_title("1年の雨と気温")


PICTURES = {
    "districts": districts,
    "towns": towns,
    "population_age": population_age,
    "calendar": calendar,
    "weather": weather,
}
