"""``evacuation_nodes.csv`` and ``evacuation_edges.csv``: the streets of 港地区 as a graph, dry and flooded.

Six streets west-east, six lanes south-north, a river between lane 4 and lane 5 with three bridges, and three
shelters. The sea is in the south. Roads bend, so a road is never shorter than the straight line between its
ends (the straight line is an admissible heuristic). The coast road (海岸道路) has few crossings and is long.
In the flood scenario a road cannot be used where it is lower than the water level, and the river closes two
of the bridges.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import city, seeds
from .csv_format import to_csv_bytes

STREETS = ("浜通り", "市場通り", "本通り", "学校通り", "坂下通り", "山手通り")  # from south to north
STREET_Y_M = (180, 480, 790, 1_130, 1_480, 1_830)
LANE_X_M = (9_260, 9_490, 9_740, 9_960, 10_240, 10_540)
LANES = "一二三四五六"
RIVER_X_M, WATER_LEVEL_M = 10_095, 3.0  # [A]
BRIDGES = {"浜橋": 2, "中橋": 4, "上橋": 6}  # name -> street
CLOSED_BRIDGES = ("浜橋", "中橋")  # the river is too high [A]
HOLLOW_M = (9_660, 900)  # low ground around the school
# Shelters and the crossings (street, lane) they can be reached from.
SHELTERS = {
    "港小学校": (9_640, 960, ((3, 2), (3, 3), (4, 3))),
    "磯部公民館": (10_400, 1_320, ((4, 5), (4, 6), (5, 6))),
    "高台公園": (9_380, 2_060, ((6, 1), (6, 2))),
}
# Streets that are not there: (street, lane) pairs.
MISSING = {
    ((1, 2), (2, 2)), ((1, 4), (2, 4)), ((2, 3), (3, 3)), ((3, 1), (4, 1)), ((3, 4), (4, 4)),
    ((4, 1), (4, 2)), ((5, 2), (5, 3)), ((2, 5), (3, 5)), ((4, 3), (5, 3)), ((5, 4), (6, 4)),
    ((6, 1), (6, 2)), ((5, 5), (5, 6)), ((1, 5), (2, 5)),
}  # fmt: skip
# Roads with few crossings: from, to, how much longer than the straight line, width.
LONG_ROADS = (
    ((1, 1), (1, 6), 1.18, 9.0),  # 海岸道路: along the sea, over the river mouth
    ((1, 6), (4, 6), 1.45, 9.0),  # 海岸道路, its northern part
    ((2, 1), (5, 1), 1.55, 7.0),  # 西の回り道, up the slope in bends
)
STREET_WIDTH_M = (6.0, 8.0, 7.0, 6.0, 4.5, 4.5)  # [A]
LANE_WIDTH_M = (4.0, 3.5, 6.0, 3.0, 5.0, 4.0)  # [A]


def _elevation(x_m: float, y_m: float) -> float:
    """Metres above the sea: up to the north and away from the river, lower in the hollow [A]."""
    hollow = np.hypot(x_m - HOLLOW_M[0], y_m - HOLLOW_M[1])
    slope = 0.0012 * y_m + 4.0e-6 * y_m**2
    return 0.9 + slope + 0.0022 * abs(x_m - RIVER_X_M) - 5.0 * float(np.exp(-((hollow / 260) ** 2)))


def nodes() -> pd.DataFrame:
    """Return ``evacuation_nodes.csv``."""
    return _graph()[0]


def edges() -> pd.DataFrame:
    """Return ``evacuation_edges.csv``: every road once, both ways may be walked."""
    return _graph()[1]


def _graph() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = seeds.generator("evacuation")
    rows = []
    for street, y_m in enumerate(STREET_Y_M, 1):
        for lane, x_m in enumerate(LANE_X_M, 1):
            jitter = rng.normal(0, 18, 2)
            label = f"{STREETS[street - 1]}{LANES[lane - 1]}番"
            rows.append(((street, lane), label, "交差点", x_m + jitter[0], y_m + jitter[1]))
    for label, street in BRIDGES.items():
        rows.append((label, label, "橋", RIVER_X_M, STREET_Y_M[street - 1] + rng.normal(0, 10)))
    for label, (x_m, y_m, _) in SHELTERS.items():
        rows.append((label, label, "避難所", x_m, y_m))
    table = pd.DataFrame(rows, columns=["key", "place", "kind", "x_m", "y_m"])
    table[["x_m", "y_m"]] = table[["x_m", "y_m"]].round().astype(int)
    table.insert(0, "node_id", [f"E{number:02d}" for number in range(1, len(table) + 1)])
    table["elevation_m"] = [
        round(_elevation(x_m, y_m) + rng.normal(0, 0.12), 1)
        for x_m, y_m in zip(table["x_m"], table["y_m"], strict=True)
    ]
    # A bridge stands a little over its banks.
    table.loc[table["kind"] == "橋", "elevation_m"] += 0.4
    table["town_code"] = city.nearest_town(table["x_m"], table["y_m"])
    return table.drop(columns="key"), _edges(rng, table.set_index("key"))


def _edges(rng: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    roads = []
    for street in range(1, 7):
        for lane in range(1, 7):
            if lane not in (4, 6):
                roads.append(((street, lane), (street, lane + 1), None, STREET_WIDTH_M[street - 1]))
            if street < 6:
                roads.append(((street, lane), (street + 1, lane), None, LANE_WIDTH_M[lane - 1]))
    roads = [road for road in roads if road[:2] not in MISSING]
    for label, street in BRIDGES.items():
        roads += [((street, 4), label, 1.02, 6.0), (label, (street, 5), 1.02, 6.0)]
    for label, (_, _, gates) in SHELTERS.items():
        roads += [(gate, label, None, 4.0) for gate in gates]
    roads += LONG_ROADS
    rows = []
    for start, end, bend, width_m in roads:
        a, b = table.loc[[start]].iloc[0], table.loc[[end]].iloc[0]
        straight_m = float(np.hypot(a["x_m"] - b["x_m"], a["y_m"] - b["y_m"]))
        bend = bend or 1.01 + rng.gamma(1.5, 0.06)
        lowest = min(a["elevation_m"], b["elevation_m"])
        rows.append(
            {
                "from_node": a["node_id"],
                "to_node": b["node_id"],
                "length_m": int(np.ceil(straight_m * bend)),
                "width_m": max(2.5, width_m + rng.choice([-0.5, 0.0, 0.5])),
                "flooded": int(lowest < WATER_LEVEL_M or start in CLOSED_BRIDGES or end in CLOSED_BRIDGES),
            }
        )
    out = pd.DataFrame(rows)
    out.insert(0, "edge_id", [f"R{number:02d}" for number in range(1, len(out) + 1)])
    return out


def files() -> dict[str, bytes]:
    """Return path -> bytes of the two tables."""
    return {
        "evacuation_nodes.csv": to_csv_bytes(nodes()),
        "evacuation_edges.csv": to_csv_bytes(edges()),
    }
