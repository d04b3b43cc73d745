"""What code behind the walls sees, can change, and leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked import CellError, Kernel, alive, eventually

from autograder.kernels import landlock
from autograder.kernels import parent as parent_module
from autograder.kernels.client import ForkParent, folder_for_sockets
from autograder.kernels.request import Bounds

TIERS = ("namespaces", "landlock")


@pytest.fixture(scope="module", params=TIERS)
def kernel(request: pytest.FixtureRequest, parent: ForkParent, holds, tmp_path_factory) -> Iterator[Kernel]:
    data = tmp_path_factory.mktemp("data")
    (data / "sub").mkdir()
    (data / "waits.csv").write_text("wait_min\n5\n")
    (data / "sub" / "more.csv").write_text("a\n1\n")
    kernel = Kernel(parent.address, holds(request.param), Bounds(), data)
    kernel.tier = request.param
    yield kernel
    kernel.close()


@pytest.fixture
def outside() -> Iterator[Path]:
    """A place that anybody may read and change, outside of every wall."""
    with tempfile.TemporaryDirectory(prefix="tko-", dir=folder_for_sockets()) as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "grades.csv").write_text("hana,100\n")
        (folder / "grades.csv").chmod(0o666)
        yield folder


def refused(kernel: Kernel, source: str, *enames: str) -> str:
    with pytest.raises(CellError) as caught:
        kernel.run(source)
    assert not enames or caught.value.ename in enames, caught.value
    return str(caught.value)


NO_FILE = ("FileNotFoundError", "PermissionError", "NotADirectoryError")
NO_WRITE = (*NO_FILE, "OSError")


def test_files_outside(kernel: Kernel, outside: Path) -> None:
    file = outside / "grades.csv"
    before = file.stat()
    refused(kernel, f"open({str(file)!r}).read()", *NO_FILE)
    refused(kernel, f"open({str(file)!r}, 'a').write('x')", *NO_WRITE)
    refused(kernel, f"open({str(outside / 'new')!r}, 'w')", *NO_WRITE)
    for change in ("os.truncate(p, 0)", "os.unlink(p)", "os.rename(p, p + 'x')", "os.symlink(p, p + 'x')",
                   "os.listdir(os.path.dirname(p))", "os.mkfifo(p + 'x')", "os.mkdir(p + 'x')",
                   "os.link(p, 'here')"):  # fmt: skip
        refused(kernel, f"import os; p = {str(file)!r}; {change}", *NO_WRITE)
    for change in ("os.chmod(p, 0)", "os.utime(p, (0, 0))", "os.setxattr(p, 'user.x', b'y')"):
        kernel.run(f"import os, contextlib; p = {str(file)!r}\nwith contextlib.suppress(OSError): {change}")
    after = file.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (
        before.st_mode, before.st_mtime_ns, before.st_size,
    )  # fmt: skip
    assert os.listxattr(file) == []
    assert [p.name for p in outside.iterdir()] == ["grades.csv"]


def test_a_link_leads_nowhere(kernel: Kernel, outside: Path) -> None:
    refused(
        kernel,
        f"import os; os.path.lexists('way') or os.symlink({str(outside)!r}, 'way'); open('way/grades.csv')",
        *NO_FILE,
    )
    refused(kernel, f"open('/proc/self/root{outside}/grades.csv')", *NO_FILE)
    refused(kernel, f"import os; os.chdir('/'); open('../..{outside}/grades.csv')", *NO_FILE)
    kernel.run(f"os.chdir({str(kernel.work)!r})")


def test_python_can_be_read_but_not_changed(kernel: Kernel) -> None:
    assert kernel.run("import numpy.fft, wave, plistlib; print(numpy.fft.fft([1, 0])[0].real)") == "1.0"
    refused(kernel, "import numpy; open(numpy.__file__, 'a')", *NO_WRITE)
    refused(kernel, "import sys; open(sys.prefix + '/lib/written', 'w')", *NO_WRITE)
    refused(kernel, "import sys; open(sys.executable, 'r+b')", *NO_WRITE)
    output = kernel.run("import subprocess; print(subprocess.run([sys.executable, '-c', 'print(6*7)'],"
                        " capture_output=True, text=True))")  # fmt: skip
    assert "stdout='42\\n'" in output and "stderr=''" in output


def test_its_own_files(kernel: Kernel) -> None:
    assert kernel.run("print(open('waits.csv').read().split(), open('sub/more.csv').read().split())") == (
        "['wait_min', '5'] ['a', '1']"
    )
    kernel.run("open('waits.csv', 'a').write('10'); import shutil; shutil.copy2('waits.csv', 'copy.csv')")
    assert kernel.run("print(open('copy.csv').read().split())") == "['wait_min', '5', '10']"
    kernel.run("import tempfile; tempfile.NamedTemporaryFile().write(b'x')")
    kernel.run("import os; os.replace('copy.csv', os.path.join(os.environ['HOME'], 'moved.csv'))")


def test_a_command_in_the_shell(kernel: Kernel) -> None:
    assert kernel.run("!echo $((6*7))") == "42"


def test_network(kernel: Kernel) -> None:
    refused(kernel, "import socket; socket.create_connection(('127.0.0.1', 80), timeout=1)", "OSError")
    refused(kernel, "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "OSError")
    refused(kernel, "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "OSError")
    assert kernel.run("a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))") == "b'x'"


def test_sockets_of_others(kernel: Kernel, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(str(outside / "door"))
        abstract.bind(f"\0takara-test-{os.getpid()}")
        for door in (named, abstract):
            door.listen()
            address = door.getsockname()
            refused(
                kernel,
                f"import socket\nwith socket.socket(socket.AF_UNIX) as s: s.connect({address!r})",
                "PermissionError", "FileNotFoundError", "ConnectionRefusedError",
            )  # fmt: skip
            door.setblocking(False)
            with pytest.raises(BlockingIOError):
                door.accept()


def test_other_processes(kernel: Kernel) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as other:
        for pid in (other.pid, os.getpid()):
            refused(kernel, f"import os, signal; os.kill({pid}, signal.SIGTERM)",
                    "ProcessLookupError", "PermissionError")  # fmt: skip
            refused(kernel, f"import resource; resource.prlimit({pid}, resource.RLIMIT_CPU, (0, 0))",
                    "ProcessLookupError", "PermissionError")  # fmt: skip
            refused(kernel, f"open('/proc/{pid}/environ').read()", *NO_FILE)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
        other.kill()


def test_system_calls(kernel: Kernel) -> None:
    kernel.run("import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)")
    assert kernel.run("print(libc.unshare(0x10000000), ctypes.get_errno())") == "-1 1"
    assert kernel.run("print(libc.ptrace(0, 0, 0, 0), ctypes.get_errno())") == "-1 1"
    assert kernel.run("print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0))") == "-1"
    refused(kernel, "os.memfd_create('x')", "OSError")
    assert kernel.run("print(libc.prctl(1, 0, 0, 0, 0), libc.prctl(4, 0, 0, 0, 0))") == "0 0"
    asked = "n = ctypes.c_int(); libc.prctl(2, ctypes.byref(n)); print(n.value, libc.prctl(3, 0, 0, 0, 0))"
    assert kernel.run(asked) == f"{signal.SIGKILL:d} 1", "dies with its parent; can be looked into"


def test_no_privileges(kernel: Kernel) -> None:
    status = dict(
        line.split(":\t", 1) for line in kernel.run("print(open('/proc/self/status').read())").split("\n")
    )
    assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"


def test_descriptors(kernel: Kernel) -> None:
    """Of the parent's files and sockets none is open; what is belongs to the kernel itself."""
    links = kernel.run(
        "import os\n"
        "for fd in range(512):\n"
        "    try: print(os.readlink(f'/proc/self/fd/{fd}'))\n"
        "    except OSError: pass"
    ).split("\n")
    ours = ("socket:", "pipe:", "anon_inode:", f"{kernel.folder}/#")  # the last: where its programs print to
    named = {link for link in links if not link.startswith(ours)}
    assert named <= {"/dev/null", "/dev/urandom"}
    connected = kernel.run(
        "import socket, os\n"
        "for fd in range(512):\n"
        "    try: s = socket.socket(fileno=os.dup(fd))\n"
        "    except OSError: continue\n"
        "    with s:\n"
        "        try: print(s.getpeername())\n"
        "        except OSError: pass\n"
    )
    assert "/tkp-" not in connected, "the line to the parent"


