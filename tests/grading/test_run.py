"""Running cell by cell in a real kernel: explicit outcomes, limits, and nothing left behind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import factory
import psutil
import pytest

from autograder.grading.jupyter_kernel import jupyter_kernel, spawned_kernel
from autograder.grading.probes import may_have_value
from autograder.grading.run import KernelStartError, Limits, StartKernel, run

FORKED = pytest.param(
    "forked", marks=pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
)


@pytest.fixture(scope="module")
def forked() -> Iterator[StartKernel]:
    """Forked kernels, without walls: those have tests of their own."""
    from autograder.grading.forked_kernel import forked_kernel
    from autograder.kernels.client import ForkParent
    from autograder.kernels.request import Bounds

    with ForkParent(["numpy", "pandas", "matplotlib.pyplot", "autograder.checks"]) as parent:
        yield forked_kernel(parent.address, "none", Bounds())


@pytest.fixture(params=["jupyter", FORKED])
def kernel(request: pytest.FixtureRequest) -> StartKernel:
    """Each way to start a kernel: the outcomes must be the same."""
    return jupyter_kernel() if request.param == "jupyter" else request.getfixturevalue("forked")


def nb_of(*sources: str):
    return factory.notebook(*[factory.code(s) for s in sources])


def texts(nb, n: int) -> str:
    return "".join(o.get("text", "") for o in nb.cells[n].outputs)


def test_outcomes_come_from_the_reply_and_values_from_the_kernel(tmp_path: Path, kernel: StartKernel) -> None:
    cells = {
        "1 + 1": ("ok", ("number", "2.0")),
        "import numpy as np\nnp.float64(0.0)": ("ok", ("number", "0.0")),
        "np.int64(3)": ("ok", ("number", "3.0")),
        "True": ("ok", ("bool", "True")),
        "np.bool_(True)": ("ok", ("bool", "True")),
        "'2'": ("ok", ("str", "'2'")),
        "np.array([1.0, 2.0])": ("ok", ("ndarray", "array([1., 2.])")),
        "float('nan')": ("ok", ("number", "nan")),
        "None": ("ok", None),
        "2;": ("ok", None),
        "x = 3": ("ok", None),
        "import warnings; warnings.warn('careful')": ("ok", None),
        "import sys\nprint('to stderr', file=sys.stderr)\n1": ("ok", ("number", "1.0")),
        "print('0')": ("ok", None),
        "": ("skipped", None),
        "raise ValueError('no')": ("error", None),
        "%time 5": ("ok", ("number", "5.0")),
    }
    done = run(nb_of(*cells), tests=range(len(cells)), kernel=kernel)
    got = {s: (o.outcome, o.value) for s, o in zip(cells, done.outcomes, strict=True)}
    assert got == cells
    assert [o.distrust for o in done.outcomes] == [()] * len(cells)
    assert (done.outcomes[15].ename, done.outcomes[15].evalue) == ("ValueError", "no")
    assert "\x1b" not in done.outcomes[15].traceback and "ValueError" in done.outcomes[15].traceback
    assert done.nb.cells[15].outputs[0].output_type == "error"


def test_the_private_place_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: StartKernel
) -> None:
    course = tmp_path / "course"
    (course / "sub").mkdir(parents=True)
    (course / "waits.csv").write_text(factory.DATA)
    (course / "sub" / "more.csv").write_text("a\n1\n")
    (course / "ps.ipynb").write_text("{}")
    (course / ".secret").write_text("x")
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    (course / "link.csv").symlink_to(outside)
    monkeypatch.setenv("TAKARA_TEST_SECRET", "token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "token")
    done = run(
        nb_of(
            "import os, pathlib\n"
            "files = sorted(str(p) for p in pathlib.Path('.').rglob('*') if p.is_file())\n"
            "print(files)",
            "print(os.getcwd())",
            "print([k for k in os.environ if 'SECRET' in k])",
            "e = os.environ; print(e['OMP_NUM_THREADS'], e['PYTHONHASHSEED'], e['NBGRADER_EXECUTION'])",
            "print(os.path.expanduser('~') == os.environ['HOME'], os.listdir(os.environ['HOME']))",
            "print(get_ipython().ipython_dir)",
            "pathlib.Path('waits.csv').write_text('changed')",
            "import matplotlib; print(matplotlib.get_backend())",
        ),
        data_dir=course,
        kernel=kernel,
    )
    assert texts(done.nb, 0).strip() == "['sub/more.csv', 'waits.csv']"
    work = Path(texts(done.nb, 1).strip())
    assert not work.exists(), "the private folder is removed"
    assert str(tmp_path) not in str(work)
    assert texts(done.nb, 2).strip() == "[]"
    assert texts(done.nb, 3).strip() == "1 0 autograde"
    assert texts(done.nb, 4).startswith("True")
    assert Path(texts(done.nb, 5).strip()).parent == work.parent
    assert (course / "waits.csv").read_text() == factory.DATA, "the course's data are copies"
    assert "inline" in texts(done.nb, 7)


def test_limits_of_time_interrupt_then_kill(kernel: StartKernel) -> None:
    stubborn = (
        "import time\nwhile True:\n    try:\n        while True: time.sleep(0.01)\n"
        "    except KeyboardInterrupt: pass"
    )
    done = run(
        nb_of("x = 1", "while True: pass", "x", stubborn, "x"),
        tests=(2, 4),
        limits=Limits(cell_timeout_s=1.0, interrupt_grace_s=1.0),
        kernel=kernel,
    )
    assert [o.outcome for o in done.outcomes] == ["ok", "timeout", "ok", "timeout", "not_run"]
    assert done.outcomes[2].value == ("number", "1.0"), "the kernel goes on after an interrupt"
    assert done.outcomes[4].reason == "dead"


def test_limit_of_the_whole_notebook(kernel: StartKernel) -> None:
    done = run(
        nb_of("import time", "time.sleep(1.2)", "time.sleep(30)", "1"),
        limits=Limits(cell_timeout_s=20, notebook_timeout_s=2.5),
        kernel=kernel,
    )
    assert [o.outcome for o in done.outcomes] == ["ok", "ok", "timeout", "not_run"]
    assert done.outcomes[3].reason == "time"
    assert done.seconds < 15


def test_a_dead_kernel_keeps_what_was_done(kernel: StartKernel) -> None:
    done = run(nb_of("1", "import os; os._exit(1)", "2"), tests=(0, 2), kernel=kernel)
    assert [o.outcome for o in done.outcomes] == ["ok", "error", "not_run"]
    assert (done.outcomes[1].ename, done.died_at) == ("DeadKernel", 1)
    assert done.outcomes[0].value == ("number", "1.0")


def test_output_is_bounded(kernel: StartKernel) -> None:
    done = run(
        nb_of(
            "for _ in range(400): print('あ' * 10_000)",
            "def f(n): return f(n + 1)\nf(0)",
            "raise ValueError('x' * 1_000_000)",
            "from IPython.display import HTML\nHTML('y' * 2_000_000)",
            "print('short')",
        ),
        limits=Limits(cell_output_bytes=50_000, notebook_output_bytes=300_000, traceback_lines=40),
        kernel=kernel,
    )
    assert [o.outcome for o in done.outcomes] == ["ok", "error", "error", "ok", "ok"]
    assert len(texts(done.nb, 0)) < 60_000 and "省きました" in texts(done.nb, 0)
    assert sum(len(str(o)) for c in done.nb.cells for o in c.outputs) < 400_000
    assert len(done.outcomes[1].traceback.splitlines()) <= 41
    assert texts(done.nb, 4) == "short\n"


DECEITS = {
    "a transformer that eats assertions": (
        "import ast\n"
        "class Eat(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Eat())"
    ),
    "a kernel that swallows errors": (
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "old = S.run_cell_async\n"
        "async def quiet(self, *a, **k):\n"
        "    r = await old(self, *a, **k)\n"
        "    r.error_in_exec = r.error_before_exec = None\n"
        "    return r\n"
        "S.run_cell_async = quiet"
    ),
    "numpy's comparison patched": "import numpy.testing as t\nt.assert_allclose = lambda *a, **k: None",
    "our own comparison patched": "from autograder import checks\nchecks.number = lambda *a, **k: None",
    "pandas' comparison patched": "import pandas as pd\npd.testing.assert_frame_equal = lambda *a, **k: None",
    "a display hook that hides values": "type(get_ipython().displayhook).__call__ = lambda *a: None",
}


@pytest.mark.parametrize("deceit", DECEITS)
def test_a_kernel_that_lies_is_found_out(deceit: str, kernel: StartKernel) -> None:
    done = run(nb_of("0", DECEITS[deceit], "assert 1 == 2 or True\n0"), tests=(0, 2), kernel=kernel)
    assert done.outcomes[0].distrust == ()
    assert done.outcomes[2].distrust != (), deceit


def test_honest_notebooks_are_not_suspected_and_not_disturbed(kernel: StartKernel) -> None:
    shadowing = (
        "list = [1]; str = 'a'; sum = 3; type = 'x'; float = 2.5; repr = 1; input = 0; open = 0; id = 1\n"
        "_ = 5; t = 1; m = 2; np = 'not numpy'"
    )
    done = run(
        nb_of(
            "before = set(globals())",
            "import numpy.testing, pandas",
            shadowing,
            "assert t == 1\n0.5",
            "print(sorted(n for n in set(globals()) - before if 'canary' in n or len(n) > 12))",
            "print(len(In), [k for k in Out])",
            "print('ok')",
            "None",
        ),
        tests=(3, 7),
        kernel=kernel,
    )
    assert [o.distrust for o in done.outcomes] == [()] * 8
    assert done.outcomes[3].value == ("number", "0.5")
    assert done.outcomes[7].value is None
    assert texts(done.nb, 4).strip() == "[]"
    assert texts(done.nb, 5).strip() == "7 [4]", "the checks leave no trace in In and Out"
    assert [c.execution_count for c in done.nb.cells] == list(range(1, 9))
    assert done.nb.cells[3].outputs[0].data["text/plain"] == "0.5" and len(done.nb.cells[3].outputs) == 1


def test_a_kernel_that_does_not_start_is_tried_again_and_never_a_score(tmp_path: Path) -> None:
    tried: list[Path] = []

    def second_time(folder: Path):
        tried.append(folder)
        if len(tried) == 1:
            raise OSError("no process left")
        return spawned_kernel(folder)

    assert run(nb_of("1"), kernel=jupyter_kernel(second_time)).outcomes[0].outcome == "ok"
    assert len(tried) == 2 and tried[0] != tried[1]

    def never(folder: Path):
        tried.append(folder)
        raise OSError("no process left")

    tried.clear()
    with pytest.raises(KernelStartError, match="no process left"):
        run(nb_of("1"), kernel=jupyter_kernel(never), limits=Limits(start_attempts=3))
    assert len(tried) == 3


def test_a_kernel_that_exits_at_once_does_not_hang() -> None:
    def broken(folder: Path):
        km = spawned_kernel(folder)
        km.kernel_spec.argv = [sys.executable, "-c", "raise SystemExit(3)"]
        return km

    with pytest.raises(KernelStartError):
        run(nb_of("1"), kernel=jupyter_kernel(broken), limits=Limits(start_attempts=2, startup_timeout_s=20))


def test_nothing_is_left_running_or_lying_about(monkeypatch: pytest.MonkeyPatch, kernel: StartKernel) -> None:
    short = Path(tempfile.mkdtemp(prefix="t-"))  # of our own: others may be grading on this machine
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    run(
        nb_of(
            "import subprocess, sys\n"
            "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])"
        ),
        kernel=kernel,
    )
    left = [
        p
        for p in psutil.Process(os.getpid()).children(recursive=True)
        if "ipykernel" in " ".join(p.cmdline())
    ]
    assert left == []
    assert list(short.iterdir()) == []
    short.rmdir()


def test_it_works_inside_an_event_loop(kernel: StartKernel) -> None:
    import asyncio

    async def server() -> str:
        return run(nb_of("1"), kernel=kernel).outcomes[0].outcome

    assert asyncio.run(server()) == "ok"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1", True),
        ("x = 1", False),
        ("assert x\n2.0", True),
        ("%matplotlib inline\nx", True),
        ("def f():\n    1", False),
        ("if x:\n    1", False),
        ("(", False),
        ("", False),
        ("x;", False),
        ("x;  # quiet", False),
        ("'a;'", True),
        ("checks.number(x, 1)", False),
        ("np.testing.assert_allclose(x, 1)", False),
        ("print(x)", False),
        ("score(x)", True),
    ],
)
def test_last_statement(source: str, expected: bool) -> None:
    assert may_have_value(source) is expected
