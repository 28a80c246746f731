"""What a case is measured with: the host's clock and memory, and on a GPU the driver's events and torch's allocator.

Which metrics a case has is decided in planning, by the same facts (``compat.plan.promised``).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from compat.model import STANDARD, Measurement
from compat.probe.growth import READINGS, Growth
from compat.probe.memory import Use
from compat.probe.timing import latency_samples

__all__ = ["Bench", "bench_for", "measured"]

Work = Callable[[], Any]
Measurements = tuple[Measurement, ...]

_LEAK_WINDOW = 0.03  # seconds of calls for the leak, where it has calls of its own
_LEAK_CALLS = 20  # between two readings at most: what a call costs the host is not in its latency


def measured(name: str, *samples: float) -> Measurement:
    """A measurement of one of the harness's own metrics."""
    metric = STANDARD[name]
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, samples)


class Bench:
    """Measures nothing but what work returns: for what is interpreted, whose speed and memory are the interpreter's.

    ``notes`` has what could not be measured.
    """

    speed = False  # whether the work has one

    def __init__(self) -> None:
        self.notes: list[str] = []

    def first_call(self, work: Work) -> tuple[Any, float]:
        """What the work returns, and the seconds until it is all there."""
        begin = time.perf_counter()
        values = work()
        return values, time.perf_counter() - begin

    def steady(self, work: Work) -> tuple[tuple[float, ...], float | None]:
        """Latency samples in seconds, and the bytes of host memory that a call leaves behind (None: not readable)."""
        raise NotImplementedError

    def memory(self) -> Measurements:
        """What was taken of the host's memory since the bench was made, and of the GPU's outside torch."""
        return ()

    def allocator(self) -> Measurements:
        """What torch's allocator took of the GPU since the bench was made."""
        return ()


class HostBench(Bench):
    """Measures work on a CPU. ``timed`` work is worth a walk over all pages of its process."""

    speed = True

    def __init__(self, timed: bool) -> None:
        super().__init__()
        self._use = Use(private=timed)

    def steady(self, work: Work) -> tuple[tuple[float, ...], float | None]:
        """Latency by a monotonic clock; the leak over the same calls."""
        if "torch" in sys.modules:
            # Its tensors come and go by megabytes, of which the C library holds some free: that is no leak, and has
            # to be given back before each reading, which would cost the next timed call its page faults.
            samples = latency_samples(work, lambda _: None, READINGS, self.notes)
            return samples, self._growth_of_own_calls(work, samples)
        growth = Growth()
        samples = latency_samples(work, growth.look, READINGS, self.notes)
        return samples, growth.slope()

    def _growth_of_own_calls(self, work: Work, samples: Sequence[float]) -> float | None:
        """The leak over calls that nobody times."""
        growth = Growth(trim=True)
        between = READINGS - 1
        calls = max(1, min(_LEAK_CALLS, int(_LEAK_WINDOW / between / statistics.median(samples))))
        growth.look(0)
        for step in range(1, READINGS):
            for _ in range(calls):
                work()
            self._finish()
            growth.look(step * calls)
        return growth.slope()

    def _finish(self) -> None:
        """Wait until what was called is done."""

    def memory(self) -> Measurements:
        """The case's own host memory, and its container's."""
        found = self._use.measured()
        if "memory" not in found:
            self.notes.append("memory: /proc/self/status could not be read")
        return tuple(measured(name, value) for name, value in found.items())


class GpuBench(HostBench):
    """Measures work on the first visible GPU. ``context`` asks for what a CUDA context takes, too: another process."""

    _shared: Any = None  # the device, which the cases of a process share: a context costs up to 2 s

    def __init__(self, timed: bool, context: bool) -> None:
        from compat.probe import cuda, cuda_memory, cuda_timing  # only here: other cases need no driver

        # First: what a context takes of the host is not the case's, whether or not it is the first of its process.
        self._device = GpuBench._shared = GpuBench._shared or cuda.Device()
        super().__init__(timed)
        self._memory, self._timing, self._context = cuda_memory, cuda_timing, context
        self._start = cuda_memory.restart_peaks()

    def first_call(self, work: Work) -> tuple[Any, float]:
        """As on a CPU, until the GPU has done it."""
        begin = time.perf_counter()
        values = work()
        self._device.synchronize()
        return values, time.perf_counter() - begin

    def steady(self, work: Work) -> tuple[tuple[float, ...], float | None]:
        """Latency by CUDA events; the leak over calls of its own, for reading memory would delay the GPU's queue."""
        samples = self._timing.latency_samples(self._device, work, self.notes)
        return samples, self._growth_of_own_calls(work, samples)

    def _finish(self) -> None:
        self._device.synchronize()

    def memory(self) -> Measurements:
        """Host memory, and what a CUDA context takes of the GPU."""
        found = super().memory()
        return found + self._memory.context_memory(self._device, self.notes) if self._context else found

    def allocator(self) -> Measurements:
        """The peaks of torch's allocator."""
        return self._memory.allocator_peaks(self._start, self.notes)


def bench_for(tier: str, timed: bool, context: bool = False) -> Bench:
    """The bench for a tier. On a GPU CudaError where there is none to be had."""
    if tier == "gpu":
        return GpuBench(timed, context)
    return Bench() if tier == "interpreted" else HostBench(timed)
