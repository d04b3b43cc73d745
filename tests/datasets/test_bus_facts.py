"""The buses show what the lessons say: breaks, gaps in the record, baselines, a report to repair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_score


@pytest.fixture(scope="module")
def bus(datasets):
    return pd.read_csv(datasets / "bus_daily.csv", dtype={"route_id": str}, parse_dates=["date"])


@pytest.fixture(scope="module")
def routes(datasets):
    return pd.read_csv(datasets / "bus_routes.csv", dtype=str)


@pytest.fixture(scope="module")
def lines(bus, routes):
    """Riders by day and today's number."""
    new_id = routes.dropna().set_index("renumbered_from")["route_id"].to_dict()
    old = bus["date"] < "2021-10-01"
    line = bus["route_id"].where(~old, bus["route_id"].replace(new_id))
    return bus.assign(line=line).pivot(index="date", columns="line", values="riders")


@pytest.fixture(scope="module")
def days(datasets):
    table = pd.read_csv(datasets / "calendar.csv", parse_dates=["date"])
    for name in ("bus_calendar.csv", "weather.csv"):
        table = table.merge(pd.read_csv(datasets / name, parse_dates=["date"]), on="date")
    return table.set_index("date")


@pytest.fixture(scope="module")
def known(days):
    """What is known in advance, as numbers."""
    table = pd.get_dummies(days[["weekday", "event"]], dtype=float)
    table[["holiday", "school", "plant"]] = days[["is_holiday", "is_school_day", "is_plant_closed"]]
    month_day = days.index.strftime("%m-%d")
    table["new_year"] = ((month_day >= "12-29") | (month_day <= "01-03")).astype(float)
    return table


def _district_names(datasets) -> dict[str, str]:
    districts = pd.read_csv(datasets / "districts.csv", dtype=str)
    return districts.set_index("district_code")["district"].to_dict()


def test_routes_are_named_after_their_ends(datasets, routes):
    names = _district_names(datasets)
    ends = routes["from_district_code"].map(names) + "・" + routes["to_district_code"].map(names) + "線"
    assert routes["route"].tolist() == ends.tolist()
    reached = set(routes["from_district_code"]) | set(routes["to_district_code"])
    assert reached == set(names)


def test_old_numbers_are_numbers_of_other_routes(routes):
    changed = routes.dropna()
    assert len(changed) == 5
    assert set(changed["renumbered_from"]) == set(changed["route_id"])
    assert (changed["renumbered_from"] != changed["route_id"]).all()


def test_renumbering_breaks_series_by_number_but_not_by_line(bus, lines, routes):
    by_number = bus.pivot(index="date", columns="route_id", values="riders")
    changed = routes.dropna()["route_id"]

    def jump(table):
        window = [table.loc["2021-09-04":"2021-09-30"].mean(), table.loc["2021-10-02":"2021-10-28"].mean()]
        return np.log(window[1] / window[0]).abs()[changed]

    assert jump(by_number).max() > 1.0
    assert jump(lines).max() < 0.25


def test_one_depots_week_is_missing(lines):
    missing = lines.isna()
    assert missing.any()[missing.any()].index.tolist() == ["06", "07", "11", "12"]
    assert missing.sum().sum() == 28
    assert missing.any(axis=1)["2022-11-14":"2022-11-20"].all()


def test_one_week_was_delivered_twice_for_three_routes(lines):
    same = ((lines == lines.shift(7)) & (lines > 60)).rolling(7).sum() == 7
    assert {(when.strftime("%Y-%m-%d"), route) for when, route in same.stack()[lambda x: x].index} == {
        ("2024-02-11", route) for route in ("01", "02", "03")
    }


def test_truth_tells_the_missing_and_the_copied_week(datasets, bus):
    truth = pd.read_csv(
        datasets / "instructor" / "bus_daily_truth.csv", dtype={"route_id": str}, parse_dates=["date"]
    )
    joined = truth.merge(bus, on=["date", "route_id"], how="left", suffixes=("", "_delivered"))
    november = joined["date"] < "2023-01-01"
    assert joined.loc[november, "riders_delivered"].isna().all()
    assert (joined.loc[~november, "riders_delivered"] != joined.loc[~november, "riders"]).mean() > 0.9
    assert (november.sum(), (~november).sum()) == (28, 21)


def test_no_riders_only_without_service(lines, days):
    zero = lines == 0
    assert zero.any()[zero.any()].index.tolist() == ["10"]
    suspended = (lines.index >= "2024-01-22") & (lines.index <= "2024-03-10")
    stands = suspended | (days["weekday"] == "日") | (days["is_holiday"] == 1)
    assert (zero["10"] <= stands).all() and zero["10"][stands].all()


def _month_ahead(riders, known, first, last):
    """Each month from the two years before it, with the level of the last 28 days."""
    parts = []
    for start in pd.date_range(first, last, freq="MS"):
        past = riders[start - pd.DateOffset(years=2) : start - pd.Timedelta(days=1)].dropna()
        model = Ridge(1.0).fit(known.loc[past.index], np.log(past))
        level = (np.log(past) - model.predict(known.loc[past.index])).tail(28).mean()
        coming = known[start : start + pd.offsets.MonthEnd()]
        parts.append(pd.Series(np.exp(model.predict(coming) + level), index=coming.index))
    return pd.concat(parts)


