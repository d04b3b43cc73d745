"""One word for one thing: other forms of the words in ``course/terms.yaml`` are found in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .problems import Problem, shown_path

__all__ = ["Word", "problems", "read_words"]

#: A text may say that a thing is also called so: 「閾値」とも言います, **しきい値**（threshold、閾値）.
_TOLD = re.compile(
    r"(?:(?:「[^「」\n]*」[・、や]?)+(?:など)?|[^「」。、（）は\n]+)とも(?:言|い[いう]|書|呼|よ[びぶば])"
    r"|\*\*（[^（）\n]*）"
)


@dataclass(frozen=True)
class Word:
    """One preferred form."""

    preferred: str
    variants: tuple[re.Pattern[str], ...]
    allowed: tuple[re.Pattern[str], ...]  # longer words in which a variant is right


def read_words(root: Path) -> list[Word]:
    """The words of the clone at ``root``."""
    kept = yaml.safe_load((root / "course" / "terms.yaml").read_text(encoding="utf-8"))
    return [_word(preferred, entry) for preferred, entry in kept["words"].items()]


def problems(path: Path, words: Sequence[Word]) -> list[Problem]:
    """Where a text uses another form than the preferred one."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        told = [match.span() for match in _TOLD.finditer(line)]
        for word in words:
            right = told + [match.span() for pattern in word.allowed for match in pattern.finditer(line)]
            for variant in word.variants:
                for match in variant.finditer(line):
                    if any(start <= match.start() and match.end() <= end for start, end in right):
                        continue
                    found.append(
                        Problem(
                            shown_path(path),
                            number,
                            f"「{match[0]}」は「{word.preferred}」と書いてください。"
                            f"この書き方もあると教えるときは「{match[0]}」とも言います、のように書けます。",
                        )
                    )
    return found


def _word(preferred: str, entry: Sequence[str] | Mapping[str, Any]) -> Word:
    variants, allowed = (entry, ()) if isinstance(entry, list) else (entry["not"], entry.get("but", ()))
    return Word(preferred, tuple(map(_pattern, variants)), tuple(map(_pattern, allowed)))


def _pattern(written: str) -> re.Pattern[str]:
    """A plain string, or a regular expression between slashes."""
    if len(written) > 2 and written.startswith("/") and written.endswith("/"):
        return re.compile(written[1:-1])
    return re.compile(re.escape(written))
