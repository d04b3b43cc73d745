"""A class of thirty, graded from end to end: every score is known beforehand."""

from __future__ import annotations

import contextlib
import copy
import csv
import io
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import factory
import nbformat
import pytest
import simulated_class
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from rich.console import Console

from autograder.grading import classroom, command
from autograder.grading import job as grading_job
from autograder.grading.classroom import ClassOutcome, grade_class
from autograder.grading.course_root import CourseError, load_course
from autograder.grading.grade import read_notebook
from autograder.grading.intake import IntakeError
from autograder.grading.out_folder import OutFolderError
from autograder.grading.pool import Crashed
from autograder.grading.records import GradeRecord, HandIn, Rejected
from autograder.grading.repair import repair
from autograder.grading.run import CellOutcome, Run
from autograder.grading.score import annotate, score
from autograder.grading.spec import AssignmentSpec

CELL_TIMEOUT_S = 20.0


# ---------------------------------------------------------------- the class of thirty


@pytest.fixture(scope="module")
def the_class(tmp_path_factory: pytest.TempPathFactory) -> simulated_class.SimulatedClass:
    return simulated_class.make_class(tmp_path_factory.mktemp("course"), "ps2")


@pytest.fixture(scope="module")
def graded(
    the_class: simulated_class.SimulatedClass, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ClassOutcome, Path]:
    folder = tmp_path_factory.mktemp("class")
    outcome = grade_class(
        the_class.write(folder / "hand-ins"),
        folder / "out",
        course=the_class.course_root,
        workers=2,
        cell_timeout_s=CELL_TIMEOUT_S,
    )
    return outcome, folder / "out"


def points_by_question(record: GradeRecord) -> dict[str, float]:
    points: dict[str, float] = {}
    for r in record.results:
        points[r.question] = points.get(r.question, 0) + r.points
    return points


@pytest.mark.slow
def test_everyone_gets_exactly_their_points(
    the_class: simulated_class.SimulatedClass, graded: tuple[ClassOutcome, Path]
) -> None:
    outcome, _ = graded
    assert len(the_class.members) >= 30
    assert not outcome.rejected
    records = {g.record.learner: g.record for g in outcome.graded}
    assert set(records) == {m.learner for m in the_class.members}
    got = {
        m.learner: {q: points_by_question(records[m.learner])[q] for q in m.points} for m in the_class.members
    }
    assert got == {m.learner: dict(m.points) for m in the_class.members}


@pytest.mark.slow
def test_everyone_is_told_why(
    the_class: simulated_class.SimulatedClass, graded: tuple[ClassOutcome, Path]
) -> None:
    outcome, out = graded
    by_learner = {g.record.learner: g for g in outcome.graded}
    for m in the_class.members:
        g = by_learner[m.learner]
        for question, message in m.messages.items():
            told = [r.message for r in g.record.results if r.question == question]
            assert any(message in text for text in told), (m.learner, told)
        assert bool(g.record.repairs) == m.repaired, (m.learner, g.record.repairs)
        assert g.needs_review == m.needs_review, m.learner
        page = (out / "feedback" / m.learner / f"{the_class.assignment}.html").read_text(encoding="utf-8")
        assert "HIDDEN" not in page and "checks.number(" not in page
    asked = {g.record.learner: g.asks for g in outcome.graded if g.asks}
    assert asked == {"asks": (simulated_class.QUESTION_FOR_THE_TEACHER,)}


