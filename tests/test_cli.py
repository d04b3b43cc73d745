"""The ``takara`` command as people meet it: Japanese help, one-line errors, exit status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import cli
from autograder.grading.records import CellResult, GradeRecord, Status
from autograder.learner import lab
from autograder.learner.doctor import Check

COMMANDS = ["lab", "init", "check", "grade", "doctor", "exam", "review", "bank"]
BANK = ["check", "sheet", "blind", "export"]
# What a Japanese help text may hold in Latin letters: our own words and names of things.
OUR_WORDS = (
    "takara|lab|init|check|grade|doctor|JupyterLab|AI|Takara|workspace|assignments|ps2|ipynb|nbgrader|CPU|zip|csv|html"
    "|grades|feedback|report|port|no|browser|help|version|hints|out|assignment|course|workers|timeout|rerun|only"
    "|memory|MB|sandbox|auto|namespaces|landlock|none"
    "|bank|sheet|blind|export|exam|root|json|JSON|CSV|T14|due|who|record|item|area|Anki|Moodle|PDF|anki|moodle|pdf|apkg"
    "|review|keyword|weak|unseen|count|mock|mini|resume|result|from|records|plots|seed"
    "|random|without|answers|force"
)


@pytest.fixture
def run(capsys, monkeypatch):
    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(list(arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], *([name, "--help"] for name in COMMANDS), *(["bank", name, "--help"] for name in BANK)],
    ids=" ".join,
)
def test_help_is_japanese_from_the_first_line_to_the_last(run, arguments):
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith("使い方: takara")
    words = re.findall(r"[A-Za-z][A-Za-z0-9]*", out)
    assert not [word for word in words if not re.fullmatch(OUR_WORDS, word)]
    assert "この説明を表示して終わります。" in out


def test_help_names_every_command(run):
    _, out, _ = run("--help")
    assert [line.split()[0] for line in out.splitlines() if re.match(r"  [a-z]+ ", line)] == COMMANDS


def test_help_is_quick():
    """Nothing heavy is imported to print a help text."""
    code = "import sys; from autograder import cli; cli.main(['--help']); print(sorted(sys.modules))"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    seconds = time.perf_counter() - started
    loaded = done.stdout.splitlines()[-1]
    for heavy in ("pandas", "numpy", "matplotlib", "nbformat", "jupyter_server", "jupyterlab", "nbgrader"):
        assert f"'{heavy}'" not in loaded
    assert seconds < 20  # 0.3 s on an idle machine


def test_version(run):
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("takara")


@pytest.mark.parametrize(
    ("arguments", "first", "cause"),
    [
        (["foo"], "takara --help で使い方を", "「foo」というコマンドはありません。"),
        (["exma"], "takara --help で使い方を", "（exam のことですか）"),
        (["bank", "foo"], "takara bank --help で使い方を", "「foo」というコマンドはありません。"),
        (
            ["lab", "--prot", "1"],
            "takara lab --help",
            "--prot というオプションはありません（--port のことですか）。",
        ),
        (["lab", "--port", "x"], "takara lab --help で使い方を", "--port には、整数を書いてください"),
        (["lab", "--port"], "--help で使い方を", "--port のうしろに、値を書いてください。"),
        (["lab", "--no-browser=1"], "--help で使い方を", "--no-browser には、値を付けられません。"),
        (["check", "--hints", "-1", "x"], "takara check --help", "--hints には、0以上の数を書いてください。"),
        (["grade", "--timeout", "x"], "takara grade --help", "--timeout には、数を書いてください"),
        (["exam", "--count", "0"], "takara exam --help", "--count には、1以上の数を書いてください。"),
        (["exam", "--count", "あ"], "takara exam --help", "--count には、整数を書いてください（例: 5）。"),
        (["exam", "--seed", "x"], "takara exam --help", "--seed には、整数を書いてください（例: 5）。"),
        (["init", "a", "b"], "takara init --help で使い方を", "余分なものが書かれています: b"),
    ],
)
def test_wrong_command_lines(run, arguments, first, cause):
    status, out, err = run(*arguments)
    lines = err.splitlines()
    assert (status, out) == (2, "")
    assert lines[0].startswith("コマンドの書き方に間違いがあります。")
    assert first in lines[0]
    assert lines[1].startswith("原因: ")
    assert cause in lines[1]
    assert not re.search(r"[A-Z][a-z]+ ", lines[1])  # no English sentence


@pytest.mark.parametrize("arguments", [["check"], ["grade"], ["grade", "hand-ins"], ["grade", "--out", "o"]])
def test_what_is_missing_is_said_with_an_example(run, arguments):
    status, _, err = run(*arguments)
    assert status == 2
    assert "指定してください" in err
    assert "例: takara" in err


class TestInit:
    def test_makes_a_workspace(self, run, tmp_path):
        status, out, err = run("init", str(tmp_path / "desk"))
        assert (status, err) == (0, "")
        assert "新しいファイルを" in out
        assert (tmp_path / "desk/course/notebooks/00-start.ipynb").is_file()
        assert run("init", str(tmp_path / "desk"))[1].endswith("すべて最新です。\n")

    def test_says_what_was_kept_and_what_lies_beside(self, run, tmp_path, monkeypatch):
        from autograder.learner import workspace

        items = (
            workspace.Item("a.ipynb", workspace.Action.BESIDE, other="a.new.ipynb"),
            workspace.Item(
                "b.csv", workspace.Action.SKIPPED, reason="リンクになっているので、さわりませんでした。"
            ),
            workspace.Item("c.ipynb", workspace.Action.RESTORED),
        )
        report = workspace.Report(tmp_path, items, notes=("記録を作り直しました。",))
        monkeypatch.setattr(workspace, "init", lambda directory, materials: report)
        status, out, _ = run("init", str(tmp_path))
        assert status == 1  # something was left undone
        assert "a.ipynb → a.new.ipynb" in out
        assert "b.csv：リンク" in out
        assert "なくなっていたので、戻しました" in out
        assert "記録を作り直しました。" in out

    def test_a_file_in_the_way(self, run, tmp_path):
        (tmp_path / "desk").write_text("mine")
        status, _, err = run("init", str(tmp_path / "desk"))
        assert status == 2
        assert "フォルダーではありません" in err


class TestLab:
    def test_prepares_then_runs(self, run, tmp_path, monkeypatch):
        calls = []
        monkeypatch.setattr(lab, "run", lambda directory, **options: calls.append((directory, options)) or 0)
        status, _, _ = run("lab", str(tmp_path / "desk"), "--port", "9001", "--no-browser")
        assert status == 0
        ((directory, options),) = calls
        assert directory == tmp_path / "desk"
        assert (options["port"], options["open_browser"]) == (9001, False)
        assert (tmp_path / "desk/course/notebooks/00-start.ipynb").is_file()

    def test_taken_port(self, run, tmp_path):
        import socket

        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            port = server.getsockname()[1]
            status, _, err = run("lab", str(tmp_path / "desk"), "--port", str(port), "--no-browser")
        assert status == 2
        assert err.startswith(f"ポート {port} は、ほかのプログラムが使っています。")

    def test_ctrl_c(self, run, tmp_path, monkeypatch):
        def interrupted(directory, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(lab, "run", interrupted)
        status, _, err = run("lab", str(tmp_path / "desk"))
        assert (status, err) == (130, "中断しました。\n")


class TestCheck:
    def test_prints_the_record_and_is_0_even_when_not_all_is_right(self, run, monkeypatch):
        from autograder.learner import check as own_check

        record = GradeRecord(
            "",
            "ps2",
            (CellResult("q1-test", "q1", "問1 平均", Status.FAIL, 0, 3, "おしい。", hints=("浅い", "深い")),),
        )
        monkeypatch.setattr(own_check, "check", lambda notebook: record)
        status, out, _ = run("check", "ps2.ipynb")
        assert status == 0
        assert "問1 平均" in out
        assert "おしい。" in out
        assert "浅い" in out
        assert "深い" not in out
        assert "深い" in run("check", "ps2.ipynb", "--hints", "2")[1]

    def test_what_cannot_run_is_2(self, run):
        status, _, err = run("check", "no-such.ipynb")
        assert status == 2
        assert err.startswith("no-such.ipynb が見つかりません。")


class TestGrade:
    def test_passes_everything_on(self, run, monkeypatch):
        pytest.importorskip("nbgrader")
        from autograder.grading import command

        calls = []
        monkeypatch.setattr(command, "grade", lambda *a, **k: calls.append((a, k)) or 3)
        line = "grade hand-ins --out o --assignment ps2 --course c --workers 2 --timeout 5 --rerun"
        line += " --memory 900 --sandbox landlock --only hana"
        assert run(*line.split())[0] == 3
        options = {
            "out": Path("o"),
            "assignment": "ps2",
            "course": Path("c"),
            "workers": 2,
            "timeout_s": 5.0,
            "rerun": True,
            "only": "hana",
            "sandbox": "landlock",
            "memory_mb": 900,
        }
        [(arguments, passed_on)] = calls
        parent = passed_on.pop("parent")
        assert parent is None or parent.process.poll() is not None, "it is closed when all is graded"
        assert (arguments, passed_on) == ((Path("hand-ins"),), options)

    def test_without_nbgrader_it_says_what_to_install(self, run, monkeypatch):
        monkeypatch.setitem(sys.modules, "nbgrader", None)
        status, _, err = run("grade", "hand-ins", "--out", "o")
        assert status == 2
        assert "takara[instructor]" in err.splitlines()[0]


class TestDoctor:
    @pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 1)])
    def test_lines_and_status(self, run, monkeypatch, ok, status):
        from autograder.learner import doctor

        checks = [
            Check("Python", True, "3.11.7"),
            Check("メモリの空き", ok, "1.2 GB", "" if ok else "閉じてください。"),
        ]
        monkeypatch.setattr(doctor, "examine", lambda directory: iter(checks))
        got, out, _ = run("doctor")
        assert got == status
        assert "OK     Python: 3.11.7" in out
        assert ("要対応 メモリの空き: 1.2 GB" in out) is not ok
        assert ("→ 閉じてください。" in out) is not ok


def test_an_unexpected_failure_goes_to_a_log_file(run, monkeypatch, tmp_path):
    from autograder.learner import doctor

    def broken(directory):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(doctor, "examine", broken)
    monkeypatch.setattr(cli.tempfile, "tempdir", str(tmp_path))
    status, out, err = run("doctor")
    (log,) = tmp_path.iterdir()
    assert status == 2
    assert "Traceback" not in out + err
    assert str(log) in err
    assert err.splitlines()[-1] == "原因: division by zero"
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    assert "def broken" not in log.read_text(encoding="utf-8").splitlines()[0]


def test_a_bug_that_is_a_value_error_is_logged_too(run, monkeypatch, tmp_path):
    from autograder.learner import doctor

    monkeypatch.setattr(doctor, "examine", lambda directory: int("x"))
    monkeypatch.setattr(cli.tempfile, "tempdir", str(tmp_path))
    assert run("doctor")[0] == 2
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_closed_pipe_is_no_traceback():
    line = f"{sys.executable} -m autograder.cli --help | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, encoding="utf-8")
    assert done.stderr == ""


def test_a_console_without_japanese_still_works():
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "autograder.cli", "--help"], capture_output=True, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
