"""The one way a tidy table becomes bytes: UTF-8, LF, one decimal for floats, blank for missing."""

from __future__ import annotations

import io

import pandas as pd


def to_csv_bytes(table: pd.DataFrame) -> bytes:
    """Return the CSV text of ``table``; floats with one decimal and never "-0.0"."""
    out = table.copy()
    for name in out.columns:
        if pd.api.types.is_float_dtype(out[name]):
            out[name] = out[name].round(1) + 0.0
    buffer = io.StringIO()
    out.to_csv(buffer, index=False, lineterminator="\n", float_format="%.1f", na_rep="")
    return buffer.getvalue().encode("utf-8")
