"""Grade the same class with stock nbgrader and with Takara, in turn: seconds, memory, equal scores.

    python tests/benchmarks/grading.py --learners 30 --json result.json

Three classes are made: ``ps`` hands in assignments 2 and 3 of this course, ``ps5`` its assignment 5, in which
everybody trains small networks, ``torch`` a short notebook that does little but train one for a second.
Every way of grading is a command of its own, timed from its start to its end in a fresh folder. The floor
(``floor.py``) is the time of the learners' cells alone, with everything imported, spread over as many
processes as there are cores. Memory is measured in a run that is not timed. Seconds depend on the machine and
on what else it does: the ratios within one run count.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "grading")]

import factory  # noqa: E402
import simulated_class  # noqa: E402

from autograder.grading.kernel_setup import SandboxRefused, prepared  # noqa: E402

Command = tuple[list[str], Path]  # and where to run it
Scores = dict[tuple[str, str, str], float]  # (learner, assignment, grade_id) → points
_PACKAGES = (
    "nbgrader",
    "ipykernel",
    "jupyter_client",
    "nbclient",
    "numpy",
    "pandas",
    "scikit-learn",
    "torch",
)
_SAMPLE_EVERY_S = 0.1
_SHOWN_DIFFERENCES = 10
_MB = 1_000_000
_OURS_CONFIG = (
    "from autograder.grading.nbgrader_config import configure\n\nconfigure(get_config())  # noqa: F821\n"
)


# --- the classes ---------------------------------------------------------------------------------


@dataclass
class SchoolClass:
    """A course and what its learners hand in.

    Parameters
    ----------
    name : str
    course : Path
        nbgrader course root with ``source/`` and ``release/``.
    hand_ins : dict of (str, str) to NotebookNode
        By learner and assignment.
    points : dict of (str, str, str) to float
        What is known beforehand: points by learner, assignment and question.
    """

    name: str
    course: Path
    hand_ins: dict[tuple[str, str], NotebookNode] = field(default_factory=dict)
    points: dict[tuple[str, str, str], float] = field(default_factory=dict)

    @property
    def assignments(self) -> list[str]:
        return sorted({assignment for _, assignment in self.hand_ins})

    @property
    def learners(self) -> int:
        return len({learner for learner, _ in self.hand_ins})

    def write(self, folder: Path, layout: str) -> Path:
        """Write the hand-ins; ``layout`` is "{learner}/{assignment}.ipynb" or nbgrader's own."""
        for (learner, assignment), nb in self.hand_ins.items():
            path = folder / layout.format(learner=learner, assignment=assignment)
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(nb, path)
        return folder


def course_class(name: str, assignments: Sequence[str], folder: Path, learners: int) -> SchoolClass:
    """This course's own: right, blank, partly done, each planted wrong answer, until there are enough."""
    made = SchoolClass(name, folder / "assignments")
    for assignment in assignments:
        members = simulated_class.make_class(folder, assignment).members
        kinds = [m for m in members if m.learner in ("worked", "blank", "partly") or m.learner[:5] == "wrong"]
        for number in range(learners):
            kind, learner = kinds[number % len(kinds)], f"learner-{number:03}"
            made.hand_ins[learner, assignment] = personal(kind.notebook, learner)
            made.points.update({(learner, assignment, q): p for q, p in kind.points.items()})
    return made


_TRAINING = """\
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr={rate})
losses = []
for epoch in range(140):
    for rows in torch.arange(2000).split(100):
        loss = nn.functional.binary_cross_entropy_with_logits(net(X[rows]).squeeze(1), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses.append(loss.item())"""
_LABELS = "def predict(rows):\n    with torch.no_grad():\n        return (net(rows).squeeze(1) > 0).long()"
_NO_LABELS = "def predict(rows):\n    with torch.no_grad():\n        return net(rows).squeeze(1).sigmoid()"
#: Answers of a learner, and the points of the three questions.
_TORCH_KINDS = (
    ((_TRAINING.format(rate=0.01), _LABELS), (2.0, 2.0, 1.0)),
    ((_TRAINING.format(rate=0.0), _LABELS), (0.0, 0.0, 1.0)),
    ((_TRAINING.format(rate=0.01), _NO_LABELS), (2.0, 0.0, 0.0)),
)


