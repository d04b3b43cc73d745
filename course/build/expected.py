"""Does a cell's output show what the prose says it shows?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_PLAIN_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def text_of(outputs: Sequence[Any]) -> str:
    """What a cell printed or showed as text; nothing from the error stream."""
    parts: list[str] = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif output.output_type in ("execute_result", "display_data"):
            parts.append(output.data.get("text/plain", ""))
    return _ANSI.sub("", "\n".join(parts))


def shows(output: str, wanted: str) -> bool:
    """Whether ``wanted`` stands in ``output``.

    A plain number ("11.2", "14,000") matches any number in the output that rounds to it; thousands
    separators do not matter. Any other string must stand there as it is.
    """
    if not _PLAIN_NUMBER.fullmatch(wanted):
        return wanted in output
    target = _decimal(wanted)
    half = Decimal(5).scaleb(target.as_tuple().exponent - 1)
    return any(abs(found - target) <= half for found in numbers(output))


def numbers(output: str) -> list[Decimal]:
    """Every number in a text. A minus is a sign only where it cannot be a dash (2024-04-01)."""
    found = []
    for match in _NUMBER.finditer(output):
        text, before = match[0], output[: match.start()][-1:]
        if text[0] in "-−" and before.isalnum():
            text = text[1:]
        found.append(_decimal(text))
    return found


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("−", "-"))
