"""Grades the corpus as one class and looks for harm, from outside and in what the hand-ins say themselves."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import nbformat
import psutil
from corpus import HONEST, Case, Targets, encodings_of, write_hand_ins
from nbgrader.api import Gradebook
from small_class import ASSIGNMENTS, FULL, HIDDEN_WORD, write_course

from autograder.grading.classroom import ClassOutcome, Progress, grade_class
from autograder.grading.collect import safe_learner
from autograder.grading.records import GradeRecord, Rejected

CELL_TIMEOUT_S = 3.0
NOTEBOOK_TIMEOUT_S = 9.0
MEMORY_MB = 400
_END_S = 50.0  # on top of the limits: interrupt, kill, and one kernel start (30 s) that is tried again
_LARGEST_MB = 12
_MOST_MEMORY_MB = 1500

_BYSTANDER = """
import signal, sys, time
for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTERM}:
    signal.signal(number, lambda *_: sys.exit(3))
print('ready', flush=True)
time.sleep(3600)
"""


@dataclass(frozen=True)
class Trial:
    """A class that was graded, and what was seen meanwhile."""

    targets: Targets
    outcome: ClassOutcome
    tier: str
    received: bytes  # by the servers that nobody may reach
    disturbed: bool  # the bystander is gone
    changed: tuple[str, ...]  # files of the course and of the hand-ins that are not as they were
    left: tuple[str, ...]  # in the temporary folder and in /dev/shm
    processes: tuple[str, ...]  # command lines of processes that outlived the run
    secret: str
    most_memory_mb: float
    records: dict[tuple[str, str], GradeRecord] = field(default_factory=dict)

    def record(self, case: Case) -> GradeRecord | None:
        return self.records.get((_name(case), case.assignment))

    def rejected(self, case: Case) -> list[Rejected]:
        return [r for r in self.outcome.rejected if case.folder in (r.learner, r.name.split("/")[0])]

    def outputs(self, case: Case) -> str:
        """All that was printed and displayed; not the errors, which quote the learner's own code."""
        path = self.outcome.out.autograded_path(_name(case), case.assignment, case.assignment)
        if not path.is_file():
            return ""
        shown = []
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                shown += [str(output.get("text", "")), *map(str, output.get("data", {}).values())]
        return "\n".join(shown)

    def page(self, case: Case) -> str:
        path = self.outcome.out.feedback_path(_name(case), case.assignment)
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def _name(case: Case) -> str:
    """The learner's name as the class has it."""
    return safe_learner(case.folder) or ""


# ---------------------------------------------------------------- the run


def run_trial(cases: tuple[Case, ...], folder: Path, *, sandbox: str = "auto", workers: int = 2) -> Trial:
    """Grade these cases together with the honest hand-ins.

    Parameters
    ----------
    cases : tuple of Case
    folder : Path
        For the course, the hand-ins and the results.
    sandbox : str
        As for :func:`autograder.grading.classroom.grade_class`.
    workers : int
    """
    secret = secrets.token_hex(12)
    temp = Path(tempfile.mkdtemp(prefix="th-", dir="/tmp"))
    shm_before = set(os.listdir("/dev/shm"))
    tiers: list[str] = []
    environment = {"HOSTILE_TEST_SECRET": secret, "TMPDIR": str(temp)}
    try:
        with (
            attacked(folder) as (targets, ears, bystander),
            mock.patch.dict(os.environ, environment),
            mock.patch.object(tempfile, "tempdir", str(temp)),
            _memory_watch() as most,
        ):
            write_course(targets.course)
            targets.hand_ins.mkdir()
            write_hand_ins(targets.hand_ins, cases, targets)
            was = {**digests(targets.course), **digests(targets.hand_ins)}
            outcome = grade_class(
                targets.hand_ins,
                targets.out,
                course=targets.course,
                workers=workers,
                cell_timeout_s=CELL_TIMEOUT_S,
                notebook_timeout_s=NOTEBOOK_TIMEOUT_S,
                memory_mb=MEMORY_MB,
                sandbox=sandbox,
                progress=Progress(walls=tiers.append),
            )
            now = {**digests(targets.course), **digests(targets.hand_ins)}
            left = tuple(sorted(p.name for p in temp.iterdir()))
            left += tuple(sorted(n for n in set(os.listdir("/dev/shm")) - shm_before if "sem.mp-" not in n))
            received = ears.heard()
            disturbed = bystander.poll() is not None
            processes = tuple(_processes_of(str(temp)))
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return Trial(
        targets=targets,
        outcome=outcome,
        tier=tiers[0],
        received=received,
        disturbed=disturbed,
        changed=tuple(sorted(k for k in {*was, *now} if was.get(k) != now.get(k))),
        left=left,
        processes=processes,
        secret=secret,
        most_memory_mb=most[0],
        records={(r.learner, r.assignment): r for r in (g.record for g in outcome.graded)},
    )


