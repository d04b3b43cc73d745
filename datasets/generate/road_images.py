"""``road_images.npz`` and ``road_images.csv``: small grey pictures of road surface, with or without a crack.

A picture is asphalt (mid-grey, value noise of two octaves, fine grain, light grains of stone), often with
one thing that is no crack (shadow edge, seam, white paint, manhole rim, stain), and in 30 of 100 a crack: a
random walk drawn as a thin dark line, sometimes branching. 1,600 pictures are taken by day, 300 at night.

Two shortcuts are built in; both go with the label but have nothing to do with cracks:

- in one district most pictures with a crack also have a straight vertical joint (and few of the others);
- one camera stored most pictures with a crack as coarse 8 x 8 blocks (and few of the others).

Each camera has its own brightness, contrast and sharpness. 3% of the labels are wrong. What is really in each
picture stands in ``instructor/road_images_truth.csv``. All figures are assumptions [A].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from . import city, seeds
from .csv_format import to_csv_bytes, to_npz_bytes

SIZE = 32
COUNTS = {"通常": 1_600, "夜間": 300}
CRACK_SHARE = 0.30
LABEL_NOISE = 0.03


@dataclass(frozen=True)
class Camera:
    """One camera: share of the pictures, brightness and contrast (1 = as drawn), blur in pixels."""

    share: float
    brightness: float
    contrast: float
    blur_px: float


CAMERAS = {
    "A": Camera(0.36, 0.00, 1.00, 0.35),
    "B": Camera(0.36, 0.06, 0.88, 0.45),
    "C": Camera(0.28, -0.05, 1.12, 0.30),
}
BLOCK_CAMERA = "B"
BLOCK_SHARE = {1: 0.92, 0: 0.06}  # by crack or not, in that camera only
JOINT_DISTRICT, JOINT_DISTRICT_SHARE = "02", 0.22
JOINT_SHARE = {1: 0.95, 0: 0.05}  # by crack or not, in that district only

CRACK_TYPES = {"縦": 0.40, "横": 0.30, "亀甲": 0.30}
CRACK_CONTRAST = (0.20, 0.35)
CRACK_CONTRAST_AT_JOINT = 0.85  # finer cracks beside the rails
DISTRACTORS = {"なし": 0.40, "影": 0.15, "継ぎ目": 0.12, "白線": 0.11, "マンホール": 0.11, "しみ": 0.11}

ROW, COLUMN = np.mgrid[0:SIZE, 0:SIZE].astype(float)


@cache
def build() -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Return images (n, 32, 32) uint8, the public table and the truth; row i of both is image i."""
    rng = seeds.generator("road_images")
    images, rows = [], []
    for split, n in COUNTS.items():
        cracks = rng.permutation(np.arange(n) < round(CRACK_SHARE * n)).astype(int)
        wrong = rng.permutation(np.arange(n) < round(LABEL_NOISE * n)).astype(int)
        for crack, flipped in zip(cracks.tolist(), wrong.tolist(), strict=True):
            image, row = _picture(rng, split, crack)
            images.append(image)
            rows.append(
                {"image_id": len(rows), "split": split, **row, "label": crack ^ flipped, "crack": crack}
            )
    table = pd.DataFrame(rows)
    public = table[["image_id", "split", "camera", "district_code", "label"]]
    truth = table[["image_id", "crack", "crack_type", "distractor", "joint", "blocks"]]
    return np.stack(images), public, truth


def _picture(rng: np.random.Generator, split: str, crack: int) -> tuple[np.ndarray, dict]:
    """Draw one picture and what is in it."""
    camera = _choose(rng, {name: each.share for name, each in CAMERAS.items()})
    district = _district(rng)
    crack_type = _choose(rng, CRACK_TYPES) if crack else "なし"
    distractor = _choose(rng, DISTRACTORS)
    joint = int(district == JOINT_DISTRICT and rng.random() < JOINT_SHARE[crack])
    blocks = int(camera == BLOCK_CAMERA and rng.random() < BLOCK_SHARE[crack])

    grey = _asphalt(rng)
    grey = _distract(rng, grey, distractor)
    if joint:
        grey = _vertical_joint(rng, grey)
    if crack:
        grey = _draw_crack(rng, grey, crack_type, CRACK_CONTRAST_AT_JOINT if joint else 1.0)
    each = CAMERAS[camera]
    grey = _blur(grey, each.blur_px)
    grey = 0.5 + each.contrast * (grey - 0.5) + each.brightness
    if split == "夜間":
        grey = _night(rng, grey)
    if blocks:
        grey = _block_artefact(grey)
    image = np.clip(np.round(255 * grey), 0, 255).astype(np.uint8)
    return image, {
        "camera": camera, "district_code": district, "crack_type": crack_type, "distractor": distractor,
        "joint": joint, "blocks": blocks,
    }  # fmt: skip


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """Draw one key with its share."""
    return list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]


