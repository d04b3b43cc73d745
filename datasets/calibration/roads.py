"""Road reports and road pictures: kinds, LINE, repeats, weather, labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .rows import Row, near

# 横浜市 LINE, 2021-05 to 2022-06
YOKOHAMA_LINE, YOKOHAMA_PAVEMENT, YOKOHAMA_GUTTER = 2_106, 1_539, 237
LINE_FROM = "2023-04-03"
YEARS = 5


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``road_reports.csv`` and ``road_images.csv``."""
    return [*_report_rows(folder), *_image_rows(folder)]


def _report_rows(folder: Path) -> list[Row]:
    reports = pd.read_csv(folder / "road_reports.csv", parse_dates=["received_date"])
    repeats = pd.read_csv(folder / "instructor" / "road_reports_truth.csv")["duplicate_of"].notna()
    people = pd.read_csv(folder / "towns.csv")["population"].sum()
    kinds = reports["kind"].value_counts(normalize=True)
    since = reports["received_date"] >= LINE_FROM
    months = reports["received_date"].dt.to_period("M")
    by_month = months.value_counts().sort_index()
    thaw = by_month.index.month.isin([2, 3])
    large = (
        reports[reports["severity"] == "大"]["received_date"].dt.to_period("M").value_counts().sort_index()
    )
    return [
        near(
            "通報のうち舗装", "[S] 横浜市 LINE 1,539÷2,106", round(YOKOHAMA_PAVEMENT / YOKOHAMA_LINE, 3),
            kinds["舗装"], 0.03,
        ),
        near(
            "通報のうち側溝・ます", "[S] 横浜市 LINE 237÷2,106", round(YOKOHAMA_GUTTER / YOKOHAMA_LINE, 3),
            kinds["側溝・ます"], 0.02,
        ),
        near(
            "通報のうちLINE（始めてから）", "[S] 横浜市（約1割）", 0.10,
            (reports.loc[since, "channel"] == "LINE").mean(), 0.03,
        ),
        Row(
            "LINEを始めた月÷前の年の同じ月", "[S] 松本市 158÷30（1市の1か月。向きだけ）", "5.3",
            by_month["2023-04"] / by_month["2022-04"], 1.2, 5.3,
        ),
        Row(
            "人口1,000人あたりの通報（件／年）", "[S] 横浜市・宮崎市・千葉市（人口は概数[A]）",
            "5.6-13.3", len(reports) / YEARS / people * 1000, 5.6, 13.3,
        ),
        near("30m・3日以内の重複の割合", "[A]", 0.12, repeats.mean(), 0.015),
        near("雨の翌日÷ほかの日", "[A]", 2.0, _after_rain(folder, reports), 0.3),
        Row(
            "2・3月÷ほかの月（凍結の後）", "[A]", ">1.2", by_month[thaw].mean() / by_month[~thaw].mean(),
            1.2, 2.0,
        ),
        near(
            "損傷「大」の通報、LINEの後÷前（段差なし）", "[A]", 1.0,
            large["2023-04":].mean() / large[:"2023-03"].mean(), 0.12,
        ),
    ]  # fmt: skip


def _after_rain(folder: Path, reports: pd.DataFrame) -> float:
    """Mean reports on days after 5 mm or more, over other days; opening days after an opening day."""
    days = pd.read_csv(folder / "weather.csv", parse_dates=["date"])
    days["is_open"] = pd.read_csv(folder / "calendar.csv")["is_open"]
    days["reports"] = days["date"].map(reports["received_date"].value_counts()).fillna(0)
    days["after_rain"] = days["rain_mm"].shift(1) >= 5
    chosen = (days["date"] >= "2021-04-01") & (days["is_open"] == 1) & (days["is_open"].shift(1) == 1)
    mean = days[chosen].groupby("after_rain")["reports"].mean()
    return mean[True] / mean[False]


def _image_rows(folder: Path) -> list[Row]:
    images = pd.read_csv(folder / "road_images.csv")
    truth = pd.read_csv(folder / "instructor" / "road_images_truth.csv")
    return [
        near("路面の画像のうち、ひびのあるもの", "[A]", 0.30, truth["crack"].mean(), 0.01),
        near("路面の画像のラベルの間違い", "[A]", 0.03, (images["label"] != truth["crack"]).mean(), 0.003),
    ]
