"""The messy twins, cleaned step by step as a first lesson does, equal the clean tables."""

from __future__ import annotations

import pandas as pd

DAILY_COLUMNS = [
    "日付",
    "曜日",
    "証明",
    "印鑑",
    "異動",
    "マイナンバー",
    "国保",
    "戸籍届",
    "合計",
    "平均待ち時間",
]
DAILY_ENGLISH = [
    "date", "weekday", "visits_certificate", "visits_seal", "visits_move", "visits_mynumber",
    "visits_insurance", "visits_family", "visits_total", "mean_wait_min",
]  # fmt: skip


def to_numbers(column: pd.Series) -> pd.Series:
    """Full-width to half-width, no commas or blanks, － is 0, X is missing."""
    text = column.str.normalize("NFKC").str.strip().str.replace(",", "")
    return pd.to_numeric(text.replace({"-": "0", "X": None}))


def to_dates(column: pd.Series) -> pd.Series:
    """令和6年4月1日, R6.4.1 and 2024/4/1 to 2024-04-01: three numbers, and a small year is Reiwa."""
    parts = column.str.normalize("NFKC").str.extract(r"(\d+)\D+(\d+)\D+(\d+)").astype(int)
    year = parts[0].where(parts[0] >= 100, parts[0] + 2018)
    return pd.to_datetime(pd.DataFrame({"year": year, "month": parts[1], "day": parts[2]})).dt.strftime(
        "%Y-%m-%d"
    )


def clean_daily(path) -> pd.DataFrame:
    table = pd.read_csv(path, encoding="cp932", header=None, skiprows=4, names=DAILY_COLUMNS, dtype=str)
    table = table[~table["日付"].str.contains("計|注")]
    table["日付"] = to_dates(table["日付"])
    numbers = DAILY_COLUMNS[2:]
    table[numbers] = table[numbers].apply(to_numbers)
    table = table.drop_duplicates().reset_index(drop=True)
    parts = DAILY_COLUMNS[2:8]
    for name in parts:
        rest = table["合計"] - table[parts].drop(columns=name).sum(axis=1)
        table[name] = table[name].fillna(rest).astype(int)
    table["合計"] = table["合計"].astype(int)
    weekdays = pd.to_datetime(table["日付"]).dt.day_of_week.map(dict(enumerate("月火水木金土日")))
    table["曜日"] = table["曜日"].fillna(weekdays)
    return table.set_axis(DAILY_ENGLISH, axis=1)


def clean_branches(path) -> pd.DataFrame:
    months = [f"2024-{month:02d}" for month in range(4, 13)] + [f"2025-{month:02d}" for month in range(1, 4)]
    names = ["branch", "kind", *months, "年度計"]
    table = pd.read_csv(path, encoding="cp932", header=None, skiprows=4, names=names, dtype=str)
    table = table.dropna(subset="kind").drop(columns="年度計")
    table["branch"] = table["branch"].str.replace("　", "").str.strip().ffill()
    table = table[table["branch"] != "全支所"]
    long = table.melt(["branch", "kind"], var_name="month", value_name="visits")
    long["visits"] = to_numbers(long["visits"])
    wide = long.pivot(index=["month", "branch"], columns="kind", values="visits")
    rest = wide["小計"] - wide[["証明", "印鑑", "異動"]].sum(axis=1)
    wide["国保"] = wide["国保"].fillna(rest)
    return wide.astype(int)


def test_daily_cleaned_equals_the_clean_table(datasets, daily):
    cleaned = clean_daily(datasets / "messy" / "window_daily_r6.csv")
    year = daily[daily["date"].between("2024-04-01", "2025-03-31")].reset_index(drop=True)
    pd.testing.assert_frame_equal(cleaned, year[DAILY_ENGLISH], check_dtype=False)


def test_branches_cleaned_equals_the_clean_table(datasets, branches):
    cleaned = clean_branches(datasets / "messy" / "branch_monthly_r6.csv")
    english = {
        "証明": "visits_certificate",
        "印鑑": "visits_seal",
        "異動": "visits_move",
        "国保": "visits_insurance",
        "小計": "visits_total",
    }
    clean = branches[branches["fiscal_year"] == 2024].set_index(["month", "branch"])[list(english.values())]
    cleaned = cleaned.rename(columns=english).loc[clean.index, list(english.values())]
    pd.testing.assert_frame_equal(cleaned, clean, check_names=False, check_dtype=False)


def test_daily_has_every_kind_of_mess(datasets):
    text = (datasets / "messy" / "window_daily_r6.csv").read_bytes().decode("cp932")
    lines = text.split("\r\n")
    assert lines[0].startswith("令和６年度") and "合計" in lines[3] and "取扱件数" in lines[2]
    first_cells = [line.split(",")[0] for line in lines[4:] if line]
    assert sum(cell.endswith("月計") for cell in first_cells) == 12
    assert first_cells.count("年度合計") == 1
    assert sum(cell.startswith("注") for cell in first_cells) == 3
    for start in ("令和6年", "令和７年", "R6.", "R7.", "2024/", "2025/"):
        assert any(cell.startswith(start) for cell in first_cells), start
    body = pd.read_csv(
        datasets / "messy" / "window_daily_r6.csv",
        encoding="cp932",
        header=None,
        skiprows=4,
        names=DAILY_COLUMNS,
        dtype=str,
    )
    rows = body[~body["日付"].str.contains("計|注")]
    counts = rows[DAILY_COLUMNS[2:9]]
    assert counts["戸籍届"].str.normalize("NFKC").eq("X").sum() >= 10
    assert counts["戸籍届"].eq("－").sum() >= 1
    assert counts.isna().sum().sum() >= 5 and rows["曜日"].isna().sum() >= 3
    assert counts.stack().str.contains("[０-９]").sum() >= 30
    assert counts.stack().str.endswith(" ").sum() >= 30
    assert body["合計"].str.contains(",").sum() == 13
    assert len(rows) == 243 + 1  # one day stands twice


def test_hidden_cells_are_recoverable(datasets):
    """At most one X or blank a row, and never the total: every hidden count follows from the others."""
    body = pd.read_csv(
        datasets / "messy" / "window_daily_r6.csv",
        encoding="cp932",
        header=None,
        skiprows=4,
        names=DAILY_COLUMNS,
        dtype=str,
    )
    rows = body[~body["日付"].str.contains("計|注")]
    hidden = rows[DAILY_COLUMNS[2:8]].apply(
        lambda column: column.str.normalize("NFKC").eq("X") | column.isna()
    )
    assert hidden.sum(axis=1).max() == 1
    assert to_numbers(rows["合計"]).notna().all() and rows["平均待ち時間"].notna().all()
