"""What lessons teach with the childcare tables, the evacuation map and the garbage items is in the data."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
import pytest
from calibration.childcare import placements, waiting
from generate.childcare import POINTS, POINTS_BEFORE, order_of
from generate.placement import deferred_acceptance

START, SCHOOL, HALL, PARK = "E07", "E40", "E41", "E42"
CODES = {"town_code": str, "district_code": str}


@pytest.fixture(scope="module")
def nurseries(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "nurseries.csv", dtype=CODES)


@pytest.fixture(scope="module")
def placed(datasets) -> pd.DataFrame:
    """The applicants with the nursery they get under deferred acceptance."""
    return placements(datasets)


@pytest.fixture(scope="module")
def wishes(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "childcare_preferences.csv")


@pytest.fixture(scope="module")
def history(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "childcare_history.csv")


@pytest.fixture(scope="module")
def truth(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "instructor" / "childcare_applicants_truth.csv")


def test_deferred_acceptance_on_a_small_case():
    """Two children want each other's best school: the textbook answer, whatever the order of the children."""
    wishes = {"a": ["s", "t"], "b": ["t", "s"], "c": ["s", "t"]}
    rank = {"s": "bca", "t": "acb"}
    order = {(child, school): (rank[school].index(child),) for child in wishes for school in rank}
    for children in ("abc", "cba", "bca"):
        lists = {child: wishes[child] for child in children}
        matched = deferred_acceptance(lists, order, {"s": 1, "t": 1})
        assert matched == {"a": "t", "b": "s"}
    assert deferred_acceptance(wishes, order, {"s": 0, "t": 0}) == {}


def test_children_live_where_children_live(datasets, placed, nurseries):
    ages = pd.read_csv(datasets / "population_age.csv", dtype=CODES).query(
        "year == 2025 and age_group == '0-4'"
    )
    small = ages.groupby("district_code")["population"].sum()
    applied = placed["town_code"].str[:2].value_counts().reindex(small.index).fillna(0)
    assert applied.corr(small) > 0.95
    assert (applied < 0.5 * small).all()
    assert set(nurseries["town_code"].str[:2]) == set(small.index)  # every district has a nursery
    users = nurseries["staying"].sum() + len(placed)
    assert 0.4 < users / (small.sum() * 6 / 5) < 0.65  # of the children of 0 to 5


def test_points_follow_the_rule_table(datasets, placed, history):
    rules = pd.read_csv(datasets / "childcare_rules.csv").set_index("rule_id")
    assert rules["points"].to_dict() == POINTS and rules["points_until_2025"].to_dict() == POINTS_BEFORE
    guardian = rules[rules["column"] == "guardian"].set_index("value")["points"]
    full = placed["guardian1"].map(guardian) + placed["guardian2"].map(guardian)
    given = placed["points_guardian1"] + placed["points_guardian2"]
    complete = placed["documents_missing"] == 0
    assert (given[complete] == full[complete]).all() and (given[~complete] <= full[~complete]).all()
    adjust = (
        rules.loc["R21", "points"] * placed["single_parent"]
        + rules.loc["R22", "points"] * placed["returning_from_leave"]
        + rules.loc["R23", "points"] * placed["other_service"]
        + rules.loc["R24", "points"] * placed["sibling_of"].notna()
        + rules.loc["R25", "points"] * placed["disability"]
        + rules.loc["R26", "points"] * placed["grandparent_at_home"]
    )
    assert (placed["points_adjust"] == adjust).all()
    assert (placed["points_total"] == given + adjust).all()
    before = rules[rules["column"] == "guardian"].set_index("value")["points_until_2025"]
    past = history[history["documents_missing"] == 0]
    old = past["guardian1"].map(before) + past["guardian2"].map(before)
    assert (past["points_total"] - old).between(-20, 40 + 20 + 15 + 30).all()


