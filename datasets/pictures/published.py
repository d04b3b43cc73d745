"""Pictures of the real tables: what was published, with its gaps left open."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED, SKY


def gkentei_results(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "gkentei_results.csv")
    place = [*range(16), 17.2, 20.2]
    colours = [ORANGE if sitting == "2020#2" else BLUE for sitting in table["sitting"]]
    ax.bar(place, table["examinees"], color=colours, width=0.8)
    for left, right in ((15.6, 16.6), (17.8, 19.6)):
        ax.axvspan(left, right, color=GREY, alpha=0.25, linewidth=0)
    ax.text(18.7, 10300, "ぬけ", ha="center", color=GREY)
    ax.text(8, 11800, "2020年第2回", color=ORANGE)
    ax.set_xticks([0, 6, 12, 20.2], ["2017", "2020", "2022", "2026"])
    ax.set_yticks([0, 5000, 10000], ["0", "5千", "1万"])
    ax.set_ylabel("受験者（人）")
    ax.set_title("ぬけた回は、うめない")


def municipal_ai_adoption(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "municipal_ai_adoption.csv")
    ai = table[table["technology"] == "AI"].pivot(
        index="survey_fiscal_year", columns="body_type", values="adopted_pct"
    )
    ax.plot(ai.index, ai["prefecture"], color=BLUE, marker="o", markersize=3)
    ax.plot(ai.index, ai["designated_city"], color=ORANGE, marker="s", markersize=3, linestyle="--")
    ax.plot(ai.index, ai["other_municipality"], color=RED, marker="^", markersize=3)
    ax.text(2018.05, 22, "都道府県", color=BLUE)
    ax.text(2017.9, 82, "指定都市", color=ORANGE)
    ax.text(2021.6, 24, "その他の市区町村", color=RED)
    ax.set_xticks([2018, 2020, 2022, 2024], ["H30", "R2", "R4", "R6"])
    ax.set_ylim(0, 105)
    ax.set_ylabel("導入済み（%）")
    ax.set_title("自治体のAI：広がり方の差")


def toyota_oiden_bus_annual(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "toyota_oiden_bus_annual.csv").set_index("fiscal_year")
    riders = (table["trunk_bus_riders"] / 10000).reindex(range(2008, 2021))
    ax.plot(riders.index, riders, color=BLUE, marker="o", markersize=4)
    ax.plot([2019, 2020], riders.loc[2019:2020], color=RED, marker="o", markersize=4)
    for left, right in ((2009.3, 2010.7), (2011.3, 2014.7)):
        ax.axvspan(left, right, color=GREY, alpha=0.2, linewidth=0)
    ax.text(2013, 20, "ぬけ", ha="center", color=GREY)
    ax.text(2018.4, 140, "−27%", color=RED)
    ax.set_xticks([2008, 2012, 2016, 2020])
    ax.set_ylim(0, 300)
    ax.set_ylabel("万人／年度")
    ax.set_title("増え続けた後の段差")


def toyota_population_district(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "toyota_population_district.csv")
    sums = table.groupby("level")["population"].sum() / 10000
    parts = [("total", "総数", BLUE), ("subtotal", "小計", ORANGE), ("district", "12地区", SKY)]
    left = 0.0
    for level, name, colour in parts:
        ax.barh("そのまま足す", sums[level], left=left, color=colour)
        ax.text(
            left + sums[level] / 2,
            0,
            name,
            ha="center",
            va="center",
            color="black" if level != "total" else "white",
        )
        left += sums[level]
    ax.barh("正しい和", sums["district"], color=SKY)
    ax.text(sums["district"] / 2, 1, "12地区", ha="center", va="center")
    ax.set_xlabel("人口（万人）")
    ax.set_title("合計の行を足すと2.9倍")


def ofunato_window_hourly_share(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "ofunato_window_hourly_share.csv")
    share = table["share_all_weekdays_pct"]
    ax.bar(table["hour"], share, color=[ORANGE if value == share.max() else BLUE for value in share])
    ax.text(10.6, 15.2, "10時台", color=ORANGE)
    ax.set_xticks([8, 10, 12, 14, 16, 18])
    ax.set_xlabel("時台")
    ax.set_ylabel("取扱い（%）")
    ax.set_title("窓口が混む時間")


def ayase_counter_busy_days(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "ayase_counter_busy_days.csv")
    ratio = table["ratio_to_2016_daily_mean"].sort_values(ignore_index=True)
    ax.bar(ratio.index, ratio, color=[RED if value < 1 else BLUE for value in ratio])
    ax.axhline(1, color=GREY, linestyle="--", linewidth=1)
    ax.text(-0.4, 1.85, "点線は2016年の平均", color=GREY)
    ax.set_xticks([])
    ax.set_xlabel("選ばれた14日（小さい順）")
    ax.set_ylabel("平均の何倍")
    ax.set_title("混む日だけを集めた表")


def shijonawate_opinion_box(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "shijonawate_opinion_box.csv").sort_values("total", kind="stable")
    ax.barh(range(len(table)), table["total"], color=[*[BLUE] * (len(table) - 1), ORANGE])
    ax.text(66, 12, "防災など", ha="right", va="center", color=ORANGE)
    ax.text(1, 0, "0件の分類もある", va="center", color=GREY)
    ax.set_yticks([])
    ax.set_ylabel("15の分類")
    ax.set_xlabel("件／年度")
    ax.set_title("意見の件数は分類で差")


PICTURES = {
    "gkentei_results": gkentei_results,
    "municipal_ai_adoption": municipal_ai_adoption,
    "toyota_oiden_bus_annual": toyota_oiden_bus_annual,
    "toyota_population_district": toyota_population_district,
    "ofunato_window_hourly_share": ofunato_window_hourly_share,
    "ayase_counter_busy_days": ayase_counter_busy_days,
    "shijonawate_opinion_box": shijonawate_opinion_box,
}
