"""The parent: who may ask it, whom it takes along when it goes, what it knows and shows."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import Kernel, alive, eventually

from autograder.kernels import client
from autograder.kernels import parent as parent_module
from autograder.kernels.client import Address, Connection, End, ForkParent, ParentError
from autograder.kernels.request import Bounds, Start

Starter = Callable[..., Kernel]


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, **sources: str) -> None:
    """Modules that a parent started now can import."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    path = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))


def raw(parent: ForkParent) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(20)
    line.connect(parent.address.path)
    return line


# ---------------------------------------------------------------- who may ask


def test_a_wrong_key_is_refused(parent: ForkParent) -> None:
    with pytest.raises(ParentError, match="refused"):
        Connection(Address(parent.address.path, "wrong"))
    for first in (b"{}", b"[]", b"7", b"null", b'"key"', b"{", b"\xff\xfe", b'{"start": {}, "number": 1}',
                  json.dumps({"key": parent.address.key, "more": 1}).encode(), b"x" * 100_000):  # fmt: skip
        with raw(parent) as line:
            line.send(first)
            assert line.recv(100) == b"", first
    Connection(parent.address)._socket.close()


def test_nonsense_from_a_client_ends_the_client_only(parent: ForkParent, start: Starter) -> None:
    kernel = start("none")
    for message in (b"{", b"[1]", b'{"start": {"tier": 1}, "number": 1}', b'{"start": 5, "number": 2}',
                    b'{"number": 1}', b'{"number": {}, "signal": 9}', b"\x00" * 200_000):  # fmt: skip
        with raw(parent) as line:
            line.send(json.dumps({"key": parent.address.key}).encode())
            assert "ready" in json.loads(line.recv(100))
            line.send(message)
            assert line.recv(100) == b"", message[:40]
    assert kernel.run("print(1 + 1)") == "2"


def test_a_long_environment_arrives_whole(parent: ForkParent, start: Starter) -> None:
    kernel = start("none")
    connection = Connection(parent.address)
    env = {"LONG": "あ" * 15_000}
    request = Start(str(kernel.folder), str(kernel.work), env, "none", canary="/")
    handle, _ = connection.start(request)
    assert connection.ended(handle, 20) is not None
    connection._socket.close()


def test_the_socket_is_for_us_alone(parent: ForkParent) -> None:
    assert Path(parent.address.path).parent.stat().st_mode & 0o077 == 0


def test_kernels_of_another_client_are_out_of_reach(parent: ForkParent, start: Starter) -> None:
    kernel = start("none")
    other = Connection(parent.address)
    for number in range(20):
        other.signal(number, signal.SIGKILL)
    assert other.ended(kernel.process._handle, 0.3) is None
    assert kernel.run("print(1 + 1)") == "2"
    other._socket.close()


# ---------------------------------------------------------------- who goes takes his own along

