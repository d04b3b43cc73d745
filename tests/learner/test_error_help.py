# ruff: noqa: E501  (a mistake, what it is told, on one line)
"""What a learner reads under a traceback; and that nothing else of the cell changes, least of all when graded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.manager import KernelManager
from sklearn.linear_model import LinearRegression

from autograder.errors import _EXPLAINERS, explain, explain_text
from autograder.grading.jupyter_kernel import jupyter_kernel, spawned_kernel
from autograder.grading.run import run
from autograder.learner import error_help, lab
from autograder.learner.kernel_specs import HELP, LearnersKernelSpecs


def names() -> dict[str, object]:
    """A notebook's namespace, with a few things in it."""
    return {
        "pd": pd,
        "np": np,
        "model": LinearRegression(),
        "mean_wait": 11.3,
        "label": "窓口",
        "ages": {"北": 3, "南": 4},
        "visits": pd.DataFrame(
            {"wait_min": [1.0, 2.0, np.nan], "来庁者数": [3, 4, 5], " 曜日": ["月", "火", "水"]}
        ),
    }


def told(code: str, folder: Path | None = None) -> str | None:
    """Run code as a cell and explain its error."""
    namespace = names()
    try:
        exec(compile(code, "<cell>", "exec"), namespace)
    except BaseException as error:
        return explain(error, namespace, source=code, folder=folder)
    pytest.fail(f"no error: {code}")


