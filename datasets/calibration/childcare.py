"""Childcare placement, and the classes of garbage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from generate.placement import deferred_acceptance

from .rows import Row, near

SOJA_CAPACITY, SOJA_USERS, SOJA_WAITING, SOJA_NOT_PLACED = 1_587, 1_765, 2, 254  # January 2023
TOYOTA_APPLICATIONS, TOYOTA_PRIVATE_REASONS = 7_228, 68  # April 2016
# [A] A child with a free seat this near is not waiting; chosen so that 2 wait, as in 総社市.
WITHIN_REACH_KM = 3.0
TAKAMATSU_ITEMS = 613
TAKAMATSU_BY_CLASS = {
    "燃やせるごみ": 99,
    "粗大ごみ": 69,
    "市で収集できない": 44,
    "紙・布": 42,
    "資源プラ": 34,
}


def placements(folder: Path) -> pd.DataFrame:
    """Return the applicants with ``nursery_id`` (blank: none of their wishes) under deferred acceptance."""
    nurseries = pd.read_csv(folder / "nurseries.csv", dtype={"town_code": str}).set_index("nursery_id")
    children = pd.read_csv(folder / "childcare_applicants.csv", dtype={"town_code": str})
    wishes = pd.read_csv(folder / "childcare_preferences.csv").merge(children, on="applicant_id")
    points = pd.read_csv(folder / "childcare_rules.csv").set_index("rule_id")["points"]
    linked = wishes["graduating_from"].map(nurseries["linked_nursery"])
    wishes["points"] = (
        wishes["points_total"]
        + points["R31"] * (wishes["sibling_enrolled_nursery"] == wishes["nursery_id"])
        + points["R32"] * (linked == wishes["nursery_id"])
    )
    order = {
        (row.applicant_id, row.nursery_id): (-row.points, row.income_band, row.lottery_no)
        for row in wishes.itertuples()
    }
    matched: dict[str, str] = {}
    for age, group in wishes.groupby("age"):
        lists = {child: list(rows["nursery_id"]) for child, rows in group.groupby("applicant_id")}
        matched |= deferred_acceptance(lists, order, nurseries[f"seats_{age}"].to_dict())
    return children.assign(nursery_id=children["applicant_id"].map(matched))


def waiting(placed: pd.DataFrame, nurseries: pd.DataFrame, reach_km: float = WITHIN_REACH_KM) -> int:
    """Count 待機児童: would take any nursery, and none within reach has a free seat for the age."""
    count = 0
    willing = placed[placed["nursery_id"].isna() & (placed["if_unplaced"] == "紹介された園に入る")]
    for row in willing.itertuples():
        taken = placed.loc[placed["age"] == row.age, "nursery_id"].value_counts()
        free = nurseries[f"seats_{row.age}"] - nurseries["nursery_id"].map(taken).fillna(0)
        km = np.hypot(nurseries["x_m"] - row.x_m, nurseries["y_m"] - row.y_m) / 1000
        count += not ((free > 0) & (km <= reach_km)).any()
    return count


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for the childcare tables and ``garbage_items.csv``."""
    nurseries = pd.read_csv(folder / "nurseries.csv", dtype={"town_code": str})
    rules = pd.read_csv(folder / "childcare_rules.csv").set_index("value")
    placed = placements(folder)
    not_placed = placed[placed["nursery_id"].isna()]
    capacity = nurseries[["capacity_0_2", "capacity_3_5"]].to_numpy().sum()
    staying = nurseries["staying"].sum()
    users = staying + placed["nursery_id"].notna().sum()
    private = (not_placed["if_unplaced"] == "希望した園だけを待つ").sum()
    full_time = placed[(placed["guardian1"] == "就労160") & (placed["guardian2"] == "就労160")]
    full_time = full_time[full_time["documents_missing"] == 0]
    base = (full_time["points_guardian1"] + full_time["points_guardian2"]).median()
    items = pd.read_csv(folder / "garbage_items.csv")
    share = items["sorting_class"].value_counts(normalize=True)
    found = [
        near(
            "保育の利用者÷認可定員",
            "[S] 総社市 2023年1月",
            round(SOJA_USERS / SOJA_CAPACITY, 3),
            users / capacity,
            0.04,
        ),
        near(
            "希望の園に入れなかった子（人）",
            "[S] 総社市 2023年1月（市の大きさは違う）",
            SOJA_NOT_PLACED,
            len(not_placed),
            60,
        ),
        Row(
            f"待機児童（人、{WITHIN_REACH_KM:g}km以内に空きがない子）",
            "[S] 総社市 2023年1月",
            f"{SOJA_WAITING}",
            waiting(placed, nurseries),
            1,
            5,
        ),
        near(
            "「希望した園だけ」で入らない子÷（申込＋継続）",
            "[S] 豊田市 2016年4月「私的な理由」（申込の数え方は不明）",
            round(TOYOTA_PRIVATE_REASONS / TOYOTA_APPLICATIONS, 4),
            private / (len(placed) + staying),
            0.006,
        ),
        near("フルタイムの保護者1人の点", "[S] 郡山市", 200, rules.loc["就労160", "points"], 0.5),
        near("フルタイム2人の点の合計", "[S] 郡山市 200＋200", 400, base, 0.5),
        Row(
            "申込÷施設",
            "[S] 草津市 400÷50、港区 2,500÷80",
            "8-31",
            len(placed) / len(nurseries),
            8,
            31,
        ),
        Row("希望の数の上限（園）", "[S] 草津市 3、港区 20", "3-20", placed["list_length"].max(), 3, 20),
        Row("希望の数の平均（園）", "[A]", "3-4", placed["list_length"].mean(), 3, 4),
        near("申込のうち0〜2歳", "[A]", 0.81, placed["age"].le(2).mean(), 0.04),
    ]
    for name, count in TAKAMATSU_BY_CLASS.items():
        found.append(
            near(
                f"ごみの品目の割合 {name}",
                f"[S] 高松市 {count}÷{TAKAMATSU_ITEMS}品目（ゆるく）",
                round(count / TAKAMATSU_ITEMS, 3),
                share[name],
                0.05,
            )
        )
    return found
