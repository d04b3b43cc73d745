"""Who gets a nursery seat (利用調整): nurseries, one round of applications, the points table, past rounds.

Families live where children live (``population_age``). A family likes near and good nurseries and the one
where a sibling already is, with a taste of its own (Gumbel noise: Plackett-Luce); how MANY it writes down is
behaviour, not taste. Points follow the rule table; a missing certificate counts as 求職中, which happens most
to families who use another language. Nurseries and seats are those of ``childcare_nurseries``.
The past rounds were decided by deferred acceptance with the points that were in force then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from . import childcare_nurseries, city, seeds
from .childcare_nurseries import AGES, NURSERIES, with_quality
from .csv_format import to_csv_bytes
from .placement import deferred_acceptance

YEAR, APPLICANTS = 2026, 900  # one city's round [A]
PAST_YEARS, PAST_APPLICANTS = (2023, 2024, 2025), 700
AGE_SHARE = [0.260, 0.385, 0.165, 0.115, 0.045, 0.030]  # of applicants, ages 0-2 heavy [A]
PAIRS_PER_900 = 75  # families with two applications in one round [A]
MAX_LIST = 10  # 草津市 3, 港区 20 [S]
OTHER_LANGUAGE_SHARE = {"駅前": 0.16, "東野": 0.13, "港": 0.12}  # elsewhere 0.06 [A]

# rule_id, part, column, value, text, points now, points until 2025.
# 郡山市 [S]: 200 + 200 for two full-time parents; sibling bonus changed after a simulation. The rest [A].
RULES = (
    ("R01", "保護者", "guardian", "就労160", "月160時間以上の就労", 200, 200),
    ("R02", "保護者", "guardian", "就労120", "月120時間以上160時間未満の就労", 170, 170),
    ("R03", "保護者", "guardian", "就労64", "月64時間以上120時間未満の就労", 120, 120),
    ("R04", "保護者", "guardian", "自営", "自営業や家での仕事が月160時間以上", 200, 140),
    ("R05", "保護者", "guardian", "疾病", "病気やけが、障害", 180, 180),
    ("R06", "保護者", "guardian", "介護", "家族の介護や看護", 160, 160),
    ("R07", "保護者", "guardian", "就学", "学校や職業訓練", 150, 150),
    ("R08", "保護者", "guardian", "出産", "出産の前後", 140, 140),
    ("R09", "保護者", "guardian", "求職", "仕事をさがしている", 60, 60),
    ("R10", "保護者", "guardian", "不在", "ひとり親のため、もう1人の保護者がいない", 200, 200),
    ("R11", "保護者", "documents_missing", "1以上", "証明書がない保護者。R09と同じ点にする", 60, 60),
    ("R21", "調整", "single_parent", "1", "ひとり親の家庭", 40, 40),
    ("R22", "調整", "returning_from_leave", "1", "育児休業から仕事にもどる", 20, 20),
    ("R23", "調整", "other_service", "1", "認可外の施設などを利用している", 15, 15),
    ("R24", "調整", "sibling_of", "あり", "きょうだいを同時に申し込む", 10, 0),
    ("R25", "調整", "disability", "1", "子に障害がある（書類で確認）", 30, 30),
    ("R26", "調整", "grandparent_at_home", "1", "65歳未満の祖父母と同居", -10, -20),
    ("R31", "園ごとの調整", "sibling_enrolled_nursery", "その園", "きょうだいが通う園を希望", 50, 10),
    ("R32", "園ごとの調整", "graduating_from", "連携園", "小規模保育を終えて連携園を希望", 100, 100),
    ("R41", "同点のとき", "income_band", "小さい順", "1番目に、所得の階層が低い順", 0, 0),
    ("R42", "同点のとき", "lottery_no", "小さい順", "2番目に、くじの番号の順", 0, 0),
)
POINTS = {rule[0]: rule[5] for rule in RULES}
POINTS_BEFORE = {rule[0]: rule[6] for rule in RULES}
GUARDIAN_RULE = {rule[3]: rule[0] for rule in RULES if rule[2] == "guardian"}

GUARDIANS = ["就労160", "就労120", "就労64", "自営", "疾病", "介護", "就学", "出産", "求職", "不在"]
GUARDIAN_1_SHARE = [0.46, 0.17, 0.11, 0.08, 0.03, 0.02, 0.02, 0.02, 0.09, 0.00]  # [A]
GUARDIAN_2_SHARE = [0.70, 0.03, 0.01, 0.11, 0.02, 0.01, 0.00, 0.00, 0.01, 0.11]  # [A]

EXTEND, OTHER, PAUSE, ONLY, ANY = (
    "育児休業をのばす",
    "認可外などを利用する",
    "求職活動を休む",
    "希望した園だけを待つ",
    "紹介された園に入る",
)
IF_UNPLACED = [EXTEND, OTHER, PAUSE, ONLY, ANY]
IF_UNPLACED_SHARE = {  # [A]
    "leave": [0.72, 0.15, 0.00, 0.09, 0.04],
    "seeking": [0.00, 0.22, 0.60, 0.10, 0.08],
    "working": [0.00, 0.74, 0.00, 0.16, 0.10],
}
HOPES_TO_BE_REFUSED = 0.30  # of those who would extend the leave [A]

SMALL_REACH_M = 3_000  # who goes to a small nursery lives this near [A]


def rules() -> pd.DataFrame:
    """Return ``childcare_rules.csv``: the points table of this round and of the rounds before."""
    columns = ["rule_id", "part", "column", "value", "condition", "points", "points_until_2025"]
    return pd.DataFrame(RULES, columns=columns)


@dataclass(frozen=True)
class Round:
    """One round: the children, and child -> nursery_ids in the order written down."""

    children: pd.DataFrame
    wishes: dict[str, list[str]]


@cache
def applications(year: int = YEAR) -> Round:
    """Draw one round. ``children`` also has the hidden columns of the truth file."""
    n = APPLICANTS if year == YEAR else PAST_APPLICANTS
    rng = seeds.generator(f"childcare/round/{year}")
    families = _families(rng, n - round(n * PAIRS_PER_900 / 900), n)
    children = _children(rng, families)
    prefix = "A" if year == YEAR else f"H{year % 100}"
    width = 4 if year == YEAR else 3
    children["applicant_id"] = [f"{prefix}{number + 1:0{width}d}" for number in rng.permutation(n)]
    children["lottery_no"] = rng.permutation(n) + 1
    other = children.groupby("family")["applicant_id"].transform(lambda ids: list(ids)[::-1])
    children["sibling_of"] = other.where(children["size"] == 2, None)
    children["disability_true"] = (rng.random(n) < 0.05).astype(int)
    certified = rng.random(n) < np.where(children["foreign_language"] == 1, 0.35, 0.85)
    children["disability"] = children["disability_true"] * certified
    table = POINTS if year == YEAR else POINTS_BEFORE
    _add_points(children, table)
    wishes = _wishes(rng, children)
    children["list_length"] = [len(wishes[child]) for child in children["applicant_id"]]
    return Round(children.sort_values("applicant_id", ignore_index=True), wishes)


def _families(rng: np.random.Generator, count: int, n: int) -> pd.DataFrame:
    """Where they live and what the guardians do; the first ``n - count`` have two children applying."""
    towns = city.towns()
    children = (towns["population"] * towns["children_pct"]).to_numpy()
    table = city.scatter(rng, children, count)
    table["size"] = np.where(np.arange(count) < n - count, 2, 1)
    district = table["town_code"].str[:2].map(city.DISTRICT_OF_CODE)
    share = district.map(lambda place: OTHER_LANGUAGE_SHARE.get(place.name, 0.06))
    table["foreign_language"] = (rng.random(count) < share).astype(int)
    table["guardian1"] = rng.choice(GUARDIANS, size=count, p=GUARDIAN_1_SHARE)
    table["guardian2"] = rng.choice(GUARDIANS, size=count, p=GUARDIAN_2_SHARE)
    table["single_parent"] = (table["guardian2"] == "不在").astype(int)
    works = table["guardian1"].isin(GUARDIANS[:4])
    table["returning_from_leave"] = (works & (rng.random(count) < 0.58)).astype(int)
    table["other_service"] = (
        works & (table["returning_from_leave"] == 0) & (rng.random(count) < 0.42)
    ).astype(int)
    table["grandparent_at_home"] = (rng.random(count) < 0.09).astype(int)
    full = (table["guardian1"] == "就労160").astype(int) + table["guardian2"].isin(["就労160", "自営"])
    band = 2.4 + 1.6 * full - 1.2 * table["single_parent"] + rng.normal(0, 1.1, count)
    table["income_band"] = np.clip(band.round(), 1, 8).astype(int)
    # A certificate per guardian; a family that cannot read the form brings fewer of them.
    missing = np.where(
        table["foreign_language"] == 1, 0.24, np.where(table["guardian1"] == "自営", 0.05, 0.02)
    )
    table["missing_1"] = rng.random(count) < missing
    table["missing_2"] = (rng.random(count) < missing) & (table["single_parent"] == 0)
    table["documents_missing"] = table["missing_1"].astype(int) + table["missing_2"].astype(int)
    table["enrolled"] = rng.random(count) < 0.24
    table["together"] = rng.random(count) < 0.55
    table["family"] = np.arange(count)
    return table


def _children(rng: np.random.Generator, families: pd.DataFrame) -> pd.DataFrame:
    """One row a child; of two children the second is a twin (1 in 7) or 1 to 3 years older."""
    ages = rng.choice(AGES, size=len(families), p=AGE_SHARE)
    two = (families["size"] == 2).to_numpy()
    ages[two] = rng.choice(3, size=two.sum(), p=[0.38, 0.44, 0.18])
    older = ages + np.where(rng.random(len(families)) < 1 / 7, 0, rng.integers(1, 4, len(families)))
    second = families[two].assign(age=older[two])
    table = pd.concat([families.assign(age=ages), second], ignore_index=True)
    table.loc[table["age"] >= 4, "returning_from_leave"] = 0
    # Age 3 from a small nursery, which ends at age 2.
    small = with_quality()[with_quality()["kind"] == "小規模保育"]
    ids, xs, ys = small["nursery_id"].to_numpy(), small["x_m"].to_numpy(), small["y_m"].to_numpy()
    distances = [np.hypot(xs - x, ys - y) for x, y in zip(table["x_m"], table["y_m"], strict=True)]
    near = np.min(distances, axis=1) < SMALL_REACH_M
    graduates = (table["age"] == 3) & near & (rng.random(len(table)) < 0.5)
    table["graduating_from"] = np.where(graduates, ids[np.argmin(distances, axis=1)], None)
    seeking = (table["guardian1"] == "求職") | (table["guardian2"] == "求職")
    kind = np.select([table["returning_from_leave"] == 1, seeking], ["leave", "seeking"], "working")
    shares = np.array([IF_UNPLACED_SHARE[each] for each in kind])
    drawn = (rng.random(len(families))[table["family"], None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    table["if_unplaced"] = np.array(IF_UNPLACED)[drawn]
    refused = rng.random(len(families))[table["family"]] < HOPES_TO_BE_REFUSED
    table["hopes_to_be_refused"] = ((table["if_unplaced"] == EXTEND) & refused & (table["size"] == 1)).astype(
        int
    )
    table["sibling_condition"] = np.where(table["together"], "同じ園だけ", "別の園でもよい")
    table.loc[table["size"] == 1, "sibling_condition"] = None
    return table


def _add_points(children: pd.DataFrame, points: dict[str, int]) -> None:
    """Add the parts and the total, and what the total would be with every certificate."""
    full = 0
    for number in (1, 2):
        by_reason = children[f"guardian{number}"].map(lambda reason: points[GUARDIAN_RULE[reason]])
        missing = children[f"missing_{number}"]
        children[f"points_guardian{number}"] = np.where(
            missing, np.minimum(by_reason, points["R11"]), by_reason
        )
        full = full + by_reason
    flags = (
        points["R21"] * children["single_parent"]
        + points["R22"] * children["returning_from_leave"]
        + points["R23"] * children["other_service"]
        + points["R24"] * (children["size"] == 2)
        + points["R26"] * children["grandparent_at_home"]
    )
    children["points_adjust"] = flags + points["R25"] * children["disability"]
    parts = ["points_guardian1", "points_guardian2", "points_adjust"]
    children["points_total"] = children[parts].sum(axis=1)
    children["points_with_documents"] = full + flags + points["R25"] * children["disability_true"]


def _wishes(rng: np.random.Generator, children: pd.DataFrame) -> dict[str, list[str]]:
    """Return child -> nursery_ids; adds what comes with it: sibling's nursery, taste, distance."""
    table = with_quality()
    ids = table["nursery_id"].to_numpy()
    takes = np.array([[kind != "小規模保育" or age < 3 for kind in table["kind"]] for age in AGES])
    takes[0] &= (table["seats_0"] > 0).to_numpy()
    cars = city.towns().set_index("town_code")["cars_per_household"]
    linked = table.set_index("nursery_id")["linked_nursery"]
    wishes, enrolled_at, acceptable, first_km = {}, {}, {}, {}
    for _, family in children.groupby("family", sort=True):
        head = family.iloc[0]
        km = np.hypot(table["x_m"] - head["x_m"], table["y_m"] - head["y_m"]).to_numpy() / 1000
        taste = 0.9 * table["quality"].to_numpy() - 1.5 * km / cars[head["town_code"]] ** 0.5
        taste = taste + rng.gumbel(0, 0.75, NURSERIES)
        sibling_at = None
        if head["enrolled"] and family["age"].max() < 5:
            sibling_at = ids[np.argmax(np.where(takes[5], taste + rng.gumbel(0, 0.5, NURSERIES), -np.inf))]
            taste = taste + 3.0 * (ids == sibling_at)
        floor = np.sort(taste)[-4] - rng.uniform(0.5, 2.5)  # below it the family would rather not go
        length = _list_length(rng, head)
        together = takes[family["age"].to_numpy()].all(axis=0)
        for row in family.itertuples():
            allowed = together if row.sibling_condition == "同じ園だけ" else takes[row.age]
            own = taste + 4.0 * (ids == linked.get(row.graduating_from, ""))
            if row.hopes_to_be_refused:
                own = own + 2.5 * table["quality"].to_numpy()
            ranked = [index for index in np.argsort(-own, kind="stable") if allowed[index]]
            good = max(sum(own[index] >= floor for index in ranked), 1)
            chosen = ranked[: min(length, good)]
            child = row.applicant_id
            wishes[child] = [str(ids[index]) for index in chosen]
            enrolled_at[child], acceptable[child], first_km[child] = sibling_at, good, km[chosen[0]]
    children["sibling_enrolled_nursery"] = children["applicant_id"].map(enrolled_at)
    children["acceptable_nurseries"] = children["applicant_id"].map(acceptable)
    children["first_choice_km"] = children["applicant_id"].map(first_km)
    return wishes


