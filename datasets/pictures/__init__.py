"""The small pictures of the catalogue: ``images/<name>.png``, drawn from the data files themselves.

One function a set, ``draw(ax, folder)``: it shows the one thing the set is good for, in 360 x 200 pixels.
"""

from __future__ import annotations

from pathlib import Path

from . import bus, childcare, city, counters, forms, houses, inquiries, pipes, published, roads
from .frame import frame, to_png_bytes

PICTURES = {
    **city.PICTURES,
    **counters.PICTURES,
    **inquiries.PICTURES,
    **houses.PICTURES,
    **published.PICTURES,
    **bus.PICTURES,
    **forms.PICTURES,
    **childcare.PICTURES,
    **pipes.PICTURES,
    **roads.PICTURES,
}
"""Name of the resource -> function that draws it."""


def draw_all(folder: Path) -> dict[str, bytes]:
    """Return path under ``datasets/`` -> PNG bytes, drawn from the data files in ``folder``."""
    drawn = {}
    for name, draw in PICTURES.items():
        with frame() as (figure, ax):
            draw(ax, folder)
            drawn[f"images/{name}.png"] = to_png_bytes(figure)
    return drawn
