"""The trainer in one piece: bank, syllabus, formats and progress file, for whatever screen is in front of it.

Nothing here prints or asks. A screen (terminal, notebook) opens a :class:`Trainer`, tells its notices once,
shows sheets, and hands back what was chosen.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable
from pathlib import Path

from autograder.materials import Materials, find_materials

from .bank import Bank, Question, read_readable
from .blueprint import Blueprints, draw, read_blueprints
from .drill import EVERYTHING, Selection, choose, days_since_last, select
from .errors import ExamError
from .layout import Marked, Sheet, lay_out
from .mock import MockExam
from .pages import Page, Pages
from .progress import FILE_NAME, Mode, Progress, StoredSitting
from .readiness import Readiness, known_answers, readiness
from .recording import Timed, rebuild_cards, record
from .result import MockResult, result_of
from .review import due_next, due_today
from .sitting import Sitting, State
from .suggest import assignments
from .syllabus import read_syllabus

__all__ = ["Trainer", "progress_path", "read_questions"]

_FINISHED = (State.SUBMITTED, State.TIMED_OUT)


def progress_path(materials: Materials, start: Path | None = None) -> Path:
    """Where the progress is kept: at the top of the workspace that ``start`` lies in, else of the usual one.

    A notebook runs in ``workspace/course/notebooks``, a terminal anywhere: both come to the same file.

    Parameters
    ----------
    materials : Materials
    start : Path, optional
        By default the current folder.
    """
    from autograder.learner.lab import default_directory

    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / ".takara" / "manifest.json").is_file():
            return folder / FILE_NAME
    return default_directory(materials) / FILE_NAME


def read_questions(folder: Path) -> tuple[Bank, list[str]]:
    """The bank, and what a person must know about it. Files with a mistake are left out, and named.

    Raises
    ------
    ExamError
        There is no question at all.
    """
    bank, problems = read_readable(folder)
    broken = len({problem.file for problem in problems})
    notices = [
        f"問題のファイル{broken}個に間違いがあるので、使わずに進めます。最初の間違い：{problems[0]}"
    ] if problems else []  # fmt: skip
    if not len(bank):
        raise ExamError(
            "問題が見つかりません。教材を入れ直してください"
            "（リポジトリなら pip install -e .、配布版なら takara-….whl をもう一度）。\n"
            f"原因: no questions in {folder}" + "".join(f"\n{problem}" for problem in problems[:5])
        )
    return bank, notices


class Trainer:
    """Everything a screen needs.

    Attributes
    ----------
    bank, syllabus, blueprints, assignments, progress
    notices : list of str
        What a person must be told at the beginning (Japanese), one line each.
    """

    def __init__(
        self,
        progress: Path | Progress | None = None,
        materials: Materials | None = None,
        *,
        clock: Callable[[], datetime.datetime] | None = None,
    ) -> None:
        """Read the bank and open the progress file.

        Parameters
        ----------
        progress : Path or Progress, optional
            By default the file of the workspace (:func:`progress_path`).
        materials : Materials, optional
        clock : callable, optional
            Gives the present time in UTC.

        Raises
        ------
        ExamError
            No questions, or a progress file that cannot be used.
        MaterialsNotFound
        """
        materials = materials or find_materials()
        folder = materials.exam
        if not (folder / "syllabus.yaml").is_file():
            raise ExamError(
                "試験対策の問題が、この教材に入っていません。教材を入れ直してください。\n"
                f"原因: no {folder / 'syllabus.yaml'}"
            )
        self.syllabus = read_syllabus(materials.root)
        self.blueprints: Blueprints = read_blueprints(folder / "blueprints.yaml", self.syllabus)
        self.bank, self.notices = read_questions(folder / "questions")
        self.pages = Pages(self.syllabus, materials)
        self.assignments = assignments(materials)
        if isinstance(progress, Progress):
            self.progress = progress
        else:
            options = {} if clock is None else {"clock": clock}
            self.progress = Progress(progress or progress_path(materials), **options)
        self.notices += self.progress.notices
        if self.progress.rescued and (made := rebuild_cards(self.progress, self.bank)):
            self.notices.append(f"なくなっていた復習カード{made}枚を、残っていた解答から作り直しました。")
        stale = len(known_answers(self.progress.answers(), self.bank)[1])
        if stale:
            self.notices.append(
                f"教材の更新で変わった（またはなくなった）問題への解答が{stale}件あります。"
                "記録は残してあり、力の見積もりには数えません。"
            )

    def close(self) -> None:
        self.progress.close()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ drill and review

    def drill(
        self, selection: Selection = EVERYTHING, count: int = 10, seed: int | None = None
    ) -> list[Sheet]:
        """The next questions to drill (:func:`.drill.choose`).

        Raises
        ------
        ExamError
            Nothing fits the selection.
        """
        answers = self.progress.answers()
        questions = select(selection, self.bank, self.syllabus, answers, self.readiness())
        return choose(questions, answers, count, _seed(seed), self.progress.now())

    def review(self, count: int | None = None, seed: int | None = None) -> list[Sheet]:
        """Today's review cards, the most urgent first; at most ``count``."""
        import random

        rng = random.Random(f"review {_seed(seed)}")
        due = due_today(self.progress.cards().values(), self.bank, self.progress.now())
        return [lay_out(question, rng) for question in due[:count]]

    def next_review(self) -> str:
        """When cards come back after today (Japanese); "" when there are none."""
        due = due_next(self.progress.cards().values(), self.bank, self.progress.now())
        return f"次の復習は、{due[0].month}月{due[0].day}日に{due[1]}問あります。" if due else ""

    def new_session(self, mode: Mode) -> str:
        """A name for one round of questions."""
        return f"{mode.value}-{self.progress.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

    def answer(self, sheet: Sheet, place: int, seconds: float, mode: Mode, session: str) -> Marked:
        """Keep an answer of a drill or a review, move its card on, and tell what was right and why."""
        marked = sheet.mark(place)
        record(self.progress, [Timed(marked, seconds)], mode, session)
        return marked

    # ------------------------------------------------------------------ mock exams

    def start_mock(
        self, name: str | None = None, seed: int | None = None, *, longest_step_s: float | None = None
    ) -> MockExam:
        """Draw a paper and open it. A mock exam that was left unfinished is closed without a score.

        Parameters
        ----------
        name : str, optional
            Of the format; by default the first one.
        seed : int, optional
            The same seed, bank and record of answers give the same paper.
        longest_step_s : float, optional
            See :class:`MockExam`.

        Raises
        ------
        ExamError
            There is no such format, or the bank is too small for it.
        """
        blueprint = self.blueprints.default if name is None else self.blueprints.named(name)
        seed = _seed(seed)
        days = days_since_last(self.progress.answers(), self.progress.now())
        sheets = draw(blueprint, self.bank, self.syllabus, seed, days)
        with self.progress.transaction():
            for number in self.progress.sitting_numbers(State.RUNNING):
                if old := self.progress.sitting(number):
                    self.progress.save_sitting(old, old.sitting.give_up())
            stored = self.progress.add_sitting(Sitting.begin(blueprint.name, seed, blueprint.limit_s, sheets))
        return MockExam(self.progress, self.bank, stored, longest_step_s=longest_step_s)

    def unfinished_mock(self) -> StoredSitting | None:
        """The mock exam that can be gone on with."""
        numbers = self.progress.sitting_numbers(State.RUNNING)
        return self.progress.sitting(numbers[-1]) if numbers else None

    def resume_mock(self, *, longest_step_s: float | None = None) -> MockExam | None:
        """Open the unfinished mock exam; ``None`` when there is none."""
        stored = self.unfinished_mock()
        if stored is None:
            return None
        return MockExam(self.progress, self.bank, stored, longest_step_s=longest_step_s)

    def finished_mocks(self) -> list[StoredSitting]:
        """Mock exams that were handed in, oldest first."""
        stored = [self.progress.sitting(number) for number in self.progress.sitting_numbers(*_FINISHED)]
        return [one for one in stored if one is not None]

    def mock_result(self, number: int | None = None) -> MockResult | None:
        """The result of a mock exam; by default of the last one that was handed in."""
        if number is None:
            number = next(reversed(self.progress.sitting_numbers(*_FINISHED)), None)
        stored = None if number is None else self.progress.sitting(number)
        return None if stored is None else result_of(stored.sitting, self.bank, self.syllabus)

    # ------------------------------------------------------------------ overview

    def readiness(self) -> Readiness:
        """The estimate as of now, weighted as the default format weights its areas."""
        weights = self.blueprints.default.areas
        return readiness(self.progress.answers(), self.bank, self.syllabus, weights, self.progress.now())

    def page(self, item: str) -> Page:
        """The page that teaches an item."""
        return self.pages.page(item)

    def reading(self, question: Question) -> list[Page]:
        """The pages that teach a question, its own first."""
        return [self.pages.page(item) for item in question.see]


def _seed(seed: int | None) -> int:
    return secrets.randbelow(2**31) if seed is None else seed
