"""Published figures beside ours, with the tolerance we allow: ``python datasets/build.py --calibration``.

One module a subject; each measures the committed files, not the generators' parameters, and writes the
published figures down again, so that a slip in a generator shows.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from . import bus, childcare, city, collection, courses, forms, houses, inquiries, pipes, roads, windows
from .rows import Row

SUBJECTS = (
    city,
    windows,
    collection,
    inquiries,
    houses,
    courses,
    bus,
    forms,
    childcare,
    pipes,
    roads,
)


def calibration_table(folder: Path) -> list[Row]:
    """Return every comparison, measured on the files in ``folder`` (``datasets/``)."""
    return [row for subject in SUBJECTS for row in subject.rows(folder)]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WFA" else 1 for letter in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def render(rows: list[Row]) -> str:
    """Return the table as text with aligned columns."""
    header = ["項目", "出典", "公表値", "たから市", "許す範囲", "判定"]
    body = [
        [
            row.figure, row.source, row.published, f"{row.ours:.4g}", f"{row.low:.4g} ～ {row.high:.4g}",
            "ok" if row.ok else "範囲外",
        ]
        for row in rows
    ]  # fmt: skip
    widths = [max(_width(line[column]) for line in [header, *body]) for column in range(len(header))]
    lines = [
        "  ".join(_pad(cell, width) for cell, width in zip(line, widths, strict=True))
        for line in [header, *body]
    ]
    failed = sum(not row.ok for row in rows)
    return "\n".join(
        [
            *(line.rstrip() for line in lines),
            f"{len(rows)}項目中 {len(rows) - failed}項目が許す範囲にあります。",
        ]
    )
