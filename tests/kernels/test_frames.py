"""Messages on the line to a kernel: whole, in order, or an error that says what was wrong."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time

import pytest

from autograder.kernels.frames import LONGEST, Reader, Spoilt, packed


@pytest.fixture
def line():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_messages_arrive_whole_whatever_the_pieces(line) -> None:
    ours, theirs = line
    messages = [{"n": n, "text": "窓口" * n} for n in (0, 1, 1000, 200_000)]
    bytes_ = b"".join(map(packed, messages))

    def send() -> None:
        for at in range(0, len(bytes_), 70_001):
            theirs.sendall(bytes_[at : at + 70_001])

    thread = threading.Thread(target=send)
    thread.start()
    reader = Reader(ours)
    assert [reader.read(10) for _ in messages] == messages
    thread.join()


def test_half_a_message_is_kept_until_the_rest_comes(line) -> None:
    ours, theirs = line
    reader, message = Reader(ours), packed(["a", 1])
    theirs.sendall(message[:7])
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        reader.read(0.05)
    assert time.monotonic() - began >= 0.05
    theirs.sendall(message[7:])
    assert reader.read(5) == ["a", 1]


def test_the_end_of_the_line(line) -> None:
    ours, theirs = line
    theirs.sendall(packed(1) + packed(2)[:3])
    theirs.close()
    reader = Reader(ours)
    assert reader.read(5) == 1
    with pytest.raises(EOFError):
        reader.read(5)


@pytest.mark.parametrize(
    "noise",
    [
        struct.pack(">I", LONGEST + 1),
        struct.pack(">I", 5) + b"{nope",
        struct.pack(">I", 200_000) + b"[" * 200_000,
    ],
    ids=["too long", "no JSON", "too deep"],
)
def test_noise_is_told_from_messages(line, noise: bytes) -> None:
    ours, theirs = line
    theirs.sendall(noise)
    with pytest.raises(Spoilt):
        Reader(ours).read(5)


def test_lone_surrogates_are_replaced(line) -> None:
    ours, theirs = line
    theirs.sendall(packed({"text": "a\ud800b"}))
    text = Reader(ours).read(5)["text"]
    assert text.startswith("a") and text.endswith("b")
    json.dumps(text, ensure_ascii=False).encode("utf-8")
