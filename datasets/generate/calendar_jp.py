"""The calendar of たから市's offices: Japanese public holidays, weekends and the closed days of the new year.

Holidays come from ``jpholiday`` (国民の祝日に関する法律). Offices open Monday to Friday, except holidays and
29 December to 3 January (the usual rule of local governments, 地方自治法第4条の2).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import jpholiday
import pandas as pd

from .csv_format import to_csv_bytes

WEEKDAYS = "月火水木金土日"
FIRST_DAY = dt.date(2018, 4, 1)
LAST_DAY = dt.date(2026, 3, 31)


def fiscal_year(day: dt.date) -> int:
    """Return the Japanese fiscal year (April to March) of ``day``."""
    return day.year if day.month >= 4 else day.year - 1


@cache
def holiday_name(day: dt.date) -> str:
    """Return the name of the public holiday on ``day``, or an empty string."""
    return jpholiday.is_holiday_name(day) or ""


@cache
def is_open(day: dt.date) -> bool:
    """Return whether the city's offices are open on ``day``."""
    new_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() < 5 and not holiday_name(day) and not new_year


def next_open(day: dt.date) -> dt.date:
    """Return ``day`` itself when it is open, else the first opening day after it."""
    while not is_open(day):
        day += dt.timedelta(days=1)
    return day


def previous_open(day: dt.date) -> dt.date:
    """Return ``day`` itself when it is open, else the last opening day before it."""
    while not is_open(day):
        day -= dt.timedelta(days=1)
    return day


def is_after_holiday(day: dt.date) -> bool:
    """Return whether ``day`` is the first opening day after a closed Monday-to-Friday day.

    An ordinary Monday (only a weekend before it) is not "after a holiday".
    """
    if not is_open(day):
        return False
    before = day - dt.timedelta(days=1)
    while not is_open(before):
        if before.weekday() < 5:
            return True
        before -= dt.timedelta(days=1)
    return False


def build() -> pd.DataFrame:
    """Return ``calendar.csv``: one row per day of fiscal years 2018 to 2025."""
    days = [stamp.date() for stamp in pd.date_range(FIRST_DAY, LAST_DAY)]
    return pd.DataFrame(
        {
            "date": [day.isoformat() for day in days],
            "weekday": [WEEKDAYS[day.weekday()] for day in days],
            "is_holiday": [int(bool(holiday_name(day))) for day in days],
            "holiday_name": [holiday_name(day) or None for day in days],
            "is_open": [int(is_open(day)) for day in days],
            "is_after_holiday": [int(is_after_holiday(day)) for day in days],
            "fiscal_year": [fiscal_year(day) for day in days],
        }
    )


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table."""
    return {"calendar.csv": to_csv_bytes(build())}
