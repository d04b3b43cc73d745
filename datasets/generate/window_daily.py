"""``window_daily.csv``: one row per opening day of 市民課, added up from the simulated tickets."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from . import calendar_jp, mess, seeds, weather, window_simulation
from .csv_format import to_csv_bytes

PART_COLUMNS = {
    "visits_certificate": ["証明"],
    "visits_seal": ["印鑑"],
    "visits_move": window_simulation.MOVES,
    "visits_mynumber": ["マイナンバー"],
    "visits_insurance": ["国保"],
    "visits_family": ["戸籍届"],
}
MESSY_HEADER = ["証明", "印鑑", "異動", "マイナンバー", "国保", "戸籍届"]
SECRET_BELOW = 3
STALE_DAY = "2024-10-24"


def build() -> pd.DataFrame:
    """Return the clean table."""
    tickets = window_simulation.tickets()
    by_day = tickets.groupby("day")
    counts = tickets.groupby(["day", "procedure"]).size().unstack(fill_value=0)
    days = list(counts.index)
    table = pd.DataFrame({"date": [day.isoformat() for day in days]})
    table["weekday"] = [calendar_jp.WEEKDAYS[day.weekday()] for day in days]
    table["after_holiday"] = [int(calendar_jp.is_after_holiday(day)) for day in days]
    rain = weather.opening_days(window_simulation.FIRST_DAY).set_index("date")["rain_mm"]
    table["rain_mm"] = rain.loc[days].to_numpy()
    parts = pd.DataFrame({name: counts[kinds].sum(axis=1) for name, kinds in PART_COLUMNS.items()})
    table["visits_total"] = parts.sum(axis=1).to_numpy()
    for name in PART_COLUMNS:
        table[name] = parts[name].to_numpy()
    table["mean_wait_min"] = by_day["wait_min"].mean().round(1).to_numpy()
    table["median_wait_min"] = by_day["wait_min"].median().round(1).to_numpy()
    table["windows_open_max"] = by_day["windows_open"].max().to_numpy()
    return table


def build_messy(table: pd.DataFrame) -> bytes:
    """Return fiscal year 2024 (令和6年度) of ``table`` as the office hands it over: CP932, CRLF."""
    rng = seeds.generator("window_daily/messy")
    days = [dt.date.fromisoformat(text) for text in table["date"]]
    year = table[[calendar_jp.fiscal_year(day) == 2024 for day in days]]
    lines: list[list[str]] = [
        ["令和６年度　たから市　市民課窓口　取扱件数（日別）", *[""] * 9],
        [*[""] * 9, "（単位：件、分）"],
        ["日付", "曜日", "取扱件数", *[""] * 6, "平均待ち時間"],
        ["", "", *MESSY_HEADER, "合計", "（分）"],
    ]
    for month in [4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3]:
        rows = year[[int(text[5:7]) == month for text in year["date"]]]
        for row in rows.itertuples():
            lines.append(_messy_row(rng, row))
            if row.date == STALE_DAY:  # the row was pasted twice, in another spelling of the date
                again = list(lines[-1])
                again[0] = mess.date_reiwa_short(dt.date.fromisoformat(row.date))
                lines[-1][0] = mess.date_slash(dt.date.fromisoformat(row.date))
                lines.append(again)
        lines.append(_sum_row(f"{month}月計", rows))
    lines.append(_sum_row("年度合計", year))
    lines += [
        ["注１　「Ｘ」は秘匿（３件未満）、「－」は０件。", *[""] * 9],
        ["注２　月計・年度合計の平均待ち時間は、日ごとの値の単純平均。", *[""] * 9],
        ["注３　架空の市の合成データです（たから市、CC BY 4.0）。", *[""] * 9],
    ]
    return mess.to_cp932_csv(lines)


def _messy_row(rng, row) -> list[str]:
    day = dt.date.fromisoformat(row.date)
    values = [getattr(row, name) for name in PART_COLUMNS]
    cells = [mess.messy_count(rng, value) for value in values]
    total = mess.messy_count(rng, row.visits_total)
    if 0 < values[5] < SECRET_BELOW:
        cells[5] = "X" if rng.random() < 0.7 else "Ｘ"
    elif rng.random() < 0.035:  # a cell that nobody filled in; the total still tells
        cells[int(rng.integers(0, 5))] = ""
    weekday = "" if rng.random() < 0.03 else row.weekday
    wait = f"{row.mean_wait_min:.1f}"
    if rng.random() < 0.08:
        wait = mess.to_full_width(wait)
    return [mess.messy_date(rng, day), weekday, *cells, total, wait]


def _sum_row(label: str, rows: pd.DataFrame) -> list[str]:
    sums = [int(rows[name].sum()) for name in PART_COLUMNS]
    cells = [f"{value:,} " for value in [*sums, sum(sums)]]
    return [label, "", *cells, f"{rows['mean_wait_min'].mean():.1f}"]


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table and its messy twin."""
    table = build()
    return {"window_daily.csv": to_csv_bytes(table), "messy/window_daily_r6.csv": build_messy(table)}
