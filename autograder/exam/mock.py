"""A mock exam that is being sat: the state machine (:mod:`.sitting`) with a clock, saved after every step.

The clock runs only while the exam is open here. Closing the window, or the computer going down, stops it
where the last step was saved: it is an exam to practise with.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .bank import Bank
from .layout import Sheet, sheet_of
from .progress import Mode, Progress, StoredSitting
from .recording import Timed, record
from .sitting import Pace, Sitting, Slot

__all__ = ["PAUSE_NOTE", "MockExam", "slot_sheet"]

PAUSE_NOTE = "閉じているあいだ、時計は止まります（練習のための模試なので、本番とは違います）。"


class MockExam:
    """An open mock exam. Every method that does something saves it and returns the new :class:`Sitting`.

    Numbers of questions and places of choices count from 0. When the time is over, any step hands the paper
    in (``sitting.state`` is ``State.TIMED_OUT`` then), and an answer that came with it no longer counts.
    """

    def __init__(
        self,
        progress: Progress,
        bank: Bank,
        stored: StoredSitting,
        *,
        longest_step_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open a mock exam; the clock begins to run.

        Parameters
        ----------
        progress : Progress
        bank : Bank
        stored : StoredSitting
            From :meth:`Progress.add_sitting` or :meth:`Progress.sitting`.
        longest_step_s : float, optional
            For a screen that calls :meth:`tick` regularly: more time than this between two steps means that
            nobody was there (a closed lid, a closed browser), and does not count at all.
        clock : callable
            Seconds that never go back.
        """
        self._progress = progress
        self._bank = bank
        self._stored = stored
        self._longest_step_s = longest_step_s
        self._clock = clock
        self._since: float | None = clock()

    @property
    def id(self) -> int:
        return self._stored.id

    @property
    def session(self) -> str:
        """The session its answers are kept under."""
        return f"mock-{self._stored.id}"

    @property
    def sitting(self) -> Sitting:
        """As of the last step."""
        return self._stored.sitting

    @property
    def remaining_s(self) -> float:
        """As of this moment."""
        return self._now().remaining_s

    @property
    def pace(self) -> Pace:
        """As of this moment."""
        return self._now().pace

    @property
    def current_sheet(self) -> Sheet | None:
        """The question on the screen; ``None`` where an update of the course took it away or changed it."""
        return slot_sheet(self.sitting.slots[self.sitting.current], self._bank)

    def sheet(self, number: int) -> Sheet | None:
        return slot_sheet(self.sitting.slots[number], self._bank)

    # ------------------------------------------------------------------ steps

    def answer(self, place: int | None, number: int | None = None) -> Sitting:
        """Answer the current question (or another one); ``None`` takes the answer back."""
        return self._step(lambda s: s.answer(s.current if number is None else number, place))

    def flag(self, on: bool = True, number: int | None = None) -> Sitting:
        """Flag the current question (or another one) to come back to."""
        return self._step(lambda s: s.flag(s.current if number is None else number, on))

    def go_to(self, number: int) -> Sitting:
        return self._step(lambda s: s.go_to(number))

    def tick(self) -> Sitting:
        """Let the clock go on and save it; hands the paper in when the time is over."""
        return self._step(lambda s: s)

    def submit(self) -> Sitting:
        return self._step(Sitting.submit)

    def pause(self) -> Sitting:
        """Stop the clock. The next step, or :meth:`resume`, starts it again from there."""
        sitting = self._step(lambda s: s)
        self._since = None
        return sitting

    def resume(self) -> Sitting:
        """Start the clock after :meth:`pause`."""
        if self._since is None:
            self._since = self._clock()
        return self.sitting

    def _passed_s(self, at: float) -> float:
        passed = 0.0 if self._since is None else max(0.0, at - self._since)
        return 0.0 if self._longest_step_s is not None and passed > self._longest_step_s else passed

    def _now(self) -> Sitting:
        return self.sitting.advance(self._passed_s(self._clock()))

    def _step(self, action: Callable[[Sitting], Sitting]) -> Sitting:
        at = self._clock()
        before = self.sitting
        after = action(before.advance(self._passed_s(at)))
        if after != before:
            with self._progress.transaction():
                stored = self._progress.save_sitting(self._stored, after)
                if before.running and not after.running:
                    record(self._progress, self._timed(after), Mode.MOCK, self.session)
            self._stored = stored
        self._since = at
        return after

    def _timed(self, sitting: Sitting) -> list[Timed]:
        """What goes into the record when the paper is handed in: answers to questions that did not change."""
        sheets = [(slot, slot_sheet(slot, self._bank)) for slot in sitting.slots]
        return [Timed(sheet.mark(slot.place), slot.seconds) for slot, sheet in sheets if sheet is not None]


def slot_sheet(slot: Slot, bank: Bank) -> Sheet | None:
    """The question of a slot as it was laid out; ``None`` when it is gone or not the same any more."""
    question = bank.questions.get(slot.question)
    if question is None or question.fingerprint != slot.fingerprint:
        return None
    return sheet_of(question, slot.choices)
