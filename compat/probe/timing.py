"""Latency of a piece of work on a CPU: a monotonic clock, warm-up until steady, batches for what is very short."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["UNSETTLED", "latency_samples", "looks"]

_SHORTEST = 20e-6  # seconds: below this a sample is a batch, so that the clock's own cost stays under 1 %
_WARM_UP = 0.25  # seconds of warm-up at most, when the work does not settle before
_SETTLED = 1.05  # a call within 5 % of the best so far, three times running, is steady
_TELLING = 4  # calls of a warm-up, from which on it says something that three in a row were never alike
_WINDOW = 0.06  # seconds of measuring aimed at
_FEWEST, _MOST = 5, 100

UNSETTLED = "latency: the work did not settle: in 0.25 s no three calls in a row were within 5 % of the fastest"


def _timed(work: Callable[[], object], calls: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(calls):
        work()
    return (time.perf_counter_ns() - start) * 1e-9 / calls


def latency_samples(
    work: Callable[[], object],
    look: Callable[[int], None] | None = None,
    times: int = 0,
    notes: list[str] | None = None,
) -> tuple[float, ...]:
    """Seconds per call, one value per sample, in the order taken.

    Between 5 and 100 samples, aiming at 60 ms in all; the garbage collector rests meanwhile. ``look`` is called
    ``times`` times outside of what is timed, with the number of calls so far: before the first sample, after the last,
    and evenly between them. ``notes`` gets ``UNSETTLED`` where the warm-up ended for its time.
    """
    best, settled, warm, begin = float("inf"), 0, 0, time.perf_counter()
    while settled < 3 and time.perf_counter() - begin < _WARM_UP:
        warm += 1
        taken = _timed(work, 1)
        settled = settled + 1 if taken <= best * _SETTLED else 0
        best = min(best, taken)
    if settled < 3 and warm >= _TELLING and notes is not None:
        notes.append(UNSETTLED)
    calls = max(1, round(_SHORTEST / best)) if best < _SHORTEST else 1
    count = max(_FEWEST, min(_MOST, int(_WINDOW / max(best * calls, 1e-9))))
    due = looks(count, times)
    samples = []
    with _without_collector():
        for number in range(count):
            if look is not None and number in due:
                look(number * calls)
            samples.append(_timed(work, calls))
        if look is not None and count in due:
            look(count * calls)
    return tuple(samples)


def looks(count: int, times: int) -> frozenset[int]:
    """Before which of ``count`` samples to look: ``times`` places, both ends (0 and ``count``) included."""
    return frozenset(round(step * count / (times - 1)) for step in range(times)) if times > 1 else frozenset()


@contextmanager
def _without_collector() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
