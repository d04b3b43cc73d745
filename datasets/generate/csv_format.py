"""The one way a table or an array becomes bytes.

Tables: UTF-8, LF, one decimal for floats unless told, blank for missing. Arrays: ``.npz`` without
compression, so that the bytes do not depend on the zlib at hand.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd


def to_csv_bytes(table: pd.DataFrame, decimals: Mapping[str, int] | None = None) -> bytes:
    """Return the CSV text of ``table``; floats with one decimal (or ``decimals[column]``), never "-0.0"."""
    decimals = decimals or {}
    out = table.copy()
    for name in out.columns:
        if pd.api.types.is_float_dtype(out[name]):
            places = decimals.get(name, 1)
            rounded = out[name].round(places) + 0.0
            if places != 1:
                text = rounded.map(lambda value, places=places: f"{value:.{places}f}")
                rounded = text.where(rounded.notna(), None)
            out[name] = rounded
    buffer = io.StringIO()
    out.to_csv(buffer, index=False, lineterminator="\n", float_format="%.1f", na_rep="")
    return buffer.getvalue().encode("utf-8")


def to_npz_bytes(**arrays: np.ndarray) -> bytes:
    """Return the bytes of an ``.npz`` with these arrays (uncompressed: same arrays, same bytes)."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
