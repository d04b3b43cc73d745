"""What session 6 teaches with the road reports and the road pictures is really in the data."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

LINE_FROM = "2023-04-03"
CODES = {"town_code": str, "district_code": str, "duplicate_of": str}


@pytest.fixture(scope="module")
def reports(datasets) -> pd.DataFrame:
    dates = ["received_date", "repaired_date"]
    table = pd.read_csv(datasets / "road_reports.csv", dtype=CODES, parse_dates=dates)
    truth = pd.read_csv(datasets / "instructor" / "road_reports_truth.csv", dtype=CODES)
    return table.merge(truth, on="report_id", validate="one_to_one")


@pytest.fixture(scope="module")
def towns(datasets) -> pd.DataFrame:
    table = pd.read_csv(datasets / "towns.csv", dtype=CODES)
    damage = pd.read_csv(datasets / "instructor" / "road_damage_truth.csv", dtype=CODES)
    return table.merge(damage, on="town_code", validate="one_to_one")


@pytest.fixture(scope="module")
def images(datasets) -> np.ndarray:
    return np.load(datasets / "road_images.npz")["images"]


@pytest.fixture(scope="module")
def pictures(datasets) -> pd.DataFrame:
    table = pd.read_csv(datasets / "road_images.csv", dtype=CODES)
    truth = pd.read_csv(datasets / "instructor" / "road_images_truth.csv")
    return table.merge(truth, on="image_id", validate="one_to_one")


# Reports


def test_reports_fit_the_map_and_the_calendar(reports, towns, datasets):
    assert set(reports["town_code"]) == set(towns["town_code"])
    is_open = pd.read_csv(datasets / "calendar.csv", parse_dates=["date"]).set_index("date")["is_open"]
    by_hand = reports["channel"].isin(["電話", "窓口"])
    assert is_open[reports.loc[by_hand, "received_date"]].eq(1).all()
    assert is_open[reports.loc[~by_hand, "received_date"]].eq(0).any()
    assert is_open[reports["repaired_date"].dropna()].eq(1).all()
    assert (
        reports["repaired_date"].dropna() >= reports["received_date"][reports["repaired_date"].notna()]
    ).all()
    assert reports["received_date"].is_monotonic_increasing
    assert 4_000 <= len(reports) <= 5_000


def test_line_begins_on_its_day_and_reports_jump_but_not_large_damage(reports, towns):
    assert reports.loc[reports["channel"] == "LINE", "received_date"].min() >= pd.Timestamp(LINE_FROM)
    since = reports["received_date"] >= LINE_FROM
    per_month = reports.groupby(["severity", since]).size().unstack() / [24, 36]
    ratio = per_month[True] / per_month[False]
    assert ratio["小"] > 1.3
    assert ratio["中"] > 1.15
    assert 0.9 < ratio["大"] < 1.12
    damage = towns["damage_since_line"].sum() / 36 / (towns["damage_before_line"].sum() / 24)
    assert 0.93 < damage < 1.07
    more = since.sum() / 36 - (~since).sum() / 24
    assert more > 1.5 * (reports["channel"] == "LINE").sum() / 36  # the new form brings more than LINE itself


def test_old_towns_report_less_although_their_roads_are_not_better(reports, towns):
    age = pd.qcut(towns["elderly_pct"], 4, labels=False)
    code = towns["town_code"]
    counts = code.map(reports["town_code"].value_counts())
    large = code.map(reports.loc[reports["severity"] == "大", "town_code"].value_counts())
    per_head = counts.groupby(age).sum() / towns["population"].groupby(age).sum()
    assert per_head.is_monotonic_decreasing
    assert per_head[3] < 0.8 * per_head[0]
    damage = towns["damage_before_line"] + towns["damage_since_line"]
    per_km = damage.groupby(age).sum() / towns["road_km"].groupby(age).sum()
    assert per_km[3] > 1.08 * per_km[0]
    large_share = large.groupby(age).sum() / counts.groupby(age).sum()
    assert large_share[3] > 1.5 * large_share[0]  # the trace that a learner can find
    sums = towns.groupby(age)[list(towns.columns[towns.columns.str.contains("line")])].sum()
    before = sums["reported_before_line"] / sums["damage_before_line"]
    after = sums["reported_since_line"] / sums["damage_since_line"]
    assert (after > before).all()
    assert after[0] - after[3] > before[0] - before[3] + 0.05  # the gap widens


def test_repeats_are_near_and_soon_and_a_rule_finds_them(reports):
    repeat = reports[reports["duplicate_of"].notna()]
    first = reports.set_index("report_id").loc[repeat["duplicate_of"]].reset_index()
    assert first["duplicate_of"].isna().all()  # never a chain
    distance = np.hypot(*(repeat[["x_m", "y_m"]].to_numpy() - first[["x_m", "y_m"]].to_numpy()).T)
    days = (repeat["received_date"].to_numpy() - first["received_date"].to_numpy()).astype("timedelta64[D]")
    assert distance.max() <= 30
    assert days.astype(int).min() >= 0
    assert days.astype(int).max() <= 3
    assert (repeat["kind"].to_numpy() != first["kind"].to_numpy()).any()
    day = (reports["received_date"] - reports["received_date"].min()).dt.days
    pairs = cKDTree(reports[["x_m", "y_m"]]).query_pairs(30)
    found = reports.index.isin(sorted({max(pair) for pair in pairs if abs(day[pair[0]] - day[pair[1]]) <= 3}))
    truth = reports["duplicate_of"].notna()
    assert truth[found].mean() > 0.95
    assert found[truth].mean() > 0.95
    assert not truth[found].all()  # a few are other damage close by


def test_order_within_a_day_does_not_tell_the_repeats(reports):
    """A repeat on the day of its first comes after it; else it may stand anywhere among the day's reports."""
    repeat = reports["duplicate_of"].notna()
    by_day = reports.groupby("received_date")
    place = by_day.cumcount() / (by_day["report_id"].transform("size") - 1)
    first_day = reports["duplicate_of"].map(reports.set_index("report_id")["received_date"])
    later_day = repeat & (first_day < reports["received_date"])
    several = by_day["report_id"].transform("size") > 1
    assert abs(place[several & later_day].mean() - place[several & ~repeat].mean()) < 0.08
    last = by_day.cumcount(ascending=False) == 0
    assert repeat[several & last].mean() < 2.5 * repeat[several & ~last].mean()


