"""The counters: visits by hour and month, waiting times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .rows import Row, near

# 大船渡市, all weekdays, in percent; 18h (0.4) is left out because our office shuts at 17:15.
OFUNATO_HOUR_PCT = {
    8: 4.0,
    9: 13.2,
    10: 16.3,
    11: 12.8,
    12: 8.5,
    13: 12.0,
    14: 12.3,
    15: 10.2,
    16: 7.6,
    17: 2.8,
}
# 高松市 2020-25: moves in and out by month, mean month = 1.
TAKAMATSU_MOVE_INDEX = [0.71, 0.80, 2.90, 1.72, 0.77, 0.75, 0.85, 0.75, 0.73, 0.76, 0.62, 0.63]
BUSIEST_DAYS = 20


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``window_daily.csv`` and ``window_visits.csv``."""
    daily = pd.read_csv(folder / "window_daily.csv", parse_dates=["date"])
    visits = pd.read_csv(folder / "window_visits.csv")
    rows = []
    hours = visits.drop_duplicates(["date", "arrive_time"])["arrive_time"].str[:2].astype(int)
    share_pct = hours.value_counts(normalize=True) * 100
    total = sum(OFUNATO_HOUR_PCT.values())
    for hour, value in OFUNATO_HOUR_PCT.items():
        published = round(value / total * 100, 1)
        rows.append(
            near(f"来庁の割合 {hour}時台（%）", "[S] 大船渡市", published, share_pct.get(hour, 0.0), 1.0)
        )

    by_month = daily.groupby([daily["date"].dt.year, daily["date"].dt.month])["visits_move"].sum()
    month_mean = by_month.groupby(level=1).mean()
    for month, value in enumerate(TAKAMATSU_MOVE_INDEX, 1):
        tolerance = 0.25 if month == 3 else 0.15
        ours = month_mean[month] / month_mean.mean()
        rows.append(near(f"異動の月指数 {month}月", "[T] 高松市 2020-25", value, ours, tolerance))
    quiet = by_month[~by_month.index.get_level_values(1).isin([3, 4])]
    rows.append(
        near(
            "異動の月ごとのばらつき（3・4月以外、変動係数）",
            "[T] 高松市 2020-25",
            0.12,
            quiet.std() / quiet.mean(),
            0.05,
        )
    )

    before = daily[daily["date"] < "2025-04-01"]
    per_day = before["visits_total"].mean()
    rows.append(near("1日の件数の平均（番号札の変更前）", "[S] 綾瀬市 2016", 325, per_day, 20))
    counted = before["visits_certificate"] + before["visits_seal"] + before["visits_move"]
    rows.append(
        near(
            "異動÷（証明＋印鑑＋異動）",
            "[S] 綾瀬市 61÷289（区分が違うので、ゆるく）",
            0.211,
            before["visits_move"].sum() / counted.sum(),
            0.06,
        )
    )
    after = daily[daily["after_holiday"] == 1]["visits_total"] / per_day
    rows.append(
        Row(
            "平日の閉庁の後の日÷平均（中央値）",
            "[S] 綾瀬市（忙しい日だけの一覧）",
            "0.7-2.1",
            after.median(),
            1.2,
            2.1,
        )
    )
    monday = daily[daily["weekday"] == "月"]["visits_total"].mean() / daily["visits_total"].mean()
    rows.append(Row("月曜日÷平均（一番多い曜日）", "[S] 福山市・堺市（順位だけ）", ">1", monday, 1.1, 1.4))
    peak_season = daily["date"].dt.strftime("%m-%d").between("03-15", "04-10")
    rows.append(
        Row(
            "待ち時間の平均、ふだんの日（分）",
            "[A] 目標",
            "8-12",
            daily[~peak_season]["mean_wait_min"].mean(),
            8,
            12,
        )
    )
    busiest = daily.nlargest(BUSIEST_DAYS, "visits_total")["mean_wait_min"].mean()
    rows.append(
        Row(f"待ち時間の平均、件数の多い{BUSIEST_DAYS}日（分）", "[A] 目標", "35以上", busiest, 35, 60)
    )
    rows.append(
        near("前の1人あたりの待ち時間、証明の列（分）", "[S] 堺市中区", 2.0, _minutes_per_person(visits), 0.6)
    )
    return rows


def _minutes_per_person(visits: pd.DataFrame) -> float:
    """Median of wait / people in front, in the certificate queue, for those with 3 or more in front."""
    queue = visits[visits["procedure"].isin(["証明", "印鑑"]) & visits["wait_min"].notna()]
    ratios = []
    for _, day in queue.groupby("date"):
        arrive = pd.to_timedelta(day["arrive_time"]).dt.total_seconds().to_numpy()
        call = pd.to_timedelta(day["call_time"]).dt.total_seconds().to_numpy()
        for index in range(len(day)):
            ahead = int(((arrive < arrive[index]) & (call > arrive[index])).sum())
            if ahead >= 3:
                ratios.append((call[index] - arrive[index]) / 60 / ahead)
    return float(np.median(ratios))
