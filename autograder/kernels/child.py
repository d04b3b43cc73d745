"""What a forked process does: walls first, then a Jupyter kernel. Runs in the parent's children only."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from . import landlock, linux, namespaces, seccomp
from .request import Bounds, Start

if TYPE_CHECKING:
    from .plain_kernel import PlainKernel

_MB = 1_000_000
_THREADS_MB = 1000  # addresses, not memory: stacks and heaps that threads reserve
_NOBODY = 65534
_FIRST_USER = 1 << 30  # far from anybody's; with the process id added, a user of its own for each kernel
_PROC = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat")  # what libraries ask for
#: Exit code of a trial of the walls: this, plus the position of the first one that did not hold.
BREACH = 10
#: What the parent is told when the walls stand; from a supervisor with the kernel's process id behind it.
READY = b"ready"


@dataclass(frozen=True)
class Birth:
    """What the parent gives a fork.

    Parameters
    ----------
    kernel : PlainKernel
        Made by the parent.
    start : Start
    line : socket, optional
        To the client; none for a trial of the walls.
    readable : tuple of str
        Folders with Python and its packages.
    report : socket
        Here the parent is told when the walls stand, or what went wrong.
    """

    kernel: PlainKernel
    start: Start
    line: socket.socket | None
    readable: tuple[str, ...]
    report: socket.socket


def become_kernel(birth: Birth, parent: int, *, first: bool) -> NoReturn:
    """Turn this freshly forked process into a kernel, or into its supervisor; never returns.

    Parameters
    ----------
    birth : Birth
    parent : int
        Process id of the parent.
    first : bool
        Whether this is the first process of a process namespace: it needs no supervisor then.
    """
    code = 1
    try:
        user = _unprivileged_user()  # while /proc is the parent's
        _detach(birth, None if first else parent)
        if birth.start.tier != "namespaces":
            code = _stand_alone(birth)
        elif first:
            code = _enclose(birth, user)
        else:
            code = _supervise(birth, user)
    except BaseException as error:
        _say(birth.report, error)
    finally:
        os._exit(code)


def _detach(birth: Birth, parent: int | None) -> None:
    """Keep nothing of the parent but what it gives: no signals, not its terminal."""
    os.setsid()
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # the parent is not: its children could not read /proc/self
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before we could ask to die with it. In a process namespace of our own it is out of
    # sight: there the report fails.
    if parent is not None and os.getppid() != parent:
        os._exit(1)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")  # when the machine has no memory left, not the grading but a hand-in is ended
    for signum in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    _close_all_but({0, 1, 2, birth.report.fileno(), *([birth.line.fileno()] if birth.line else ())})


def _close_all_but(kept: set[int]) -> None:
    for fd in {int(name) for name in os.listdir("/proc/self/fd")} - kept:
        with contextlib.suppress(OSError):  # the listing's own
            os.close(fd)


def _stand_alone(birth: Birth) -> int:
    """Be the kernel in this very process, among all others of the machine."""
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)  # what it starts stays below it, so that it can be found
    _bound(_limits(birth.start.bounds, _threads_of(os.getuid())))
    if birth.start.tier == "landlock":
        devices = (f"/dev/{name}" for name in namespaces.DEVICES)
        landlock.restrict((*birth.readable, *devices, *_PROC), (birth.start.folder, "/dev/null"))
        linux.drop_capabilities()
    return _run_kernel(birth, birth.report)


def _enclose(birth: Birth, user: int | None) -> int:
    """Be the kernel in this very process, the first of its process namespace; make the other namespaces."""
    limits = _make_world(birth, user, with_processes=False)
    return _live_in_it(birth, user, limits, birth.report)


def _supervise(birth: Birth, user: int | None) -> int:
    """Make the namespaces, fork the kernel into them, wait for its end."""
    limits = _make_world(birth, user, with_processes=True)
    above, below = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    forked = os.fork()
    if forked == 0:
        code = 1
        try:
            above.close()
            birth.report.close()
            code = _live_in_it(birth, user, limits, below)
        except BaseException as error:
            _say(below, error)
        finally:
            os._exit(code)
    if birth.line is not None:
        birth.line.close()  # it is the kernel's alone
    try:
        said = above.recv(4096)
        if said != READY:
            raise RuntimeError(said.decode(errors="replace") or "the kernel ended while it was starting")
    except BaseException:
        os.kill(forked, signal.SIGKILL)
        raise
    above.close()
    birth.report.send(READY + b" %d" % forked)
    birth.report.close()
    _, status = os.waitpid(forked, 0)
    return _exit_code(status)


def _make_world(birth: Birth, user: int | None, *, with_processes: bool) -> dict[int, int]:
    """Make the namespaces and what is seen in them; return the limits for who will live there."""
    bounds = birth.start.bounds
    others = 0 if user is not None or _counts_by_namespace() else _threads_of(os.getuid())
    limits = _limits(bounds, others)
    namespaces.enter(user, with_processes=with_processes)
    namespaces.build_root(namespaces.View(birth.readable, birth.start.folder, bounds.disk_mb), user)
    return limits


def _live_in_it(birth: Birth, user: int | None, limits: dict[int, int], report: socket.socket) -> int:
    """Move in, give up every privilege, be the kernel."""
    namespaces.move_in()
    _bound(limits)
    namespaces.become(user)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # setuid took it away; without it /proc/self is not ours
    return _run_kernel(birth, report)


def _say(line: socket.socket, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        line.send(f"{type(error).__name__}: {error}".replace("\n", " ").encode()[:2000])


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _unprivileged_user() -> int | None:
    """For root: a user of the kernel's own, so that no limit is shared with another hand-in.

    None for everybody else, and for a container's root that has no users to give.
    """
    if os.getuid() != 0:
        return None
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    number = int(os.readlink("/proc/self"))  # getpid() is 1 in every process namespace
    for user in (_FIRST_USER + number, _NOBODY):
        if any(first <= user < first + count for first, _, count in ranges):
            return user
    return None


def _counts_by_namespace() -> bool:
    """Whether processes are counted for each user namespace apart (Linux 5.14)."""
    numbers = os.uname().release.split("-")[0].split(".")
    return (int(numbers[0]), int(numbers[1])) >= (5, 14)


def _threads_of(user: int) -> int:
    """Processes and threads that a user has: the limit counts them all, not only the kernel's."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _limits(bounds: Bounds, others: int) -> dict[int, int]:
    """What the kernel limits by itself; the sum of memory over processes is watched by the parent.

    Parameters
    ----------
    bounds : Bounds
    others : int
        Processes that are counted with ours although they are not.
    """
    with open("/proc/self/statm", encoding="ascii") as statm:
        mapped = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return {
        # An address space is larger than the memory in use; a single huge allocation ends in a MemoryError.
        resource.RLIMIT_AS: mapped + (2 * bounds.memory_mb + _THREADS_MB) * _MB,
        resource.RLIMIT_NPROC: bounds.processes + others,
        resource.RLIMIT_FSIZE: bounds.file_mb * _MB,
        resource.RLIMIT_NOFILE: bounds.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }


