"""Everything that can go wrong, as one tree.

::

    CompatError                 one clear line: where, what, what to do; exit code 2
    ├── UsageError              the words of the call are wrong
    ├── MatrixError             a matrix file is not what it has to be
    ├── ContentError            a kernel or workload file is not what it has to be
    ├── RuntimeSetupError           a runtime cannot be realised or started
    │   └── EngineError         the container engine does not answer, or refuses
    ├── ProtocolError           a probe said something that is not of the protocol
    ├── StoreError              a store cannot be read or written, or contradicts itself
    └── MomentError             a text says no moment

A fault of a case is not an error: it is evidence (``compat.model.Fault``).
This file is imported inside runtimes too, so it keeps to Python 3.9 and the standard library.
"""

from __future__ import annotations

__all__ = [
    "CompatError",
    "ContentError",
    "EngineError",
    "MatrixError",
    "MomentError",
    "ProtocolError",
    "RuntimeSetupError",
    "StoreError",
    "UsageError",
]

_LONGEST = 600  # characters of a problem, or of a remedy


class CompatError(Exception):
    """A problem said in one line: where it is, what is wrong, and what to do about it."""

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        super().__init__(where, problem, remedy)
        self.where = where
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.problem}" if self.where else self.problem]
        if self.remedy:
            parts.append(self.remedy)
        return " ".join("; ".join(parts).split())


class UsageError(CompatError):
    """The words of a call do not fit together."""


class MatrixError(CompatError):
    """A matrix file cannot be read, or says something it cannot mean. ``where`` is ``file:line``.

    What a file says is quoted, and may be a megabyte, or a terminal's control sequence: a line stays a line.
    """

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        super().__init__(where, _line(problem), _line(remedy))


def _line(text: str) -> str:
    """Text that a person reads: long text without its middle, and what no one can see as an escape."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 100]} ... {text[-100:]}"
    return "".join(char if char.isprintable() or char.isspace() else ascii(char)[1:-1] for char in text)


class ContentError(CompatError):
    """A kernel or workload file does not declare what planning needs to know."""


class RuntimeSetupError(CompatError):
    """A runtime cannot be installed, found or started. ``where`` names the runtime."""


class EngineError(RuntimeSetupError):
    """The container engine does not answer, or refuses what it was asked."""


class ProtocolError(CompatError):
    """A probe answered with something that is not of the protocol: untrusted input, refused."""


class StoreError(CompatError):
    """A store cannot be read or written, holds a torn document, or is of a newer version."""


class MomentError(CompatError, ValueError):
    """What has to be a moment, a day or a span of time is none. A ValueError too, which readers of documents take."""
