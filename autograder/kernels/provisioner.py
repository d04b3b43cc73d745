"""A Jupyter kernel provisioner whose kernels are forked and confined.

Registered as ``takara-fork`` (entry point group ``jupyter_client.kernel_provisioners``). Its configuration
comes with the kernel spec, see :func:`kernel_manager`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Dict, Unicode

from .client import Address, Connection, End, ParentError
from .request import Bounds, Start

_POLL_S = 0.005
_END_TIMEOUT_S = 10.0


class ForkedProcess:
    """A forked kernel, with the methods of ``subprocess.Popen`` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, connection: Connection, handle: int, pid: int) -> None:
        self.connection, self.handle, self.pid = connection, handle, pid
        self.end: End | None = None

    @property
    def returncode(self) -> int | None:
        return None if self.end is None else self.end.code

    def poll(self) -> int | None:
        if self.end is None:
            self.end = self.connection.ended(self.handle)
        return self.returncode

    def wait(self, timeout: float | None = _END_TIMEOUT_S) -> int | None:
        if self.end is None:
            self.end = self.connection.ended(self.handle, timeout or _END_TIMEOUT_S)
        return self.returncode

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ParentError):  # the parent is gone, and the kernel with it
            self.connection.signal(self.handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]  # jupyter_client's traits are not typed
    """Asks the parent to fork; everything else is jupyter_client's own."""

    parent_path = Unicode(help="Path of the parent's socket.").tag(config=True)
    parent_key = Unicode(help="The word that opens it.").tag(config=True)
    tier = Unicode("namespaces", help="Which walls: namespaces, landlock or none.").tag(config=True)
    bounds = Dict(help="Fields of autograder.kernels.request.Bounds.").tag(config=True)
    folder = Unicode(help="Private folder of the hand-in.").tag(config=True)
    end: End | None = None  # how the kernel ended, when it has

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork instead of starting ``cmd``."""
        connection = Connection.shared(Address(self.parent_path, self.parent_key))
        start = Start(
            connection_file=self.parent.connection_file,
            folder=self.folder,
            cwd=str(kwargs.get("cwd") or os.getcwd()),
            env={str(name): str(value) for name, value in (kwargs.get("env") or {}).items()},
            tier=self.tier,
            bounds=Bounds(**self.bounds),
            arguments=tuple(cmd[cmd.index(self.parent.connection_file) + 1 :]),
        )
        handle, pid = await asyncio.to_thread(connection.start, start)
        self.process = ForkedProcess(connection, handle, pid)
        self.pid, self.pgid = pid, None
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the end of the kernel; a killed one is gone in some milliseconds."""
        process = self.process
        if process is None:
            return None
        deadline = time.monotonic() + _END_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        self.process, self.end = None, process.end
        return process.returncode


class _OneKernel(KernelSpecManager):  # type: ignore[misc]
    """Knows one kernel: the forked one."""

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self._spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self._spec


def kernel_manager(
    sockets: Path, folder: Path, address: Address, tier: str, bounds: Bounds
) -> AsyncKernelManager:
    """A kernel manager for a forked kernel.

    Parameters
    ----------
    sockets : Path
        Folder for the connection file and the sockets; below ``folder``.
    folder : Path
        Private folder of the hand-in: all that the kernel may write to.
    address : Address
        Of the parent.
    tier : str
        See ``autograder.kernels.sandbox``.
    bounds : Bounds
    """
    config = {
        "parent_path": address.path,
        "parent_key": address.key,
        "tier": tier,
        "bounds": asdict(bounds),
        "folder": str(folder),
    }
    spec = KernelSpec(
        argv=["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3 (forked)",
        language="python",
        metadata={"kernel_provisioner": {"provisioner_name": "takara-fork", "config": config}},
    )
    km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_OneKernel(spec))
    km.connection_file = str(sockets / "connection.json")
    km.transport = "ipc"
    km.ip = str(sockets / "k")
    return km


__all__ = ["ForkProvisioner", "ForkedProcess", "ParentError", "kernel_manager"]
