"""start.py: the stamp, the choice of torch, and every failure's message."""

from __future__ import annotations

import ast
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "start.py"


@pytest.fixture
def start() -> types.ModuleType:
    """start.py, freshly imported."""
    spec = importlib.util.spec_from_file_location("takara_start", START)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what start.py looks at in a clone."""
    root = tmp_path / "takara"
    root.mkdir()
    for name in ("start.py", "pyproject.toml", "constraints.txt"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    return root


@pytest.fixture
def steps(start: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the slow parts of an install by notes of what was asked for."""
    done: list[str] = []

    def make_venv(venv: Path) -> None:
        start.write_stamp(venv, state="installing")
        start.venv_python(venv).parent.mkdir(parents=True)
        start.venv_python(venv).write_text("")
        done.append("venv")

    def pip(venv: Path, arguments: list[str], title: str) -> None:
        done.append("pip " + arguments[-1])

    monkeypatch.setattr(start, "make_venv", make_venv)
    monkeypatch.setattr(start, "pip", pip)
    monkeypatch.setattr(start, "install_torch", lambda venv, text: done.append("torch") or True)
    monkeypatch.setattr(start, "check_import", lambda venv: done.append("import"))
    monkeypatch.setattr(start, "free_gb", lambda path: 100.0)
    return done


