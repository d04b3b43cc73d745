"""The one writer into nbgrader's gradebook: what it writes, what it leaves alone, what it may repeat."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from pathlib import Path

import factory
import nbformat
import pytest

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook, MissingEntry

from autograder.grading.gradebook import open_gradebook
from autograder.grading.out_folder import GradebookError
from autograder.grading.records import CellResult, GradeRecord, Repair, Status
from autograder.grading.repair import repair
from autograder.grading.run import CellOutcome, Run
from autograder.grading.score import annotate, score
from autograder.grading.writer import Writer, valid_learner

SOURCE = factory.source_notebook()
SPEC = factory.spec_of(SOURCE)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder to which nothing has been written but the assignment."""
    source = tmp_path_factory.mktemp("course") / "source" / "ps"
    source.mkdir(parents=True)
    nbformat.write(SOURCE, source / "ps.ipynb")
    (source / "waits.csv").write_text(factory.DATA)
    out = tmp_path_factory.mktemp("out")
    with Writer(out) as writer:
        writer.ensure_assignment(SPEC, source)
    return out


@pytest.fixture
def out(prepared: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(prepared, tmp_path / "out"))


def graded(learner: str = "hana", nb=None, **outcomes: CellOutcome):
    """A record and its notebook, as if run (no kernel needed)."""
    nb = nb or factory.hand_in_of(SOURCE)
    mended, repairs = repair(nb, SPEC)
    at = {
        c.metadata["nbgrader"]["grade_id"]: n for n, c in enumerate(mended.cells) if "nbgrader" in c.metadata
    }
    by_cell = {at[k.replace("_", "-")]: v for k, v in outcomes.items()}
    run = Run(mended, tuple(by_cell.get(n, CellOutcome("ok")) for n in range(len(mended.cells))))
    record = score(run, SPEC, learner=learner, repairs=repairs)
    return record, annotate(mended, record), factory.to_bytes(nb)


def write(out: Path, record: GradeRecord, nb, submitted: bytes, **more) -> None:
    with Writer(out) as writer:
        writer.write(record, SPEC, submitted=submitted, graded=nbformat.writes(nb), **more)


def grade(out: Path, grade_id: str, learner: str = "hana"):
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gb:
        return gb.find_grade(grade_id, "ps", "ps", learner).to_dict()


def comment(out: Path, cell: str, learner: str = "hana"):
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gb:
        return gb.find_comment(cell, "ps", "ps", learner).to_dict()


WRONG = CellOutcome("error", "AssertionError", "問1：平均が正解と違います。")


def test_the_assignment_is_made_by_nbgrader(prepared: Path) -> None:
    released = (prepared / "release" / "ps" / "ps.ipynb").read_text(encoding="utf-8")
    assert "secret_mean" not in released and factory.STUBS[0] in released
    assert (prepared / "release" / "ps" / "waits.csv").read_text() == factory.DATA
    assert "configure(c)" in (prepared / "nbgrader_config.py").read_text()
    with Gradebook(f"sqlite:///{prepared / 'gradebook.db'}") as gb:
        notebook = gb.find_notebook("ps", "ps")
        assert {c.name: c.max_score for c in notebook.grade_cells} == {
            "q1-test": 3,
            "q2-test": 2,
            "q3-written": 3,
        }
        assert "secret_mean" in gb.find_source_cell("q1-test", "ps", "ps").source


def test_scores_comments_and_notebooks(out: Path) -> None:
    write(out, *graded(q1_test=WRONG), timestamp="2026-06-01 17:00:00 UTC")
    assert (grade(out, "q1-test")["auto_score"], grade(out, "q1-test")["needs_manual_grade"]) == (0.0, False)
    assert (grade(out, "q2-test")["auto_score"], grade(out, "q2-test")["needs_manual_grade"]) == (2.0, False)
    assert (grade(out, "q3-written")["auto_score"], grade(out, "q3-written")["needs_manual_grade"]) == (
        None,
        True,
    )
    assert comment(out, "q1-answer")["auto_comment"] == "問1：平均が正解と違います。"
    assert comment(out, "q2-answer")["auto_comment"] is None
    nb = nbformat.read(out / "autograded" / "hana" / "ps" / "ps.ipynb", as_version=4)
    nbformat.validate(nb)
    assert factory.cell_of(nb, "q1-test").metadata["takara"]["result"]["status"] == "fail"
    assert (out / "autograded" / "hana" / "ps" / "waits.csv").read_text() == factory.DATA
    assert (out / "submitted" / "hana" / "ps" / "timestamp.txt").exists()
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gb:
        assert gb.find_submission("ps", "hana").timestamp.hour == 17


def test_the_hand_in_is_kept_byte_for_byte(out: Path) -> None:
    record, nb, submitted = graded()
    odd = submitted + b"\n\n"
    write(out, record, nb, odd)
    assert (out / "submitted" / "hana" / "ps" / "ps.ipynb").read_bytes() == odd


def test_writing_twice_is_writing_once(out: Path) -> None:
    for _ in range(2):
        write(out, *graded(q1_test=WRONG))
    with sqlite3.connect(out / "gradebook.db") as db:
        count = {
            t: db.execute(f"select count(*) from {t}").fetchone()[0] for t in ("student", "grade", "comment")
        }
    assert count == {"student": 1, "grade": 3, "comment": 3}


