"""The ground plan of たから市: 12 districts, 60 towns, and how many people live in each.

Every other set stands on this one. Places are metres from the south-west corner of the city; a place
belongs to the town with the nearest centre. Populations come from ``branch_monthly``: on each 1 April the
districts of a branch office add up to the population in that office's row for April. The area of the main
office (本庁) has no row there; its population is set here [A].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from . import branch_monthly, seeds
from .csv_format import to_csv_bytes
from .rounding import split_integer

MAIN_OFFICE = "本庁"
MAIN_OFFICE_POPULATION = {2023: 61_900, 2024: 61_700, 2025: 61_480}  # [A]
YEARS = (2023, 2024, 2025)
WIDTH_M, HEIGHT_M = 12_000, 10_000
STATION_M = (7_050, 4_450)


@dataclass(frozen=True)
class District:
    """One district: its share of the office's population (2023), yearly drift of that share, and its kind."""

    name: str
    branch: str
    share: float
    drift: float
    setting: str
    area_km2: float
    centre_m: tuple[int, int]
    spread_m: int
    towns: tuple[str, ...]


# All names and figures are invented [A]; order = district_code 01 to 12.
DISTRICTS = (
    District("中央", "本庁", 0.40, 0.000, "市街地", 4.6, (5_900, 4_100), 620,
             ("本町", "栄町", "大手町", "宮前町", "元町", "寿町", "幸町")),
    District("駅前", "本庁", 0.34, 0.004, "市街地", 4.1, (7_200, 4_500), 600,
             ("駅前町", "曙町", "末広町", "錦町", "旭町", "新栄町")),
    District("城下", "本庁", 0.26, -0.004, "市街地", 3.8, (4_700, 5_000), 560,
             ("城下町", "堀端町", "鍛冶町", "紺屋町", "馬場町")),
    District("北原", "北支所", 0.61, 0.000, "住宅地", 9.8, (5_500, 7_200), 950,
             ("北原町", "上北原", "下北原", "高田町", "大池町", "松原町")),
    District("桜台", "北支所", 0.39, 0.000, "住宅地", 5.2, (7_600, 7_300), 700,
             ("桜台東", "桜台西", "桜台南", "桜台北")),
    District("東野", "東支所", 1.00, 0.000, "住宅地", 13.5, (9_900, 5_300), 1_100,
             ("東野町", "東田町", "古川町", "新田町", "川端町", "中島町")),
    District("南平", "南支所", 0.60, -0.006, "住宅地", 10.4, (5_000, 2_000), 950,
             ("南平町", "平田町", "柳町", "浜田町", "高砂町", "千鳥町")),
    District("若葉台", "南支所", 0.40, 0.006, "新興住宅地", 5.0, (7_500, 2_500), 620,
             ("若葉台一丁目", "若葉台二丁目", "若葉台三丁目", "若葉台四丁目", "若葉台五丁目")),
    District("西原", "西支所", 1.00, 0.000, "農村", 18.9, (2_300, 4_000), 1_150,
             ("西原町", "西山町", "竹原町", "清水町", "小川町")),
    District("山手", "山手支所", 0.66, 0.004, "農村", 16.2, (2_600, 7_300), 950,
             ("山手町", "谷町", "岩井町", "滝沢町")),
    District("奥沢", "山手支所", 0.34, -0.004, "山間", 22.8, (1_000, 9_100), 800,
             ("奥沢町", "大谷町", "白石町")),
    District("港", "港支所", 1.00, 0.000, "港", 5.7, (9_700, 1_000), 800,
             ("港町", "浜町", "磯部町")),
)  # fmt: skip
DISTRICT_OF_CODE = {f"{number:02d}": district for number, district in enumerate(DISTRICTS, 1)}

# Share of 0-14 and 65+, people per household [A]; the range of 65+ follows 豊田市's districts, and older
# small places are set beyond it on purpose.
AGE_PROFILE = {
    "市街地": (0.112, 0.232, 2.02),
    "住宅地": (0.125, 0.248, 2.28),
    "新興住宅地": (0.192, 0.128, 2.62),
    "農村": (0.096, 0.345, 2.42),
    "山間": (0.062, 0.468, 2.05),
    "港": (0.078, 0.405, 2.12),
}
AGE_GROUPS = [*(f"{age}-{age + 4}" for age in range(0, 85, 5)), "85+"]


