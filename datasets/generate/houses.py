"""Detached houses of たから市, their water readings, and the vacancy survey of autumn 2025.

A house has an age and an owner; both, its town and its district decide how likely it stands empty. The water
meter, read every two months, and the residents' register show traces of that state. Seven of twelve districts
were surveyed from the street; the survey wrote the lots (所在地) in its own way, so that the two tables join
only after the spelling has been brought into line.

Mechanisms that the lessons use (each one is checked in tests/datasets/test_houses_facts.py):

- Most vacant houses use 0 or 1 m3, some leak; recently vacated houses still look lived in.
- After the survey the city wrote to the owners of houses judged vacant, and many had the tap closed: the
  readings after the survey know the answer (leakage), and only in the surveyed districts.
- Second homes use water in summer and at the new year; the survey calls most of them vacant.
- Every ninth lot in the survey cannot be matched even after that, for a few kinds of reasons.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from . import calendar_jp, city, mess, seeds
from .csv_format import to_csv_bytes
from .logistic import logistic

HOUSES = 20_000  # with water meter, drawn by lot from the city's detached houses [A]
SURVEY_FIRST, SURVEY_LAST = dt.date(2025, 9, 1), dt.date(2025, 10, 24)
# Vacant share by district, "nobody usually lives there" (second homes and for rent or sale included) [A]:
# prefectures range from 9.3% to 21.2%, the country has 13.8% (住宅・土地統計調査 2023) [S].
VACANT_SHARE = {
    "01": 0.118, "02": 0.102, "03": 0.148, "04": 0.122, "05": 0.092, "06": 0.118,
    "07": 0.140, "08": 0.042, "09": 0.178, "10": 0.192, "11": 0.195, "12": 0.215,
}  # fmt: skip
SURVEYED = ("01", "03", "04", "07", "08", "09", "10")  # [A] districts whose residents' associations agreed
# Of the vacant: second homes, then no purpose, by setting; the rest is for rent or sale [A].
# Over the city no purpose is about 5.9% of all houses [S 住宅・土地統計調査 2023].
SECOND_HOME_SHARE = {"山間": 0.26, "港": 0.18, "農村": 0.09}
SECOND_HOME_ELSEWHERE = 0.04
NO_PURPOSE_SHARE = {
    "市街地": 0.32,
    "住宅地": 0.36,
    "新興住宅地": 0.24,
    "農村": 0.53,
    "山間": 0.58,
    "港": 0.53,
}
# Middle build year and spread by setting [A].
BUILD_YEAR = {"市街地": (1986, 16), "住宅地": (1990, 13), "新興住宅地": (2006, 8), "農村": (1981, 16),
              "山間": (1973, 14), "港": (1975, 15)}  # fmt: skip
OWNER_AGE_BANDS = ["40歳未満", "40代", "50代", "60代", "70代", "80代以上", "不明"]
OWNER_AGE_EFFECT = np.array([-0.9, -0.7, -0.4, 0.0, 0.4, 1.1, 1.4])  # on the log odds of standing empty [A]
LEAK_SHARE = 0.08  # of vacant houses [A]
AWAY_SHARE = 0.02  # lived in, but somebody in hospital or away for long [A]
CLOSED_AFTER_SURVEY = 0.75  # taps closed after the city's letter [A]
NO_REGISTER = {"居住": 0.012, "目的なし": 0.66, "賃貸・売却用": 0.86, "二次的住宅": 0.90}  # [A]
READINGS = [
    "water_2024_10",
    "water_2024_12",
    "water_2025_02",
    "water_2025_04",
    "water_2025_06",
    "water_2025_08",
]
READINGS_AFTER = ["water_after_2025_10", "water_after_2025_12"]
# Shares of how the survey wrote a lot; 旧番地 to 書き間違い cannot be matched by spelling [A].
TEXT_KINDS = {
    "台帳と同じ": 0.652, "全角": 0.045, "ハイフン": 0.085, "漢数字": 0.03, "空白": 0.025, "市名つき": 0.025,
    "全角とハイフン": 0.025, "旧番地": 0.052, "途中まで": 0.036, "書き間違い": 0.025,
}  # fmt: skip
SURVEY_TEXTS = ("survey_no", "survey_date", "lot_text", "text_kind")
NOT_IN_LEDGER_SHARE = 0.014  # surveyed houses that have no water meter [A]
SEEN_VACANT = {"居住": 0.005, "目的なし": 0.975, "賃貸・売却用": 0.975, "二次的住宅": 0.65}  # [A]
HYPHENS = "-－−ー‐"
KANJI_DIGITS = "〇一二三四五六七八九"


@cache
def simulate() -> pd.DataFrame:
    """Return one row a house with every column, the hidden ones and those of the survey included."""
    rng = seeds.generator("houses")
    towns = city.towns()
    weights = (towns["households"] * towns["detached_house_pct"]).to_numpy()
    extra = int(HOUSES * 0.6 * NOT_IN_LEDGER_SHARE)
    t = city.scatter(rng, weights, HOUSES + extra)
    t["district_code"] = t["town_code"].str[:2]
    t["setting"] = [city.DISTRICT_OF_CODE[code].setting for code in t["district_code"]]
    n = len(t)

    middle, spread = (t["setting"].map({k: v[i] for k, v in BUILD_YEAR.items()}).to_numpy() for i in (0, 1))
    t["build_year"] = np.clip(np.round(rng.normal(middle, spread)), 1935, 2024).astype(int)
    owner_age = 38 + 0.62 * (2025 - t["build_year"].to_numpy()) + rng.normal(0, 12, n)
    band = np.digitize(owner_age, [40, 50, 60, 70, 80])
    band = np.where(rng.random(n) < 0.03 + 0.04 * (t["build_year"] < 1975), 6, band)
    t["owner_age_band"] = np.array(OWNER_AGE_BANDS)[band]

    t["state"] = _states(rng, t, band)
    t["months_empty"] = _months_empty(rng, t["state"].to_numpy())
    t["years_since_last_move"] = _years_since_last_move(rng, t, band)
    t["lot"] = _lots(seeds.generator("houses/lot"), t)
    in_ledger = np.ones(n, dtype=bool)
    surveyed = t["district_code"].isin(SURVEYED).to_numpy()
    in_ledger[rng.choice(np.flatnonzero(surveyed), extra, replace=False)] = False
    t["in_ledger"] = in_ledger
    # Blank, not the text "nan", where nothing follows: pandas 2 makes text of a column that begins in parts.
    for name in ("house_id", *SURVEY_TEXTS):
        t[name] = pd.Series(None, index=t.index, dtype=object)
    numbers = seeds.generator("houses/house_id").permutation(HOUSES) + 1
    t.loc[in_ledger, "house_id"] = [f"H{number:05d}" for number in numbers]
    t = _survey(seeds.generator("houses/survey"), t)
    return _water(seeds.generator("houses/water"), t)


def _states(rng: np.random.Generator, t: pd.DataFrame, band: np.ndarray) -> np.ndarray:
    """State of every house; each district's level is set so that its expected vacant share is as given."""
    towns = city.towns()["town_code"]
    town_effect = t["town_code"].map(dict(zip(towns, rng.normal(0, 0.25, len(towns)), strict=True)))
    decades = (1990 - t["build_year"].to_numpy()) / 10
    odds = 0.30 * decades + 0.35 * (t["build_year"] < 1981) + OWNER_AGE_EFFECT[band] + town_effect
    share = np.zeros(len(t))
    for code, target in VACANT_SHARE.items():
        rows = (t["district_code"] == code).to_numpy()
        low, high = -10.0, 5.0
        for _ in range(50):
            level = (low + high) / 2
            too_many = logistic(odds[rows] + level).mean() > target
            low, high = (low, level) if too_many else (level, high)
        share[rows] = logistic(odds[rows] + level)
    vacant = rng.random(len(t)) < share
    second = t["setting"].map(SECOND_HOME_SHARE).fillna(SECOND_HOME_ELSEWHERE).to_numpy()
    no_purpose = t["setting"].map(NO_PURPOSE_SHARE).to_numpy() + 0.06 * (decades > 1)
    u = rng.random(len(t))
    kind = np.where(u < second, "二次的住宅", np.where(u < second + no_purpose, "目的なし", "賃貸・売却用"))
    return np.where(vacant, kind, "居住")