# ---------------------------------------------------------------- namespaces only


@pytest.fixture(scope="module")
def hidden(parent: ForkParent, holds) -> Iterator[Kernel]:
    kernel = Kernel(parent.address, holds("namespaces"), Bounds(disk_mb=8))
    yield kernel
    kernel.close()


def test_the_root_shows_python_and_the_hand_in_only(hidden: Kernel) -> None:
    shown = hidden.run(
        "import os\n"
        "for base in ('/', '/etc', '/dev', '/home', '/tmp', '/var', '/run', '/sys', '/usr'):\n"
        "    if os.path.isdir(base): print(base, *sorted(os.listdir(base)))"
    ).split("\n")
    shown = {line.split()[0]: set(line.split()[1:]) for line in shown}
    assert not {"/run", "/var", "/sys"} & set(shown)
    assert shown["/etc"] <= {"alternatives", "fonts", "ld.so.cache", "localtime", "ssl"}
    assert shown["/dev"] == {
        "null", "zero", "full", "random", "urandom", "shm", "fd", "stdin", "stdout", "stderr", "pts", "ptmx",
    }  # fmt: skip
    if hidden.folder.parent == Path("/tmp"):
        of_python = {Path(place).parts[2] for place in parent_module.python_places() if place[:5] == "/tmp/"}
        assert shown["/tmp"] - of_python == {hidden.folder.name}, "no other hand-in"
    passwords = refused(hidden, "open('/etc/passwd')", "FileNotFoundError")
    assert "passwd" in passwords


