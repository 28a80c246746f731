"""What calls of a piece of work leave behind: the slope of this process's own memory over its calls."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import combinations

from compat.probe.memory import anonymous_bytes, give_back_free, resident_bytes

__all__ = ["READINGS", "Growth"]

READINGS = 4  # of memory, spread over the calls: few, for each is a walk over all pages


class Growth:
    """Readings of memory between calls of the work, and the slope of them: bytes a call. Made before the work is warm.

    The resolution is a page (4096 B) over the calls between two readings; small objects are seen once they have filled
    what the interpreter had free. It costs four readings: 1 ms with numpy imported, 11 to 20 ms with torch. What is
    leaked of shared memory and of mapped files is not seen.
    """

    def __init__(self, read: Callable[[], int | None] = anonymous_bytes, trim: bool = False) -> None:
        give_back_free()  # it would take the first leaks in
        self._read = read
        self._trim = trim  # before each reading, what the C library holds free is given back
        self._readings: list[tuple[int, int]] = []

    def look(self, calls: int) -> None:
        """Take a reading, after so many calls. What only waits for the collector is no leak, so it is collected."""
        gc.collect(1)  # young objects: those of the calls since the last look, and none of the zygote's
        if self._trim:
            give_back_free()
        found = self._read()
        if found is None and not self._readings:  # a kernel that does not tell: another reader, from the start
            self._read = resident_bytes
            found = self._read()
        if found is not None:
            self._readings.append((calls, found))

    def slope(self) -> float | None:
        """Bytes a call, 0 or more; None where a reading is missing.

        The lower quartile of the slopes between all pairs of readings (Theil and Sen take their median): a leak grows
        between most of them, and an allocator that takes a step once does not.
        """
        if len(self._readings) < READINGS:
            return None
        slopes = sorted(
            (after - before) / (late - early)
            for (early, before), (late, after) in combinations(self._readings, 2)
            if late > early
        )
        return max(0.0, slopes[len(slopes) // 4]) if slopes else None
