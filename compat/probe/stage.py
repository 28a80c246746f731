"""What a case's process is at: one byte that it shares with its zygote, who reads it when the process is over.

A process that crashes or hangs cannot tell. The byte costs no call of the kernel, and a case that writes another one
misleads about its own fault only.
"""

from __future__ import annotations

import mmap
import os
import tempfile

__all__ = ["Stage", "shared_file"]

_STAGES = ("start", "import", "save", "load", "prepare", "run", "compile", "reference", "split", "observe", "report")


class Stage:
    """Shared with whatever is forked from here; ``file`` shares it with a fresh interpreter, from ``shared_file``."""

    def __init__(self, file: int = -1) -> None:
        self._byte = mmap.mmap(file, 1)

    def enter(self, stage: str) -> None:
        """Say what comes now."""
        self._byte[0] = _STAGES.index(stage)

    def now(self) -> str:
        """What was said last; ``run`` for what is no stage."""
        number = self._byte[0]
        return _STAGES[number] if number < len(_STAGES) else "run"


def shared_file() -> int:
    """A descriptor of a file that has no name and room for a stage, written already: a full disk does not matter."""
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(b"\0")
        return os.dup(file.fileno())
