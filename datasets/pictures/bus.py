"""Pictures of the city's buses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED, SKY


def bus_daily(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "bus_daily.csv", dtype={"route_id": str}, parse_dates=["date"])
    month = table.groupby("date")["riders"].sum().resample("MS").mean()
    ax.plot(month.index, month / 1000, color=BLUE)
    ax.axvline(pd.Timestamp("2020-04-01"), color=RED, linestyle="--", linewidth=1)
    ax.set_ylim(0, None)
    years = ["2019", "2021", "2023", "2025"]
    ax.set_xticks(pd.to_datetime([f"{year}-01-01" for year in years]), years)
    ax.set_ylabel("千人／日")
    ax.set_title("2020年4月の崖と、回復")


def bus_routes(ax: Axes, folder: Path) -> None:
    routes = pd.read_csv(folder / "bus_routes.csv", dtype=str)
    towns = pd.read_csv(folder / "towns.csv", dtype={"district_code": str, "town_code": str})
    centre = towns.groupby("district_code")[["x_m", "y_m"]].mean() / 1000
    for route in routes.itertuples():
        ends = centre.loc[[route.from_district_code, route.to_district_code]]
        renumbered = pd.notna(route.renumbered_from)
        ax.plot(ends["x_m"], ends["y_m"], color=ORANGE if renumbered else BLUE, linewidth=2)
    ax.plot(centre["x_m"], centre["y_m"], "o", color="white", markeredgecolor=GREY, markersize=6)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_axis_off()
    ax.set_title("橙は、番号が変わった系統")


def bus_calendar(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "bus_calendar.csv", parse_dates=["date"]).set_index("date")
    year = table["2024-04":"2025-03"]
    month = (year.index.month - 4) % 12
    for chosen, colour, size, name in (
        (year["is_school_day"] == 1, SKY, 10, "学校"),
        (year["is_plant_closed"] == 1, BLUE, 16, "工場の休み"),
        (year["event"].notna(), RED, 16, "催し"),
    ):
        ax.scatter(year.index.day[chosen], month[chosen], marker="s", s=size, color=colour, label=name)
    ax.set_yticks(np.arange(12), [f"{(index + 3) % 12 + 1}月" for index in range(12)], fontsize=6)
    ax.invert_yaxis()
    ax.set_xlabel("日")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, handletextpad=0.2)
    ax.set_title("前もってわかる日")


PICTURES = {"bus_daily": bus_daily, "bus_routes": bus_routes, "bus_calendar": bus_calendar}