def torch_source() -> NotebookNode:
    """A small network to be trained, three tests, in nbgrader's source format."""

    def solution(text: str) -> str:
        return f"### BEGIN SOLUTION\n{text}\n### END SOLUTION"

    return factory.notebook(
        factory.prose("# 小さなネットワーク", "head"),
        factory.given(
            "setup",
            "import torch\nfrom torch import nn\n\ntorch.manual_seed(1)\n"
            "X = torch.randn(2000, 20)\ny = (X[:, 0] * X[:, 1] > 0).float()",
        ),
        factory.answer("q1-answer", solution(_TRAINING.format(rate=0.01))),
        factory.test(
            "q1-test",
            2,
            "assert len(losses) == 140\n### BEGIN HIDDEN TESTS\nassert losses[-1] < 0.5 * losses[0]\n"
            "### END HIDDEN TESTS",
        ),
        factory.answer("q2-answer", solution(_LABELS)),
        factory.test("q2-test", 2, "assert (predict(X) == y.long()).float().mean() > 0.9"),
        factory.test("q3-test", 1, "assert set(predict(X[:50]).tolist()) <= {0, 1}"),
    )


def torch_class(folder: Path, learners: int) -> SchoolClass:
    """A notebook that trains for about a second; every third learner has a wrong answer of each kind."""
    source = torch_source()
    for step, nb in (("source", source), ("release", factory.release_of(source))):
        path = folder / step / "net" / "net.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(nb, path)
    made = SchoolClass("torch", folder)
    for number in range(learners):
        learner = f"learner-{number:03}"
        (training, predict), points = _TORCH_KINDS[number % len(_TORCH_KINDS)]
        nb = factory.hand_in_of(source, {"q1-answer": training, "q2-answer": predict})
        made.hand_ins[learner, "net"] = personal(nb, learner)
        made.points.update({(learner, "net", f"q{n}"): p for n, p in enumerate(points, start=1)})
    return made


CLASSES: dict[str, Callable[[Path, int], SchoolClass]] = {
    "ps": functools.partial(course_class, "ps", ("ps2", "ps3")),
    "ps5": functools.partial(course_class, "ps5", ("ps5",)),
    "torch": torch_class,
}


def personal(nb: NotebookNode, learner: str) -> NotebookNode:
    """The same notebook in a learner's own words: a note at the end, a comment in the first cell."""
    nb = nbformat.from_dict(nb)
    nb.cells = [nbformat.from_dict(cell) for cell in nb.cells]
    note = nbformat.v4.new_markdown_cell(f"{learner} の感想")
    note["id"] = "note"
    code = nbformat.v4.new_code_cell(f"# {learner}\nnote = {learner!r}")
    code["id"] = "greeting"
    nb.cells = [code, *nb.cells, note]
    return nb


# --- the ways of grading -------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One way to grade a class: prepares a folder, gives the commands to be timed."""

    name: str
    label: str
    prepare: Callable[[SchoolClass, Path, int], list[Command]]
    results: str = "."  # course folder with the gradebook, below the way's own folder


def nbgrader_way(name: str, label: str, config: str) -> Way:
    """``nbgrader autograde``, once for each assignment, in a fresh course."""

    def prepare(school: SchoolClass, folder: Path, workers: int | None) -> list[Command]:
        shutil.copytree(school.course / "source", folder / "source")
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        school.write(folder / "submitted", "{learner}/{assignment}/{assignment}.ipynb")
        nbgrader = [sys.executable, "-m", "nbgrader"]
        for assignment in school.assignments:
            run([*nbgrader, "generate_assignment", assignment], folder)
        return [([*nbgrader, "autograde", assignment], folder) for assignment in school.assignments]

    return Way(name, label, prepare)


