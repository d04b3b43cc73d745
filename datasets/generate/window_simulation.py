"""The 市民課 counter of たから市: single visits of three fiscal years, first come first served.

``window_daily`` adds these visits up, ``window_visits`` shows some days of them: one draw, two tables
that agree.

A day's demand, per procedure: base x month x position in the month x weekday x day after a holiday x rain
x gamma noise. Arrivals are a non-homogeneous Poisson process (a Poisson number, then times drawn from the
hour profile). There are two queues: certificates (証明, 印鑑) and notifications (all others). Service
times are lognormal. A person whose wait would exceed their patience leaves. From 2025-04-01 the ticket
machine gives one ticket per procedure instead of one per person.
"""

from __future__ import annotations

import bisect
import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from . import calendar_jp, seeds, weather

FIRST_DAY = dt.date(2023, 4, 1)  # of the records of this counter

PROCEDURES = ["証明", "印鑑", "転入", "転出", "転居", "マイナンバー", "国保", "戸籍届"]
MOVES = ["転入", "転出", "転居"]
CERTIFICATE_QUEUE = {"証明", "印鑑"}

# People per average opening day by main procedure. [A]; the sum is near 綾瀬市's 325 transactions a day [S].
PEOPLE_PER_DAY = {
    "証明": 190.0, "印鑑": 31.0, "転入": 17.0, "転出": 16.5, "転居": 9.0,
    "マイナンバー": 30.0, "国保": 21.5, "戸籍届": 4.8,
}  # fmt: skip

# Month index, January first. Moves: 高松市 2020-25 [T]. The others [A] (課税証明 in June: 福山市, 堺市 [S]).
MONTH_INDEX_MOVE = [0.71, 0.80, 2.90, 1.72, 0.77, 0.75, 0.85, 0.75, 0.73, 0.76, 0.62, 0.63]
MONTH_INDEX_CERTIFICATE = [0.95, 1.01, 1.24, 1.11, 0.96, 1.13, 1.03, 0.95, 0.93, 0.94, 0.88, 0.87]
MONTH_INDEX_INSURANCE = [0.88, 0.88, 1.28, 1.50, 1.02, 0.98, 1.00, 0.90, 0.90, 0.92, 0.86, 0.88]
MONTH_INDEX_MYNUMBER = [0.95, 1.15, 1.35, 1.10, 0.95, 0.95, 0.95, 0.95, 0.92, 0.92, 0.90, 0.91]
MONTH_INDEX_FLAT = [1.0] * 12

WEEKDAY_INDEX = [1.20, 1.00, 0.94, 0.92, 0.99]  # Monday the busiest [S 福山市, 堺市]; values [A]
AFTER_HOLIDAY_INDEX = 1.45  # 綾瀬市's listed days: median 1.67, but picked as busy [S]; value [A]
NOISE_CV = 0.11
CERTIFICATE_TREND_PER_YEAR = 0.98  # convenience-store certificates [A]

# Share of arrivals by hour 8..17, 大船渡市 all weekdays [S]; our office shuts at 17:15, so 18h is left out.
HOUR_SHARE_PCT = {
    8: 4.0,
    9: 13.2,
    10: 16.3,
    11: 12.8,
    12: 8.5,
    13: 12.0,
    14: 12.3,
    15: 10.2,
    16: 7.6,
    17: 2.8,
}
OPEN_S = (8 * 60 + 30) * 60
CLOSE_S = (17 * 60 + 15) * 60

# Median minutes and sigma of the lognormal service time [A].
SERVICE = {
    "証明": (4.0, 0.5), "印鑑": (6.0, 0.5), "転入": (18.0, 0.6), "転出": (9.0, 0.5), "転居": (13.0, 0.5),
    "マイナンバー": (15.0, 0.5), "国保": (11.0, 0.5), "戸籍届": (20.0, 0.6),
}  # fmt: skip

# A person's further procedures on the same visit, with probability [A].
EXTRA_PROCEDURES = {
    "転入": (("マイナンバー", 0.45), ("国保", 0.40), ("証明", 0.15)),
    "転出": (("国保", 0.25), ("印鑑", 0.10)),
    "転居": (("マイナンバー", 0.45), ("国保", 0.25)),
    "国保": (("マイナンバー", 0.12),),
    "戸籍届": (("証明", 0.25), ("国保", 0.15)),
    "証明": (("印鑑", 0.05),),
}
EXTRA_SERVICE_FACTOR = 0.45  # the papers are on the desk already
TICKET_PER_PROCEDURE_FROM = dt.date(2025, 4, 1)