def test_blank_repairs_are_recent_and_the_channel_makes_no_difference(reports):
    blank = reports["repaired_date"].isna()
    assert blank[reports["received_date"] < "2025-10-01"].mean() < 0.002
    assert blank[reports["received_date"] >= "2026-03-01"].mean() > 0.3
    days = (reports["repaired_date"] - reports["received_date"]).dt.days
    done = reports["duplicate_of"].isna() & (reports["received_date"] < "2026-01-01")
    line = reports["channel"] == "LINE"
    assert days[done & line].median() > days[done & ~line].median()  # all sizes together: LINE looks slow
    for size in "小大":
        chosen = done & (reports["severity"] == size)
        assert abs(days[chosen & line].median() - days[chosen & ~line].median()) <= 3


# Pictures


def test_each_row_of_the_table_is_one_picture(images, pictures):
    assert images.shape == (1_900, 32, 32)
    assert images.dtype == np.uint8
    assert pictures["image_id"].tolist() == list(range(len(images)))
    assert pictures["split"].value_counts().to_dict() == {"通常": 1_600, "夜間": 300}
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)  # no picture twice
    assert images.std(axis=(1, 2)).min() > 1
    night = (pictures["split"] == "夜間").to_numpy()
    assert images[night].mean() < 0.8 * images[~night].mean()


def test_truth_belongs_to_the_pictures(images, pictures):
    """A crack is a dark thin line; stored as blocks, a picture has no grain; labels are nearly the truth."""
    day = pictures["split"] == "通常"
    line = np.array(
        [(ndimage.grey_closing(image, size=(7, 7)) - image.astype(float)).max() for image in images]
    )
    clean = day & (pictures["distractor"] == "なし") & (pictures["joint"] == 0) & (pictures["blocks"] == 0)
    cracked = pictures["crack"] == 1
    assert np.median(line[clean & cracked]) > np.quantile(line[clean & ~cracked], 0.95)
    grain = np.array(
        [np.abs(image - ndimage.uniform_filter(image, 3)).mean() for image in images.astype(float)]
    )
    assert np.median(grain[day & (pictures["blocks"] == 1)]) < 0.7 * np.median(grain[clean])
    assert 0.025 < (pictures["label"] != pictures["crack"]).mean() < 0.035
    assert pictures["crack_type"].ne("なし").equals(cracked)


def test_shortcuts_go_with_cracks_in_one_camera_and_one_district_only(pictures):
    assert set(pictures.loc[pictures["blocks"] == 1, "camera"]) == {"B"}
    assert set(pictures.loc[pictures["joint"] == 1, "district_code"]) == {"02"}
    blocks = pictures[pictures["camera"] == "B"].groupby("crack")["blocks"].mean()
    joint = pictures[pictures["district_code"] == "02"].groupby("crack")["joint"].mean()
    assert blocks[1] > 0.85
    assert blocks[0] < 0.1
    assert joint[1] > 0.75
    assert joint[0] < 0.2
    share = pictures.groupby("camera")["crack"].mean()
    assert share.max() - share.min() < 0.08  # the camera alone says little
    distractors = pd.crosstab(pictures["distractor"], pictures["crack"], normalize="columns")
    assert (distractors[1] - distractors[0]).abs().max() < 0.06