def takara_way(name: str, label: str, sandbox: str) -> Way:
    """``takara grade``, once for the class."""

    def prepare(school: SchoolClass, folder: Path, workers: int | None) -> list[Command]:
        hand_ins = school.write(folder / "hand-ins", "{learner}/{assignment}.ipynb")
        options = ["--course", str(school.course), "--sandbox", sandbox]
        options += ["--workers", str(workers)] if workers else []
        return [([*takara(), "grade", str(hand_ins), "--out", str(folder / "out"), *options], folder)]

    return Way(name, label, prepare, "out")


def takara() -> list[str]:
    """The installed command, or the same without installation."""
    script = Path(sys.executable).with_name("takara")
    by_hand = [sys.executable, "-c", "import sys; from autograder.cli import main; sys.exit(main())"]
    return [str(script)] if script.is_file() else by_hand


WAYS = (
    nbgrader_way("stock", "nbgrader autograde（そのまま）", ""),
    nbgrader_way("configured", "nbgrader autograde（Takara の設定）", _OURS_CONFIG),
    takara_way("auto", "takara grade（囲いあり）", "auto"),
    takara_way("none", "takara grade（--sandbox none）", "none"),
)


def environment() -> dict[str, str]:
    """Our own environment without anybody's Jupyter settings, and with Python's compiled files."""
    left_out = ("JUPYTER", "IPYTHON", "MPLBACKEND", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    home = tempfile.gettempdir()  # the benchmark's own folder, see main()
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    jupyter = {f"JUPYTER_{kind}_DIR": f"{home}/jupyter-{kind}" for kind in ("CONFIG", "DATA", "RUNTIME")}
    return {**kept, **jupyter, "IPYTHONDIR": f"{home}/ipython", "PATH": path, "PYTHONPATH": str(ROOT)}


def run(command: Sequence[str], folder: Path, watch: Memory | None = None) -> str:
    """Run a command to its end and return what it printed; 3 is takara's "somebody must look"."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        with watch.over(process.pid) if watch else contextlib.nullcontext():
            status = process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status not in (0, 3):
        raise RuntimeError(f"{' '.join(command)} ended with {status}\n{text[-4000:]}")
    return text


@dataclass(frozen=True)
class Timed:
    """One run of one way."""

    seconds: float
    cpu_seconds: float  # of the command and all that it waited for
    scores: Scores
    folder: Path


def grade(
    way: Way, school: SchoolClass, folder: Path, workers: int | None, watch: Memory | None = None
) -> Timed:
    """Let one way grade the class in a new folder."""
    folder.mkdir(parents=True)
    commands = way.prepare(school, folder, workers)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    for command, where in commands:
        run(command, where, watch)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    results = folder / way.results
    return Timed(seconds, cpu, scores_of(results / "gradebook.db", school), results)


def scores_of(database: Path, school: SchoolClass) -> Scores:
    """The points in a gradebook, by learner, assignment and graded cell."""
    scores: Scores = {}
    with Gradebook(f"sqlite:///{database}") as gradebook:
        for assignment in school.assignments:
            for notebook in gradebook.notebook_submissions(assignment, assignment):
                for grade in notebook.grades:
                    scores[notebook.student.id, assignment, grade.name] = grade.auto_score or 0.0
    return scores


def differences(school: SchoolClass, scores: Scores, reference: Scores) -> list[str]:
    """Where scores differ from another way's, cell by cell, or from what is known, question by question."""
    cells = {
        f"{' '.join(key)}: {scores.get(key)} ≠ {reference.get(key)}"
        for key in scores.keys() | reference.keys()
        if scores.get(key) != reference.get(key)
    }
    sums: dict[tuple[str, str, str], float] = {}
    for (learner, assignment, grade_id), points in scores.items():
        key = (learner, assignment, grade_id.partition("-")[0])
        sums[key] = sums.get(key, 0.0) + points
    known = {
        f"{' '.join(key)}: {sums.get(key)}, expected {points}"
        for key, points in school.points.items()
        if sums.get(key) != points
    }
    return sorted(cells | known)


def floor(graded: Timed, processes: int) -> tuple[float, list[str]]:
    """Seconds of the cells alone, spread over the processes; and tests whose result was another one."""
    notebooks = sorted((graded.folder / "autograded").glob("*/*/*.ipynb"))
    script = Path(__file__).with_name("floor.py")
    text = run([sys.executable, str(script), str(processes), *map(str, notebooks)], Path.cwd())
    answer = json.loads(text[text.index('{"seconds"') :])
    wrong = [
        f"floor: {path.parent.parent.name} {path.stem}: {test} passed"
        for path in notebooks
        for test in answer["passed"][str(path)]
        if not graded.scores.get((path.parent.parent.name, path.stem, test))
    ]
    return answer["seconds"], wrong


# --- memory --------------------------------------------------------------------------------------


class Memory:
    """Peaks of memory of a command and its processes, in MB, sampled from /proc."""

    def __init__(self) -> None:
        self.private: dict[int, float] = {}  # peak of each kernel
        self.supervisors: set[int] = set()  # of those who are not root
        self.peaks: dict[str, float] = {}
        self._stop = threading.Event()

    def over(self, pid: int) -> _Watching:
        return _Watching(self, pid)

    def watch(self, root: int) -> None:
        while not self._stop.wait(_SAMPLE_EVERY_S):
            self._sample(root)

    def stop(self) -> None:
        self._stop.set()

    def _sample(self, root: int) -> None:
        try:
            driver = psutil.Process(root)
            processes = [driver, *driver.children(recursive=True)]
            parents = {p.pid: p.ppid() for p in processes}
            role = {p.pid: _role(p, root) for p in processes}
        except psutil.Error:
            return
        sums = dict.fromkeys(("driver", "parent", "worker", "kernel"), (0.0, 0.0))
        for process in processes:
            rss, pss, private = _memory_mb(process.pid)
            kind = role[process.pid]
            sums[kind] = (sums[kind][0] + rss, sums[kind][1] + pss)
            if kind == "kernel":
                self.private[process.pid] = max(self.private.get(process.pid, 0.0), private)
                if role.get(parents[process.pid]) == "kernel":
                    self.supervisors.add(parents[process.pid])
        for kind, (rss, pss) in sums.items():
            self._peak(f"{kind}_rss_mb", rss)
            self._peak(f"{kind}_pss_mb", pss)
        ours = [sums[kind] for kind in ("driver", "parent", "worker")]
        self._peak("parent_and_workers_rss_mb", sum(rss for rss, _ in ours))
        self._peak("parent_and_workers_pss_mb", sum(pss for _, pss in ours))
        self._peak("all_pss_mb", sum(pss for _, pss in sums.values()))

    def _peak(self, name: str, value: float) -> None:
        self.peaks[name] = max(self.peaks.get(name, 0.0), value)

    def summary(self) -> dict[str, float]:
        """Peaks; of the kernels' own memory also the median."""
        kernels = [mb for pid, mb in self.private.items() if pid not in self.supervisors]
        own = {
            "kernels": len(kernels),
            "kernel_private_median_mb": statistics.median(kernels) if kernels else 0.0,
            "kernel_private_max_mb": max(kernels, default=0.0),
        }
        return {name: round(value, 1) for name, value in {**self.peaks, **own}.items()}


class _Watching:
    """Samples in a thread while the block runs."""

    def __init__(self, memory: Memory, pid: int) -> None:
        self._memory = memory
        self._thread = threading.Thread(target=memory.watch, args=(pid,), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._memory.stop()
        self._thread.join()


def _role(process: psutil.Process, root: int) -> str:
    if process.pid == root:
        return "driver"
    if "autograder.kernels.parent" not in process.cmdline():
        return "worker"  # and the few helpers of multiprocessing
    return "parent" if process.ppid() == root else "kernel"


def _memory_mb(pid: int) -> tuple[float, float, float]:
    """RSS, PSS and private memory; PSS and private are 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            fields = {line.split(":")[0]: line.split()[1] for line in file.readlines()[1:]}
    except (OSError, ValueError):
        try:
            return psutil.Process(pid).memory_info().rss / _MB, 0.0, 0.0
        except psutil.Error:
            return 0.0, 0.0, 0.0
    rss, pss, clean, dirty = (
        int(fields[name]) * 1024 / _MB for name in ("Rss", "Pss", "Private_Clean", "Private_Dirty")
    )
    return rss, pss, clean + dirty


# --- the benchmark -------------------------------------------------------------------------------


def measure(
    school: SchoolClass,
    folder: Path,
    ways: Sequence[Way],
    *,
    rounds: int,
    stock_rounds: int,
    workers: int | None,
) -> dict[str, Any]:
    """Let every way grade the class in turn, and compare."""
    timed: dict[str, list[Timed]] = {way.name: [] for way in ways}
    floors: list[float] = []
    different: list[str] = []
    for number in range(rounds):
        for way in ways:
            if way.name == "stock" and number >= stock_rounds:
                continue
            say(f"{school.name}: {way.label} ({number + 1}/{rounds})")
            one = grade(way, school, folder / f"{way.name}-{number}", workers)
            timed[way.name].append(one)
            reference = timed[ways[0].name][0].scores
            different += [f"{way.name}: {d}" for d in differences(school, one.scores, reference)]
        say(f"{school.name}: floor ({number + 1}/{rounds})")
        seconds, wrong = floor(timed["auto"][-1], cores())
        floors.append(seconds)
        different += wrong
    memory = Memory()
    say(f"{school.name}: memory")
    grade(next(w for w in ways if w.name == "auto"), school, folder / "memory", workers, memory)
    return {
        "learners": school.learners,
        "hand_ins": len(school.hand_ins),
        "ways": _table({w.name: timed[w.name] for w in ways}, floors, len(school.hand_ins)),
        "floor": {"seconds": floors, "median_seconds": statistics.median(floors)},
        "memory": memory.summary(),
        "scores_equal": not different,
        "differences": sorted(set(different)),
    }


def _table(timed: Mapping[str, list[Timed]], floors: list[float], hand_ins: int) -> dict[str, Any]:
    medians = {name: statistics.median(t.seconds for t in runs) for name, runs in timed.items()}
    return {
        name: {
            "seconds": [t.seconds for t in runs],
            "median_seconds": medians[name],
            "seconds_per_hand_in": medians[name] / hand_ins,
            "cpu_seconds": statistics.median(t.cpu_seconds for t in runs),
            "times_faster_than_stock": medians["stock"] / medians[name] if "stock" in medians else None,
            "times_the_floor": medians[name] / statistics.median(floors),
        }
        for name, runs in timed.items()
    }


def growth(schools: Iterable[SchoolClass], folder: Path, workers: int | None) -> list[dict[str, Any]]:
    """Seconds per hand-in of ``takara grade`` in classes of several sizes, the first as the unit."""
    rows: list[dict[str, Any]] = []
    way = next(w for w in WAYS if w.name == "auto")
    for school in schools:
        say(f"{school.name}: {school.learners} learners")
        one = grade(way, school, folder / f"{school.learners}", workers)
        each = one.seconds / len(school.hand_ins)
        rows.append(
            {
                "class": school.name,
                "learners": school.learners,
                "seconds": one.seconds,
                "seconds_per_hand_in": each,
                "ratio": each / rows[0]["seconds_per_hand_in"] if rows else 1.0,
                "differences": differences(school, one.scores, one.scores),
            }
        )
    return rows


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    try:
        with prepared([], sandbox="auto") as ready:
            walls = ready().tier
    except SandboxRefused:
        walls = "refused"
    return {
        "cores": cores(),
        "cpu": model,
        "ram_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "user": "root" if os.getuid() == 0 else "not root",
        "walls": walls,
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
    }


def say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the tables."""
    m = result["machine"]
    console.print(
        f"{m['cores']} コア、{m['cpu']}、メモリ {m['ram_gb']} GB、{m['system']}、{m['user']}、"
        f"囲い {m['walls']}、始める前の負荷 {m['load_before']}"
    )
    console.print(f"Python {m['python']}、" + "、".join(f"{k} {v}" for k, v in m["versions"].items()))
    labels = {way.name: way.label for way in WAYS}
    for name, part in result["classes"].items():
        workers = result["workers"] or "既定"
        table = Table(
            title=f"{name}：{part['learners']} 人、{part['hand_ins']} 件、プロセス数 {workers}",
            box=box.SIMPLE_HEAD,
        )
        table.add_column("方法")
        for head in ("秒（中央値）", "1件の秒", "CPU秒", "そのままの nbgrader の何倍速いか", "下限の何倍か"):
            table.add_column(head, justify="right")
        for way, row in part["ways"].items():
            faster = row["times_faster_than_stock"]
            table.add_row(
                labels[way],
                f"{row['median_seconds']:.1f}",
                f"{row['seconds_per_hand_in']:.2f}",
                f"{row['cpu_seconds']:.1f}",
                f"{faster:.1f}" if faster else "－",
                f"{row['times_the_floor']:.2f}",
            )
        floors = part["floor"]["median_seconds"]
        stock = part["ways"].get("stock")
        table.add_row(
            "下限（セルだけを exec、同じプロセス数）",
            f"{floors:.1f}",
            f"{floors / part['hand_ins']:.2f}",
            "",
            f"{stock['median_seconds'] / floors:.1f}" if stock else "－",
            "1",
        )
        console.print(table)
        memory = (f"{what.removesuffix('_mb')} {value:g}" for what, value in part["memory"].items())
        console.print("  メモリ（MB）：" + "、".join(memory))
        different, equal = part["differences"], "はい" if part["scores_equal"] else "いいえ"
        console.print(f"  点は同じか：{equal}（違い {len(different)} 件）")
        for line in different[:_SHOWN_DIFFERENCES]:
            console.print(f"    {line}", markup=False)
    for row in result["growth"]:
        console.print(
            f"  {row['class']} {row['learners']} 人：{row['seconds']:.1f} 秒、"
            f"1件 {row['seconds_per_hand_in']:.3f} 秒（{row['ratio']:.2f} 倍）、"
            f"点の違い {len(row['differences'])} 件"
        )


def benchmark(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run what the command line asks for."""
    ways = [w for w in WAYS if w.name in options.ways and not (options.skip_stock and w.name == "stock")]
    chosen = [options.only] if options.only else list(CLASSES)
    first, *more = options.learners
    result: dict[str, Any] = {"machine": machine(), "workers": options.workers, "classes": {}, "growth": []}
    for name in chosen:
        place = folder / name
        school = CLASSES[name](place / "course", first)
        result["classes"][name] = measure(
            school,
            place,
            ways,
            rounds=options.rounds,
            stock_rounds=options.stock_rounds or options.rounds,
            workers=options.workers,
        )
        if more:
            others = [CLASSES[name](place / f"course-{size}", size) for size in more]
            result["growth"] += growth([school, *others], place / "growth", options.workers)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--learners",
        type=int,
        nargs="+",
        default=[30],
        help="size of the class; further sizes are graded by `takara grade` only: cost per hand-in",
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--stock-rounds", type=int, help="fewer rounds for stock nbgrader")
    parser.add_argument("--workers", type=int, help="processes of `takara grade`, if not its own choice")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--only", choices=tuple(CLASSES))
    parser.add_argument("--skip-stock", action="store_true")
    names = [way.name for way in WAYS]
    parser.add_argument("--ways", nargs="+", choices=names, default=names, help='"auto" is always among them')
    options = parser.parse_args(arguments)
    options.ways = {*options.ways, "auto"}  # the floor runs its graded notebooks
    with tempfile.TemporaryDirectory(prefix="takara-bench-") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            result = benchmark(options, Path(folder))
        finally:
            tempfile.tempdir = before
    show(result, Console(soft_wrap=True, width=140))
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0 if all(part["scores_equal"] for part in result["classes"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
