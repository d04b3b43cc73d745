"""Small course materials that a test can change, as they are in a clone."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.materials import Materials

NOTEBOOK = "course/notebooks/02-read-data.ipynb"
DATA = "datasets/window_daily.csv"


def notebook_bytes(*sources: str, run: bool = False, metadata: dict | None = None) -> bytes:
    """A notebook with these code cells; ``run`` as Lab saves it after Shift+Enter down to the last cell."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": number if run else None,
            "id": f"c{number}",
            "metadata": {"trusted": True} if run else {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["7\n"]}] if run else [],
            "source": source.splitlines(keepends=True) if run else source,
        }
        for number, source in enumerate(sources, start=1)
    ]
    if run:
        cells.append({**cells[-1], "id": "last", "execution_count": None, "outputs": [], "source": []})
    raw = {"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(raw, indent=2 if run else 1, ensure_ascii=False).encode()


class Course:
    """Materials on disk. ``put`` changes a file of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.materials = Materials(root, is_clone=True)
        self.put("pyproject.toml", b"")
        self.put("course/notebooks/00-start.ipynb", notebook_bytes("print('hello')"))
        self.put(NOTEBOOK, notebook_bytes("import pandas as pd", "days = 7\nprint(days)"))
        self.put("assignments/release/ps2/ps2.ipynb", notebook_bytes("mean_wait = ..."))
        self.put("assignments/release/ps2/window_visits.csv", b"visit_id\n1\n")
        self.put(DATA, b"date,visits_total\n2024-04-01,300\n")
        self.put("datasets/window_daily.md", "# 窓口".encode())
        self.put("datasets/messy/window_daily_r6.csv", "日付\r\n".encode("cp932"))

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()
