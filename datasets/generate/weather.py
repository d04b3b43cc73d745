"""``weather.csv``: rain and temperature of every day in たから市, the same for windows, buses and roads.

Rain: a wet day with a monthly probability, then a gamma amount. Temperature: a yearly wave plus an AR(1)
disturbance, wet days milder at night. All figures are assumptions [A] for a mild coast in western Japan.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from . import calendar_jp, seeds
from .csv_format import to_csv_bytes

WET_SHARE = [0.17, 0.20, 0.28, 0.28, 0.30, 0.42, 0.37, 0.25, 0.38, 0.28, 0.22, 0.17]  # January first
MEAN_RAIN_MM = [4, 5, 7, 8, 9, 12, 14, 12, 14, 10, 6, 4]

MEAN_TEMPERATURE_C, YEARLY_SWING_C = 16.7, 11.3
WARMEST_DAY_OF_YEAR = 212
PERSISTENCE, DISTURBANCE_C = 0.72, 1.7
DAILY_RANGE_C = {"dry": 4.8, "wet": 3.0}  # mean minus minimum

# The two stretches have seeds of their own: the older years were added without changing the newer ones.
STRETCHES = {
    "weather/before_2023": (calendar_jp.FIRST_DAY, dt.date(2023, 3, 31)),
    "weather": (dt.date(2023, 4, 1), calendar_jp.LAST_DAY),
}


@cache
def build() -> pd.DataFrame:
    """Return one row per day of the calendar: date (ISO text), rain_mm, temperature_mean_c and _min_c."""
    rain = [mm for name, (first, last) in STRETCHES.items() for mm in _rain(name, first, last)]
    days = pd.date_range(calendar_jp.FIRST_DAY, calendar_jp.LAST_DAY)
    rng = seeds.generator("weather/temperature")
    wave = np.cos(2 * np.pi * (days.day_of_year.to_numpy() - WARMEST_DAY_OF_YEAR) / 365.25)
    disturbance = np.zeros(len(days))
    shocks = rng.normal(0, DISTURBANCE_C, len(days))
    for index in range(1, len(days)):
        disturbance[index] = PERSISTENCE * disturbance[index - 1] + shocks[index]
    mean = MEAN_TEMPERATURE_C + YEARLY_SWING_C * wave + disturbance
    spread = np.where(np.array(rain) > 0, DAILY_RANGE_C["wet"], DAILY_RANGE_C["dry"])
    minimum = mean - spread * rng.uniform(0.7, 1.3, len(days))
    return pd.DataFrame(
        {
            "date": [stamp.date().isoformat() for stamp in days],
            "rain_mm": rain,
            "temperature_mean_c": mean.round(1),
            "temperature_min_c": minimum.round(1),
        }
    )


def _rain(seed_name: str, first: dt.date, last: dt.date) -> list[float]:
    """Return the rain of each day in office hours, in steps of 0.5 mm."""
    rng = seeds.generator(seed_name)
    amounts = []
    for stamp in pd.date_range(first, last):
        u, amount = rng.random(), rng.gamma(0.9, MEAN_RAIN_MM[stamp.month - 1] / 0.9)
        wet = u < WET_SHARE[stamp.month - 1]
        amounts.append(round(max(0.5, amount) * 2) / 2 if wet else 0.0)
    return amounts


def opening_days(first: dt.date) -> pd.DataFrame:
    """Return date (``datetime.date``) and rain_mm of every opening day from ``first`` on."""
    table = build()
    table = table.assign(date=[dt.date.fromisoformat(text) for text in table["date"]])
    chosen = [day >= first and calendar_jp.is_open(day) for day in table["date"]]
    return table.loc[chosen, ["date", "rain_mm"]].reset_index(drop=True)


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table."""
    return {"weather.csv": to_csv_bytes(build())}
