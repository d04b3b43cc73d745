"""Clocks that a test sets."""

from __future__ import annotations

import datetime

START = datetime.datetime(2026, 11, 2, 3, 0, tzinfo=datetime.UTC)  # noon in Japan


class Clock:
    """Gives the time that a test sets."""

    def __init__(self, at: datetime.datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime.datetime:
        return self.at

    def forward(self, **delta: float) -> None:
        self.at += datetime.timedelta(**delta)


class Stopwatch:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds
