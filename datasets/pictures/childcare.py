"""Pictures of the childcare tables and of the small sets of the first session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from .frame import BLUE, GREY, ORANGE, RED, SKY


def nurseries(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "nurseries.csv")
    asked = pd.read_csv(folder / "childcare_applicants.csv")["age"].value_counts().sort_index()
    seats = table[[f"seats_{age}" for age in range(6)]].sum()
    ax.bar(asked.index - 0.2, asked, width=0.4, color=ORANGE, label="申し込み")
    ax.bar(asked.index + 0.2, seats, width=0.4, color=BLUE, label="受け入れ枠")
    ax.set_xlabel("年齢（歳）")
    ax.set_ylabel("人")
    ax.legend(loc="upper right")
    ax.set_title("0〜2歳は枠が足りない")


def childcare_applicants(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "childcare_applicants.csv")
    points = table["points_total"].value_counts()
    ax.bar(points.index, points, width=4.5, color=BLUE)
    top = points.index[0]
    ax.bar([top], [points.iloc[0]], width=4.5, color=RED)
    ax.annotate(f"{top}点に{points.iloc[0]}人", (top, points.iloc[0]), (-6, -8), textcoords="offset points",
                ha="right", color=RED)  # fmt: skip
    ax.set_xlabel("点数の合計（点）")
    ax.set_ylabel("子の数（人）")
    ax.set_title("同じ点数の子が多い")


def childcare_preferences(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "childcare_preferences.csv")
    first = table.loc[table["rank"] == 1, "nursery_id"].value_counts()
    ax.bar(range(len(first)), first, color=BLUE)
    ax.set_xticks([])
    ax.set_xlabel("35の園（多い順）")
    ax.set_ylabel("第1希望（人）")
    ax.set_title("希望は少しの園に集まる")


def childcare_rules(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "childcare_rules.csv")
    changed = table[table["points"] != table["points_until_2025"]].reset_index(drop=True)
    names = {"R04": "自営", "R24": "同時の申込", "R26": "祖父母", "R31": "きょうだいの園"}
    ax.barh(changed.index - 0.2, changed["points_until_2025"], height=0.4, color=SKY, label="2025年まで")
    ax.barh(changed.index + 0.2, changed["points"], height=0.4, color=BLUE, label="2026年")
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(changed.index, changed["rule_id"].map(names))
    ax.invert_yaxis()
    ax.set_xlabel("点")
    ax.legend(loc="lower right")
    ax.set_title("2026年に変わった点")


def childcare_history(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "childcare_history.csv")
    own = (table["guardian1"] == "自営") | (table["guardian2"] == "自営")
    share = table.groupby([table["round"], own])["placed"].mean().unstack() * 100
    ax.plot(share.index, share[False], marker="o", color=BLUE)
    ax.plot(share.index, share[True], marker="o", color=ORANGE)
    ax.text(2024, share.loc[2024, False] + 6, "ほかの家庭", color=BLUE, ha="center")
    ax.text(2024, share.loc[2024, True] - 14, "自営のいる家庭", color=ORANGE, ha="center")
    ax.set_xticks(share.index)
    ax.set_ylim(0, 100)
    ax.set_ylabel("決まった子（%）")
    ax.set_title("前のルールでの結果")


def evacuation_nodes(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "evacuation_nodes.csv")
    _roads(ax, folder, table, flooded=False)
    points = ax.scatter(table["x_m"], table["y_m"], c=table["elevation_m"], s=22, zorder=2)
    shelters = table[table["kind"] == "避難所"]
    ax.scatter(shelters["x_m"], shelters["y_m"], marker="*", s=120, color=RED, edgecolor="white", zorder=3)
    ax.figure.colorbar(points, label="標高（m）")
    ax.set_title("港地区の道と避難所（★）")


def evacuation_edges(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "evacuation_nodes.csv")
    _roads(ax, folder, table, flooded=True)
    shelters = table[table["kind"] == "避難所"]
    ax.scatter(shelters["x_m"], shelters["y_m"], marker="*", s=120, color=RED, edgecolor="white", zorder=3)
    ax.plot([], [], color=SKY, linewidth=3, label="浸水")
    ax.plot([], [], color=GREY, label="通れる")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    ax.set_title("浸水で通れない道")


def _roads(ax: Axes, folder: Path, nodes: pd.DataFrame, flooded: bool) -> None:
    roads = pd.read_csv(folder / "evacuation_edges.csv")
    place = nodes.set_index("node_id")[["x_m", "y_m"]]
    for road in roads.itertuples():
        ends = place.loc[[road.from_node, road.to_node]]
        wet = flooded and road.flooded
        ax.plot(
            ends["x_m"], ends["y_m"], color=SKY if wet else GREY, linewidth=3 if wet else 1, zorder=2 - wet
        )
    ax.set_axis_off()


def garbage_items(ax: Axes, folder: Path) -> None:
    table = pd.read_csv(folder / "garbage_items.csv")
    counts = table.groupby("sorting_class").size().sort_values(kind="stable")
    ax.barh(counts.index, counts, color=BLUE)
    ax.tick_params(axis="y", labelsize=7.5, length=0)
    ax.set_xlabel("品目の数")
    ax.set_title(f"{len(table)}品目を{len(counts)}つに分ける")


PICTURES = {
    "nurseries": nurseries,
    "childcare_applicants": childcare_applicants,
    "childcare_preferences": childcare_preferences,
    "childcare_rules": childcare_rules,
    "childcare_history": childcare_history,
    "evacuation_nodes": evacuation_nodes,
    "evacuation_edges": evacuation_edges,
    "garbage_items": garbage_items,
}
