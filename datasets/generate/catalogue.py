"""Which generator makes which file. ``build_all`` returns the bytes of every generated file."""

from __future__ import annotations

from . import branch_monthly, calendar_jp, collection_cases, window_daily, window_visits
from .csv_format import to_csv_bytes


def build_all() -> dict[str, bytes]:
    """Return path under ``datasets/`` -> bytes, for every generated data file."""
    daily = window_daily.build()
    branches = branch_monthly.build()
    return {
        "calendar.csv": to_csv_bytes(calendar_jp.build()),
        "window_daily.csv": to_csv_bytes(daily),
        "messy/window_daily_r6.csv": window_daily.build_messy(daily),
        "window_visits.csv": to_csv_bytes(window_visits.build()),
        "branch_monthly.csv": to_csv_bytes(branches),
        "messy/branch_monthly_r6.csv": branch_monthly.build_messy(branches),
        "collection_cases.csv": to_csv_bytes(collection_cases.build()),
        "collection_cases_ps3.csv": to_csv_bytes(collection_cases.build_ps3()),
    }
