"""Linux namespaces: a process tree that sees a read-only Python, its own hand-in, and nothing else.

The kernel is process 1 of its own world, so that all it ever starts dies with it. Where the parent is root
it forks the kernel straight into a new process namespace (``fork_into_new``), and the kernel makes the rest
of its world itself. Who is not root cannot come back from there: then a small supervisor process between
parent and kernel makes the namespaces, builds the new root and forks the kernel. In both ways the kernel
moves in and closes the door behind itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import linux

NEW_ROOT = "/sys"  # any folder that is always there; what is on it is covered in this namespace only
DEVICES = ("null", "zero", "full", "random", "urandom")
_SHARED_MEMORY_MB = 64
_FREE_FILES = 20_000
_NAMESPACES = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)


@dataclass(frozen=True)
class View:
    """What a kernel sees of the machine.

    Parameters
    ----------
    readable : tuple of str
        Files and folders shown read-only, at their own places.
    scratch : str
        The hand-in's folder (working folder, home, temporary files): its content is copied into a memory
        file system at the same place.
    disk_mb : int
        Space in the memory file system beyond what is copied into it.
    """

    readable: tuple[str, ...]
    scratch: str
    disk_mb: int


def processes() -> int:
    """Descriptor of the calling process's own process namespace, for :func:`fork_into_new`.

    Raises
    ------
    OSError
        One cannot come back to it: not root, or root of a container that may not.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        linux.setns(own, linux.CLONE_NEWPID)
    except OSError:
        os.close(own)
        raise
    return own


def fork_into_new(own: int) -> int:
    """Fork the first process of a new process namespace; its id, or 0 in the new process."""
    linux.unshare(linux.CLONE_NEWPID)  # for children; we ourselves stay where we are
    try:
        forked = os.fork()
    except BaseException:
        linux.setns(own, linux.CLONE_NEWPID)
        raise
    if forked:
        linux.setns(own, linux.CLONE_NEWPID)
    return forked


def enter(unprivileged_user: int | None = None, *, with_processes: bool = True) -> None:
    """Give the calling process (and what it forks) namespaces of its own.

    Parameters
    ----------
    unprivileged_user : int, optional
        For root: no user namespace is made; the kernel becomes this user later (``become``). For everybody
        else the process keeps its own user and group inside a user namespace.
    with_processes : bool
        False for the first process of a process namespace.
    """
    wanted = _NAMESPACES if with_processes else _NAMESPACES & ~linux.CLONE_NEWPID
    if unprivileged_user is not None:
        linux.unshare(wanted & ~linux.CLONE_NEWUSER)
        return
    uid, gid = os.getuid(), os.getgid()
    linux.unshare(wanted)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def become(unprivileged_user: int | None) -> None:
    """Leave root behind, where one was root, and every capability in any case."""
    if unprivileged_user is not None:
        os.setgroups([])
        os.setresgid(unprivileged_user, unprivileged_user, unprivileged_user)
        linux.drop_bounding_set()
        os.setresuid(unprivileged_user, unprivileged_user, unprivileged_user)
    linux.drop_capabilities()


def build_root(view: View, owner: int | None = None) -> None:
    """Build the new root; ``move_in`` follows, in the first process of the new process namespace.

    Parameters
    ----------
    view : View
    owner : int, optional
        User to whom the copies in the scratch place shall belong.
    """
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    safe = linux.MS_NOSUID | linux.MS_NODEV
    root = NEW_ROOT
    linux.mount("tmpfs", root, "tmpfs", safe, "size=1m,nr_inodes=4096,mode=755")
    for path in _outermost(view.readable):
        _show(path, root)
    for place in linux.mounts_below(root):  # each of them: a remount leaves those below it as they are
        linux.make_read_only(place)
    for name in DEVICES:
        _show(f"/dev/{name}", root)
    _folder(f"{root}/dev/shm")
    linux.mount("tmpfs", f"{root}/dev/shm", "tmpfs", safe, f"size={_SHARED_MEMORY_MB}m,mode=1777")
    _terminals(root)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{root}/dev/{name}")
    _folder(f"{root}/proc")
    scratch = root + view.scratch
    _folder(scratch)
    size, files = _extent(view.scratch)
    limits = f"size={view.disk_mb * 1_000_000 + size},nr_inodes={_FREE_FILES + files}"
    linux.mount("tmpfs", scratch, "tmpfs", safe, f"{limits},mode=700")
    _copy(view.scratch, scratch, owner)


def _terminals(root: str) -> None:
    """Pseudo-terminals of its own: IPython's ``!command`` opens one. Some containers do not allow them."""
    _folder(f"{root}/dev/pts")
    flags = linux.MS_NOSUID | linux.MS_NOEXEC
    with contextlib.suppress(OSError):
        linux.mount("devpts", f"{root}/dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=600,max=64")
        os.symlink("pts/ptmx", f"{root}/dev/ptmx")


def _extent(folder: str) -> tuple[int, int]:
    """Bytes (in whole pages) and number of files and folders below ``folder``."""
    page = os.sysconf("SC_PAGE_SIZE")
    size = count = 0
    for place, names, files in os.walk(folder):
        count += len(names) + len(files)
        for name in files:
            size += -(-os.lstat(os.path.join(place, name)).st_size // page) * page
    return size, count


def _copy(scratch: str, target: str, owner: int | None) -> None:
    """Copy the hand-in's folder without links."""
    for folder, _, files in os.walk(scratch):
        place = target + folder[len(scratch) :]
        os.makedirs(place, mode=0o700, exist_ok=True)
        for name in files:
            source = os.path.join(folder, name)
            if os.path.isfile(source) and not os.path.islink(source):
                shutil.copyfile(source, os.path.join(place, name))
                if owner is not None:
                    os.chown(os.path.join(place, name), owner, owner)
        if owner is not None:
            os.chown(place, owner, owner)


def move_in() -> None:
    """Make the new root everybody's in this mount namespace; only the scratch place can be written to.

    In a container whose ``/proc`` is masked the kernel allows no new one to a user namespace: it stays empty.
    """
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    with contextlib.suppress(OSError):
        linux.mount("proc", f"{NEW_ROOT}/proc", "proc", flags)
    linux.pivot_root(NEW_ROOT)
    if os.path.ismount("/proc"):
        linux.make_read_only("/proc")
    linux.make_read_only("/")


def _outermost(paths: Iterable[str]) -> list[str]:
    """Paths that exist, without those that lie below another one."""
    kept: list[str] = []
    for path in sorted({path for path in paths if os.path.lexists(path)}):
        if not any(path == top or path.startswith(top.rstrip("/") + "/") for top in kept):
            kept.append(path)
    return kept


def _show(path: str, root: str) -> None:
    target = root + path
    if os.path.islink(path):  # /lib -> usr/lib on today's Debian
        _folder(os.path.dirname(target))
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        _folder(target)
    else:
        _folder(os.path.dirname(target))
        with open(target, "x"):
            pass
    linux.bind(path, target)


def _folder(path: str) -> None:
    os.makedirs(path, mode=0o755, exist_ok=True)