MISTAKES = {
    # names
    "mean_wiat": "「mean_wiat」という名前がまだありません。「mean_wait」のつづり違い",
    "pritn(1)": "「print」のつづり違い",
    "nothing_like_it": "つづりを確かめ、その名前を作るセルを先に実行してください。",
    "plt.show()": "「import matplotlib.pyplot as plt」と書いてある準備のセル",
    "print(たから)": '半角の引用符で囲みます（例："たから"）',
    "x = true": "「True」と書きます",
    "def f():\n    n = n + 1\nf()": "「n」に値を入れる前に使っています",
    # syntax
    "x =　1": "1行目あたりで、Python の文として読めません。全角の空白（スペース）",
    "print（mean_wait)": "全角の「（」は使えません。日本語入力を切って、半角の「(」に",
    'print("a"）': "全角の「）」",
    "print(”a”)": '全角の「”」は使えません。日本語入力を切って、半角の「"」に',
    "x ＝ 3": "半角の「=」に",
    "x = 3、4": "半角の「,」に",
    "x = ①": "「①」は、Python の記号としては使えません",
    "print((3)": "「(」が閉じられていません。対になる「)」",
    "visits['wait_min'": "「[」が閉じられていません。対になる「]」",
    "print(3))": "「)」が1つ多いか",
    "x = [1, 2)": "「[」を「)」で閉じています。「]」に",
    "x = 'abc": "引用符（\" または '）がありません",
    "x = 'abc”": "全角の引用符（”）では閉じられません",
    'x = """abc': "三重の引用符",
    "x = 1\nfor i in range(3)\n    print(i)": "2行目あたりで、Python の文として読めません。行の終わりのコロン（:）がありません",
    "if mean_wait = 3:\n    pass": "= ではなく == です",
    "mean_wait + 1 = 3": "「=」の左に書けるのは",
    "x = [1 2]": "カンマ（,）",
    "print 'a'": "print には、かっこが要ります",
    "p = 'C:\\Users\\me'": "「/」で書くか、r",
    "x = 3days": "名前は数字で始められません",
    "month = 04": "先頭の 0 は書けません",
    "return 3": "関数（def）の中でだけ",
    "break": "くり返し（for、while）の中でだけ",
    "f(a=1, 2)": "「名前=値」の形のものを、あとに",
    "x = 5 10": "閉じ忘れや、全角の記号",
    # indentation
    "for i in range(3):\nprint(i)": "1行目の中に入れる行は、先頭に半角スペースを4つ",
    "x = 1\n  y = 2": "いらない空白があります",
    "if 1:\n    x = 1\n  y = 2": "3行目あたりで、字下げ",
    "if 1:\n\tx = 1\n        y = 2": "字下げにタブと空白が混ざっています",
    # columns and keys
    "visits['wait_mim']": "「wait_mim」という列（またはキー）が見つかりません。「wait_min」のつづり違い",
    "visits['WAIT_MIN']": "「wait_min」ならあります。大文字と小文字だけが違います",
    "visits['曜日']": "「 曜日」ならあります。前後の空白だけが違います",
    "visits['来　庁者数']": "空白や、全角と半角だけが違います",
    "visits['zzz']": "あるもの：「wait_min」「来庁者数」「 曜日」",
    "visits[['wait_min', 'zzz']]": "「zzz」という列",
    "visits.sort_values('wait min')": "「wait_min」のつづり違い",
    "visits.groupby('youbi').sum()": "あるもの：「wait_min」",
    "visits.drop(columns=['zzz'])": "「zzz」という列",
    "visits[0]": ".iloc[0] を使います",
    "ages['西']": "あるもの：「北」「南」",
    # attributes and modules
    "visits.maen()": "DataFrame に「maen」はありません。「mean」のつづり違い",
    "visits.wait_mim": "「wait_min」のつづり違い",
    "visits.append(1)": "pd.concat",
    "pd.read_cvs('a.csv')": "pandas に「read_cvs」はありません。「read_csv」のつづり違い",
    "[1, 2].mean()": "リストに「mean」はありません",
    "print(1).x": "「なし（None）」に .x を使おうとしました",
    "import pandsa": "「pandas」のつづり違い",
    "import zzzzzz": "この講座で入れたライブラリだけ",
    "from pandas import DataFrane": "「pandas」の中に「DataFrane」はありません。「DataFrame」のつづり違い",
    # kinds
    "'平均は' + mean_wait": "文字と数値を混ぜて計算しています",
    "1 + '2'": "文字と数値を混ぜて計算しています",
    "'3' < 4": "大小で比べています",
    "sum = 3\nsum([1, 2])": "いまは数値が入っています。前に「sum = …」と書いたからです。\ndel sum を実行すると",
    "list = [1]\nlist('a')": "いまはリストが入っています",
    "visits('wait_min')": "「visits」は表（DataFrame）で、関数ではない",
    "(lambda: 3)()(4)": "関数ではないものに ( ) をつけています",
    "print['a']": "呼び出すときは ( ) を使います",
    "for i in 5:\n    pass": "range(…)",
    "x = [1, 2]\nx['a']": "番号（0 から始まる整数）",
    "visits[visits['wait_min'] > 1 & visits[' 曜日'] == '月']": "1つひとつの条件をかっこで囲みます",
    "visits[' 曜日'].mean()": "文字が入った列を、数として計算しようとしました",
    "x = ...\nx + 1": "まだ「...」のまま",
    "len(3)": "データの種類（型）が合っていません",
    # values
    "float('1,234')": "「1,234」を数値に直せませんでした。桁区切りのカンマ",
    "pd.to_numeric(pd.Series(['1,234']))": "桁区切りのカンマ",
    "float('１，２３４')": "全角の数字や記号",
    "int('12円')": "数字のほかの文字（単位や記号）",
    "float('')": "空の文字を、数値に直そうとしました",
    "float('なし')": "数字ではない文字",
    "if visits['wait_min'] > 1:\n    pass": "and、or ではなく &、|",
    "visits['x'] = [1, 2]": "表は 3 行ですが、入れようとした値は 2 個です",
    "a, b = 1, 2, 3": "「=」の左には名前が 2 個",
    "np.ones(3) + np.ones(4)": "配列の形が合わないので、計算できません（(3,) (4,)）",
    "np.ones((2, 3)) @ np.ones((2, 3))": "行列のかけ算ができません",
    "visits['wait_min'].astype(int)": "整数に直せません",
    "pd.to_datetime('2024年4月1日')": "日付として読めない値",
    # fitting
    "model.fit([[1], [2]], [1, 2, 3])": "行の数がそろっていません（[2, 3]）",
    "model.fit(visits[['wait_min']], [1, 2, 3])": "欠損値（NaN、空欄）が入っています",
    "model.fit(visits['来庁者数'], [1, 2, 3])": 'df[["列"]] と書いてください',
    "model.fit(visits, [1, 2, 3])": "「月」を数値に直せませんでした",
    "model.predict([[1]])": "まだ学習していないモデル",
    "model.fit([[1, 2], [3, 5]], [1, 2]).predict([[1]])": "学習に使った列は 2 個、いま渡した列は 1 個",
    # the rest
    "[1, 2][5]": "データの数をこえています",
    "np.arange(3)[5]": "3 個なので、0 から 2 まで",
    "visits[visits['wait_min'] > 9].to_numpy()[0]": "データが 0 個なので",
    "1 / 0": "0 で割っています",
    "def f(n):\n    return f(n)\nf(1)": "自分を呼び続けています",
    "raise MemoryError": "メモリが足りなく",
    "raise KeyboardInterrupt": "途中で止められました",
    "exit = 0\nraise SystemExit": "exit() や quit()",
    "assert mean_wait > 20": "確認（assert）",
    "b'\\x97'.decode()": 'encoding="cp932"',
}