def _months_empty(rng: np.random.Generator, state: np.ndarray) -> np.ndarray:
    """Months from the last resident to mid September 2025; 0 where somebody lives (or comes on holiday)."""
    long, short = 1 + rng.exponential(75, len(state)), 1 + rng.exponential(26, len(state))
    return np.select([state == "目的なし", state == "賃貸・売却用"], [long, short], 0.0)


def _years_since_last_move(rng: np.random.Generator, t: pd.DataFrame, band: np.ndarray) -> pd.array:
    """Years since the newest registered move to the lot; blank where nobody is registered."""
    years = rng.exponential(np.array([4, 7, 10, 13, 16, 18, 12])[band])
    empty = t["state"].isin(["目的なし", "賃貸・売却用"]).to_numpy()
    years = np.where(empty, years + t["months_empty"] / 12, years)
    years = np.minimum(years, 2025 - t["build_year"])
    blank = rng.random(len(t)) < t["state"].map(NO_REGISTER)
    return pd.array(np.where(blank, np.nan, np.floor(years)), dtype="Int64")


def _lots(rng: np.random.Generator, t: pd.DataFrame) -> pd.Series:
    """Lot of every house, one of its own: 丁目・番・号 in built-up districts, 番地 in the country."""
    lots = pd.Series("", index=t.index)
    towns = city.towns().set_index("town_code")
    for code, houses in t.groupby("town_code", sort=True):
        place = towns.loc[code]
        angle = np.arctan2(houses["y_m"] - place["y_m"], houses["x_m"] - place["x_m"])
        order = houses.index[np.argsort(angle.to_numpy(), kind="stable")]
        if houses["setting"].iloc[0] in ("農村", "山間", "港"):
            lots[order] = [place["town"] + text for text in _banchi(rng, len(order))]
        else:
            blocks = 1 if place["town"].endswith("丁目") else max(1, round(len(order) / 140))
            texts = []
            for number, part in enumerate(np.array_split(np.arange(len(order)), blocks), 1):
                block = f"{number}丁目" if blocks > 1 else ""
                texts += [f"{place['town']}{block}{text}" for text in _ban_go(rng, len(part))]
            lots[order] = texts
    assert lots.is_unique
    return lots


