"""The driver's library in the container: that libcuda can be loaded and started, and what it has.

Why upgrades break it: a container toolkit mounts the libraries of the host's driver, or those of the CUDA forward
compatibility package lie before them; after an upgrade of either there may be none, or an old one that is left over.
Frameworks look functions up by name, so one that is missing is found when it is first called.
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
    {"name": "missing", "unit": "functions", "direction": "lower", "kind": "exact"},
    {"name": "cuda_version", "unit": "", "direction": "higher", "kind": "exact"},
)
# What torch, Triton and NCCL look up, by the CUDA that has it first (NVIDIA's CUDA Driver API reference).
CASES = {
    "cuda-10": {"functions": ("cuLaunchKernel", "cuGraphLaunch", "cuStreamBeginCapture_v2", "cuMemCreate", "cuMemMap")},
    "cuda-11": {
        "functions": ("cuMemAllocAsync", "cuGetProcAddress", "cuMemGetHandleForAddressRange", "cuLaunchKernelEx")
    },
    "cuda-12": {
        "functions": (
            "cuGetProcAddress_v2",
            "cuLibraryLoadData",
            "cuTensorMapEncodeTiled",
            "cuMulticastCreate",
            "cuGreenCtxCreate",
        )
    },
}


def prepare(params, tools):
    """Load the library and say which it is; the work starts it and asks whether there is a GPU."""
    import ctypes

    from compat.probe.libcuda import Driver, driver_version, loaded_libraries

    driver = Driver.load()
    tools.took("libcuda", ", ".join(loaded_libraries()))
    tools.took("CUDA", str(driver_version()))
    tools.took("missing", ", ".join(_missing(driver, params)) or "nothing")

    def work():
        count = ctypes.c_int()
        driver.call("cuInit", 0)
        driver.call("cuDeviceGetCount", ctypes.byref(count))
        return {"usable": count.value > 0}

    return work


def observe(params, _):
    """How many of the functions are missing, and the newest CUDA that the driver speaks."""
    from compat.probe.libcuda import Driver, driver_version

    return {"missing": len(_missing(Driver.load(), params)), "cuda_version": float(driver_version())}


def _missing(driver, params):
    return [name for name in params["functions"] if not driver.has(name)]