def districts() -> pd.DataFrame:
    """Return ``districts.csv``: one row per district, population on 2025-04-01."""
    table = towns().groupby("district_code", as_index=False)[["population", "households"]].sum()
    assert list(table["district_code"]) == list(DISTRICT_OF_CODE)
    table.insert(1, "district", [district.name for district in DISTRICTS])
    table.insert(2, "branch", [district.branch for district in DISTRICTS])
    table.insert(3, "setting", [district.setting for district in DISTRICTS])
    table.insert(4, "area_km2", [district.area_km2 for district in DISTRICTS])
    return table


@cache
def towns() -> pd.DataFrame:
    """Return ``towns.csv``: one row per town with its place, people and a few indicators (2025-04-01)."""
    rng = seeds.generator("city/towns")
    rows = []
    by_age = population_age()
    people = by_age[by_age["year"] == 2025].groupby("district_code")["population"].sum()
    for code, district in DISTRICT_OF_CODE.items():
        children, elderly, per_household = AGE_PROFILE[district.setting]
        places = _places(rng, district)
        weights = rng.dirichlet(np.full(len(district.towns), 14.0))
        populations = split_integer(int(people[code]), weights)
        for index, town in enumerate(district.towns):
            x_m, y_m = places[index]
            station_km = float(np.hypot(x_m - STATION_M[0], y_m - STATION_M[1])) / 1000
            tilt = rng.normal(0, 0.10)  # an older or younger town than its district
            size = per_household * float(np.exp(rng.normal(0, 0.05) - 0.5 * tilt))
            rows.append(
                {
                    "town_code": f"{code}{index + 1:02d}",
                    "town": town,
                    "district_code": code,
                    "x_m": int(x_m),
                    "y_m": int(y_m),
                    "population": populations[index],
                    "households": round(populations[index] / size),
                    "children_pct": 100 * children * float(np.exp(-1.1 * tilt + rng.normal(0, 0.05))),
                    "elderly_pct": 100 * elderly * float(np.exp(tilt + rng.normal(0, 0.03))),
                    "single_household_pct": float(np.clip(rng.normal(92 - 25.5 * size, 3.0), 12, 62)),
                    "detached_house_pct": float(np.clip(rng.normal(38 + 11 * station_km, 6.0), 22, 97)),
                    "cars_per_household": float(
                        np.clip(rng.normal(0.75 + 0.17 * station_km, 0.09), 0.5, 2.3)
                    ),
                    "station_km": station_km,
                }
            )
    table = pd.DataFrame(rows)
    return _match_ages(table, by_age[by_age["year"] == 2025])


def _match_ages(table: pd.DataFrame, by_age: pd.DataFrame) -> pd.DataFrame:
    """Scale the towns' age shares so that each district's mean equals its share in ``population_age``."""
    lower = by_age["age_group"].str.extract(r"(\d+)")[0].astype(int)
    for column, chosen in {"children_pct": lower < 15, "elderly_pct": lower >= 65}.items():
        people = by_age.groupby("district_code")["population"].sum()
        target = 100 * by_age[chosen].groupby("district_code")["population"].sum() / people
        weighted = (table[column] * table["population"]).groupby(table["district_code"]).sum() / people
        table[column] *= table["district_code"].map(target / weighted)
    return table


def _places(rng: np.random.Generator, district: District) -> np.ndarray:
    """Return town centres, shape (n, 2), in metres: not too close together, nearest to the centre first."""
    chosen: list[np.ndarray] = []
    apart_m = 0.75 * district.spread_m
    while len(chosen) < len(district.towns):
        place = np.array(district.centre_m) + rng.normal(0, district.spread_m * 0.8, 2)
        place = np.clip(place, 150, (WIDTH_M - 150, HEIGHT_M - 150)).round(-1)
        if all(np.hypot(*(place - other)) >= apart_m for other in chosen):
            chosen.append(place)
        else:
            apart_m *= 0.98
    return np.array(sorted(chosen, key=lambda place: np.hypot(*(place - np.array(district.centre_m)))))


@cache
def population_age() -> pd.DataFrame:
    """Return ``population_age.csv``: people by district, year (1 April), sex and five-year age group."""
    offices = branch_monthly.build().set_index(["month", "branch"])["population"]
    rows = []
    for year in YEARS:
        for branch in dict.fromkeys(district.branch for district in DISTRICTS):
            total = (
                MAIN_OFFICE_POPULATION[year] if branch == MAIN_OFFICE else int(offices[f"{year}-04", branch])
            )
            members = [district for district in DISTRICTS if district.branch == branch]
            shares = np.array([district.share + district.drift * (year - 2023) for district in members])
            for district, people in zip(members, split_integer(total, shares), strict=True):
                rows += _by_age(district, year, people)
    order = {name: index for index, name in enumerate(AGE_GROUPS)}
    table = pd.DataFrame(rows)
    return table.sort_values(
        ["year", "district_code", "sex", "age_group"],
        key=lambda column: column.map(order) if column.name == "age_group" else column,
        ignore_index=True,
    )


