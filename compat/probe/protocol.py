"""What the controller and a probe say to each other: lines of JSON, each followed by the raw bytes it announces.

A message is one line, ``{"v": 1, "op": ..., "frames": [n, ...], ...}``, and then ``sum(frames)`` bytes. The
controller sends ``hello``, ``run`` and ``quit``. The probe answers ``ready`` once. ``run`` names the cases that one
process is to run; the answer is a ``result`` for each in their order, and the first fault ends the group.
What comes from a runtime is untrusted: the bytes and the values of a line and the sum of its frames are limited, and a
reader gives up at its deadline.
"""

from __future__ import annotations

import json
import math
import os
import select
import time
from dataclasses import dataclass, field
from typing import Any

from compat.errors import ProtocolError
from compat.model import Fault, Identity, Measurement

__all__ = [
    "ANSWER_LIMIT",
    "CASE_LIMIT",
    "FRAMES_LIMIT",
    "LINE_LIMIT",
    "PROTOCOL_VERSION",
    "VALUES_LIMIT",
    "CaseRequest",
    "CaseResult",
    "Hello",
    "Message",
    "OutputHeader",
    "Parser",
    "Reader",
    "Ready",
    "pack",
]

Message = tuple[str, dict[str, Any], tuple[bytes, ...]]  # op, body, frames

PROTOCOL_VERSION = 1
LINE_LIMIT = 4 * 1024 * 1024  # bytes of a header line
CASE_LIMIT = 512 * 1024  # of the line in which a case's process answers: it is kept as long as the evidence is
ANSWER_LIMIT = CASE_LIMIT + 64 * 1024  # and of the line in which its zygote does, who adds what the case printed
VALUES_LIMIT = 32 * 1024  # values in a header line: a short one takes fifty times its bytes in memory
FRAMES_LIMIT = 64 * 1024 * 1024  # bytes after one header line


@dataclass(frozen=True)
class CaseRequest:
    """One case, as the probe needs to know it. Paths are the runtime's."""

    id: int
    nonce: str  # a result that does not repeat it is refused
    workload: str
    path: str
    tier: str
    params: dict[str, Any]
    seeds: int
    timed: bool
    extra_metrics: tuple[dict[str, Any], ...]
    artifact: str | None
    timeout: float
    imports: tuple[str, ...] = ()  # modules that are no part of what is measured, whoever imports them
    look: bool = False  # for the first time here: tell what costs more than a case, libraries and contexts
    loads: str | None = None  # whose saved files it loads, which are in the folder ``saved``
    saved: str | None = None
    save: bool = False  # nothing is run: the answer's outputs are the files that others will load


@dataclass(frozen=True)
class OutputHeader:
    """An array without its bytes; the bytes are the frame of the same index."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    seed: int
    reference: bool


@dataclass(frozen=True)
class CaseResult:
    """What became of a request."""

    id: int
    nonce: str
    seconds: float
    inputs: str
    measurements: tuple[Measurement, ...] = ()
    outputs: tuple[OutputHeader, ...] = ()
    fault: Fault | None = None
    notes: tuple[str, ...] = ()
    took: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)  # loaded beyond what the zygote has: name -> sha256


@dataclass(frozen=True)
class Hello:
    """The controller's first words."""

    imports: tuple[str, ...]
    memory: int | None = None  # bytes that a case's process may have of its own; None where a container bounds it
    libraries: dict[str, str] = field(default_factory=dict)  # what earlier zygotes of this runtime found: Ready
    cgroup: str = ""  # the folder of the cgroup that bounds how many processes there may be, where one does
    interpret: bool = False  # kernels run in Triton's interpreter, which is decided when Triton is imported
    room: str = ""  # the folder that only this probe's cases write to; none in a container, where that is every place


@dataclass(frozen=True)
class Ready:
    """The probe's first words: what this runtime really is."""

    identity: Identity
    import_seconds: dict[str, float] = field(default_factory=dict)  # module -> what its import took
    libraries: dict[str, str] = field(default_factory=dict)  # a file as it was -> its digest and name
    notes: tuple[str, ...] = ()  # what is not as it should be, and what cannot be bounded here
    compiler: str = ""  # digests of the compiler's files and of its assemblers, where kernels are compiled


