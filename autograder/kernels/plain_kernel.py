"""An IPython kernel that answers one client over one socket: ipykernel without ZeroMQ and without threads.

The shell, the display hook, the formatters and ``do_execute`` are ipykernel's own; only the way its messages
take is another one (:class:`_Wire`). :func:`prepare` makes the kernel in the parent, once; each fork of it
:meth:`settles <PlainKernel.settle>` in its hand-in's folder and :meth:`serves <PlainKernel.serve>`.

A request is ``{"number", "code", "silent", "store_history", "user_expressions", "output_bytes"}``. What comes
back carries its number: any number of ``{"number", "type", "content"}`` as in Jupyter's messages, then one
``{"number", "reply"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell as IPythonShell
from IPython.core.compilerop import CachingCompiler
from IPython.core.profiledir import ProfileDir
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from traitlets import Instance, Type
from traitlets.config import Config

from .frames import LONGEST, Reader, packed
from .transform import PlainPythonFirst

__all__ = ["PlainKernel", "prepare"]

_FLUSH_S = 0.005
_FLUSH_CHARACTERS = 8192
_READ_BYTES = 1 << 16
_LONGEST_TEXT = 100_000  # of an error
_OUTPUTS = ("stream", "display_data", "execute_result", "error", "update_display_data", "clear_output")
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_log.propagate = False


def prepare() -> PlainKernel:
    """Make the kernel and its shell. To be called once a process, before it forks."""
    config = Config()
    config.HistoryManager.enabled = False  # no database of past commands
    config.InteractiveShell.xmode = "Plain"  # IPython's own takes 20 ms and quotes lines around the error
    config.InteractiveShell.colors = "nocolor"
    kernel = PlainKernel.instance(config=config, session=_Wire(), log=_log)
    if "" not in sys.path:
        sys.path.insert(0, "")  # the notebook's folder
    shell = kernel.shell
    shell.extension_manager.load_extension("IPython.extensions.storemagic")
    if "matplotlib" in sys.modules:  # figures are shown in this shell
        importlib.import_module("matplotlib_inline.backend_inline")
    shell.user_ns_hidden.update(shell.user_ns)  # %who shows the learner's own names
    return kernel


class _Wire(Session):  # type: ignore[misc]
    """Where ipykernel's messages go: to the one client, while a request is being answered."""

    line: _Line | None = None

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *_: Any, **__: Any) -> Any:
        kind = msg_or_type
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["header"]["msg_type"], msg_or_type["content"]
        if self.line is not None and kind in _OUTPUTS:
            self.line.tell(kind, content)
        return None


