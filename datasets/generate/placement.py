"""Deferred acceptance, children proposing: the one matching that the childcare sets need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def deferred_acceptance(
    wishes: Mapping[str, Sequence[str]],
    order: Mapping[tuple[str, str], tuple],
    seats: Mapping[str, int],
) -> dict[str, str]:
    """Return child -> place; children without a seat are left out.

    Parameters
    ----------
    wishes : child -> places, the dearest first
    order : (child, place) -> sort key; the smallest keys keep their seats
    seats : place -> number of seats
    """
    held: dict[str, list[str]] = {place: [] for place in seats}
    next_wish = dict.fromkeys(wishes, 0)
    waiting = list(wishes)
    while waiting:
        child = waiting.pop()
        if next_wish[child] == len(wishes[child]):
            continue
        place = wishes[child][next_wish[child]]
        next_wish[child] += 1
        held[place].append(child)
        held[place].sort(key=lambda each, place=place: order[each, place])
        if len(held[place]) > seats[place]:
            waiting.append(held[place].pop())
    return {child: place for place, children in held.items() for child in children}