def test_only_its_own_processes(hidden: Kernel) -> None:
    assert hidden.run("print([n for n in os.listdir('/proc') if n.isdigit()], os.getpid())") == "['1'] 1"
    assert (
        hidden.run("print([line.split()[0] for line in open('/proc/net/dev').readlines()[2:]])") == "['lo:']"
    )


def test_what_is_mounted_is_read_only_but_the_hand_ins_place(hidden: Kernel) -> None:
    mounts = hidden.run("print(open('/proc/self/mountinfo').read())").split("\n")
    writable = {line.split()[4] for line in mounts if "rw" in line.split()[5].split(",")}
    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "shm", "pts")}
    assert writable <= devices | {str(hidden.folder)}
    for place in ("/new", "/etc/new", "/tmp/new", "/dev/new", str(hidden.folder / "kernel" / "new")):
        refused(hidden, f"open({place!r}, 'w')", *NO_WRITE)
    refused(hidden, "open('/proc/self/oom_score_adj', 'w').write('0')", *NO_WRITE)
    assert int(hidden.run("print(open('/proc/self/oom_score_adj').read())")) == 1000


def test_the_disk_is_bounded(hidden: Kernel) -> None:
    fill = "import os\nfor n in range(40):\n    with open(f'f{n}', 'wb') as f: f.write(bytes(1_000_000))"
    assert "No space left" in refused(hidden, fill, "OSError")
    hidden.run("for n in range(40):\n    if os.path.exists(f'f{n}'): os.unlink(f'f{n}')")
    assert "No space left" in refused(hidden, "for n in range(30_000): open(f'g{n}', 'w').close()", "OSError")
    assert "No space left" in refused(
        hidden, "for n in range(99): open(f'/dev/shm/{n}', 'wb').write(bytes(9**7))", "OSError"
    )


def test_nothing_of_it_is_on_the_machines_disk(start: Callable[..., Kernel], tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(3_000_000))
    kernel = start(bounds=Bounds(disk_mb=1), data=tmp_path)
    before = sorted(p.relative_to(kernel.folder) for p in kernel.folder.rglob("*"))
    kernel.run("import os; open('new', 'w').write('x'); open(os.environ['TMPDIR'] + '/y', 'w').close()")
    assert kernel.run("print(os.path.getsize('big.bin'))") == "3000000", "the data come on top of the limit"
    assert sorted(p.relative_to(kernel.folder) for p in kernel.folder.rglob("*")) == before
    kernel.close()
    assert not kernel.folder.exists()


def test_two_kernels_do_not_see_each_other(start: Callable[..., Kernel]) -> None:
    one, two = start(), start()
    refused(two, f"import os; os.listdir({str(one.work)!r})", *NO_FILE)
    if os.getuid() == 0:
        assert one.run("import os; print(os.getuid())") != two.run("import os; print(os.getuid())")


def test_what_it_started_ends_with_it(start: Callable[..., Kernel]) -> None:
    for tier in TIERS:
        kernel = start(tier)
        kernel.run(
            "import os, time\n"
            "for _ in range(3):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if os.fork() == 0: time.sleep(300)\n"
            "        os._exit(0)"
        )
        pid = kernel.process.pid
        assert eventually(lambda pid=pid: len(_running(pid)) == 3), "no trial"
        ours = {pid, *_running(pid)}
        kernel.process.kill()
        kernel.end()
        assert eventually(lambda pids=ours: not any(map(alive, pids))), tier


def _running(pid: int) -> set[int]:
    return {child for child in parent_module._descendants(pid) if alive(child)}


# ---------------------------------------------------------------- landlock only


def test_a_landlocked_kernel_needs_no_root_of_its_own(start: Callable[..., Kernel]) -> None:
    kernel = start("landlock")
    refused(kernel, "open('/etc/passwd')", "PermissionError")
    refused(kernel, "import os; os.listdir('/proc')", "PermissionError")
    assert (
        kernel.run("open('/dev/null', 'w').write('x'); print(open('/dev/zero', 'rb').read(1))") == "b'\\x00'"
    )
    assert kernel.run("import os; print(os.getcwd())") == str(kernel.work)


def test_no_landlock_is_an_error_not_an_open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    with pytest.raises(OSError, match="no Landlock"):
        landlock.restrict(["/usr"], [])
    assert not landlock.covers_signals()