def _by_age(district: District, year: int, people: int) -> list[dict]:
    """Return the rows of one district and year. Shares drift: 65+ up, 0-14 down, a little every year [A]."""
    code = next(code for code, each in DISTRICT_OF_CODE.items() if each is district)
    children, elderly, _ = AGE_PROFILE[district.setting]
    children, elderly = children * 0.985 ** (year - 2025), elderly * 1.012 ** (year - 2025)
    groups = len(AGE_GROUPS)
    lower = np.arange(groups) * 5
    within_children = np.where(lower < 15, 0.94 ** ((10 - lower) / 5), 0)
    # The second baby boom (about 50-54 in 2025) is the widest working-age group; students leave at 18.
    middle = (lower >= 15) & (lower < 65)
    within_middle = np.where(middle, 0.78 + 0.42 * np.exp(-(((lower - 50) / 11) ** 2)), 0)
    within_middle = np.where(lower == 20, within_middle * 0.86, within_middle)
    if district.setting == "新興住宅地":  # young parents
        within_middle = np.where(middle, 0.55 + np.exp(-(((lower - 37) / 8) ** 2)), 0)
    within_elderly = np.where(lower >= 65, np.exp(-(((lower - 73) / 11) ** 2)), 0)
    weights = (
        children * within_children / within_children.sum()
        + (1 - children - elderly) * within_middle / within_middle.sum()
        + elderly * within_elderly / within_elderly.sum()
    )
    women = 0.488 + np.clip((lower - 62) / 100, 0, 0.13)  # more women at high ages
    both = np.concatenate([weights * (1 - women), weights * women])
    rng = seeds.generator(f"city/population_age/{code}")
    both *= np.exp(rng.normal(0, 0.03, len(both)))  # one draw a district: the same bumps every year
    counts = split_integer(people, both)
    return [
        {
            "year": year,
            "district_code": code,
            "sex": sex,
            "age_group": AGE_GROUPS[index],
            "population": counts[index + groups * (sex == "女")],
        }
        for sex in ("男", "女")
        for index in range(groups)
    ]


def nearest_town(x_m: np.ndarray, y_m: np.ndarray) -> np.ndarray:
    """Return the town_code (text) of the nearest town centre for each place; arrays of shape (n,)."""
    table = towns()
    dx = np.asarray(x_m, dtype=float)[:, None] - table["x_m"].to_numpy()[None, :]
    dy = np.asarray(y_m, dtype=float)[:, None] - table["y_m"].to_numpy()[None, :]
    return table["town_code"].to_numpy()[np.argmin(dx**2 + dy**2, axis=1)]


def scatter(rng: np.random.Generator, weights: np.ndarray, n: int) -> pd.DataFrame:
    """Draw ``n`` places: a town by weight, then around its centre. Returns x_m, y_m (int) and town_code.

    Parameters
    ----------
    weights : ndarray, shape (60,)
        Weight of each town in the order of ``towns()`` (population, households, …); need not add to 1.
    """
    table = towns()
    chosen = rng.choice(len(table), size=n, p=np.asarray(weights) / np.sum(weights))
    spread_m = table["district_code"].map(DISTRICT_OF_CODE).map(lambda district: district.spread_m * 0.42)
    spread = spread_m.to_numpy()[chosen]
    x_m = _inside(table["x_m"].to_numpy()[chosen] + rng.normal(0, spread), WIDTH_M)
    y_m = _inside(table["y_m"].to_numpy()[chosen] + rng.normal(0, spread), HEIGHT_M)
    return pd.DataFrame({"x_m": x_m, "y_m": y_m, "town_code": nearest_town(x_m, y_m)})


def _inside(place_m: np.ndarray, size_m: int) -> np.ndarray:
    """Mirror what fell over the border of the city back inside (no row of places on the border); whole m."""
    mirrored = np.where(place_m > size_m, 2 * size_m - place_m, np.abs(place_m))
    return np.clip(mirrored.round(), 0, size_m).astype(int)


def files() -> dict[str, bytes]:
    """Return path -> bytes of the three base tables."""
    return {
        "districts.csv": to_csv_bytes(districts()),
        "towns.csv": to_csv_bytes(towns(), decimals={"cars_per_household": 2, "station_km": 2}),
        "population_age.csv": to_csv_bytes(population_age()),
    }
