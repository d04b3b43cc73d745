"""``road_reports.csv``: what residents report about roads in たから市, fiscal years 2021 to 2025.

Two steps. First damage: a Poisson number a day, placed by length and age of the roads; about twice as many on
the day after rain, more after nights of frost. Then the report: small damage is reported seldom, large damage
nearly always, and where many residents are old less is reported. In April 2023 the city opened a LINE account
(and renewed its web form): from then on more of the small damage is reported, mostly in young towns, while
the damage itself goes on as before. Some damage is reported again by somebody else, near by and soon.

What is hidden goes to ``instructor/``: which report repeats which, and the damage of every town.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from . import calendar_jp, city, seeds, weather
from .csv_format import to_csv_bytes

FIRST_DAY, LAST_DAY = dt.date(2021, 4, 1), calendar_jp.LAST_DAY
EXTRACTION_DATE = LAST_DAY
LINE_FROM = dt.date(2023, 4, 3)  # the first opening day of the fiscal year

# Damage [A]
DAMAGE_PER_DAY = 3.85
RAIN_MM, RAIN_FACTOR = 5.0, 2.2  # the day after at least so much rain
FROST_FACTOR, FROST_WINDOW_DAYS = 0.07, (5, 45)  # for each night under 0 degrees so many days ago
KIND_SHARE = {  # 横浜市 LINE 2021-05 to 2022-06: 1,539 and 237 of 2,106 [S]; the rest divided by us [A]
    "舗装": 0.731,
    "側溝・ます": 0.113,
    "ガードレール": 0.045,
    "ミラー": 0.040,
    "街路樹": 0.048,
    "その他": 0.023,
}
SEVERITY_SHARE = {"小": 0.62, "中": 0.28, "大": 0.10}
ROAD_KM = 1_150
ROAD_BY_PEOPLE = 0.96  # share of the roads that follows the people; the rest follows the area
ROAD_AGE_YEARS = {"市街地": 34, "住宅地": 31, "新興住宅地": 17, "農村": 33, "山間": 36, "港": 38}
MEAN_ROAD_AGE_YEARS = 31

# Report: chance = 1 - exp(-tendency) [A]
TENDENCY = {"小": 0.24, "中": 0.72, "大": 3.3}
ELDERLY_PCT_MEAN = 25
ELDERLY_LOG_SLOPE = -0.55  # for 10 points more of residents of 65 and over
LINE_TENDENCY = 0.55  # added by LINE and the new form, as a share of the old tendency
LINE_ELDERLY_LOG_SLOPE = -0.80
LAUNCH_FACTOR, LAUNCH_DAYS = 6.0, 25  # leaflets and news in the first weeks
OLD_CHANNELS = {"電話": 0.70, "窓口": 0.12, "フォーム": 0.18}
NEW_CHANNELS = {"LINE": 0.31, "フォーム": 0.69}

# Repeated reports: 12% of all [A], within 30 m and 3 days
REPEATS = {"小": 0.095, "中": 0.14, "大": 0.23}
REPEAT_WITHIN_M, REPEAT_WITHIN_DAYS = 30, 3
REPEAT_OTHER_KIND = 0.06

# Repair: median days by severity and spread of the logarithm [A]; the channel makes no difference
REPAIR_DAYS = {"小": 30, "中": 10, "大": 2}
REPAIR_SIGMA = 0.8


@cache
def _towns() -> pd.DataFrame:
    """Towns with length and age of their roads, and how readily their residents report (1 = city)."""
    table = city.towns().copy()
    districts = city.districts().set_index("district_code")
    members = table.groupby("district_code")["town_code"].transform("size")
    area = table["district_code"].map(districts["area_km2"]) / members
    share = ROAD_BY_PEOPLE * table["population"] / table["population"].sum()
    share += (1 - ROAD_BY_PEOPLE) * area / area.sum()
    table["road_km"] = ROAD_KM * share
    table["road_age_years"] = table["district_code"].map(districts["setting"]).map(ROAD_AGE_YEARS)
    older = (table["elderly_pct"] - ELDERLY_PCT_MEAN) / 10
    table["reach"] = np.exp(ELDERLY_LOG_SLOPE * older)
    table["line_reach"] = np.exp(LINE_ELDERLY_LOG_SLOPE * older)
    return table


@cache
def _damage() -> pd.DataFrame:
    """Return every damage, reported or not: date, place, kind, severity."""
    rng = seeds.generator("road_reports/damage")
    days = weather.build()
    dates = [dt.date.fromisoformat(text) for text in days["date"]]
    rain_before = days["rain_mm"].shift(1, fill_value=0) >= RAIN_MM
    frost = (days["temperature_min_c"] < 0).astype(float)
    near, far = FROST_WINDOW_DAYS
    nights = frost.rolling(far - near, min_periods=1).sum().shift(near, fill_value=0)
    rate = DAMAGE_PER_DAY * np.where(rain_before, RAIN_FACTOR, 1) * (1 + FROST_FACTOR * nights)
    chosen = np.array([FIRST_DAY <= day <= LAST_DAY for day in dates])
    counts = rng.poisson(np.where(chosen, rate, 0))
    table = _towns()
    weights = table["road_km"] * (table["road_age_years"] / MEAN_ROAD_AGE_YEARS) ** 1.5
    places = city.scatter(rng, weights.to_numpy(), int(counts.sum()))
    places.insert(0, "date", np.repeat(np.array(dates, dtype=object), counts))
    places["kind"] = rng.choice(list(KIND_SHARE), size=len(places), p=list(KIND_SHARE.values()))
    places["severity"] = rng.choice(list(SEVERITY_SHARE), size=len(places), p=list(SEVERITY_SHARE.values()))
    return places


@cache
def _reports() -> pd.DataFrame:
    """Return all reports with the hidden columns ``damage`` (row of ``_damage``) and ``repeats``."""
    rng = seeds.generator("road_reports/report")
    damage = _damage()
    towns = _towns().set_index("town_code")
    days_on = np.array([(day - LINE_FROM).days for day in damage["date"]])
    launch = 1 + (LAUNCH_FACTOR - 1) * np.exp(-np.maximum(days_on, 0) / LAUNCH_DAYS)
    tendency = damage["severity"].map(TENDENCY).to_numpy()
    old = tendency * damage["town_code"].map(towns["reach"]).to_numpy()
    new = tendency * LINE_TENDENCY * damage["town_code"].map(towns["line_reach"]).to_numpy() * launch
    new = np.where(days_on >= 0, new, 0)
    reported = rng.random(len(damage)) < 1 - np.exp(-(old + new))
    by_new = rng.random(len(damage)) < new / (old + new)
    rows = []
    for number in np.flatnonzero(reported).tolist():
        first = damage.loc[number].to_dict()
        day = first.pop("date")
        channel = _channel(rng, bool(by_new[number]))
        if channel in ("電話", "窓口"):
            day = calendar_jp.next_open(day)
        first |= {"received": day, "channel": channel, "damage": number, "repeats": False}
        rows.append(first)
        for _ in range(int(rng.poisson(REPEATS[first["severity"]]))):
            rows.append(_repeat(rng, first))
    table = pd.DataFrame(rows)
    table["hour"] = _hours(table)
    table = table[table["received"] <= LAST_DAY].sort_values(["received", "hour"], ignore_index=True)
    table["town_code"] = city.nearest_town(table["x_m"], table["y_m"])
    table["report_id"] = [f"R{number:05d}" for number in range(1, len(table) + 1)]
    return table


def _hours(reports: pd.DataFrame) -> np.ndarray:
    """Time of receipt within the day, 0 to 1: any, but a repeat on the day of the first comes after it.

    The numbers follow it, so that the order of a day does not tell which reports repeat another.
    """
    hour = seeds.generator("road_reports/hour").random(len(reports))
    first = reports.index.to_series().where(~reports["repeats"]).ffill().astype(int).to_numpy()
    same_day = reports["repeats"] & (reports["received"] == reports["received"].to_numpy()[first])
    return np.where(same_day, hour[first] + hour * (1 - hour[first]), hour)


def _channel(rng: np.random.Generator, new: bool) -> str:
    shares = NEW_CHANNELS if new else OLD_CHANNELS
    return str(rng.choice(list(shares), p=list(shares.values())))


def _repeat(rng: np.random.Generator, first: dict) -> dict:
    """Return a second report of the same damage by somebody else: near by, within a few days."""
    day = first["received"] + dt.timedelta(days=int(rng.integers(0, REPEAT_WITHIN_DAYS + 1)))
    channel = _channel(rng, bool(rng.random() < 0.25) and day >= LINE_FROM)
    if channel in ("電話", "窓口") and not calendar_jp.is_open(day):
        channel = "フォーム"
    distance_m = (REPEAT_WITHIN_M - 2) * np.sqrt(rng.random())
    angle = rng.uniform(0, 2 * np.pi)
    kind = str(rng.choice(list(KIND_SHARE))) if rng.random() < REPEAT_OTHER_KIND else first["kind"]
    return first | {
        "received": day,
        "channel": channel,
        "x_m": int(np.clip(round(first["x_m"] + distance_m * np.cos(angle)), 0, city.WIDTH_M)),
        "y_m": int(np.clip(round(first["y_m"] + distance_m * np.sin(angle)), 0, city.HEIGHT_M)),
        "kind": kind,
        "repeats": True,
    }


def _repaired(reports: pd.DataFrame) -> list[str | None]:
    """Day of the repair: one a damage, on an opening day; blank when after the day of extraction."""
    rng = seeds.generator("road_reports/repair")
    firsts = reports[~reports["repeats"]]
    days = np.floor(
        firsts["severity"].map(REPAIR_DAYS) * np.exp(REPAIR_SIGMA * rng.standard_normal(len(firsts)))
    ).astype(int)
    repaired = {
        damage: calendar_jp.next_open(received + dt.timedelta(days=wait))
        for damage, received, wait in zip(firsts["damage"], firsts["received"], days.tolist(), strict=True)
        if received + dt.timedelta(days=wait) <= EXTRACTION_DATE
    }
    dates = []
    for damage, received in zip(reports["damage"], reports["received"], strict=True):
        day = repaired.get(damage)
        if day is not None and day < received:  # reported once more after the repair: only looked at
            day = calendar_jp.next_open(received)
        dates.append(day.isoformat() if day is not None and day <= EXTRACTION_DATE else None)
    return dates


def build() -> pd.DataFrame:
    """Return one row per report, in the order of receipt."""
    reports = _reports()
    return pd.DataFrame(
        {
            "report_id": reports["report_id"],
            "received_date": [day.isoformat() for day in reports["received"]],
            "channel": reports["channel"],
            "x_m": reports["x_m"],
            "y_m": reports["y_m"],
            "town_code": reports["town_code"],
            "kind": reports["kind"],
            "severity": reports["severity"],
            "repaired_date": _repaired(reports),
        }
    )


def truth_reports() -> pd.DataFrame:
    """Return report_id and the report it repeats (blank for the first report of a damage)."""
    reports = _reports()
    first = reports[~reports["repeats"]].set_index("damage")["report_id"]
    repeated = reports["damage"].map(first).where(reports["repeats"], None)
    return pd.DataFrame({"report_id": reports["report_id"], "duplicate_of": repeated})


def truth_damage() -> pd.DataFrame:
    """Return every town's roads and damage before and since LINE, and how much of it was reported."""
    damage = _damage()
    reported = set(_reports()["damage"])
    since = np.array([day >= LINE_FROM for day in damage["date"]])
    known = damage.index.isin(list(reported))
    table = _towns()[["town_code", "road_km", "road_age_years"]].reset_index(drop=True)
    for name, rows in {
        "damage_before_line": ~since,
        "reported_before_line": ~since & known,
        "damage_since_line": since,
        "reported_since_line": since & known,
    }.items():
        counts = damage.loc[rows, "town_code"].value_counts()
        table[name] = table["town_code"].map(counts).fillna(0).astype(int)
    return table


def files() -> dict[str, bytes]:
    """Return path -> bytes of the reports and of what is hidden."""
    return {
        "road_reports.csv": to_csv_bytes(build()),
        "instructor/road_reports_truth.csv": to_csv_bytes(truth_reports()),
        "instructor/road_damage_truth.csv": to_csv_bytes(truth_damage()),
    }
