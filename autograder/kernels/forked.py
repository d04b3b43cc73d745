"""A forked kernel from its client's side: run code, hear what it says, interrupt it, end it."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from .client import Address, Connection, End, ParentError
from .frames import Reader, Spoilt, packed
from .request import Start

__all__ = ["ForkedKernel", "KernelEnded"]

_LOOK_S = 1.0  # how often to look whether a silent kernel is still there
_END_TIMEOUT_S = 10.0
_GRACE_S = 2.0  # for a kernel that has closed its line to end by itself

Heard = Callable[[str, dict[str, Any]], None]


class KernelEnded(RuntimeError):
    """The kernel is no more; ``end`` says how it went."""

    def __init__(self, end: End) -> None:
        super().__init__(f"the kernel ended: {end}")
        self.end = end


class ForkedKernel:
    """Fork a kernel and hold the line to it; for one thread.

    ``doubts`` has what no kernel says by itself: a second reply to a request. Somebody else may have given
    the first one.

    Parameters
    ----------
    address : Address
        Of the parent.
    start : Start

    Raises
    ------
    ParentError
        When there is no kernel.
    """

    def __init__(self, address: Address, start: Start) -> None:
        self._connection = Connection.shared(address)
        self._numbers = itertools.count(1)
        self._end: End | None = None
        self._answered: set[int] = set()
        self.doubts: list[str] = []
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._reader = Reader(self._line)
        try:
            self._handle, self.pid = self._connection.start(start, theirs)
        except BaseException:
            self._line.close()
            raise
        finally:
            theirs.close()

    def ask(
        self,
        code: str,
        *,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        output_bytes: int = 0,
    ) -> int:
        """Send code to be run, and return the number of the request; :meth:`answer` waits for its reply.

        Parameters
        ----------
        code : str
        silent, store_history, user_expressions
            As in Jupyter's ``execute_request``.
        output_bytes : int
            What is said beyond is left out.

        Raises
        ------
        KernelEnded
        """
        number = next(self._numbers)
        request = {
            "number": number,
            "code": code,
            "silent": silent,
            "store_history": store_history,
            "user_expressions": dict(user_expressions or {}),
            "output_bytes": output_bytes,
        }
        try:
            self._line.settimeout(_END_TIMEOUT_S)
            self._line.sendall(packed(request))
        except OSError as error:  # it does not listen: gone, or its line was taken by the learner's code
            raise KernelEnded(self.kill()) from error
        return number

    def answer(self, number: int, timeout_s: float, heard: Heard | None = None) -> dict[str, Any]:
        """The reply to a request; outputs are told to ``heard`` as they come: type and content.

        Raises
        ------
        TimeoutError
            The code still runs; call again to wait on.
        KernelEnded
        """
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                message = self._reader.read(min(left, _LOOK_S))
            except TimeoutError:
                if end := self.poll():
                    raise KernelEnded(end) from None
                continue
            except EOFError:
                raise KernelEnded(self._ended()) from None
            except Spoilt as error:
                end = self.kill()
                raise KernelEnded(End(end.code, f"nonsense on the line: {error}", end.peak_mb)) from error
            told = message.get("number") if isinstance(message, dict) else None
            if told != number:  # late, of an earlier request
                if told in self._answered and "reply" in message:
                    self.doubts = ["a request got two replies"]
                continue
            reply = message.get("reply")
            if isinstance(reply, dict):
                self._answered.add(number)
                return reply
            if heard is not None and isinstance(message.get("content"), dict):
                heard(str(message.get("type")), message["content"])

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the code that runs."""
        self.send_signal(signal.SIGINT)

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel, if there is one."""
        with contextlib.suppress(ParentError):  # the parent is gone, and the kernel with it
            self._connection.signal(self._handle, number)

    def poll(self) -> End | None:
        """How it ended; None while it runs."""
        if self._end is None:
            self._end = self._connection.ended(self._handle)
        return self._end

    def kill(self) -> End:
        """End it with all that it has started. Does nothing to one that has ended."""
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)
        return self._ended()

    def _ended(self) -> End:
        """Its end; one that does not come although its line is closed is brought about."""
        if self._end is None:
            self._end = self._connection.ended(self._handle, _GRACE_S)
        if self._end is None:
            self.send_signal(signal.SIGKILL)
            self._end = self._connection.ended(self._handle, _END_TIMEOUT_S)
        self._line.close()
        return self._end or End(-signal.SIGKILL, "the kernel does not end")
