"""JSON messages over a stream socket: four bytes of length, then UTF-8."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

__all__ = ["LONGEST", "Reader", "Spoilt", "packed"]

LONGEST = 1 << 26  # bytes; a kernel cuts what is longer
_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 16


class Spoilt(ValueError):
    """What came is no message: the learner's code has written into the line."""


def packed(fields: Any, default: Any = None) -> bytes:
    """A message as bytes, to be sent in one piece."""
    text = json.dumps(fields, default=default).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(text)) + text


class Reader:
    """Reads messages from a socket, none of them twice and none of them half."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._buffer = bytearray()

    def read(self, timeout_s: float | None = None) -> Any:
        """The next message.

        Parameters
        ----------
        timeout_s : float, optional
            Without one, wait for ever.

        Raises
        ------
        TimeoutError
            Nothing whole has come in time. What has come is kept for the next call.
        EOFError
            The other side has closed.
        Spoilt
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        start = _LENGTH.size
        while True:
            if len(self._buffer) >= start:
                (length,) = _LENGTH.unpack_from(self._buffer)
                if length > LONGEST:
                    raise Spoilt(f"a message of {length} bytes")
                if len(self._buffer) >= start + length:
                    text = bytes(self._buffer[start : start + length])
                    del self._buffer[: start + length]
                    return _unpacked(text)
            self._line.settimeout(None if until is None else max(0.0001, until - time.monotonic()))
            try:
                chunk = self._line.recv(_CHUNK)
            except ConnectionError as error:
                raise EOFError from error
            if not chunk:
                raise EOFError
            self._buffer += chunk


def _unpacked(text: bytes) -> Any:
    """Lone surrogates, which nobody could write as UTF-8, are replaced."""
    try:
        value = json.loads(text.decode("utf-8", "replace"))
        if b"\\ud" in text.lower():
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Spoilt(str(error)[:200]) from error
    return value
