"""``window_visits.csv``: single visits of 24 days, out of the simulation behind ``window_daily.csv``."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from . import seeds, weather, window_simulation
from .csv_format import to_csv_bytes

PEAK_DAYS = [
    "2024-03-25", "2024-03-26", "2024-03-27", "2024-03-28", "2024-03-29",
    "2024-04-01", "2024-04-02", "2024-04-03",
]  # fmt: skip
NORMAL_DAYS = [
    "2024-10-07", "2024-10-08", "2024-10-09", "2024-10-10", "2024-10-11",
    "2024-10-16", "2024-10-17", "2024-10-18", "2024-10-21", "2024-10-22", "2024-10-23",
]  # fmt: skip
AFTER_HOLIDAY_DAYS = ["2024-10-15"]
NEW_TICKET_DAYS = ["2025-10-07", "2025-10-08"]
N_RAINY_DAYS = 2
RAINY_MONTHS = ("2024-06", "2024-07")

# The clock of one window runs behind for some hours (date -> window, seconds, hours): negative waits.
SLOW_CLOCKS = {"2024-10-09": (1, 170, (15, 18)), "2024-10-22": (2, 140, (8, 10))}


def rainy_days() -> list[str]:
    """Return the wettest opening days (not after a holiday) of the rainy season 2024, in order of date."""
    days = weather.opening_days(window_simulation.FIRST_DAY)
    texts = days["date"].map(dt.date.isoformat)
    season = days[texts.str[:7].isin(RAINY_MONTHS)].assign(text=texts)
    return sorted(season.nlargest(N_RAINY_DAYS, "rain_mm")["text"])


def chosen_days() -> list[str]:
    """Return the 24 days of the table in order."""
    return sorted([*PEAK_DAYS, *NORMAL_DAYS, *AFTER_HOLIDAY_DAYS, *NEW_TICKET_DAYS, *rainy_days()])


def _clock(seconds: pd.Series) -> list[str | None]:
    return [
        None
        if pd.isna(value)
        else f"{int(value) // 3600:02d}:{int(value) // 60 % 60:02d}:{int(value) % 60:02d}"
        for value in seconds
    ]


def build() -> pd.DataFrame:
    """Return the table in order of arrival; times of those who left are missing."""
    tickets = window_simulation.tickets()
    date = tickets["day"].map(dt.date.isoformat)
    rows = tickets.assign(date=date)[date.isin(chosen_days())].reset_index(drop=True)
    for day, (window_no, behind_s, hours) in SLOW_CLOCKS.items():
        rng = seeds.generator(f"window_visits/clock/{day}")
        slow = (rows["date"] == day) & (rows["window_no"] == window_no)
        slow &= rows["call_s"].between(hours[0] * 3600, hours[1] * 3600)
        drift = behind_s + rng.integers(-10, 11)
        rows.loc[slow, ["call_s", "end_s"]] -= drift
    wait_min = ((rows["call_s"] - rows["arrive_s"]) / 60).round(1)
    return pd.DataFrame(
        {
            "visit_id": [f"V{number:05d}" for number in np.arange(1, len(rows) + 1)],
            "date": rows["date"],
            "procedure": rows["procedure"],
            "party_size": rows["party_size"],
            "arrive_time": _clock(rows["arrive_s"]),
            "call_time": _clock(rows["call_s"]),
            "end_time": _clock(rows["end_s"]),
            "window_no": rows["window_no"].astype("Int64"),
            "windows_open": rows["windows_open"],
            "wait_min": wait_min,
            "service_min": rows["service_min"],
            "walked_away": rows["call_s"].isna().astype(int),
        }
    )


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table."""
    return {"window_visits.csv": to_csv_bytes(build())}
