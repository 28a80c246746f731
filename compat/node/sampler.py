"""Readings of GPUs while a case runs: clocks, temperature, power, what holds the clocks down, and the case's memory.

Their health is read before it and after it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compat.node.health import HealthWatch
from compat.node.nvml import ask, ask_first, gpu_handle
from compat.node.processes import belongs

__all__ = ["Reading", "Sampler"]

_EVERY = 0.05  # seconds between readings
_PATIENCE = 2.0  # seconds that a reading may take: NVML can hang on a GPU that fell off the bus

# Of nvml.h: NVML_CLOCK_SM and NVML_TEMPERATURE_GPU.
_SM, _GPU_SENSOR = 1, 0


@dataclass(frozen=True)
class Reading:
    """One GPU at one moment. What NVML did not give is None."""

    sm_clock: float | None  # MHz
    temperature: float | None  # degrees Celsius
    power: float | None  # W
    reasons: int | None  # bits of nvmlDeviceGetCurrentClocksEventReasons: why the clock is not higher


class Sampler:
    """Reads GPUs in a thread of its own: at once, every 50 ms, and a last time when it is stopped.

    ``devices`` are UUIDs; the readings of a MIG instance are its GPU's, except for the memory of processes.
    ``root_pid`` is the process whose descendants, or whose container, are the case's.
    """

    def __init__(self, devices: Sequence[str], root_pid: int | None) -> None:
        self._devices = tuple(devices)
        self._root = root_pid
        self._moments: list[tuple[Reading, ...]] = []
        self._held: list[int] = []
        self.health: HealthWatch | None = None  # of the GPUs, once it was read before the case
        self._begun = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="compat-gpu-sampler", daemon=True)

    def start(self) -> None:
        """Take the first reading, and go on in the background."""
        self._thread.start()
        self._begun.wait(_PATIENCE)

    def stop(self) -> bool:
        """Take the last reading; False where NVML does not answer, and then what was read before it stands."""
        self._end.set()
        self._thread.join(_PATIENCE)
        return not self._thread.is_alive()

    @property
    def moments(self) -> tuple[tuple[Reading, ...], ...]:
        """The readings in order: one of every GPU at each moment."""
        return tuple(self._moments)

    @property
    def memory(self) -> int | None:
        """The most that the case's processes held at one moment, in bytes over all GPUs; None if it was not read."""
        return max(self._held, default=None)

    def _sample(self) -> None:
        found = [(uuid, handle) for uuid in self._devices if (handle := gpu_handle(uuid)) is not None]
        self.health = HealthWatch(dict(found))
        handles = [handle for _, handle in found]
        while True:
            last = self._end.is_set()
            self._moments.append(tuple(_read(handle) for handle in handles))
            held = None if self._root is None else _held(handles, self._root)
            if held is not None:
                self._held.append(held)
            self._begun.set()
            if last:
                self.health.end()
                return
            self._end.wait(_EVERY)


def _read(handle: Any) -> Reading:
    milliwatts = _positive(ask("nvmlDeviceGetPowerUsage", handle))
    reasons = ask_first(("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"), handle)
    return Reading(
        sm_clock=_positive(ask("nvmlDeviceGetClockInfo", handle, _SM)),
        temperature=_positive(
            ask_first(("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"), handle, _GPU_SENSOR)
        ),
        power=None if milliwatts is None else milliwatts / 1000,
        reasons=None if reasons is None else int(reasons),
    )


def _positive(value: float | None) -> float | None:
    """The value; None for a zero, which is what a sensor says that is asleep or not there."""
    return float(value) if value is not None and value > 0 else None


def _held(handles: Sequence[Any], root: int) -> int | None:
    """Bytes that the processes of ``root`` hold on these GPUs; None if there are none, or one cannot be read."""
    names = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
    total = 0
    for handle in handles:
        processes = ask_first(names, handle)
        if processes is None:
            return None
        for process in processes:
            if belongs(process.pid, root):
                if not process.usedGpuMemory:  # None or 0: a process on a GPU holds something
                    return None
                total += process.usedGpuMemory
    return total or None