def _list_length(rng: np.random.Generator, head: pd.Series) -> int:
    """How many nurseries a family writes down: few when sure of a seat, or when the form is hard to read."""
    if head["hopes_to_be_refused"]:
        return 1 + int(rng.random() < 0.25)
    mean = {EXTEND: 2.4, OTHER: 3.6, PAUSE: 3.0, ONLY: 1.6, ANY: 6.5}[head["if_unplaced"]]
    mean *= 1.25 if head["points_total"] < 380 else 0.9
    mean *= 0.45 if head["foreign_language"] else 1.0
    return int(min(MAX_LIST, 1 + rng.poisson(mean)))


def order_of(children: pd.DataFrame, wishes: dict[str, list[str]], points: dict[str, int]) -> dict:
    """Return (child, nursery) -> sort key: points with the nursery's own bonus, income band, lot."""
    linked = with_quality().set_index("nursery_id")["linked_nursery"]
    order = {}
    for row in children.itertuples():
        for nursery in wishes[row.applicant_id]:
            bonus = points["R31"] * (nursery == row.sibling_enrolled_nursery)
            bonus += points["R32"] * (nursery == linked.get(row.graduating_from, ""))
            key = (-(row.points_total + bonus), row.income_band, row.lottery_no)
            order[row.applicant_id, nursery] = key
    return order