def test_lists_agree_with_the_children(placed, wishes, nurseries):
    counts = wishes.groupby("applicant_id")["rank"].agg(["size", "max"])
    assert (counts["size"] == counts["max"]).all()
    assert (placed.set_index("applicant_id")["list_length"] == counts["size"]).all()
    assert not wishes.duplicated(["applicant_id", "nursery_id"]).any()
    kind = nurseries.set_index("nursery_id")["kind"]
    age = placed.set_index("applicant_id")["age"]
    older = wishes[wishes["applicant_id"].map(age) >= 3]
    assert (older["nursery_id"].map(kind) != "小規模保育").all()
    babies = wishes[wishes["applicant_id"].map(age) == 0]
    assert (babies["nursery_id"].map(nurseries.set_index("nursery_id")["seats_0"]) > 0).all()


def test_families_agree(placed, nurseries):
    both = placed.dropna(subset=["sibling_of"]).set_index("applicant_id")
    other = both.loc[both["sibling_of"]]
    assert (other["sibling_of"].to_numpy() == both.index).all()
    for column in ("x_m", "y_m", "guardian1", "guardian2", "income_band", "sibling_condition"):
        assert (both[column].to_numpy() == other[column].to_numpy()).all(), column
    assert 140 <= len(both) <= 160
    assert (placed["sibling_condition"].notna() == placed["sibling_of"].notna()).all()
    assert (placed["single_parent"] == (placed["guardian2"] == "不在")).all()
    assert sorted(placed["lottery_no"]) == list(range(1, 901))
    kind = nurseries.set_index("nursery_id")["kind"]
    graduates = placed.dropna(subset=["graduating_from"])
    assert (graduates["age"] == 3).all() and (graduates["graduating_from"].map(kind) == "小規模保育").all()
    small = nurseries["kind"] == "小規模保育"
    assert (nurseries["linked_nursery"].notna() == small).all()
    assert (nurseries.loc[small, ["seats_3", "seats_4", "seats_5", "capacity_3_5"]] == 0).all().all()


def test_many_ties(placed):
    counts = placed["points_total"].value_counts()
    assert counts.iloc[0] > 100
    assert (placed["points_total"].map(counts) > 1).mean() > 0.95


def test_no_seat_is_given_twice(placed, nurseries):
    for age in range(6):
        taken = placed.loc[placed["age"] == age, "nursery_id"].value_counts()
        seats = nurseries.set_index("nursery_id")[f"seats_{age}"]
        assert (taken <= seats.reindex(taken.index)).all()


def test_babies_and_toddlers_lack_seats(placed, nurseries):
    asked = placed["age"].value_counts()
    seats = nurseries[[f"seats_{age}" for age in range(6)]].sum()
    assert all(asked[age] > seats[f"seats_{age}"] for age in (0, 1, 2))
    assert asked[[4, 5]].sum() <= seats[["seats_4", "seats_5"]].sum()


def test_definition_trap(placed, nurseries):
    """Hundreds are in no nursery they wished for, two are "waiting"; the distance changes the number."""
    assert placed["nursery_id"].isna().sum() > 200
    counts = [waiting(placed, nurseries, reach_km) for reach_km in (1, 3, 5)]
    assert counts[0] > counts[1] > counts[2]
    assert 1 <= counts[1] <= 4


def test_documents_not_rules_make_the_gap(placed, truth, datasets):
    share = placed["nursery_id"].notna().groupby(placed["foreign_language"]).mean()
    assert share[0] - share[1] > 0.12
    missing = placed["documents_missing"].gt(0).groupby(placed["foreign_language"]).mean()
    assert missing[1] > 0.3 > 0.1 > missing[0]
    table = placed.merge(truth, on="applicant_id")
    complete = (table["documents_missing"] == 0) & (table["disability"] == table["disability_true"])
    same = table["points_with_documents"] == table["points_total"]
    assert same[complete].all()
    assert (table["points_with_documents"] >= table["points_total"]).all()
    known = table[table["disability_true"] == 1].groupby("foreign_language")["disability"].mean()
    assert known[0] > 0.7 > known[1]


