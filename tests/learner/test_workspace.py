"""A refresh brings what is new and never loses what a learner wrote, however it is interrupted."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from course_on_disk import DATA, NOTEBOOK, Course, notebook_bytes
from hypothesis import given
from hypothesis import strategies as st

from autograder.learner import workspace
from autograder.learner.workspace import Action, WorkspaceError

BESIDE = "course/notebooks/02-read-data.new.ipynb"
OLD = ("import pandas as pd", "days = 7\nprint(days)")
NEW = ("import pandas as pd", "days = 365\nprint(days)")
EDITED = ("import pandas as pd", "days = 31\nprint(days)", "# わたしのメモ")


def item(report, name=NOTEBOOK):
    return next(i for i in report.items if i.path == name)


def snapshot(folder: Path, *, without_state: bool = True) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (without_state and ".takara" in path.relative_to(folder).parts)
    }


def test_first_time(course, desk):
    report = workspace.init(desk, course.materials)
    assert {i.action for i in report.items} == {Action.NEW}
    assert snapshot(desk) == {str(k): v.read_bytes() for k, v in course.materials.files().items()}
    assert workspace.is_current(desk, course.materials)
    assert not list((desk / ".takara" / "tmp").iterdir())


def test_relative_paths_of_the_lessons_hold(course, desk):
    workspace.init(desk, course.materials)
    assert (desk / "course" / "notebooks" / "../../datasets/window_daily.csv").is_file()


def test_second_time_writes_nothing(course, desk):
    workspace.init(desk, course.materials)
    before = {path: path.stat().st_mtime_ns for path in desk.rglob("*") if path.is_file()}
    report = workspace.init(desk, course.materials)
    assert {i.action for i in report.items} == {Action.UNCHANGED}
    assert {path: path.stat().st_mtime_ns for path in desk.rglob("*") if path.is_file()} == before


# The learner's file × the materials → what happens, what the file is then, and what lies beside it.
RUN = notebook_bytes(*OLD, run=True)
TABLE = [
    ("as delivered", notebook_bytes(*OLD), False, Action.UNCHANGED, notebook_bytes(*OLD), None),
    ("as delivered", notebook_bytes(*OLD), True, Action.UPDATED, notebook_bytes(*NEW), None),
    ("run", RUN, False, Action.KEPT, RUN, None),
    ("run", RUN, True, Action.UPDATED_RUN, notebook_bytes(*NEW), None),
    ("edited", notebook_bytes(*EDITED), False, Action.KEPT, notebook_bytes(*EDITED), None),
    (
        "edited",
        notebook_bytes(*EDITED),
        True,
        Action.BESIDE,
        notebook_bytes(*EDITED),
        notebook_bytes(*NEW),
    ),
    ("deleted", None, False, Action.RESTORED, notebook_bytes(*OLD), None),
    ("deleted", None, True, Action.RESTORED, notebook_bytes(*NEW), None),
    ("broken", b"{", False, Action.KEPT, b"{", None),
    ("broken", b"{", True, Action.BESIDE, b"{", notebook_bytes(*NEW)),
    ("empty", b"", True, Action.BESIDE, b"", notebook_bytes(*NEW)),
]


@pytest.mark.parametrize(
    ("state", "learner", "changed", "action", "then", "beside"),
    TABLE,
    ids=[f"{row[0]}, {'changed' if row[2] else 'unchanged'} upstream" for row in TABLE],
)
def test_state_table_of_notebooks(course, desk, state, learner, changed, action, then, beside):
    workspace.init(desk, course.materials)
    path = desk / NOTEBOOK
    if learner is None:
        path.unlink()
    else:
        path.write_bytes(learner)
    if changed:
        course.put(NOTEBOOK, notebook_bytes(*NEW))

    report = workspace.init(desk, course.materials)
    assert item(report).action is action
    assert path.read_bytes() == then
    assert (desk / BESIDE).exists() is (beside is not None)
    if beside is not None:
        assert (desk / BESIDE).read_bytes() == beside
        assert item(report).other == BESIDE
    if action is Action.UPDATED_RUN:
        assert (desk / item(report).other).read_bytes() == learner  # outputs can be fetched back

    again = workspace.init(desk, course.materials)  # said once, not at every start
    assert item(again).action in (Action.UNCHANGED, Action.KEPT)
    assert path.read_bytes() == then
    assert workspace.is_current(desk, course.materials)


@pytest.mark.parametrize(
    ("learner", "changed", "action", "then"),
    [
        (b"date,visits_total\n2024-04-01,300\n", True, Action.UPDATED, b"new\n"),
        (b"edited in Excel\r\n", False, Action.KEPT, b"edited in Excel\r\n"),
        (b"edited in Excel\r\n", True, Action.BESIDE, b"edited in Excel\r\n"),
    ],
)
def test_state_table_of_data(course, desk, learner, changed, action, then):
    workspace.init(desk, course.materials)
    (desk / DATA).write_bytes(learner)
    if changed:
        course.put(DATA, b"new\n")
    report = workspace.init(desk, course.materials)
    assert item(report, DATA).action is action
    assert (desk / DATA).read_bytes() == then
    assert (desk / "datasets/window_daily.new.csv").exists() is (action is Action.BESIDE)


def test_new_file_appears_and_withdrawn_file_stays(course, desk):
    workspace.init(desk, course.materials)
    course.put("course/notebooks/03-predict.ipynb", notebook_bytes("3"))
    course.remove(NOTEBOOK)
    report = workspace.init(desk, course.materials)
    assert item(report, "course/notebooks/03-predict.ipynb").action is Action.NEW
    assert item(report).action is Action.WITHDRAWN
    assert (desk / NOTEBOOK).read_bytes() == notebook_bytes(*OLD)
    assert NOTEBOOK not in [i.path for i in workspace.init(desk, course.materials).items]


def test_learners_own_files_are_left_alone(course, desk):
    workspace.init(desk, course.materials)
    own = desk / "course/notebooks/my-notes.ipynb"
    own.write_bytes(b"mine")
    workspace.init(desk, course.materials)
    assert own.read_bytes() == b"mine"


def test_own_file_where_a_new_one_comes(course, desk):
    workspace.init(desk, course.materials)
    (desk / "course/notebooks/03-predict.ipynb").write_bytes(b"mine")
    course.put("course/notebooks/03-predict.ipynb", notebook_bytes("3"))
    report = workspace.init(desk, course.materials)
    assert item(report, "course/notebooks/03-predict.ipynb").action is Action.BESIDE
    assert (desk / "course/notebooks/03-predict.ipynb").read_bytes() == b"mine"
    assert (desk / "course/notebooks/03-predict.new.ipynb").read_bytes() == notebook_bytes("3")


class TestBeside:
    def edited(self, course, desk) -> Path:
        workspace.init(desk, course.materials)
        (desk / NOTEBOOK).write_bytes(notebook_bytes(*EDITED))
        course.put(NOTEBOOK, notebook_bytes(*NEW))
        workspace.init(desk, course.materials)
        return desk / BESIDE

    def test_an_untouched_offer_is_replaced_by_the_next_version(self, course, desk):
        beside = self.edited(course, desk)
        course.put(NOTEBOOK, notebook_bytes("third"))
        assert item(workspace.init(desk, course.materials)).other == BESIDE
        assert beside.read_bytes() == notebook_bytes("third")

    def test_an_edited_offer_is_kept(self, course, desk):
        beside = self.edited(course, desk)
        beside.write_bytes(notebook_bytes("worked on the offer"))
        course.put(NOTEBOOK, notebook_bytes("third"))
        report = workspace.init(desk, course.materials)
        assert item(report).other == "course/notebooks/02-read-data.new-2.ipynb"
        assert beside.read_bytes() == notebook_bytes("worked on the offer")
        assert (desk / item(report).other).read_bytes() == notebook_bytes("third")

    def test_a_deleted_offer_is_not_made_again(self, course, desk):
        beside = self.edited(course, desk)
        beside.unlink()
        assert item(workspace.init(desk, course.materials)).action is Action.KEPT
        assert not beside.exists()

    def test_taking_the_offer_over(self, course, desk):
        beside = self.edited(course, desk)
        os.replace(beside, desk / NOTEBOOK)
        assert item(workspace.init(desk, course.materials)).action is Action.UNCHANGED
        course.put(NOTEBOOK, notebook_bytes("third"))
        assert item(workspace.init(desk, course.materials)).action is Action.UPDATED

    def test_a_change_nobody_can_see_makes_no_offer(self, course, desk):
        workspace.init(desk, course.materials)
        (desk / NOTEBOOK).write_bytes(notebook_bytes(*EDITED))
        course.put(NOTEBOOK, notebook_bytes(*OLD, metadata={"title": "x"}))
        assert item(workspace.init(desk, course.materials)).action is Action.KEPT
        assert not (desk / BESIDE).exists()
        course.put(NOTEBOOK, notebook_bytes(*NEW))  # … but the next real change does
        assert item(workspace.init(desk, course.materials)).action is Action.BESIDE


@pytest.mark.parametrize(
    "broken",
    [b"{", b"", b"[]", b'{"schema": 99, "files": {}}', b'{"schema": 1, "files": {"a": 3}}', b"\xff\xfe"],
)
def test_broken_manifest_treats_every_difference_as_an_edit(course, desk, broken):
    workspace.init(desk, course.materials)
    (desk / ".takara/manifest.json").write_bytes(broken)
    course.put(NOTEBOOK, notebook_bytes(*NEW))
    report = workspace.init(desk, course.materials)
    assert "壊れていたので、作り直しました" in report.notes[0]
    assert item(report).action is Action.BESIDE  # it was as delivered, but nothing proves that any more
    assert (desk / NOTEBOOK).read_bytes() == notebook_bytes(*OLD)
    assert {i.action for i in report.items if i.path != NOTEBOOK} == {Action.UNCHANGED}
    copies = list((desk / ".takara").glob("manifest.broken-*.json"))
    assert [copy.read_bytes() for copy in copies] == [broken]
    assert not workspace.init(desk, course.materials).notes
    assert workspace.is_current(desk, course.materials)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test may catch it and carry on."""


