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
        Row("漏水率 耐震管÷ダクタイルK", "[A] 同じ年数で0.15-0.3倍", "<0.3", to_k["耐震管"], -0.01, 0.3),
    ]  # fmt: skip
