"""``takara grade`` at the worst moments: kill -9 of every part, a full disk, an output nobody can write to.

Whatever happens, the same command again finishes the class, and the grades are those of a run that nobody
disturbed. Nothing is counted twice and nobody gets 0 for our own accident.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import factory
import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook

if sys.platform != "linux":
    pytest.skip("kill -9, /proc", allow_module_level=True)

SIZE = 6
SLOW = "import time\ntime.sleep(1.5)\nmean_wait = sum(waits) / len(waits)"
ENDLESS = "while True: pass"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    (folder / "source" / "ps").mkdir(parents=True)
    nbformat.write(factory.source_notebook(), folder / "source" / "ps" / "ps.ipynb")
    (folder / "source" / "ps" / "waits.csv").write_text(factory.DATA)
    return folder


@pytest.fixture(scope="module")
def hand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Right ones and blank ones; each takes a moment, so that there is a middle to be disturbed in."""
    folder = tmp_path_factory.mktemp("hand-ins")
    for n in range(SIZE):
        answers = {**factory.RIGHT, "q1-answer": SLOW}
        if n % 3 == 2:
            answers["q2-answer"] = "import time; time.sleep(1)\ndef rate(part, whole): ..."
        put(folder, f"hana{n}", answers)
    return folder


def put(folder: Path, learner: str, answers: dict[str, str]) -> None:
    path = folder / learner / "ps.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(factory.to_bytes(factory.hand_in_of(factory.source_notebook(), answers)))


class Grading:
    """The command in a process of its own, with a temporary folder of its own."""

    def __init__(self, course: Path, hand_ins: Path, out: Path, *options: str, fsize: int = 0) -> None:
        self.out = out
        self.temporary = Path(tempfile.mkdtemp(prefix="tkc-", dir="/tmp"))
        command = [sys.executable, "-m", "autograder.cli", "grade", str(hand_ins), "--out", str(out),
                   "--course", str(course), "--workers", "2", *options]  # fmt: skip
        if fsize:
            command = ["bash", "-c", 'ulimit -f "$0"; exec "$@"', str(fsize), *command]
        self.process = psutil.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env=os.environ | {"TMPDIR": str(self.temporary), "COLUMNS": "120"},
        )  # fmt: skip
        self.said = ""

    def finish(self) -> int:
        self.said, _ = self.process.communicate(timeout=240)
        return self.process.returncode

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "it does not get that far"
            time.sleep(0.02)

    def recorded(self) -> int:
        return len(list((self.out / "records").glob("*/*.key")))  # what is written last of a hand-in

    def below(self, words: str) -> list[psutil.Process]:
        """Processes of this run whose command has these words."""
        found = []
        for process in self.process.children(recursive=True):
            try:
                if words in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def parents(self) -> list[psutil.Process]:
        """The process that forks; its kernels look alike, but it is nobody else's child."""
        return [p for p in self.below("autograder.kernels.parent") if p.ppid() == self.process.pid]

    def workers(self) -> list[psutil.Process]:
        return self.below("multiprocessing.spawn")

    def kernels(self) -> list[psutil.Process]:
        return [child for p in self.parents() for child in p.children(recursive=True)]

    def in_the_middle(self) -> None:
        self.wait_for(lambda: self.recorded() >= 1 and self.kernels())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.temporary, ignore_errors=True)


@pytest.fixture
def grading(course: Path, hand_ins: Path, tmp_path: Path) -> Iterator[Callable[..., Grading]]:
    started: list[Grading] = []

    def start(*options: str, out: Path | None = None, of: Path | None = None, fsize: int = 0) -> Grading:
        started.append(Grading(course, of or hand_ins, out or tmp_path / "out", *options, fsize=fsize))
        return started[-1]

    yield start
    for run in started:
        run.close()


@pytest.fixture(scope="module")
def undisturbed(course: Path, hand_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    run = Grading(course, hand_ins, tmp_path_factory.mktemp("undisturbed") / "out")
    try:
        status = run.finish()
        if status == 2 and "閉じこめて" in run.said:
            pytest.skip("no walls on this machine")
        assert status == 0, run.said
        return results(run.out)
    finally:
        run.close()


def results(out: Path) -> dict[str, object]:
    """All that is said about the class, its cost aside."""
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gradebook:
        scores = {s.student.id: (s.score, s.max_score) for s in gradebook.assignment_submissions("ps")}
    records = {p.parent.name: p.read_text("utf-8") for p in out.glob("records/*/*.json")}
    table = (out / "grades.csv").read_text("utf-8-sig")
    feedback = sorted(p.relative_to(out).as_posix() for p in out.glob("feedback/*/*.html"))
    return {"scores": scores, "records": records, "table": table, "feedback": feedback}


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "grades.csv").read_text("utf-8-sig").splitlines()))


