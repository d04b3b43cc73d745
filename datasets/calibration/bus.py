"""The city's buses: level, growth, the fall of 2020."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near

# 豊田市 とよたおいでんバス: riders by fiscal year, and of two Aprils; people as published with them (about).
TOYOTA_RIDERS = {2018: 2_556_698, 2019: 2_641_019, 2020: 1_917_635}
TOYOTA_APRIL = {2019: 225_125, 2020: 109_743}  # published as -51.2%
TOYOTA_PEOPLE = 420_000
SOURCE = "[S] 豊田市 おいでんバス"


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``bus_daily.csv``."""
    bus = pd.read_csv(folder / "bus_daily.csv", dtype={"route_id": str}, parse_dates=["date"])
    days = pd.read_csv(folder / "calendar.csv", parse_dates=["date"]).set_index("date")
    people = pd.read_csv(folder / "districts.csv", dtype={"district_code": str})["population"].sum()
    total = bus.groupby("date")["riders"].sum()
    year = total.groupby(days["fiscal_year"]).sum()
    month = total.resample("MS").sum()
    normal = total[:"2020-02"]
    weekday = days.loc[normal.index, "weekday"]
    not_holiday = days.loc[normal.index, "is_holiday"] == 0
    sunday = normal[weekday == "日"].mean() / normal[not_holiday & ~weekday.isin(["土", "日"])].mean()
    quarter = total.resample("QS").sum()
    step = {when: quarter[f"{when}-10-01"] / quarter[f"{when}-07-01"] for when in (2023, 2024, 2025)}
    return [
        near(
            "バスの利用者、1人あたり（回／年、2019年度）",
            SOURCE,
            round(TOYOTA_RIDERS[2019] / TOYOTA_PEOPLE, 1),
            year[2019] / people,
            0.3,
        ),
        near(
            "バスの利用者、2018年度から2019年度",
            SOURCE,
            round(TOYOTA_RIDERS[2019] / TOYOTA_RIDERS[2018] - 1, 3),
            year[2019] / year[2018] - 1,
            0.01,
        ),
        near(
            "バスの利用者、2019年度から2020年度",
            SOURCE,
            round(TOYOTA_RIDERS[2020] / TOYOTA_RIDERS[2019] - 1, 3),
            year[2020] / year[2019] - 1,
            0.015,
        ),
        near(
            "バスの利用者、2020年4月の前年同月比",
            SOURCE,
            round(TOYOTA_APRIL[2020] / TOYOTA_APRIL[2019] - 1, 4),
            month["2020-04-01"] / month["2019-04-01"] - 1,
            0.02,
        ),
        near("バスの日曜÷平日（祝日を除く、2020年2月まで）", "[A]", 0.45, sunday, 0.03),
        near(
            "バスのICカードの前後（2023年の秋÷夏、ほかの年との比）",
            "[A]",
            1.07,
            step[2023] / ((step[2024] + step[2025]) / 2),
            0.03,
        ),
    ]
