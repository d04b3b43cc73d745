"""Citizens' inquiries: shares of the categories, wrong labels, second needs, invented personal data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near

# 四條畷市 2022: 341 letters in 15 classes; the largest class (防災・防犯・交通・消防) has 65.
SHIJONAWATE_LARGEST = 65 / 341
SHARES = {
    "ごみ": 0.18, "住民票・戸籍": 0.17, "税": 0.14, "子育て": 0.12, "道路・公園": 0.12, "国保・年金": 0.09,
    "福祉・介護": 0.07, "防災": 0.04, "上下水道": 0.04, "その他": 0.03,
}  # fmt: skip
TAX_INSURANCE = {"税", "国保・年金"}


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``inquiries.csv`` and its truth."""
    table = pd.read_csv(folder / "inquiries.csv", dtype={"town_code": str})
    table = table.merge(pd.read_csv(folder / "instructor" / "inquiries_truth.csv"), on="inquiry_id")
    known = table[table["is_new_topic"] == 0]
    share = known["true_category"].value_counts(normalize=True)
    wrong = known[known["label_wrong"] == 1]
    between = wrong["true_category"].isin(TAX_INSURANCE) & wrong["category"].isin(TAX_INSURANCE)
    line = (table["channel"] == "LINE").groupby(table["received_date"].str[:4] < "2025").mean()
    return [
        near(
            "一番多い分類の割合（15分類／10分類）",
            "[S] 四條畷市 2022年度",
            round(SHIJONAWATE_LARGEST, 3),
            table["category"].value_counts(normalize=True).max(),
            0.04,
        ),
        *(near(f"本当の割合 {name}", "[A]", value, share[name], 0.002) for name, value in SHARES.items()),
        near("用件が2つある割合", "[A]", 0.08, known["second_category"].notna().mean(), 0.01),
        near("職員の分類が誤りの割合", "[A]", 0.05, table["label_wrong"].mean(), 0.005),
        near("誤りのうち、税と国保・年金の取り違え", "[A]", 0.72, between.mean(), 0.03),
        near("作りものの個人情報がある割合", "[A]", 0.02, table["has_pii"].mean(), 0.002),
        near("打ち間違いがある割合", "[A]", 0.03, table["has_typo"].mean(), 0.008),
        Row("LINEの割合、2025年から÷2024年", "[A] ふえる", ">1", line[False] / line[True], 1.2, 2.0),
    ]