def prepared(course: Course, desk: Path) -> None:
    """A workspace in which each kind of step is due: replace, back up, put beside, restore, new, withdraw."""
    workspace.init(desk, course.materials)
    (desk / NOTEBOOK).write_bytes(notebook_bytes(*EDITED))
    (desk / "course/notebooks/00-start.ipynb").write_bytes(notebook_bytes("print('hello')", run=True))
    (desk / "datasets/window_daily.md").unlink()
    course.put(NOTEBOOK, notebook_bytes(*NEW))
    course.put("course/notebooks/00-start.ipynb", notebook_bytes("print('good morning')"))
    course.put("course/notebooks/03-predict.ipynb", notebook_bytes("3"))
    course.put(DATA, b"new data\n")
    course.remove("assignments/release/ps2/window_visits.csv")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_step(course, desk, tmp_path, monkeypatch, moment):
    prepared(course, desk)
    ready = tmp_path / "ready"
    shutil.copytree(desk, ready)
    workspace.init(desk, course.materials)
    wanted = snapshot(desk)
    work = {notebook_bytes(*EDITED), notebook_bytes("print('hello')", run=True)}
    replace = os.replace

    steps = 0
    while True:
        shutil.rmtree(desk)
        shutil.copytree(ready, desk)
        done = 0

        def killing(source, target, done_before=steps):
            nonlocal done
            if done == done_before and moment == "before":
                raise Killed
            replace(source, target)
            done += 1
            if done == done_before + 1 and moment == "after":
                raise Killed

        monkeypatch.setattr(workspace.os, "replace", killing)
        try:
            workspace.init(desk, course.materials)
            finished = True
        except Killed:
            finished = False
        monkeypatch.setattr(workspace.os, "replace", replace)

        everything = snapshot(desk, without_state=False)
        assert work <= set(everything.values()), f"work was lost at step {steps}"
        before, after = snapshot(ready), wanted
        for name, content in snapshot(desk).items():
            assert content in (before.get(name), after.get(name)), f"{name} is half written at step {steps}"
        json.loads((desk / ".takara/manifest.json").read_bytes())
        workspace.init(desk, course.materials)
        assert snapshot(desk) == wanted
        assert workspace.is_current(desk, course.materials)
        if finished:
            break
        steps += 1
    assert steps == 7  # six files and the manifest


