"""The water mains of たから市: where they lie, when they were laid, of what, and which were renewed.

A 100 m grid covers the city. Cells with houses get mains, about in proportion to the square root of the
houses; trunk mains join the towns (minimum spanning tree). Each district was built over its own years. From
1985 on, every year a quota of the length is renewed, first of all where pipes are old, weak and already in
bad condition: the bad ones among the old are gone before the data begin (survivor bias).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from . import city, seeds

CELL_M = 100
TOTAL_KM = 900.0  # 150,000 people x 6 m a head: 740,000 km for 124 million people [S 全国の管路延長]
LEDGER_YEAR = 2021  # the ledger is of 2021-04-01
SERVED_CELLS = 7_000  # about 125 m of mains a cell [A]
TRUNK_M, LONGEST_M = 92.0, 240.0  # in one cell; a bent street with its branches reaches the longest [A]


@dataclass(frozen=True)
class Era:
    """What was laid until ``last_year``: kind -> share, for small mains and for 200 mm and more."""

    last_year: int
    small: dict[str, float]
    large: dict[str, float]


# Which material in which years [A]: the order is that of the trade's history, the shares are invented.
ERAS = (
    Era(1964, {"石綿管": 0.16, "普通鋳鉄": 0.52, "鋼管": 0.14, "塩ビTS": 0.18},
        {"普通鋳鉄": 0.80, "鋼管": 0.20}),
    Era(1974, {"石綿管": 0.07, "普通鋳鉄": 0.12, "鋼管": 0.08, "塩ビTS": 0.46, "ダクタイルK": 0.27},
        {"普通鋳鉄": 0.25, "鋼管": 0.10, "ダクタイルK": 0.65}),
    Era(1984, {"鋼管": 0.05, "塩ビTS": 0.48, "ダクタイルK": 0.47}, {"鋼管": 0.05, "ダクタイルK": 0.95}),
    Era(1997, {"鋼管": 0.03, "塩ビTS": 0.12, "塩ビRR": 0.33, "ダクタイルK": 0.52},
        {"鋼管": 0.03, "ダクタイルK": 0.97}),
    Era(2009, {"塩ビRR": 0.20, "ダクタイルK": 0.38, "ダクタイルNS": 0.28, "ポリエチレン": 0.14},
        {"ダクタイルK": 0.35, "ダクタイルNS": 0.65}),
    Era(LEDGER_YEAR, {"塩ビRR": 0.06, "ダクタイルGX": 0.50, "ポリエチレン": 0.44}, {"ダクタイルGX": 1.0}),
)  # fmt: skip
MATERIAL_JOINT = {
    "石綿管": ("石綿管", "カラー"),
    "普通鋳鉄": ("普通鋳鉄", "印ろう"),
    "鋼管": ("鋼管", "溶接"),
    "塩ビTS": ("塩ビ", "TS"),
    "塩ビRR": ("塩ビ", "RR"),
    "ダクタイルK": ("ダクタイル", "K"),
    "ダクタイルNS": ("ダクタイル", "NS"),
    "ダクタイルGX": ("ダクタイル", "GX"),
    "ポリエチレン": ("ポリエチレン", "EF"),
}
# Relative hazard, ダクタイル K = 1 [A]; 塩ビRR lies between TS and K.
HAZARD_RATIO = {
    "石綿管": 6.0, "普通鋳鉄": 5.0, "鋼管": 3.0, "塩ビTS": 2.5, "塩ビRR": 1.2, "ダクタイルK": 1.0,
    "ダクタイルNS": 0.15, "ダクタイルGX": 0.15, "ポリエチレン": 0.3,
}  # fmt: skip
AGE_POWER, DIAMETER_POWER = 1.8, -0.4  # [A]

# District code -> first, most frequent and last year of the first mains, and weight in renewal [A].
BUILT = {
    "01": (1950, 1963, 1990, 1.5),
    "02": (1953, 1968, 1997, 1.5),
    "03": (1950, 1964, 1990, 1.2),
    "04": (1960, 1979, 2015, 1.0),
    "05": (1971, 1975, 1983, 1.0),
    "06": (1960, 1980, 2018, 1.0),
    "07": (1958, 1978, 2010, 1.0),
    "08": (1994, 1999, 2007, 1.0),
    "09": (1964, 1984, 2009, 0.8),
    "10": (1964, 1982, 2004, 0.6),
    "11": (1960, 1976, 1994, 0.4),
    "12": (1952, 1968, 1988, 0.4),
}
# Yearly renewal: 0.64-0.65% of the length in recent years [S]; more before, about 1.5% around 2000 [A].
RENEWAL = ((1985, 1999, 0.017), (2000, 2010, 0.011), (2011, 2020, 0.0065))
RENEWAL_MIN_AGE = 15
RENEWAL_SEES_FRAILTY, RENEWAL_BY_RISK = 0.4, 0.5  # powers: the office knows a part of the condition [A]
PIPE_FRAILTY_VARIANCE = 2.5  # gamma, mean 1: bedding, damage when laid, … [A]

SMALL_DIAMETERS = ([50, 75, 100, 150], [0.12, 0.30, 0.38, 0.20])
TRUNK_DIAMETERS = ([200, 250, 300, 400, 500, 600], [0.30, 0.16, 0.28, 0.16, 0.06, 0.04])


@cache
def network() -> pd.DataFrame:
    """Return the mains in use on 2021-04-01, with hidden ``frailty`` and ``renewed`` (replaced another)."""
    pipes = _places(seeds.generator("pipes/places"))
    pipes = _surroundings(seeds.generator("pipes/surroundings"), pipes)
    return _history(seeds.generator("pipes/history"), pipes)


def hazard(kind: np.ndarray, age: np.ndarray, diameter_mm: np.ndarray) -> np.ndarray:
    """Return the relative rate HR(kind) x (age/30)^1.8 x (diameter/100)^-0.4; arrays of shape (n,)."""
    ratio = pd.Series(kind).map(HAZARD_RATIO).to_numpy()
    age = np.maximum(np.asarray(age, dtype=float), 0.5)
    return ratio * (age / 30) ** AGE_POWER * (np.asarray(diameter_mm) / 100) ** DIAMETER_POWER


def _places(rng: np.random.Generator) -> pd.DataFrame:
    """Lay pipes in cells: a pipe never leaves its cell. Lengths add up to ``TOTAL_KM``."""
    columns, rows = city.WIDTH_M // CELL_M, city.HEIGHT_M // CELL_M
    column, row = (part.ravel() for part in np.meshgrid(np.arange(columns), np.arange(rows)))
    houses = _houses((column + 0.5) * CELL_M, (row + 0.5) * CELL_M) * np.exp(rng.normal(0, 0.5, len(column)))
    served = np.sort(np.argsort(-houses, kind="stable")[:SERVED_CELLS])
    metres = 45 + 34 * np.sqrt(houses[served])
    count = np.clip(np.round(metres / 105), 1, 4).astype(int)
    small = pd.DataFrame(
        {
            "column": np.repeat(column[served], count),
            "row": np.repeat(row[served], count),
            "houses": np.repeat(houses[served], count),
            "length_m": np.repeat(metres / count, count),
            "trunk": False,
        }
    )
    small["length_m"] *= np.exp(rng.normal(0, 0.45, len(small)))
    trunk = _trunk_cells().assign(trunk=True)
    trunk["houses"] = houses[(trunk["row"] * columns + trunk["column"]).to_numpy()]
    trunk["length_m"] = TRUNK_M * np.exp(rng.normal(0, 0.12, len(trunk)))
    rest_km = TOTAL_KM - trunk["length_m"].sum() / 1000
    small["length_m"] *= rest_km / (small["length_m"].sum() / 1000)
    pipes = pd.concat([small, trunk], ignore_index=True)
    length = pipes["length_m"]
    pipes["length_m"] = length.where(length <= LONGEST_M, 2 * LONGEST_M - length).clip(lower=6).round(1)
    pipes["x_m"] = pipes["column"] * CELL_M + rng.integers(5, 96, len(pipes))
    pipes["y_m"] = pipes["row"] * CELL_M + rng.integers(5, 96, len(pipes))
    pipes["town_code"] = city.nearest_town(pipes["x_m"], pipes["y_m"])
    return pipes.sort_values(["town_code", "row", "column", "x_m", "y_m"], ignore_index=True)


def _houses(x_m: np.ndarray, y_m: np.ndarray) -> np.ndarray:
    """Return households a cell: each town spread around its centre."""
    total = np.zeros(len(x_m))
    for town in city.towns().itertuples():
        spread = city.DISTRICT_OF_CODE[town.district_code].spread_m * 0.55
        distance2 = (x_m - town.x_m) ** 2 + (y_m - town.y_m) ** 2
        density = np.exp(-distance2 / (2 * spread**2)) / (2 * np.pi * spread**2)
        total += town.households * density * CELL_M**2
    return total


def _trunk_cells() -> pd.DataFrame:
    """Return the cells under the minimum spanning tree of the town centres."""
    places = city.towns()[["x_m", "y_m"]].to_numpy(dtype=float)
    joined, lines = [0], []
    while len(joined) < len(places):
        rest = [index for index in range(len(places)) if index not in joined]
        apart = np.hypot(*(places[joined][:, None] - places[rest][None, :]).transpose(2, 0, 1))
        one, other = np.unravel_index(np.argmin(apart), apart.shape)
        lines.append((places[joined[one]], places[rest[other]]))
        joined.append(rest[other])
    cells = set()
    for start, end in lines:
        steps = int(np.hypot(*(end - start)) / (CELL_M / 4)) + 1
        points = start + np.linspace(0, 1, steps)[:, None] * (end - start)
        cells |= {(int(x), int(y)) for x, y in points // CELL_M}
    return pd.DataFrame(sorted(cells), columns=["column", "row"])


def _surroundings(rng: np.random.Generator, pipes: pd.DataFrame) -> pd.DataFrame:
    """Ground, traffic and pressure: the land rises from the port in the south-east to the north-west."""
    n = len(pipes)
    height = (1 - pipes["x_m"] / city.WIDTH_M + pipes["y_m"] / city.HEIGHT_M).to_numpy() / 2
    by_town = dict(zip(city.towns()["town_code"], rng.normal(0, 1, len(city.towns())), strict=True))
    local = pipes["town_code"].map(by_town).to_numpy()
    corrosive = 0.55 - 0.6 * height + 0.13 * local + rng.normal(0, 0.08, n)
    soft = 0.55 - height + 0.05 * local + rng.normal(0, 0.07, n)
    busy = (
        np.sqrt(pipes["houses"].to_numpy()) / 3.2 + 0.7 * pipes["trunk"].to_numpy() + rng.normal(0, 0.35, n)
    )
    return pipes.assign(
        soil=np.select([corrosive > 0.48, corrosive > 0.28], ["高", "中"], "低"),
        liquefaction=np.select([soft > 0.22, soft > 0.05], ["高", "中"], "低"),
        slope_deg=np.clip(0.6 + 26 * np.maximum(height - 0.52, 0) + rng.gamma(1.2, 0.7, n), 0, 25),
        traffic=np.select([busy > 1.6, busy > 0.9], ["重", "中"], "軽"),
        pressure_mpa=np.clip(0.56 - 0.30 * height + 0.06 * local + rng.normal(0, 0.03, n), 0.15, 0.74),
        diameter_mm=np.where(
            pipes["trunk"],
            rng.choice(TRUNK_DIAMETERS[0], n, p=TRUNK_DIAMETERS[1]),
            rng.choice(SMALL_DIAMETERS[0], n, p=SMALL_DIAMETERS[1]),
        ),
    )


def _history(rng: np.random.Generator, pipes: pd.DataFrame) -> pd.DataFrame:
    """Lay the first pipes, then renew year by year."""
    n = len(pipes)
    district = pipes["town_code"].str[:2]
    year = _first_years(rng, pipes)
    kind = _kinds(rng, year, pipes["diameter_mm"].to_numpy())
    frailty = _frailty(rng, n)
    eagerness = district.map({code: built[3] for code, built in BUILT.items()}).to_numpy()
    length = pipes["length_m"].to_numpy()
    renewed = np.zeros(n, dtype=int)
    for first, last, share in RENEWAL:
        for now in range(first, last + 1):
            known = frailty**RENEWAL_SEES_FRAILTY * hazard(kind, now - year, pipes["diameter_mm"])
            weight = eagerness * known**RENEWAL_BY_RISK
            weight = np.where(now - year >= RENEWAL_MIN_AGE, weight, 1e-12)
            order = np.argsort(rng.exponential(size=n) / weight, kind="stable")
            chosen = order[np.cumsum(length[order]) <= share * length.sum()]
            chosen = chosen[weight[chosen] > 1e-9]
            year[chosen], renewed[chosen] = now, 1
            kind[chosen] = _kinds(rng, year[chosen], pipes["diameter_mm"].to_numpy()[chosen])
            frailty[chosen] = _frailty(rng, len(chosen))
    return pipes.assign(install_year=year, kind=kind, frailty=frailty, renewed=renewed)


def _first_years(rng: np.random.Generator, pipes: pd.DataFrame) -> np.ndarray:
    """Return the year of the first pipe: by district (triangular), town centres first, cells at one time."""
    towns = city.towns().set_index("town_code").loc[pipes["town_code"]]
    distance = np.hypot(pipes["x_m"] - towns["x_m"].to_numpy(), pipes["y_m"] - towns["y_m"].to_numpy())
    cell = pipes["column"] * 1_000 + pipes["row"]
    numbers = np.unique(cell)
    by_cell = pd.Series(rng.normal(0, 1, len(numbers)), index=numbers)
    late = distance / 450 + cell.map(by_cell) + rng.normal(0, 0.35, len(pipes))
    district = pipes["town_code"].str[:2]
    quantile = (late.groupby(district).rank(method="first") - 0.5) / district.map(district.value_counts())
    year = np.empty(len(pipes))
    for code, (first, peak, last, _) in BUILT.items():
        here = (district == code).to_numpy()
        u, bend = quantile[here].to_numpy(), (peak - first) / (last - first)
        rising = first + np.sqrt(u * (last - first) * (peak - first))
        falling = last - np.sqrt((1 - u) * (last - first) * (last - peak))
        year[here] = np.where(u < bend, rising, falling)
    return np.floor(year).astype(int)


def _kinds(rng: np.random.Generator, year: np.ndarray, diameter_mm: np.ndarray) -> np.ndarray:
    """Draw material and joint from what was laid in those years."""
    kinds = np.empty(len(year), dtype=object)
    era = np.searchsorted([era.last_year for era in ERAS], year)
    for index, shares in enumerate(ERAS):
        for large, table in ((False, shares.small), (True, shares.large)):
            here = np.flatnonzero((era == index) & ((diameter_mm >= 200) == large))
            kinds[here] = rng.choice(list(table), size=len(here), p=list(table.values()))
    return kinds


def _frailty(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.gamma(1 / PIPE_FRAILTY_VARIANCE, PIPE_FRAILTY_VARIANCE, n)
