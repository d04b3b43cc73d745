"""Which walls hold on this machine: tried out at the start, never assumed.

``namespaces``: the kernel sees a read-only Python and its own hand-in; its files live in memory, its
processes end with it, there is no network. ``landlock``: the same files and no network, but the names of
files outside can be seen, there is no shared memory and no terminal, the disk is bounded by file only, and
background processes may outlive a parent that is killed. ``none``: an ordinary process.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import landlock, linux, seccomp
from .child import BREACH
from .client import Connection, End, ForkParent, ParentError, folder_for_sockets
from .request import TIERS, Start

WALLS = ("namespaces", "landlock")
_END_TIMEOUT_S = 10.0


class NoSandbox(RuntimeError):
    """None of the walls that were asked for holds here. ``reasons`` says why, by tier."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{tier}: {reason}" for tier, reason in reasons.items()))
        self.reasons = reasons


@dataclass(frozen=True)
class Sandbox:
    """The walls that hold, and why stronger ones do not."""

    tier: str
    refused: tuple[tuple[str, str], ...] = ()


def choose(parent: ForkParent, wanted: str = "auto") -> Sandbox:
    """Return the strongest walls that hold, or the wanted ones.

    Parameters
    ----------
    parent : ForkParent
        A trial process is forked from it and tries to break out.
    wanted : {"auto", "namespaces", "landlock", "none"}

    Raises
    ------
    NoSandbox
        When they do not hold.
    """
    if wanted not in ("auto", *TIERS):
        raise ValueError(f"unknown sandbox {wanted!r}")
    if wanted == "none":
        return Sandbox("none")
    reasons: dict[str, str] = {}
    for tier in WALLS if wanted == "auto" else (wanted,):
        reason = trial(parent, tier)
        if not reason:
            return Sandbox(tier, tuple(reasons.items()))
        reasons[tier] = reason
    raise NoSandbox(reasons)


def trial(parent: ForkParent, tier: str) -> str:
    """Fork a process behind these walls and let it try them; return what is wrong, or an empty text."""
    if not seccomp.supported():
        return f"no table of system calls for {os.uname().machine}"
    if tier == "landlock" and landlock.version() < 1:
        return "this kernel has no Landlock"
    base = Path(tempfile.mkdtemp(prefix="tks-", dir=folder_for_sockets()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        try:
            # The usual permissions of files must not hold what the walls do not: everybody may do everything.
            base.chmod(0o777)
            folder = base / "inside"
            folder.mkdir()
            canary = base / secrets.token_hex(8)
            canary.write_text("secret", encoding="ascii")
            canary.chmod(0o666)
            door.bind(str(base / _DOOR))
            door.listen()
            (base / _DOOR).chmod(0o777)
            start = Start(str(folder), str(folder), {}, tier, canary=str(canary))
            connection = Connection.shared(parent.address)
            handle, _ = connection.start(start)
            end = connection.ended(handle, _END_TIMEOUT_S)
            if end is None:
                connection.signal(handle, signal.SIGKILL)
                return "the trial process did not end"
            return _verdict(end)
        except (ParentError, OSError) as error:
            return str(error)
        finally:
            shutil.rmtree(base, ignore_errors=True)


def _verdict(end: End) -> str:
    position = end.code - BREACH
    if 0 <= position < len(_TRIES):
        return f"a wall did not hold: {_TRIES[position].__doc__}"
    return "" if end.code == 0 else end.cause or f"the trial ended with code {end.code}"


def breaches(canary: str) -> list[int]:
    """Try to get out, from inside; return the positions of what succeeded. For the trial process only."""
    return [position for position, attempt in enumerate(_TRIES) if attempt(canary)]


def _read(canary: str) -> bool:
    """read a file outside"""
    return _can(lambda: open(canary, encoding="ascii").close())


def _write(canary: str) -> bool:
    """wrote a file outside"""
    return _can(lambda: open(os.path.join(os.path.dirname(canary), "written"), "w").close())


def _change(canary: str) -> bool:
    """changed a file outside"""
    return _can(lambda: os.truncate(canary, 0))


def _write_python(canary: str) -> bool:
    """wrote into Python"""
    path = os.path.join(sys.prefix, "written")
    if not _can(lambda: open(path, "w").close()):
        return False
    os.unlink(path)
    return True


def _network(canary: str) -> bool:
    """opened an internet socket"""
    return _can(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close())


def _connect(canary: str) -> bool:
    """reached another program's socket"""

    def attempt() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local:
            local.connect(os.path.join(os.path.dirname(canary), _DOOR))

    return _can(attempt)


def _signal(canary: str) -> bool:
    """could signal the parent"""
    parent = os.getppid()  # 0: out of sight; kill() would take that for ourselves
    return parent > 0 and _can(lambda: os.kill(parent, 0))


def _new_namespace(canary: str) -> bool:
    """made a namespace"""
    return _can(lambda: linux.unshare(linux.CLONE_NEWUSER))


def _confined(canary: str) -> bool:
    """could not write inside"""
    return not _can(lambda: open("inside", "w").close())


def _can(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


_DOOR = "door"
_TRIES = (
    _read, _write, _change, _write_python, _network, _connect, _signal, _new_namespace, _confined,
)  # fmt: skip