# Cumulative shares of parties of 1, 2, 3 (the rest: 4) people [A]; True = moves.
PARTY_CUMULATIVE = {False: [0.70, 0.91, 0.97], True: [0.46, 0.73, 0.89]}
PATIENCE_MEDIAN_MIN, PATIENCE_SIGMA = 95.0, 0.5
BUSY_DAY_PEOPLE = 400  # from here the office opens all nine windows, at lunch too
LUNCH_S = ((11 * 60 + 30) * 60, (14 * 60 + 30) * 60)  # lunch shifts 11:30-14:30 [S 堺市]


def _position_in_month(day: dt.date, procedure: str) -> float:
    """Weight inside the month: the move season runs from mid-March to early April."""
    if procedure in (*MOVES, "国保", "証明"):
        strength = {"証明": 0.25, "国保": 0.5}.get(procedure, 1.0)
        if day.month == 3:
            weight = 0.72 if day.day < 11 else 0.98 if day.day < 20 else 1.28
            return 1 + strength * (weight - 1)
        if day.month == 4:
            weight = 1.75 if day.day <= 5 else 1.30 if day.day <= 12 else 0.68
            return 1 + strength * (weight - 1)
    return 1.08 if day.day <= 3 or day.day >= 28 else 0.99


def _month_index(procedure: str, month: int) -> float:
    if procedure in MOVES:
        return MONTH_INDEX_MOVE[month - 1]
    table = {
        "証明": MONTH_INDEX_CERTIFICATE,
        "印鑑": MONTH_INDEX_CERTIFICATE,
        "国保": MONTH_INDEX_INSURANCE,
        "マイナンバー": MONTH_INDEX_MYNUMBER,
    }
    return table.get(procedure, MONTH_INDEX_FLAT)[month - 1]


def rain_factor(rain_mm: float) -> float:
    """Return the effect of the day's rain on arrivals [A]."""
    return 0.84 if rain_mm >= 10 else 0.94 if rain_mm >= 1 else 1.0


def opening_days() -> list[dt.date]:
    """Return the opening days of fiscal years 2023 to 2025."""
    days = pd.date_range(FIRST_DAY, calendar_jp.LAST_DAY)
    return [stamp.date() for stamp in days if calendar_jp.is_open(stamp.date())]


def expected_people(day: dt.date, procedure: str, rain_mm: float) -> float:
    """Return the expected number of people for one procedure on one day (before the noise)."""
    value = (
        PEOPLE_PER_DAY[procedure] * _month_index(procedure, day.month) * _position_in_month(day, procedure)
    )
    value *= WEEKDAY_INDEX[day.weekday()] * rain_factor(rain_mm)
    if calendar_jp.is_after_holiday(day):
        value *= AFTER_HOLIDAY_INDEX / WEEKDAY_INDEX[day.weekday()] ** 0.5
    if procedure in CERTIFICATE_QUEUE:
        value *= CERTIFICATE_TREND_PER_YEAR ** (calendar_jp.fiscal_year(day) - 2023)
    return value


def _arrival_seconds(rng: np.random.Generator, n: int) -> np.ndarray:
    hours = np.array(list(HOUR_SHARE_PCT))
    share = np.array(list(HOUR_SHARE_PCT.values()))
    chosen = rng.choice(hours, size=n, p=share / share.sum())
    start = np.maximum(chosen * 3600, OPEN_S)
    end = np.minimum((chosen + 1) * 3600, CLOSE_S)
    return np.floor(start + rng.random(n) * (end - start)).astype(int)


def _staffing(rng: np.random.Generator, expected_total: float) -> dict[str, int]:
    """Return the number of windows of each queue; the office plans more for days it expects to be busy."""
    if expected_total > BUSY_DAY_PEOPLE:
        return {"certificate": 3, "notification": 6}
    notification = 4 if rng.random() < 0.30 else 5  # leave or training
    certificate = 3 if expected_total > 320 or rng.random() < 0.62 else 2
    return {"certificate": certificate, "notification": notification}


