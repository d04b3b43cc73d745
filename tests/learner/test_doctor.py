"""Each check says OK, or what is wrong and what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from autograder.kernels import sandbox
from autograder.learner import doctor, lab, workspace
from autograder.learner.doctor import Check


def needs_action(check: Check, *words: str) -> None:
    assert not check.ok
    assert check.action
    for word in words:
        assert word in check.found + check.action, check


def test_python():
    assert doctor.check_python((3, 11, 0)).ok
    assert doctor.check_python((3, 14, 2)).ok
    needs_action(doctor.check_python((3, 10, 12)), "3.10.12", "3.11 以上")


@pytest.mark.parametrize(
    ("found", "ok", "words"),
    [
        ("2.2.0", True, ()),
        ("3.0.0rc1", True, ()),
        ("2.1.4", False, ("2.1.4", ">=2.2", 'pip install "pandas>=2.2"')),
        (None, False, ("入っていません", "pip install")),
    ],
)
def test_package(found, ok, words):
    check = doctor.check_package(Requirement("pandas>=2.2"), version_of=lambda name: found)
    assert check.ok is ok
    if not ok:
        needs_action(check, *words)


def test_optional_is_never_demanded():
    check = doctor.check_optional("torch（任意）", "torch", "第5回から", version_of=lambda name: None)
    assert check.ok
    assert "第5回から" in check.found


def test_requirements_come_from_the_projects_own_list(repo, monkeypatch):
    import tomllib
    from importlib import metadata

    declared = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    monkeypatch.setattr(
        metadata, "requires", lambda name: (_ for _ in ()).throw(metadata.PackageNotFoundError)
    )
    base = [str(requirement.name) for requirement in doctor.requirements()]
    assert base == [Requirement(line).name for line in declared["dependencies"]]
    instructor = {requirement.name for requirement in doctor.requirements("instructor")}
    assert "nbgrader" in instructor
    assert not instructor & set(base)


def test_requirements_of_an_installed_distribution(monkeypatch):
    from importlib import metadata

    lines = [
        "pandas>=2.2",
        'pywin32; sys_platform == "nowhere"',
        'nbgrader>=0.9.6; extra == "instructor"',
        "???",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert [r.name for r in doctor.requirements()] == ["pandas"]
    assert [r.name for r in doctor.requirements("instructor")] == ["nbgrader"]


class TestFont:
    def test_ok(self):
        assert doctor.check_font().ok

    def test_missing_glyph(self, monkeypatch):
        monkeypatch.setattr(doctor, "_GLYPHS", "\U00012000")
        needs_action(doctor.check_font(), "出ない文字", "matplotlib-fontja")

    def test_cannot_draw(self, monkeypatch):
        def fail(text):
            raise FileNotFoundError("ipaexg.ttf")

        monkeypatch.setattr(doctor, "_draw", fail)
        needs_action(doctor.check_font(), "ipaexg.ttf", "pip install")

    def test_leaves_matplotlib_as_it_was(self):
        import matplotlib as mpl

        before = dict(mpl.rcParams)
        doctor.check_font()
        assert dict(mpl.rcParams) == before


class TestMemory:
    def test_threshold(self):
        assert doctor.check_memory(2000).ok
        needs_action(doctor.check_memory(1999), "2.0 GB", "閉じて")

    def test_container_limit(self, tmp_path):
        (tmp_path / "memory.max").write_text(str(1000 * 2**20))
        (tmp_path / "memory.current").write_text(str(600 * 2**20))
        assert doctor.available_memory_mb(tmp_path) == 400

    def test_container_without_limit(self, tmp_path):
        import psutil

        (tmp_path / "memory.max").write_text("max\n")
        (tmp_path / "memory.current").write_text("1")
        whole = psutil.virtual_memory().total // 2**20
        assert 0 < doctor.available_memory_mb(tmp_path) <= whole
        assert 0 < doctor.available_memory_mb(tmp_path / "none") <= whole


def test_disk(tmp_path):
    assert doctor.check_disk(1000, tmp_path).ok
    needs_action(doctor.check_disk(999, tmp_path), "1 GB以上")


class TestPort:
    def test_free(self):
        assert doctor.check_port(lambda port: True, lambda: 8888, 8888).found == "空いています"

    def test_taken_is_no_problem_while_another_is_free(self):
        check = doctor.check_port(lambda port: False, lambda: 8890, 8888)
        assert check.ok
        assert "8890" in check.found

    def test_none_free(self):
        def none():
            return lab.choose_port(None, is_free=lambda port: False)

        needs_action(doctor.check_port(lambda port: False, none, 8888), "空いているポートがありません")

    def test_our_own_lab(self):
        assert "動いています" in doctor.check_port(lambda port: False, lambda: 8890, 8888, ours=True).found


class TestWritable:
    def test_ok_also_for_a_folder_still_to_be_made(self, tmp_path):
        assert doctor.check_writable(tmp_path / "a" / "b") == Check(
            "作業用フォルダーへの書き込み", True, str(tmp_path)
        )
        assert not list(tmp_path.iterdir())

    def test_refused(self, tmp_path, monkeypatch):
        def refuse(**options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
        needs_action(
            doctor.check_writable(tmp_path), str(tmp_path), "Permission denied", "takara lab フォルダー名"
        )
        needs_action(doctor.check_temporary(lambda: str(tmp_path)), "情報システム")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_really_refused(self, tmp_path):
        tmp_path.chmod(0o500)
        needs_action(doctor.check_writable(tmp_path))

    def test_no_temporary_folder_at_all(self):
        def none():
            raise FileNotFoundError(2, "No usable temporary directory found")

        needs_action(doctor.check_temporary(none), "一時フォルダーがありません")
        assert doctor.check_temporary().ok


class TestKernel:
    def test_computes(self):
        check = doctor.check_kernel()
        assert check.ok, check

    def test_says_nothing_on_the_terminal(self):
        code = "from autograder.learner import doctor; assert doctor.check_kernel().ok"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_wrong_answer(self, monkeypatch):
        monkeypatch.setattr(doctor, "_ask_kernel", lambda code, timeout_s: "")
        needs_action(doctor.check_kernel(), "1+1", "ipykernel")

    def test_does_not_start(self, monkeypatch):
        def fail(code, timeout_s):
            raise RuntimeError("Kernel died before replying to kernel_info")

        monkeypatch.setattr(doctor, "_ask_kernel", fail)
        needs_action(doctor.check_kernel(), "Kernel died", "ipykernel")


class TestWorkspace:
    @pytest.fixture(autouse=True)
    def these_materials(self, course, monkeypatch):
        monkeypatch.setattr("autograder.materials.find_materials", lambda: course.materials)

    def test_none_yet(self, desk):
        assert "まだありません" in doctor.check_workspace(desk).found
        assert doctor.check_workspace(desk).ok
        assert not desk.exists()

    def test_current_then_new_materials(self, course, desk):
        workspace.init(desk, course.materials)
        assert doctor.check_workspace(desk).ok
        course.put("datasets/window_daily.csv", b"new\n")
        needs_action(doctor.check_workspace(desk), "新しい教材", "takara init")

    def test_file_lost(self, course, desk):
        workspace.init(desk, course.materials)
        (desk / "datasets/window_daily.csv").unlink()
        needs_action(doctor.check_workspace(desk), "window_daily.csv", "takara init")

    def test_broken_manifest(self, course, desk):
        workspace.init(desk, course.materials)
        (desk / ".takara/manifest.json").write_bytes(b"{")
        needs_action(doctor.check_workspace(desk), "読めません", "takara init")


class TestSandbox:
    def test_names_the_walls_that_hold(self, monkeypatch):
        monkeypatch.setattr(sandbox, "trial", lambda parent, tier: "off" if tier == "namespaces" else "")
        check = doctor.check_sandbox()
        assert check.ok and check.found.startswith("landlock")
        assert "namespaces は使えません（off）" in check.found

    def test_none_is_told_and_is_no_fault_of_a_learner(self, monkeypatch):
        monkeypatch.setattr(sandbox, "trial", lambda parent, tier: "not here")
        check = doctor.check_sandbox()
        assert check.ok and "--sandbox none" in check.found and "not here" in check.found


def test_examine_runs_every_check_on_this_machine(desk):
    names = [check.name for check in doctor.examine(desk)]
    for name in ("Python", "jupyterlab", "グラフの日本語", "ノートブックの実行", "メモリの空き", "教材"):
        assert name in names
    assert not Path(desk).exists()  # looking changes nothing