def _district(rng: np.random.Generator) -> str:
    """Draw a district: the one with joints with its own share, else by population."""
    if rng.random() < JOINT_DISTRICT_SHARE:
        return JOINT_DISTRICT
    codes, shares = _other_districts()
    return str(rng.choice(codes, p=shares))


@cache
def _other_districts() -> tuple[np.ndarray, np.ndarray]:
    """Return code and share of the other districts: by the square root of their population."""
    table = city.districts()
    others = table[table["district_code"] != JOINT_DISTRICT]
    weights = others["population"].to_numpy() ** 0.5
    return others["district_code"].to_numpy(), weights / weights.sum()


def _value_noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return smooth noise: random values on a coarse grid, interpolated between its points."""
    grid = rng.normal(0, 1, (cells + 1, cells + 1))
    position = np.linspace(0, cells - 1e-9, SIZE)
    low = position.astype(int)
    part = position - low
    part = part * part * (3 - 2 * part)
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def _asphalt(rng: np.random.Generator) -> np.ndarray:
    """Mid-grey, two octaves of value noise, grain, and a few light grains of stone."""
    grey = rng.uniform(0.46, 0.60) + 0.035 * _value_noise(rng, 3) + 0.022 * _value_noise(rng, 9)
    grey = grey + rng.normal(0, rng.uniform(0.020, 0.038), (SIZE, SIZE))
    salt = rng.random((SIZE, SIZE)) < 0.02
    return grey + salt * rng.uniform(0.08, 0.2, (SIZE, SIZE))


def _soft(distance: np.ndarray, width: float = 1.0) -> np.ndarray:
    """1 where ``distance`` (pixels) is far below 0, 0 far above, a soft step of ``width`` between."""
    return 1 / (1 + np.exp(np.clip(4 * distance / width, -60, 60)))


def _line_distance(rng: np.random.Generator, angle: float) -> np.ndarray:
    """Distance of each pixel to a straight line through the middle part of the picture."""
    middle_row, middle_column = rng.uniform(6, SIZE - 6, 2)
    return (COLUMN - middle_column) * np.sin(angle) - (ROW - middle_row) * np.cos(angle)


def _distract(rng: np.random.Generator, grey: np.ndarray, kind: str) -> np.ndarray:
    """Add one thing that is no crack."""
    angle = rng.uniform(0, np.pi)
    if kind == "影":  # one side darker, the edge soft
        return grey * (1 - rng.uniform(0.2, 0.4) * _soft(_line_distance(rng, angle), rng.uniform(1.5, 5)))
    if kind == "継ぎ目":  # a straight filled seam, broader and more even than a crack, from edge to edge
        width = rng.uniform(1.3, 2.2)
        return grey - rng.uniform(0.08, 0.2) * _soft(np.abs(_line_distance(rng, angle)) - width)
    if kind == "白線":
        worn = np.clip(1 - 0.25 * np.abs(_value_noise(rng, 6)), 0, 1)
        paint = _soft(np.abs(_line_distance(rng, angle)) - rng.uniform(2.5, 5)) * worn
        return grey + (0.88 - grey) * rng.uniform(0.65, 0.95) * paint
    if kind == "マンホール":  # a rim, part of a circle whose middle may lie outside
        radius = rng.uniform(9, 17)
        side = rng.uniform(0, 2 * np.pi)
        away = radius * rng.uniform(0.3, 1.0)
        distance = np.hypot(COLUMN - 15.5 - away * np.cos(side), ROW - 15.5 - away * np.sin(side))
        inside = _soft(distance - radius)
        rim = _soft(np.abs(distance - radius) - rng.uniform(0.5, 1.1))
        return grey - rng.uniform(0.03, 0.12) * inside - rng.uniform(0.12, 0.25) * rim
    if kind == "しみ":  # oil or water: a dark patch with an uneven, soft edge
        middle_row, middle_column = rng.uniform(6, SIZE - 6, 2)
        reach = rng.uniform(4, 9) + 2.5 * _value_noise(rng, 4)
        distance = np.hypot(COLUMN - middle_column, (ROW - middle_row) * rng.uniform(0.7, 1.4)) - reach
        return grey - rng.uniform(0.1, 0.22) * _soft(distance, 3)
    return grey


def _vertical_joint(rng: np.random.Generator, grey: np.ndarray) -> np.ndarray:
    """A straight vertical joint along a tram rail: a dark groove and a strip of bright steel beside it."""
    distance = COLUMN - rng.uniform(4, SIZE - 7)
    grey = grey - rng.uniform(0.16, 0.24) * _soft(np.abs(distance) - 0.9)
    return grey + rng.uniform(0.10, 0.18) * _soft(np.abs(distance - 2.6) - 0.9)


def _walk(
    rng: np.random.Generator, start: tuple[float, float], heading: float, length: float
) -> list[tuple[float, float, float]]:
    """Return (row, column, heading) every half pixel of a random walk that keeps roughly to its heading."""
    row, column = start
    turn, points = 0.0, []
    for step in range(int(2 * length)):
        if step % 5 == 0:
            turn = 0.55 * turn + rng.normal(0, 0.55)
        points.append((row, column, heading + turn))
        row += 0.5 * np.sin(heading + turn)
        column += 0.5 * np.cos(heading + turn)
    return points


def _draw_crack(rng: np.random.Generator, grey: np.ndarray, kind: str, strength: float) -> np.ndarray:
    """Draw the crack: one long walk, and for 亀甲 (alligator) several that branch off."""
    heading = {"縦": np.pi / 2, "横": 0.0}.get(kind, rng.uniform(0, np.pi)) + rng.normal(0, 0.25)
    length = rng.uniform(20, 40)
    middle = rng.uniform(10, SIZE - 10, 2)
    start = (middle[0] - length / 2 * np.sin(heading), middle[1] - length / 2 * np.cos(heading))
    main = _walk(rng, start, heading, length)
    walks = [main]
    branches = int(rng.integers(3, 6)) if kind == "亀甲" else int(rng.random() < 0.3)
    for _ in range(branches):
        parent = walks[int(rng.integers(len(walks)))]
        row, column, direction = parent[int(rng.integers(len(parent) // 5, 4 * len(parent) // 5))]
        side = rng.choice([-1, 1]) * rng.uniform(0.7, 1.5)
        walks.append(_walk(rng, (row, column), direction + side, rng.uniform(7, 16)))
    contrast = strength * rng.uniform(*CRACK_CONTRAST)
    half_width = rng.uniform(0.35, 0.85)
    dark = np.zeros((SIZE, SIZE))
    for number, walk in enumerate(walks):
        width = half_width * (1 if number == 0 else rng.uniform(0.6, 0.9))
        for row, column, _ in walk:
            if -2 < row < SIZE + 1 and -2 < column < SIZE + 1:
                spot = _soft(np.hypot(ROW - row, COLUMN - column) - width)
                dark = np.maximum(dark, spot * rng.uniform(0.75, 1.0))
    return grey - contrast * dark


def _blur(grey: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian blur; the edge rows are repeated outwards."""
    return _smear(_smear(grey, sigma_px).T, sigma_px).T


