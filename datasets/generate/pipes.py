"""``pipes.csv``: water mains of たから市 on 2021-04-01 and the leaks found in the five fiscal years after.

Rate of leaks = 0.027 per km and year x HR(material, joint) x (age/30)^1.8 x (diameter/100)^-0.4 x soil x
pressure x frailty, scaled so that the mean over the city is 0.027. Frailty is the product of three hidden
gamma factors: of the district, of the town, and of the pipe itself (the pipe's shows in ``past_leaks``).
Leaks are found only where the city listened (``surveyed``); ``instructor/pipes_truth.csv`` has them all.
``sat_score`` is a noisy signal of the leaks in the cell. Traffic, slope and liquefaction have no effect.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from . import city, pipe_network, pipes_ledger, seeds
from .csv_format import to_csv_bytes

LEAKS_PER_KM_YEAR = 0.027  # 19,766 accidents in FY2022 over about 740,000 km [S]
DRAW = 7  # of ten draws of the leaks, one near their mean: age alone 4 of 200 found, a simple model 19
YEARS = 5  # FY2021-2025
PAST_YEARS = 15  # FY2006-2020
PAST_SURFACED = 0.9  # of the earlier leaks, those that came up and were repaired [A]
SOIL_FACTOR = {"低": 1.0, "中": 1.3, "高": 1.8}  # [A]
PRESSURE_REFERENCE_MPA = 0.45
DISTRICT_FRAILTY_VARIANCE = 0.35  # gamma, mean 1 [A]
TOWN_FRAILTY_VARIANCE = 1.2  # gamma, mean 1: contractor, fill, groundwater [A]
SURVEYED_DISTRICTS = ("01", "02", "03", "04", "05", "06", "07", "08", "09")  # by listening, FY2021-2025 [A]

# 豊田市 2022: 249 cells flagged, leaks in 65 of them = precision 0.26 [S]; recall 0.6 [A].
FLAGGED_CELLS = 249
SAT_SIGNAL = 2.23  # mean shift of a cell with a leak, in standard deviations of the noise
SAT_FLAG_AT = 0.8  # the highest of five grades begins here

COLUMNS = [
    "pipe_id", "town_code", "cell_id", "x_m", "y_m", "material", "joint", "diameter_mm", "install_year",
    "length_m", "pressure_mpa", "soil", "traffic", "slope_deg", "liquefaction", "past_leaks", "surveyed",
    "sat_score", "leak_5y",
]  # fmt: skip
DECIMALS = {"pressure_mpa": 2, "sat_score": 4}
TRUTH_DECIMALS = {
    "rate_per_km_year": 5,
    "frailty_district": 3,
    "frailty_town": 3,
    "frailty_pipe": 3,
}


@cache
def simulate() -> pd.DataFrame:
    """Return every column of the two tables."""
    t = pipe_network.network().copy()
    n = len(t)
    t["pipe_id"] = [f"P{number:05d}" for number in seeds.generator("pipes/pipe_id").permutation(n) + 1]
    t["cell_id"] = [f"{c:03d}-{r:03d}" for c, r in zip(t["column"], t["row"], strict=True)]
    t["material"] = t["kind"].map({kind: pair[0] for kind, pair in pipe_network.MATERIAL_JOINT.items()})
    t["joint"] = t["kind"].map({kind: pair[1] for kind, pair in pipe_network.MATERIAL_JOINT.items()})
    district = t["town_code"].str[:2]
    t["surveyed"] = district.isin(SURVEYED_DISTRICTS).astype(int)

    rng = seeds.generator("pipes/frailty")
    t["frailty_district"] = district.map(_gamma_by(rng, list(pipe_network.BUILT), DISTRICT_FRAILTY_VARIANCE))
    t["frailty_town"] = t["town_code"].map(
        _gamma_by(rng, city.towns()["town_code"].tolist(), TOWN_FRAILTY_VARIANCE)
    )
    t["frailty_pipe"] = t["frailty"]

    rng = seeds.generator(f"pipes/leaks/{DRAW}")
    relative = _relative_rate(t, pipe_network.LEDGER_YEAR + YEARS / 2)
    scale = LEAKS_PER_KM_YEAR * t["length_m"].sum() / (relative * t["length_m"]).sum()
    t["rate_per_km_year"] = scale * relative
    leaks = round(LEAKS_PER_KM_YEAR * YEARS * t["length_m"].sum() / 1000)
    expected = (t["rate_per_km_year"] * t["length_m"]).to_numpy()
    t["leaks_true"] = rng.multinomial(leaks, expected / expected.sum())
    t["leak_5y"] = ((t["leaks_true"] > 0) & (t["surveyed"] == 1)).astype(int)

    years_in_use = np.clip(pipe_network.LEDGER_YEAR - t["install_year"], 0, PAST_YEARS)
    before = scale * _relative_rate(t, pipe_network.LEDGER_YEAR - years_in_use / 2)
    t["past_leaks"] = rng.poisson(PAST_SURFACED * before * years_in_use * t["length_m"] / 1000)
    t["sat_score"] = _sat_score(seeds.generator("pipes/satellite"), t)
    return t


def _relative_rate(t: pd.DataFrame, year: float | pd.Series) -> pd.Series:
    """Return the rate of each pipe in ``year``, up to the common scale."""
    rate = pipe_network.hazard(t["kind"].to_numpy(), year - t["install_year"], t["diameter_mm"].to_numpy())
    frailty = t["frailty_district"] * t["frailty_town"] * t["frailty_pipe"]
    return rate * t["soil"].map(SOIL_FACTOR) * t["pressure_mpa"] / PRESSURE_REFERENCE_MPA * frailty


def _gamma_by(rng: np.random.Generator, codes: list[str], variance: float) -> dict[str, float]:
    """Draw one gamma factor with mean 1 for each code."""
    return dict(zip(codes, rng.gamma(1 / variance, variance, len(codes)), strict=True))


def _sat_score(rng: np.random.Generator, t: pd.DataFrame) -> pd.Series:
    """Return the score of each pipe's cell, 0 to 1; exactly ``FLAGGED_CELLS`` cells reach ``SAT_FLAG_AT``."""
    leaky = t.groupby("cell_id")["leaks_true"].sum() > 0
    signal = SAT_SIGNAL * leaky + rng.normal(0, 1, len(leaky))
    highest = np.sort(signal.to_numpy())[::-1]
    border = (highest[FLAGGED_CELLS - 1] + highest[FLAGGED_CELLS]) / 2
    logit = 1.6 * (signal - border) + np.log(SAT_FLAG_AT / (1 - SAT_FLAG_AT))
    return t["cell_id"].map(np.floor(1e4 / (1 + np.exp(-logit))) / 1e4)  # rounded down: 0.79999 is not 0.8


def build() -> pd.DataFrame:
    """Return ``pipes.csv``: one row a pipe, in order of the town and the grid."""
    return simulate()[COLUMNS]


def build_truth() -> pd.DataFrame:
    """Return ``instructor/pipes_truth.csv``: the true leaks and what made them."""
    names = ["pipe_id", "rate_per_km_year", "frailty_district", "frailty_town", "frailty_pipe", "renewed"]
    return simulate()[[*names, "leaks_true"]]


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table, its messy twin of one district, and the truth."""
    table = build()
    return {
        "pipes.csv": to_csv_bytes(table, DECIMALS),
        "messy/pipes_ledger.csv": pipes_ledger.build_messy(table),
        "instructor/pipes_truth.csv": to_csv_bytes(build_truth(), TRUTH_DECIMALS),
    }