def _banchi(rng: np.random.Generator, n: int) -> list[str]:
    """Return ``n`` different texts such as 123番地 or 123番地2 (never both for one number)."""
    texts: list[str] = []
    number = 0
    while len(texts) < n:
        number += int(rng.integers(1, 5))
        if rng.random() < 0.3:
            texts += [f"{number}番地{branch}" for branch in range(1, int(rng.integers(2, 5)))]
        else:
            texts.append(f"{number}番地")
    return texts[:n]


def _ban_go(rng: np.random.Generator, n: int) -> list[str]:
    """Return ``n`` different texts such as 3番4号, about nine houses a block."""
    texts = []
    for ban in range(1, -(-n // 9) + 1):
        gos = np.sort(rng.choice(np.arange(1, 25), size=min(9, n - len(texts)), replace=False))
        texts += [f"{ban}番{go}号" for go in gos]
    return texts


def _survey(rng: np.random.Generator, t: pd.DataFrame) -> pd.DataFrame:
    """Add survey_no, survey_date, text_kind, lot_text and seen_vacant for the houses that were surveyed."""
    rows = t.index[t["district_code"].isin(SURVEYED) & (rng.random(len(t)) < 0.985)]
    rows = t.loc[rows].sort_values(["district_code", "town_code", "x_m", "y_m"], kind="stable").index
    days = [stamp.date() for stamp in pd.date_range(SURVEY_FIRST, SURVEY_LAST)]
    days = [day for day in days if calendar_jp.is_open(day)]
    kinds = rng.choice(list(TEXT_KINDS), size=len(rows), p=list(TEXT_KINDS.values()))
    t.loc[rows, "survey_no"] = [f"S{number:05d}" for number in range(1, len(rows) + 1)]
    t.loc[rows, "survey_date"] = [days[len(days) * i // len(rows)].isoformat() for i in range(len(rows))]
    written = [_write_lot(rng, t.at[row, "lot"], kind) for row, kind in zip(rows, kinds, strict=True)]
    t.loc[rows, "lot_text"] = [text for text, _ in written]
    t.loc[rows, "text_kind"] = [kind for _, kind in written]
    t["seen_vacant"] = rng.random(len(t)) < t["state"].map(SEEN_VACANT)
    return t


def _write_lot(rng: np.random.Generator, lot: str, kind: str) -> tuple[str, str]:
    """Return ``lot`` as the survey wrote it, and the kind (another one where ``kind`` does not apply)."""
    town = next(name for name in _town_names() if lot.startswith(name))
    number = lot.removeprefix(town)
    hyphen = HYPHENS[int(rng.integers(len(HYPHENS)))]
    if kind == "旧番地":
        old_town = town[:-3] if town.endswith("丁目") else town
        return f"{old_town}{rng.integers(2_000, 6_000)}番地{rng.integers(1, 9)}", kind
    if kind == "途中まで":
        cut = number.split("番")[0] + ("番地" if "番地" in number else "番")
        return (town + cut, kind) if cut != number else _write_lot(rng, lot, "旧番地")
    if kind == "書き間違い":
        head, digits, tail = _last_number(number)
        return f"{town}{head}{int(digits) + int(rng.integers(1, 4))}{tail}", kind
    if kind == "漢数字":
        if "丁目" in number:
            chome, rest = number.split("丁目")
            return f"{town}{_kanji(int(chome))}丁目{rest}", kind
        if town.endswith("丁目"):  # 若葉台一丁目 -> 若葉台1丁目
            return f"{town[:-3]}{KANJI_DIGITS.index(town[-3])}丁目{number}", kind
        return _write_lot(rng, lot, "ハイフン")
    if kind == "ハイフン":
        return town + _with_hyphens(number, hyphen), kind
    if kind == "全角とハイフン":
        return town + mess.to_full_width(_with_hyphens(number, "－")), kind
    if kind == "全角":
        return town + mess.to_full_width(number), kind
    if kind == "空白":
        return f"{town}{' ' if rng.random() < 0.5 else '　'}{number}", kind
    if kind == "市名つき":
        return f"たから市{town}{number}", kind
    return lot, kind


@cache
def _town_names() -> list[str]:
    """Town names, longest first, so that 上北原 is not taken for 北原."""
    return sorted(city.towns()["town"], key=len, reverse=True)


def _last_number(text: str) -> tuple[str, str, str]:
    """Split 3番14号 into 3番, 14, 号."""
    tail = text[len(text.rstrip("番地号")) :]
    head = text.removesuffix(tail).rstrip("0123456789")
    return head, text.removesuffix(tail).removeprefix(head), tail


def _with_hyphens(number: str, hyphen: str) -> str:
    """2丁目3番4号 -> 2-3-4; 123番地2 -> 123-2."""
    for word in ("丁目", "番地", "番", "号"):
        number = number.replace(word, "\n")
    return hyphen.join(part for part in number.split("\n") if part)


def _kanji(number: int) -> str:
    """Return 1 to 19 in kanji."""
    return ("十" if number >= 10 else "") + (KANJI_DIGITS[number % 10] if number % 10 else "")


def _water(rng: np.random.Generator, t: pd.DataFrame) -> pd.DataFrame:
    """Add the readings (m3 in two months), six before and two after the survey."""
    n = len(t)
    state = t["state"].to_numpy()
    vacant = np.isin(state, ["目的なし", "賃貸・売却用"])
    second = state == "二次的住宅"
    people = 1 + rng.binomial(4, np.where(t["owner_age_band"].isin(["70代", "80代以上"]), 0.22, 0.42))
    level = (4 + 9.5 * people) * rng.gamma(7, 1 / 7, n)  # [A] about 14 m3 alone, 33 m3 for three
    season = np.array([1.0, 0.97, 0.98, 0.97, 1.0, 1.06, 1.0, 0.97])
    used = rng.gamma(16, level[:, None] * season / 16)
    # Months before the survey at which each two-month period begins and ends; after it they are negative.
    ends = np.array([10.5, 8.5, 6.5, 4.5, 2.5, 0.5, -1.5, -3.5])
    gone = np.where(vacant, t["months_empty"], -99.0)
    gone = np.where(~vacant & (rng.random(n) < 0.006), -rng.uniform(0, 3, n), gone)  # moves out afterwards
    lived_in = np.clip((ends + 2 - gone[:, None]) / 2, 0, 1)
    empty_use = rng.choice([0, 1, 2, 3], size=used.shape, p=[0.79, 0.15, 0.04, 0.02])
    away = ~vacant & ~second & (rng.random(n) < AWAY_SHARE)
    away_from = rng.uniform(-2, 16, n)
    present = np.where(away[:, None], np.clip((ends + 2 - away_from[:, None]) / 2, 0, 1), lived_in)
    water = used * present + empty_use * (1 - present)
    holiday = np.array([0.25, 0.25, 0.5, 0.25, 0.3, 0.9, 0.25, 0.3])  # periods ending in February and August
    visits = rng.random(used.shape) < holiday
    water = np.where(second[:, None], np.where(visits, rng.gamma(2, 3.0, used.shape), empty_use), water)
    leak = vacant & (rng.random(n) < LEAK_SHARE)
    drip = rng.gamma(3, 6.0, n)[:, None] * rng.gamma(30, 1 / 30, used.shape)
    water = np.where(leak[:, None], water + drip * (1 - lived_in), water)
    water = np.round(water)

    told = t["survey_no"].notna().to_numpy() & t["seen_vacant"].to_numpy() & (vacant | second)
    after = slice(len(READINGS), None)
    water[told, after] = np.where(leak[told, None], 0, water[told, after])  # repaired
    closed = told & (rng.random(n) < np.where(second, 0.1, CLOSED_AFTER_SURVEY))
    unread = rng.random(used.shape) < 0.004  # snow, a dog, a gate
    water[unread] = np.nan
    water[closed, after] = np.nan
    for index, name in enumerate([*READINGS, *READINGS_AFTER]):
        t[name] = pd.array(water[:, index], dtype="Int64")
    t["leak"] = leak
    return t


def _ledger() -> pd.DataFrame:
    t = simulate()
    return t[t["in_ledger"]].sort_values("house_id", ignore_index=True)


def build() -> pd.DataFrame:
    """Return ``houses.csv``: one row a house."""
    columns = ["house_id", "town_code", "x_m", "y_m", "lot", "build_year", "owner_age_band",
               "years_since_last_move"]  # fmt: skip
    return _ledger()[columns]


def build_water() -> pd.DataFrame:
    """Return ``house_water.csv``: one row a house, one column a reading."""
    return _ledger()[["house_id", *READINGS, *READINGS_AFTER]]


def build_survey() -> pd.DataFrame:
    """Return ``house_survey.csv``: one row a surveyed house, without the house's id."""
    t = simulate()
    t = t[t["survey_no"].notna()].sort_values("survey_no", ignore_index=True)
    return t.assign(vacant=t["seen_vacant"].astype(int))[["survey_no", "lot_text", "survey_date", "vacant"]]


def build_truth() -> pd.DataFrame:
    """Return ``instructor/houses_truth.csv``: the state of every house and the survey's row about it."""
    t = _ledger()
    t["vacant"] = (t["state"] != "居住").astype(int)
    t["second_home"] = (t["state"] == "二次的住宅").astype(int)
    t["leak"] = t["leak"].astype(int)
    return t[["house_id", "vacant", "second_home", "state", "leak", "survey_no", "text_kind"]]


def files() -> dict[str, bytes]:
    """Return path -> bytes of the four tables."""
    return {
        "houses.csv": to_csv_bytes(build()),
        "house_water.csv": to_csv_bytes(build_water()),
        "house_survey.csv": to_csv_bytes(build_survey()),
        "instructor/houses_truth.csv": to_csv_bytes(build_truth()),
    }