def _smear(grey: np.ndarray, sigma_px: float) -> np.ndarray:
    reach = 4
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma_px**2))
    weights /= weights.sum()
    padded = np.pad(grey, ((reach, reach), (0, 0)), mode="edge")
    return sum(weight * padded[k : k + SIZE] for k, weight in enumerate(weights))


def _night(rng: np.random.Generator, grey: np.ndarray) -> np.ndarray:
    """Headlights from below, shaken while driving (vertical blur), dark and noisy."""
    light = 0.45 + 0.45 * np.exp(-((COLUMN - rng.uniform(6, 25)) ** 2) / 300 - (SIZE - ROW) ** 2 / 1400)
    grey = _smear(_blur(grey, 0.5), rng.uniform(0.5, 1.1))
    return grey * light * rng.uniform(0.9, 1.2) + rng.normal(0, 0.017, (SIZE, SIZE))


# Discrete cosine transform of 8 points, as JPEG uses it; high frequencies are rounded most coarsely.
_K = np.arange(8)
DCT = np.sqrt(np.where(_K == 0, 1, 2) / 8)[:, None] * np.cos(np.pi * (2 * _K + 1)[None, :] * _K[:, None] / 16)
ROUNDING = 0.05 + 0.030 * (_K[:, None] + _K[None, :])


def _block_artefact(grey: np.ndarray) -> np.ndarray:
    """Round the DCT of each 8 x 8 block, as a strongly compressed JPEG does."""
    out = np.empty_like(grey)
    for top in range(0, SIZE, 8):
        for left in range(0, SIZE, 8):
            wave = DCT @ (grey[top : top + 8, left : left + 8] - 0.5) @ DCT.T
            out[top : top + 8, left : left + 8] = DCT.T @ (np.round(wave / ROUNDING) * ROUNDING) @ DCT + 0.5
    return out


def files() -> dict[str, bytes]:
    """Return path -> bytes of the pictures, their table and the truth."""
    images, public, truth = build()
    return {
        "road_images.npz": to_npz_bytes(images=images),
        "road_images.csv": to_csv_bytes(public),
        "instructor/road_images_truth.csv": to_csv_bytes(truth),
    }
