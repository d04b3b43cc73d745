"""``form_digits.npz``: one box of a seven-digit form field a picture.

The written digits are scikit-learn's copy of the UCI digits (8 x 8 pixels), put into 12 x 12 boxes. A field
has one pen, one hand and one scan: thickness, ink, slant, size, offset of the print, bleed-through and the
rest of the box lines are drawn once a field, then vary a little from box to box. "通常" fields are tidy;
"かすれ・枠ずれ" fields have broken or pale ink, a print that is off its box, stronger lines and marks. The
pictures of the source are parted first (学習 and 評価, by digit), then put into fields of that part.

The last of the seven digits is a check digit of an invented rule: it brings the weighted sum (WEIGHTS, and 1
for itself) to a multiple of ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import ndimage
from sklearn.datasets import load_digits

from . import seeds
from .csv_format import to_csv_bytes, to_npz_bytes

SIDE, SOURCE_SIDE = 12, 8
DIGITS = 7
WEIGHTS = (7, 3, 9, 1, 7, 3)  # each without a common factor with 10: every single wrong digit shows
BLANK = 10  # label of an empty box
TRAIN_SHARE = 0.6
NORMAL, SHIFTED = "通常", "かすれ・枠ずれ"
TRAIN, TEST = "学習", "評価"
BATCHES = ((NORMAL, TRAIN, 600), (NORMAL, TEST, 300), (SHIFTED, TEST, 200))  # form type, part, fields
BLANK_FIELD_SHARE = 0.06  # fields in which the writer left one box empty [A]
PAPER = 238.0


@dataclass(frozen=True)
class Look:
    """How rough one kind of form is [A]; tuned to the published accuracies by character."""

    offset_px: float  # of the print against the box, once a field
    jitter_px: float  # box by box
    rotation_sd: float  # degrees
    scale_sd: float
    ink: tuple[float, float]  # darkness of a full stroke, of 255
    faded_share: float  # of the stroke that the pen missed, at most
    line: tuple[float, float]  # darkness of what is left of the box lines
    bleed: tuple[float, float]  # darkness of the back side shining through
    mark_share: float  # boxes with a stamp edge or a stroke of the neighbour
    noise_sd: float


LOOKS = {
    NORMAL: Look(0.20, 0.18, 2.5, 0.03, (150, 225), 0.05, (0, 35), (0, 25), 0.01, 5.0),
    SHIFTED: Look(0.55, 0.30, 4.0, 0.05, (95, 200), 0.34, (20, 110), (10, 45), 0.08, 7.0),
}


def check_digit(digits: np.ndarray) -> int:
    """Return the check digit of six digits."""
    return int(-np.dot(WEIGHTS, digits) % 10)


@cache
def _build() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return fields, boxes and pictures (n, 12, 12) uint8, in the same order."""
    pool = _sources()
    rng = seeds.generator("form_digits")
    codes = _codes(rng, sum(count for *_, count in BATCHES))
    kinds = [(form_type, part) for form_type, part, count in BATCHES for _ in range(count)]
    order = rng.permutation(len(kinds))  # so that the field number tells nothing
    fields, boxes, pictures = [], [], []
    for number, position in enumerate(order.tolist(), 1):
        form_type, part = kinds[position]
        field_id = f"F{number:04d}"
        blank = int(rng.integers(DIGITS)) if rng.random() < BLANK_FIELD_SHARE else None
        labels = [BLANK if place == blank else int(digit) for place, digit in enumerate(codes[position])]
        hand = _hand(rng, LOOKS[form_type])
        for place, label in enumerate(labels):
            source = int(rng.choice(pool[part, label])) if label != BLANK else None
            boxes.append(
                {"image": len(boxes), "field_id": field_id, "position": place + 1, "label": label,
                 "source_id": source}
            )  # fmt: skip
            pictures.append(_draw(rng, LOOKS[form_type], hand, source, place))
        fields.append(
            {"field_id": field_id, "form_type": form_type, "part": part, "code": codes[position],
             "n_blank": labels.count(BLANK)}
        )  # fmt: skip
    table = pd.DataFrame(boxes).astype({"source_id": "Int64"})
    return pd.DataFrame(fields), table, np.stack(pictures)


def _sources() -> dict[tuple[str, int], np.ndarray]:
    """Return (part, digit) -> numbers of the source pictures; no picture is in both parts."""
    rng = seeds.generator("form_digits/parts")
    target = load_digits().target
    pool = {}
    for digit in range(10):
        numbers = rng.permutation(np.flatnonzero(target == digit))
        cut = round(TRAIN_SHARE * len(numbers))
        pool[TRAIN, digit], pool[TEST, digit] = np.sort(numbers[:cut]), np.sort(numbers[cut:])
    return pool


def _codes(rng: np.random.Generator, n: int) -> list[str]:
    """Return ``n`` different codes of six random digits and their check digit."""
    codes: dict[str, None] = {}
    while len(codes) < n:
        digits = rng.integers(0, 10, DIGITS - 1)
        codes["".join(map(str, [*digits.tolist(), check_digit(digits)]))] = None
    return list(codes)