CLIENT = """
import sys
sys.path.insert(0, {tests!r})
from forked import Kernel
from autograder.kernels.client import Address
from autograder.kernels.request import Bounds
kernel = Kernel(Address({path!r}, {key!r}), {tier!r}, Bounds())
kernel.run('''{source}''')
print(kernel.process.pid, kernel.folder, flush=True)
sys.stdin.read()
"""
CLINGS = """
import ctypes, os, signal, time
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
for n in range(1, 64):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""


@pytest.mark.parametrize("tier", ["namespaces", "landlock", "none"])
def test_a_client_that_goes_takes_its_kernels_along(
    parent: ForkParent, holds: Callable[[str], str], tier: str
) -> None:
    source = CLIENT.format(
        tests=str(Path(__file__).parent), path=parent.address.path, key=parent.address.key,
        tier=tier if tier == "none" else holds(tier), source=CLINGS if tier != "none" else "pass",
    )  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        pid, folder = other.stdout.readline().split()
        assert alive(int(pid))
        other.kill()
        assert eventually(lambda: not alive(int(pid)))
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.mark.parametrize("tier", ["namespaces", "landlock"])
def test_a_parent_that_is_killed_takes_its_kernels_along(holds: Callable[[str], str], tier: str) -> None:
    with ForkParent() as parent:
        kernel = Kernel(parent.address, holds(tier), Bounds())
        try:
            kernel.run(CLINGS)
            pid = kernel.process.pid
            os.kill(parent.process.pid, signal.SIGKILL)
            assert eventually(lambda: not alive(pid)), "a kernel cannot choose to outlive its parent"
            end = kernel.end()
            assert end == End(-signal.SIGKILL, "the parent is gone", lost=True)
            kernel.process.kill()  # no error: there is nobody left
        finally:
            kernel.close()


def test_a_parent_that_was_killed_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    with ForkParent() as parent:
        first = parent.process.pid
        Connection.shared(parent.address)
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: parent.process.pid != first)
        with pytest.raises(ParentError):
            Connection.shared(parent.address).start(Start("", "", {}, "none"))
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run("print(1 + 1)") == "2"
        kernel.close()
        second = parent.process.pid
    assert not alive(second) and not Path(parent.address.path).parent.exists()


def test_the_parent_ends_with_its_starter() -> None:
    """Killed, not asked: nothing can be tidied up by the starter itself."""
    source = (
        "import sys\nfrom autograder.kernels.client import ForkParent\np = ForkParent()\n"
        "p.wait_until_ready()\nprint(p.process.pid, p.address.path, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid, path = starter.stdout.readline().split()
        starter.kill()
    assert eventually(lambda: not alive(int(pid)))
    assert eventually(lambda: not Path(path).parent.exists())


def test_the_parent_outlives_the_thread_that_started_it() -> None:
    started: list[ForkParent] = []

    def start() -> None:
        started.append(ForkParent())
        started[0].wait_until_ready()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with started[0] as parent:
        first = parent.process.pid
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run("print(1 + 1)") == "2"
        kernel.close()
        assert parent.process.pid == first


# ---------------------------------------------------------------- what it imports


def test_modules_that_cannot_be_imported_are_left_to_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(
        tmp_path, monkeypatch,
        takara_test_talks="import os\nprint('welcome')\nos.system('echo to you')",
        takara_test_exits="raise SystemExit('no')",
        takara_test_fails="1 / 0",
        takara_test_threads="import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()",
    )  # fmt: skip
    names = [f"takara_test_{what}" for what in ("talks", "exits", "fails", "threads", "none")]
    with ForkParent(names) as parent:
        assert set(parent.missing) == set(names[1:])
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run("import sys; print('takara_test_talks' in sys.modules)") == "True"
        kernel.close()


def test_a_parent_that_is_told_later_what_to_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, monkeypatch, takara_test_told="")
    with client.early_parent() as parent:
        assert parent is not None
        parent.add(["takara_test_told", "none.such"])
        parent.wait_until_ready()
        assert parent.missing == ("none.such",)
        first = parent.process.pid
        seen = "import sys; print('takara_test_told' in sys.modules)"
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run(seen) == "True"
        kernel.close()
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: parent.process.pid != first)
        with pytest.raises(ParentError):
            Connection.shared(parent.address).start(Start("", "", {}, "none"))
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run(seen) == "True", "its replacement knows it too"
        kernel.close()
        last = parent.process.pid
    assert not alive(last) and not Path(parent.address.path).parent.exists()


def test_a_parent_that_is_never_told_ends_with_its_block() -> None:
    with client.early_parent() as parent:
        assert parent is not None and alive(parent.process.pid)
    assert not alive(parent.process.pid) and not Path(parent.address.path).parent.exists()


def test_no_early_parent_where_there_is_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with client.early_parent() as parent:
        assert parent is None


def test_more_is_imported_when_somebody_knows_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, monkeypatch, takara_test_late="", takara_test_fails="1 / 0")
    with ForkParent() as parent:
        Connection.shared(parent.address).import_modules(
            ["takara_test_late", "takara_test_fails", "none.such"]
        )
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run("import sys; print('takara_test_late' in sys.modules)") == "True"
        kernel.close()


def test_more_that_starts_threads_is_left_to_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(
        tmp_path,
        monkeypatch,
        takara_test_threads="import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()",
    )
    with ForkParent() as parent:
        first = parent.process.pid
        with pytest.raises(ParentError):
            Connection.shared(parent.address).import_modules(["takara_test_threads"])
        kernel = Kernel(parent.address, "none", Bounds())
        assert kernel.run("import sys; print('takara_test_threads' in sys.modules)") == "False"
        assert parent.process.pid != first
        kernel.close()


def test_a_parent_with_several_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict] = []
    monkeypatch.setattr(parent_module, "threads", lambda: 3)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a fork loses threads"))
    double = object.__new__(parent_module.Parent)
    double._say = lambda connection, fields: said.append(fields)  # type: ignore[method-assign]
    double._start(None, 7, Start("", "", {}, "none"), None)  # type: ignore[arg-type]
    assert said == [{"ended": 7, "code": 1, "cause": "the parent runs 3 threads", "peak_mb": 0}]


def test_a_parent_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, monkeypatch, takara_test_ends="import os, sys\nprint('out of luck', file=sys.stderr, flush=True)\nos._exit(4)")  # fmt: skip  # noqa: E501
    with pytest.raises(ParentError, match=r"exit status .*out of luck"), ForkParent(["takara_test_ends"]):
        pass


def test_an_import_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, monkeypatch, takara_test_waits="import time\ntime.sleep(300)")
    parent = ForkParent(["takara_test_waits"])
    with pytest.raises(ParentError, match="no answer"):
        parent.wait_until_ready(0.5)
    assert not alive(parent.process.pid)


def test_no_fork_on_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ParentError, match="no fork"):
        ForkParent()


def test_a_long_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*["a long name of a folder"] * 5)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert client.folder_for_sockets() == "/tmp"
    with ForkParent() as parent:
        assert len(parent.address.path) < 108


# ---------------------------------------------------------------- what it knows and shows


def test_secrets_of_the_starter_are_not_in_a_kernels_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASS_PASSWORD", f"takara-secret-{secrets.token_hex(12)}")
    monkeypatch.setenv("LANG", f"takara-public-{secrets.token_hex(12)}")  # so that the search is seen to find
    with ForkParent() as parent:
        environment = Path(f"/proc/{parent.process.pid}/environ")
        if os.getuid() == 0:
            assert b"takara-secret" not in environment.read_bytes()
        kernel = Kernel(parent.address, "none", Bounds())
        found = kernel.run(
            """
            import re
            found = set()
            with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
                for line in maps:
                    place, rights = line.split()[:2]
                    if not rights.startswith('rw'):
                        continue
                    start, end = (int(x, 16) for x in place.split('-'))
                    try:
                        memory.seek(start)
                        content = memory.read(end - start)
                    except (OSError, ValueError, OverflowError):
                        continue
                    found |= set(re.findall(rb'takara-(secret|public)-[0-9a-f]{24}', content))
            print(sorted(found))
            """
        )
        kernel.close()
    assert found == "[b'public']"


def test_the_parent_itself_cannot_be_looked_into(parent: ForkParent) -> None:
    if os.getuid() == 0:
        pytest.skip("root may look into everything")
    for name in ("environ", "mem", "maps"):
        with pytest.raises(PermissionError):
            Path(f"/proc/{parent.process.pid}/{name}").read_bytes()


PLACES = """
import json, sys
{setup}
from autograder.kernels.parent import python_places
print(json.dumps(python_places()))
"""


def places(setup: str = "", **environment: str) -> list[str]:
    said = subprocess.run(
        [sys.executable, "-P", "-c", PLACES.format(setup=setup)],
        env=os.environ | environment, capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    return json.loads(said.stdout)


def shows(readable: list[str], path: Path | str) -> bool:
    return any(str(path) == place or str(path).startswith(place + "/") for place in readable)


def test_of_an_editable_package_only_the_package_is_shown(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "helper").mkdir(parents=True)
    (course / "helper" / "__init__.py").write_text("")
    (course / "single.py").write_text("")
    (course / "source").mkdir()
    shown = places("import helper, single", PYTHONPATH=str(course))
    assert shows(shown, course / "helper" / "__init__.py") and shows(shown, course / "single.py")
    assert not shows(shown, course / "source" / "ps.ipynb") and str(course) not in shown
    repository = Path(__file__).resolve().parents[2]
    assert shows(shown, repository / "autograder" / "checks.py")
    for name in ("assignments", "datasets", "course", "tests", ".git"):
        assert not shows(shown, repository / name), name


def test_a_course_inside_a_virtual_environment_is_not_shown(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    for name in ("source", "submitted"):
        (tmp_path / name).mkdir()
    (tmp_path / "gradebook.db").write_text("")
    (tmp_path / "share" / "nbgrader" / "exchange").mkdir(parents=True)
    (tmp_path / "share" / "fonts").mkdir()
    shown = places(f"sys.prefix = {str(tmp_path)!r}; sys.path.append({str(tmp_path)!r})")
    assert shows(shown, tmp_path / "lib" / "python3" / "site-packages") and shows(
        shown, tmp_path / "pyvenv.cfg"
    )
    assert shows(shown, tmp_path / "share" / "fonts")
    for name in ("source", "submitted", "gradebook.db", "share/nbgrader/exchange"):
        assert not shows(shown, tmp_path / name), name
    assert not shows(shown, "/usr/local/share/nbgrader/exchange"), "nbgrader's own place for hand-ins"


def test_links_and_archives_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "lib").mkdir()
    (tmp_path / "all.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    shown = places(f"sys.prefix = {str(tmp_path / 'link')!r}; sys.path.append({str(tmp_path / 'all.zip')!r})")
    for name in ("link/lib", "real/lib", "all.zip"):
        assert shows(shown, tmp_path / name), name


def test_fonts_that_a_kernel_cannot_read_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    class Known:
        ttflist = [  # noqa: RUF012
            font_manager.FontEntry("/home/hana/.fonts/x.ttf", "IPAexGothic"),
            font_manager.FontEntry("/usr/share/fonts/y.ttf", "IPAexGothic"),
        ]
        afmlist = []  # noqa: RUF012

    monkeypatch.setattr(font_manager, "fontManager", Known())
    parent_module.forget_hidden_fonts(("/usr/share",))
    assert [f.fname for f in font_manager.fontManager.ttflist] == ["/usr/share/fonts/y.ttf"]
