"""Forked kernels from their client's side."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from forked import CellError, Kernel, alive, eventually

from autograder.kernels.client import Connection, ForkParent
from autograder.kernels.forked import KernelEnded
from autograder.kernels.request import Bounds

TIERS = ("namespaces", "landlock", "none")
Start = Callable[..., Kernel]


@pytest.mark.parametrize("tier", TIERS)
def test_interrupt(start: Start, tier: str) -> None:
    kernel = start(tier)
    kernel.run("x = 5")
    timer = threading.Timer(0.5, lambda: kernel.process.send_signal(signal.SIGINT))
    timer.start()
    with pytest.raises(CellError) as caught:
        kernel.run("while True: pass")
    timer.join()
    assert caught.value.ename == "KeyboardInterrupt"
    kernel.process.interrupt()  # nothing runs: nothing happens
    assert kernel.run("print(x)") == "5"


@pytest.mark.parametrize("tier", TIERS)
def test_kill(start: Start, tier: str) -> None:
    kernel = start(tier)
    kernel.run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    pid = kernel.process.pid
    assert alive(pid) and kernel.process.poll() is None
    kernel.process.kill()
    end = kernel.end()
    assert end.code in (-signal.SIGKILL, 128 + signal.SIGKILL) and end.cause == "" and not end.lost
    assert not alive(pid)
    assert kernel.process.kill() == end, "once more does no harm"
    kernel.process.send_signal(signal.SIGINT)


def test_killing_is_quicker_than_asking(start: Start) -> None:
    """Half a second is far above what a kill takes."""
    kernels = [start() for _ in range(4)]
    times = []
    for kernel in kernels:
        began = time.monotonic()
        kernel.process.kill()
        times.append(time.monotonic() - began)
    assert min(times) < 0.5


@pytest.mark.parametrize("source", ["import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"])
@pytest.mark.parametrize("tier", TIERS)
def test_a_kernel_that_ends_by_itself(start: Start, tier: str, source: str) -> None:
    kernel = start(tier)
    with pytest.raises(KernelEnded):
        kernel.run(source)
    end = kernel.end()
    assert end.code == 3 if "_exit" in source else end.code != 0
    assert not end.lost and end.cause == ""


def test_two_parents_at_once(parent: ForkParent, start: Start) -> None:
    with ForkParent() as second:
        one, two = start("none"), Kernel(second.address, "none", Bounds())
        code = "import os, sys; print('matplotlib_fontja' in sys.modules, os.getppid())"
        assert one.run(code) == f"True {parent.process.pid}"
        assert two.run(code) == f"False {second.process.pid}"
        two.close()
    assert one.run("print(1 + 1)") == "2"


def test_many_starts_from_several_threads(parent: ForkParent, holds: Callable[[str], str]) -> None:
    """Sixty kernels, three at a time, over one line to the parent: each is the right one and answers."""
    tier = holds("namespaces")
    before = len(os.listdir("/proc/self/fd"))

    def once(n: int) -> tuple[str, str]:
        kernel = Kernel(parent.address, tier, Bounds())
        try:
            return kernel.run("print(1 + 1)"), kernel.run(f"import os; print({n}, os.getcwd())")
        finally:
            kernel.close()

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(once, range(60)))
    assert [sum_ for sum_, _ in answers] == ["2"] * 60
    assert [where.split()[0] for _, where in answers] == [str(n) for n in range(60)]
    assert len({where.split()[1] for _, where in answers}) == 60
    assert len(os.listdir("/proc/self/fd")) < before + 60, "descriptors leak"
    line = Connection.shared(parent.address)
    assert line._pids == {}
    children = Path(f"/proc/{parent.process.pid}/task/{parent.process.pid}/children")
    assert eventually(lambda: children.read_text() == ""), "kernels are left over"


def test_a_start_that_fails_does_not_shift_the_next_ones(
    parent: ForkParent, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that comes too late must not be taken for the answer to the next request."""
    with monkeypatch.context() as patch:
        patch.setattr("autograder.kernels.client._ANSWER_TIMEOUT_S", 0.001)
        for _ in range(3):
            with pytest.raises(Exception, match="did not start in time"):
                start("none")
    kernels = [start("none") for _ in range(3)]
    for kernel in kernels:
        assert (
            kernel.run("import os; print(os.getcwd(), os.getpid())") == f"{kernel.work} {kernel.process.pid}"
        )


def test_walls_that_fail_are_named(parent: ForkParent, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.kernels.request.Start.to_dict", _with_a_folder_that_is_gone)
    with pytest.raises(Exception, match="No such file"):
        start()


def _with_a_folder_that_is_gone(self) -> dict:
    from dataclasses import asdict

    return {"start": asdict(self) | {"cwd": "/no/such/folder"}}


# ---------------------------------------------------------------- what is inside


@pytest.mark.parametrize("tier", TIERS)
def test_where_a_kernel_is_at_home(start: Start, tier: str) -> None:
    kernel = start(tier)
    said = kernel.run(
        """
        import getpass, os, pathlib, sys, tempfile
        print(os.getcwd(), pathlib.Path.home(), tempfile.gettempdir(), get_ipython().ipython_dir)
        print(getpass.getuser(), sorted(os.environ), sys.stdin, os.isatty(1), os.getsid(0) == os.getpid())
        """
    ).split("\n")
    folder = str(kernel.folder)
    assert said[0] == f"{folder}/work {folder}/home {folder}/tmp {folder}/home"
    assert said[1].startswith("learner ") and "False" in said[1]
    names = eval(said[1][said[1].index("[") : said[1].index("]") + 1])
    assert set(kernel.env) <= set(names) <= {
        *kernel.env, "USER", "LOGNAME", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR",
        "GIT_PAGER", "PAGER", "TERM", "PYDEVD_USE_FRAME_EVAL", "LANG",
    }  # fmt: skip


def test_random_numbers_differ_between_kernels(start: Start) -> None:
    code = (
        "import random, numpy, uuid, tempfile\n"
        "print(random.random(), numpy.random.rand(), numpy.random.default_rng().random(), uuid.uuid4())"
    )
    one, two = start().run(code).split(), start().run(code).split()
    assert len({*one, *two}) == 8


def test_a_seed_still_is_a_seed(start: Start) -> None:
    code = "import random as r, numpy.random as n; r.seed(1); n.seed(1); print(r.random(), n.rand())"
    assert start().run(code) == start().run(code)


def test_a_figure_with_japanese_text(start: Start) -> None:
    """The font is found behind the walls, and no list of fonts is made anew."""
    said = start().run(
        """
        import warnings, os
        warnings.simplefilter('error')
        import matplotlib_fontja, matplotlib.pyplot as plt
        from matplotlib import font_manager
        path = font_manager.findfont('IPAexGothic', fallback_to_default=False)
        plt.plot([1, 2]); plt.title('窓口の待ち時間'); plt.savefig('figure.png')
        print(os.path.isfile(path), os.path.getsize('figure.png') > 1000,
              [n for n in os.listdir(os.environ['MPLCONFIGDIR']) if n.startswith('fontlist')])
        """
    )
    assert said == "True True []"


def test_it_says_when_there_is_no_parent(tmp_path: Path) -> None:
    from autograder.kernels.client import Address, ParentError

    with pytest.raises(ParentError, match="cannot be reached"):
        Kernel(Address(str(tmp_path / "s"), "key"), "none", Bounds())
