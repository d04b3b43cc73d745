"""Which generator makes which file, and in which order the catalogue names the sets."""

from __future__ import annotations

from . import (
    branch_monthly,
    bus_daily,
    calendar_jp,
    childcare,
    city,
    collection_cases,
    courses,
    evacuation,
    form_digits,
    garbage_items,
    houses,
    inquiries,
    pipes,
    road_images,
    road_reports,
    weather,
    window_daily,
    window_visits,
)

GENERATORS = (
    city,
    calendar_jp,
    weather,
    window_daily,
    window_visits,
    branch_monthly,
    collection_cases,
    inquiries,
    houses,
    courses,
    bus_daily,
    form_digits,
    childcare,
    evacuation,
    garbage_items,
    pipes,
    road_reports,
    road_images,
)
"""Modules with ``files() -> dict[str, bytes]``: path under ``datasets/`` and content of what they make."""

GROUPS = {
    "市の基本": ["districts", "towns", "population_age", "calendar", "weather"],
    "窓口": ["window_daily", "window_daily_r6_messy", "window_visits", "branch_monthly",
           "branch_monthly_r6_messy"],
    "債権管理": ["collection_cases", "collection_cases_ps3"],
    "市民の声": ["inquiries", "faq", "inquiries_truth", "faq_new_topic"],
    "住まい": ["houses", "house_water", "house_survey", "houses_truth"],
    "公民館": ["courses", "course_enrollments"],
    "水道・道路・交通": ["pipes", "pipes_ledger_messy", "pipes_truth",
                 "bus_routes", "bus_calendar", "bus_daily", "bus_daily_truth",
                 "bus_monthly_r5_messy",
                 "road_reports", "road_images", "road_images_arrays", "road_reports_truth",
                 "road_damage_truth", "road_images_truth"],
    "書類": ["form_fields", "form_digits", "form_digits_images"],
    "子育て": ["nurseries", "childcare_applicants", "childcare_preferences", "childcare_rules",
            "childcare_history", "childcare_applicants_truth"],
    "はじめの一歩（第1回）": ["evacuation_nodes", "evacuation_edges", "garbage_items"],
    "公表された実際の表": ["gkentei_results", "municipal_ai_adoption", "toyota_population_district",
                  "toyota_oiden_bus_annual", "ofunato_window_hourly_share", "ayase_counter_busy_days",
                  "shijonawate_opinion_box"],
}  # fmt: skip
"""Heading in the catalogue -> names of the resources (``resources/<name>.yaml``) under it."""


def build_all() -> dict[str, bytes]:
    """Return path under ``datasets/`` -> bytes, for every generated data file."""
    return {path: content for module in GENERATORS for path, content in module.files().items()}