def test_what_a_person_graded_stays(out: Path) -> None:
    write(out, *graded())
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gb:
        one = gb.find_grade("q3-written", "ps", "ps", "hana")
        one.manual_score, one.needs_manual_grade, one.extra_credit = 2.5, False, 0.5
        gb.find_comment("q3-written", "ps", "ps", "hana").manual_comment = "よく考えました"
        gb.db.commit()
    write(out, *graded())  # the same file, graded again
    one = grade(out, "q3-written")
    assert (one["manual_score"], one["extra_credit"], one["needs_manual_grade"]) == (2.5, 0.5, False)
    assert comment(out, "q3-written")["manual_comment"] == "よく考えました"
    changed = factory.hand_in_of(SOURCE, {**factory.RIGHT, "q3-written": "書き直しました。"})
    write(out, *graded(nb=changed))  # handed in anew: the person must look again
    one = grade(out, "q3-written")
    assert (one["manual_score"], one["needs_manual_grade"]) == (2.5, True)


def test_unclear_results_are_for_a_person(out: Path) -> None:
    write(out, *graded(q1_test=CellOutcome("ok", distrust=("assert: passed although it must fail",))))
    assert (grade(out, "q1-test")["auto_score"], grade(out, "q1-test")["needs_manual_grade"]) == (0.0, True)
    assert grade(out, "q2-test")["needs_manual_grade"] is False


def test_unclear_repairs_are_for_a_person(out: Path) -> None:
    record, nb, submitted = graded()
    unclear = GradeRecord("hana", "ps", record.results, (Repair("q2-answer", "解答が2つありました。", True),))
    write(out, unclear, nb, submitted)
    assert (grade(out, "q2-test")["auto_score"], grade(out, "q2-test")["needs_manual_grade"]) == (2.0, True)
    assert grade(out, "q1-test")["needs_manual_grade"] is False


def test_an_unchanged_assignment_is_not_generated_again(out: Path) -> None:
    released = out / "release" / "ps" / "ps.ipynb"
    before = released.stat().st_mtime_ns
    with Writer(out) as writer:
        writer.ensure_assignment(SPEC, out / "source" / "ps")
    assert released.stat().st_mtime_ns == before


def test_new_points_and_tests_reach_the_gradebook(out: Path) -> None:
    nb = factory.source_notebook()
    factory.cell_of(nb, "q1-test").metadata["nbgrader"]["points"] = 5
    nbformat.write(nb, out / "source" / "ps" / "ps.ipynb")
    write(out, *graded())
    with Writer(out) as writer:
        writer.ensure_assignment(factory.spec_of(nb), out / "source" / "ps")
    assert grade(out, "q1-test")["max_score"] == 5.0


def test_cells_may_not_vanish_under_graded_hand_ins(out: Path) -> None:
    write(out, *graded())
    nb = factory.source_notebook()
    nb.cells.remove(factory.cell_of(nb, "q2-test"))
    nbformat.write(nb, out / "source" / "ps" / "ps.ipynb")
    with Writer(out) as writer, pytest.raises(GradebookError, match="別の出力フォルダ"):
        writer.ensure_assignment(factory.spec_of(nb), out / "source" / "ps")
    assert grade(out, "q2-test")["auto_score"] == 2.0


@pytest.mark.parametrize(
    "name", ["", " ", "../evil", "a/b", "a\\b", ".hidden", "a\nb", "x" * 200, "a:b", "{0}", "*"]
)
def test_names_that_cannot_be_folders_are_refused(out: Path, name: str) -> None:
    assert not valid_learner(name)
    record, nb, submitted = graded(learner=name)
    before = sorted(out.rglob("*"))
    with pytest.raises(GradebookError, match="フォルダの名前に使えません"):
        write(out, record, nb, submitted)
    assert sorted(out.rglob("*")) == before


@pytest.mark.parametrize("name", ["hana", "山田 花子", "2024-01_a.b", "yamada@city.lg.jp"])
def test_ordinary_names_are_taken(out: Path, name: str) -> None:
    write(out, *graded(learner=name))
    assert grade(out, "q2-test", name)["auto_score"] == 2.0


def test_it_waits_while_another_program_writes(out: Path) -> None:
    """formgrader saving a score must not make us lose one."""
    db = sqlite3.connect(out / "gradebook.db", check_same_thread=False, isolation_level=None)
    db.execute("begin exclusive")

    def release() -> None:
        time.sleep(7)  # longer than SQLite's own five seconds
        db.execute("rollback")

    record, nb, submitted = graded()
    thread = threading.Thread(target=release)
    thread.start()
    with Writer(out) as writer:
        writer.write(record, SPEC, submitted=submitted, graded=nbformat.writes(nb))
    thread.join()
    db.close()
    assert grade(out, "q2-test")["auto_score"] == 2.0


def test_a_record_of_unknown_cells_is_refused_and_nothing_is_half_written(out: Path) -> None:
    record, nb, submitted = graded()
    alien = CellResult("q9-test", "q9", "問9", Status.PASS, 9.0, 9.0)
    with pytest.raises(GradebookError, match="書きこめませんでした"):
        write(out, GradeRecord("hana", "ps", (*record.results, alien)), nb, submitted)
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gb, pytest.raises(MissingEntry):
        gb.find_submission("ps", "hana")


def test_new_gradebook_is_what_nbgrader_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same tables, same version for `nbgrader db upgrade`; no process is started for it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    Gradebook(f"sqlite:///{tmp_path / 'theirs.db'}", "takara").close()
    monkeypatch.setenv("PATH", "")
    open_gradebook(f"sqlite:///{tmp_path / 'ours.db'}", "takara").close()

    def content(name: str) -> tuple[list, list]:
        with sqlite3.connect(tmp_path / name) as db:
            tables = sorted(db.execute("SELECT name, sql FROM sqlite_master").fetchall(), key=str)
            return tables, db.execute("SELECT * FROM alembic_version").fetchall()

    assert content("ours.db") == content("theirs.db")
    open_gradebook(f"sqlite:///{tmp_path / 'ours.db'}", "takara").close()
    assert content("ours.db") == content("theirs.db"), "written once"
