"""From log odds to a share: the one formula that several generators need."""

from __future__ import annotations

import numpy as np


def logistic(log_odds: np.ndarray) -> np.ndarray:
    """Return the probability (0 to 1) that belongs to ``log_odds``, element by element."""
    return 1 / (1 + np.exp(-log_odds))
