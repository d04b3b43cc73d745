"""``branch_monthly.csv``: monthly visits at the six branch offices, and their sheet for 令和6年度."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import mess, seeds
from .csv_format import to_csv_bytes
from .window_simulation import (
    MONTH_INDEX_CERTIFICATE,
    MONTH_INDEX_INSURANCE,
    MONTH_INDEX_MOVE,
)

# Population on 2023-04-01, yearly change, staff, and how often people come compared with the city's mean [A].
BRANCHES = {
    "北支所": (21_400, -0.004, 5, 1.00),
    "東支所": (17_600, 0.006, 4, 0.92),
    "南支所": (24_300, 0.009, 6, 1.05),
    "西支所": (14_100, -0.002, 4, 0.96),
    "山手支所": (7_700, -0.016, 3, 1.22),
    "港支所": (3_350, -0.022, 2, 1.35),
}
# Visits per head and month [A].
RATES = {
    "visits_certificate": 0.0440,
    "visits_seal": 0.0075,
    "visits_move": 0.0058,
    "visits_insurance": 0.0029,
}
MONTH_INDEX = {
    "visits_certificate": MONTH_INDEX_CERTIFICATE,
    "visits_seal": MONTH_INDEX_CERTIFICATE,
    "visits_move": MONTH_INDEX_MOVE,
    "visits_insurance": MONTH_INDEX_INSURANCE,
}
KINDS_JA = {
    "visits_certificate": "証明",
    "visits_seal": "印鑑",
    "visits_move": "異動",
    "visits_insurance": "国保",
}
CERTIFICATE_TREND_PER_YEAR = 0.96  # certificates from convenience stores [A]
NOISE_CV = 0.06
SECRET_BELOW = 10
SECRET_BRANCH = "港支所"
FISCAL_MONTHS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3]


def build() -> pd.DataFrame:
    """Return the clean table: one row per month and branch."""
    rng = seeds.generator("branch_monthly")
    rows = []
    for step in range(36):
        year, month = 2023 + (3 + step) // 12, (3 + step) % 12 + 1
        for branch, (population_0, yearly_change, staff, use) in BRANCHES.items():
            population = round(
                population_0 * (1 + yearly_change) ** (step / 12) + rng.normal(0, population_0**0.5 / 8)
            )
            row = {"month": f"{year}-{month:02d}", "fiscal_year": 2023 + step // 12, "branch": branch}
            for name, rate in RATES.items():
                mean = population * rate * use * MONTH_INDEX[name][month - 1]
                if name == "visits_certificate":
                    mean *= CERTIFICATE_TREND_PER_YEAR ** (step / 12)
                row[name] = int(rng.poisson(mean * rng.gamma(1 / NOISE_CV**2, NOISE_CV**2)))
            row["visits_total"] = sum(row[name] for name in RATES)
            row["population"] = population
            row["staff_count"] = staff + (1 if month in (3, 4) and staff >= 4 else 0)
            rows.append(row)
    return pd.DataFrame(rows)


def build_messy(table: pd.DataFrame) -> bytes:
    """Return fiscal year 2024 of ``table`` as one wide sheet: branches x kinds down, months across."""
    rng = seeds.generator("branch_monthly/messy")
    year = table[table["fiscal_year"] == 2024]
    width = 2 + len(FISCAL_MONTHS) + 1
    lines = [
        ["令和６年度　支所別　月別取扱件数", *[""] * (width - 1)],
        [*[""] * (width - 1), "（単位：件）"],
        ["支所", "区分", "令和６年", *[""] * 8, "令和７年", *[""] * 2, "年度計"],
        [
            "",
            "",
            *[mess.to_full_width(f"{month}月") if month == 4 else f"{month}月" for month in FISCAL_MONTHS],
            "",
        ],
    ]
    for branch in BRANCHES:
        rows = year[year["branch"] == branch]
        lines += _branch_block(rng, branch, rows)
    totals = year.groupby("month")[[*RATES, "visits_total"]].sum()
    for name, label in [*KINDS_JA.items(), ("visits_total", "合計")]:
        cells = [f"{int(value):,} " for value in totals[name]]
        head = "全支所" if name == "visits_certificate" else ""
        lines.append([head, label, *cells, f"{int(totals[name].sum()):,} "])
    lines += [
        ["注１　「Ｘ」は秘匿（10件未満）。", *[""] * (width - 1)],
        ["注２　小計は秘匿分を含む。", *[""] * (width - 1)],
        ["注３　架空の市の合成データです（たから市、CC BY 4.0）。", *[""] * (width - 1)],
    ]
    return mess.to_cp932_csv(lines)


def _branch_block(rng: np.random.Generator, branch: str, rows: pd.DataFrame) -> list[list[str]]:
    """Five lines of one branch; the name stands only in the first (a merged cell in the spreadsheet)."""
    rows = rows.sort_values("month")
    secret = _secret_cells(rows) if branch == SECRET_BRANCH else {}
    lines = []
    for position, (name, label) in enumerate(KINDS_JA.items()):
        cells = []
        for column, value in enumerate(rows[name].tolist()):
            if secret.get(column) == name:
                cells.append("X" if rng.random() < 0.7 else "Ｘ")
            else:
                cells.append(mess.messy_count(rng, value))
        has_secret = name in secret.values()
        year_sum = "X" if has_secret else f"{int(rows[name].sum()):,} "
        lines.append([_branch_spelling(branch) if position == 0 else "", label, *cells, year_sum])
    subtotal = [mess.messy_count(rng, value) for value in rows["visits_total"].tolist()]
    lines.append(["", "小計", *subtotal, f"{int(rows['visits_total'].sum()):,} "])
    return lines


def _branch_spelling(branch: str) -> str:
    """Names as typed by the offices: one with a full-width blank inside, one with a trailing blank."""
    return {"北支所": "北　支所", "南支所": "南支所 "}.get(branch, branch)


def _secret_cells(rows: pd.DataFrame) -> dict[int, str]:
    """Return column -> kind of the smallest cell, where it is under the limit (never two in one month)."""
    secret = {}
    for column, values in enumerate(rows[list(RATES)].to_dict("records")):
        name = min(values, key=values.get)
        if 0 < values[name] < SECRET_BELOW:
            secret[column] = name
    return secret


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table and its messy twin."""
    table = build()
    return {"branch_monthly.csv": to_csv_bytes(table), "messy/branch_monthly_r6.csv": build_messy(table)}
