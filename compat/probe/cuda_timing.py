"""Latency of work on a GPU: CUDA events, a cold L2 cache, warm-up until steady, means of what is very short.

It has run against a library with libcuda's ABI (tests/probe/fake_cuda.c) and has not run on a GPU.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from typing import TYPE_CHECKING

from compat.probe.cuda import Device
from compat.probe.libcuda import CudaError
from compat.probe.timing import _FEWEST, _MOST, _SETTLED, _TELLING, _WARM_UP, _WINDOW, UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["latency_samples"]

# The step of an event's time is "around 0.5 microseconds" in the CUDA Driver API reference, and 1 us was reported of a
# device (pocl/pocl#1094). Calls of less than a hundred steps are averaged: a step stays under 1 % of what is averaged.
_STEP = 1e-6
_SHORTEST = 100 * _STEP
_LEAST_WARM_UP = 0.025  # seconds: an idle GPU raises its clocks over milliseconds, three short calls would not see it

# Writing twice the size of the L2 cache leaves nothing else in it, whatever it replaces first and however partitions of
# it share data. The least size is a matter of time: while the GPU writes, the host queues the events and the call.
_FLUSH_RATIO = 2
_LEAST_FLUSH = 32 << 20


def latency_samples(device: Device, work: Callable[[], object], notes: list[str] | None = None) -> tuple[float, ...]:
    """Seconds per call on the device, one value per sample, in the order taken.

    A call is timed by two events on the stream that torch works on, or on the default stream. Before each call a buffer
    is written that is larger than the L2 cache: else a second call finds its data there, and how much of it depends on
    what ran before. While the buffer is written the host queues the call, so that a launch's cost on the host counts
    only as far as it takes longer. What a call leaves running on other streams is not timed.

    A sample of very short work is the mean of several calls. Each has a flush and events of its own, so a sample means
    the same whatever their number, and as they start anywhere between two steps of the clock, their mean is finer than
    a step. Several calls between two events would be one cold call, many warm ones, and the host's delays.

    Between 5 and 100 samples, aiming at 60 ms in all with their flushes; the garbage collector rests meanwhile. The
    buffer is outside torch's allocator, and part of what NVML sees of the process. ``notes`` gets ``UNSETTLED`` where
    the warm-up ended for its time. CudaError for a call that fails.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _Stopwatch(device) as stopwatch:
            shortest, cost, settled = _warm_up(stopwatch, work)
            if not settled and notes is not None:
                notes.append(UNSETTLED)
            calls = min(_MOST, math.ceil(_SHORTEST / max(shortest, _STEP)))
            count = max(_FEWEST, min(_MOST, int(_WINDOW / (cost * calls))))
            return tuple(stopwatch.sample(work, calls) for _ in range(count))
    finally:
        if collecting:
            gc.enable()


def _warm_up(stopwatch: _Stopwatch, work: Callable[[], object]) -> tuple[float, float, bool]:
    """Seconds of the shortest call on the device, and of the shortest flush, call and wait together on the host.

    And whether calls came to be alike; True where they were too few to tell.
    """
    shortest = cost = math.inf
    settled, warm, begin, spent = 0, 0, time.perf_counter(), 0.0
    while spent < _LEAST_WARM_UP or (settled < 3 and spent < _WARM_UP):
        warm += 1
        taken = stopwatch.sample(work, 1)
        settled = settled + 1 if taken <= shortest * _SETTLED else 0
        shortest = min(shortest, taken)
        last, spent = spent, time.perf_counter() - begin
        cost = min(cost, spent - last)
    return shortest, cost, settled >= 3 or warm < _TELLING


class _Stopwatch:
    """A buffer to flush the L2 cache with, and pairs of events, as many as are needed."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._size = max(_LEAST_FLUSH, _FLUSH_RATIO * device.l2_bytes)
        self._buffer = device.allocate(self._size)
        self._pairs: list[tuple[int, int]] = []

    def sample(self, work: Callable[[], object], calls: int) -> float:
        """The mean of ``calls`` calls, in seconds; they are queued one after another, and waited for at the end."""
        while len(self._pairs) < calls:
            self._pairs.append((self._device.create_event(), self._device.create_event()))
        pairs = self._pairs[:calls]
        for start, end in pairs:
            self._device.memset(self._buffer, 0, self._size)
            self._device.record(start)
            work()
            self._device.record(end)
        return math.fsum(self._device.elapsed(start, end) for start, end in pairs) / calls

    def __enter__(self) -> _Stopwatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(*(() if kind is None else (CudaError,))):  # the first error is the one to tell
            for pair in self._pairs:
                for event in pair:
                    self._device.destroy_event(event)
            self._device.free(self._buffer)
