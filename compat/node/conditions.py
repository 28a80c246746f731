"""What the node was like while a case ran: read on the host, by the controller, and never by the case itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from compat.model import STANDARD, THROTTLED, Conditions, HealthEvent, Measurement
from compat.node.health import xid_events
from compat.node.host import GOVERNOR, line
from compat.node.kernel_log import LogEnd
from compat.node.nvml import nvml
from compat.node.sampler import Reading, Sampler
from compat.node.throttle import reasons

__all__ = ["Watch"]

_MOST = 400  # readings that evidence keeps of one metric: 20 s of one GPU, or every second one of 40 s

_LOAD = "proc/loadavg"


class Watch:
    """Watches the node while one case runs: ``with Watch(devices) as watch``, and then ask ``watch``.

    ``devices`` are the UUIDs of the case's GPUs. Without any, two small files are read and that is all. ``root_pid`` is
    the process under which the case runs: the probe's, or the first of its container; without it the memory of
    processes is not told apart and not measured. ``host`` is where the machine's /proc and /sys are.
    """

    def __init__(self, devices: Sequence[str] = (), root_pid: int | None = None, host: Path = Path("/")) -> None:
        self._host = host
        self._wants_memory = root_pid is not None
        self._sampler = Sampler(devices, root_pid) if devices and nvml() is not None else None
        self._log: LogEnd | None = None
        self._events: tuple[HealthEvent, ...] = ()
        self._load: float | None = None
        self._governor: str | None = None
        self._moments: tuple[tuple[Reading, ...], ...] = ()
        self._memory: int | None = None
        self.notes: tuple[str, ...] = ()  # what should have been read and could not be
        if devices and self._sampler is None:
            self.notes = ("no GPU was read: NVML does not start on this node",)

    def __enter__(self) -> Self:
        self._load = _load(self._host)
        self._governor = line(self._host / GOVERNOR)
        if self._sampler is not None:
            self._sampler.start()
            self._log = LogEnd(self._host)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._sampler is None:
            return
        answered = self._sampler.stop()
        self._moments, self._memory = self._sampler.moments, self._sampler.memory
        have = {measurement.metric for measurement in self.measurements}
        want = ["sm_clock", "temperature", "power", "throttled", *(["memory_device"] if self._wants_memory else [])]
        lacking = ", ".join(name for name in want if name not in have)
        if not answered:
            self.notes = ("NVML stopped answering while the case ran",)
        elif lacking:
            self.notes = (f"NVML gave no {lacking}",)
        self._look_back(answered)

    def _look_back(self, answered: bool) -> None:
        """What happened to the GPUs meanwhile, for the case that ran. The kernel's log tells it even if NVML hangs."""
        health = self._sampler.health if self._sampler is not None else None
        addresses = health.addresses if health is not None else {}
        logged = self._log.since(addresses) if self._log is not None else None
        told = health.xids if health is not None and answered else None
        xids = xid_events(told, logged if addresses else None, addresses)
        if health is not None and answered:
            self._events = health.events
            self.notes += health.notes
        if xids is None and health is not None and health.sound:
            self.notes += ("Xids were not read: neither the kernel's log nor NVML's events tell them",)
        self._events += xids or ()

    @property
    def conditions(self) -> Conditions:
        """What the node was like. ``throttle`` has every reason that was seen, not only the ``THROTTLED`` ones."""
        seen = {reason for reading in self._readings() for reason in reasons(reading.reasons or 0)}
        return Conditions(self._load, self._governor, tuple(sorted(seen)), self._events)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What was read of the GPUs, as metrics of ``compat.model.STANDARD``; what was not read is not there."""
        every = math.ceil(len(self._readings()) / _MOST) or 1
        kept = [reading for moment in self._moments[::every] for reading in moment]
        told = [reading for reading in self._readings() if reading.reasons is not None]
        throttled = sum(not THROTTLED.isdisjoint(reasons(reading.reasons or 0)) for reading in told)
        found: dict[str, tuple[float, ...]] = {
            "sm_clock": _there(reading.sm_clock for reading in kept),
            "temperature": _there(reading.temperature for reading in kept),
            "power": _there(reading.power for reading in kept),
            "throttled": (throttled / len(told),) if told else (),
            "memory_device": () if self._memory is None else (float(self._memory),),
        }
        metrics = [STANDARD[name] for name, samples in found.items() if samples]
        return tuple(Measurement(m.name, m.unit, m.direction, m.kind, found[m.name]) for m in metrics)

    def _readings(self) -> list[Reading]:
        return [reading for moment in self._moments for reading in moment]


def _there(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)


def _load(host: Path) -> float | None:
    try:
        return float((line(host / _LOAD) or "").split(" ")[0])
    except ValueError:
        return None
