"""The form digits show what the lessons say: leak by source, shift, fields, check digit, reject option."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

BLANK = 10


@pytest.fixture(scope="module")
def images(datasets):
    with np.load(datasets / "form_digits.npz") as arrays:
        assert arrays.files == ["images"]
        return arrays["images"]


@pytest.fixture(scope="module")
def ink(images):
    return 1 - images.reshape(len(images), -1) / 255


@pytest.fixture(scope="module")
def boxes(datasets):
    fields = pd.read_csv(datasets / "form_fields.csv", dtype={"code": str})
    return pd.read_csv(datasets / "form_digits.csv").merge(fields, on="field_id", validate="many_to_one")


@pytest.fixture(scope="module")
def parts(boxes):
    """Rows to learn from, tidy rows to test on, faded rows to test on."""
    learn, tidy = boxes["part"] == "学習", boxes["form_type"] == "通常"
    assert not (learn & ~tidy).any()
    return learn, tidy & ~learn, ~tidy


def test_pictures_and_rows_belong_together(images, boxes):
    assert images.shape == (7700, 12, 12) and images.dtype == np.uint8
    assert boxes["image"].tolist() == list(range(len(images)))
    assert boxes.groupby("field_id")["position"].apply(list).map(lambda p: p == [1, 2, 3, 4, 5, 6, 7]).all()
    counts = boxes.drop_duplicates("field_id").groupby(["form_type", "part"]).size().to_dict()
    assert counts == {("通常", "学習"): 600, ("通常", "評価"): 300, ("かすれ・枠ずれ", "評価"): 200}


def test_labels_are_the_digits_of_the_code(boxes):
    digit = [int(code[position - 1]) for code, position in zip(boxes["code"], boxes["position"], strict=True)]
    blank = boxes["label"] == BLANK
    assert (boxes["label"] == digit)[~blank].all()
    assert (blank.groupby(boxes["field_id"]).sum() == boxes.groupby("field_id")["n_blank"].first()).all()
    assert 0.04 < blank.groupby(boxes["field_id"]).any().mean() < 0.10
    source = boxes["source_id"]
    assert source.isna().equals(blank)
    written = boxes[~blank]
    assert (load_digits().target[written["source_id"].astype(int)] == written["label"]).all()


def test_no_source_picture_is_in_both_parts(boxes):
    by_part = boxes.dropna(subset="source_id").groupby("part")["source_id"].agg(set)
    assert not by_part["学習"] & by_part["評価"]
    assert len(by_part["学習"]) > 1000 and len(by_part["評価"]) > 650
    used = boxes.dropna(subset="source_id").groupby("source_id").size()
    assert used.mean() > 3  # so a split by box or field does leak


def test_field_number_tells_nothing(boxes):
    fields = boxes.drop_duplicates("field_id")
    number = fields["field_id"].str[1:].astype(int)
    assert abs(number.corr(fields["part"] == "学習")) < 0.06
    assert abs(number.corr(fields["form_type"] == "通常")) < 0.06


def test_check_digit_finds_every_single_error(boxes):
    codes = boxes["code"].drop_duplicates()
    digits = np.array([[int(letter) for letter in code] for code in codes])
    weights = np.array([7, 3, 9, 1, 7, 3, 1])
    assert (digits @ weights % 10 == 0).all()
    for position in range(7):
        for add in range(1, 10):
            wrong = digits.copy()
            wrong[:, position] = (wrong[:, position] + add) % 10
            assert (wrong @ weights % 10 != 0).all()
    assert codes.str.startswith("0").sum() > 50


@pytest.fixture(scope="module")
def read(ink, boxes, parts):
    machine = SVC(C=5).fit(ink[parts[0]], boxes.loc[parts[0], "label"])
    return pd.Series(machine.predict(ink))


def test_accuracy_falls_on_faded_forms(read, boxes, parts):
    right = read == boxes["label"]
    written = boxes["label"] != BLANK
    for chosen in (slice(None), written):
        tidy, faded = (right[part][chosen].mean() for part in parts[1:])
        assert 0.933 <= tidy <= 0.975
        assert 0.64 <= faded <= 0.72


def test_split_by_box_flatters(ink, boxes, read, parts):
    tidy = boxes[boxes["form_type"] == "通常"]
    some, rest = train_test_split(tidy, train_size=int(parts[0].sum()), random_state=0)
    random = SVC(C=5).fit(ink[some.index], some["label"]).score(ink[rest.index], rest["label"])
    honest = (read == boxes["label"])[parts[1]].mean()
    assert random > honest + 0.015


def test_errors_multiply_in_a_field(read, boxes, parts):
    right = read == boxes["label"]
    tidy, faded = (right[part].groupby(boxes.loc[part, "field_id"]).all().mean() for part in parts[1:])
    assert abs(tidy - right[parts[1]].mean() ** 7) < 0.05
    assert faded > right[parts[2]].mean() ** 7  # errors gather in bad fields


def test_low_confidence_goes_with_error(ink, boxes, parts):
    forest = RandomForestClassifier(60, random_state=0).fit(ink[parts[0]], boxes.loc[parts[0], "label"])
    sure = pd.Series(forest.predict_proba(ink).max(axis=1))
    right = pd.Series(forest.predict(ink) == boxes["label"])
    for part in parts[1:]:
        order = sure[part].sort_values()
        doubtful, rest = order.index[: len(order) // 5], order.index[len(order) // 5 :]
        assert right[rest].mean() > right[doubtful].mean() + 0.2
    order = sure[parts[1]].sort_values().index
    assert right[order[len(order) // 5 :]].mean() > 0.97


def test_pictures_are_paper_with_ink(images, boxes):
    paper = np.median(images.reshape(len(images), -1), axis=1)
    assert (paper > 120).all()
    darkest = np.quantile(images.reshape(len(images), -1), 0.05, axis=1)
    tidy, blank = boxes["form_type"] == "通常", boxes["label"] == BLANK
    assert np.median(darkest[tidy & ~blank]) < np.median(darkest[~tidy & ~blank]) - 10
    assert darkest[tidy & blank].min() > np.median(darkest[tidy & ~blank])