@pytest.mark.parametrize("code", MISTAKES)
def test_common_mistakes(code: str):
    said = told(code)
    assert said is not None and MISTAKES[code] in said, said


@pytest.mark.parametrize(
    ("ename", "evalue", "said"),
    [
        (
            "RuntimeError",
            "mat1 and mat2 shapes cannot be multiplied (32x10 and 12x5)",
            "渡した値は1件につき 10 個ですが、層は 12 個",
        ),
        ("RuntimeError", "The size of tensor a (3) must match the size of tensor b (4)", "3 と 4 で合って"),
        ("RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float", ".float()"),
        ("SyntaxError", "invalid syntax (x.py, line 3)", "3行目あたりで"),
        ("NameError", "name 'mean_wait' is not defined", "「mean_wait」という名前がまだありません"),
        ("PermissionError", "[Errno 13] Permission denied: 'out.csv'", "「out.csv」を開けません。Excel"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'C:/x.csv'", "C:/x.csv"),
    ],
)
def test_the_message_alone_is_enough(ename: str, evalue: str, said: str):
    assert said in (explain_text(ename, evalue) or "")


@pytest.mark.parametrize(
    "code",
    [
        "assert False, '問1：平均が正解と違います。'",
        "raise ValueError('もう日本語で書いてあります。')",
        "raise NotImplementedError('未記入：関数 rate を書いてください')",
        "raise RuntimeError('something rare')",
        "class Own(Exception): pass\nraise Own",
    ],
)
def test_silent_where_nothing_is_to_be_said(code: str):
    assert told(code) is None


def test_the_line_of_the_cell_is_named_where_there_are_several():
    assert told("1 / 0").startswith("0 で割って")
    assert told("def f():\n    1 / 0\n\nf()").startswith("4行目で止まりました。\n0 で割って")


def test_python_says_more_than_ipython_about_what_has_no_end():
    error = SyntaxError("incomplete input", ("x.py", 1, 1, "", 1, 1))
    assert "「[」が閉じられて" in explain(error, source="x = [1, 2")
    assert "先頭に半角スペースを4つ" in explain(error, source="def f():\n")
    assert "途中で終わって" in explain(error, source="")


class TestFiles:
    @pytest.fixture
    def notebooks(self, tmp_path: Path) -> Path:
        folder = tmp_path / "course" / "notebooks"
        folder.mkdir(parents=True)
        (folder / "report.csv").write_text("a\n")
        (tmp_path / "datasets").mkdir()
        for name in ("window_daily.csv", "roads.csv"):
            (tmp_path / "datasets" / name).write_text("a\n")
        return folder

    @pytest.fixture
    def read(self, notebooks: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(notebooks)
        return lambda path: told(f"pd.read_csv({path!r})", notebooks)

    def test_a_data_set_without_its_folder(self, read):
        assert read("window_daily.csv").endswith("「../../datasets/window_daily.csv」と書くと、読めます。")

    def test_a_typo_in_the_name(self, read):
        assert "「datasets」フォルダーに、「window_daily.csv」があります" in read(
            "../../datasets/window_dialy.csv"
        )

    def test_a_typo_in_the_folder(self, read):
        said = read("../../dataset/xyz.csv")
        assert "「dataset」というフォルダーがありません" in said and "「datasets」があります" in said

    def test_what_is_there(self, read):
        assert "このノートブックと同じフォルダーにあるもの：「report.csv」" in read("xyz.csv")

    def test_backslashes_that_became_something_else(self, read):
        assert "「\\」が、特別な記号として読まれました" in read("C:\\data\new\table.csv")


@given(st.sampled_from(sorted(_EXPLAINERS)), st.text() | st.from_regex(r"'\w*' .{0,20}line \d+\)?"))
def test_no_message_is_too_strange(ename: str, evalue: str):
    said = explain_text(ename, evalue)
    assert said is None or said.strip()


STRANGE = (
    "time data '",
    "'",
    "[",
    "['a'",
    "line ",
    "1",
    "str ",
    "shapes ",
    "expected an indented block after x",
    "、",
    "\n",
)


def test_no_message_takes_long():
    """A grader explains what hand-ins raise, and they may raise anything (up to 4000 characters of it)."""
    began = time.process_time()
    for ename in _EXPLAINERS:
        for piece in STRANGE:
            explain_text(ename, (piece * 4000)[:4000])
    assert time.process_time() - began < 5


# --- in a kernel ---------------------------------------------------------------------------------


class Kernel:
    """A kernel as JupyterLab starts it, and what it answers."""

    def __init__(self, specs: LearnersKernelSpecs | None) -> None:
        self.manager = KernelManager(**({"kernel_spec_manager": specs} if specs else {}))
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> tuple[dict, list[dict]]:
        """The reply to a cell, without what differs from run to run, and the outputs in their order."""
        outputs: list[dict] = []
        reply = self.client.execute_interactive(code, timeout=60, output_hook=outputs.append)["content"]
        kept = {name: reply.get(name) for name in ("status", "ename", "evalue", "traceback", "payload")}
        return kept, [
            m for m in outputs if m["msg_type"] in ("stream", "error", "display_data", "execute_result")
        ]

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernels() -> Iterator[tuple[Kernel, Kernel]]:
    """One with the help, and one without."""
    both = Kernel(LearnersKernelSpecs()), Kernel(None)
    yield both
    for kernel in both:
        kernel.stop()


CELLS = [
    "1 + 1",
    "mean_wiat",
    "print('a'); 1 / 0",
    "x =　1",
    "print('a'",
    "for i in range(3):\nprint(i)",
    "await nothing",
    "open('zzz.csv')",
    "def f():\n    raise ValueError('x') from KeyError('y')\nf()",
    "assert False, 'だめ'",
    "raise SystemExit",
    "%no_such_magic",
    "class Odd(Exception):\n    def __str__(self): return 'odd'\n    def __len__(self): return 0\nraise Odd",
    "class Broken(ValueError):\n    def __repr__(self): raise TypeError\nraise Broken('b')",
]


@pytest.mark.parametrize("code", CELLS)
def test_the_reply_and_pythons_own_words_stay_as_they_are(kernels, code: str):
    (with_help, outputs), (without, plain) = (kernel.run(code) for kernel in kernels)
    assert with_help == without
    shown = [m["content"] for m in outputs if m["msg_type"] != "display_data"]
    assert shown == [m["content"] for m in plain]
    assert [m["msg_type"] for m in outputs[: len(plain)]] == [
        m["msg_type"] for m in plain
    ]  # the help is last


def help_in(outputs: list[dict]) -> list[str]:
    return [m["content"]["data"]["text/plain"] for m in outputs if m["msg_type"] == "display_data"]


def test_the_help_is_shown_as_a_box_and_as_text(kernels):
    _, outputs = kernels[0].run("days = 7\nprint(dasy, '<b>')")
    data = outputs[-1]["content"]["data"]
    assert data["text/plain"].startswith(
        "【エラーの読み方】\n2行目で止まりました。\n「dasy」という名前がまだありません。「days」の"
    )
    assert data["text/html"].startswith('<div class="alert alert-info"><b>エラーの読み方</b><br>2行目で')
    assert "<b>" in error_help.as_html("a < b") and "a &lt; b" in error_help.as_html("a < b")


def test_no_help_without_an_error_and_none_without_the_extension(kernels):
    assert help_in(kernels[0].run("x = 1\nx")[1]) == []
    assert help_in(kernels[1].run("1 / 0")[1]) == []


def test_our_own_mistakes_stay_unseen(kernels):
    with_help, _ = kernels
    expected = with_help.run("1 / 0")[0]["evalue"]
    for broken in ("raise RuntimeError", "raise KeyboardInterrupt", "return 3"):
        with_help.run(
            f"import autograder.errors as e; kept = e.explain\ndef boom(*a, **k): {broken}\ne.explain = boom"
        )
        reply, outputs = with_help.run("1 / 0")
        assert (reply["ename"], reply["evalue"]) == ("ZeroDivisionError", expected)
        assert [m["msg_type"] for m in outputs] == ["error"]
        with_help.run("e.explain = kept")
    assert len(help_in(with_help.run("1 / 0")[1])) == 1


def test_one_line_switches_it_off_and_on(kernels):
    with_help, _ = kernels
    for line, shown in ((f"%unload_ext {HELP}", 0), (f"%load_ext {HELP}", 1), (f"%load_ext {HELP}", 1)):
        assert with_help.run(line)[0]["status"] == "ok"
        assert len(help_in(with_help.run("1 / 0")[1])) == shown


def test_a_cancelled_cell_has_no_result():
    error_help.show_help(None)


# --- where it is on, and where not ---------------------------------------------------------------


def test_jupyterlab_as_we_start_it_has_it_on(tmp_path: Path):
    line = [*lab.command(tmp_path, 8888, open_browser=False), "--show-config-json"]
    done = subprocess.run(line, env=lab.environment(os.environ), capture_output=True, text=True, timeout=60)
    config = json.loads(done.stdout[done.stdout.index("{") :])
    assert (
        config["ServerApp"]["kernel_spec_manager_class"]
        == f"{LearnersKernelSpecs.__module__}.LearnersKernelSpecs"
    )


def test_binder_starts_with_the_same_settings(repo: Path):
    start = (repo / "binder" / "start").read_text()
    assert re.search(r'export JUPYTER_CONFIG_PATH="\$config', start)
    assert 'learner/jupyter_config"' in start
    assert (lab._CONFIG_FOLDER / "jupyter_server_config.json").is_file()


def test_nothing_else_of_the_kernel_is_changed():
    plain, ours = KernelManager().kernel_spec_manager, LearnersKernelSpecs()
    kept, changed = plain.get_kernel_spec("python3"), ours.get_kernel_spec("python3")
    assert changed.argv == [*kept.argv, f"--InteractiveShellApp.extra_extensions={HELP}"]
    assert {**changed.to_dict(), "argv": 0} == {**kept.to_dict(), "argv": 0}
    assert ours.get_kernel_spec("python3").argv == changed.argv  # not once more at every start
    assert set(ours.get_all_specs()) == set(plain.get_all_specs())


@pytest.mark.parametrize("asked_for", [False, True])
def test_a_graded_run_never_has_it(asked_for: bool, monkeypatch: pytest.MonkeyPatch):
    """Neither in Lab's terminal, nor when a kernel is told to load it, nor when the notebook does so itself."""
    for name, value in lab.environment(os.environ).items():
        monkeypatch.setenv(name, value)

    def kernel(folder: Path):
        manager = spawned_kernel(folder)
        if asked_for:
            manager.kernel_spec_manager = LearnersKernelSpecs()
        return manager

    cells = [
        "import sys",
        f"print({HELP!r} in sys.modules)",
        f"%load_ext {HELP}",
        "mean_wiat",
        f"%unload_ext {HELP}",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    done = run(notebook, kernel=jupyter_kernel(kernel))
    assert done.nb.cells[1].outputs[0].text.strip() == str(asked_for)
    assert [o.output_type for o in done.nb.cells[3].outputs] == ["error"]
    assert (done.outcomes[3].ename, done.outcomes[3].evalue) == (
        "NameError",
        "name 'mean_wiat' is not defined",
    )
    assert [outcome.outcome for outcome in done.outcomes] == ["ok", "ok", "ok", "error", "ok"]


def test_the_texts_cost_a_kernel_nothing_until_they_are_needed():
    code = f"import sys, {HELP}; sys.exit('autograder.errors' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
