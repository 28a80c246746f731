"""GPUs and the driver, through NVML. This has not run on a machine with a GPU."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from compat.model import Gpu

__all__ = ["ask", "ask_first", "gpu_handle", "nvml", "read_gpus", "text"]


@functools.cache
def nvml() -> Any | None:
    """NVML's binding, initialised once and for the life of this process; None without an NVIDIA driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def ask(name: str, *arguments: object) -> Any | None:
    """What the function ``name`` answers; None where this driver, card, library or binding cannot give it."""
    binding = nvml()
    function = getattr(binding, name, None)
    if binding is None or function is None:
        return None
    try:
        return function(*arguments)
    except (binding.NVMLError, UnicodeDecodeError):  # the binding decodes names itself
        return None


def ask_first(names: Sequence[str], *arguments: object) -> Any | None:
    """The answer of the first of several functions that gives one: the newest name stands first."""
    return next((found for name in names if (found := ask(name, *arguments)) is not None), None)


def gpu_handle(uuid: str) -> Any | None:
    """The GPU with this UUID, or the GPU that a MIG instance is on: an instance has no clocks and no sensors."""
    handle = ask("nvmlDeviceGetHandleByUUID", uuid)
    if handle is not None and uuid.startswith("MIG-"):
        return ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle)
    return handle


def read_gpus() -> tuple[str | None, tuple[Gpu, ...]]:
    """The driver's version and the GPUs; (None, ()) on a machine without an NVIDIA driver."""
    driver = text(ask("nvmlSystemGetDriverVersion"))
    count = ask("nvmlDeviceGetCount") or 0
    return driver, tuple(gpu for index in range(count) if (gpu := _read(index)) is not None)


def _read(index: int) -> Gpu | None:
    handle = ask("nvmlDeviceGetHandleByIndex", index)
    uuid = None if handle is None else text(ask("nvmlDeviceGetUUID", handle))
    if uuid is None:  # a GPU that fell off the bus has neither: it is not there
        return None
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    return Gpu(
        uuid=uuid,
        product=text(ask("nvmlDeviceGetName", handle)),
        memory_bytes=None if memory is None else int(memory.total),
        compute_capability=None if capability is None else "{}.{}".format(*capability),
    )


def text(value: object) -> str | None:
    """What NVML says in words: the binding gives text or bytes. None for None."""
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
