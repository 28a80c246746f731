"""Latency of a piece of work on a CPU: a monotonic clock, warm-up until steady, batches for what is very short."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["latency_samples"]

_SHORTEST = 20e-6  # seconds: below this a sample is a batch, so that the clock's own cost stays under 1 %
_WARM_UP = 0.25  # seconds of warm-up at most, when the work does not settle before
_SETTLED = 1.05  # a call within 5 % of the best so far, three times running, is steady
_WINDOW = 0.06  # seconds of measuring aimed at
_FEWEST, _MOST = 5, 100


def _timed(work: Callable[[], object], calls: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(calls):
        work()
    return (time.perf_counter_ns() - start) * 1e-9 / calls


def latency_samples(work: Callable[[], object]) -> tuple[float, ...]:
    """Seconds per call, one value per sample, in the order taken.

    Between 5 and 100 samples, aiming at 60 ms in all; the garbage collector rests meanwhile.
    """
    best, settled, begin = float("inf"), 0, time.perf_counter()
    while settled < 3 and time.perf_counter() - begin < _WARM_UP:
        taken = _timed(work, 1)
        settled = settled + 1 if taken <= best * _SETTLED else 0
        best = min(best, taken)
    calls = max(1, round(_SHORTEST / best)) if best < _SHORTEST else 1
    count = max(_FEWEST, min(_MOST, int(_WINDOW / max(best * calls, 1e-9))))
    collecting = gc.isenabled()
    gc.disable()
    try:
        return tuple(_timed(work, calls) for _ in range(count))
    finally:
        if collecting:
            gc.enable()
