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
TOLERANCE = 0.0
TIMED = False
METRICS = (
    {"name": "mismatches", "unit": "versions", "direction": "lower", "kind": "exact"},
    {"name": "memory_missing", "unit": "B", "direction": "lower", "kind": "exact"},
)
CASES = {"first-gpu": {}}


def prepare(_, tools):
    """Start NVML; the work looks the first GPU up by the UUID that CUDA gives it."""
    from compat.probe.cuda import Device

    with Device() as device:
        uuid = device.uuid
    nvml = _Nvml()
    tools.took("NVML", nvml.version())

    def work():
        nvml.device(uuid)
        return {"known": 1}

    return work


def observe(*_):
    """Whether NVML and the kernel module are of two versions, and how much less memory NVML tells of than CUDA."""
    from compat.probe.cuda import Device

    nvml = _Nvml()
    with Device() as device:
        missing = max(0, device.memory_info()[1] - nvml.memory(nvml.device(device.uuid)))
    module = _module()
    return {"mismatches": float(module not in (None, nvml.version())), "memory_missing": float(missing)}


def _module():
    """The version of the kernel module; None where the container does not show it."""
    from compat.probe.driver import read_module

    return read_module().get("kernel_module")


class _Nvml:
    """The few functions of NVML that this needs, by ctypes: a runtime need not have a binding."""

    def __init__(self):
        import ctypes

        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._library.nvmlErrorString.restype = ctypes.c_char_p
        self._call("nvmlInit_v2")

    def _call(self, name, *arguments):
        code = getattr(self._library, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name}: {self._library.nvmlErrorString(code).decode()} ({code})")

    def version(self):
        """The driver that the library is of, which is its own version without the first number (``12.570.172.08``)."""
        import ctypes

        text = ctypes.create_string_buffer(96)
        self._call("nvmlSystemGetNVMLVersion", text, 96)
        return text.value.decode().partition(".")[2]

    def device(self, uuid):
        """The handle of a GPU or MIG instance."""
        import ctypes

        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(handle))
        return handle

    def memory(self, handle):
        """Its memory in bytes."""
        import ctypes

        found = (ctypes.c_ulonglong * 3)()  # nvmlMemory_t: total, free, used
        self._call("nvmlDeviceGetMemoryInfo", handle, found)
        return found[0]
