"""What is wrong with a text: a file, a line, and a sentence in Japanese that says what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake of an author."""

    path: str
    line: int  # 1-based; 0 for the whole file
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


class TextError(Exception):
    """A text that cannot be built. Carries every problem found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Collector:
    """Gathers the problems of one text, so that an author sees all of them in one run."""

    path: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.path, line, message))

    def stop_if_any(self) -> None:
        if self.problems:
            raise TextError(self.problems)


def shown_path(path: Path) -> str:
    """The path as an author knows it: relative to the working directory where possible."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.as_posix()