@pytest.mark.slow
def test_table_records_and_gradebook_agree(
    the_class: simulated_class.SimulatedClass, graded: tuple[ClassOutcome, Path]
) -> None:
    _, out = graded
    raw = (out / "grades.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = {r["learner"]: r for r in csv.DictReader(raw.decode("utf-8-sig").splitlines())}
    expected = {m.learner: sum(m.points.values()) for m in the_class.members}
    assert {name: float(r["points"]) for name, r in rows.items()} == expected
    assert all(float(rows[m.learner][q]) == p for m in the_class.members for q, p in m.points.items())
    records = {
        p.parent.name: GradeRecord.from_json(p.read_text("utf-8")) for p in out.glob("records/*/*.json")
    }
    assert {name: r.points for name, r in records.items()} == expected
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gradebook:
        submissions = gradebook.assignment_submissions(the_class.assignment)
        assert {s.student.id: s.score for s in submissions} == expected
        assert {s.max_score for s in submissions} == {float(r["max_points"]) for r in rows.values()}
        flagged = {s.student.id for s in submissions if s.needs_manual_grade}
        unread = {name for name, r in rows.items() if float(r["unread_points"]) > 0}
        doubtful = {m.learner for m in the_class.members if m.needs_review}
        assert flagged == unread | doubtful


@pytest.mark.slow
def test_one_process_gives_the_same(
    the_class: simulated_class.SimulatedClass, graded: tuple[ClassOutcome, Path], tmp_path: Path
) -> None:
    few = {"worked", "twice-different", "partly", "佐藤 花子"}
    outcome = grade_class(
        the_class.write(tmp_path / "hand-ins", only=few),
        tmp_path / "out",
        course=the_class.course_root,
        workers=1,
        cell_timeout_s=CELL_TIMEOUT_S,
    )
    before = {g.record.learner: g.record for g in graded[0].graded}
    assert [g.record.learner for g in outcome.graded] == sorted(few)
    assert {g.record.learner: g.record for g in outcome.graded} == {n: before[n] for n in few}


# ---------------------------------------------------------------- a small course, for everything else


def grade_here(hand_in: HandIn, spec: AssignmentSpec, *, data_dir: Path, **_: object):
    """What ``grade_hand_in`` does, with the cells run in this process: no kernel, no wait."""
    nb, repairs = repair(read_notebook(hand_in.content), spec)
    namespace: dict[str, object] = {}
    outcomes = []
    for cell in nb.cells:
        if cell.cell_type != "code":
            outcomes.append(CellOutcome("skipped"))
            continue
        try:
            with contextlib.chdir(data_dir):
                exec(cell.source, namespace)
            outcomes.append(CellOutcome("ok"))
        except Exception as error:
            outcomes.append(CellOutcome("error", type(error).__name__, str(error)))
    run = Run(nb, tuple(outcomes))
    record = score(run, spec, learner=hand_in.learner, repairs=repairs, submitted_name=hand_in.name)
    return record, annotate(nb, record)


def run_here(function, jobs, on_done, **_: object) -> None:
    for n, job in enumerate(jobs):
        on_done(n, function(job))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grade in this process: for tests of what happens around the run."""
    monkeypatch.setattr(classroom, "run_all", run_here)
    monkeypatch.setattr(grading_job, "grade_hand_in", grade_here)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Any nbgrader course: no word of Takara in it."""
    folder = tmp_path / "course" / "source" / "ps"
    folder.mkdir(parents=True)
    nbformat.write(factory.source_notebook(), folder / "ps.ipynb")
    (folder / "waits.csv").write_text(factory.DATA)
    return tmp_path / "course"


def put(tmp_path: Path, **answers: dict[str, str] | None) -> Path:
    folder = tmp_path / "hand-ins"
    for learner, given in answers.items():
        path = folder / learner / "ps.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(factory.to_bytes(factory.hand_in_of(factory.source_notebook(), given)))
    return folder


def grade(tmp_path: Path, hand_ins: Path, course: Path, **options: object) -> ClassOutcome:
    return grade_class(hand_ins, tmp_path / "out", course=course, **{"workers": 1, **options})  # type: ignore[arg-type]


def table(tmp_path: Path) -> dict[str, dict[str, str]]:
    text = (tmp_path / "out" / "grades.csv").read_text("utf-8-sig")
    return {r["learner"]: r for r in csv.DictReader(text.splitlines())}


def test_layout_goes_on_in_nbgrader(tmp_path: Path, course: Path) -> None:
    outcome = grade(tmp_path, put(tmp_path, hana=None), course)
    assert not outcome.partial
    out = tmp_path / "out"
    for name in (
        "grades.csv", "report.html", "feedback/hana/ps.html", "records/hana/ps.json", "gradebook.db",
        "nbgrader_config.py", "source/ps/ps.ipynb", "release/ps/ps.ipynb", "submitted/hana/ps/ps.ipynb",
        "autograded/hana/ps/ps.ipynb", "autograded/hana/ps/waits.csv",
    ):  # fmt: skip
        assert (out / name).is_file(), name
    assert not list(out.rglob(".tmp-*")) and not list(out.glob(".*.lock"))
    assert not list(course.glob("**/release*")), "the course itself must not change"

    before = (out / "grades.csv").read_bytes()
    subprocess.run([sys.executable, "-m", "nbgrader", "export"], cwd=out, check=True, capture_output=True)
    exported = (out / "nbgrader_grades.csv").read_text("utf-8")
    assert [(r["student_id"], r["score"]) for r in csv.DictReader(exported.splitlines())] == [("hana", "5.0")]
    assert (out / "grades.csv").read_bytes() == before


@pytest.mark.usefixtures("here")
def test_grades_by_hand_are_kept_and_shown(tmp_path: Path, course: Path) -> None:
    hand_ins = put(tmp_path, hana=None)
    first = grade(tmp_path, hand_ins, course)
    assert first.graded[0].unread_points == 3
    assert "採点者が読みます" in (tmp_path / "out/feedback/hana/ps.html").read_text("utf-8")
    with Gradebook(f"sqlite:///{tmp_path / 'out' / 'gradebook.db'}") as gradebook:
        gradebook.find_grade("q3-written", "ps", "ps", "hana").manual_score = 2
        gradebook.find_comment(
            "q3-written", "ps", "ps", "hana"
        ).manual_comment = "理由が**よい**です。<script>"
        gradebook.db.commit()
    second = grade(tmp_path, hand_ins, course)
    assert second.reused == 1
    assert (second.graded[0].points, second.graded[0].unread_points) == (7, 0)
    page = (tmp_path / "out/feedback/hana/ps.html").read_text("utf-8")
    assert "理由が<strong>よい</strong>です。" in page and "<script" not in page
    assert table(tmp_path)["hana"]["points"] == "7"
    third = grade(tmp_path, hand_ins, course, again=True)
    assert (third.reused, third.graded[0].points) == (0, 7)


def test_the_same_hand_in_forty_times(tmp_path: Path, course: Path) -> None:
    """Whichever process, whichever kernel, in whatever order: the same hand-in has the same record."""
    kinds = {
        "right": None,
        "wrong": {"q1-answer": "mean_wait = 9"},
        "broken": {"q1-answer": "mean_wait = 1 / 0"},
        "ends": {"q2-answer": "import os\nos._exit(3)"},
    }
    hand_ins = put(tmp_path, **{f"{kind}{n}": answers for kind, answers in kinds.items() for n in range(10)})
    outcome = grade(tmp_path, hand_ins, course, workers=3)
    assert len(outcome.graded) == 40
    for kind in kinds:
        texts = {
            g.record.to_json().replace(g.record.learner, kind)
            for g in outcome.graded
            if g.record.learner.rstrip("0123456789") == kind
        }
        assert len(texts) == 1, kind


@pytest.mark.usefixtures("here")
def test_only_one_learner(tmp_path: Path, course: Path) -> None:
    hand_ins = put(tmp_path, hana=None, ken={"q1-answer": "mean_wait = 9"})
    outcome = grade(tmp_path, hand_ins, course, only_learner="ken")
    assert [g.record.learner for g in outcome.graded] == ["ken"] and not outcome.interrupted
    both = grade(tmp_path, hand_ins, course)
    assert (both.reused, len(both.graded)) == (1, 2)
    with pytest.raises(IntakeError, match=r"「hanaa」の提出物がありません.*hana"):
        grade(tmp_path, hand_ins, course, only_learner="hanaa")


@pytest.mark.usefixtures("here")
def test_what_a_person_decided_in_the_formgrader_is_no_longer_open(tmp_path: Path, course: Path) -> None:
    nb = factory.hand_in_of(factory.source_notebook())
    first = factory.cell_of(nb, "q1-answer")
    second = copy.deepcopy(first)
    second.source, second["id"] = "# やり直し\n" + first.source, "again"
    nb.cells.insert(nb.cells.index(first) + 1, second)
    hand_ins = put(tmp_path, hana=None)
    (hand_ins / "hana" / "ps.ipynb").write_bytes(factory.to_bytes(nb))
    assert grade(tmp_path, hand_ins, course).partial
    with Gradebook(f"sqlite:///{tmp_path / 'out' / 'gradebook.db'}") as gradebook:
        grade_of_test = gradebook.find_grade("q1-test", "ps", "ps", "hana")
        assert grade_of_test.needs_manual_grade
        grade_of_test.manual_score, grade_of_test.needs_manual_grade = 2, False  # as the formgrader saves
        gradebook.db.commit()
    outcome = grade(tmp_path, hand_ins, course)
    assert not outcome.partial and outcome.graded[0].points == 4


@pytest.mark.usefixtures("here")
def test_the_formgrader_shows_a_hand_in_and_runs_nothing_of_it(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page on which written answers are graded, made as nbgrader's server extension makes it."""
    memo = "<script>alert(1)</script>\n\n<img src=x onerror='alert(2)'>\n\n月曜に**人を増やす**。"
    grade(tmp_path, put(tmp_path, hana={**factory.RIGHT, "q3-written": memo}), course)
    monkeypatch.chdir(tmp_path / "out")
    extension = FormgradeExtension()
    extension.initialize([])
    page, _ = HTMLExporter(config=extension.config).from_filename(
        "autograded/hana/ps/ps.ipynb", resources={"base_url": "", "notebook_id": "ps", "index": 0, "total": 1}
    )
    assert 'id="q3-written"' in page and 'id="q3-written-comment"' in page, "no field for points, comment"
    assert "<strong>人を増やす</strong>" in page
    assert "alert(" not in page
    assert "https://" not in page, "the page must work in an office network"


@pytest.mark.usefixtures("here")
def test_only_what_changed_is_graded_again(tmp_path: Path, course: Path) -> None:
    hand_ins = put(tmp_path, hana=None, ken={})
    assert grade(tmp_path, hand_ins, course).reused == 0
    before = {p: p.read_bytes() for p in (tmp_path / "out").glob("*.html")}
    assert grade(tmp_path, hand_ins, course).reused == 2
    assert {p: p.read_bytes() for p in (tmp_path / "out").glob("*.html")} == before
    put(tmp_path, ken=None)
    outcome = grade(tmp_path, hand_ins, course)
    assert outcome.reused == 1
    assert {g.record.learner: g.points for g in outcome.graded} == {"hana": 5, "ken": 5}
    notebook = course / "source" / "ps" / "waits.csv"
    notebook.write_text(factory.DATA + "30\n")
    assert grade(tmp_path, hand_ins, course).reused == 0


@pytest.mark.usefixtures("here")
def test_late_hand_ins_join_the_class(tmp_path: Path, course: Path) -> None:
    grade(tmp_path, put(tmp_path, hana=None), course)
    shutil.rmtree(tmp_path / "hand-ins")
    outcome = grade(tmp_path, put(tmp_path, ken={}), course)
    assert [g.record.learner for g in outcome.graded] == ["ken"]
    assert {name: r["points"] for name, r in table(tmp_path).items()} == {"hana": "5", "ken": "0"}


@pytest.mark.usefixtures("here")
def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, course: Path) -> None:
    hand_ins = put(tmp_path, hana=None)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("mine")
    with pytest.raises(OutFolderError, match="採点結果ではないファイル"):
        grade(tmp_path, hand_ins, course)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["report.html"]
    assert (tmp_path / "out" / "report.html").read_text() == "mine"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("out", ["hand-ins", "hand-ins/out", "."])
def test_results_and_hand_ins_do_not_overlap(tmp_path: Path, course: Path, out: str) -> None:
    hand_ins = put(tmp_path, hana=None)
    with pytest.raises(OutFolderError):
        grade_class(hand_ins, tmp_path / out, course=course)
    assert not list(tmp_path.rglob("grades.csv"))


@pytest.mark.usefixtures("here")
def test_two_runs_do_not_write_at_once(tmp_path: Path, course: Path) -> None:
    hand_ins = put(tmp_path, hana=None)
    grade(tmp_path, hand_ins, course)
    with (
        classroom.OutFolder(tmp_path / "out").only_writer(),
        pytest.raises(OutFolderError, match="別の takara grade"),
    ):
        grade(tmp_path, hand_ins, course)
    (tmp_path / "out" / ".takara-grading.lock").write_text("999999999 1.0")  # left by a killed run
    assert grade(tmp_path, hand_ins, course).reused == 1


@pytest.mark.usefixtures("here")
def test_a_crash_of_the_grader_is_no_zero(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_all(function, jobs, on_done, **_) -> None:
        for n, job in reversed(list(enumerate(jobs))):
            on_done(n, Crashed("killed") if job.hand_in.learner == "ken" else function(job))

    monkeypatch.setattr(classroom, "run_all", run_all)
    outcome = grade(tmp_path, put(tmp_path, hana=None, ken=None), course)
    assert [g.record.learner for g in outcome.graded] == ["hana"]
    assert [(r.learner, r.ours) for r in outcome.rejected] == [("ken", True)]
    row = table(tmp_path)["ken"]
    assert (row["status"], row["points"]) == ("error", "")
    assert outcome.partial


@pytest.mark.usefixtures("here")
def test_an_interrupted_run_keeps_what_it_has(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_ins = put(tmp_path, hana=None, ken=None)
    with monkeypatch.context() as patch:

        def run_all(function, jobs, on_done, **_) -> None:
            on_done(0, function(jobs[0]))
            raise KeyboardInterrupt  # Ctrl-C while the second one runs

        patch.setattr(classroom, "run_all", run_all)
        outcome = grade(tmp_path, hand_ins, course)
    assert outcome.interrupted and outcome.not_reached == 1 and len(outcome.graded) == 1
    outcome = grade(tmp_path, hand_ins, course)
    assert outcome.reused == 1 and len(outcome.graded) == 2 and not outcome.interrupted


@pytest.mark.usefixtures("here")
def test_nothing_of_ours_reaches_the_spreadsheet_as_a_formula(tmp_path: Path, course: Path) -> None:
    put(tmp_path, **{"=cmd|calc": None})
    grade(tmp_path, tmp_path / "hand-ins", course)
    assert list(table(tmp_path)) == ["'=cmd_calc"]


# ---------------------------------------------------------------- finding the course


def test_missing_source_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "assignments" / "text").mkdir(parents=True)
    with pytest.raises(CourseError, match=re.escape("python -m course.build")):
        load_course(tmp_path / "assignments")


def test_unknown_assignment(course: Path) -> None:
    with pytest.raises(CourseError, match=r"ps9.*あるのは ps です"):
        load_course(course, "ps9")


def test_no_course(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="--course"):
        load_course(tmp_path)


def test_several_notebooks_in_one_assignment(course: Path) -> None:
    shutil.copy(course / "source/ps/ps.ipynb", course / "source/ps/more.ipynb")
    with pytest.raises(CourseError, match="2つ以上"):
        load_course(course)


# ---------------------------------------------------------------- the command


@pytest.fixture
def screen() -> Console:
    return Console(width=120, record=True, force_terminal=False, file=io.StringIO())


def run_command(tmp_path: Path, hand_ins: Path, course: Path, screen: Console, **options: object) -> int:
    return command.grade(hand_ins, out=tmp_path / "out", course=course, workers=1, console=screen, **options)


@pytest.mark.usefixtures("here")
def test_command_says_the_scores_and_the_next_step(tmp_path: Path, course: Path, screen: Console) -> None:
    status = run_command(tmp_path, put(tmp_path, **{"田中 花子": None, "ken": {}}), course, screen)
    shown = screen.export_text()
    assert status == command.ALL_GRADED
    assert re.search(r"田中 花子 +ps +5 / 8", shown)
    assert re.search(r"ken +ps +0 / 8", shown)
    assert "report.html" in shown and "jupyter lab" in shown and "記述問題の採点（1 件）" in shown


@pytest.mark.usefixtures("here")
def test_command_is_partial_when_something_was_rejected(
    tmp_path: Path, course: Path, screen: Console
) -> None:
    hand_ins = put(tmp_path, hana=None)
    (hand_ins / "ken").mkdir()
    (hand_ins / "ken" / "[bold]x.ipynb").write_text("{")
    assert run_command(tmp_path, hand_ins, course, screen) == command.PARTIAL
    shown = screen.export_text()
    assert "ken/[bold]x.ipynb" in shown and "こわれていて読めません" in shown


@pytest.mark.usefixtures("here")
def test_command_usage_errors(
    tmp_path: Path, course: Path, screen: Console, capsys: pytest.CaptureFixture
) -> None:
    assert run_command(tmp_path, tmp_path / "none", course, screen) == command.USAGE
    assert run_command(tmp_path, put(tmp_path, a=None), course, screen, assignment="ps9") == command.USAGE
    assert run_command(tmp_path, put(tmp_path, a=None), course, screen, timeout_s=0) == command.USAGE
    errors = capsys.readouterr().err
    assert "がありません" in errors and "ps9" in errors and "Traceback" not in errors


@pytest.mark.usefixtures("here")
def test_records_are_plain_json(tmp_path: Path, course: Path) -> None:
    grade(tmp_path, put(tmp_path, hana=None), course)
    raw = json.loads((tmp_path / "out/records/hana/ps.json").read_text("utf-8"))
    assert raw["learner"] == "hana" and len(raw["results"]) == 3


def test_grading_runs_beside_other_threads(tmp_path: Path, course: Path) -> None:
    """Formgrader and other programs hold threads; starting processes must not depend on their absence."""
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert grade(tmp_path, put(tmp_path, hana=None), course).graded[0].points == 5
    finally:
        stop.set()
        other.join()


@pytest.mark.usefixtures("here")
def test_rejected_by_the_grader_is_listed(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_all(function, jobs, on_done, **_) -> None:
        for n, job in enumerate(jobs):
            h: HandIn = job.hand_in
            on_done(n, Rejected(h.name, "だめです。", "why", h.learner, h.assignment))

    monkeypatch.setattr(classroom, "run_all", run_all)
    outcome = grade(tmp_path, put(tmp_path, hana=None), course)
    assert not outcome.graded and outcome.partial
    assert table(tmp_path)["hana"]["reason"] == "だめです。"
    assert "採点できた提出物はありません" in (tmp_path / "out" / "report.html").read_text("utf-8")