class _Window:
    """One window: its number, when it gets free, and whether it shuts for lunch."""

    def __init__(self, number: int, shuts_for_lunch: bool) -> None:
        self.number = number
        self.shuts_for_lunch = shuts_for_lunch
        self.free_s = OPEN_S

    def earliest_start(self, arrive_s: int) -> int:
        start = max(arrive_s, self.free_s)
        if self.shuts_for_lunch and LUNCH_S[0] <= start < LUNCH_S[1]:
            return LUNCH_S[1]
        return start

    def is_open(self, time_s: int) -> bool:
        return not (self.shuts_for_lunch and LUNCH_S[0] <= time_s < LUNCH_S[1])


def _windows(staffing: dict[str, int]) -> dict[str, list[_Window]]:
    """Certificate windows are 1-3, notification 4-9; one of each shuts for lunch, except on busy days."""
    all_hands = sum(staffing.values()) == 9
    certificate = [_Window(i + 1, shuts_for_lunch=i == 2) for i in range(staffing["certificate"])]
    notification = [_Window(i + 4, shuts_for_lunch=i == 3) for i in range(staffing["notification"])]
    for window in [*certificate, *notification]:
        window.shuts_for_lunch &= not all_hands
    return {"certificate": certificate, "notification": notification}


def _service_seconds(rng: np.random.Generator, procedure: str, factor: float = 1.0) -> int:
    median, sigma = SERVICE[procedure]
    return max(30, int(median * 60 * factor * np.exp(sigma * rng.standard_normal())))


def simulate_day(day: dt.date, rain_mm: float) -> list[dict]:
    """Return the tickets of one day in order of arrival: seconds since midnight; ``call_s`` None = left."""
    rng = seeds.generator(f"window_simulation/{day.isoformat()}")
    noise = rng.gamma(1 / NOISE_CV**2, NOISE_CV**2)
    expected = {procedure: expected_people(day, procedure, rain_mm) for procedure in PROCEDURES}
    people = []
    for procedure in PROCEDURES:
        n = int(rng.poisson(expected[procedure] * noise))
        for arrive_s in _arrival_seconds(rng, n).tolist():
            extras = [name for name, share in EXTRA_PROCEDURES.get(procedure, ()) if rng.random() < share]
            people.append((arrive_s, procedure, extras))
    people.sort(key=lambda person: person[0])
    windows = _windows(_staffing(rng, sum(expected.values())))
    everyone = [*windows["certificate"], *windows["notification"]]
    tickets: list[dict] = []
    for arrive_s, procedure, extras in people:
        party = bisect.bisect_right(PARTY_CUMULATIVE[procedure in MOVES], rng.random()) + 1
        patience_s = PATIENCE_MEDIAN_MIN * 60 * np.exp(PATIENCE_SIGMA * rng.standard_normal())
        services = [_service_seconds(rng, procedure)]
        services += [_service_seconds(rng, name, EXTRA_SERVICE_FACTOR) for name in extras]
        queue = windows["certificate" if procedure in CERTIFICATE_QUEUE else "notification"]
        window = min(queue, key=lambda w: (w.earliest_start(arrive_s), w.number))
        start_s = window.earliest_start(arrive_s)
        left = start_s - arrive_s > patience_s
        ticket = {
            "day": day, "party_size": party, "arrive_s": arrive_s,
            "windows_open": sum(w.is_open(arrive_s) for w in everyone),
        }  # fmt: skip
        if not left:
            window.free_s = start_s + sum(services)
        if day < TICKET_PER_PROCEDURE_FROM:
            parts = [(procedure, sum(services))]
        else:
            parts = list(zip([procedure, *extras], services, strict=True))
        call_s = start_s
        for name, service_s in parts:
            timing = {"call_s": None, "end_s": None, "window_no": None}
            if not left:
                timing = {"call_s": call_s, "end_s": call_s + service_s, "window_no": window.number}
                call_s += service_s
            tickets.append({**ticket, "procedure": name, **timing})
    return tickets


@cache
def tickets() -> pd.DataFrame:
    """Return every ticket of the three years, with ``wait_min`` and ``service_min`` (one decimal)."""
    rows: list[dict] = []
    for day, rain_mm in weather.opening_days(FIRST_DAY).itertuples(index=False):
        rows.extend(simulate_day(day, rain_mm))
    table = pd.DataFrame(rows)
    table["wait_min"] = ((table["call_s"] - table["arrive_s"]) / 60).round(1)
    table["service_min"] = ((table["end_s"] - table["call_s"]) / 60).round(1)
    return table
