"""How JupyterLab is started: command, environment, port, a server that already runs, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.learner import lab, workspace
from autograder.materials import Materials


@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_default_directory(tmp_path, monkeypatch):
    assert lab.default_directory(Materials(tmp_path, is_clone=True)) == tmp_path / "workspace"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert lab.default_directory(Materials(tmp_path / "site-packages")) == tmp_path / "takara"


def test_prepare_makes_refreshes_and_otherwise_does_nothing(course, desk):
    assert lab.prepare(desk, course.materials) is not None
    assert lab.prepare(desk, course.materials) is None
    (desk / "datasets/window_daily.md").unlink()  # deleted on purpose: not brought back at every start
    assert lab.prepare(desk, course.materials) is None
    course.put("datasets/window_daily.csv", b"new\n")
    report = lab.prepare(desk, course.materials)
    assert [i.path for i in report.with_action(workspace.Action.UPDATED)] == ["datasets/window_daily.csv"]


class TestPort:
    def test_first_free_one(self):
        assert lab.choose_port(None, is_free=lambda port: True) == 8888
        assert lab.choose_port(None, is_free=lambda port: port >= 8891) == 8891

    def test_given_and_free(self):
        assert lab.choose_port(9001, is_free=lambda port: True) == 9001

    def test_given_and_taken(self, taken_port):
        assert not lab.port_is_free(taken_port)
        with pytest.raises(lab.LabError, match=rf"ポート {taken_port} は、ほかのプログラムが使っています"):
            lab.choose_port(taken_port)

    def test_none_free(self):
        with pytest.raises(lab.LabError, match="空いているポートがありません"):
            lab.choose_port(None, is_free=lambda port: False)

    @pytest.mark.parametrize("port", [0, -1, 65536])
    def test_no_port_number(self, port):
        with pytest.raises(lab.LabError, match="1から65535"):
            lab.choose_port(port)


def test_command(tmp_path):
    line = lab.command(tmp_path, 9001, open_browser=False)
    assert line[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--no-browser" in line
    assert "--ServerApp.port=9001" in line
    assert "--ServerApp.port_retries=0" in line
    assert "--ServerApp.ip=127.0.0.1" in line
    assert f"--ServerApp.root_dir={tmp_path}" in line
    assert "--LabApp.default_url=/lab/tree/course/notebooks/00-start.ipynb" in line
    assert not [option for option in line if "token" in option or "password" in option]
    assert "--no-browser" not in lab.command(tmp_path, 9001, open_browser=True)


@pytest.mark.parametrize("root", [True, False])
def test_root_of_a_container_may_run_it(tmp_path, monkeypatch, root):
    monkeypatch.setattr(lab, "is_administrator", lambda: root)
    assert ("--allow-root" in lab.command(tmp_path, 9001, open_browser=False)) is root


def test_environment_puts_ours_first_and_keeps_the_rest():
    env = lab.environment({"JUPYTER_CONFIG_PATH": "/etc/mine", "PATH": "/usr/bin", "HOME": "/home/x"})
    first, second = env["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert second == "/etc/mine"
    overrides = json.loads(Path(first, "labconfig", "default_setting_overrides.json").read_text())
    assert overrides["@jupyterlab/translation-extension:plugin"]["locale"] == "ja_JP"
    assert overrides["@jupyterlab/apputils-extension:notification"] == {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
    assert env["HOME"] == "/home/x"
    assert env["PATH"].endswith(os.pathsep + "/usr/bin")
    assert lab.environment(env) == env  # started from inside Lab's own terminal


def test_page_config_names_only_extensions_that_exist():
    """A name that nbgrader no longer uses would silently hide nothing."""
    from importlib.metadata import distribution

    pytest.importorskip("nbgrader")
    config = json.loads((lab._CONFIG_FOLDER / "labconfig" / "page_config.json").read_text())
    nbgrader = distribution("nbgrader")
    scripts = [
        Path(nbgrader.locate_file(file)).read_text(encoding="utf-8")
        for file in nbgrader.files or []
        if "labextensions" in str(file) and str(file).endswith(".js")
    ]
    names = [name for name in config["disabledExtensions"] if name.startswith("@jupyter/nbgrader")]
    assert len(names) == 6
    for name in names:
        assert any(f'"{name}"' in script for script in scripts), name


class TestFindRunning:
    def info(self, folder: Path, **more) -> dict:
        base = {
            "root_dir": str(folder),
            "url": "http://127.0.0.1:8890/",
            "token": "abc",
            "pid": 1,
            "port": 8890,
        }
        return {**base, **more}

    def test_the_one_of_this_workspace(self, tmp_path):
        servers = [self.info(tmp_path / "other"), {"url": "?"}, self.info(tmp_path, port=8890)]
        found = lab.find_running(tmp_path, servers=lambda: iter(servers), answers=lambda port: True)
        assert found.start_page == (
            "http://127.0.0.1:8890/lab/tree/course/notebooks/00-start.ipynb?token=abc"
        )

    def test_one_that_does_not_answer_is_none(self, tmp_path):
        found = lab.find_running(
            tmp_path, servers=lambda: iter([self.info(tmp_path)]), answers=lambda port: False
        )
        assert found is None

    def test_run_opens_it_instead_of_starting_another(self, tmp_path, monkeypatch):
        running = lab.RunningLab(url="http://127.0.0.1:8890/", token="abc", pid=1, port=8890)
        opened, said = [], []
        monkeypatch.setattr(lab, "find_running", lambda directory: running)
        monkeypatch.setattr(lab.webbrowser, "open", opened.append)
        monkeypatch.setattr(lab.subprocess, "Popen", None)  # would fail
        assert lab.run(tmp_path, say=said.append) == 0
        assert opened == [running.start_page]
        assert "もう動いています" in said[0]


def script(code: str):
    """A stand-in for JupyterLab's process."""
    return lambda directory, port, *, open_browser: [sys.executable, "-c", code]


