"""The three streams of a process that runs a probe, wherever it runs."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

__all__ = ["Connection", "LocalConnection", "Tail"]

_PATIENCE = 5.0  # seconds for a process to end by itself once nobody speaks to it any more


class Connection(Protocol):
    """What a session needs of the process at the other end."""

    stdout: int  # a file descriptor to read from

    def write(self, data: bytes) -> None:
        """Send all of ``data``; OSError when the other end is gone."""

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
    """A process on this machine."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - we asked for pipes
        assert self._process.stdout is not None  # noqa: S101
        assert self._process.stderr is not None  # noqa: S101
        self._stdin = self._process.stdin
        self._stdout = self._process.stdout
        self.stdout = self._stdout.fileno()
        self._tail = Tail(self._process.stderr)

    @property
    def pid(self) -> int:
        """The process id of the zygote."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        if self._stdin.closed:
            raise BrokenPipeError(errno.EPIPE, "the process was ended")
        view = memoryview(data)
        while view:
            view = view[os.write(self._stdin.fileno(), view) :]

    def tail(self) -> str:
        """The end of what it printed to standard error."""
        return self._tail.text(0.2)

    def close(self) -> None:
        """Close its input, upon which a zygote ends itself and its cases; kill it when it does not."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
            self._process.wait()
        self._stdout.close()
