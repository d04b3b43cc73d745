"""The filter of system calls, run by a small interpreter of BPF for both machines."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from autograder.kernels import seccomp

ALLOW = "allow"
KILL = "kill"
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {  # from the kernel's tables, written down again: a wrong number in the filter must be seen
    "x86_64": {
        "read": 0, "write": 1, "mmap": 9, "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46,
        "socketpair": 53, "clone": 56, "fork": 57, "execve": 59, "kill": 62, "truncate": 76, "chmod": 90,
        "ptrace": 101, "prctl": 157, "chroot": 161, "mount": 165, "tkill": 200, "futex": 202, "tgkill": 234,
        "openat": 257, "unshare": 272, "utimensat": 280, "prlimit64": 302, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "memfd_create": 319, "bpf": 321,
        "userfaultfd": 323, "shmget": 29, "io_uring_setup": 425, "clone3": 435, "pidfd_getfd": 438,
        "fchmodat": 268, "fchmod": 91, "keyctl": 250, "pidfd_send_signal": 424,
    },
    "aarch64": {
        "read": 63, "write": 64, "mmap": 222, "socket": 198, "connect": 203, "sendto": 206, "sendmsg": 211,
        "socketpair": 199, "clone": 220, "execve": 221, "kill": 129, "truncate": 45, "ptrace": 117,
        "prctl": 167, "chroot": 51, "mount": 40, "tkill": 130, "futex": 98, "tgkill": 131, "openat": 56,
        "unshare": 97, "utimensat": 88, "prlimit64": 261, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "memfd_create": 279, "bpf": 280, "userfaultfd": 282, "shmget": 194,
        "io_uring_setup": 425, "clone3": 435, "pidfd_getfd": 438, "fchmodat": 53, "fchmod": 52,
        "keyctl": 219, "pidfd_send_signal": 424,
    },
}  # fmt: skip
LD, JEQ, JSET, RET = 0x20, 0x15, 0x45, 0x06


def answer(
    machine: str, call: str | int, *arguments: int, arch: int | None = None, **program: object
) -> str | int:
    """What the filter says to a call: "allow", "kill", or the error number (0: pretended success)."""
    number = NUMBERS[machine][call] if isinstance(call, str) else call
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, arch or MACHINES[machine], 0x7FFF_0000_1234, *padded)
    code = [
        struct.unpack("HBBI", chunk)
        for chunk in _chunks(seccomp.program(machine, **program))  # type: ignore[arg-type]
    ]
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, constant = code[at]
        at += 1
        if operation == LD:
            (accumulator,) = struct.unpack_from("=I", data, constant)
        elif operation == JEQ:
            at += if_true if accumulator == constant else if_false
        elif operation == JSET:
            at += if_true if accumulator & constant else if_false
        else:
            assert operation == RET
            kinds = {0x7FFF0000: ALLOW, 0x80000000: KILL}
            return kinds.get(constant, constant & 0xFFFF if constant >> 16 == 5 else "?")


def _chunks(code: bytes) -> list[bytes]:
    assert len(code) % 8 == 0 and len(code) // 8 <= 4096
    return [code[n : n + 8] for n in range(0, len(code), 8)]


pytestmark = pytest.mark.parametrize("machine", MACHINES)


@pytest.mark.parametrize("shared", [False, True])
def test_what_every_program_does_is_allowed(machine: str, shared: bool) -> None:
    for call in ("read", "write", "mmap", "execve", "futex", "openat"):
        assert answer(machine, call, shared=shared) == ALLOW, call


@pytest.mark.parametrize(
    "call",
    [
        "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "mount", "chroot", "unshare",
        "setns", "bpf", "userfaultfd", "io_uring_setup", "keyctl",
    ],
)  # fmt: skip
def test_what_no_notebook_needs_is_refused(machine: str, call: str) -> None:
    assert answer(machine, call) == errno.EPERM


@pytest.mark.parametrize("call", ["clone3", "memfd_create", "shmget"])
def test_what_libraries_can_do_without_is_not_there(machine: str, call: str) -> None:
    assert answer(machine, call) == errno.ENOSYS


def test_processes_and_threads_but_no_namespaces(machine: str) -> None:
    thread, new_user, new_net, sigchld = 0x3D0F00, 0x10000000, 0x40000000, 17
    assert answer(machine, "clone", thread) == ALLOW
    assert answer(machine, "clone", sigchld) == ALLOW
    assert answer(machine, "clone", new_user | sigchld) == errno.EPERM
    assert answer(machine, "clone", new_net) == errno.EPERM


def test_only_unix_sockets(machine: str) -> None:
    for call in ("socket", "socketpair"):
        assert answer(machine, call, 1, 1, 0) == ALLOW
        for family in (
            0,
            2,
            10,
            16,
            17,
            38,
            40,
        ):  # unspecified, internet, 6, netlink, packet, crypto, virtual
            assert answer(machine, call, family, 1, 0) == errno.EAFNOSUPPORT, (call, family)
        assert answer(machine, call, 0x1_0000_0002, 1, 0) == errno.EAFNOSUPPORT, "the kernel sees an int"


def test_addresses_where_the_machine_is_shared(machine: str) -> None:
    for call in ("connect", "sendmsg"):
        assert answer(machine, call, shared=False) == ALLOW, "a kernel with namespaces reaches its own only"
        assert answer(machine, call, shared=True) == errno.EPERM
    sendto = (3, 0x1000, 5, 0)
    assert answer(machine, "sendto", *sendto, 0, 0, shared=True) == ALLOW, "that is send()"
    assert answer(machine, "sendto", *sendto, 0x7FFF_0000_0000, 16, shared=True) == errno.EPERM
    assert answer(machine, "sendto", *sendto, 0x1000, 16, shared=True) == errno.EPERM
    assert answer(machine, "sendto", *sendto, 0x1000, 16, shared=False) == ALLOW


def test_files_where_the_machine_is_shared(machine: str) -> None:
    assert answer(machine, "truncate", shared=True) == errno.EPERM
    for call in ("fchmodat", "fchmod", "utimensat"):
        assert answer(machine, call, shared=True) == 0, "pretended: copying a file must not fail"
        assert answer(machine, call, shared=False) == ALLOW


def test_a_kernel_dies_with_its_parent_and_stays_countable(machine: str) -> None:
    set_death_signal, set_dumpable, set_name = 1, 4, 15
    assert answer(machine, "prctl", set_death_signal, 0) == 0
    assert answer(machine, "prctl", set_dumpable, 0) == 0
    assert answer(machine, "prctl", set_name) == ALLOW


def test_signals_only_to_itself(machine: str) -> None:
    for call in ("kill", "tkill", "pidfd_send_signal"):
        assert answer(machine, call, 77, 9) == ALLOW
        assert answer(machine, call, 77, 9, only_signals=77) == errno.EPERM
    assert answer(machine, "tgkill", 77, 78, 6, only_signals=77) == ALLOW, "abort()"
    assert answer(machine, "tgkill", 76, 76, 9, only_signals=77) == errno.EPERM


def test_limits_of_others_stay_as_they_are(machine: str) -> None:
    assert answer(machine, "prlimit64", 0, 7, shared=True) == ALLOW
    assert answer(machine, "prlimit64", 4711, 0, shared=True) == errno.EPERM


def test_other_tables_of_calls(machine: str) -> None:
    i386 = 0x40000003
    assert answer(machine, "read", arch=i386) == KILL
    x32 = 0x40000000
    expected = errno.EPERM if machine == "x86_64" else ALLOW  # elsewhere the number means nothing
    assert answer(machine, NUMBERS[machine]["read"] | x32) == expected
    if machine == "x86_64":
        assert answer(machine, 520 | x32) == errno.EPERM, "x32's own execve"


def test_unknown_machine(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert seccomp.supported() and seccomp.program() == seccomp.program(machine)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.supported()
    with pytest.raises(KeyError):
        seccomp.program()
