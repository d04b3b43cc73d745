"""Courses at the public halls: no published figures, only our own assumptions kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``courses.csv`` and ``course_enrollments.csv``."""
    taken = pd.read_csv(folder / "course_enrollments.csv")
    counts = taken["course_id"].value_counts()
    new = taken[taken["fiscal_year"] == 2025]
    past = set(taken.loc[taken["fiscal_year"] < 2025, "member_id"])
    return [
        Row("会員（人）", "[A]", "約1,200", taken["member_id"].nunique(), 1_150, 1_250),
        Row("受講の多い10講座の割合", "[A]", "約4割", counts.head(10).sum() / counts.sum(), 0.33, 0.47),
        near("満足度の空欄", "[A]", 0.40, taken["rating"].isna().mean(), 0.05),
        Row(
            "2025年度の会員のうち初めての人",
            "[A]",
            "2割前後",
            (~new["member_id"].drop_duplicates().isin(past)).mean(),
            0.14,
            0.27,
        ),
    ]
