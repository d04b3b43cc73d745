"""One error and what is known about where it happened; names that are spelled alike."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = [
    "Case",
    "Explainer",
    "first_line",
    "folded",
    "has_japanese",
    "kind_of",
    "listed",
    "near",
    "quoted",
]

_MOST_CANDIDATES = 3000  # comparing more would be felt
_LONGEST_NAME = 80
_ALIKE, _AS_ALIKE = 0.7, 0.1  # how much of two names is the same; how much less is worth naming, too
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
_KINDS = {
    "DataFrame": "表（DataFrame）",
    "Series": "列（Series）",
    "ndarray": "配列",
    "Tensor": "テンソル",
    "int": "数値",
    "float": "数値",
    "str": "文字",
    "bool": "真偽値",
    "list": "リスト",
    "tuple": "タプル",
    "dict": "辞書",
    "set": "集合",
    "module": "モジュール",
}


@dataclass(frozen=True)
class Case:
    """One error. Everything but its name and message may be unknown."""

    ename: str
    evalue: str
    error: BaseException | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    folder: Path | None = None

    @property
    def line(self) -> int | None:
        """The line of the cell in which it happened, counted from 1."""
        if isinstance(self.error, SyntaxError):
            return self.error.lineno
        numbers = (number for frame, number in self._frames() if frame.f_globals is self.names)
        return next(numbers, None)

    def local_values(self, *names: str) -> Iterator[Any]:
        """The values of these local variables in the traceback, innermost frame first."""
        for frame, _ in reversed(list(self._frames())):
            for name in names:
                if name in frame.f_locals:
                    yield frame.f_locals[name]

    def _frames(self) -> Iterator[tuple[FrameType, int]]:
        traceback = self.error.__traceback__ if self.error is not None else None
        while traceback is not None:
            yield traceback.tb_frame, traceback.tb_lineno
            traceback = traceback.tb_next


Explainer = Callable[[Case], str | None]


def near(word: str, candidates: Iterable[Any], at_most: int = 3) -> list[str]:
    """The candidates that are spelled most like ``word``, best first.

    Full-width and half-width, capitals and spaces do not count as a difference.
    """
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        if isinstance(candidate, str) and candidate != word:
            by_folded.setdefault(folded(candidate), candidate)
        if len(by_folded) >= _MOST_CANDIDATES:
            break
    wanted = folded(word)
    found = difflib.get_close_matches(wanted, by_folded, n=at_most, cutoff=_ALIKE)
    likeness = [difflib.SequenceMatcher(None, name, wanted).ratio() for name in found]
    return [
        by_folded[name] for name, like in zip(found, likeness, strict=True) if like > likeness[0] - _AS_ALIKE
    ]


def folded(name: str) -> str:
    """A name without what the eye overlooks: width, capitals, spaces."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).lower()


def listed(names: Iterable[Any], at_most: int = 8) -> str:
    """``「a」「b」ほか3個``."""
    shown = [str(name) for name in names]
    more = f"ほか{len(shown) - at_most}個" if len(shown) > at_most else ""
    return "".join(f"「{name[:_LONGEST_NAME]}」" for name in shown[:at_most]) + more


def kind_of(value: Any) -> str:
    """What a value is, in a beginner's words."""
    name = type(value).__name__
    return _KINDS.get(name, name)


def quoted(text: str) -> str:
    """The first thing in quotes."""
    found = re.search(r"['\"]([^'\"]+)['\"]", text)
    return found[1][:_LONGEST_NAME] if found else ""


def first_line(text: str) -> str:
    return (text.strip().splitlines() or ["（説明なし）"])[0][:200]


def has_japanese(text: str) -> bool:
    return _JAPANESE.search(text) is not None