class _Line:
    """The socket, and how much a request may still say."""

    def __init__(self, line: socket.socket) -> None:
        self._socket = line
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._number = 0
        self._left = 0

    @property
    def is_ours(self) -> bool:
        """False in a process that the learner's code has forked."""
        return os.getpid() == self._owner

    def begin(self, number: int, output_bytes: int) -> None:
        self._number, self._left = number, output_bytes

    def tell(self, kind: str, content: Any) -> None:
        """Send an output, unless the request has said enough."""
        if not self.is_ours:
            return
        with self._lock:
            if self._left < 0:
                return
            message = packed({"number": self._number, "type": kind, "content": content}, json_default)
            self._left -= len(message)
            if self._left < 0:
                message = packed({"number": self._number, "type": "too_much", "content": {}})
            self._send(message)

    def reply(self, content: dict[str, Any]) -> None:
        with self._lock:
            message = packed({"number": self._number, "reply": content}, json_default)
            if len(message) > LONGEST:
                message = packed({"number": self._number, "reply": {"status": "error", "ename": "TooLong"}})
            self._send(message)

    def _send(self, message: bytes) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # an interrupt must not leave half of it
        try:
            self._socket.sendall(message)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class _Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr``: text goes to the client, with what else is written to the descriptor.

    Programs that the notebook starts, and libraries in C, write into descriptor 1 or 2: a file without a name
    in the hand-in's folder, read when there is something new.
    """

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, fd: int, line: _Line) -> None:
        self.name = f"<{name}>"
        self._name, self._fd, self._line = name, fd, line
        self._lock = threading.RLock()
        self._texts: list[str] = []
        self._characters = 0
        self._flushed_at = 0.0
        self._read = os.fstat(fd).st_size

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if not self._line.is_ours:  # a fork of the notebook: as any other program that it starts
            os.write(self._fd, text.encode("utf-8", "replace"))
            return len(text)
        with self._lock:
            self._take_from_file()
            self._texts.append(text)
            self._characters += len(text)
            late = "\n" in text and time.monotonic() - self._flushed_at > _FLUSH_S
            if late or self._characters > _FLUSH_CHARACTERS:
                self._say()
        return len(text)

    def flush(self) -> None:
        if self._line.is_ours:
            with self._lock:
                self._take_from_file()
                self._say()

    def _take_from_file(self) -> None:
        size = os.fstat(self._fd).st_size
        if size <= self._read:
            return
        self._say()
        text = os.pread(self._fd, min(size - self._read, _READ_BYTES), self._read).decode("utf-8", "replace")
        self._read = size
        self._line.tell("stream", {"name": self._name, "text": text})

    def _say(self) -> None:
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._characters = 0
            self._line.tell("stream", {"name": self._name, "text": text})
            self._flushed_at = time.monotonic()


class ZMQInteractiveShell(IPythonShell):  # type: ignore[misc]
    """The shell of a kernel, under the name by which libraries know that they are in a notebook.

    ipykernel asks for everything about a cell twice: the second answer is the first one.
    """

    input_transformer_manager = Instance(PlainPythonFirst, ())
    _transformed: tuple[str, str] | None = None
    _is_async: tuple[str, bool] | None = None

    def transform_cell(self, raw_cell: str) -> str:
        """Magics made Python."""
        if self._transformed is None or self._transformed[0] != raw_cell:
            self._transformed = None
            self._transformed = raw_cell, super().transform_cell(raw_cell)
        return self._transformed[1]

    def should_run_async(self, raw_cell: str, *, transformed_cell: str | None = None, **more: Any) -> bool:
        """Whether there is an ``await`` outside of functions."""
        if transformed_cell is None or more.get("preprocessing_exc_tuple") is not None:
            return super().should_run_async(raw_cell, transformed_cell=transformed_cell, **more)
        if self._is_async is None or self._is_async[0] != transformed_cell:
            self._is_async = (
                transformed_cell,
                super().should_run_async(raw_cell, transformed_cell=transformed_cell, **more),
            )
        return self._is_async[1]

    def forget_cell(self) -> None:
        """Look at the next cell anew, even if it is the same one: a transformer may have been added."""
        self._transformed = self._is_async = None


class PlainKernel(IPythonKernel):  # type: ignore[misc]
    """See the module."""

    shell_class = Type(ZMQInteractiveShell)
    compiler_class = Type(CachingCompiler)  # ipykernel's own hashes the source in Python, for a debugger

    def settle(self, folder: str, line: socket.socket) -> None:
        """Be at home in the hand-in's folder, in this process and its environment; open nothing later."""
        gc.enable()
        self._line = _Line(line)
        self._reader = Reader(line)
        shell = self.shell
        shell.init_environment()
        shell.ipython_dir = os.environ.get("IPYTHONDIR", folder)
        self.profile_dir = ProfileDir.create_profile_dir_by_name(shell.ipython_dir, "default")
        shell.profile_dir = self.profile_dir
        shell.starting_dir = os.getcwd()
        shell.history_manager.dir_hist[:] = [Path.cwd()]
        for fd, name in ((1, "stdout"), (2, "stderr")):
            file = _nameless_file(folder)
            os.dup2(file, fd)
            os.close(file)
            setattr(sys, name, _Stream(name, fd, self._line))
            original = io.FileIO(fd, "w", closefd=False)
            setattr(sys, f"__{name}__", io.TextIOWrapper(original, "utf-8", "replace", write_through=True))
        try:
            os.close(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
        except OSError:  # "!command" would ask for a terminal
            shell.system = shell.system_raw
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # but while code runs
        self._loop = asyncio.new_event_loop()

    def serve(self) -> None:
        """Answer requests until the client closes the line or the code asks for the end."""
        # ipykernel asks these how it may interrupt a coroutine, and where it may end (we look at exit_now)
        self.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        self.io_loop = SimpleNamespace(
            add_callback=self._loop.call_soon_threadsafe, call_later=self._loop.call_later, stop=lambda: None
        )
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        while not self.shell.exit_now:
            try:
                request = self._reader.read()
            except EOFError:
                return
            self._line.begin(request["number"], request["output_bytes"])
            self.session.line = self._line
            self.shell.forget_cell()
            reply = await self._answer(request)
            if not self._line.is_ours:
                os._exit(0)  # a process that the code has forked, at the end of its copy of the cell
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            self.session.line = None
            self._line.reply(reply)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        parent = {"header": {"msg_id": str(request["number"]), "msg_type": "execute_request"}}
        self.set_parent([], parent)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                content = await self.do_execute(
                    request["code"],
                    request["silent"],
                    store_history=request["store_history"],
                    user_expressions=request["user_expressions"],
                )
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except (Exception, KeyboardInterrupt, asyncio.CancelledError) as error:
            content = {"status": "error", "ename": type(error).__name__, "evalue": str(error)}
        return _bounded(content)


def _bounded(reply: dict[str, Any]) -> dict[str, Any]:
    """The part of a reply that is of use, without texts that are longer than anybody reads."""
    kept = {k: reply[k] for k in ("status", "execution_count", "user_expressions") if k in reply}
    if reply.get("status") == "error":
        kept["ename"] = str(reply.get("ename"))[:_LONGEST_TEXT]
        kept["evalue"] = str(reply.get("evalue"))[:_LONGEST_TEXT]
        kept["traceback"] = [str(part)[:_LONGEST_TEXT] for part in list(reply.get("traceback") or ())[:100]]
    return kept


def _nameless_file(folder: str) -> int:
    """A file in the folder that ends with the process; several processes may write to its end."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(folder, flags | os.O_TMPFILE, 0o600)
    except OSError:  # not every file system has such files
        path = os.path.join(folder, f".takara-{os.getpid()}-{time.monotonic_ns()}")
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(path)
        return fd
