"""The folder with the results of a class: what is written there, and how it is kept whole.

Every file is written beside its place and then moved there, so that a reader, or a run that is
interrupted, never meets half a file. A marker file tells a results folder from any other.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from autograder.files import write_whole
from autograder.grading.feedback import plain_points, question_sums
from autograder.grading.records import Cost, GradeRecord, Rejected
from autograder.grading.report import Graded

MARKER = "takara-grading.json"
_LOCK = ".takara-grading.lock"
#: What a spreadsheet takes for a formula at the start of a cell.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class OutFolderError(ValueError):
    """The results cannot be written there. The message is for people."""


class GradebookError(RuntimeError):
    """The gradebook could not be written. The message is for the instructor, in Japanese."""


class OutFolder:
    """The results folder of a class."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def grades_csv(self) -> Path:
        return self.root / "grades.csv"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    def record_path(self, learner: str, assignment: str) -> Path:
        return self.records / learner / f"{assignment}.json"

    def feedback_path(self, learner: str, assignment: str) -> Path:
        return self.feedback / learner / f"{assignment}.html"

    def autograded_path(self, learner: str, assignment: str, notebook: str) -> Path:
        return self.root / "autograded" / learner / assignment / f"{notebook}.ipynb"

    def prepare(self, submissions: Path) -> None:
        """Make the folder, or make sure that an existing one is ours.

        Raises
        ------
        OutFolderError
        """
        submissions = submissions.resolve()
        if self.root == submissions or submissions in self.root.parents or self.root in submissions.parents:
            raise OutFolderError(
                "結果を書くフォルダーと、提出物のフォルダーが重なっています。"
                f"提出物（{submissions}）の外のフォルダーを --out で指定してください。"
            )
        if self.root.exists() and not self.root.is_dir():
            raise OutFolderError(
                f"「{self.root}」はフォルダーではありません。別の名前を --out で指定してください。"
            )
        if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / MARKER).is_file():
            raise OutFolderError(
                f"「{self.root}」には、採点結果ではないファイルがあります。上書きしないよう、何も書きませんでした。"
                "新しい（または空の）フォルダーを --out で指定してください。"
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_text(self.root / MARKER, json.dumps({"format": 1}) + "\n")
        except OSError as error:
            raise OutFolderError(
                f"「{self.root}」に書けません。書きこみの権限と空き容量を確かめてください。\n原因：{error}"
            ) from error

    @contextlib.contextmanager
    def only_writer(self) -> Iterator[None]:
        """Keep a second run out of the same folder while this one writes."""
        lock = self.root / _LOCK
        for _ in range(2):
            try:
                descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                break
            except FileExistsError:
                if _is_running(lock):
                    raise OutFolderError(
                        f"「{self.root}」には、いま別の takara grade が書いています。"
                        "終わってから実行してください。"
                    ) from None
                lock.unlink(missing_ok=True)
        else:
            raise OutFolderError(
                f"「{lock}」を作れません。このファイルを消してから、もう一度実行してください。"
            )
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{os.getpid()} {psutil.Process().create_time()}")
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)

    def write_record(self, record: GradeRecord, key: str) -> None:
        """Save a record and the key under which it may be used again."""
        path = self.record_path(record.learner, record.assignment)
        write_text(path.with_suffix(".cost"), json.dumps(dataclasses.asdict(record.cost)) + "\n")
        write_text(path, record.to_json() + "\n")
        write_text(path.with_suffix(".key"), key + "\n")

    def read_record(self, learner: str, assignment: str, key: str) -> GradeRecord | None:
        """The saved record of exactly this hand-in, graded in exactly this way, if there is one."""
        path = self.record_path(learner, assignment)
        try:
            if path.with_suffix(".key").read_text(encoding="utf-8").strip() != key:
                return None
            return _read_record(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def all_records(self) -> list[GradeRecord]:
        """Every saved record, sorted by assignment and learner."""
        found = []
        for path in self.records.glob("*/*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.append(_read_record(path))
        return sorted(found, key=lambda r: (r.assignment, r.learner))


def _read_record(path: Path) -> GradeRecord:
    record = GradeRecord.from_json(path.read_text(encoding="utf-8"))
    with contextlib.suppress(OSError, ValueError, TypeError):
        cost = Cost(**json.loads(path.with_suffix(".cost").read_text(encoding="utf-8")))
        record = dataclasses.replace(record, cost=cost)
    return record


def _is_running(lock: Path) -> bool:
    try:
        pid, started = lock.read_text().split()
        return (
            psutil.pid_exists(int(pid)) and abs(psutil.Process(int(pid)).create_time() - float(started)) < 1
        )
    except (OSError, ValueError, psutil.Error):
        return False


def write_text(path: Path, text: str, *, encoding: str = "utf-8") -> None:
    """Write a file as a whole or not at all; leave it alone when nothing changes."""
    content = text.encode(encoding)
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    write_whole(path, content)


def grades_table(graded: Sequence[Graded], rejected: Sequence[Rejected]) -> str:
    """``grades.csv``: a row for each hand-in, graded or not, and a column for each question."""
    questions = list(
        dict.fromkeys(
            r.question for g in sorted(graded, key=lambda g: g.record.assignment) for r in g.record.results
        )
    )
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(
        [
            *("learner", "assignment", "status", "points", "max_points", "unread_points"),
            *questions,
            *("needs_review", "repairs", "file", "reason"),
        ]
    )
    for g in sorted(graded, key=lambda g: (g.record.assignment, g.record.learner)):
        sums = {s.question: s for s in question_sums(g.record, g.manual)}
        writer.writerow(
            [
                _plain(g.record.learner),
                g.record.assignment,
                "needs_review" if g.needs_review else "graded",
                plain_points(g.points),
                plain_points(g.record.max_points),
                plain_points(g.unread_points),
                *(plain_points(sums[q].points) if q in sums else "" for q in questions),
                "1" if g.needs_review else "0",
                _plain(" / ".join(r.what for r in g.record.repairs)),
                _plain(g.record.submitted_name),
                "",
            ]
        )
    for r in sorted(rejected, key=lambda r: (r.name, r.reason)):
        writer.writerow(
            [_plain(r.learner), r.assignment, "error" if r.ours else "rejected", "", "", ""]
            + [""] * len(questions)
            + ["", "", _plain(r.name), _plain(r.reason)]
        )
    return stream.getvalue()


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula, on one line."""
    text = " ".join(text.split())
    return "'" + text if text.startswith(_FORMULA_STARTS) else text
