"""Landlock: a process gives up the right to files it does not need. No privileges are necessary.

Where there are no user namespaces this is the wall around the file system. It does not hide the existence of
files and does not limit the disk. What it does not cover, ``seccomp`` refuses or ignores: UDP, Unix sockets
that are files, truncating by name (before version 3), signals (before 6), modes, owners and times of files.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from . import linux

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_RULE_PATH_BENEATH = 1
_VERSION = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15  # with truncate and ioctl
_RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_NET_BIND_CONNECT = 3  # from version 4
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3  # from version 6
_SCOPES_SINCE = 6


def version() -> int:
    """Return Landlock's version on this machine, 0 where there is none."""
    try:
        return linux.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def covers_signals() -> bool:
    """Whether processes outside are safe from signals."""
    return version() >= _SCOPES_SINCE


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave the calling process only these files and folders (and what is below them).

    Parameters
    ----------
    readable : iterable of str
        May be read, listed and executed.
    writable : iterable of str
        May be changed as well.

    Raises
    ------
    OSError
        When the kernel has no Landlock or refuses.
    """
    abi = version()
    if abi < 1:
        raise OSError("this kernel has no Landlock")
    rights = max(value for number, value in _RIGHTS_OF_ABI.items() if number <= abi)
    attributes = [rights]
    if abi >= 4:
        attributes.append(_NET_BIND_CONNECT)
    if abi >= _SCOPES_SINCE:
        attributes.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = (ctypes.c_uint64 * len(attributes))(*attributes)
    size = ctypes.c_size_t(ctypes.sizeof(ruleset))
    fd = linux.syscall(_CREATE_RULESET, ruleset, size, ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow(fd, path, _READ & rights)
        for path in writable:
            _allow(fd, path, rights)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        linux.syscall(_RESTRICT_SELF, ctypes.c_int(fd), ctypes.c_uint32(0))
    finally:
        os.close(fd)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add one file or folder; what does not exist is no loss."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_ONLY
        rule = _PathBeneath(rights, fd)
        kind = ctypes.c_uint32(_RULE_PATH_BENEATH)
        linux.syscall(_ADD_RULE, ctypes.c_int(ruleset), kind, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(fd)
