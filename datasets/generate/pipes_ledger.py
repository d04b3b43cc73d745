"""``messy/pipes_ledger.csv``: the ledger of mains of one district (城下) as the office keeps it.

Two kinds of mess destroy information: the default year 1900 and the blank year. Where the contract number
(工事番号) survives, its first part gives the year back; else the year is lost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import mess, seeds

DISTRICT_CODE = "03"
DISTRICT = "城下"
HEADER = [
    "管番号", "町コード", "マス", "管種", "継手", "口径", "布設年度", "工事番号", "延長", "水圧", "漏水修理",
]  # fmt: skip
MATERIAL_SPELLINGS = {
    "塩ビ": ["VP", "ＶＰ", "塩ビ", "硬質塩ビ", "塩化ビニル", "塩ﾋﾞ"],
    "ダクタイル": ["DIP", "ＤＩＰ", "ダクタイル", "ﾀﾞｸﾀｲﾙ", "ダクタイル鋳鉄"],
    "ポリエチレン": ["PE", "ＰＥ", "ポリエチレン", "ﾎﾟﾘｴﾁﾚﾝ"],
    "普通鋳鉄": ["CIP", "普通鋳鉄", "鋳鉄"],
    "鋼管": ["SP", "ＳＰ", "鋼管"],
    "石綿管": ["ACP", "石綿管", "石綿"],
}
JOINT_SPELLINGS = {"カラー": ["カラー", "ｶﾗｰ"], "TS": ["TS", "ＴＳ"], "K": ["K", "Ｋ"]}
YEAR_1900_SHARE, YEAR_BLANK_SHARE = 0.05, 0.04
CONTRACT_KNOWN_SHARE = 0.6
STALE_TOWNS = 2  # towns with one length copied from the row above


def build_messy(table: pd.DataFrame) -> bytes:
    """Return the rows of the district as one sheet: towns one after the other, each with its 小計."""
    rng = seeds.generator("pipes/ledger")
    pipes = table[table["town_code"].str[:2] == DISTRICT_CODE]
    stale = _stale_rows(rng, pipes)
    width = len(HEADER)
    lines = [
        [f"水道配水管台帳（{DISTRICT}）　令和３年４月１日現在", *[""] * (width - 1)],
        [*[""] * (width - 1), "（単位：口径mm、延長m、水圧MPa、漏水修理は平成18年度からの件数）"],
        HEADER,
    ]
    for town, rows in pipes.groupby("town_code"):
        above = None
        for pipe in rows.itertuples():
            lines.append(_line(rng, pipe, above if pipe.Index in stale else None))
            above = pipe
        lines.append(_total("小計", _lost_zero(town), rows))
    lines.append(_total("合計", "", pipes))
    notes = [
        "注１　布設年度が不明なものは「1900」又は空欄。",
        "注２　小計・合計は、台帳システムの値。",
        "注３　架空の市の合成データです（たから市、CC BY 4.0）。",
    ]
    lines += [[note, *[""] * (width - 1)] for note in notes]
    return mess.to_cp932_csv(lines)


def _stale_rows(rng: np.random.Generator, pipes: pd.DataFrame) -> set[int]:
    """Choose rows whose length will be that of the row above: in towns without two equal neighbours."""
    chosen = set()
    for _, rows in pipes.groupby("town_code"):
        length = rows["length_m"].round(1)
        if len(chosen) < STALE_TOWNS and not (length == length.shift()).any():
            chosen.add(int(rows.index[int(rng.integers(1, len(rows)))]))
    assert len(chosen) == STALE_TOWNS
    return chosen


def _lost_zero(town_code: str) -> str:
    """Return the code as the spreadsheet shows it: a number, 0301 becomes 301."""
    return str(int(town_code))


def _line(rng: np.random.Generator, pipe, above) -> list[str]:
    """Return one pipe as typed; ``above`` is given where the length was copied from the row above."""
    pipe_id = mess.to_full_width(pipe.pipe_id).replace("P", "Ｐ") if rng.random() < 0.04 else pipe.pipe_id
    length = (above or pipe).length_m
    _, letter, number = mess.era_year(pipe.install_year)
    serial = int(rng.integers(1, 200))
    contract = f"{letter}{number}-{serial:03d}" if rng.random() < CONTRACT_KNOWN_SHARE else "－"
    u = rng.random()
    year = mess.messy_year(rng, pipe.install_year)
    if u < YEAR_1900_SHARE:
        year = "1900"
    elif u < YEAR_1900_SHARE + YEAR_BLANK_SHARE:
        year, contract = "", "－"  # nothing was on paper
    diameter = str(pipe.diameter_mm)
    diameter = (
        f"φ{diameter}" if rng.random() < 0.12 else mess.messy_measure(rng, diameter, ["mm", "㎜", "ｍｍ"])
    )
    leaks = "－" if pipe.past_leaks == 0 else mess.messy_measure(rng, str(pipe.past_leaks), ["件"])
    return [
        pipe_id,
        _lost_zero(pipe.town_code),
        pipe.cell_id,
        _spelling(rng, pipe.material, MATERIAL_SPELLINGS),
        _spelling(rng, pipe.joint, JOINT_SPELLINGS),
        diameter,
        year,
        contract,
        mess.messy_measure(rng, f"{length:.1f}", ["m", "ｍ", " "]),
        mess.messy_measure(rng, f"{pipe.pressure_mpa:.2f}", ["MPa", "ＭＰａ"]),
        leaks,
    ]


def _spelling(rng: np.random.Generator, value: str, spellings: dict[str, list[str]]) -> str:
    return str(rng.choice(spellings.get(value, [value])))


def _total(label: str, code: str, rows: pd.DataFrame) -> list[str]:
    """Return a line of totals; they come from the right lengths."""
    length = f"{rows['length_m'].round(1).sum():,.1f}"
    return [label, code, f"{len(rows)}本", *[""] * 5, length, "", str(int(rows["past_leaks"].sum()))]
