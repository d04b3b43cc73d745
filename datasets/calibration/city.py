"""The city's base tables: age structure, households, neighbourhood sizes, rain."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near

# 豊田市 2025-01-01: total, and the districts whose ages are published.
TOYOTA_PEOPLE, TOYOTA_HOUSEHOLDS = 414_502, 187_968
TOYOTA_65_PLUS, TOYOTA_UNDER_15 = 103_932, 49_656


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``districts.csv``, ``towns.csv`` and ``population_age.csv``."""
    districts = pd.read_csv(folder / "districts.csv", dtype={"district_code": str})
    ages = pd.read_csv(folder / "population_age.csv", dtype={"district_code": str})
    now = ages[ages["year"] == 2025]
    lower = now["age_group"].str.extract(r"(\d+)")[0].astype(int)
    people = now["population"].sum()
    return [
        near(
            "65歳以上の割合",
            "[S] 豊田市 2025年1月",
            round(TOYOTA_65_PLUS / TOYOTA_PEOPLE, 3),
            now.loc[lower >= 65, "population"].sum() / people,
            0.03,
        ),
        near(
            "15歳未満の割合",
            "[S] 豊田市 2025年1月",
            round(TOYOTA_UNDER_15 / TOYOTA_PEOPLE, 3),
            now.loc[lower < 15, "population"].sum() / people,
            0.02,
        ),
        near(
            "1世帯の人数（人）",
            "[S] 豊田市 2025年1月",
            round(TOYOTA_PEOPLE / TOYOTA_HOUSEHOLDS, 2),
            districts["population"].sum() / districts["households"].sum(),
            0.15,
        ),
        Row("人口（人）", "[A]", "約150,000", people, 145_000, 155_000),
    ]
