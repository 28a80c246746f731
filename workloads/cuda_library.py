"""The driver's library in the container: that libcuda can be loaded, that it is one, and what it has.

Why upgrades break it: a container toolkit mounts the libraries of the host's driver, or those of the CUDA forward
compatibility package lie before them; after an upgrade of either there may be none, an old one that is left over, or
two that answer in turn. Frameworks look functions up by name, so one that is missing is found when it is first called.
"""

from __future__ import annotations

COMPONENTS = ("driver",)
IMPORTS = ("numpy",)
KIND = "operator"
TIERS = ("gpu",)
TOLERANCE = 0.0
TIMED = False
METRICS = (
    {"name": "functions", "unit": "functions", "direction": "higher", "kind": "exact"},
    {"name": "libraries", "unit": "files", "direction": "lower", "kind": "exact"},
    {"name": "cuda_version", "unit": "", "direction": "higher", "kind": "exact"},
)
CASES = {"loaded": {}}

# What torch, Triton and NCCL call, and the CUDA that has it first, by NVIDIA's CUDA Driver API reference.
_FUNCTIONS = (
    "cuInit",
    "cuLaunchKernel",
    "cuModuleLoadDataEx",
    "cuFuncSetAttribute",
    "cuMemcpyHtoDAsync_v2",
    "cuIpcGetMemHandle",
    "cuStreamBeginCapture_v2",  # 10.1
    "cuGraphLaunch",  # 10.0
    "cuMemCreate",  # 10.2
    "cuMemMap",  # 10.2
    "cuMemAllocAsync",  # 11.2
    "cuGetProcAddress",  # 11.3
    "cuMemGetHandleForAddressRange",  # 11.7
    "cuGetProcAddress_v2",  # 12.0
    "cuLibraryLoadData",  # 12.0
    "cuTensorMapEncodeTiled",  # 12.0
    "cuLaunchKernelEx",  # 11.8
    "cuMulticastCreate",  # 12.1
    "cuGreenCtxCreate",  # 12.4
)


def prepare(_, tools):
    """Load the library; the work asks for the number of GPUs, of which the case has at least one."""
    from compat.probe.libcuda import Driver, driver_version, loaded_libraries

    driver = Driver.load()
    tools.took("libcuda", ", ".join(loaded_libraries()))
    tools.took("CUDA", str(driver_version()))

    def work():
        driver.call("cuInit", 0)
        return {"usable": 1}

    return work


def observe(*_):
    """How many of the functions there are, how many files of libcuda are loaded, and the newest CUDA it speaks."""
    from compat.probe.libcuda import Driver, driver_version, loaded_libraries

    driver = Driver.load()
    return {
        "functions": sum(map(driver.has, _FUNCTIONS)),
        "libraries": len(loaded_libraries()),
        "cuda_version": float(driver_version()),
    }
