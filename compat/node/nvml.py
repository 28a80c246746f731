"""GPUs and the driver, through NVML. This has not run on a machine with a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from compat.model import Gpu

__all__ = ["read_gpus"]

_Value = TypeVar("_Value")


def read_gpus() -> tuple[str | None, tuple[Gpu, ...]]:
    """The driver's version and the GPUs; (None, ()) on a machine without an NVIDIA driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None, ()
    try:
        driver = _maybe(pynvml.nvmlSystemGetDriverVersion)
        count = _maybe(pynvml.nvmlDeviceGetCount) or 0
        return _text(driver), tuple(gpu for index in range(count) if (gpu := _read(pynvml, index)) is not None)
    finally:
        _maybe(pynvml.nvmlShutdown)


def _read(pynvml: Any, index: int) -> Gpu | None:
    handle = _maybe(pynvml.nvmlDeviceGetHandleByIndex, index)
    uuid = None if handle is None else _text(_maybe(pynvml.nvmlDeviceGetUUID, handle))
    if uuid is None:  # a GPU that fell off the bus has neither: it is not there
        return None
    memory = _maybe(pynvml.nvmlDeviceGetMemoryInfo, handle)
    capability = _maybe(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    return Gpu(
        uuid=uuid,
        product=_text(_maybe(pynvml.nvmlDeviceGetName, handle)),
        memory_bytes=None if memory is None else int(memory.total),
        compute_capability=None if capability is None else "{}.{}".format(*capability),
    )


def _maybe(function: Callable[..., _Value], *arguments: object) -> _Value | None:
    """The answer, or None where this driver, this card or this library cannot give it."""
    import pynvml

    try:
        return function(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):  # the binding decodes names itself
        return None


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
