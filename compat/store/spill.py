"""Sorting more than memory should hold: short records of one length, in runs on the disk for temporary files."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from compat.errors import StoreError

__all__ = ["Spill"]

_AT_ONCE = 1 << 16  # records that are sorted in memory
_PIECE = 1 << 12  # records of a run that are read at once


class Spill:
    """Records of ``size`` bytes, given in any order and taken in order. StoreError where there is no room for them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._now: list[bytes] = []
        self._runs: list[BinaryIO] = []

    def add(self, record: bytes) -> None:
        """Add a record."""
        self._now.append(record)
        if len(self._now) == _AT_ONCE:
            try:
                run = tempfile.TemporaryFile(prefix="gpu-compat-")  # noqa: SIM115 - closed when we are
                self._runs.append(run)
                run.write(b"".join(sorted(self._now)))
                run.flush()
            except OSError as problem:
                where, remedy = tempfile.gettempdir(), "make room there, or name another folder with TMPDIR"
                raise StoreError(where, f"cannot be written: {problem.strerror}", remedy) from problem
            self._now = []

    def in_order(self) -> Iterator[bytes]:
        """Every record, the smallest first."""
        return heapq.merge(sorted(self._now), *map(self._read, self._runs))

    def _read(self, run: BinaryIO) -> Iterator[bytes]:
        run.seek(0)
        while piece := run.read(_PIECE * self._size):
            for at in range(0, len(piece), self._size):
                yield piece[at : at + self._size]
