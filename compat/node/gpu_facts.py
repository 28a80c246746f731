"""All facts of the GPUs of this node, through NVML. This has not run on a machine with a GPU.

NVML can hang on a GPU that fell off the bus. So it is asked in a thread of its own, and not waited for without end.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compat.model.inventory import Clocks, GpuFacts, GpuProcess, Mode, PcieLink
from compat.node.counters import ecc_errors, is_lost, nvlinks, pci_address, remapped_rows
from compat.node.host import line
from compat.node.nvml import SUCCESS, ask, ask_first, asked, nvml, nvml_problem, text
from compat.node.processes import belongs
from compat.node.throttle import reasons

__all__ = ["Asked", "ask_gpus"]

_PATIENCE = 5.0  # seconds that one GPU may take: a driver that is not persistent wakes it first

# Of nvml.h: nvmlDeviceArchitecture_t, nvmlClockType_t, nvmlComputeMode_t, nvmlGpuFabricState_t.
_ARCHITECTURES = {
    2: "kepler",
    3: "maxwell",
    4: "pascal",
    5: "volta",
    6: "turing",
    7: "ampere",
    8: "ada",
    9: "hopper",
    10: "blackwell",
    13: "rubin",
}
_GRAPHICS, _SM, _MEMORY = 0, 1, 2
_COMPUTE_MODES = {0: "default", 1: "exclusive thread", 2: "prohibited", 3: "exclusive process"}
_FABRIC = {0: "not supported", 1: "not started", 2: "in progress", 3: "completed"}
_PROCESSES = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")
_NOT_SUPPORTED = 3


class Asked:
    """What NVML has said so far."""

    def __init__(self) -> None:
        self.problem: str | None = "NVML does not answer"  # None once it has started
        self.driver: str | None = None
        self.version: str | None = None
        self.cuda: str | None = None
        self.gpus: list[GpuFacts] | None = None  # None until it has said how many there are


def ask_gpus(host: Path = Path("/")) -> Asked:
    """What NVML says of the driver and of every physical GPU; a GPU that it does not answer for has a ``problem``."""
    found = Asked()
    asking = threading.Thread(target=_ask, args=(host, found), name="compat-gpu-facts", daemon=True)
    asking.start()
    seen = -1
    while asking.is_alive() and (now := len(found.gpus or ())) != seen:
        seen = now
        asking.join(_PATIENCE)
    if asking.is_alive() and found.gpus:  # what the thread may yet add to its own list comes too late
        found.gpus = [*found.gpus[:-1], GpuFacts(index=len(found.gpus) - 1, problem="NVML does not answer")]
    return found


def _ask(host: Path, found: Asked) -> None:
    found.problem = nvml_problem()
    found.driver = text(ask("nvmlSystemGetDriverVersion"))
    found.version = text(ask("nvmlSystemGetNVMLVersion"))
    cuda = ask_first(("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"))
    found.cuda = None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}"
    count = ask("nvmlDeviceGetCount")
    gpus: list[GpuFacts] = []
    if count is not None:
        found.gpus = gpus
    for index in range(count or 0):
        gpus.append(GpuFacts(index=index))  # it stays like this while NVML does not answer
        gpus[-1] = _gpu(index, host)


def _gpu(index: int, host: Path) -> GpuFacts:
    handle, code = asked("nvmlDeviceGetHandleByIndex", index)
    if handle is None:
        return GpuFacts(index=index, problem=_error(code))
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    throttle = ask_first(
        ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"), handle
    )
    limits = ask("nvmlDeviceGetPowerManagementLimitConstraints", handle)
    return GpuFacts(
        index=index,
        uuid=text(ask("nvmlDeviceGetUUID", handle)),
        pci=pci_address(handle),
        product=text(ask("nvmlDeviceGetName", handle)),
        architecture=_word(_ARCHITECTURES, ask("nvmlDeviceGetArchitecture", handle)),
        compute_capability=None if capability is None else "{}.{}".format(*capability),
        memory_bytes=None if memory is None else int(memory.total),
        vbios=text(ask("nvmlDeviceGetVbiosVersion", handle)) or None,
        inforom=text(ask("nvmlDeviceGetInforomImageVersion", handle)) or None,
        gsp_firmware=text(ask("nvmlDeviceGetGspFirmwareVersion", handle)) or None,
        ecc=_mode(ask("nvmlDeviceGetEccMode", handle)),
        ecc_errors=ecc_errors(handle),
        remapped_rows=remapped_rows(handle),
        mig=_mode(ask("nvmlDeviceGetMigMode", handle)),
        instances=_instances(handle),
        persistence=_switch(ask("nvmlDeviceGetPersistenceMode", handle)),
        compute_mode=_word(_COMPUTE_MODES, ask("nvmlDeviceGetComputeMode", handle)),
        clocks=_clocks(handle),
        power_limit=_watts(ask_first(("nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"), handle)),
        power_limit_most=None if limits is None else _watts(limits[1]),
        pcie=_pcie(handle),
        nvlinks=nvlinks(handle),
        fabric=_fabric(handle),
        throttle=None if throttle is None else tuple(sorted(reasons(int(throttle)))),
        processes=_processes(handle, host),
        problem="GPU is lost" if is_lost(handle) else None,
    )


def _error(code: int) -> str:
    binding = nvml()
    return str(binding.NVMLError(code)) if binding is not None else "NVML does not start"


def _mode(modes: Sequence[int] | None) -> Mode | None:
    if modes is None:
        return None
    return Mode(_switch(modes[0]) or "", _switch(modes[1]))


def _switch(mode: int | None) -> str | None:
    return _word({0: "off", 1: "on"}, mode)


def _word(words: dict[int, str], value: int | None) -> str | None:
    """A word for the value; the number itself where it is newer than we are."""
    return None if value is None else words.get(value, str(value))


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _instances(handle: Any) -> tuple[str, ...] | None:
    places = ask("nvmlDeviceGetMaxMigDeviceCount", handle)
    if places is None:
        return None
    handles = (ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, place) for place in range(places))
    return tuple(uuid for each in handles if each is not None and (uuid := text(ask("nvmlDeviceGetUUID", each))))


def _clocks(handle: Any) -> Clocks | None:
    found = Clocks(
        sm=ask("nvmlDeviceGetClockInfo", handle, _SM),
        memory=ask("nvmlDeviceGetClockInfo", handle, _MEMORY),
        sm_most=ask("nvmlDeviceGetMaxClockInfo", handle, _SM),
        memory_most=ask("nvmlDeviceGetMaxClockInfo", handle, _MEMORY),
        applications=ask("nvmlDeviceGetApplicationsClock", handle, _GRAPHICS),
        applications_memory=ask("nvmlDeviceGetApplicationsClock", handle, _MEMORY),
    )
    return None if found == Clocks() else found


def _pcie(handle: Any) -> PcieLink | None:
    found = PcieLink(
        ask("nvmlDeviceGetCurrPcieLinkGeneration", handle),
        ask("nvmlDeviceGetMaxPcieLinkGeneration", handle),
        ask("nvmlDeviceGetCurrPcieLinkWidth", handle),
        ask("nvmlDeviceGetMaxPcieLinkWidth", handle),
    )
    return None if found == PcieLink() else found


def _fabric(handle: Any) -> str | None:
    """How far the GPU's registration with the fabric is; asked with the newest structure that the library takes."""
    binding = nvml()
    for function, kind in (
        ("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v3_t"),
        ("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v2_t"),
        ("nvmlDeviceGetGpuFabricInfo", "c_nvmlGpuFabricInfo_t"),
    ):
        structure = getattr(binding, kind, None)
        if structure is not None:
            info = structure()
            _, code = asked(function, handle, ctypes.byref(info))
            if code == SUCCESS:
                return _word(_FABRIC, int(info.state))
            if code == _NOT_SUPPORTED:
                return _FABRIC[0]
    return None


def _processes(handle: Any, host: Path) -> tuple[GpuProcess, ...] | None:
    """Who holds memory of the GPU beside ourselves; None where not even the processes that compute are listed."""
    lists = [ask_first((f"{name}_v3", f"{name}_v2"), handle) for name in _PROCESSES]
    if lists[0] is None:
        return None
    found = {}
    for process in (each for one in lists for each in one or ()):
        if not belongs(process.pid, os.getpid()):
            name = line(host / f"proc/{process.pid}/comm")
            found[process.pid] = GpuProcess(process.pid, name, process.usedGpuMemory or None)
    return tuple(found[pid] for pid in sorted(found))