def pack(op: str, body: dict[str, Any], frames: tuple[bytes, ...] = ()) -> bytes:
    """One message as bytes. ``body`` must be JSON without NaN (ValueError)."""
    header = {"v": PROTOCOL_VERSION, "op": op, "frames": [len(frame) for frame in frames], "body": body}
    line = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"".join((line, b"\n", *frames))


class Parser:
    """Takes messages out of a stream of bytes as they become whole. ``line_limit`` may be changed between them."""

    def __init__(
        self, line_limit: int = LINE_LIMIT, frames_limit: int = FRAMES_LIMIT, values_limit: float = VALUES_LIMIT
    ) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self.line_limit = line_limit
        self._frames_limit = frames_limit
        self._values_limit = values_limit
        self._head: tuple[str, dict[str, Any], list[int]] | None = None  # of the message whose frames are still due

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def take(self) -> Message | None:
        """The next whole message; None while it is not whole. ProtocolError for what is not a message."""
        if self._head is None:
            end = self._buffer.find(b"\n", self._searched, self.line_limit + 1)
            self._searched = len(self._buffer)
            if end < 0:
                if len(self._buffer) > self.line_limit:
                    raise ProtocolError("probe", f"sent a line of more than {self.line_limit} bytes")
                return None
            self._head = _header(bytes(self._buffer[:end]), self._frames_limit, self._values_limit)
            del self._buffer[: end + 1]
            self._searched = 0
        op, body, sizes = self._head
        total = sum(sizes)
        if len(self._buffer) < total:
            return None
        frames = _split(bytes(self._buffer[:total]), sizes)
        del self._buffer[:total]
        self._head = None
        return op, body, frames

    def rest(self) -> str:
        """What the stream would have ended in the middle of; empty when nothing is left over."""
        return "an array" if self._head is not None else "a line" if self._buffer else ""


class Reader:
    """Reads messages from a file descriptor, with limits and a deadline."""

    def __init__(
        self,
        fd: int,
        line_limit: int = LINE_LIMIT,
        frames_limit: int = FRAMES_LIMIT,
        values_limit: float = VALUES_LIMIT,
    ) -> None:
        self._fd = fd
        self.parser = Parser(line_limit, frames_limit, values_limit)

    def read(self, deadline: float | None = None) -> Message | None:
        """The next message; None at the end of the stream.

        ``deadline`` is a ``time.monotonic()`` value. Raises ProtocolError for what is not a message, TimeoutError.
        """
        while (message := self.parser.take()) is None:
            wait = None if deadline is None else deadline - time.monotonic()
            if wait is not None and not (wait > 0 and select.select([self._fd], [], [], wait)[0]):
                raise TimeoutError
            data = os.read(self._fd, 1 << 16)
            if not data:
                if self.parser.rest():
                    raise ProtocolError("probe", f"ended in the middle of {self.parser.rest()}")
                return None
            self.parser.feed(data)
        return message


def _split(data: bytes, sizes: list[int]) -> tuple[bytes, ...]:
    frames, start = [], 0
    for size in sizes:
        frames.append(data[start : start + size])
        start += size
    return tuple(frames)


def _header(line: bytes, frames_limit: int, values_limit: float) -> tuple[str, dict[str, Any], list[int]]:
    # Counted before they are made. A comma in a text counts as well: few texts have so many.
    if not sum(map(line.count, (b",", b"[", b"{"))) <= values_limit:
        raise ProtocolError("probe", f"sent a line of more than {values_limit} values")
    try:
        header = json.loads(line, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError("probe", f"sent something that is not a message: {line[:60]!r}") from problem
    version = header.get("v") if isinstance(header, dict) else None
    if type(version) is not int or version != PROTOCOL_VERSION:  # true and 1.0 are equal to 1
        raise ProtocolError("probe", f"does not speak protocol version {PROTOCOL_VERSION}: {line[:60]!r}")
    op, body, sizes = header.get("op"), header.get("body"), header.get("frames")
    if not isinstance(op, str) or not isinstance(body, dict) or not isinstance(sizes, list):
        raise ProtocolError("probe", f"sent a message without op, body and frames: {line[:60]!r}")
    if not all(type(size) is int and size >= 0 for size in sizes) or not sum(sizes) <= frames_limit:
        raise ProtocolError("probe", f"announced arrays of more than {frames_limit} bytes")
    return op, body, sizes


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):  # NaN and Infinity are not JSON; 1e999 is, and is more than a float holds
        raise ValueError(f"{word} is not a finite number")
    return value
