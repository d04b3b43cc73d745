"""The same hand-ins under stock ``nbgrader autograde``, each beside two honest ones, without walls.

Only cases that are safe on this machine are run, each in a throw-away course and with a hard time limit.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from corpus import HONEST, Case, Targets, write_hand_ins
from nbgrader.api import Gradebook, MissingEntry
from small_class import FULL, HIDDEN_WORD, write_course
from sqlalchemy.exc import SQLAlchemyError
from trial import attacked, breached, digests, left_process, live_parts, told_secret, wrote_outside

HARD_LIMIT_S = 90.0
_CELL_TIMEOUT_S = 5
_BESIDE = (HONEST[0], HONEST[2])


@dataclass(frozen=True)
class StockOutcome:
    """What became of one case and of the honest hand-ins beside it."""

    points: dict[str, float] | None  # None: no grade
    harm: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Seen:
    """What the probes look at."""

    course: Path
    targets: Targets
    secret: str
    processes: tuple[str, ...]

    def outputs(self, case: Case) -> str:
        path = self.course / "autograded" / case.folder / case.assignment / f"{case.assignment}.ipynb"
        if not path.is_file():
            return ""
        with contextlib.suppress(ValueError, KeyError, AttributeError):
            cells = nbformat.read(path, as_version=4).cells
            outputs = [o for cell in cells for o in cell.get("outputs", [])]
            return "\n".join(f"{o.get('text', '')}\n{o.get('data', '')}" for o in outputs)
        return ""

    def page(self, case: Case) -> str:
        return self.page_of(case.folder, case.assignment)

    def page_of(self, learner: str, assignment: str) -> str:
        path = self.course / "feedback" / learner / assignment / f"{assignment}.html"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def record(self, case: Case) -> None:
        return None


def runs_with_stock(case: Case, folder: Path) -> str:
    """Why a case is not run with stock nbgrader; an empty text when it is."""
    if case.not_for_stock:
        return f"not run: {case.not_for_stock}"
    targets = Targets(*[folder] * 4, 0, "", folder, 0)
    trial_folder = folder / case.name
    trial_folder.mkdir(parents=True)
    try:
        case.place(trial_folder, targets, case)
        path = trial_folder / case.folder / f"{case.assignment}.ipynb"
        return "" if path.is_file() and not path.is_symlink() else "not run: stock takes no such file"
    except OSError:
        return "not run: needs the class around it"
    finally:
        shutil.rmtree(trial_folder)


def run_stock(case: Case, folder: Path) -> StockOutcome:
    """Grade one case with stock nbgrader, in ``folder``."""
    began = time.monotonic()
    secret = secrets.token_hex(12)
    with attacked(folder) as (targets, ears, bystander):
        course = targets.course
        write_course(course)
        targets.hand_ins.mkdir()
        write_hand_ins(targets.hand_ins, (case,), targets)
        for learner in (*_BESIDE, case.folder):
            place = course / "submitted" / learner / case.assignment
            place.mkdir(parents=True)
            name = f"{case.assignment}.ipynb"
            shutil.copyfile(targets.hand_ins / learner / name, place / name)
        home = folder / "home"
        home.mkdir()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = {**os.environ, "PATH": path, "HOME": str(home), "HOSTILE_TEST_SECRET": secret}
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            environment[name] = str(home / name.lower())
        _nbgrader(course, environment, "generate_assignment", case.assignment)
        was = digests(course / "source")
        failed = _nbgrader(course, environment, "autograde", case.assignment,
                           f"--Execute.timeout={_CELL_TIMEOUT_S}")  # fmt: skip
        course.mkdir(exist_ok=True)  # a hand-in may have deleted it
        _nbgrader(course, environment, "generate_feedback", case.assignment)
        time.sleep(0.5)
        left = tuple(_left(str(folder)))
        seen = _Seen(course, targets, secret, left)
        received, disturbed = ears.heard(), bystander.poll() is not None
        points = _points(course, case.folder, case.assignment)
        honest = [_points(course, learner, case.assignment) == FULL for learner in _BESIDE]
        found = {
            "hidden test in the feedback": HIDDEN_WORD in seen.page(case),
            f"the run failed ({failed})": bool(failed),
            "honest hand-in lost points": not all(honest),
            "course changed": digests(course / "source") != was,
            "a server was reached": bool(received),
            "a bystander was signalled": disturbed,
            "more points than there are": points is not None and sum(points.values()) > sum(FULL.values()),
        }
        harm = [name for name, is_so in found.items() if is_so]
        harm += [
            h for probe in (breached, told_secret, wrote_outside, left_process) if (h := probe(case, seen))
        ]
        extra = set(live_parts(seen.page(case))) - set(live_parts(seen.page_of(HONEST[0], case.assignment)))
        harm += [f"live script: {', '.join(sorted(extra))[:80]}"] if extra else []
    return StockOutcome(points, tuple(harm), time.monotonic() - began)


def _nbgrader(course: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run a command of nbgrader; return what went wrong."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(HARD_LIMIT_S)
        return f"exit {code}" if code else ""
    except subprocess.TimeoutExpired:
        return f"did not end in {HARD_LIMIT_S:.0f} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _left(folder: str) -> Iterator[str]:
    """End what outlived the run; say what it was."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(folder in value for value in process.environ().values()) and process.pid != os.getpid():
                yield " ".join(process.cmdline())
                process.kill()


def _points(course: Path, learner: str, assignment: str) -> dict[str, float] | None:
    database = course / "gradebook.db"
    if not database.is_file():
        return None
    try:
        with Gradebook(f"sqlite:///{database}") as gradebook:
            submission = gradebook.find_submission_notebook(assignment, assignment, learner)
            return {
                g.cell.name.removesuffix("-test"): float(g.score)
                for g in submission.grades
                if g.cell.name.endswith("-test")
            }
    except (MissingEntry, SQLAlchemyError):
        return None