def test_length_of_the_list_is_behaviour(placed, truth):
    """Families of another language write down fewer nurseries, and would accept as many."""
    table = placed.merge(truth, on="applicant_id").groupby("foreign_language")
    written, accepted = table["list_length"].mean(), table["acceptable_nurseries"].mean()
    assert written[1] < 0.75 * written[0]
    assert 0.85 < accepted[1] / accepted[0] < 1.15
    assert (truth["acceptable_nurseries"] >= placed["list_length"]).all()
    hopes = truth.merge(placed, on="applicant_id").groupby("list_length")["hopes_to_be_refused"].mean()
    assert hopes[1] > 0.3 and hopes[3] == 0


def test_the_past_shows_the_past_rules(history, placed):
    """The self-employed had fewer points until 2025: placed less often then, and as often as others now."""
    own = (history["guardian1"] == "自営") | (history["guardian2"] == "自営")
    past = history["placed"].groupby(own).mean()
    own_now = (placed["guardian1"] == "自営") | (placed["guardian2"] == "自営")
    now = placed["nursery_id"].notna().groupby(own_now).mean()
    assert past[False] - past[True] > 0.10
    assert abs(now[False] - now[True]) < 0.08
    assert history.groupby("round")["placed"].mean().between(0.65, 0.80).all()
    assert list(history["round"].value_counts()) == [700, 700, 700]


def test_order_uses_the_bonus_of_the_nursery_only_there(placed, wishes):
    child = placed.dropna(subset=["sibling_enrolled_nursery"]).iloc[0]
    lists = {child["applicant_id"]: [child["sibling_enrolled_nursery"], "N01", "N35"]}
    order = order_of(placed.loc[[child.name]], lists, POINTS)
    others = {n for n in ("N01", "N35") if n != child["sibling_enrolled_nursery"]}
    there = order[child["applicant_id"], child["sibling_enrolled_nursery"]][0]
    assert all(order[child["applicant_id"], n][0] - there == POINTS["R31"] for n in others)


# --- evacuation -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nodes(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "evacuation_nodes.csv", dtype=CODES).set_index("node_id")


@pytest.fixture(scope="module")
def roads(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "evacuation_edges.csv")


def _straight_m(nodes: pd.DataFrame, a: str, b: str) -> float:
    return float(np.hypot(nodes.at[a, "x_m"] - nodes.at[b, "x_m"], nodes.at[a, "y_m"] - nodes.at[b, "y_m"]))


def _route(roads: pd.DataFrame, goal: str, priority) -> tuple[int, list[str], int] | None:
    """Best-first search from START: (length, path, nodes seen) or None; priority(length, steps, node)."""
    near: dict[str, dict[str, int]] = {}
    for road in roads.itertuples():
        near.setdefault(road.from_node, {})[road.to_node] = road.length_m
        near.setdefault(road.to_node, {})[road.from_node] = road.length_m
    heap, done = [(0, START, 0, [START])], set()
    while heap:
        _, node, length_m, path = heapq.heappop(heap)
        if node in done:
            continue
        done.add(node)
        if node == goal:
            return length_m, path, len(done)
        for other, road_m in near.get(node, {}).items():
            if other not in done:
                key = priority(length_m + road_m, len(path), other)
                heapq.heappush(heap, (key, other, length_m + road_m, [*path, other]))
    return None


def _shortest(roads, goal):
    return _route(roads, goal, lambda length_m, steps, node: length_m)


def _fewest(roads, goal):
    return _route(roads, goal, lambda length_m, steps, node: steps)


def test_map_is_plausible(nodes, roads):
    assert nodes["town_code"].str[:2].eq("12").all()
    assert nodes["elevation_m"].between(1, 30).all()
    straight = [_straight_m(nodes, road.from_node, road.to_node) for road in roads.itertuples()]
    assert (roads["length_m"] >= straight).all()  # the straight line never overestimates
    pairs = roads[["from_node", "to_node"]].apply(lambda row: tuple(sorted(row)), axis=1)
    assert pairs.is_unique
    assert nodes["place"].tolist().index("市場通り一番") == nodes.index.tolist().index(START)
    assert nodes.loc[[SCHOOL, HALL, PARK], "kind"].eq("避難所").all()


