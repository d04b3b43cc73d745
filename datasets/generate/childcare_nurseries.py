"""``nurseries.csv``: where the nurseries of たから市 stand, and the seats that are open in this round.

Nurseries stand where children live (``population_age``), every district has one. Seats are what remains
after the children who stay move up one age; in the country seats are left, in the built-up districts not.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from . import city, seeds
from .rounding import split_integer

AGES = range(6)  # classes of 0 to 5 years
NURSERIES, SMALL_NURSERIES = 35, 6  # 草津市: about 50, 港区: about 80 facilities [S]; ours smaller [A]

# Share of a nursery's places by age, and how full each age was a year ago [A].
PLACES_BY_AGE = [0.080, 0.139, 0.166, 0.203, 0.206, 0.206]
SMALL_BY_AGE = [0.28, 0.36, 0.36]
FILLED = {"city": [0.99, 1.00, 1.00, 0.99, 0.98], "country": [0.75, 0.88, 0.92, 0.90, 0.88]}
COUNTRY = ("農村", "山間", "港")
EDGE_M = 100  # no nursery on the very edge of the map
STAYS = 0.97  # of the children in a nursery, those who stay for the next year [A]


@cache
def with_quality() -> pd.DataFrame:
    """Return the nurseries with their seats and, hidden, their quality."""
    rng = seeds.generator("childcare/nurseries")
    towns = city.towns()
    children = (towns["population"] * towns["children_pct"]).to_numpy()
    districts = city.DISTRICT_OF_CODE
    in_district = np.array([children[towns["district_code"] == code].sum() for code in districts])
    more_than_one = split_integer(NURSERIES - len(districts), in_district)
    rows = []
    for (code, district), more in zip(districts.items(), more_than_one, strict=True):
        weights = np.where(towns["district_code"] == code, children, 0)
        for index in range(1 + more):
            place = _place(rng, weights, code, [row for row in rows if row["district"] == district.name])
            country = district.setting in COUNTRY
            rows.append({"district": district.name, "country": country, "index": index, **place})
    table = pd.DataFrame(rows)
    table["kind"] = np.where(table["index"] == 0, "公立保育所", "")
    private = table.index[(table["kind"] == "") & ~table["country"]]
    small = rng.permutation(private)[:SMALL_NURSERIES]
    table.loc[small, "kind"] = "小規模保育"
    for turn, row in enumerate(table.index[table["kind"] == ""]):
        table.loc[row, "kind"] = ("私立保育園", "認定こども園", "私立保育園")[turn % 3]
    town = towns.set_index("town_code")["town"]
    suffix = {
        "公立保育所": "保育所",
        "私立保育園": "保育園",
        "認定こども園": "こども園",
        "小規模保育": "小規模保育室",
    }
    table["nursery"] = [
        (row.district if row.kind == "公立保育所" else town[row.town_code]) + suffix[row.kind]
        for row in table.itertuples()
    ]
    second = table["nursery"].duplicated()
    table.loc[second, "nursery"] = "第二" + table.loc[second, "nursery"]
    table["nursery_id"] = [f"N{number:02d}" for number in range(1, NURSERIES + 1)]
    table["quality"] = rng.normal(0, 0.8, NURSERIES) + 0.35 * (table["kind"] == "認定こども園")
    table["linked_nursery"] = _linked(table)
    return pd.concat([table, _places_by_age(rng, table)], axis=1)


def _place(rng: np.random.Generator, weights: np.ndarray, district_code: str, others: list[dict]) -> dict:
    """One place in the district, 500 m from its other nurseries where that can be had."""
    apart_m = 500.0
    while True:
        place = city.scatter(rng, weights, 1).iloc[0]
        apart_m *= 0.97
        distances = [np.hypot(place["x_m"] - row["x_m"], place["y_m"] - row["y_m"]) for row in others]
        inside = (
            EDGE_M < place["x_m"] < city.WIDTH_M - EDGE_M and EDGE_M < place["y_m"] < city.HEIGHT_M - EDGE_M
        )
        here = place["town_code"].startswith(district_code)
        if inside and here and min(distances, default=np.inf) >= apart_m:
            return place.to_dict()


def _linked(table: pd.DataFrame) -> list[str | None]:
    """The nursery that takes the children of a small one at age 3: the nearest that is not small."""
    large = table[table["kind"] != "小規模保育"]
    linked: list[str | None] = []
    for row in table.itertuples():
        distance = np.hypot(large["x_m"] - row.x_m, large["y_m"] - row.y_m)
        linked.append(large.loc[distance.idxmin(), "nursery_id"] if row.kind == "小規模保育" else None)
    return linked


def _places_by_age(rng: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    """Authorised capacity, children who stay, and the seats that are open in this round."""
    rows = []
    for row in table.itertuples():
        if row.kind == "小規模保育":
            capacity, shares = int(rng.integers(15, 20)), SMALL_BY_AGE
        else:
            low, high = (40, 66) if row.country else (85, 136)
            capacity, shares = int(round(rng.integers(low, high) / 5) * 5), PLACES_BY_AGE
        stretch = rng.uniform(0.98, 1.06) if row.country else rng.uniform(1.14, 1.21)
        limit = split_integer(round(capacity * stretch), np.array(shares))
        if row.kind != "小規模保育" and rng.random() < 0.14:
            limit[1], limit[0] = limit[1] + limit[0] // 2, 0  # takes no babies
        filled = FILLED["country" if row.country else "city"]
        stay = [0] + [
            int(rng.binomial(round(limit[age - 1] * filled[age - 1]), STAYS)) for age in range(1, len(limit))
        ]
        seats = [max(0, limit[age] - stay[age]) for age in range(len(limit))] + [0] * (6 - len(limit))
        under_3 = round(capacity * sum(shares[:3]))
        rows.append(
            {
                "capacity_0_2": under_3,
                "capacity_3_5": capacity - under_3,
                "staying": sum(stay),
                **{f"seats_{age}": seats[age] for age in AGES},
            }
        )
    return pd.DataFrame(rows)


def build() -> pd.DataFrame:
    """Return ``nurseries.csv``: one row a nursery."""
    columns = ["nursery_id", "nursery", "kind", "town_code", "x_m", "y_m", "linked_nursery"]
    counts = ["capacity_0_2", "capacity_3_5", "staying", *(f"seats_{age}" for age in AGES)]
    return with_quality()[columns + counts]