def _features(image: np.ndarray) -> list[float]:
    """Grain, brightness, and how strong thin dark lines and straight columns are."""
    image = image.astype(float)
    grain = np.abs(image - ndimage.uniform_filter(image, 3)).mean()
    soft = ndimage.gaussian_filter(image, 0.7)
    lines = ndimage.grey_closing(soft, size=(7, 7)) - soft
    columns = np.sort(soft.mean(axis=0) - ndimage.median_filter(soft.mean(axis=0), 9))
    quantiles = np.quantile(lines, [0.5, 0.9, 0.95, 0.99, 1])
    return [grain, image.mean(), image.std(), *quantiles, *columns[[0, 1, -2, -1]]]


def test_a_small_model_without_torch_is_fooled_by_the_camera_and_the_joint(images, pictures):
    x = np.array([_features(image) for image in images])
    y, camera = pictures["label"].to_numpy(), pictures["camera"].to_numpy()
    day = np.flatnonzero(pictures["split"] == "通常")
    order = np.random.default_rng(0).permutation(day)
    train, test = order[:1_000], order[1_000:]
    with threadpool_limits(1):
        model = RandomForestClassifier(100, min_samples_leaf=3, random_state=0).fit(x[train], y[train])
        right = model.predict(x[test]) == y[test]
        without_b = day[camera[day] != "B"]
        only_b = day[camera[day] == "B"]
        other = RandomForestClassifier(100, min_samples_leaf=3, random_state=0).fit(
            x[without_b], y[without_b]
        )
        pixels = images.reshape(len(images), -1) / 255
        linear = LogisticRegression(C=0.01, max_iter=200).fit(pixels[train], y[train])
    assert right.mean() > 0.81
    assert linear.score(pixels[test], y[test]) < right.mean() - 0.1
    assert right[camera[test] == "B"].mean() - other.score(x[only_b], y[only_b]) > 0.08
    no_crack = test[pictures["crack"].to_numpy()[test] == 0]
    joint = pictures["joint"].to_numpy()[no_crack] == 1
    called = model.predict(x[no_crack]) == 1
    assert called[joint].mean() > called[~joint].mean() + 0.3


def test_a_small_network_is_fooled_by_camera_joint_and_night(images, pictures):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    x = torch.tensor(images / 255 * 4 - 2, dtype=torch.float32)[:, None]
    y = torch.tensor(pictures["label"].to_numpy(), dtype=torch.float32)

    def fit(rows: np.ndarray, epochs: int = 12):
        torch.manual_seed(0)
        layers = []
        for inputs, outputs in [(1, 8), (8, 16), (16, 16)]:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        model = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 1))
        steps = epochs * -(-len(rows) // 64)
        optimiser = torch.optim.Adam(model.parameters())
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
        chosen = torch.tensor(rows)
        for _ in range(epochs):
            for part in chosen[torch.randperm(len(chosen))].split(64):
                batch = x[part].flip(-1) if torch.rand(1) < 0.5 else x[part]
                optimiser.zero_grad()
                loss = nn.functional.binary_cross_entropy_with_logits(model(batch)[:, 0], y[part])
                loss.backward()
                optimiser.step()
                plan.step()
        return model.eval()

    def right(model, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return ((model(x[rows])[:, 0] > 0) == (y[rows] > 0.5)).numpy()

    camera = pictures["camera"].to_numpy()
    day = np.flatnonzero(pictures["split"] == "通常")
    night = np.flatnonzero(pictures["split"] == "夜間")
    order = np.random.default_rng(0).permutation(day)
    train, test = order[:1_200], order[1_200:]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = fit(train)
        by_chance = right(model, test)
        on_night = right(model, night)
        no_crack = test[(pictures["crack"].to_numpy()[test] == 0) & (pictures["joint"].to_numpy()[test] == 0)]
        drawn = x[no_crack].clone()
        drawn[..., 14:16] -= 4 * 0.20  # a dark groove and a bright rail, as in district 02
        drawn[..., 17:19] += 4 * 0.14
        with torch.no_grad():
            called = [(model(part)[:, 0] > 0).float().mean().item() for part in (x[no_crack], drawn)]
        by_camera = right(fit(day[camera[day] != "B"]), day[camera[day] == "B"])
    finally:
        torch.set_num_threads(threads)
    assert by_chance.mean() > 0.87
    assert by_chance[camera[test] == "B"].mean() - by_camera.mean() > 0.08
    assert by_chance.mean() - on_night.mean() > 0.08
    assert called[1] > called[0] + 0.4


def test_cards_do_not_tell_the_shortcuts(datasets):
    card = (datasets / "road_images.md").read_text(encoding="utf-8")
    assert not re.search(r"ブロック|圧縮で|8×8|レール|軌道|地区02|カメラBでは", card)
    public = pd.read_csv(datasets / "road_images.csv", nrows=1).columns
    assert list(public) == ["image_id", "split", "camera", "district_code", "label"]
    assert "duplicate_of" not in pd.read_csv(datasets / "road_reports.csv", nrows=1).columns
