"""Vacant houses: shares of empty houses, joining by lot, what the water readings find."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import recall_score

from .rows import Row, near

WATER_BEFORE = [
    "water_2024_10", "water_2024_12", "water_2025_02", "water_2025_04", "water_2025_06", "water_2025_08",
]  # fmt: skip
WATER_AFTER = ["water_after_2025_10", "water_after_2025_12"]
REGISTER = ["build_year", "owner_age_band", "years_since_last_move"]
CODES = {"town_code": str}


def lot_key(text: str) -> str:
    """Return ``text`` with every spelling of the same lot made one: 本町二丁目３番４号 -> 本町2-3-4."""
    text = unicodedata.normalize("NFKC", text).replace(" ", "").removeprefix("たから市")
    text = re.sub(
        "[一二三四五六七八九](?=丁目)", lambda digit: str("〇一二三四五六七八九".index(digit[0])), text
    )
    text = re.sub("丁目|番地|番|号|[−ー‐]", "-", text)
    return re.sub("-+", "-", text).strip("-")


def joined(folder: Path) -> pd.DataFrame:
    """Return houses with their water and the survey's answer, one row a house that the survey names once."""
    houses = pd.read_csv(folder / "houses.csv", dtype=CODES)
    water = pd.read_csv(folder / "house_water.csv")
    survey = pd.read_csv(folder / "house_survey.csv")
    houses["key"], survey["key"] = houses["lot"].map(lot_key), survey["lot_text"].map(lot_key)
    survey = survey.drop_duplicates("key", keep=False)
    return houses.merge(survey, on="key").merge(water, on="house_id")


def features(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return ``columns`` as numbers; the owner's age as an ordered code."""
    bands = ["40歳未満", "40代", "50代", "60代", "70代", "80代以上", "不明"]
    order = {band: float(index) for index, band in enumerate(bands)}
    ready = table[columns].copy()
    if "owner_age_band" in columns:
        ready["owner_age_band"] = ready["owner_age_band"].map(order)
    return ready.astype(float)


def held_out(table: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Fit on the towns with an even code, return the probabilities for the others, and these rows."""
    train = table["town_code"].astype(int) % 2 == 0
    model = HistGradientBoostingClassifier(learning_rate=0.06, random_state=0)
    model.fit(features(table[train], columns), table.loc[train, "vacant"])
    test = table[~train]
    return model.predict_proba(features(test, columns))[:, 1], test


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for the three tables of houses and their truth."""
    truth = pd.read_csv(folder / "instructor" / "houses_truth.csv")
    houses = pd.read_csv(folder / "houses.csv", dtype=CODES)
    survey = pd.read_csv(folder / "house_survey.csv")
    water = pd.read_csv(folder / "house_water.csv")
    district = houses["town_code"].str[:2]
    by_district = truth.set_index("house_id")["vacant"].groupby(district.set_axis(houses["house_id"])).mean()
    table = joined(folder)
    recall = {}
    for name, columns in {"water": WATER_BEFORE, "all": WATER_BEFORE + REGISTER}.items():
        score, test = held_out(table, columns)
        recall[name] = recall_score(test["vacant"], score >= 0.5)
    empty = water.merge(truth[truth["state"].isin(["目的なし", "賃貸・売却用"])], on="house_id")
    empty_last = empty[empty["leak"] == 0]["water_2025_08"]
    matched = survey["lot_text"].map(lot_key).isin(houses["lot"].map(lot_key))
    statistics = "[S] 住宅・土地統計調査 2023"
    return [
        near("空き家の割合", f"{statistics}（全国、集合住宅も含む）", 0.138, truth["vacant"].mean(), 0.01),
        near(
            "目的のない空き家の割合",
            f"{statistics}（全国、集合住宅も含む）",
            0.059,
            (truth["state"] == "目的なし").mean(),
            0.006,
        ),
        Row("空き家の割合、いちばん低い地区", "[A] 0.04", "0.04", by_district.min(), 0.03, 0.05),
        Row(
            "空き家の割合、いちばん高い地区",
            f"{statistics}（最大の県 0.212）",
            "0.22",
            by_district.max(),
            0.19,
            0.25,
        ),
        Row("調査した地区の割合", "[A] 約6割", "7÷12", table["town_code"].str[:2].nunique() / 12, 0.55, 0.65),
        near("水量だけのモデルの再現率", "[S] 磐梯町", 0.826, recall["water"], 0.03),
        Row(
            "台帳の列を足したときの再現率の伸び（向きだけ）",
            "[S] 豊田市（5年先の正解率 0.82→0.92、電気などを足して）",
            "+0.10",
            recall["all"] - recall["water"],
            0.02,
            0.12,
        ),
        Row(
            "そのまま結びつく調査の行",
            "[A]",
            "0.6-0.7",
            survey["lot_text"].isin(houses["lot"]).mean(),
            0.60,
            0.70,
        ),
        near("表記をそろえて結びつく調査の行", "[A]", 0.88, matched.mean(), 0.02),
        near("水もれのある空き家の割合", "[A]", 0.08, empty["leak"].mean(), 0.02),
        Row(
            "水もれのない空き家で、8月末の水量が1 m3以下",
            "[A] ほとんど",
            "0.85以上",
            (empty_last <= 1).mean(),
            0.85,
            0.97,
        ),
    ]
