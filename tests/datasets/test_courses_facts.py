"""Courses: item-based filtering beats the list of favourites on the next year; newcomers have no past."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

LIST_LENGTH = 5


@pytest.fixture(scope="module")
def courses(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "courses.csv")


@pytest.fixture(scope="module")
def taken(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "course_enrollments.csv", dtype={"town_code": str})


@pytest.fixture(scope="module")
def lists(taken) -> dict[str, dict[str, set[str]]]:
    """Recommendations learnt from the years to 2024: favourites, and item-based by cosine."""
    past = taken[taken["fiscal_year"] <= 2024]
    matrix = pd.crosstab(past["member_id"], past["course_id"])
    took = matrix.to_numpy(dtype=float)
    length = np.sqrt((took**2).sum(axis=0))
    similar = took.T @ took / np.outer(length, length)
    np.fill_diagonal(similar, 0)
    scores = {"favourites": np.tile(took.sum(axis=0), (len(took), 1)), "items": took @ similar}
    found = {}
    for name, score in scores.items():
        order = np.argsort(-np.where(took > 0, -np.inf, score), axis=1, kind="stable")[:, :LIST_LENGTH]
        found[name] = {
            member: set(matrix.columns[row]) for member, row in zip(matrix.index, order, strict=True)
        }
    return found


def _recall(taken: pd.DataFrame, chosen: dict[str, set[str]]) -> float:
    new = taken[(taken["fiscal_year"] == 2025) & taken["member_id"].isin(chosen)]
    return float(np.mean([row.course_id in chosen[row.member_id] for row in new.itertuples()]))


def test_sizes_and_members(courses, taken):
    assert len(courses) == 60 and courses["title"].is_unique
    assert taken["member_id"].nunique() == 1_200
    assert (taken.groupby("member_id")[["age_band", "town_code"]].nunique() == 1).all(axis=None)
    number = taken.drop_duplicates("member_id")["member_id"].str[1:].astype(int)
    assert sorted(number) == list(range(1, 1_201))


def test_no_course_is_taken_before_it_began_or_twice(courses, taken):
    first = taken["course_id"].map(courses.set_index("course_id")["first_year"])
    assert (taken["fiscal_year"] >= first).all()
    assert not taken.duplicated(["member_id", "course_id"]).any()
    assert set(taken["course_id"]) == set(courses["course_id"])


def test_item_based_filtering_beats_the_favourites(taken, lists):
    favourites, items = _recall(taken, lists["favourites"]), _recall(taken, lists["items"])
    assert 0.15 < favourites < 0.28
    assert items > 1.5 * favourites


def test_favourites_show_few_courses(lists, courses):
    seen = {name: len(set.union(*chosen.values())) for name, chosen in lists.items()}
    assert seen["favourites"] < 0.3 * len(courses)
    assert seen["items"] > 0.7 * len(courses)


def test_popularity_is_uneven(taken):
    counts = taken["course_id"].value_counts()
    assert counts.head(10).sum() > 0.3 * counts.sum()
    assert counts.max() > 10 * counts.min()


def test_cold_start_of_members_and_courses(taken, courses):
    past, new = taken[taken["fiscal_year"] <= 2024], taken[taken["fiscal_year"] == 2025]
    assert 0.10 < (~new["member_id"].isin(past["member_id"])).mean() < 0.30
    fresh = set(new["course_id"]) - set(past["course_id"])
    assert fresh == set(courses.loc[courses["first_year"] == 2025, "course_id"]) and len(fresh) >= 5


def test_blank_ratings_are_not_at_random(taken):
    """A course with low ratings has more blanks: who was not pleased does not write."""
    by_course = taken.groupby("course_id")["rating"].agg(
        ["mean", "size", lambda column: column.isna().mean()]
    )
    often = by_course[by_course["size"] >= 60]
    assert often["mean"].corr(often["<lambda_0>"]) < -0.3