@pytest.fixture
def desk_ready(course, desk):
    workspace.init(desk, course.materials)
    return desk


def test_a_server_that_dies_at_once_is_told_with_its_log(desk_ready, monkeypatch):
    monkeypatch.setattr(
        lab, "command", script("import sys; print('boom: no such module', file=sys.stderr); sys.exit(3)")
    )
    with pytest.raises(lab.LabError, match="起動できませんでした") as caught:
        lab.run(desk_ready, say=lambda line: None)
    assert "boom: no such module" in str(caught.value)
    assert "exit status 3" in str(caught.value)


def test_a_server_that_never_answers_is_stopped(desk_ready, monkeypatch):
    monkeypatch.setattr(lab, "command", script("import time; print('tick', flush=True); time.sleep(600)"))
    processes = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        lab.subprocess, "Popen", lambda *a, **k: processes.append(popen(*a, **k)) or processes[-1]
    )
    with pytest.raises(lab.LabError, match="起動しませんでした"):
        lab.run(desk_ready, say=lambda line: None, start_timeout_s=1.0)
    assert processes[0].poll() is not None


def test_tokens_stay_out_of_error_messages(desk_ready):
    log = desk_ready / "lab.log"
    log.write_text("http://127.0.0.1:8888/lab?token=secret\n")
    assert "secret" not in lab._tail(log)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ending_takara_ends_jupyterlab(desk_ready, number):
    """A real JupyterLab, started by ``takara lab`` and ended as a terminal or a service manager would."""
    code = (
        "import sys; from pathlib import Path; from autograder.learner import lab; "
        "sys.exit(lab.run(Path(sys.argv[1]), open_browser=False, say=lambda line: print(line, flush=True)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(desk_ready)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl+C" in line:
                break
        assert any("JupyterLab が開きました" in line for line in lines), lines
        running = lab.find_running(desk_ready)
        assert running is not None
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # a terminal's Ctrl+C reaches the whole group
        else:
            process.send_signal(number)
        rest = process.stdout.read()
        process.wait(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert lab.find_running(desk_ready) is None
    assert not lab._answers(running.port)
    if number == signal.SIGINT:
        assert "終了しました" in rest
        assert process.returncode == 0