def test_a_really_killed_process_leaves_only_a_temporary_file(course, desk):
    workspace.init(desk, course.materials)
    leftover = desk / ".takara/tmp/tmpabc"
    leftover.write_bytes(b"half")
    workspace.init(desk, course.materials)
    assert leftover.exists()  # may belong to a refresh that runs at this moment
    an_hour_ago = time.time() - 4000
    os.utime(leftover, (an_hour_ago, an_hour_ago))
    workspace.init(desk, course.materials)
    assert not leftover.exists()


@given(
    st.lists(
        st.sampled_from(
            ["edit", "run", "delete", "change upstream", "init", "lose manifest", "break manifest"]
        ),
        max_size=12,
    )
)
def test_no_history_loses_an_edit(steps):
    """Whatever happens in whatever order, every edit is still somewhere in the workspace."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        course, desk = Course(Path(folder) / "clone"), Path(folder) / "desk"
        path, manifest = desk / NOTEBOOK, desk / ".takara/manifest.json"
        workspace.init(desk, course.materials)
        mine: bytes | None = None
        for number, step in enumerate(steps):
            if step == "edit":
                mine = notebook_bytes("import pandas as pd", f"edit {number}")
                path.write_bytes(mine)
            elif step == "run" and path.exists():
                cells = json.loads(path.read_bytes())["cells"]
                ran = notebook_bytes(*("".join(cell["source"]) for cell in cells), run=True)
                mine = ran if mine is not None else None
                path.write_bytes(ran)
            elif step == "delete":
                mine = None
                path.unlink(missing_ok=True)
            elif step == "change upstream":
                course.put(NOTEBOOK, notebook_bytes(f"version {number}"))
            elif step == "lose manifest":
                manifest.unlink(missing_ok=True)
            elif step == "break manifest":
                manifest.write_bytes(b"{")
            else:
                workspace.init(desk, course.materials)
                assert workspace.is_current(desk, course.materials)
            if mine is not None:
                assert path.read_bytes() == mine
        workspace.init(desk, course.materials)
        upstream = (course.root / NOTEBOOK).read_bytes()
        assert mine is None or path.read_bytes() == mine
        assert workspace.is_current(desk, course.materials)
        assert mine is not None or path.exists()
        if not steps or set(steps) <= {"change upstream", "init", "run", "delete"}:
            # Never edited: the newest text is what the learner has.
            assert workspace.content_hash("x.ipynb", path.read_bytes()) == workspace.content_hash(
                "x.ipynb", upstream
            )


class TestLinks:
    @pytest.fixture(autouse=True)
    def can_link(self, tmp_path):
        try:
            (tmp_path / "link-probe").symlink_to(tmp_path)
        except OSError:
            pytest.skip("this account may not make symbolic links (Windows without developer mode)")

    def test_a_linked_file_is_not_followed(self, course, desk, tmp_path):
        workspace.init(desk, course.materials)
        outside = tmp_path / "precious.csv"
        outside.write_bytes(b"precious")
        (desk / DATA).unlink()
        (desk / DATA).symlink_to(outside)
        course.put(DATA, b"new\n")
        report = workspace.init(desk, course.materials)
        assert item(report, DATA).action is Action.SKIPPED
        assert "リンク" in item(report, DATA).reason
        assert outside.read_bytes() == b"precious"
        assert (desk / DATA).is_symlink()
        assert not workspace.is_current(desk, course.materials)  # tried again at the next start

    def test_a_linked_folder_is_not_followed(self, course, desk, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        desk.mkdir()
        (desk / "datasets").symlink_to(outside)
        report = workspace.init(desk, course.materials)
        assert item(report, DATA).action is Action.SKIPPED
        assert not list(outside.iterdir())
        assert item(report).action is Action.NEW

    def test_a_dangling_link_where_the_offer_would_go(self, course, desk, tmp_path):
        workspace.init(desk, course.materials)
        (desk / NOTEBOOK).write_bytes(notebook_bytes(*EDITED))
        (desk / BESIDE).symlink_to(tmp_path / "nowhere")
        course.put(NOTEBOOK, notebook_bytes(*NEW))
        report = workspace.init(desk, course.materials)
        assert item(report).other == "course/notebooks/02-read-data.new-2.ipynb"
        assert (desk / BESIDE).is_symlink()
        assert not (tmp_path / "nowhere").exists()

    def test_a_linked_state_folder_is_refused(self, course, desk, tmp_path):
        desk.mkdir()
        (desk / ".takara").symlink_to(tmp_path)
        with pytest.raises(WorkspaceError, match=r"\.takara"):
            workspace.init(desk, course.materials)

    def test_the_workspace_itself_may_be_reached_by_a_link(self, course, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "short").symlink_to(tmp_path / "real")
        workspace.init(tmp_path / "short", course.materials)
        assert (tmp_path / "real" / NOTEBOOK).is_file()


def test_a_folder_in_the_way(course, desk):
    (desk / NOTEBOOK).mkdir(parents=True)
    report = workspace.init(desk, course.materials)
    assert item(report).action is Action.SKIPPED
    assert "同じ名前のフォルダー" in item(report).reason


def test_a_file_where_a_folder_should_be(course, desk):
    desk.mkdir()
    (desk / "datasets").write_bytes(b"mine")
    report = workspace.init(desk, course.materials)
    assert item(report, DATA).action is Action.SKIPPED
    assert (desk / "datasets").read_bytes() == b"mine"


def test_a_file_open_in_excel_does_not_stop_the_others(course, desk, monkeypatch):
    workspace.init(desk, course.materials)
    course.put(DATA, b"new\n")
    course.put(NOTEBOOK, notebook_bytes(*NEW))
    replace = os.replace

    def locked(source, target):
        if str(target).endswith("window_daily.csv"):
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(target))
        replace(source, target)

    monkeypatch.setattr(workspace.os, "replace", locked)
    report = workspace.init(desk, course.materials)
    assert item(report, DATA).action is Action.SKIPPED
    assert "Excel" in item(report, DATA).reason
    assert item(report).action is Action.UPDATED
    monkeypatch.setattr(workspace.os, "replace", replace)
    assert item(workspace.init(desk, course.materials), DATA).action is Action.UPDATED


def test_full_disk_says_so_and_goes_on_later(course, desk, monkeypatch):
    fsync = os.fsync
    calls = 0

    def full(descriptor):
        nonlocal calls
        calls += 1
        if calls > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(workspace.os, "fsync", full)
    with pytest.raises(WorkspaceError, match="ディスクの空きが足りない"):
        workspace.init(desk, course.materials)
    assert not list((desk / ".takara/tmp").iterdir())
    monkeypatch.setattr(workspace.os, "fsync", fsync)
    workspace.init(desk, course.materials)
    assert workspace.is_current(desk, course.materials)


@pytest.mark.parametrize("place", [".", "course/notebooks", "datasets/here", "assignments/release/ps2"])
def test_the_materials_themselves_are_no_workspace(course, place):
    before = snapshot(course.root)
    with pytest.raises(WorkspaceError, match="作業用フォルダーにできません"):
        workspace.init(course.root / place, course.materials)
    assert snapshot(course.root) == before


def test_workspace_inside_the_clone(course):
    workspace.init(course.root / "workspace", course.materials)
    assert (course.root / "workspace" / NOTEBOOK).is_file()


def test_a_file_is_no_workspace(course, desk):
    desk.write_bytes(b"mine")
    with pytest.raises(WorkspaceError, match="フォルダーではありません"):
        workspace.init(desk, course.materials)
    assert desk.read_bytes() == b"mine"


def test_what_counts_as_an_edit():
    def same(one: bytes, other: bytes) -> bool:
        return workspace.content_hash("a.ipynb", one) == workspace.content_hash("a.ipynb", other)

    plain = notebook_bytes("a = 1", "b = 2")
    assert same(plain, notebook_bytes("a = 1", "b = 2", run=True))
    assert same(plain, notebook_bytes("a = 1", "", "b = 2", "\n", metadata={"x": 1}))
    assert not same(plain, notebook_bytes("a = 1", "b = 3"))
    assert not same(plain, notebook_bytes("b = 2", "a = 1"))
    assert not same(plain, notebook_bytes("a = 1", " b = 2"))
    assert not same(plain, plain.replace(b'"code"', b'"markdown"'))
    assert workspace.content_hash("a.csv", plain) == ""
    assert workspace.content_hash("a.ipynb", b'{"cells": [3]}') == ""