@pytest.mark.parametrize(
    ("first", "last", "wins"),
    [("2019-04", "2020-02", True), ("2020-04", "2020-05", False), ("2024-04", "2025-03", True)],
)
def test_last_week_is_beaten_except_in_the_break(lines, known, first, last, wins):
    riders = lines.sum(axis=1, min_count=12)
    forecast = _month_ahead(riders, known, first, last)
    model = (forecast - riders[forecast.index]).abs().mean()
    naive = (riders.shift(7) - riders)[forecast.index].abs().mean()
    if wins:
        assert model < 0.6 * naive
    else:
        assert model > 1.5 * naive


def test_random_split_flatters(lines, known):
    riders = lines.sum(axis=1, min_count=12).dropna()
    features = known.assign(day=range(len(known))).loc[riders.index]
    forest = RandomForestRegressor(15, min_samples_leaf=2, random_state=0)
    random, in_time = (
        -cross_val_score(forest, features, riders, cv=cv, scoring="neg_mean_absolute_error").mean()
        for cv in (KFold(5, shuffle=True, random_state=0), TimeSeriesSplit(5))
    )
    assert in_time > 1.8 * random


def test_rain_works_both_ways(lines, days):
    school = days.index[(days["is_school_day"] == 1) & (days.index >= "2022-06")]
    wet = days.loc[school, "rain_mm"] > 0
    by_rain = lines.loc[school].groupby(wet).mean()
    effect = by_rain.loc[True] / by_rain.loc[False]
    assert effect[["03", "04", "07"]].min() > 1.02
    assert effect[["08", "09", "11"]].max() < 0.97


def test_plants_work_on_holidays_and_rest_long(lines, days):
    weekday = ~days["weekday"].isin(["土", "日"])
    normal = lines["12"][weekday & (days["is_holiday"] == 0) & (days["is_plant_closed"] == 0)].mean()
    holiday = lines["12"][weekday & (days["is_holiday"] == 1) & (days["is_plant_closed"] == 0)].mean()
    closed = lines["12"][weekday & (days["is_plant_closed"] == 1)].mean()
    assert 0.85 < holiday / normal < 1.15
    assert closed / normal < 0.2
    trunk = lines["01"][weekday & (days["is_holiday"] == 1)].mean() / lines["01"][weekday].mean()
    assert trunk < 0.7


def test_school_and_events_show(lines, days):
    weekday = ~days["weekday"].isin(["土", "日"]) & (days["is_holiday"] == 0) & (days.index >= "2022-06")
    term = lines.loc[weekday].groupby(days.loc[weekday, "is_school_day"]).mean()
    assert term.loc[0, "04"] / term.loc[1, "04"] < 0.75
    saturday = lines["04"][(days["weekday"] == "土") & (days.index >= "2022-06")]
    match = days.loc[saturday.index, "event"] == "試合"
    assert saturday[match].mean() > 1.5 * saturday[~match].mean()


MONTHS = [f"2023-{month:02d}" for month in range(4, 13)] + [f"2024-{month:02d}" for month in range(1, 4)]


def clean_report(path) -> pd.DataFrame:
    """Routes down, months across and 年度計; the stale column is still in it."""
    names = ["route_id", "route", *MONTHS, "年度計"]
    table = pd.read_csv(path, encoding="cp932", header=None, skiprows=4, names=names, dtype=str)
    table = table[table["route_id"].str.fullmatch(r"\d+")]
    table["route_id"] = table["route_id"].str.zfill(2)
    table = table.set_index("route_id").drop(columns="route")
    text = table.apply(lambda column: column.str.normalize("NFKC").str.replace(",", "").str.strip())
    return text.replace("-", "0").astype(int)


def monthly_sums(bus, first, last) -> pd.DataFrame:
    year = bus[bus["date"].between(first, last)]
    month = year["date"].dt.strftime("%Y-%m")
    return year.pivot_table(index="route_id", columns=month, values="riders", aggfunc="sum")


def stale_months(report, year_before) -> list[str]:
    """Months whose column equals the same month of the year before."""
    return [
        month
        for month in MONTHS
        if (report[month] == year_before[f"{int(month[:4]) - 1}{month[4:]}"]).mean() > 0.5
    ]


def test_report_cleaned_and_repaired_equals_the_clean_sums(datasets, bus):
    report = clean_report(datasets / "messy" / "bus_monthly_r5.csv")
    clean = monthly_sums(bus, "2023-04-01", "2024-03-31")
    year_before = monthly_sums(bus, "2022-04-01", "2023-03-31")
    assert stale_months(report, year_before) == ["2023-08"]
    assert (report["2023-08"] != clean["2023-08"]).all()
    assert (report["年度計"] == clean.sum(axis=1)).all()
    report["2023-08"] = report["年度計"] - report[MONTHS].drop(columns="2023-08").sum(axis=1)
    pd.testing.assert_frame_equal(report[MONTHS], clean, check_names=False)


def test_report_has_every_kind_of_mess(datasets):
    text = (datasets / "messy" / "bus_monthly_r5.csv").read_bytes().decode("cp932")
    lines = text.split("\r\n")
    assert lines[0].startswith("令和５年度") and "令和６年" in lines[2] and "年度計" in lines[2]
    first = [line.split(",")[0] for line in lines[4:] if line]
    assert first.count("1") == 1 and "01" not in first
    assert sum(cell.startswith("小計") for cell in first) == 2 and first.count("合　計") == 1
    assert sum(cell.startswith("注") for cell in first) == 3
    assert "架空の市の合成データ" in text
    cells = pd.read_csv(
        datasets / "messy" / "bus_monthly_r5.csv", encoding="cp932", header=None, skiprows=4, dtype=str
    ).loc[:, 2:]
    assert cells.isin(["－"]).sum().sum() == 1
    assert cells.stack().str.contains("[０-９]").sum() >= 5
    assert cells.stack().str.endswith(" ").sum() >= 30
