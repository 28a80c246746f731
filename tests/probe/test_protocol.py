from __future__ import annotations

import json
import math
import os
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from compat.errors import ProtocolError
from compat.probe.protocol import PROTOCOL_VERSION, Parser, Reader, pack


class Pipe:
    """A reader and the other end of what it reads."""

    def __init__(self, **limits: int) -> None:
        self._read, self._write = os.pipe()
        self.reader = Reader(self._read, **limits)

    def send(self, data: bytes) -> Pipe:
        os.write(self._write, data)
        return self

    def end(self) -> Pipe:
        if self._write >= 0:
            os.close(self._write)
            self._write = -1
        return self

    def close(self) -> None:
        self.end()
        os.close(self._read)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe(line_limit=256, frames_limit=1024)
    yield made
    made.close()


def line(**changes: Any) -> bytes:
    """A message without frames, with some of its fields changed."""
    return json.dumps({"v": PROTOCOL_VERSION, "op": "run", "frames": [], "body": {}, **changes}).encode() + b"\n"


FRAMES = (b"", b"\n", b"a\nb", bytes(range(256)))
BODY = {"id": 1, "text": "ü\n\u2028", "nothing": None, "list": [1.5, -0.0, 1e-320, 2**70]}

NOT_MESSAGES = {
    "nothing": b"\n",
    "not JSON": b"hello\n",
    "not UTF-8": b'{"v": "\xff\xfe"}\n',
    "a list": b"[]\n",
    "wrong version": line(v=PROTOCOL_VERSION + 1),
    "no version": line(v=None),
    "version true": line(v=True),
    "version 1.0": line(v=1.0),
    "op is a number": line(op=1),
    "no op": line(op=None),
    "body is a list": line(body=[]),
    "frames are a number": line(frames=3),
    "frames are null": line(frames=None),
    "negative frame": line(frames=[-1]),
    "negative and positive frame": line(frames=[-1, 1]),
    "true as a size": line(frames=[True]),
    "float as a size": line(frames=[1.0]),
    "text as a size": line(frames=["1"]),
    "frame over the limit": line(frames=[1025]),
    "frames over the limit": line(frames=[1024, 1]),
    "enormous frame": line(frames=[2**200]),
    "NaN": line(body={"x": float("nan")}),
    "infinity": line(body={"x": float("-inf")}),
    "a number that becomes infinite": b'{"v":1,"op":"run","frames":[],"body":{"x":1e999}}\n',
    "integer of more digits than Python reads": b'{"v":1,"op":"run","frames":[],"body":{"x":' + b"9" * 5000 + b"}}\n",
    "deep JSON": b"[" * 100_000 + b"\n",
    "deep body": b'{"v":1,"op":"run","frames":[],"body":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001 + b"\n",
}


def test_a_message_comes_back_as_it_was_sent(pipe: Pipe) -> None:
    pipe.send(pack("result", BODY, FRAMES)).send(pack("quit", {})).end()
    assert pipe.reader.read() == ("result", BODY, FRAMES)
    assert pipe.reader.read(time.monotonic() + 1) == ("quit", {}, ())
    assert pipe.reader.read() is None


def test_a_message_may_come_byte_by_byte(pipe: Pipe) -> None:
    import threading

    data = pack("run", {"a": 1}, (b"xyz", b"\n"))

    def trickle() -> None:
        for byte in data:
            pipe.send(bytes([byte]))
            time.sleep(0.0005)

    thread = threading.Thread(target=trickle)
    thread.start()
    assert pipe.reader.read(time.monotonic() + 10) == ("run", {"a": 1}, (b"xyz", b"\n"))
    thread.join()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nothing_that_is_not_json_is_packed(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack("result", {"x": value})


@pytest.mark.parametrize("data", NOT_MESSAGES.values(), ids=NOT_MESSAGES.keys())
def test_a_reader_refuses_what_is_not_a_message(data: bytes) -> None:
    made = Pipe(frames_limit=1024)
    try:
        import threading

        thread = threading.Thread(target=lambda: made.send(data).end())  # more than a pipe holds
        thread.start()
        with pytest.raises(ProtocolError) as refused:
            made.reader.read(time.monotonic() + 10)
        thread.join()
    finally:
        made.close()
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_a_parser_gives_messages_as_they_become_whole() -> None:
    data = pack("result", BODY, FRAMES) + pack("quit", {}) + b"{"
    for size in (1, 7, len(data)):
        parser, found = Parser(), []
        for start in range(0, len(data), size):
            parser.feed(data[start : start + size])
            while (message := parser.take()) is not None:
                found.append(message)
        assert found == [("result", BODY, FRAMES), ("quit", {}, ())]
        assert parser.rest() == "a line"
    parser = Parser()
    assert parser.take() is None
    assert parser.rest() == ""
    parser.feed(pack("result", {}, (b"abc",))[:-1])
    assert parser.take() is None
    assert parser.rest() == "an array"


@pytest.mark.parametrize("data", [b"{", line()[:-1], line(frames=[3]), line(frames=[3]) + b"ab"])
def test_a_stream_that_ends_in_a_message_is_refused(pipe: Pipe, data: bytes) -> None:
    pipe.send(data).end()
    with pytest.raises(ProtocolError, match="in the middle of"):
        pipe.reader.read()


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["endless", "ended"])
def test_a_line_has_a_limit(pipe: Pipe, end: bytes) -> None:
    pipe.send(line(op="x" * 300)[:-1] + end)
    with pytest.raises(ProtocolError, match="more than 256 bytes"):
        pipe.reader.read(time.monotonic() + 5)


def test_a_line_and_frames_may_be_as_long_as_their_limits(pipe: Pipe) -> None:
    data = line(op="x" * (256 - len(line(op="")) + 1), frames=[])
    assert len(data) == 257  # with its newline
    pipe.send(data).send(pack("result", {}, (b"a" * 1000, b"b" * 24)))
    assert pipe.reader.read(time.monotonic() + 5) is not None
    assert pipe.reader.read(time.monotonic() + 5) == ("result", {}, (b"a" * 1000, b"b" * 24))


@pytest.mark.parametrize("value", ["0", '""', "[]", "{}", '{"":0}'])
def test_a_line_has_a_limit_of_values(value: str) -> None:
    """They are counted before they are made: ten thousand short ones would take megabytes."""
    refused, taken = Parser(values_limit=10_000), Parser(values_limit=math.inf)
    text = pack("result", {"x": 0}).replace(b'"x":0', b'"x":[' + ",".join([value] * 10_000).encode() + b"]")
    tracemalloc.start()
    refused.feed(text)
    with pytest.raises(ProtocolError, match="more than 10000 values"):
        refused.take()
    assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    tracemalloc.stop()
    taken.feed(text)
    assert taken.take() is not None


@pytest.mark.parametrize("sent", [b"", b'{"v":1', line(frames=[3]) + b"ab"], ids=["nothing", "half", "short frame"])
def test_a_reader_waits_for_its_deadline_without_spinning(pipe: Pipe, sent: bytes) -> None:
    pipe.send(sent)
    begin, used = time.monotonic(), time.process_time()
    with pytest.raises(TimeoutError):
        pipe.reader.read(begin + 0.4)
    assert time.monotonic() - begin >= 0.4
    assert time.process_time() - used < 0.2


def test_a_deadline_that_has_passed_is_past_even_if_there_is_data(pipe: Pipe) -> None:
    pipe.send(line())
    with pytest.raises(TimeoutError):
        pipe.reader.read(time.monotonic() - 1)
    assert pipe.reader.read(time.monotonic() + 5) == ("run", {}, ())
