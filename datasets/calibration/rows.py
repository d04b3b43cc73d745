"""One comparison of a published figure with ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison: ``low`` to ``high`` is what we accept.

    ``source`` begins with [S] (a published page of the named organisation), [T] (our computation from
    official open statistics) or [A] (our own assumption: then the row shows that the data keep it).
    """

    figure: str
    source: str
    published: str
    ours: float
    low: float
    high: float

    @property
    def ok(self) -> bool:
        return bool(self.low <= self.ours <= self.high)


def near(figure: str, source: str, published: float, ours: float, tolerance: float) -> Row:
    """Return a row that accepts ``published`` plus or minus ``tolerance``."""
    return Row(figure, source, f"{published:g}", ours, published - tolerance, published + tolerance)
