"""NVML beside CUDA in the container: whether it starts, knows the same GPUs, and tells of their memory.

Why upgrades break it: NVML refuses to start when its library is not of the loaded kernel module's version (a driver
that was upgraded under running containers), a container that is not given the right devices has CUDA and no NVML, and
under some hypervisors and MIG layouts it tells of no memory at all. No kernel needs it, and health checks, exporters,
NCCL and torch's allocator do.
"""

from __future__ import annotations

COMPONENTS = ("driver",)
IMPORTS = ("numpy",)
KIND = "operator"
TIERS = ("gpu",)
# There is one right answer.
TOLERANCE = 0.0
TIMED = False
METRICS = (
    {"name": "mismatches", "unit": "versions", "direction": "lower", "kind": "exact"},
    {"name": "memory_missing", "unit": "B", "direction": "lower", "kind": "exact"},
)
CASES = {"first-gpu": {"gpu": 0}}


def prepare(params, tools):
    """Start NVML; the work looks the GPU up by the UUID that CUDA gives it."""
    from compat.probe.cuda import Device

    with Device(params["gpu"]) as device:
        uuid = device.uuid
    nvml = _started()
    tools.took("NVML", _version(nvml))

    def work():
        _device(nvml, uuid)
        return {"known": 1}

    return work


def observe(params, _):
    """Whether NVML and the kernel module are of two versions, and how much less memory NVML tells of than CUDA."""
    from compat.probe.cuda import Device
    from compat.probe.driver import read_module

    nvml = _started()
    with Device(params["gpu"]) as device:
        missing = max(0, device.memory_info()[1] - _memory(nvml, _device(nvml, device.uuid)))
    module = read_module().get("kernel_module")  # None where the container does not show it
    return {"mismatches": float(module not in (None, _version(nvml))), "memory_missing": float(missing)}


def _started():
    """NVML by ctypes, for a runtime need not have a binding. RuntimeError where it does not start."""
    import ctypes

    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    nvml.nvmlErrorString.restype = ctypes.c_char_p
    _call(nvml, "nvmlInit_v2")
    return nvml


def _call(nvml, name, *arguments):
    code = getattr(nvml, name)(*arguments)
    if code != 0:
        raise RuntimeError(f"{name}: {nvml.nvmlErrorString(code).decode()} ({code})")


def _version(nvml):
    """The driver that the library is of, which is its own version without the first number (``12.570.172.08``)."""
    import ctypes

    text = ctypes.create_string_buffer(96)
    _call(nvml, "nvmlSystemGetNVMLVersion", text, 96)
    return text.value.decode().partition(".")[2]


def _device(nvml, uuid):
    """The handle of a GPU or MIG instance."""
    import ctypes

    handle = ctypes.c_void_p()
    _call(nvml, "nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(handle))
    return handle


def _memory(nvml, handle):
    """Its memory in bytes."""
    import ctypes

    found = (ctypes.c_ulonglong * 3)()  # nvmlMemory_t: total, free, used
    _call(nvml, "nvmlDeviceGetMemoryInfo", handle, found)
    return found[0]
