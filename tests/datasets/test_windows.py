"""The counter's tables agree with each other and with the calendar, and the built-in traps are there."""

from __future__ import annotations

import pandas as pd
import pytest
from generate import window_visits

PARTS = [
    "visits_certificate",
    "visits_seal",
    "visits_move",
    "visits_mynumber",
    "visits_insurance",
    "visits_family",
]
KINDS = {
    "visits_certificate": ["証明"], "visits_seal": ["印鑑"], "visits_move": ["転入", "転出", "転居"],
    "visits_mynumber": ["マイナンバー"], "visits_insurance": ["国保"], "visits_family": ["戸籍届"],
}  # fmt: skip


def test_calendar_knows_japanese_days(datasets):
    calendar = pd.read_csv(datasets / "calendar.csv").set_index("date")
    assert len(calendar) == 8 * 365 + 2  # fiscal years 2018 to 2025, two leap days
    assert calendar.loc["2019-05-01", "is_holiday"] == 1  # the accession, ten days off
    assert calendar.loc["2021-07-23", "holiday_name"] == "スポーツの日"  # moved for the games
    assert calendar.loc["2024-02-12", "holiday_name"].startswith("建国記念の日")  # substitute holiday
    assert calendar.loc["2023-12-29", "is_open"] == 0 and calendar.loc["2024-01-03", "is_open"] == 0
    assert calendar.loc["2024-01-04", "is_after_holiday"] == 1
    assert calendar.loc["2024-10-15", "is_after_holiday"] == 1  # Tuesday after スポーツの日
    assert calendar.loc["2024-10-21", "is_after_holiday"] == 0  # an ordinary Monday
    assert (
        calendar.loc["2024-03-31", "fiscal_year"] == 2023
        and calendar.loc["2024-04-01", "fiscal_year"] == 2024
    )
    weekend = calendar["weekday"].isin(["土", "日"])
    assert calendar.loc[weekend, "is_open"].sum() == 0
    assert calendar.loc[calendar["is_holiday"] == 1, "is_open"].sum() == 0


def test_daily_has_every_opening_day(daily, datasets):
    calendar = pd.read_csv(datasets / "calendar.csv")
    recorded = calendar["fiscal_year"] >= 2023
    opened = calendar[recorded & (calendar["is_open"] == 1)].reset_index(drop=True)
    assert daily["date"].tolist() == opened["date"].tolist()
    assert daily["weekday"].tolist() == opened["weekday"].tolist()
    assert daily["after_holiday"].tolist() == opened["is_after_holiday"].tolist()


def test_total_is_the_sum_of_its_parts(daily, branches):
    assert (daily[PARTS].sum(axis=1) == daily["visits_total"]).all()
    kinds = ["visits_certificate", "visits_seal", "visits_move", "visits_insurance"]
    assert (branches[kinds].sum(axis=1) == branches["visits_total"]).all()
    assert len(branches) == 6 * 36


def test_single_visits_add_up_to_the_daily_table(daily, visits):
    assert visits["date"].nunique() == 24
    assert len(visits) <= 14_000
    counts = visits.groupby(["date", "procedure"]).size().unstack(fill_value=0)
    chosen = daily.set_index("date").loc[counts.index]
    for column, kinds in KINDS.items():
        assert (counts[kinds].sum(axis=1) == chosen[column]).all(), column
    right_clock = [day for day in counts.index if day not in window_visits.SLOW_CLOCKS]
    waits = visits.groupby("date")["wait_min"].agg(["mean", "median"]).round(1)
    assert (waits["mean"][right_clock] - chosen["mean_wait_min"][right_clock]).abs().max() < 1e-9
    assert (waits["median"][right_clock] - chosen["median_wait_min"][right_clock]).abs().max() < 1e-9


def test_times_and_minutes_agree(visits):
    time = {
        name: pd.to_timedelta(visits[name]).dt.total_seconds() / 60
        for name in ("arrive_time", "call_time", "end_time")
    }
    assert ((time["call_time"] - time["arrive_time"]).sub(visits["wait_min"]).abs().dropna() <= 0.0501).all()
    assert ((time["end_time"] - time["call_time"]).sub(visits["service_min"]).abs().dropna() <= 0.0501).all()
    left = visits["walked_away"] == 1
    for column in ("call_time", "end_time", "window_no", "wait_min", "service_min"):
        assert visits.loc[left, column].isna().all() and visits.loc[~left, column].notna().all()


