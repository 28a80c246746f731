"""How a node is set: what somebody may switch between two runs, and no version shows.

The controller reads it on the host when a probe starts; what runs inside has no say in it. The GPU's part has not run
on a machine with a GPU. A locked clock is not here: NVML cannot say that there is one. It shows in ``sm_clock``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compat.node.host import GOVERNOR, cpu_model, line
from compat.node.nvml import ask, ask_first, gpu_handle, text

__all__ = ["read_settings"]

_PATIENCE = 2.0  # seconds for NVML to answer, which can hang on a GPU that fell off the bus

_SWITCH = {"0": "off", "1": "on"}
# By name: the file, and words for what it says.
_FILES: dict[str, tuple[str, dict[str, str]]] = {
    "CPU governor": (GOVERNOR, {}),
    "CPU boost": ("sys/devices/system/cpu/cpufreq/boost", _SWITCH),
    "CPU turbo": ("sys/devices/system/cpu/intel_pstate/no_turbo", {"0": "on", "1": "off"}),
    "NUMA balancing": ("proc/sys/kernel/numa_balancing", {**_SWITCH, "2": "memory tiering"}),
    "SMT": ("sys/devices/system/cpu/smt/active", _SWITCH),
    "kernel": ("proc/sys/kernel/osrelease", {}),
}
_HUGE = "sys/kernel/mm/transparent_hugepage/enabled"  # always [madvise] never: the one in force is in brackets

# Of nvml.h: NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM and nvmlComputeMode_t.
_GRAPHICS, _SM, _MEMORY = 0, 1, 2
# What the driver keeps to, whoever set it; an older one says only what was set through itself.
_POWER_LIMITS = ("nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit")
_COMPUTE_MODES = {0: "default", 1: "exclusive thread", 2: "prohibited", 3: "exclusive process"}


def read_settings(devices: Sequence[str] = (), host: Path = Path("/")) -> dict[str, str]:
    """How this machine and the GPUs ``devices`` (UUIDs) are set, by name: ``GPU-... power limit`` is ``350 W``.

    A MIG instance is set as its GPU is. What cannot be read is not there.
    """
    found = _machine(host)
    if devices:
        found |= _in_time(devices)
    return found


def _machine(host: Path) -> dict[str, str]:
    found = {name: words.get(said, said) for name, (file, words) in _FILES.items() if (said := line(host / file))}
    model = cpu_model(host)
    huge = re.search(r"\[(\w+)\]", line(host / _HUGE) or "")
    return found | ({"CPU": model} if model else {}) | ({"transparent hugepages": huge[1]} if huge else {})


def _in_time(devices: Sequence[str]) -> dict[str, str]:
    """The settings of GPUs, as far as NVML gave them before our patience ended."""
    found: dict[str, str] = {}
    asking = threading.Thread(target=_read, args=(devices, found), name="compat-gpu-settings", daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return dict(found)


def _read(devices: Sequence[str], found: dict[str, str]) -> None:
    for device in devices:
        handle = gpu_handle(device)
        gpu = None if handle is None else text(ask("nvmlDeviceGetUUID", handle))
        if gpu is not None:
            for name, said in _gpu(handle):
                if said:
                    found[f"{gpu} {name}"] = said


def _gpu(handle: Any) -> Iterator[tuple[str, str | None]]:
    """What a GPU can be told, as nvidia-smi names it, one answer of NVML after the other."""
    yield "ECC", _current(ask("nvmlDeviceGetEccMode", handle))
    yield "MIG", _current(ask("nvmlDeviceGetMigMode", handle))
    yield "persistence", _switch(ask("nvmlDeviceGetPersistenceMode", handle))
    yield "compute mode", _word(_COMPUTE_MODES, ask("nvmlDeviceGetComputeMode", handle))
    yield "power limit", _quantity(ask_first(_POWER_LIMITS, handle), 1000, "W")
    yield "applications clock", _quantity(ask("nvmlDeviceGetApplicationsClock", handle, _GRAPHICS), 1, "MHz")
    yield "applications memory clock", _quantity(ask("nvmlDeviceGetApplicationsClock", handle, _MEMORY), 1, "MHz")
    yield "maximum SM clock", _quantity(ask("nvmlDeviceGetMaxClockInfo", handle, _SM), 1, "MHz")
    yield "VBIOS", text(ask("nvmlDeviceGetVbiosVersion", handle))
    yield "GSP firmware", text(ask("nvmlDeviceGetGspFirmwareVersion", handle))


def _current(modes: Sequence[int] | None) -> str | None:
    """Of the mode in force and the one that a restart would bring, the first."""
    return None if modes is None else _switch(modes[0])


def _switch(mode: int | None) -> str | None:
    return _word({0: "off", 1: "on"}, mode)


def _word(words: Mapping[int, str], value: int | None) -> str | None:
    """A word for the value; the number itself where it is newer than we are."""
    return None if value is None else words.get(value, str(value))


def _quantity(value: int | None, divisor: int, unit: str) -> str | None:
    return None if value is None else f"{value / divisor:g} {unit}"