def _hand(rng: np.random.Generator, look: Look) -> dict:
    """What a whole field shares."""
    back = rng.integers(0, len(source_pictures()), DIGITS)
    return {
        "offset": rng.normal(0, look.offset_px, 2),
        "rotation": rng.normal(0, look.rotation_sd),
        "shear": rng.normal(0, 0.05),
        "scale": 1.24 * np.exp(rng.normal(0, look.scale_sd)),
        "thickness": rng.uniform(-0.4, 0.8),  # below 0 thinner, above 0 thicker
        "ink": rng.uniform(*look.ink),
        "faded": look.faded_share * rng.random(),
        "line": rng.uniform(*look.line),
        "line_at": np.round(rng.normal(0, look.offset_px, 2)),
        "bleed": rng.uniform(*look.bleed) * (rng.random() < 0.5),
        "back": back,
    }


@cache
def source_pictures() -> np.ndarray:
    """Return the source pictures, shape (1797, 8, 8), from 0 (paper) to 1 (ink)."""
    return load_digits().images / 16.0


def _place(
    picture: np.ndarray, scale: float, rotation: float, shear: float, offset: np.ndarray
) -> np.ndarray:
    """Return the 8 x 8 picture scaled, turned (degrees), slanted and moved (pixels) in a 12 x 12 box."""
    angle = np.deg2rad(rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1.0, 0.0], [shear, 1.0]]) / scale
    centre_in, centre_out = np.full(2, (SOURCE_SIDE - 1) / 2), np.full(2, (SIDE - 1) / 2) + offset
    return ndimage.affine_transform(
        picture, matrix, centre_in - matrix @ centre_out, (SIDE, SIDE), order=1, cval=0.0
    )


def _draw(rng: np.random.Generator, look: Look, hand: dict, source: int | None, place: int) -> np.ndarray:
    """Return one box, uint8, 255 = white paper. Every box takes the same draws, blank or not."""
    sources = source_pictures()
    offset = hand["offset"] + rng.normal(0, look.jitter_px, 2)
    rotation = hand["rotation"] + rng.normal(0, look.rotation_sd / 2)
    scale = hand["scale"] * np.exp(rng.normal(0, 0.03))
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 1.1)
    marked, mark_row, mark_ink = rng.random() < look.mark_share, rng.integers(-3, 4), rng.uniform(40, 130)
    noise = rng.normal(0, look.noise_sd, (SIDE, SIDE))

    dark = np.zeros((SIDE, SIDE))
    if source is not None:
        stroke = _place(sources[source], scale, rotation, hand["shear"], offset)
        stroke = _thickness(stroke, hand["thickness"])
        broken = smooth < np.quantile(smooth, hand["faded"])
        dark += hand["ink"] * stroke * np.where(broken, 0.25, 1.0)
    back = _place(sources[hand["back"][place]][:, ::-1], 1.15, 0.0, 0.0, np.array([0.5, -0.5]))
    dark += hand["bleed"] * ndimage.gaussian_filter(back, 0.7)
    dark = np.maximum(dark, hand["line"] * _box_lines(hand["line_at"], smooth))
    if marked:  # the edge of a stamp: a slanting line through the box
        rows, columns = np.mgrid[0:SIDE, 0:SIDE]
        distance = np.abs(rows - SIDE / 2 - mark_row - 0.6 * (columns - SIDE / 2))
        dark = np.maximum(dark, mark_ink * np.clip(1.2 - distance, 0, 1))
    return np.clip(np.rint(PAPER - dark + noise), 0, 255).astype(np.uint8)


def _thickness(stroke: np.ndarray, amount: float) -> np.ndarray:
    """Return the stroke made thicker (``amount`` > 0: mixed with its dilation) or thinner (its erosion)."""
    size = (2, 2)
    changed = ndimage.grey_dilation(stroke, size) if amount > 0 else ndimage.grey_erosion(stroke, size)
    return (1 - abs(amount) * 0.6) * stroke + abs(amount) * 0.6 * changed


def _box_lines(moved: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Return what drop-out colour left of the box's four lines: 0 to 1, gone in places."""
    lines = np.zeros((SIDE, SIDE))
    row, column = (int(value) for value in np.clip(moved, -2, 2))
    for edge in (0, SIDE - 1):
        if 0 <= edge + row < SIDE:
            lines[edge + row, :] = 1.0
        if 0 <= edge + column < SIDE:
            lines[:, edge + column] = 1.0
    return lines * np.clip(0.7 + 2.0 * smooth, 0.1, 1.0)


def build() -> pd.DataFrame:
    """Return ``form_digits.csv``: one row per box, in the order of the pictures."""
    return _build()[1]


def build_fields() -> pd.DataFrame:
    """Return ``form_fields.csv``: one row per field."""
    return _build()[0]


def build_images() -> np.ndarray:
    """Return the pictures, shape (n, 12, 12), uint8, 255 = white."""
    return _build()[2]


def files() -> dict[str, bytes]:
    """Return path -> bytes of the pictures and the two tables."""
    return {
        "form_fields.csv": to_csv_bytes(build_fields()),
        "form_digits.csv": to_csv_bytes(build()),
        "form_digits.npz": to_npz_bytes(images=build_images()),
    }
