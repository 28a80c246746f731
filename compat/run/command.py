"""A command of the user's own, in a shell: for so long at most, and with the end of what it said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

__all__ = ["Ran", "run_command"]

_KEPT = 4096  # bytes of its output
_PATIENCE = 5.0  # seconds to end in, once it was asked to


@dataclass(frozen=True)
class Ran:
    """What became of it. ``code`` is None where its time was over, and it was ended."""

    seconds: float
    code: int | None
    output: str  # the end of it, standard output and error

    @property
    def problem(self) -> str:
        """What was wrong, with its last line; nothing if it ended with 0."""
        if self.code == 0:
            return ""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        last = f": {lines[-1][:300]}" if lines else ""
        if self.code is None:
            return f"did not end in {self.seconds:.0f} s, and was ended{last}"
        how = f"ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        return how + last


def run_command(command: str, timeout: float) -> Ran:
    """Run ``command`` with ``sh -c`` for ``timeout`` seconds at most. What it leaves behind in its group is ended then.

    Its output goes to a file that is thrown away, and the end of that is kept: a flood takes the disk and not us. A
    program that it starts on purpose, as a service, has to leave its session.
    """
    begin = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
            _end(process)
        except BaseException:
            _end(process)
            raise
        seconds = time.monotonic() - begin
        size = said.seek(0, os.SEEK_END)
        said.seek(max(0, size - _KEPT))
        return Ran(seconds, code, said.read().decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command with its group: first it is asked."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
            if number == signal.SIGKILL:
                return
    process.wait()
