"""Starts the parent and talks to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import secrets
import selectors
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from .request import Start

_START_TIMEOUT_S = 120.0
_ANSWER_TIMEOUT_S = 45.0  # more than the parent gives a kernel to start
_REPLACEMENT_S = 3.0
_RESTARTS = 3
_LONGEST_BASE = 60
_ERRORS = "stderr.txt"
_log = logging.getLogger("autograder.kernels")


class ParentError(RuntimeError):
    """The parent did not start, is gone, or could not fork: use an ordinary kernel instead."""


@dataclass(frozen=True)
class Address:
    """Where a parent listens, and the word that opens it. Never given to a kernel."""

    path: str
    key: str


@dataclass(frozen=True)
class End:
    """How a kernel ended: exit code, the reason if the parent ended it, its own memory at the most.

    ``lost``: the parent itself is gone, which says nothing about the code that the kernel ran.
    """

    code: int
    cause: str = ""
    peak_mb: int = 0
    lost: bool = False


class ForkParent:
    """A parent process with these modules imported; a context manager.

    Should the process die, another one takes its place at the same address (some times, not for ever).

    Parameters
    ----------
    modules : iterable of str, optional
        What the notebooks import. A module that is missing, or that starts threads when it is imported, is
        left to the notebook (``missing``). None: not known yet; what every kernel needs is imported
        meanwhile, and :meth:`add` must follow.

    Raises
    ------
    ParentError
        When it cannot be started (no fork on this system, an import that never ends, …).
    """

    def __init__(self, modules: Iterable[str] | None = ()) -> None:
        if not hasattr(os, "fork") or not Path("/proc/self/task").is_dir():
            raise ParentError("no fork or no /proc on this system")
        self._folder = tempfile.TemporaryDirectory(
            prefix="tkp-", dir=folder_for_sockets(), ignore_cleanup_errors=True
        )
        self.address = Address(str(Path(self._folder.name, "s")), secrets.token_hex(16))
        self.missing: tuple[str, ...] = ()
        self._modules = None if modules is None else list(modules)
        self._threaded: list[str] = []
        self._ready = self._closed = False
        self._lock = threading.Lock()
        try:
            self.process = self._launch()
        except OSError as error:
            self._folder.cleanup()
            raise ParentError(f"the parent cannot be started: {error}") from error

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = Path(self._folder.name, "home")
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            os.unlink(self.address.path)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
            open(folder / _ERRORS, "wb") as errors,
        ):
            listener.bind(self.address.path)
            listener.listen(64)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autograder.kernels.parent", f"--socket={listener.fileno()}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=[listener.fileno()],
                env=_environment(str(folder)),
                cwd=folder,
                start_new_session=True,
            )
        _tell(process, self.address.key)
        if self._modules is not None:
            _tell(process, ",".join(self._modules))
        return process

    def add(self, modules: Iterable[str]) -> None:
        """Say what the notebooks import, when it was not known at the start."""
        assert self._modules is None
        self._modules = list(modules)
        _tell(self.process, ",".join(self._modules))

    def wait_until_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Wait for the imports to end.

        Raises
        ------
        ParentError
        """
        if self._ready:
            return
        while True:
            said = self._answer(timeout_s)
            threaded = said.get("threads")
            if not self._modules or threaded not in self._modules:
                break
            self._modules.remove(threaded)
            self._threaded.append(threaded)
            _end(self.process)
            self.process = self._launch()
        if "ready" not in said:
            self.close()
            raise ParentError(said.get("error") or f"{threaded} starts threads")
        self.missing = (*said["missing"], *self._threaded)
        self._ready = True
        threading.Thread(target=self._keep_alive, name="takara-fork-parent", daemon=True).start()

    def _answer(self, timeout_s: float) -> dict:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(timeout_s) else b""
        try:
            return json.loads(line)
        except ValueError:
            errors = Path(self._folder.name, "home", _ERRORS).read_text("utf-8", "replace").split("\n")
            last = next((text for text in reversed(errors) if text.strip()), "")
            return {"error": f"no answer (exit status {self.process.poll()}) {last}".strip()}

    def _keep_alive(self) -> None:
        for _ in range(_RESTARTS):
            process = self.process
            process.wait()
            with self._lock:
                if self._closed:
                    return
                _log.warning("the parent of the kernels ended (%s); starting another", process.returncode)
                _end(process)
                try:
                    self.process = self._launch()
                except OSError:
                    return

    def close(self) -> None:
        """End the parent and all its kernels."""
        with self._lock:
            self._closed = True
            _end(self.process)
        self._folder.cleanup()

    def __enter__(self) -> ForkParent:
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def early_parent() -> Iterator[ForkParent | None]:
    """A parent that starts before it is known what the notebooks import; none where there is no fork."""
    parent = None
    with contextlib.suppress(ParentError):
        parent = ForkParent(None)
    try:
        yield parent
    finally:
        if parent is not None:
            parent.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # gone already: the answer will say so
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()


def folder_for_sockets() -> str:
    """Where temporary folders with sockets go: the path of a socket must stay below 108 bytes."""
    base = tempfile.gettempdir()
    return base if len(os.fsencode(base)) <= _LONGEST_BASE else "/tmp"


