"""What can go wrong with the trainer and is for people to mend."""

from __future__ import annotations

__all__ = ["ExamError"]


class ExamError(Exception):
    """The trainer cannot do what was asked. The message is for people (Japanese), the cause below it."""