def _bound(limits: dict[int, int]) -> None:
    for what, value in limits.items():
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _run_kernel(birth: Birth, report: socket.socket) -> int:
    """Be a kernel until its end (or try the walls out).

    ``report`` is told when the last wall stands, and closed before any code of a learner runs.
    """
    start, line = birth.start, birth.line
    os.environ.clear()
    os.environ.update({"USER": "learner", "LOGNAME": "learner"} | start.env)  # no list of users to look it up
    os.chdir(start.cwd)
    if line is not None:
        _forget_where_the_parent_was()
        _reseed()
        birth.kernel.settle(start.folder, line)
    if start.tier != "none":
        shared = start.tier == "landlock"
        seccomp.install(
            shared=shared, only_signals=os.getpid() if shared and not landlock.covers_signals() else 0
        )
    report.send(READY)
    report.close()
    if line is None:
        from .sandbox import breaches

        found = breaches(start.canary)
        return BREACH + found[0] if found else 0
    birth.kernel.serve()
    return 0


def _forget_where_the_parent_was() -> None:
    """Caches that were filled under another home, another working folder."""
    import importlib
    import tempfile

    tempfile.tempdir = None
    importlib.invalidate_caches()
    matplotlib: Any = sys.modules.get("matplotlib")
    if matplotlib is not None:
        for name in ("get_configdir", "get_cachedir"):
            with contextlib.suppress(AttributeError):
                getattr(matplotlib, name).cache_clear()


def _reseed() -> None:
    """Random numbers must not be the same in every hand-in, as they would be after a fork."""
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