def _environment(folder: str) -> dict[str, str]:
    """What the parent needs of our environment: no secret may be in its memory when it forks."""
    wanted = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in (*wanted, "PYTHONPATH") if name in os.environ}
    if site.ENABLE_USER_SITE:
        env["PYTHONUSERBASE"] = site.getuserbase()  # else looked for in the home that we give it
    return env | {
        "HOME": folder,
        "IPYTHONDIR": folder,
        "JUPYTER_CONFIG_DIR": folder,
        "MPLCONFIGDIR": _matplotlib_cache() or folder,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _matplotlib_cache() -> str | None:
    """Where our own list of fonts is kept, which takes seconds to make anew.

    By matplotlib's rule for Linux; to ask ``matplotlib.get_cachedir()`` would take an import.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("MPLCONFIGDIR") or os.path.join(caches, "matplotlib")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


class Connection:
    """One process's line to the parent; may be used from several threads."""

    _shared: ClassVar[dict[tuple[str, int], Connection]] = {}
    _shared_lock = threading.Lock()

    def __init__(self, address: Address) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._ends: dict[int, End] = {}
        self._signalled = self._imports = 0
        self._pids: dict[int, int] = {}
        self._gone = False
        self._socket = _dial(address.path)
        try:
            self._send({"key": address.key})
            if "ready" not in json.loads(self._socket.recv(4096) or b"{}"):
                raise ParentError("the parent refused the connection")
        except (OSError, ValueError, ParentError) as error:
            self._socket.close()
            raise ParentError(f"the parent cannot be reached: {error}") from error

    @classmethod
    def shared(cls, address: Address) -> Connection:
        """The connection of this process to that parent; a new one where the parent was replaced."""
        with cls._shared_lock:
            key = (address.path, os.getpid())
            if key not in cls._shared or cls._shared[key]._gone:
                cls._shared[key] = cls(address)
            return cls._shared[key]

    def start(self, start: Start, line: socket.socket | None = None) -> tuple[int, int]:
        """Fork a kernel; return the handle to name it by, and the kernel's process id.

        Parameters
        ----------
        start : Start
        line : socket, optional
            The kernel's end of the line to its client.

        Raises
        ------
        ParentError
            With the cause, when there is no kernel.
        """
        with self._lock:
            handle = next(self._numbers)
            self._send(start.to_dict() | {"number": handle}, line)
            end = time.monotonic() + _ANSWER_TIMEOUT_S
            try:
                while handle not in self._pids:
                    if handle in self._ends:
                        raise ParentError(self._ends.pop(handle).cause or "the kernel ended at once")
                    self._receive(end)
            except TimeoutError as error:
                self._send({"number": handle, "signal": int(signal.SIGKILL)})
                raise ParentError("the kernel did not start in time") from error
            return handle, self._pids.pop(handle)

    def import_modules(self, names: Iterable[str]) -> None:
        """Let the parent import more, for the kernels that it will fork. What cannot be imported is left out.

        Raises
        ------
        ParentError
            A module starts threads, or something else ended the parent; another one, without these modules,
            takes its place.
        """
        with self._lock:
            awaited = self._imports + 1
            self._send({"import": list(names)})
            until = time.monotonic() + _START_TIMEOUT_S
            try:
                while self._imports < awaited:
                    self._receive(until)
            except TimeoutError as error:
                raise self._lost() from error

    def signal(self, handle: int, number: int) -> None:
        """Send a signal to a kernel, and return when it was sent; SIGKILL ends it with all it has started."""
        with self._lock:
            until = time.monotonic() + _ANSWER_TIMEOUT_S
            awaited = self._signalled + 1
            self._send({"number": handle, "signal": int(number)})
            with contextlib.suppress(TimeoutError):
                while self._signalled < awaited:
                    self._receive(until)

    def ended(self, handle: int, timeout_s: float = 0.0) -> End | None:
        """How a kernel ended; None while it runs."""
        with self._lock:
            end = time.monotonic() + timeout_s
            while handle not in self._ends:
                try:
                    self._receive(end)
                except TimeoutError:
                    return None
                except ParentError as error:
                    return End(-signal.SIGKILL, str(error), lost=True)
            return self._ends[handle]

    def _send(self, fields: dict, line: socket.socket | None = None) -> None:
        try:
            self._socket.settimeout(_ANSWER_TIMEOUT_S)
            socket.send_fds(self._socket, [json.dumps(fields).encode()], [line.fileno()] if line else [])
        except OSError as error:
            raise self._lost() from error

    def _receive(self, end: float) -> None:
        """Read one message of the parent, or raise TimeoutError."""
        try:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            message = self._socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError as error:
            raise self._lost() from error
        if not message:
            raise self._lost()
        fields = json.loads(message)
        if "kernel" in fields:
            self._pids[fields["kernel"]] = fields["pid"]
        elif "signalled" in fields:
            self._signalled += 1
        elif "imported" in fields:
            self._imports += 1
        elif "ended" in fields:
            self._ends[fields["ended"]] = End(fields["code"], fields["cause"], fields["peak_mb"])

    def _lost(self) -> ParentError:
        self._gone = True
        self._socket.close()
        return ParentError("the parent is gone")


def _dial(path: str) -> socket.socket:
    """Connect; for a moment there may be nobody, while a parent is being replaced."""
    deadline = time.monotonic() + _REPLACEMENT_S
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.settimeout(_START_TIMEOUT_S)  # it answers when it has imported everything
        try:
            line.connect(path)
            return line
        except OSError as error:
            line.close()
            nobody = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            waiting = nobody and time.monotonic() < deadline and os.path.isdir(os.path.dirname(path))
            if not waiting:
                raise ParentError(f"the parent cannot be reached: {error}") from error
            time.sleep(0.05)