def run_start(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of start.py as a person would."""
    return subprocess.run(
        [sys.executable, str(root / "start.py"), *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


# ---------------------------------------------------------------- Python


def test_is_readable_by_old_pythons_and_needs_the_standard_library_only() -> None:
    tree = ast.parse(START.read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module]
        else:
            continue
        for module in modules:
            assert module.partition(".")[0] in sys.stdlib_module_names, module
            assert module not in ("__future__", "dataclasses", "tomllib"), (
                f"{module} is newer than Python 3.6"
            )


def test_an_old_python_is_told_what_to_do(clone: Path) -> None:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 8, 10); sys.argv = [{0!r}]; "
        "runpy.run_path({0!r}, run_name='__main__')"
    ).format(str(clone / "start.py"))
    done = subprocess.run(
        [sys.executable, "-c", pretend],
        env={**os.environ, "TAKARA_RESTARTED": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 1
    assert "3.8.10" in done.stderr and "3.11 以上" in done.stderr
    assert "https://www.python.org/downloads/" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone / ".venv").exists()


def test_an_old_python_hands_over_to_a_newer_one(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAKARA_RESTARTED", raising=False)
    monkeypatch.setattr(start.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(
        start, "candidate_pythons", lambda system: [["/no/such/python3.11"], [sys.executable]]
    )
    monkeypatch.setattr(
        start, "run_through", lambda command, environment: (command, environment["TAKARA_RESTARTED"])
    )
    assert start.run(["setup"]) == ([sys.executable, str(START), "setup"], "1")


def test_the_windows_launcher_is_asked_for_each_known_version(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.shutil, "which", lambda name: "C:/py.exe" if name == "py" else None)
    assert start.candidate_pythons("Windows")[0] == ["C:/py.exe", "-3.11"]
    assert start.candidate_pythons("Linux") == []


def test_only_a_python_that_can_make_environments_is_taken(start: types.ModuleType) -> None:
    assert start.works([sys.executable])
    assert not start.works([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    assert not start.works(["/no/such/python"])


def test_a_debian_without_venv_names_the_package(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKARA_RESTARTED", "1")
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # makes `import ensurepip` fail
    with pytest.raises(start.Problem) as raised:
        start.run(["setup"])
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in raised.value.text()


# ---------------------------------------------------------------- the place


@pytest.mark.parametrize(
    ("root", "free_gb", "temporary_gb", "said"),
    [
        ("", 1.2, 9.0, "ディスクの空きが足りません"),
        ("", 9.0, 0.1, "一時フォルダー"),
        ("not-there", 9.0, 9.0, "書き込めません"),
        (f"a{os.pathsep}b", 9.0, 9.0, f"「{os.pathsep}」"),
        (r"\\server\share\takara", 9.0, 9.0, "共有フォルダー"),
    ],
)
def test_places_where_nothing_can_be_installed(
    start: types.ModuleType, tmp_path: Path, root: str, free_gb: float, temporary_gb: float, said: str
) -> None:
    place = root if root.startswith("\\") else tmp_path / root
    problem = start.place_problem(place, 3.0, free_gb, temporary_gb)
    assert said in problem.text()
    assert problem.todo and problem.cause


def test_a_good_place_is_no_problem(start: types.ModuleType, tmp_path: Path) -> None:
    assert start.place_problem(tmp_path, 3.0, 3.1, 1.0) is None
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_before_anything_is_made(
    start: types.ModuleType, steps: list[str], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "free_gb", lambda path: 0.8)
    with pytest.raises(start.Problem, match="ディスクの空き"):
        start.install(start.EXTRAS, clone)
    assert steps == [] and not (clone / ".venv").exists()


def test_a_second_start_waits_its_turn(start: types.ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / ".venv.lock"
    with start.only_one(lock), pytest.raises(start.Problem, match="別の画面"), start.only_one(lock):
        pass
    with start.only_one(lock):  # free again
        pass


# ---------------------------------------------------------------- the stamp


def test_the_stamp_depends_on_what_decides_an_install(start: types.ModuleType, clone: Path) -> None:
    key = start.stamp_key(clone, (3, 11, 7))
    assert key == start.stamp_key(clone, (3, 11, 7))
    assert key != start.stamp_key(clone, (3, 12, 1))
    for name in ("pyproject.toml", "constraints.txt"):
        before = (clone / name).read_bytes()
        (clone / name).write_bytes(before + b"\n# changed\n")
        assert start.stamp_key(clone, (3, 11, 7)) != key
        (clone / name).write_bytes(before)
    moved = clone.with_name("moved")
    clone.rename(moved)
    assert start.stamp_key(moved, (3, 11, 7)) != key


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "ready"),
        ({"key": "another"}, "stale"),
        ({"extras": ["deep"]}, "stale"),
        ({"state": "installing"}, "half-made"),
        ({"root": "/moved/from/here"}, "half-made"),
        ({"python": "3.11.0"}, "half-made"),
    ],
)
def test_states_of_an_environment(
    start: types.ModuleType, clone: Path, change: dict[str, object], state: str
) -> None:
    venv = clone / ".venv"
    start.venv_python(venv).parent.mkdir(parents=True)
    start.venv_python(venv).write_text("")
    stamp = {
        "state": "finished",
        "key": "k",
        "extras": ["deep", "docs", "instructor", "test"],
        "root": str(clone),
        "python": start.version_text(sys.version_info),
    }
    start.write_stamp(venv, **{**stamp, **change})
    assert start.venv_state(venv, "k", start.EXTRAS) == state
    if state == "ready":
        start.venv_python(venv).unlink()  # the Python it was made with was removed from the machine
        assert start.venv_state(venv, "k", start.EXTRAS) == "half-made"
        start.stamp_path(venv).write_text("{ not json")
        assert start.venv_state(venv, "k", start.EXTRAS) == "foreign"


def test_no_environment_and_an_empty_folder(start: types.ModuleType, clone: Path) -> None:
    assert start.venv_state(clone / ".venv", "k", start.EXTRAS) == "missing"
    (clone / ".venv").mkdir()
    assert start.venv_state(clone / ".venv", "k", start.EXTRAS) == "half-made"


def test_a_second_install_does_nothing(start: types.ModuleType, steps: list[str], clone: Path) -> None:
    start.install(start.EXTRAS, clone)
    assert steps == ["venv", "torch", "pip .[deep,docs,instructor]", "import"]
    start.install(start.EXTRAS, clone)
    assert len(steps) == 4


def test_more_extras_are_added_to_what_is_there(
    start: types.ModuleType, steps: list[str], clone: Path
) -> None:
    start.install(start.EXTRAS, clone)
    start.install(start.TEST_EXTRAS, clone)
    assert steps[4:] == ["torch", "pip .[deep,docs,instructor,test]", "import"]
    start.install(start.EXTRAS, clone)  # a learner's start after a test run: nothing to do
    assert len(steps) == 7
    (clone / "constraints.txt").write_text("torch==2.13.0\n")
    start.install(start.EXTRAS, clone)  # a newer course keeps the test tools
    assert steps[8] == "pip .[deep,docs,instructor,test]"


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_install_is_made_again(
    start: types.ModuleType,
    steps: list[str],
    clone: Path,
    monkeypatch: pytest.MonkeyPatch,
    stopped_by: BaseException,
) -> None:
    def stop(venv: Path, text: str) -> None:
        raise stopped_by

    with monkeypatch.context() as patched:
        patched.setattr(start, "install_torch", stop)
        with pytest.raises(type(stopped_by)):
            start.install(start.EXTRAS, clone)
    (clone / ".venv" / "half-written").write_text("")
    del steps[:]
    start.install(start.EXTRAS, clone)
    assert steps == ["venv", "torch", "pip .[deep,docs,instructor]", "import"]
    assert not (clone / ".venv" / "half-written").exists()


def test_somebody_elses_environment_is_left_alone(
    start: types.ModuleType, steps: list[str], clone: Path
) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    with pytest.raises(start.Problem, match=r"start\.py が作ったものではない"):
        start.install(start.EXTRAS, clone)
    assert steps == []
    assert (clone / ".venv" / "pyvenv.cfg").exists()


def test_without_torch_the_rest_is_installed(
    start: types.ModuleType, steps: list[str], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "install_torch", lambda venv, text: False)
    start.install(start.EXTRAS, clone)
    assert steps == ["venv", "pip .[docs,instructor]", "import"]
    start.install(start.EXTRAS, clone)
    assert len(steps) == 3


# ---------------------------------------------------------------- a prepared environment, for real


@pytest.fixture
def prepared(start: types.ModuleType, clone: Path) -> Path:
    """A clone whose .venv is finished and has no pip: an attempt to install would fail."""
    venv = clone / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=120)
    site = Path(
        subprocess.run(
            [str(start.venv_python(venv)), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    (site / "pytest.py").write_text("import sys\nprint('pytest', sys.argv[1:])\nraise SystemExit(5)\n")
    command = start.venv_command(venv, "takara")
    command.write_text(
        f"#!{start.venv_python(venv)}\nimport sys\nprint('takara', sys.argv[1:])\nsys.exit(3)\n"
    )
    command.chmod(0o755)
    start.write_stamp(
        venv,
        state="finished",
        key=start.stamp_key(clone, sys.version_info),
        extras=list(start.TEST_EXTRAS),
        root=str(clone),
        python=start.version_text(sys.version_info),
    )
    return clone


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the takara command is a POSIX script")
def test_a_second_run_starts_no_pip_and_hands_arguments_and_exit_codes_on(prepared: Path) -> None:
    done = run_start(prepared, "setup")
    assert (done.returncode, done.stderr) == (0, "")
    assert "python3 start.py" in done.stdout
    done = run_start(prepared)
    assert (done.returncode, done.stdout) == (3, "takara ['lab']\n")
    done = run_start(prepared, "check", "ps2.ipynb", "--help")
    assert (done.returncode, done.stdout) == (3, "takara ['check', 'ps2.ipynb', '--help']\n")
    done = run_start(prepared, "test", "-q", "tests/setup")
    assert (done.returncode, done.stdout) == (5, "pytest ['-q', 'tests/setup']\n")


def test_help_is_japanese_and_makes_nothing(clone: Path) -> None:
    done = run_start(clone, "--help")
    assert done.returncode == 0 and "始めるコマンド" in done.stdout
    assert not (clone / ".venv").exists()


# ---------------------------------------------------------------- what pip says


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor."
            "urllib3.connection.HTTPSConnection object>: Failed to establish a new connection: [Errno -3] "
            "Temporary failure in name resolution')': /simple/pandas/\n"
            "ERROR: Could not find a version that satisfies the requirement pandas (from versions: none)\n"
            "ERROR: No matching distribution found for pandas==3.1.1\n",
            "network",
        ),
        (
            "pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.",
            "network",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "proxy"),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))",
            "certificate",
        ),
        ("ERROR: [Errno 13] Permission denied: '/opt/takara/.venv/lib'", "permission"),
        ("ERROR: [WinError 5] アクセスが拒否されました。: 'C:\\\\x'", "permission"),
        ("ERROR: [WinError 32] used by another process: 'C:\\\\x\\\\_zmq.pyd'", "in-use"),
        (
            "HINT: This error might have occurred since [...] Windows Long Path",
            "long-path",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "no-wheel"),
        ("error: Microsoft Visual C++ 14.0 or greater is required.", "no-wheel"),
        ("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io", "conflict"),
        ("MemoryError", "memory"),
        ("FileNotFoundError: Forced include not found: C:\\\\takara\\\\datasets", "broken-clone"),
        ("Segmentation fault", "unknown"),
    ],
)
def test_pip_failures_are_told_apart(start: types.ModuleType, output: str, kind: str) -> None:
    problem = start.explain_pip(output, 1, Path("takara-install.log"))
    assert problem.kind == kind
    assert problem.what.endswith(("。", "です。")) and all(
        step.endswith(("。", "）。")) for step in problem.todo
    )
    assert "takara-install.log" in problem.text()


def test_pip_killed_by_the_system_means_memory(start: types.ModuleType) -> None:
    assert start.explain_pip("Collecting torch\n", -9).kind == "memory"


class RefusingProxy(http.server.BaseHTTPRequestHandler):
    """An office's proxy that wants a name and a password."""

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def log_message(self, *ignored: object) -> None:
        pass


@pytest.fixture
def refusing_proxy() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), RefusingProxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["--index-url", "http://127.0.0.1:9/simple"], "network"),
        (["--index-url", "https://example.invalid/simple", "--proxy", "PROXY"], "proxy"),
        (["--no-index"], "no-wheel"),
    ],
)
def test_what_pip_really_prints_is_understood(
    start: types.ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusing_proxy: str,
    options: list[str],
    kind: str,
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(start, "venv_python", lambda venv: Path(sys.executable))
    options = [refusing_proxy if option == "PROXY" else option for option in options]
    asked = ["install", "--dry-run", "--retries", "1", "--timeout", "5", *options, "no-such-package==1.0"]
    with pytest.raises(start.Problem) as raised:
        start.pip(tmp_path, asked, "試しています")
    assert raised.value.kind == kind, raised.value.text()
    assert "no-such-package" in (tmp_path / "takara-install.log").read_text(encoding="utf-8")


# ---------------------------------------------------------------- torch without CUDA


def item(name: str, version: str, *wanted: str) -> dict[str, object]:
    """One package in a pip installation report."""
    return {"metadata": {"name": name, "version": version, "requires_dist": list(wanted)}}


CPU_PLAN = {"install": [item("torch", "2.13.0+cpu", "filelock", "sympy>=1.13.3"), item("sympy", "1.14.0")]}
PLAIN_CPU_PLAN = {"install": [item("torch", "2.13.0", "filelock"), item("filelock", "4.2.11")]}
CUDA_PLAN = {
    "install": [
        item("torch", "2.13.0", "filelock", 'nvidia-cublas-cu12==12.8; platform_system == "Linux"'),
        item("nvidia-cublas-cu12", "12.8"),
        item("triton", "3.6.0"),
    ]
}


def test_a_cuda_build_is_seen_in_pips_plan(start: types.ModuleType) -> None:
    assert start.cuda_in_plan(CPU_PLAN) == []
    assert start.cuda_in_plan(PLAIN_CPU_PLAN) == []
    assert start.cuda_in_plan(CUDA_PLAN) == ["torch 2.13.0", "nvidia-cublas-cu12 12.8", "triton 3.6.0"]
    assert start.cuda_in_plan({"install": [item("torch", "2.13.0+cu128")]}) == ["torch 2.13.0+cu128"]
    assert start.cuda_in_plan({"install": [item("torch", "2.13.0", "cuda-toolkit[all]")]}) == ["torch 2.13.0"]


class FakePip:
    """Stands for pip: knows where torch is to be had, notes each call, writes plans."""

    def __init__(
        self, start: types.ModuleType, own: str, cpu_index: str, plan: dict[str, object] | None
    ) -> None:
        self.start, self.own, self.cpu_index, self.plan = start, own, cpu_index, plan
        self.calls: list[list[str]] = []

    def __call__(self, venv: Path, arguments: list[str], title: str) -> None:
        self.calls.append(arguments)
        if "--report" in arguments:
            venv.mkdir(exist_ok=True)
            Path(arguments[arguments.index("--report") + 1]).write_text(json.dumps(self.plan))
        elif "--index-url" in arguments:
            self.answer(self.cpu_index)
        elif arguments[-1].endswith("+cpu"):
            self.answer(self.own)

    def answer(self, kind: str) -> None:
        if kind != "ok":
            raise self.start.Problem("だめでした。", "待ってください。", "cause", kind=kind)

    @property
    def installed(self) -> str:
        return self.calls[-1][-1]


def cpu_torch(
    start: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    own: str,
    cpu_index: str = "ok",
    plan: dict[str, object] | None = None,
) -> FakePip:
    pip = FakePip(start, own, cpu_index, plan)
    monkeypatch.setattr(start, "pip", pip)
    monkeypatch.setattr(start, "pip_version", lambda venv: (25, 3))
    try:
        start.install_cpu_torch(tmp_path / ".venv", "2.13.0")
    finally:
        for call in pip.calls:  # whatever happens, nothing may fetch a CUDA build
            assert call[-1].endswith("+cpu") or "--dry-run" in call or start.cuda_in_plan(plan) == []
    return pip


def test_a_cpu_wheel_of_ones_own_is_taken_first(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = cpu_torch(start, monkeypatch, tmp_path, own="ok")
    assert len(pip.calls) == 1 and "--index-url" not in pip.calls[0]
    assert pip.installed == "torch==2.13.0+cpu"


def test_otherwise_pytorchs_cpu_index_for_torch_alone(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = cpu_torch(start, monkeypatch, tmp_path, own="no-wheel")
    assert len(pip.calls) == 2
    assert "https://download.pytorch.org/whl/cpu" in pip.calls[1] and "--no-deps" in pip.calls[1]


def test_a_mirrors_plain_cpu_build_is_taken_after_looking_at_the_plan(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = cpu_torch(start, monkeypatch, tmp_path, own="no-wheel", cpu_index="network", plan=PLAIN_CPU_PLAN)
    assert (
        "--dry-run" in pip.calls[2] and pip.installed == "torch==2.13.0" and "--dry-run" not in pip.calls[3]
    )


def test_a_cuda_build_is_refused(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(start.Problem) as raised:
        cpu_torch(start, monkeypatch, tmp_path, own="no-wheel", cpu_index="network", plan=CUDA_PLAN)
    assert raised.value.kind == "no-cpu-torch"
    assert "nvidia-cublas-cu12" in raised.value.text() and "PIP_FIND_LINKS" in raised.value.text()


def test_with_no_network_nothing_more_is_tried(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = FakePip(start, own="network", cpu_index="ok", plan=None)
    monkeypatch.setattr(start, "pip", pip)
    with pytest.raises(start.Problem) as raised:
        start.install_cpu_torch(tmp_path, "2.13.0")
    assert raised.value.kind == "network" and len(pip.calls) == 1


def test_a_machine_with_no_torch_keeps_the_rest(
    start: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(start.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(start.platform, "machine", lambda: "x86_64")

    def pip(venv: Path, arguments: list[str], title: str) -> None:
        raise start.explain_pip("ERROR: No matching distribution found for torch==2.13.0")

    monkeypatch.setattr(start, "pip", pip)
    assert start.install_torch(tmp_path, "torch==2.13.0\n") is False
    assert "Binder" in capsys.readouterr().out


def test_an_installed_torch_is_not_installed_again(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lib/python3.11/site-packages/torch-2.13.0+cpu.dist-info").mkdir(parents=True)
    monkeypatch.setattr(start, "pip", lambda *ignored: pytest.fail("pip was called"))
    assert start.install_torch(tmp_path, "torch==2.13.0\n") is True
    assert not start.torch_is_installed(tmp_path, "2.13.1") and not start.torch_is_installed(tmp_path, "2.13")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for nvidia-smi is a POSIX script")
def test_a_gpu_is_what_nvidias_tool_lists(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not start.has_nvidia_gpu()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA T4 (UUID: GPU-0)'\n")
    tool.chmod(0o755)
    assert start.has_nvidia_gpu()
    tool.write_text("#!/bin/sh\necho 'driver not loaded'\nexit 9\n")
    assert not start.has_nvidia_gpu()


# ---------------------------------------------------------------- odds


def test_a_progress_line_fits_the_terminal(start: types.ModuleType) -> None:
    assert start.fitted("準備 pandas", 20) == "準備 pandas" + " " * 9
    assert start.fitted("準備しています", 5) == "準備 "
    assert start.fitted("", 3) == "   "


def test_pips_output_becomes_a_short_note(start: types.ModuleType) -> None:
    progress = start.Progress("題")
    notes = []
    for line in (
        "Collecting pandas==3.1.1 (from takara)",
        "  Downloading scipy-1.17.1-cp311-cp311-manylinux_2_28_x86_64.whl (37.7 MB)",
        "Requirement already satisfied: six",
        "WARNING: Retrying (Retry(total=4)) after connection broken",
        "Installing collected packages: webencodings, trove-classifiers",
    ):
        progress.hear(line)
        notes.append(progress.note)
    waiting = "通信がつながりにくいようです。待っています"
    assert notes == ["pandas", "scipy", "scipy", waiting, "ファイルを置いています"]


def test_a_path_in_japanese_is_written_as_windows_reads_it(start: types.ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "Lib" / "site-packages" / "_takara.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes("C:\\Users\\山田\\takara".encode())
    assert start.repair_editable_path(tmp_path, "cp932") == [path]
    assert path.read_bytes().decode("cp932") == "C:\\Users\\山田\\takara"


def test_the_pip_environment_keeps_a_persons_settings(
    start: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.example/simple")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = start.pip_environment()
    assert environment["PIP_FIND_LINKS"] == "/wheels"
    assert environment["PIP_INDEX_URL"] == "http://mirror.example/simple"
    assert environment["PIP_USER"] == "0" and "PYTHONPATH" not in environment


def test_assignments_are_built_once_and_again_when_a_text_changes(
    start: types.ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    text = tmp_path / "assignments" / "text" / "ps2.md"
    builder = tmp_path / "course" / "build" / "__main__.py"
    for path in (text, builder):
        path.parent.mkdir(parents=True)
    (builder.parent / "__init__.py").write_text("")
    text.write_text("first")
    builder.write_text(
        "import pathlib, sys\n"
        "text = pathlib.Path('assignments/text/ps2.md').read_text()\n"
        "if text == 'broken': sys.exit('ps2.md: 3行目')\n"
        "pathlib.Path('assignments/source/ps2').mkdir(parents=True, exist_ok=True)\n"
        "open('built.txt', 'a').write(text + ' ')\n"
    )
    monkeypatch.setattr(start, "venv_python", lambda venv: Path(sys.executable))
    for content in ("first", "first", "second", "broken"):
        text.write_text(content)
        start.build_assignments(venv, tmp_path)
    assert (tmp_path / "built.txt").read_text() == "first second "
    assert "ps2.md: 3行目" in capsys.readouterr().out
