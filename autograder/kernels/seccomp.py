"""System calls that a notebook never needs are refused (seccomp filter, inherited by all descendants).

The filter is a classic BPF program built here, so that no library has to be installed; the numbers are those
of the kernel's system call tables. A refused call fails with EPERM, so that Python raises an exception
instead of dying; one that libraries can do without fails with ENOSYS; one that would only do harm here, but
whose failure would end an honest program, is said to have succeeded.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from . import linux

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_LD, _JEQ, _JSET, _RET = 0x20, 0x15, 0x45, 0x06  # BPF: load word, jump if equal, jump if bits set, return
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_ANSWER = 0x00050000  # do not call; the lower half is the error number, 0 for success
_REFUSE = _ANSWER | errno.EPERM
_NUMBER, _ARCH, _FIRST_ARGUMENT, _FIFTH_ARGUMENT = 0, 4, 16, 48
_X32_BIT = 0x40000000
_NONE = -1  # this machine has no such call

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64)
_REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "personality": (135, 92),
    "vhangup": (153, 58),
}
# glibc falls back to clone where clone3 is "not there"; its flags cannot be seen by a filter. The others are
# memory that belongs to no process and so escapes whoever counts.
_ABSENT = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
}
# Where files, sockets and processes of the machine are in reach (Landlock does not cover these).
_REFUSED_IN_SHARED = {
    "connect": (42, 203),
    "sendmsg": (46, 211),  # could name another's socket as well
    "sendmmsg": (307, 269),
    "truncate": (76, 45),
}
_IGNORED_IN_SHARED = {
    "chmod": (90, _NONE),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, _NONE),
    "lchown": (94, _NONE),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, _NONE),
    "utimes": (235, _NONE),
    "futimesat": (261, _NONE),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)
_SENDTO = (44, 206)
_CLONE = (56, 220)
_PRCTL = (157, 167)
_PRLIMIT = (302, 261)
_TGKILL = (234, 131)
_NAMESPACES = 0x7E020000  # CLONE_NEW* of all kinds
_UNIX_ONLY = 1  # AF_UNIX

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def supported() -> bool:
    """Whether this machine's system calls are in the table."""
    return platform.machine() in _AUDIT_ARCH


def program(machine: str | None = None, *, shared: bool = False, only_signals: int = 0) -> bytes:
    """Return the filter as an array of ``struct sock_filter``.

    Parameters
    ----------
    machine : {"x86_64", "aarch64"}, optional
        By default this one.
    shared : bool
        Files, sockets and processes of the machine are in reach (no namespaces of its own).
    only_signals : int
        The only process that may be sent signals; 0: all that can be seen.

    Raises
    ------
    KeyError
        For a machine whose system calls are not in the table.
    """
    machine = machine or platform.machine()
    arch = _AUDIT_ARCH[machine]
    column = list(_AUDIT_ARCH).index(machine)
    body: list[Instruction] = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 calls are the same ones under other numbers
        body += [(_JSET, 0, 1, _X32_BIT), (_RET, 0, 0, _REFUSE)]
    answers = [(_REFUSED, _REFUSE), (_ABSENT, _ANSWER | errno.ENOSYS)]
    if shared:
        answers += [(_REFUSED_IN_SHARED, _REFUSE), (_IGNORED_IN_SHARED, _ANSWER)]
    if only_signals:
        answers.append((_SIGNALS, _REFUSE))
    for table, answer in answers:
        for numbers in table.values():
            if numbers[column] != _NONE:
                body += [(_JEQ, 0, 1, numbers[column]), (_RET, 0, 0, answer)]
    body += _if_argument(_CLONE[column], [(_JSET, 0, 1, _NAMESPACES), (_RET, 0, 0, _REFUSE)])
    # A kernel must die with its parent, and its memory must stay countable.
    for option in (linux.PR_SET_PDEATHSIG, linux.PR_SET_DUMPABLE):
        body += _if_argument(_PRCTL[column], [(_JEQ, 0, 1, option), (_RET, 0, 0, _ANSWER)])
    # As on a machine without a network: libraries know that.
    no_network = [(_JEQ, 1, 0, _UNIX_ONLY), (_RET, 0, 0, _ANSWER | errno.EAFNOSUPPORT)]
    for numbers in (_SOCKET, _SOCKETPAIR):
        body += _if_argument(numbers[column], no_network)
    if shared:
        body += _if_argument(_PRLIMIT[column], [(_JEQ, 1, 0, 0), (_RET, 0, 0, _REFUSE)])  # 0: oneself
        body += [
            (_JEQ, 0, 5, _SENDTO[column]),  # with an address: refused; without (that is send): allowed
            (_LD, 0, 0, _FIFTH_ARGUMENT),
            (_JEQ, 0, 2, 0),
            (_LD, 0, 0, _FIFTH_ARGUMENT + 4),
            (_JEQ, 1, 0, 0),
            (_RET, 0, 0, _REFUSE),
            (_LD, 0, 0, _NUMBER),
        ]
    if only_signals:
        body += _if_argument(_TGKILL[column], [(_JEQ, 1, 0, only_signals), (_RET, 0, 0, _REFUSE)])
    body.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in body)


def _if_argument(number: int, check: list[Instruction]) -> list[Instruction]:
    """For this call look at the lower half of its first argument (an int); then go on with the number."""
    inside = [(_LD, 0, 0, _FIRST_ARGUMENT), *check, (_LD, 0, 0, _NUMBER)]
    return [(_JEQ, 0, len(inside), number), *inside]


def install(*, shared: bool = False, only_signals: int = 0) -> None:
    """Put the filter on all threads of the process, and so on all that they start.

    Raises
    ------
    OSError
        When the kernel refuses.
    """
    code = program(shared=shared, only_signals=only_signals)
    buffer = ctypes.create_string_buffer(code, len(code))
    description = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    operation, flags = ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_ALL_THREADS)
    thread = linux.syscall(_SECCOMP[platform.machine()], operation, flags, ctypes.byref(description))
    if thread:
        raise OSError(f"seccomp: thread {thread} has a filter of its own")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))
