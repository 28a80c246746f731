"""GPUs and the driver, through NVML. This has not run on a machine with a GPU."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compat.model import Gpu

__all__ = ["LOST", "SUCCESS", "ask", "ask_first", "asked", "gpu_handle", "nvml", "nvml_problem", "read_gpus", "text"]

# Of nvmlReturn_t; LOST is NVML_ERROR_GPU_IS_LOST.
SUCCESS, LOST = 0, 15
_NO_FUNCTION, _UNKNOWN = 13, 999


@functools.cache
def _started() -> tuple[Any | None, str | None]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as problem:
        return None, str(problem)
    return pynvml, None


def nvml() -> Any | None:
    """NVML's binding, initialised once and for the life of this process; None without an NVIDIA driver."""
    return _started()[0]


def nvml_problem() -> str | None:
    """Why NVML does not start, in its own words; None where it does."""
    return _started()[1]


def ask(name: str, *arguments: object) -> Any | None:
    """What the function ``name`` answers; None where this driver, card, library or binding cannot give it."""
    return asked(name, *arguments)[0]


def asked(name: str, *arguments: object) -> tuple[Any | None, int]:
    """What the function ``name`` answers, and SUCCESS; or None, and the number of NVML's error."""
    binding = nvml()
    function = getattr(binding, name, None)
    if binding is None or function is None:
        return None, _NO_FUNCTION
    try:
        return function(*arguments), SUCCESS
    except binding.NVMLError as problem:
        return None, int(problem.value)
    except UnicodeDecodeError:  # the binding decodes names itself
        return None, _UNKNOWN


def ask_first(names: Sequence[str], *arguments: object) -> Any | None:
    """The answer of the first of several functions that gives one: the newest name stands first."""
    return next((found for name in names if (found := ask(name, *arguments)) is not None), None)


def gpu_handle(uuid: str) -> Any | None:
    """The GPU with this UUID, or the GPU that a MIG instance is on: an instance has no clocks and no sensors."""
    handle = ask("nvmlDeviceGetHandleByUUID", uuid)
    if handle is not None and uuid.startswith("MIG-"):
        return ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle)
    return handle


def read_gpus() -> tuple[str | None, tuple[str, ...], tuple[Gpu, ...]]:
    """The driver's version, the UUIDs of the physical GPUs, and the devices that CUDA can use on them.

    A GPU whose MIG mode is enabled is no device as a whole. Its instances are, and it may have none.
    (None, (), ()) on a machine without an NVIDIA driver.
    """
    driver = text(ask("nvmlSystemGetDriverVersion"))
    physical: list[str] = []
    devices: list[Gpu] = []
    for index in range(ask("nvmlDeviceGetCount") or 0):
        handle = ask("nvmlDeviceGetHandleByIndex", index)
        gpu = _read(handle)
        if gpu is not None:
            instances = _instances(handle, gpu)
            physical.append(gpu.uuid)
            devices += [gpu] if instances is None else instances
    return driver, tuple(physical), tuple(devices)


def _read(handle: Any | None) -> Gpu | None:
    uuid = None if handle is None else text(ask("nvmlDeviceGetUUID", handle))
    if uuid is None:  # a GPU that fell off the bus has neither, nor has an empty place for an instance: it is not there
        return None
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    return Gpu(
        uuid=uuid,
        product=text(ask("nvmlDeviceGetName", handle)),
        memory_bytes=None if memory is None else int(memory.total),
        compute_capability=None if capability is None else "{}.{}".format(*capability),
    )


def _instances(handle: Any, gpu: Gpu) -> list[Gpu] | None:
    """The MIG instances of a GPU; None for one that is whole, as with a card or a driver that knows no MIG."""
    modes = ask("nvmlDeviceGetMigMode", handle)  # the one in force, and the one that a reset would bring
    places = ask("nvmlDeviceGetMaxMigDeviceCount", handle) if modes is not None and modes[0] else None
    if places is None:
        return None
    handles = [ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, place) for place in range(places)]
    found = [instance for each in handles if (instance := _read(each)) is not None]
    return [replace(each, compute_capability=gpu.compute_capability, parent=gpu.uuid) for each in found]


def text(value: object) -> str | None:
    """What NVML says in words: the binding gives text or bytes. None for None."""
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
