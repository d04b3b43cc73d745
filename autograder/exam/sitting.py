"""A mock exam as a pure state machine: every step takes a sitting and gives the next one.

Nothing here reads a clock or a file. Time enters as seconds (:meth:`Sitting.advance`), so whoever keeps the
clock decides what counts: while nobody has the sitting open, no time passes.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from .layout import Sheet

__all__ = ["Pace", "Sitting", "Slot", "State"]


class State(enum.StrEnum):
    """Where a sitting stands."""

    RUNNING = "running"
    SUBMITTED = "submitted"
    TIMED_OUT = "timed_out"  # handed in by the clock
    GIVEN_UP = "given_up"  # another mock exam was begun instead; never scored


@dataclass(frozen=True)
class Slot:
    """One question of the paper, and what was done with it."""

    question: str  # id
    fingerprint: str  # of the question when the paper was drawn
    item: str
    choices: tuple[str, ...]  # texts, in the order shown
    place: int | None = None  # the choice taken, as shown, from 0
    flagged: bool = False
    seconds: float = 0.0  # spent with this question on the screen


@dataclass(frozen=True)
class Pace:
    """How fast it goes, and how fast it must go."""

    done_per_minute: float  # questions answered a minute so far; 0.0 at the beginning
    needed_per_minute: float  # for the unanswered ones in the time that is left; 0.0 when none is left
    ahead: float  # questions ahead of an even pace; negative: behind


@dataclass(frozen=True)
class Sitting:
    """A paper and everything that was done with it so far."""

    blueprint: str
    seed: int
    limit_s: float
    slots: tuple[Slot, ...]
    current: int = 0  # the question on the screen, from 0
    elapsed_s: float = 0.0
    state: State = State.RUNNING

    @classmethod
    def begin(cls, blueprint: str, seed: int, limit_s: float, sheets: Sequence[Sheet]) -> Sitting:
        """A sitting at its first question."""
        slots = tuple(
            Slot(
                sheet.question.id,
                sheet.question.fingerprint,
                sheet.question.item,
                tuple(choice.text for choice in sheet.choices),
            )
            for sheet in sheets
        )
        if not slots:
            raise ValueError("a sitting needs a question")
        return cls(blueprint, seed, limit_s, slots)

    # ------------------------------------------------------------------ what can be read

    @property
    def running(self) -> bool:
        return self.state is State.RUNNING

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.limit_s - self.elapsed_s)

    @property
    def answered(self) -> int:
        return sum(slot.place is not None for slot in self.slots)

    @property
    def unanswered_numbers(self) -> tuple[int, ...]:
        """Positions, from 0."""
        return tuple(number for number, slot in enumerate(self.slots) if slot.place is None)

    @property
    def flagged_numbers(self) -> tuple[int, ...]:
        """Positions, from 0."""
        return tuple(number for number, slot in enumerate(self.slots) if slot.flagged)

    @property
    def pace(self) -> Pace:
        left = len(self.slots) - self.answered
        return Pace(
            done_per_minute=60 * self.answered / self.elapsed_s if self.elapsed_s > 0 else 0.0,
            needed_per_minute=60 * left / self.remaining_s if self.remaining_s > 0 else 0.0,
            ahead=self.answered - len(self.slots) * self.elapsed_s / self.limit_s,
        )

    # ------------------------------------------------------------------ what can be done

    # Once it is over, nothing changes a sitting any more: each step returns it as it is.

    def advance(self, seconds: float) -> Sitting:
        """Let time pass with the current question on the screen; at the limit the paper is handed in."""
        if not self.running or seconds <= 0:
            return self
        spent = min(seconds, self.remaining_s)
        slot = self.slots[self.current]
        later = self._with_slot(self.current, seconds=slot.seconds + spent)
        over = seconds >= self.remaining_s
        return dataclasses.replace(
            later,
            elapsed_s=self.limit_s if over else self.elapsed_s + spent,
            state=State.TIMED_OUT if over else self.state,
        )

    def answer(self, number: int, place: int | None) -> Sitting:
        """Take the choice shown at ``place``; ``None`` takes an answer back. Both count from 0."""
        if place is not None and not 0 <= place < len(self._slot(number).choices):
            raise IndexError(f"no choice at place {place}")
        return self._with_slot(number, place=place)

    def flag(self, number: int, on: bool = True) -> Sitting:
        """Mark a question for later, or take the mark away."""
        return self._with_slot(number, flagged=on)

    def go_to(self, number: int) -> Sitting:
        """Bring another question to the screen."""
        self._slot(number)
        return dataclasses.replace(self, current=number) if self.running else self

    def submit(self) -> Sitting:
        """Hand the paper in."""
        return dataclasses.replace(self, state=State.SUBMITTED) if self.running else self

    def give_up(self) -> Sitting:
        """Close the paper without a score."""
        return dataclasses.replace(self, state=State.GIVEN_UP) if self.running else self

    def _slot(self, number: int) -> Slot:
        if not 0 <= number < len(self.slots):
            raise IndexError(f"no question {number} of {len(self.slots)}")
        return self.slots[number]

    def _with_slot(self, number: int, **changes: object) -> Sitting:
        changed = dataclasses.replace(self._slot(number), **changes)
        if not self.running or changed == self.slots[number]:
            return self
        return dataclasses.replace(self, slots=(*self.slots[:number], changed, *self.slots[number + 1 :]))
