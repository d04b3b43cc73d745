"""Which generator makes which file, and in which order the catalogue names the sets."""

from __future__ import annotations

from . import branch_monthly, calendar_jp, city, collection_cases, weather, window_daily, window_visits

GENERATORS = (
    city,
    calendar_jp,
    weather,
    window_daily,
    window_visits,
    branch_monthly,
    collection_cases,
)
"""Modules with ``files() -> dict[str, bytes]``: path under ``datasets/`` and content of what they make."""

GROUPS = {
    "市の基本": ["districts", "towns", "population_age", "calendar", "weather"],
    "窓口": ["window_daily", "window_daily_r6_messy", "window_visits", "branch_monthly",
           "branch_monthly_r6_messy"],
    "債権管理": ["collection_cases", "collection_cases_ps3"],
}  # fmt: skip
"""Heading in the catalogue -> names of the resources (``resources/<name>.yaml``) under it."""


def build_all() -> dict[str, bytes]:
    """Return path under ``datasets/`` -> bytes, for every generated data file."""
    return {path: content for module in GENERATORS for path, content in module.files().items()}