def _processes_of(temp: str) -> Iterator[str]:
    """Command lines of processes of this run: they have its temporary folder in their environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            line = " ".join(process.cmdline())
            ours = any(temp in value for value in process.environ().values())
            if "left-by-" in line or (ours and "resource_tracker" not in line and process.pid != os.getpid()):
                yield line


def digests(root: Path) -> dict[str, str]:
    found = {}
    for path, _, names in os.walk(os.fsencode(root)):
        for name in names:
            file = os.path.join(path, name)
            plain = os.path.isfile(file) and not os.path.islink(file)
            if plain:
                with open(file, "rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            else:
                content = "special"
            found[os.fsdecode(file)] = content
    return found


class _Ears:
    """Servers on this machine: whoever reaches one is heard."""

    def __init__(self, folder: Path) -> None:
        self.abstract = f"hostile-{secrets.token_hex(6)}"
        self.path = folder / "ear"
        self._said: list[bytes] = []
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        abstract.bind(f"\0{self.abstract}")
        path = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path.bind(str(self.path))
        self.path.chmod(0o777)
        self._tcp, self._others = tcp, (udp, abstract, path)
        for ear in (tcp, *self._others):
            ear.setblocking(False)

    def heard(self) -> bytes:
        """What arrived since the last call; an empty connection counts as well."""
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._tcp.accept()
                with connection:
                    connection.settimeout(0.2)
                    self._said.append(b"connected ")
                    with contextlib.suppress(OSError):
                        self._said.append(connection.recv(4096))
        for ear in self._others:
            with contextlib.suppress(BlockingIOError, ValueError, OSError):
                while True:
                    self._said.append(ear.recv(4096))
        return b" ".join(self._said)

    def close(self) -> None:
        for ear in (self._tcp, *self._others):
            ear.close()


@contextlib.contextmanager
def attacked(folder: Path) -> Iterator[tuple[Targets, _Ears, subprocess.Popen]]:
    """Everything that a hand-in may attack, below ``folder``."""
    outside = folder / "outside"
    outside.mkdir(parents=True)
    outside.chmod(0o777)
    sockets = Path(tempfile.mkdtemp(prefix="te-", dir="/tmp"))  # a socket's path must be short
    sockets.chmod(0o755)
    ears = _Ears(sockets)
    bystander = subprocess.Popen([sys.executable, "-c", _BYSTANDER], stdout=subprocess.PIPE)
    assert bystander.stdout is not None
    bystander.stdout.readline()
    targets = Targets(
        course=folder / "course",
        hand_ins=folder / "hand-ins",
        out=folder / "out",
        outside=outside,
        port=ears.port,
        abstract=ears.abstract,
        socket=ears.path,
        bystander=bystander.pid,
    )
    try:
        yield targets, ears, bystander
    finally:
        ears.close()
        bystander.kill()
        bystander.wait()
        bystander.stdout.close()
        shutil.rmtree(sockets, ignore_errors=True)


@contextlib.contextmanager
def _memory_watch() -> Iterator[list[float]]:
    """The most memory that any one process below this one had, in MB."""
    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    memory = process.memory_info()
                    most[0] = max(most[0], (memory.rss - memory.shared) / 1e6)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


# ---------------------------------------------------------------- harm

Probe = Callable[[Case, Trial], str]


def breached(case: Case, trial: Trial) -> str:
    """The attack itself says that it succeeded."""
    found = re.findall(r"^BREACH.*", trial.outputs(case), re.MULTILINE)
    return "; ".join(line[:80] for line in found[:3])


def told_secret(case: Case, trial: Trial) -> str:
    record = trial.record(case)
    told = trial.outputs(case) + trial.page(case) + (record.to_json() if record else "")
    return "a secret of the environment" if trial.secret in told else ""


def showed_hidden_test(case: Case, trial: Trial) -> str:
    page = trial.page(case)
    return "hidden test in the feedback" if any(word in page for word in encodings_of(HIDDEN_WORD)) else ""


def live_script(case: Case, trial: Trial) -> str:
    return live_html(trial.page(case))


def wrote_outside(case: Case, trial: Trial) -> str:
    return "a file outside" if (trial.targets.outside / case.name).exists() else ""


def reached_network(case: Case, trial: Trial) -> str:
    return "a server was reached" if case.name.encode() in trial.received else ""


def left_process(case: Case, trial: Trial) -> str:
    return "a process is left" if any(case.name in line for line in trial.processes) else ""


def came_from_another(case: Case, trial: Trial) -> str:
    return "something another hand-in left" if "PERSISTED" in trial.outputs(case) else ""


def took_too_long(case: Case, trial: Trial) -> str:
    record = trial.record(case)
    too_long = record is not None and record.cost.seconds > NOTEBOOK_TIMEOUT_S + _END_S
    return f"{record.cost.seconds:.0f} s" if record and too_long else ""


def took_too_much_room(case: Case, trial: Trial) -> str:
    out = trial.outcome.out
    written = (
        out.autograded_path(_name(case), case.assignment, case.assignment),
        out.feedback_path(_name(case), case.assignment),
        out.record_path(_name(case), case.assignment),
    )
    size = sum(p.stat().st_size for p in written if p.is_file())
    return f"{size / 1e6:.0f} MB of results" if size > _LARGEST_MB * 1_000_000 else ""


PROBES: tuple[Probe, ...] = (
    breached, told_secret, showed_hidden_test, live_script, wrote_outside, reached_network, left_process,
    came_from_another, took_too_long, took_too_much_room,
)  # fmt: skip


def harm_of(case: Case, trial: Trial) -> list[str]:
    """What a case did that it must not do."""
    return [harm for probe in PROBES if (harm := probe(case, trial))]


def harm_to_all(trial: Trial) -> list[str]:
    """Harm that no single case is named for."""
    pages = (trial.outcome.out.report, trial.outcome.out.grades_csv)
    texts = [p.read_text(encoding="utf-8") for p in pages]
    found = {
        "files of the course or hand-ins changed": trial.changed,
        "left on the disk": trial.left,
        "processes left": trial.processes,
        "something arrived at a server": trial.received,
        "a bystander was signalled": trial.disturbed,
        "files outside": [p.name for p in trial.targets.outside.iterdir()],
        "memory": trial.most_memory_mb if trial.most_memory_mb > _MOST_MEMORY_MB else 0,
        "hidden test in report or table": any(HIDDEN_WORD in text for text in texts),
        "live script in the report": live_html(texts[0]),
        "secret in report or table": any(trial.secret in t for t in texts),
        "gradebook and records differ": gradebook_differences(trial),
        "honest hand-ins": [
            f"{learner}/{assignment}: {got}"
            for learner in HONEST
            for assignment in ASSIGNMENTS
            if (got := points_of(trial.records.get((learner, assignment)))) != FULL
        ],
    }
    return [f"{name}: {str(what)[:300]}" for name, what in found.items() if what]


def points_of(record: GradeRecord | None) -> dict[str, float] | None:
    """Points of the machine-graded questions."""
    if record is None:
        return None
    return {
        r.grade_id.removesuffix("-test"): r.points
        for r in record.results
        if r.status != "manual" and r.grade_id.endswith("-test")
    }


def gradebook_differences(trial: Trial) -> list[str]:
    """Grades in the gradebook that are not those of the records."""
    different = []
    with Gradebook(f"sqlite:///{trial.targets.out / 'gradebook.db'}") as gradebook:
        for (learner, assignment), record in trial.records.items():
            for result in record.results:
                if result.status == "manual":
                    continue
                grade = gradebook.find_grade(result.grade_id, assignment, assignment, learner)
                if (grade.auto_score, grade.manual_score) not in (
                    (result.points, None),
                    (None, None),
                ) or grade.max_score != result.max_points:
                    different.append(f"{learner}/{assignment}/{result.grade_id}")
    return different


class _LiveParts(HTMLParser):
    """Collects what a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "object", "embed", "base", "form", "link"}:
            self.found.append(tag)
        for name, value in attrs:
            address = re.sub(r"\s", "", value or "").lower()
            if name.startswith("on") or address.startswith(("javascript:", "vbscript:")):
                self.found.append(f"{tag} {name}")
            if name == "src" and not address.startswith("data:image/"):
                self.found.append(f"{tag} {name}={address[:40]}")


def live_html(page: str) -> str:
    """What of a page a browser would run or fetch; an empty text for a dead one."""
    return ", ".join(live_parts(page))


def live_parts(page: str) -> list[str]:
    """The same as a list."""
    parser = _LiveParts()
    parser.feed(page)
    parser.close()
    return list(dict.fromkeys(parser.found))