def _past_seats(year: int, age: int) -> dict[str, int]:
    """Seats of a past round: this round's, more or less."""
    rng = seeds.generator(f"childcare/past_seats/{year}/{age}")
    now = with_quality().set_index("nursery_id")[f"seats_{age}"] * PAST_APPLICANTS / APPLICANTS
    drawn = rng.poisson(now.to_numpy())
    return dict(zip(now.index, drawn.tolist(), strict=True))


def history() -> pd.DataFrame:
    """Return ``childcare_history.csv``: three past rounds with who was placed."""
    parts = []
    for year in PAST_YEARS:
        past = applications(year)
        children = past.children.assign(round=year, placed=0)
        order = order_of(children, past.wishes, POINTS_BEFORE)
        for age in AGES:
            wishes = {
                child: past.wishes[child] for child in children.loc[children["age"] == age, "applicant_id"]
            }
            matched = deferred_acceptance(wishes, order, _past_seats(year, age))
            children.loc[children["applicant_id"].isin(list(matched)), "placed"] = 1
        parts.append(children)
    table = pd.concat(parts, ignore_index=True)
    table["sibling_enrolled"] = table["sibling_enrolled_nursery"].notna().astype(int)
    table["sibling_applies"] = (table["size"] == 2).astype(int)
    return table[
        ["applicant_id", "round", "age", "guardian1", "guardian2", "single_parent", "returning_from_leave",
         "other_service", "grandparent_at_home", "sibling_applies", "sibling_enrolled", "disability",
         "foreign_language", "documents_missing", "income_band", "list_length", "first_choice_km",
         "points_total", "placed"]
    ]  # fmt: skip