def test_no_window_serves_two_people_at_once(visits):
    served = visits[visits["walked_away"] == 0].copy()
    served = served[~served["date"].isin(window_visits.SLOW_CLOCKS)]
    for name in ("call_time", "end_time"):
        served[name] = pd.to_timedelta(served[name])
    served = served.sort_values(["date", "window_no", "call_time", "end_time"])
    previous_end = served.groupby(["date", "window_no"])["end_time"].shift()
    assert (served["call_time"] >= previous_end)[previous_end.notna()].all()


def test_queue_is_first_come_first_served(visits):
    """People of the certificate queue are called in the order of arrival (days before the new tickets)."""
    queue = visits[visits["procedure"].isin(["証明", "印鑑"]) & (visits["walked_away"] == 0)]
    queue = queue[(queue["date"] < "2025-04-01") & ~queue["date"].isin(window_visits.SLOW_CLOCKS)]
    for _, day in queue.groupby("date"):
        assert day["call_time"].is_monotonic_increasing


def test_leaving_is_not_at_random(visits):
    peak = visits["date"].isin(window_visits.PEAK_DAYS)
    assert visits.loc[peak, "walked_away"].mean() > 0.05
    assert visits.loc[~peak, "walked_away"].mean() < 0.02
    day_wait = visits.groupby("date")["wait_min"].mean()
    day_left = visits.groupby("date")["walked_away"].mean()
    assert day_wait.corr(day_left) > 0.8


def test_negative_waits_come_from_two_clocks(visits):
    negative = visits[visits["wait_min"] < 0]
    assert 5 <= len(negative) <= 60
    places = set(zip(negative["date"], negative["window_no"].astype(int), strict=True))
    assert places == {(day, window) for day, (window, *_) in window_visits.SLOW_CLOCKS.items()}


def test_mean_is_far_above_the_median(daily, visits):
    october = visits[visits["date"].str.startswith("2024-10")]
    assert october["wait_min"].mean() > 2 * october["wait_min"].median()
    assert october["wait_min"].skew() > 1
    assert (daily["mean_wait_min"] > daily["median_wait_min"]).mean() > 0.8


def test_new_ticket_machine_is_a_level_shift_in_counting_only(daily):
    """From 2025-04 the parts that come along with others jump; moves and family registers do not."""
    year = daily["date"].str[:4].astype(int) - (daily["date"].str[5:7] < "04")
    mean = daily.groupby(year)[[*PARTS, "visits_total"]].mean()
    ratio = mean.loc[2025] / mean.loc[2024]
    assert 1.08 < ratio["visits_total"] < 1.22
    for column in ("visits_seal", "visits_mynumber", "visits_insurance"):
        assert ratio[column] > 1.2, column
    for column in ("visits_move", "visits_family"):
        assert 0.9 < ratio[column] < 1.1, column
    assert abs(mean.loc[2024, "visits_total"] / mean.loc[2023, "visits_total"] - 1) < 0.05


def test_more_windows_longer_wait_is_a_trap(daily):
    """Nine windows are open on the busiest days: the plain comparison says they lengthen the wait."""
    year = daily[daily["date"].between("2024-04-01", "2025-03-31")]
    by_windows = year.groupby("windows_open_max")["mean_wait_min"].mean()
    assert by_windows[9] > 2 * by_windows[8]
    alike = year[year["visits_total"].between(280, 340)].groupby("windows_open_max")["mean_wait_min"].mean()
    assert alike[6] > alike[7] > alike[8]  # days with the same number of people: more windows, shorter wait


def test_rain_keeps_people_away(daily):
    quiet = daily[~daily["date"].str[5:7].isin(["03", "04"])]
    assert (
        quiet[quiet["rain_mm"] >= 10]["visits_total"].mean()
        < 0.93 * quiet[quiet["rain_mm"] == 0]["visits_total"].mean()
    )


@pytest.mark.parametrize("column", ["staff_count", "population"])
def test_branch_counts_follow_size(branches, column):
    year = branches[branches["fiscal_year"] == 2024].groupby("branch")[["visits_total", column]].mean()
    assert year["visits_total"].corr(year[column]) > 0.9


def test_smallest_branch_is_used_most_per_head(branches):
    year = (
        branches[branches["fiscal_year"] == 2024]
        .groupby("branch")
        .agg(visits=("visits_total", "sum"), population=("population", "mean"))
    )
    per_head = year["visits"] / year["population"]
    assert year["visits"].idxmin() == "港支所" == per_head.idxmax()
