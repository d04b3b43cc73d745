"""Water mains: age, renewal, leaks, the satellite score."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near

LEDGER_YEAR, YEARS = 2021, 5
ACCIDENTS, NATIONAL_KM = 19_766, 740_000  # FY2022
FLAG_AT = 0.8


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``pipes.csv`` and ``instructor/pipes_truth.csv``."""
    pipes = pd.read_csv(folder / "pipes.csv", dtype={"town_code": str})
    pipes = pipes.merge(pd.read_csv(folder / "instructor" / "pipes_truth.csv"), on="pipe_id", validate="1:1")
    km = pipes["length_m"] / 1000
    people = pd.read_csv(folder / "towns.csv")["population"].sum()
    over_40 = km[LEDGER_YEAR - pipes["install_year"] > 40].sum() / km.sum()
    recent = (pipes["renewed"] == 1) & pipes["install_year"].between(2011, 2020)
    renewed_a_year = km[recent].sum() / km.sum() / 10
    cells = pipes.groupby("cell_id").agg(
        score=("sat_score", "first"), leaks=("leaks_true", "sum"), metres=("length_m", "sum")
    )
    flagged, leaky = cells["score"] >= FLAG_AT, cells["leaks"] > 0
    kind = pipes["material"] + pipes["joint"]
    group = kind.map(
        {"石綿管カラー": "古い鉄・石綿", "普通鋳鉄印ろう": "古い鉄・石綿", "鋼管溶接": "古い鉄・石綿",
         "塩ビTS": "塩ビTS", "塩ビRR": "塩ビRR", "ダクタイルK": "ダクタイルK"}
    ).fillna("耐震管")  # fmt: skip
    rate = pipes["leaks_true"].groupby(group).sum() / km.groupby(group).sum()
    to_k = rate / rate["ダクタイルK"]
    same = _rate_under_same_conditions(pipes).groupby(kind).median()
    same = same / same["ダクタイルK"]
    return [
        near(
            "漏水（件/km・年、見つからなかったものを含む）",
            "[S] 全国 2022年度 19,766件÷約74万km",
            round(ACCIDENTS / NATIONAL_KM, 3),
            pipes["leaks_true"].sum() / km.sum() / YEARS,
            0.002,
        ),
        near("40年を超えた管の割合（延長）", "[S] 全国 2021年", 0.22, over_40, 0.015),
        near("1年の更新の割合（延長、2011-20年度）", "[S] 全国 0.64-0.65%", 0.0064, renewed_a_year, 0.0005),
        near("1人あたりの管の長さ（m）", "[S] 全国 約74万km÷約1.24億人", 6.0, km.sum() * 1000 / people, 0.5),
        near("1マスの管の長さ（m）", "[A] 目標", 125, cells["metres"].mean(), 15),
        Row("衛星の印がついたマス（マス）", "[S] 豊田市 2022", "249", int(flagged.sum()), 248.5, 249.5),
        near("印のついたマスの適合率", "[S] 豊田市 2022、65÷249", 0.26, leaky[flagged].mean(), 0.03),
        near("漏水のあるマスの再現率", "[A]", 0.6, flagged[leaky].mean(), 0.05),
        Row(
            "印のついたマスの割合",
            "[S] 兵庫県 15%、[A] 豊田市 249÷約3万",
            "0.008-0.15",
            flagged.mean(),
            0.008,
            0.15,
        ),
        Row("漏水率 古い鉄・石綿÷ダクタイルK", "[A] 同じ年数で3-6倍", ">3", to_k["古い鉄・石綿"], 3, 12),
        Row("漏水率 塩ビTS÷ダクタイルK", "[A] 同じ年数で2.5倍", ">2", to_k["塩ビTS"], 2, 6),
        Row("本当の率 GX・NS÷ダクタイルK、同じ条件", "[A]", "0.15", same["ダクタイルGX"], 0.14, 0.16),
        Row("本当の率 石綿管÷ダクタイルK、同じ条件", "[A]", "6", same["石綿管カラー"], 5.8, 6.2),
        Row("漏水率 耐震管÷ダクタイルK（古さも違う）", "[A]", "<0.3", to_k["耐震管"], 0, 0.3),
    ]  # fmt: skip


def _rate_under_same_conditions(pipes: pd.DataFrame) -> pd.Series:
    """The true rate without frailty, age, diameter, soil and pressure; blank where it has too few digits."""
    frailty = pipes["frailty_district"] * pipes["frailty_town"] * pipes["frailty_pipe"]
    age = (LEDGER_YEAR + YEARS / 2 - pipes["install_year"]) / 30
    soil = pipes["soil"].map({"低": 1.0, "中": 1.3, "高": 1.8})
    conditions = age**1.8 * (pipes["diameter_mm"] / 100) ** -0.4 * soil * pipes["pressure_mpa"]
    rate = pipes["rate_per_km_year"]
    return (rate / (frailty * conditions)).where((rate > 0.0005) & (pipes["frailty_pipe"] > 0.1))