def applicants() -> pd.DataFrame:
    """Return ``childcare_applicants.csv``."""
    return applications().children[
        ["applicant_id", "town_code", "x_m", "y_m", "age", "guardian1", "guardian2", "single_parent",
         "returning_from_leave", "other_service", "grandparent_at_home", "disability", "foreign_language",
         "documents_missing", "sibling_of", "sibling_condition", "sibling_enrolled_nursery",
         "graduating_from", "points_guardian1", "points_guardian2", "points_adjust", "points_total",
         "income_band", "lottery_no", "list_length", "if_unplaced"]
    ]  # fmt: skip


def truth() -> pd.DataFrame:
    """Return what learners must not have: needs without papers, taste without the list, hidden hopes."""
    return applications().children[
        [
            "applicant_id",
            "points_with_documents",
            "disability_true",
            "acceptable_nurseries",
            "hopes_to_be_refused",
        ]
    ]


def preferences() -> pd.DataFrame:
    """Return ``childcare_preferences.csv``: one row a wish."""
    wishes = applications().wishes
    rows = [
        (child, rank, nursery) for child in sorted(wishes) for rank, nursery in enumerate(wishes[child], 1)
    ]
    return pd.DataFrame(rows, columns=["applicant_id", "rank", "nursery_id"])


def files() -> dict[str, bytes]:
    """Return path -> bytes of the five tables and the truth."""
    return {
        "nurseries.csv": to_csv_bytes(childcare_nurseries.build()),
        "childcare_rules.csv": to_csv_bytes(rules()),
        "childcare_applicants.csv": to_csv_bytes(applicants()),
        "childcare_preferences.csv": to_csv_bytes(preferences()),
        "childcare_history.csv": to_csv_bytes(history(), decimals={"first_choice_km": 2}),
        "instructor/childcare_applicants_truth.csv": to_csv_bytes(truth()),
    }