def test_every_place_can_be_reached_when_dry(nodes, roads):
    for node in nodes.index:
        assert _shortest(roads, node), node


def test_fewest_crossings_is_not_the_shortest_way(roads):
    fewest, shortest = _fewest(roads, HALL), _shortest(roads, HALL)
    assert len(fewest[1]) < len(shortest[1])
    assert fewest[0] > 1.5 * shortest[0]


def test_a_star_finds_the_shortest_with_less_work_and_greed_does_not(nodes, roads):
    for goal in (HALL, PARK):
        shortest = _shortest(roads, goal)
        a_star = _route(roads, goal, lambda m, steps, node, goal=goal: m + _straight_m(nodes, node, goal))
        greedy = _route(roads, goal, lambda m, steps, node, goal=goal: _straight_m(nodes, node, goal))
        assert a_star[0] == shortest[0] and a_star[2] < 0.7 * shortest[2]
        assert greedy[0] > 1.1 * shortest[0] and greedy[2] < a_star[2]


def test_flood_changes_the_way_and_the_shelter(nodes, roads):
    open_roads = roads[roads["flooded"] == 0]
    dry = {goal: _shortest(roads, goal) for goal in (SCHOOL, HALL, PARK)}
    wet = {goal: _shortest(open_roads, goal) for goal in (SCHOOL, HALL, PARK)}
    assert min(dry, key=lambda goal: dry[goal][0]) == SCHOOL
    assert wet[SCHOOL] is None  # the nearest shelter lies in the hollow
    assert wet[PARK][0] > dry[PARK][0] and wet[HALL][0] > 1.8 * dry[HALL][0]
    bridges = nodes.index[nodes["kind"] == "橋"]
    used = {
        state: [node for node in way[1] if node in bridges]
        for state, way in (("dry", dry[HALL]), ("wet", wet[HALL]))
    }
    assert nodes.loc[used["dry"], "place"].tolist() == ["中橋"]
    assert nodes.loc[used["wet"], "place"].tolist() == ["上橋"]


# --- garbage ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "garbage_items.csv")


def _ten_rules(x) -> str:
    if x.holds_gas or x.has_battery:
        return "有害ごみ"
    if x.material in ("液体・薬品", "土・石"):
        return "市で収集できない"
    if x.longest_side_cm >= 50:
        return "粗大ごみ"
    if x.uses_electricity:
        return "燃やせないごみ"
    if x.is_dirty:
        return "燃やせるごみ"
    if x.is_container and x.material == "プラスチック":
        return "資源プラ"
    if x.is_container and x.material in ("金属", "ガラス"):
        return "缶・びん"
    if x.material in ("紙", "布"):
        return "紙・布"
    return "燃やせないごみ" if x.material in ("金属", "ガラス", "陶磁器") else "燃やせるごみ"


def test_ten_rules_are_mostly_right(items):
    right = pd.Series([_ten_rules(x) for x in items.itertuples()]) == items["sorting_class"]
    assert 0.85 <= right.mean() <= 0.90
    assert right.groupby(items["sorting_class"]).mean()["市で収集できない"] < 0.6
    wrong = set(items.loc[~right, "item"])
    assert {"光る子どもの靴", "音の出る絵本", "テレビ", "写真", "傘", "消火器"} <= wrong


def test_rules_without_gas_fail_on_spray_cans(items):
    spray = items[(items["holds_gas"] == 1) & (items["is_container"] == 1)]
    assert len(spray) >= 4
    assert (spray["sorting_class"] == "有害ごみ").all()
    without = [_ten_rules(x._replace(holds_gas=0)) for x in spray.itertuples()]
    assert set(without) == {"缶・びん"}


def test_eight_classes_of_some_size(items):
    counts = items["sorting_class"].value_counts()
    assert len(counts) == 8 and counts.min() >= 12
    assert 210 <= len(items) <= 235
