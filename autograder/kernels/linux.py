"""The few system calls that Python does not offer, as functions that raise ``OSError``."""

from __future__ import annotations

import ctypes
import os
import platform
import re

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 24, 36

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel directly; a negative answer becomes ``OSError``."""
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    return _checked(result, f"system call {number}")


def unshare(flags: int) -> None:
    """Give the calling process namespaces of its own."""
    _checked(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(descriptor: int, kind: int) -> None:
    """Go into a namespace; with ``CLONE_NEWPID`` the processes that are forked from now on do."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), f"setns({kind:#x})")


def prctl(option: int, value: int) -> None:
    """Set one attribute of the calling process."""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl({option})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount; ``kind`` is the file system type, empty for binds and remounts."""
    _checked(
        _libc.mount(
            os.fsencode(source) if source else None,
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        f"mount {source or kind} on {target}",
    )


def bind(source: str, target: str) -> None:
    """Show ``source`` at ``target``, with what is mounted below it."""
    mount(source, target, flags=MS_BIND | MS_REC)


def make_read_only(target: str) -> None:
    """Make one mount read-only (keeps the flags that a user namespace may not take away)."""
    kept = _mount_flags(os.statvfs(target).f_flag)
    mount("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept)


def mounts_below(target: str) -> list[str]:
    """Mount points below the mount at ``target``, without those that it covers."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        places = [_unescaped(line.split()[4]) for line in file]  # in the order in which they were mounted
    last = len(places) - places[::-1].index(target)
    return [place for place in places[last:] if place.startswith(target + "/")]


def _unescaped(text: str) -> str:
    """The kernel writes blanks and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _mount_flags(statvfs_flags: int) -> int:
    """Flags to keep; ``statvfs`` and ``mount`` number those of the access times differently."""
    flags = statvfs_flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for seen, wanted in ((0x400, 1024), (0x800, 2048), (0x1000, 1 << 21)):
        if statvfs_flags & seen:
            flags |= wanted
    return flags


def pivot_root(new_root: str) -> None:
    """Make ``new_root`` the root of the calling process's mount namespace and forget the old one."""
    os.chdir(new_root)
    syscall(_PIVOT_ROOT[platform.machine()], b".", b".")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount2 of the old root")
    os.chdir("/")


def drop_bounding_set() -> None:
    """No program that is run later gains a capability. Needs one itself: before root is left behind."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # past the last one that this kernel knows, or not ours to drop


def drop_capabilities() -> None:
    """Give up every capability of this thread for good (call it before there are others)."""
    drop_bounding_set()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(header, nothing), "capset")


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result
