"""Whole numbers that add up."""

from __future__ import annotations

import numpy as np


def split_integer(total: int, weights: np.ndarray) -> list[int]:
    """Split ``total`` in proportion to ``weights`` (largest remainder method); the parts add up to it."""
    weights = np.asarray(weights, dtype=float)
    exact = total * weights / weights.sum()
    parts = np.floor(exact).astype(int)
    rest = total - int(parts.sum())
    for index in np.argsort(-(exact - parts), kind="stable")[:rest]:
        parts[index] += 1
    return parts.tolist()
