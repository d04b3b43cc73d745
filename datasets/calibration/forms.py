"""Written digits on forms: how well plain models read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from .rows import Row, near

# 神奈川県 2019: two tidy forms and the slips of a fish market. NTTデータ: 73 forms of 6 cities.
KANAGAWA_TIDY, KANAGAWA_SLIPS = 0.969, 0.680
NTT_CHARACTER, NTT_FIELD = 0.933, 0.8857
DIGITS = 7


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``form_digits.npz``: models learn from 学習 and read 評価."""
    with np.load(folder / "form_digits.npz") as arrays:
        images = arrays["images"]
    fields = pd.read_csv(folder / "form_fields.csv", dtype={"code": str})
    boxes = pd.read_csv(folder / "form_digits.csv").merge(fields, on="field_id")
    ink = 1 - images.reshape(len(images), -1) / 255
    learn = boxes["part"] == "学習"
    tidy = ~learn & (boxes["form_type"] == "通常")
    slips = boxes["form_type"] != "通常"
    machine = SVC(C=5).fit(ink[learn], boxes.loc[learn, "label"])
    nearest = KNeighborsClassifier(3).fit(ink[learn], boxes.loc[learn, "label"])
    right = pd.Series(nearest.predict(ink[tidy]) == boxes.loc[tidy, "label"].to_numpy())
    field_right = right.groupby(boxes.loc[tidy, "field_id"].to_numpy()).all().mean()
    return [
        near(
            "手書き数字1文字の正解率、通常（SVM）",
            "[S] 神奈川県 2019",
            KANAGAWA_TIDY,
            machine.score(ink[tidy], boxes.loc[tidy, "label"]),
            0.03,
        ),
        near(
            "手書き数字1文字の正解率、かすれ・枠ずれ（SVM）",
            "[S] 神奈川県 2019（魚市場の伝票）",
            KANAGAWA_SLIPS,
            machine.score(ink[slips], boxes.loc[slips, "label"]),
            0.04,
        ),
        near(
            "手書き数字1文字の正解率、通常（k近傍法）",
            "[S] NTTデータ 6市73帳票",
            NTT_CHARACTER,
            right.mean(),
            0.02,
        ),
        # A published field is right in 88.57%: short fields. Ours are seven boxes: the 7th power.
        near(
            "手書き7桁の欄の正解率、通常（k近傍法）",
            f"[A] 1文字{NTT_CHARACTER}の7乗（公表値の1項目は{NTT_FIELD}）",
            round(NTT_CHARACTER**DIGITS, 3),
            field_right,
            0.06,
        ),
    ]
