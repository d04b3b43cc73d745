"""The process that forks kernels: it has imported everything, runs one thread, and does nothing else.

Started by ``client.ForkParent`` as ``python -m autograder.kernels.parent``, with the listening socket as an
inherited descriptor. Its standard input brings two lines: the key, and the names of modules to import,
separated by commas; what every kernel needs is imported before the second one is read. It reads requests
(``request``), forks, watches memory, and says when a kernel has ended. No learner's code ever runs in it. It
ends when the process that started it ends: that one holds the other end of our standard input.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.kernels.plain_kernel import PlainKernel

_SINGLE_THREADED = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
for _name in _SINGLE_THREADED:  # before anybody imports numpy: threads do not survive a fork
    os.environ[_name] = "1"
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

from autograder.kernels import linux, namespaces  # noqa: E402
from autograder.kernels.child import READY, Birth, become_kernel  # noqa: E402
from autograder.kernels.request import Bounds, Start  # noqa: E402
from autograder.kernels.sandbox import breaches  # noqa: E402, F401  (a child behind walls could not import it)

_LONGEST_MESSAGE = 1 << 18  # more than a socket takes: none is cut
_WATCH_INTERVAL_S = 0.25
_START_GRACE_S = 30.0
_MB = 1_000_000
_KERNEL_MODULES = ["autograder.kernels.plain_kernel", "IPython.extensions.storemagic"]

_SYSTEM_PLACES = (
    "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/nix/store", "/etc/ld.so.cache",
    "/etc/localtime", "/etc/fonts", "/etc/alternatives", "/etc/ssl/openssl.cnf",
)  # fmt: skip
_PREFIX_PARTS = (
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "include", "etc", "ssl", "fonts",
    "conda-meta", "pyvenv.cfg",
)  # fmt: skip
_NOT_SHARED = "nbgrader"  # below share/ nbgrader keeps what learners hand in


@dataclass
class Child:
    """A forked kernel as the parent sees it; ``owner`` knows it by ``number``."""

    supervisor: int  # the process that was forked: the kernel itself where it needs none
    owner: socket.socket
    number: int
    bounds: Bounds
    kernel: int = 0
    report: socket.socket | None = None
    born: float = field(default_factory=time.monotonic)
    peak_mb: float = 0.0
    killed_for: str = ""


class TooManyThreads(RuntimeError):
    """This module started a thread when it was imported."""


def import_all(modules: list[str]) -> list[str]:
    """Import what kernels need; return the names that could not be imported.

    Raises
    ------
    TooManyThreads
        A fork would lose the threads that a module has started.
    """
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit):
            missing.append(name)
        if threads() != 1:
            raise TooManyThreads(name)
    if "torch" in sys.modules:
        torch: Any = sys.modules["torch"]
        torch.set_num_threads(1)
        with contextlib.suppress(Exception):
            importlib.import_module("torch._dynamo")  # else imported at the first step of an optimiser
    if "matplotlib" in sys.modules:
        import matplotlib.font_manager  # noqa: F401  (reads the list of fonts)
    return missing


def made_kernel() -> PlainKernel:
    """The kernel that every fork is a copy of.

    Raises
    ------
    TooManyThreads
    """
    from autograder.kernels.plain_kernel import prepare

    kernel = prepare()
    if threads() != 1:
        raise TooManyThreads("autograder.kernels.plain_kernel")
    return kernel


def threads() -> int:
    """Number of threads of this process."""
    return len(os.listdir("/proc/self/task"))


def python_places() -> tuple[str, ...]:
    """Folders and files with Python and its packages: what a kernel may read.

    Of a folder that is on the path for one package only (an editable installation) just that package is
    shown: its other content (a course with its hidden tests) is nobody's business. The same holds for a
    folder in which a virtual environment was made.
    """
    places = set(_SYSTEM_PLACES)
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, "/usr", "/usr/local"}
    for prefix in prefixes | set(map(os.path.realpath, prefixes)):
        places.update(os.path.join(prefix, name) for name in _PREFIX_PARTS)
        with contextlib.suppress(OSError):
            shared = os.path.join(prefix, "share")
            names = os.listdir(shared)
            if prefix == "/usr" and _NOT_SHARED not in names:
                places.add(shared)  # one mount instead of a hundred
            else:
                places.update(os.path.join(shared, name) for name in names if name != _NOT_SHARED)
    for entry in filter(None, sys.path):
        if os.path.isfile(entry) or os.path.basename(entry) in ("site-packages", "dist-packages"):
            places.add(entry)
    for module in [m for name, m in sorted(sys.modules.items()) if "." not in name]:
        file = getattr(module, "__file__", None)
        if not file or any(_below(os.path.realpath(file), place) for place in places):
            continue
        places.add(os.path.dirname(file) if os.path.basename(file).startswith("__init__.") else file)
    return tuple(sorted(place for place in places if os.path.lexists(place)))


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(place + os.sep)


def forget_hidden_fonts(readable: tuple[str, ...]) -> None:
    """Take a person's own fonts off matplotlib's list: it would choose one, and a kernel cannot read it."""
    fonts: Any = sys.modules.get("matplotlib.font_manager")
    if fonts is not None:
        known = fonts.fontManager
        for name in ("ttflist", "afmlist"):
            kept = [f for f in getattr(known, name) if any(_below(f.fname, place) for place in readable)]
            setattr(known, name, kept)


class Parent:
    """The loop."""

    def __init__(self, listener: socket.socket, key: str, kernel: PlainKernel) -> None:
        self.selector = selectors.DefaultSelector()
        self.key = key
        self.kernel = kernel
        self.children: dict[int, Child] = {}
        self.known: set[socket.socket] = set()
        self.started = True
        self.processes: int | None = None
        with contextlib.suppress(OSError):
            self.processes = namespaces.processes()
        self._settle()
        wakeup, signal_fd = socket.socketpair()
        wakeup.setblocking(False)
        signal_fd.setblocking(False)
        self.signal_fd = signal_fd
        signal.set_wakeup_fd(signal_fd.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.selector.register(listener, selectors.EVENT_READ, self._accept)
        self.selector.register(wakeup, selectors.EVENT_READ, self._reap)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._starter_gone)

    def _settle(self) -> None:
        """Everything is imported: from here on it is shared, and stays as it is."""
        self.readable = python_places()
        forget_hidden_fonts(self.readable)
        gc.collect()
        gc.freeze()
        self.shared_mb = max(_memory_mb(os.getpid()))

    def serve(self) -> None:
        """Answer until the process that started us is gone."""
        watched = 0.0
        while self.started:
            for key, _ in self.selector.select(_WATCH_INTERVAL_S if self.children else None):
                key.data(key.fileobj)
            if self.children and time.monotonic() - watched > _WATCH_INTERVAL_S:
                watched = time.monotonic()
                self._watch()
        for child in list(self.children.values()):
            self._kill(child)

    def _starter_gone(self, _: object) -> None:
        self.started = False  # it writes nothing: this is the end of the pipe

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setblocking(False)  # nobody who does not read may hold us up
        self.selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket) -> None:
        line = None
        try:
            message, descriptors, _, _ = socket.recv_fds(connection, _LONGEST_MESSAGE, 1)
            if descriptors:
                os.set_inheritable(descriptors[0], False)
                line = socket.socket(fileno=descriptors[0])
            fields = json.loads(message) if message else None
            if not isinstance(fields, dict):
                self._forget(connection)
            elif connection not in self.known:
                self._admit(connection, fields)
            elif "import" in fields:
                self._import(connection, list(map(str, fields["import"])))
            elif "start" in fields:
                self._start(connection, int(fields["number"]), Start.from_dict(fields["start"]), line)
            else:
                self._signal(connection, int(fields["number"]), int(fields["signal"]))
        except (OSError, ValueError, TypeError, KeyError):
            self._forget(connection)
        finally:
            if line is not None:
                line.close()  # the kernel has it

    def _admit(self, connection: socket.socket, fields: dict) -> None:
        if fields == {"key": self.key}:
            self.known.add(connection)
            self._say(connection, {"ready": os.getpid()})
        else:
            self._forget(connection)

    def _import(self, connection: socket.socket, names: list[str]) -> None:
        """Import more; with a module that starts threads we can fork no longer, and end."""
        try:
            import_all(names)
        except TooManyThreads:
            os._exit(1)
        self._settle()
        self._say(connection, {"imported": len(names)})

    def _start(
        self, connection: socket.socket, number: int, start: Start, line: socket.socket | None
    ) -> None:
        if threads() != 1:
            cause = f"the parent runs {threads()} threads"
            self._say(connection, {"ended": number, "code": 1, "cause": cause, "peak_mb": 0})
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        first = start.tier == "namespaces" and self.processes is not None
        pid = namespaces.fork_into_new(self.processes) if first else os.fork()
        if pid == 0:
            become_kernel(Birth(self.kernel, start, line, self.readable, theirs), parent, first=first)
        theirs.close()
        ours.setblocking(False)
        child = Child(pid, connection, number, start.bounds, report=ours)
        self.children[pid] = child
        self.selector.register(ours, selectors.EVENT_READ, lambda report: self._hear(child, report))

    def _hear(self, child: Child, report: socket.socket) -> None:
        """The child says that the kernel is ready (a supervisor: which process it is), or what went wrong."""
        said = b""
        with contextlib.suppress(OSError):
            said = report.recv(4096)
        self._close_report(child)
        word, _, pid = said.partition(b" ")
        if word == READY:
            child.kernel = int(pid or child.supervisor)
            self._say(child.owner, {"kernel": child.number, "pid": child.kernel})
        elif said:
            child.killed_for = said.decode(errors="replace").strip()
            self._kill(child)

    def _signal(self, connection: socket.socket, number: int, signum: int) -> None:
        for child in list(self.children.values()):
            if child.owner is connection and child.number == number:
                if signum == signal.SIGKILL:
                    self._kill(child)
                elif self._runs(child):
                    with contextlib.suppress(OSError):
                        os.kill(child.kernel, signum)
        self._say(connection, {"signalled": number})

    @staticmethod
    def _runs(child: Child) -> bool:
        """Whether the number of the kernel still is this kernel's (a supervisor may just have reaped it)."""
        return child.kernel == child.supervisor or child.kernel in _children(child.supervisor)

    def _kill(self, child: Child) -> None:
        """End a kernel and whatever it has started; a supervisor ends by itself and reports it."""
        self._measure(child)
        for pid in _descendants(child.supervisor):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if child.kernel in (0, child.supervisor):
            with contextlib.suppress(OSError):
                os.kill(child.supervisor, signal.SIGKILL)

    @staticmethod
    def _measure(child: Child) -> tuple[float, float]:
        """Own memory of its processes in MB, and the same with their share of what they share."""
        pids = _processes(child)
        own, fair = (sum(column) for column in zip(*map(_memory_mb, pids), strict=True))
        child.peak_mb = max(child.peak_mb, own + sum(map(_given_back_mb, pids)))
        return own, fair

    def _used_mb(self, child: Child, pids: set[int]) -> float:
        """What counts against the bound; a close look takes milliseconds, so only where it matters."""
        at_most = sum(map(_resident_mb, pids))
        if at_most <= child.bounds.memory_mb:
            child.peak_mb = max(child.peak_mb, at_most - self.shared_mb)
            return 0.0
        own, fair = self._measure(child)
        # What two processes of a hand-in share belongs to neither alone: the fair share counts that, and
        # of the parent's memory some part.
        return max(own, fair - self.shared_mb)

    def _watch(self) -> None:
        """End kernels that use more than they may."""
        for child in list(self.children.values()):
            pids = _processes(child)
            used_mb = self._used_mb(child, pids)
            if used_mb > child.bounds.memory_mb:
                child.killed_for = f"memory: {used_mb:.0f} MB of {child.bounds.memory_mb} MB"
            elif len(pids) > child.bounds.processes:
                child.killed_for = f"processes: {len(pids)} of {child.bounds.processes}"
            elif child.report is not None and time.monotonic() - child.born > _START_GRACE_S:
                child.killed_for = "the kernel did not start in time"
            else:
                continue
            self._kill(child)

    def _reap(self, wakeup: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while wakeup.recv(4096):
                pass
        self._end_orphans()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is None:
                continue  # an orphan of a kernel that was handed to us
            if child.report is not None:
                self._hear(child, child.report)
            self._say(
                child.owner,
                {
                    "ended": child.number,
                    "code": os.waitstatus_to_exitcode(status),
                    "cause": child.killed_for,
                    "peak_mb": round(child.peak_mb),
                },
            )

    def _end_orphans(self) -> None:
        """Processes that outlived their kernel were handed to us (without a process namespace)."""
        for pid in _children(os.getpid()) - set(self.children):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _forget(self, connection: socket.socket) -> None:
        """A client is gone: its kernels go with it."""
        with contextlib.suppress(KeyError):
            self.selector.unregister(connection)
        self.known.discard(connection)
        connection.close()
        for child in list(self.children.values()):
            if child.owner is connection:
                self._kill(child)

    def _close_report(self, child: Child) -> None:
        if child.report is not None:
            with contextlib.suppress(KeyError):
                self.selector.unregister(child.report)
            child.report.close()
            child.report = None

    @staticmethod
    def _say(connection: socket.socket, fields: dict) -> None:
        with contextlib.suppress(OSError):
            connection.send(json.dumps(fields).encode())


def _children(pid: int) -> set[int]:
    """Direct children of a process, all of its threads considered."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                found.update(map(int, file.read().split()))
    return found


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    left = [pid]
    while left:
        for child in _children(left.pop()) - found:
            found.add(child)
            left.append(child)
    return found


def _processes(child: Child) -> set[int]:
    """Its kernel and what that has started."""
    return _descendants(child.supervisor) | {child.kernel or child.supervisor}


def _memory_mb(pid: int) -> tuple[float, float]:
    """Memory of a process that it shares with no other, and with its fair share of what it does share.

    (After a fork everything is shared until it is written.)
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
        clean, dirty, fair = (
            int(lines[name].split()[0]) * 1024 / _MB for name in ("Private_Clean", "Private_Dirty", "Pss")
        )
        return clean + dirty, fair
    except (OSError, KeyError, ValueError):
        own = _resident_mb(pid)  # it hides the details: too much rather than too little
        return own, own


def _resident_mb(pid: int) -> float:
    """Memory of a process, what it shares with others included."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB
    except (OSError, ValueError, IndexError):
        return 0.0


def _given_back_mb(pid: int) -> float:
    """What a process had more at its highest than it has now."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file.read().splitlines())
        high, now = (int(lines[name].split()[0]) * 1024 / _MB for name in ("VmHWM", "VmRSS"))
        return max(0.0, high - now)
    except (OSError, KeyError, ValueError):
        return 0.0


def main(arguments: list[str] | None = None) -> int:
    """Import, say that we are ready, serve."""
    parser = argparse.ArgumentParser(prog="python -m autograder.kernels.parent")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the listening socket")
    options = parser.parse_args(arguments)
    key = sys.stdin.readline().strip()
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    gc.disable()  # what is imported stays; children collect again
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # modules that print when they are imported
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # half of a kernel's start, and starts threads
    try:
        import_all(_KERNEL_MODULES)
        names = sys.stdin.readline().strip()  # not known earlier
        missing = import_all(list(filter(None, names.split(","))))
        kernel = made_kernel()
    except TooManyThreads as error:
        print(json.dumps({"threads": str(error)}), file=answer, flush=True)
        return 1
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    listener = socket.socket(fileno=options.socket)
    parent = Parent(listener, key, kernel)
    # From here on the end of our standard input says that the starter is gone. The signal would also come
    # when only the thread that started us has ended.
    linux.prctl(linux.PR_SET_PDEATHSIG, 0)
    print(json.dumps({"ready": os.getpid(), "missing": missing}), file=answer, flush=True)
    answer.close()
    parent.serve()
    shutil.rmtree(os.path.dirname(listener.getsockname()), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
