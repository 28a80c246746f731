"""What is wrong with a node as it is, from its inventory alone: said to people, and nothing is decided by it."""

from __future__ import annotations

from collections.abc import Iterator

from compat.model.inventory import DriverFacts, GpuFacts, Inventory, Mode
from compat.node.kernel_log import bus_address

__all__ = ["problems"]


def problems(found: Inventory) -> tuple[str, ...]:
    """One sentence each. What was not read is no problem, and nothing is said of it here."""
    return (
        *_driver(found.driver),
        *_bus(found),
        *(said for gpu in found.gpus or () for said in _gpu(gpu)),
        *_xids(found),
    )


def _driver(driver: DriverFacts) -> Iterator[str]:
    module = driver.kernel_module or driver.version
    if module is None:
        return
    if driver.nvml_problem is not None and driver.kernel_module is not None:
        yield f"NVML does not start ({driver.nvml_problem}), and the kernel has the driver's module {module}"
    if driver.fabric_manager not in (None, module):
        # NVIDIA Fabric Manager User Guide: it compares versions when it starts, and ends where they differ.
        yield f"Fabric Manager is {driver.fabric_manager}, and the driver is {module}: it does not run with another one"
    if driver.libcuda not in (None, module):
        # https://github.com/Azure/AKS/issues/5869: a node image with the module 570.211 and libraries of 580.159.
        yield f"libcuda is {driver.libcuda}, and the kernel module is {module}: right for cuda-compat alone"
    _, _, library = (driver.nvml or "").partition(".")
    if library not in ("", module):
        yield f"NVML is {library}, and the kernel module is {module}"


def _bus(found: Inventory) -> Iterator[str]:
    if found.on_the_bus and found.gpus is None:
        yield f"the PCI bus has {len(found.on_the_bus)} of NVIDIA's GPUs, and none of them can be read"
    known = {bus_address(gpu.pci) for gpu in found.gpus or () if gpu.pci is not None}
    if known:
        for address in found.on_the_bus or ():
            if bus_address(address) not in known:
                said = "is on the PCI bus, and NVML does not show it: lost, or not for this container"
                yield f"the GPU at {address} {said}"
        if found.on_the_bus is not None:
            there = {bus_address(address) for address in found.on_the_bus}
            for gpu in found.gpus or ():
                if gpu.pci is not None and bus_address(gpu.pci) not in there:
                    yield f"{name(gpu)} is not on the PCI bus"


def name(gpu: GpuFacts) -> str:
    """What to call a GPU."""
    return gpu.uuid or (f"GPU {gpu.index}" if gpu.index is not None else gpu.product or "a GPU")


def _gpu(gpu: GpuFacts) -> Iterator[str]:
    own = name(gpu)
    if gpu.problem is not None:
        yield f"{own}: {gpu.problem}"
    for what, mode in (("ECC", gpu.ecc), ("MIG", gpu.mig)):
        if isinstance(mode, Mode) and mode.pending not in (None, mode.current):
            yield f"{own}: {what} is {mode.current}, and will be {mode.pending} after a reset"
    yield from _memory(gpu, own)
    yield from _links(gpu, own)
    if gpu.processes:
        names = ", ".join(f"{one.pid} ({one.name or 'out of sight'})" for one in gpu.processes)
        yield f"{own}: other processes are on it: {names}"


def _memory(gpu: GpuFacts, own: str) -> Iterator[str]:
    errors, rows = gpu.ecc_errors, gpu.remapped_rows
    if errors is not None and errors.uncorrected_volatile:
        yield f"{own}: {errors.uncorrected_volatile} uncorrected ECC errors since the driver was loaded"
    elif errors is not None and errors.uncorrected_aggregate:
        yield f"{own}: {errors.uncorrected_aggregate} uncorrected ECC errors in its life, none of them lately"
    if rows is not None and rows.failed:
        yield f"{own}: a row of its memory could not be replaced"
    if rows is not None and rows.pending:
        yield f"{own}: a row of its memory waits for a reset to be replaced"


def _links(gpu: GpuFacts, own: str) -> Iterator[str]:
    pcie = gpu.pcie
    if pcie is not None and pcie.width is not None and pcie.width_most not in (None, pcie.width):
        yield f"{own}: its PCIe link is x{pcie.width}, and could be x{pcie.width_most}"
    if pcie is not None and pcie.generation is not None and pcie.generation_most not in (None, pcie.generation):
        idle = "; an idle GPU lowers it" if gpu.throttle is None or "idle" in gpu.throttle else ""
        said = f"of generation {pcie.generation}, and could be of {pcie.generation_most}{idle}"
        yield f"{own}: its PCIe link is {said}"
    down = [str(link.number) for link in gpu.nvlinks or () if not link.up]
    if gpu.nvlinks and len(down) == len(gpu.nvlinks):
        yield f"{own}: none of its {len(down)} NVLinks is up, as of a GPU that is not linked to another one"
    elif down:
        yield f"{own}: NVLink {', '.join(down)} of {len(gpu.nvlinks or ())} down"
    if gpu.fabric in ("not started", "in progress"):
        yield f"{own}: its registration with the NVLink fabric is {gpu.fabric}"


def _xids(found: Inventory) -> Iterator[str]:
    counts: dict[tuple[int, str], int] = {}
    for xid in found.xids or ():
        key = xid.number, xid.gpu or xid.pci
        counts[key] = counts.get(key, 0) + 1
    for (number, where), count in sorted(counts.items()):
        yield f"Xid {number} on {where} since the machine was started" + (f", {count} times" if count > 1 else "")
