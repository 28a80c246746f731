"""The three streams of a process that runs a probe, wherever it runs."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import compat
from compat.run.bounds import Bounds
from compat.run.keeper import KEEPER
from compat.run.leftovers import LABEL, OWNER_VARIABLE, this_owner

__all__ = ["Connection", "LocalConnection", "Tail", "wait_writable"]

_PATIENCE = 5.0  # seconds for a process to end by itself once nobody speaks to it any more
_KEEPERS_PATIENCE = 60.0  # seconds for its keeper to end everything: thousands of processes may be in its way
_ROOT = str(Path(compat.__file__).resolve().parents[1])
_NUMBERS = itertools.count()


class Connection(Protocol):
    """What a session needs of the process at the other end."""

    stdout: int  # a file descriptor to read from
    unbounded: tuple[str, ...]  # what could not be bounded of it, in words
    cgroup: str  # the folder of the cgroup that bounds its processes; empty where none does, and in a container
    room: str  # the folder that is its own; empty in a container, where every place is
    image: str  # the id of the container image it runs from; empty where it runs in none
    image_digests: tuple[str, ...]  # by which registries give that image, as far as the engine knows

    @property
    def pid(self) -> int | None:
        """The process id of the probe on this machine; None where the host's processes cannot be seen."""

    def write(self, data: bytes, deadline: float | None = None) -> None:
        """Send all of ``data``. OSError when the other end is gone, TimeoutError when it does not read."""

    def tail(self) -> str:
        """The end of what the process printed to standard error."""

    def close(self) -> None:
        """End the process and everything in it. May be called twice, and on a process that is gone."""


class Tail:
    """Reads a stream to its end in a thread of its own and keeps only the last lines, so that a flood costs nothing."""

    def __init__(self, stream: IO[bytes], limit: int = 8192) -> None:
        self._chunks: deque[bytes] = deque(maxlen=max(1, limit // 1024))
        self._stream = stream
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _pump(self) -> None:
        with self._stream, contextlib.suppress(ValueError, OSError):  # the stream was closed under us
            while data := self._stream.read(1024):
                self._chunks.append(data)

    def text(self, wait: float = 0.0) -> str:
        """What is kept; ``wait`` seconds at most for the stream's end."""
        if wait:
            self._thread.join(wait)
        return b"".join(self._chunks).decode("utf-8", "replace")


class LocalConnection:
    """A process on this machine, below a keeper that ends all that comes of it (``compat.run.keeper``)."""

    image = ""
    image_digests: tuple[str, ...] = ()

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> None:
        """Start ``command`` with exactly the variables ``env``. OSError when it cannot be executed.

        Temporary files go to a folder of its own; without ``cwd`` that is its current and its home folder as well.
        """
        mark = f"{LABEL}-{this_owner()}-"
        bounds = Bounds.make(f"{mark}{next(_NUMBERS)}")
        self.unbounded = bounds.unbounded()
        self.cgroup = str(bounds.cgroup or "")
        self._life, theirs = socket.socketpair()
        with theirs:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", KEEPER.format(root=_ROOT), str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        assert self._keeper.stdin is not None  # noqa: S101 - we asked for pipes
        assert self._keeper.stdout is not None  # noqa: S101
        assert self._keeper.stderr is not None  # noqa: S101
        self._stdin = self._keeper.stdin
        self._stdout = self._keeper.stdout
        self.stdout = self._stdout.fileno()
        os.set_blocking(self._stdin.fileno(), False)
        self._tail = Tail(self._keeper.stderr)
        asked = {
            "command": list(command),
            "env": {**env, OWNER_VARIABLE: this_owner()},
            "cwd": str(cwd or ""),
            "room": str(Path(tempfile.gettempdir()) / mark),
            "cgroup": self.cgroup,
            "processes": bounds.processes,
        }
        try:
            answer = self._ask(asked)
        except BaseException:
            self.close()
            raise
        self._pid, self.room = int(answer["pid"]), str(answer["room"])

    @property
    def pid(self) -> int:
        """The process id of the probe."""
        return self._pid

    def _ask(self, asked: Mapping[str, object]) -> dict[str, Any]:
        with self._life.makefile("rwb") as lines:
            lines.write(json.dumps(dict(asked)).encode() + b"\n")
            lines.flush()
            said = lines.readline()
        if not said:
            raise OSError(errno.EIO, f"its keeper did not start: {self.tail().strip()}")
        answer: dict[str, Any] = json.loads(said)
        if answer["errno"]:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return answer

    def write(self, data: bytes, deadline: float | None = None) -> None:
        """Send all of ``data``."""
        if self._stdin.closed:
            raise BrokenPipeError(errno.EPIPE, "the process was ended")
        fd = self._stdin.fileno()
        view = memoryview(data)
        while view:
            wait_writable(fd, deadline)
            view = view[os.write(fd, view) :]

    def tail(self) -> str:
        """The end of what it printed to standard error."""
        return self._tail.text(0.2)

    def close(self) -> None:
        """Close its input, upon which a zygote ends itself and its cases; end it with all it started when it does not.

        Returns when nothing of it is left.
        """
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._stdout.close()  # so that it does not wait for us to read what it still has to say
        try:
            self._keeper.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._life.close()  # the keeper then ends everything
            try:
                self._keeper.wait(_KEEPERS_PATIENCE)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                self._keeper.wait()
        self._life.close()


def wait_writable(fd: int, deadline: float | None) -> None:
    """Wait until something can be written to ``fd``; TimeoutError past ``deadline`` (``time.monotonic()``)."""
    wait = None if deadline is None else deadline - time.monotonic()
    if wait is not None and not (wait > 0 and select.select([], [fd], [], wait)[1]):
        raise TimeoutError("it does not read what is sent to it")
    if wait is None:
        select.select([], [fd], [])
