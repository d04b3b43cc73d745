"""Pictures of the counters and of the collection of overdue taxes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED


def window_daily(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "window_daily.csv", parse_dates=["date"])
    ax.plot(table["date"], table["visits_total"], color=BLUE, linewidth=0.6)
    ax.axvline(pd.Timestamp("2025-04-01"), color=RED, linestyle="--", linewidth=1)
    ax.set_xticks(pd.to_datetime(["2023-04-01", "2024-04-01", "2025-04-01"]), ["2023", "2024", "2025"])
    ax.set_ylabel("件／日")
    ax.set_title("春の山と、2025年の段差")


def window_visits(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "window_visits.csv")
    october = table[table["date"].str.startswith("2024-10")]["wait_min"].dropna()
    ax.hist(october, bins=range(0, 62, 2), color=BLUE)
    ax.axvline(october.median(), color=ORANGE, label="中央値")
    ax.axvline(october.mean(), color=RED, linestyle="--", label="平均")
    ax.legend()
    ax.set_xlabel("待ち時間（分）")
    ax.set_ylabel("人")
    ax.set_title("待ち時間は右に長い")


def branch_monthly(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "branch_monthly.csv")
    year = table[table["fiscal_year"] == 2024]
    totals = year.groupby("branch").agg(visits=("visits_total", "sum"), people=("population", "mean"))
    ax.scatter(totals["people"] / 1000, totals["visits"] / 1000, color=BLUE)
    for branch, (visits, people) in totals.iterrows():
        ax.text(people / 1000 + 0.5, visits / 1000, branch.removesuffix("支所"), va="center")
    ax.set_xlim(0, 28)
    ax.set_ylim(0, None)
    ax.set_xlabel("人口（千人）")
    ax.set_ylabel("千件／年")
    ax.set_title("件数は人口で決まる？")


def collection_cases(ax: Axes, folder: Path) -> None:
    _paid_share(ax, folder / "collection_cases.csv", "滞納の回数と、90日の納付")


def collection_cases_ps3(ax: Axes, folder: Path) -> None:
    _paid_share(ax, folder / "collection_cases_ps3.csv", "西支所：回数と、90日の納付")


def _paid_share(ax: Axes, path: Path, title: str) -> None:
    table = pd.read_csv(path)
    groups = table["n_past_delinquency"].clip(upper=4)
    share = table.groupby(groups)["paid_90d"].mean() * 100
    ax.bar(share.index, share, color=BLUE)
    ax.axhline(table["paid_90d"].mean() * 100, color=GREY, linestyle="--", linewidth=1)
    ax.set_xticks(range(5), ["0", "1", "2", "3", "4+"])
    ax.set_ylim(0, 100)
    ax.set_xlabel("過去の滞納（回）")
    ax.set_ylabel("納めた人（%）")
    ax.set_title(title)


PICTURES = {
    "window_daily": window_daily,
    "window_visits": window_visits,
    "branch_monthly": branch_monthly,
    "collection_cases": collection_cases,
    "collection_cases_ps3": collection_cases_ps3,
}
