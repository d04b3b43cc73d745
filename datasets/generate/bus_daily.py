"""``bus_daily.csv``: riders of the city's community buses by day and route, fiscal years 2018 to 2025.

Expected riders = level of the route x trend x weekday or holiday x school term x month x rain x plant closure
x event x COVID-19 x way of counting; a slow random level of each route (AR(1) by week), a common random
factor of the day and a gamma-Poisson (negative binomial) draw are put on top. ``bus_calendar.csv`` holds the
days known in advance (school, plant, events), ``bus_routes.csv`` the routes.

Built into the delivered table: routes were renumbered in October 2021 (old numbers are in use for other
routes), counting by hand became counting by IC card in October 2023, one depot's week is missing, and one
week was delivered twice for three routes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from . import calendar_jp, city, mess, seeds, weather
from .csv_format import to_csv_bytes


@dataclass(frozen=True)
class Route:
    """One route: its number today and before October 2021, its two ends, kind, and weekday level [A]."""

    route_id: str
    old_id: str
    from_district: str
    to_district: str
    kind: str
    level: float


# From the station or the centre to every other district; levels are relative, see RIDERS_PER_LEVEL.
ROUTES = (
    Route("01", "01", "02", "01", "幹線", 520),
    Route("02", "02", "02", "03", "幹線", 360),
    Route("03", "05", "02", "04", "通学", 400),
    Route("04", "04", "02", "05", "通学", 430),
    Route("05", "09", "02", "06", "生活", 300),
    Route("06", "06", "01", "07", "幹線", 350),
    Route("07", "07", "02", "08", "通学", 460),
    Route("08", "11", "01", "09", "生活", 150),
    Route("09", "03", "03", "10", "生活", 120),
    Route("10", "10", "10", "11", "山間", 26),
    Route("11", "08", "08", "12", "生活", 95),
    Route("12", "12", "02", "12", "通勤", 290),
)
RENUMBERED_ON = dt.date(2021, 10, 1)
RIDERS_PER_LEVEL = 0.918  # puts fiscal year 2019 at 6.3 riders a head (豊田市 2.64 million / 420,000) [S]

TREND_PER_YEAR, LATER_TREND_PER_YEAR = 0.037, 0.010  # to FY2019 as FY2018 -> FY2019 in 豊田市 [S]; later [A]
WEEKDAY = [1.02, 1.00, 1.00, 0.99, 1.02]  # Monday to Friday [A]
SATURDAY = {"幹線": 0.74, "通学": 0.52, "生活": 0.64, "山間": 0.60, "通勤": 0.42}  # [A]
SUNDAY = {"幹線": 0.56, "通学": 0.36, "生活": 0.44, "山間": 0.0, "通勤": 0.18}  # all routes: 0.45 [A]
NO_SCHOOL = {"幹線": 0.95, "通学": 0.66, "生活": 0.98, "山間": 0.85, "通勤": 1.0}  # weekdays out of term [A]
NEW_YEAR = 0.55  # 29 December to 3 January, times the level of a Sunday [A]
MONTH = [0.97, 0.99, 1.00, 1.02, 1.01, 1.02, 1.01, 0.97, 1.00, 1.02, 1.01, 0.98]  # January first [A]

# Rain: cyclists take the bus on the way to school and work, shoppers stay at home [A].
WET_DAY = {"幹線": 1.00, "通学": 1.07, "生活": 0.92, "山間": 0.90, "通勤": 1.06}
HEAVY_RAIN_MM, HEAVY_RAIN = 30.0, 0.88
PLANT_CLOSED = {"通勤": 0.10}  # the other routes: PLANT_CLOSED_ELSEWHERE [A]
PLANT_CLOSED_ELSEWHERE = 0.93
EVENTS = {
    "桜まつり": {"02": 1.9, "01": 1.3},
    "港まつり": {"11": 3.2, "12": 2.4},
    "試合": {"04": 1.8},
}  # event -> route today -> factor [A]

# COVID-19: April 2020 -51.2% on the year before, fiscal year 2020 -27.4% (豊田市) [S]. The slow part fades
# with 18 months [A]; the time of the first state of emergency is lower still.
COVID_START = dt.date(2020, 4, 1)
EMERGENCY_END = dt.date(2020, 5, 31)
SLOW_LOSS, RECOVERY_MONTHS = 0.36, 18.0
EMERGENCY = 0.80
MARCH_2020 = 0.92
COVID_BY_KIND = {"幹線": 1.10, "通学": 0.95, "生活": 1.10, "山間": 0.90, "通勤": 0.80}  # [A]

IC_CARD_ON, IC_CARD_COUNT = dt.date(2023, 10, 1), 1.07  # hand counts missed one rider in fifteen [A]
WEEK_PERSISTENCE, WEEK_SD = 0.90, 0.030
DAY_CV, ROUTE_CV = 0.025, 0.060

SUSPENDED = ("10", dt.date(2024, 1, 22), dt.date(2024, 3, 10))  # a landslide: no service at all
MISSING = (("06", "07", "11", "12"), dt.date(2022, 11, 14), dt.date(2022, 11, 20))
COPIED = (("01", "02", "03"), dt.date(2024, 2, 5), dt.date(2024, 2, 11))  # holds the week before

SCHOOL_BREAKS = [((1, 1), (1, 7)), ((3, 25), (4, 6)), ((7, 21), (8, 31)), ((12, 24), (12, 31))]  # [A]
SCHOOL_CLOSURE = (dt.date(2020, 3, 2), dt.date(2020, 5, 31))
NO_EVENTS = (dt.date(2020, 3, 1), dt.date(2020, 6, 30))
NO_FESTIVALS = (2020, 2021, 2022)

MESSY_YEAR, STALE_MONTH = 2023, "2023-08"


def build_routes() -> pd.DataFrame:
    """Return ``bus_routes.csv``: one row per route; ``renumbered_from`` is blank when the number was kept."""
    names = {code: district.name for code, district in city.DISTRICT_OF_CODE.items()}
    return pd.DataFrame(
        {
            "route_id": [route.route_id for route in ROUTES],
            "route": [f"{names[route.from_district]}・{names[route.to_district]}線" for route in ROUTES],
            "from_district_code": [route.from_district for route in ROUTES],
            "to_district_code": [route.to_district for route in ROUTES],
            "kind": [route.kind for route in ROUTES],
            "renumbered_from": [route.old_id if route.old_id != route.route_id else None for route in ROUTES],
        }
    )


@cache
def build_calendar() -> pd.DataFrame:
    """Return ``bus_calendar.csv``: school day, long closure of the plants and event of every day."""
    days = _days()
    return pd.DataFrame(
        {
            "date": [day.isoformat() for day in days],
            "is_school_day": [int(_is_school_day(day)) for day in days],
            "is_plant_closed": [int(_is_plant_closed(day)) for day in days],
            "event": [_event(day) or None for day in days],
        }
    )


def _days() -> list[dt.date]:
    return [stamp.date() for stamp in pd.date_range(calendar_jp.FIRST_DAY, calendar_jp.LAST_DAY)]


def _is_school_day(day: dt.date) -> bool:
    on_break = any(first <= (day.month, day.day) <= last for first, last in SCHOOL_BREAKS)
    closed = SCHOOL_CLOSURE[0] <= day <= SCHOOL_CLOSURE[1]
    return day.weekday() < 5 and not calendar_jp.holiday_name(day) and not on_break and not closed


def _is_plant_closed(day: dt.date) -> bool:
    """Whether the plants by the port are in their spring, summer or winter closure, with joining weekends."""

    def core(day: dt.date) -> bool:
        month_day = (day.month, day.day)
        august = dt.date(day.year, 8, 8)
        saturday = august + dt.timedelta(days=(5 - august.weekday()) % 7)
        return (
            (4, 29) <= month_day <= (5, 5)
            or 0 <= (day - saturday).days <= 8
            or month_day >= (12, 28)
            or month_day <= (1, 4)
        )

    if day.weekday() < 5:
        return core(day)
    friday, monday = day - dt.timedelta(days=day.weekday() - 4), day + dt.timedelta(days=7 - day.weekday())
    return core(day) or core(friday) or core(monday)


def _event(day: dt.date) -> str:
    """The city's two festivals and every second Saturday's match (March to November) [A]."""
    festival = day.year not in NO_FESTIVALS
    if festival and day.month == 4 and day.weekday() in (5, 6) and _nth_saturday(day) == 1:
        return "桜まつり"
    if festival and day.month == 7 and day.weekday() == 5 and day.day >= 25:
        return "港まつり"
    played = 3 <= day.month <= 11 and not NO_EVENTS[0] <= day <= NO_EVENTS[1]
    return "試合" if played and day.weekday() == 5 and _nth_saturday(day) in (2, 4) else ""


def _nth_saturday(day: dt.date) -> int:
    """Which Saturday of its month the Saturday of this weekend is."""
    saturday = day - dt.timedelta(days=day.weekday() - 5)
    return (saturday.day - 1) // 7 + 1 if saturday.month == day.month else 0


@cache
def _true_riders() -> pd.DataFrame:
    """Return counted riders by day (rows) and route of today (columns), before anything went wrong."""
    rng = seeds.generator("bus_daily")
    days = _days()
    known = build_calendar()
    rain = weather.build()["rain_mm"].to_numpy()
    weeks = (len(days) + 6) // 7
    common = rng.gamma(1 / DAY_CV**2, DAY_CV**2, len(days))
    columns = {}
    for route in ROUTES:
        shocks = rng.normal(0, WEEK_SD * (1 - WEEK_PERSISTENCE**2) ** 0.5, weeks)
        slow = np.zeros(weeks)
        for week in range(1, weeks):
            slow[week] = WEEK_PERSISTENCE * slow[week - 1] + shocks[week]
        mean = (
            np.array(
                [
                    _expected(route, day, rain[index], known.iloc[index]) * common[index]
                    for index, day in enumerate(days)
                ]
            )
            * np.repeat(np.exp(slow), 7)[: len(days)]
        )
        columns[route.route_id] = rng.poisson(mean * rng.gamma(1 / ROUTE_CV**2, ROUTE_CV**2, len(days)))
    table = pd.DataFrame(columns, index=pd.Index(days, name="date"))
    route_id, first, last = SUSPENDED
    table.loc[first:last, route_id] = 0
    return table


def _expected(route: Route, day: dt.date, rain_mm: float, known: pd.Series) -> float:
    """Return the expected riders of one route on one day (without the random levels)."""
    kind = route.kind
    years = (day - dt.date(2019, 10, 1)).days / 365.25
    growth = (1 + TREND_PER_YEAR) ** min(years, 0.5) * (1 + LATER_TREND_PER_YEAR) ** max(years - 0.5, 0)
    mean = RIDERS_PER_LEVEL * route.level * growth * MONTH[day.month - 1] * _day_kind(kind, day, known)
    if rain_mm > 0:
        mean *= WET_DAY[kind]
    if rain_mm >= HEAVY_RAIN_MM:
        mean *= HEAVY_RAIN
    if known["is_plant_closed"]:
        mean *= PLANT_CLOSED.get(kind, PLANT_CLOSED_ELSEWHERE)
    mean *= EVENTS.get(known["event"], {}).get(route.route_id, 1.0)
    if day >= IC_CARD_ON:
        mean *= IC_CARD_COUNT
    return mean * _covid(kind, day)


def _day_kind(kind: str, day: dt.date, known: pd.Series) -> float:
    """Level of the day of the week; holidays are Sundays, except for the plants, which work on them."""
    works_on_holidays = kind == "通勤"
    if day.weekday() == 6 or (calendar_jp.holiday_name(day) and not works_on_holidays):
        level = SUNDAY[kind]
    elif day.weekday() == 5:
        level = SATURDAY[kind]
    else:
        level = WEEKDAY[day.weekday()] * (1.0 if known["is_school_day"] else NO_SCHOOL[kind])
    return level * (NEW_YEAR if (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3) else 1.0)


def _covid(kind: str, day: dt.date) -> float:
    if day < COVID_START:
        return MARCH_2020 if (day.year, day.month) == (2020, 3) else 1.0
    months = (day - COVID_START).days / 30.44
    slow = 1 - SLOW_LOSS * COVID_BY_KIND[kind] * float(np.exp(-months / RECOVERY_MONTHS))
    return slow * (EMERGENCY if day <= EMERGENCY_END else 1.0)


def _long(wide: pd.DataFrame) -> pd.DataFrame:
    """Return one row per day and number in use on that day."""
    table = wide.reset_index().melt("date", var_name="route", value_name="riders")
    old = {route.route_id: route.old_id for route in ROUTES}
    table["route_id"] = table["route"].where(table["date"] >= RENUMBERED_ON, table["route"].map(old))
    return table.sort_values(["date", "route_id"], ignore_index=True)


def build() -> pd.DataFrame:
    """Return ``bus_daily.csv``: what the office has."""
    wide = _true_riders().copy()
    routes, first, last = COPIED
    week = dt.timedelta(days=7)
    wide.loc[first:last, list(routes)] = wide.loc[first - week : last - week, list(routes)].to_numpy()
    table = _long(wide)
    routes, first, last = MISSING
    table = table[~(table["route"].isin(routes) & table["date"].between(first, last))]
    return _tidy(table)


def build_truth() -> pd.DataFrame:
    """Return the right numbers of the missing and of the copied week."""
    table = _long(_true_riders())
    chosen = [
        table["route"].isin(routes) & table["date"].between(first, last)
        for routes, first, last in (MISSING, COPIED)
    ]
    return _tidy(table[chosen[0] | chosen[1]])


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(date=[day.isoformat() for day in table["date"]])
    return table[["date", "route_id", "riders"]].reset_index(drop=True)


def monthly(table: pd.DataFrame, fiscal_year: int) -> pd.DataFrame:
    """Return riders by route_id (rows) and month (columns, YYYY-MM) of one fiscal year."""
    year = table[table["date"].between(f"{fiscal_year}-04-01", f"{fiscal_year + 1}-03-31")]
    return year.pivot_table(
        index="route_id", columns=year["date"].str[:7], values="riders", aggfunc="sum"
    ).rename_axis(columns="month")


def build_messy(table: pd.DataFrame) -> bytes:
    """Return fiscal year 2023 as the office's monthly report: routes down, months across.

    The yearly sums are right. The column of August holds the year before (a cell range left from the
    template).
    """
    rng = seeds.generator("bus_daily/messy")
    right = monthly(table, MESSY_YEAR)
    shown = right.copy()
    shown[STALE_MONTH] = monthly(table, MESSY_YEAR - 1)[f"{MESSY_YEAR - 1}-08"]
    names = build_routes().set_index("route_id")["route"]
    width = 2 + len(shown.columns) + 1
    months = [int(month[5:]) for month in shown.columns]
    lines = [
        ["令和５年度　市内バス　系統別　月別利用者数（月報）", *[""] * (width - 1)],
        [*[""] * (width - 1), "（単位：人）"],
        ["系統", "路線名", "令和５年", *[""] * 8, "令和６年", "", "", "年度計"],
        ["", "", *[mess.to_full_width(f"{month}月") if month < 10 else f"{month}月" for month in months], ""],
    ]
    for route_id in shown.index:
        cells = [mess.messy_count(rng, int(value)) for value in shown.loc[route_id]]
        total = f"{int(right.loc[route_id].sum()):,} "
        lines.append([str(int(route_id)), _spelling(names[route_id]), *cells, total])
        if route_id == "06":
            lines.append(_sum_line("小計（1～6）", shown.loc[:"06"], right.loc[:"06"]))
    lines += [
        _sum_line("小計（7～12）", shown.loc["07":], right.loc["07":]),
        _sum_line("合　計", shown, right),
        ["注１　「－」は運休。", *[""] * (width - 1)],
        ["注２　令和5年10月からICカードによる集計。", *[""] * (width - 1)],
        ["注３　架空の市の合成データです（たから市、CC BY 4.0）。", *[""] * (width - 1)],
    ]
    return mess.to_cp932_csv(lines)


def _sum_line(label: str, shown: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    return [label, "", *[f"{int(value):,} " for value in shown.sum()], f"{int(right.sum().sum()):,} "]


def _spelling(name: str) -> str:
    """Names as typed: one with the other dot, one with a full-width blank, one with a trailing blank."""
    return {
        "駅前・桜台線": "駅前･桜台線",
        "駅前・東野線": "駅前・東野　線",
        "中央・西原線": "中央・西原線 ",
    }.get(name, name)


def files() -> dict[str, bytes]:
    """Return path -> bytes of the three tables, the messy report and the instructor's truth."""
    table = build()
    return {
        "bus_routes.csv": to_csv_bytes(build_routes()),
        "bus_calendar.csv": to_csv_bytes(build_calendar()),
        "bus_daily.csv": to_csv_bytes(table),
        "messy/bus_monthly_r5.csv": build_messy(table),
        "instructor/bus_daily_truth.csv": to_csv_bytes(build_truth()),
    }