def all_gone(processes: list[psutil.Process]) -> bool:
    _, left = psutil.wait_procs(processes, timeout=20)
    return not [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_the_undisturbed_run(undisturbed: dict[str, object]) -> None:
    assert len(undisturbed["scores"]) == SIZE and set(undisturbed["scores"].values()) == {(5, 8), (3, 8)}


def test_the_driver_is_killed(grading: Callable[..., Grading], undisturbed: dict[str, object]) -> None:
    run = grading()
    run.in_the_middle()
    others = run.process.children(recursive=True)
    run.process.kill()
    run.process.wait()
    assert all_gone(others), "workers, parent and kernels go with it"
    done = run.recorded()
    assert 1 <= done < SIZE
    again = grading()
    assert again.finish() == 0, again.said
    assert f"うち {done} 件は前回の結果" in again.said
    assert results(again.out) == undisturbed


@pytest.mark.parametrize("part", ["parents", "workers"])
def test_a_part_is_killed_and_the_same_run_goes_on(
    grading: Callable[..., Grading], undisturbed: dict[str, object], part: str
) -> None:
    run = grading()
    run.in_the_middle()
    for process in getattr(run, part)()[:1]:
        process.kill()
    assert run.finish() == 0, run.said
    assert results(run.out) == undisturbed
    assert not list(run.temporary.iterdir()), "no folders are left"


def test_a_kernel_is_killed_from_outside(grading: Callable[..., Grading]) -> None:
    """To the grader that looks like a hand-in that ends its kernel: that one is said to have stopped."""
    run = grading()
    run.in_the_middle()
    for process in run.kernels()[:2]:
        process.kill()
    run.finish()
    assert len(rows(run.out)) == SIZE
    assert sum(row["points"] == "5" for row in rows(run.out)) >= SIZE // 2
    assert run.recorded() == SIZE


def test_the_parent_is_killed_again_and_again(
    grading: Callable[..., Grading], undisturbed: dict[str, object]
) -> None:
    """Then the run may fail, but not in silence and not at the learners' cost."""
    run = grading()
    run.in_the_middle()
    while run.process.poll() is None:
        for process in run.parents():
            process.kill()
        time.sleep(0.2)
    assert run.finish() == 3, run.said
    assert len(rows(run.out)) == SIZE
    for row in rows(run.out):
        assert row["status"] == "error" or row["points"] in ("5", "3")
    again = grading()
    assert again.finish() == 0, again.said
    assert results(again.out) == undisturbed


def test_output_that_cannot_be_written(
    grading: Callable[..., Grading], undisturbed: dict[str, object], tmp_path: Path
) -> None:
    if os.getuid() == 0:
        pytest.skip("root writes everywhere")
    out = tmp_path / "out"
    first = grading()
    first.wait_for(lambda: first.recorded() >= 2)
    (out / "records").chmod(0o500)
    try:
        assert first.finish() != 0
        assert "Traceback" not in first.said
    finally:
        (out / "records").chmod(0o700)
    out.chmod(0o500)
    try:
        locked = grading()
        assert locked.finish() == 2
        assert "書" in locked.said and "Traceback" not in locked.said
    finally:
        out.chmod(0o700)
    again = grading()
    assert again.finish() == 0, again.said
    assert results(out) == undisturbed


def test_a_full_disk(grading: Callable[..., Grading], undisturbed: dict[str, object], tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mounted, capture_output=True).returncode:
        pytest.skip("no mount here")
    try:
        (disk / "ballast").write_bytes(bytes(2_700_000))
        run = grading(out=disk / "out")
        status = run.finish()
        assert status != 0 and "Traceback" not in run.said, run.said
        done = {p: p.read_bytes() for p in (disk / "out").glob("records/*/*.json")}
        assert all(json.loads(content) for content in done.values()), "no half records"
        (disk / "ballast").unlink()
        again = grading(out=disk / "out")
        assert again.finish() == 0, again.said
        assert results(disk / "out") == undisturbed
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_nobody_is_delayed_by_more_than_the_limits(grading: Callable[..., Grading], tmp_path: Path) -> None:
    """Hand-ins that never end cost their cell's limit each; the others have their points."""
    class_ = tmp_path / "class"
    for n in range(2):
        put(
            class_,
            f"endless{n}",
            {**factory.RIGHT, "q1-answer": ENDLESS, "q2-answer": "import os; os.fork(); os.fork()"},
        )
        put(class_, f"right{n}", factory.RIGHT)
    run = grading("--timeout", "3", of=class_)
    began = time.monotonic()
    status = run.finish()
    if status == 2:
        pytest.skip("no walls on this machine")
    assert time.monotonic() - began < 90, "far from the notebook's limit of 10 cells and the pool's of 150 s"
    points = {row["learner"]: row["points"] for row in rows(run.out)}
    assert points == {"endless0": "0", "endless1": "0", "right0": "5", "right1": "5"}
    assert not list(run.temporary.iterdir())
