"""People and places fit together: districts, towns, ages, branch offices, calendar and weather."""

from __future__ import annotations

import pandas as pd
import pytest

CODES = {"district_code": str, "town_code": str}


@pytest.fixture(scope="module")
def districts(datasets):
    return pd.read_csv(datasets / "districts.csv", dtype=CODES)


@pytest.fixture(scope="module")
def towns(datasets):
    return pd.read_csv(datasets / "towns.csv", dtype=CODES)


@pytest.fixture(scope="module")
def ages(datasets):
    return pd.read_csv(datasets / "population_age.csv", dtype=CODES)


def test_districts_add_up_to_the_branch_offices_every_april(districts, ages, branches):
    offices = branches.set_index(["month", "branch"])["population"]
    office = ages["district_code"].map(districts.set_index("district_code")["branch"])
    people = ages.groupby(["year", office])["population"].sum()
    for (year, branch), total in people.items():
        if branch != "本庁":
            assert total == offices[f"{year}-04", branch], (year, branch)
    assert set(branches["branch"]) == set(districts["branch"]) - {"本庁"}


def test_towns_and_ages_add_up_to_the_districts(districts, towns, ages):
    expected = districts.set_index("district_code")
    by_town = towns.groupby("district_code")[["population", "households"]].sum()
    pd.testing.assert_frame_equal(by_town, expected[["population", "households"]])
    by_age = ages[ages["year"] == 2025].groupby("district_code")["population"].sum()
    pd.testing.assert_series_equal(by_age, expected["population"])
    assert (towns["town_code"].str[:2] == towns["district_code"]).all()


@pytest.mark.parametrize(("column", "first", "last"), [("children_pct", 0, 14), ("elderly_pct", 65, 200)])
def test_age_shares_of_towns_agree_with_the_age_table(towns, ages, column, first, last):
    now = ages[ages["year"] == 2025]
    lower = now["age_group"].str.extract(r"(\d+)")[0].astype(int)
    people = now.groupby("district_code")["population"].sum()
    share = 100 * now[lower.between(first, last)].groupby("district_code")["population"].sum() / people
    ours = (towns[column] * towns["population"]).groupby(towns["district_code"]).sum() / people
    assert (share - ours).abs().max() < 0.06  # towns are rounded to one decimal


def test_every_year_grows_older(ages):
    lower = ages["age_group"].str.extract(r"(\d+)")[0].astype(int)
    share = ages[lower >= 65].groupby("year")["population"].sum() / ages.groupby("year")["population"].sum()
    assert share.is_monotonic_increasing


def test_towns_are_apart_and_inside_the_city(towns):
    places = towns[["x_m", "y_m"]].to_numpy()
    gaps = ((places[:, None] - places[None]) ** 2).sum(axis=2) ** 0.5
    gaps[range(len(gaps)), range(len(gaps))] = 1e9
    assert gaps.min() > 250
    assert towns["x_m"].between(0, 12_000).all() and towns["y_m"].between(0, 10_000).all()


@pytest.mark.parametrize(
    "name", ["houses", "pipes", "road_reports", "nurseries", "childcare_applicants", "evacuation_nodes"]
)
def test_a_place_belongs_to_the_nearest_town_and_does_not_stick_to_the_border(datasets, towns, name):
    places = pd.read_csv(datasets / f"{name}.csv", dtype=CODES)
    dx = places["x_m"].to_numpy()[:, None] - towns["x_m"].to_numpy()
    dy = places["y_m"].to_numpy()[:, None] - towns["y_m"].to_numpy()
    assert (towns["town_code"].to_numpy()[(dx**2 + dy**2).argmin(axis=1)] == places["town_code"]).all()
    assert (places["x_m"].isin([0, 12_000]) | places["y_m"].isin([0, 10_000])).mean() < 0.005


def test_houses_and_children_stand_where_towns_have_them(datasets, towns):
    """Nearest-town borders move some over, so the towns agree only roughly; the districts agree well."""
    expected = {
        "houses": towns["households"] * towns["detached_house_pct"],
        "childcare_applicants": towns["population"] * towns["children_pct"],
    }
    for name, people in expected.items():
        counts = pd.read_csv(datasets / f"{name}.csv", dtype=CODES)["town_code"].str[:2].value_counts()
        by_district = people.groupby(towns["district_code"]).sum()
        ratio = counts / by_district / (counts.sum() / by_district.sum())
        assert ratio.between(0.5, 1.7).all(), (name, ratio.round(2).to_dict())
        assert counts.sort_index().corr(by_district) > 0.95, name


def test_scattered_places_lie_mostly_in_the_town_they_were_drawn_for():
    import numpy as np
    from generate import city

    weights = np.zeros(60)
    weights[0] = 1
    drawn = city.scatter(np.random.default_rng(0), weights, 400)
    assert (drawn["town_code"] == "0101").mean() > 0.6
    assert set(drawn["town_code"]) > {"0101"}


def test_largest_remainder_adds_up():
    from generate.rounding import split_integer

    assert split_integer(10, [1, 1, 1]) == [4, 3, 3]
    assert split_integer(7, [0.5, 0.25, 0.25]) == [3, 2, 2]
    assert sum(split_integer(12_345, [0.1, 0.7, 0.2, 3])) == 12_345


def test_windows_stand_in_the_city_weather(datasets, daily):
    weather = pd.read_csv(datasets / "weather.csv").set_index("date")
    calendar = pd.read_csv(datasets / "calendar.csv")
    assert list(weather.index) == list(calendar["date"])
    assert (weather.loc[daily["date"], "rain_mm"].to_numpy() == daily["rain_mm"].to_numpy()).all()
    assert (weather["temperature_min_c"] < weather["temperature_mean_c"]).all()
    warm = weather["temperature_mean_c"].groupby(weather.index.str[5:7]).mean()
    assert warm.idxmax() in ("07", "08") and warm.idxmin() in ("01", "02")


def test_codes_keep_their_leading_zero(datasets):
    """A code read as a number would lose it: the files hold two and four digits."""
    for name in ("districts", "towns", "population_age"):
        table = pd.read_csv(datasets / f"{name}.csv", dtype=CODES)
        for column, width in (("district_code", 2), ("town_code", 4)):
            if column in table:
                assert (table[column].str.len() == width).all(), (name, column)
