"""An inventory as text. Of every field that could not be read it says so: missing is not none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from compat.model.inventory import GpuFacts, Inventory, Mode, Xid
from compat.node.problems import problems
from compat.report.text import count

__all__ = ["print_inventory"]

_NOT_READ = "not read"
_GIB = 1 << 30
_MOST_XIDS = 20  # the newest ones


def print_inventory(found: Inventory, console: Console) -> None:
    """Print the inventory, and at the end what is wrong."""
    # Text as it is: names come from labels and from a kernel's log, and nothing in them is markup.
    for title, lines in _parts(found):
        console.print(Text(title, style="bold"))
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)


def _parts(found: Inventory) -> Iterator[tuple[str, list[str]]]:
    machine, driver, tools = found.machine, found.driver, found.tools
    yield (
        f"Node {machine.hostname or _NOT_READ} ({'from ' if found.source != 'this machine' else ''}{found.source})",
        _fields(
            id=machine.id,
            CPU=machine.cpu,
            cores=machine.cores,
            memory=_gib(machine.memory_bytes),
            kernel=machine.kernel,
        ),
    )
    yield (
        "Driver",
        _fields(
            version=driver.version,
            CUDA=None if driver.cuda is None else f"up to {driver.cuda}",
            NVML=driver.nvml or (driver.nvml_problem and f"{_NOT_READ}: {driver.nvml_problem}"),
            kernel_module=driver.kernel_module and f"{driver.kernel_module} ({driver.flavour or 'flavour not read'})",
            libcuda=driver.libcuda,
            Fabric_Manager=driver.fabric_manager,
            container_toolkit=tools.container_toolkit,
            device_plugin=tools.device_plugin,
        ),
    )
    yield from _gpus(found.gpus)
    yield "Xids in the kernel's log", _xids(found)
    if found.labels:
        yield "Labels", [f"{key}: {value}" for key, value in found.labels.items()]
    wrong = problems(found)
    yield count(len(wrong), "problem").capitalize() if wrong else "No problem in what was read", list(wrong)


def _gpus(gpus: Sequence[GpuFacts] | None) -> Iterator[tuple[str, list[str]]]:
    if gpus is None:
        yield f"GPUs: {_NOT_READ}", []
    elif not gpus:
        yield "GPUs: none", []
    elif all(gpu == gpus[0] for gpu in gpus):  # labels say the same of all
        number = f"{len(gpus)} GPUs" if len(gpus) > 1 else "GPU"
        yield number if gpus[0].index is None else f"GPU {gpus[0].index}", _gpu(gpus[0])
    else:
        for gpu in gpus:
            yield "GPU" if gpu.index is None else f"GPU {gpu.index}", _gpu(gpu)


def _gpu(gpu: GpuFacts) -> list[str]:
    ecc, rows, clocks, pcie = gpu.ecc_errors, gpu.remapped_rows, gpu.clocks, gpu.pcie
    return _fields(
        problem=gpu.problem or "",
        product=gpu.product,
        UUID=gpu.uuid,
        PCI=gpu.pci,
        architecture=gpu.architecture,
        compute_capability=gpu.compute_capability,
        memory=_gib(gpu.memory_bytes),
        VBIOS=gpu.vbios,
        InfoROM=gpu.inforom,
        GSP_firmware=gpu.gsp_firmware,
        ECC=_mode(gpu.ecc),
        ECC_errors=ecc
        and f"uncorrected {_either(ecc.uncorrected_volatile)} now, {_either(ecc.uncorrected_aggregate)} in its life; "
        f"corrected {_either(ecc.corrected_volatile)} now, {_either(ecc.corrected_aggregate)} in its life",
        remapped_rows=rows and f"{rows.uncorrected} after uncorrected errors, {rows.corrected} after corrected ones",
        MIG=_mode(gpu.mig),
        MIG_instances=_list(gpu.instances),
        persistence=gpu.persistence,
        compute_mode=gpu.compute_mode,
        clocks=clocks
        and f"SM {_of(clocks.sm, clocks.sm_most)} MHz, memory {_of(clocks.memory, clocks.memory_most)} MHz",
        applications_clocks=clocks
        and f"SM {_either(clocks.applications)} MHz, memory {_either(clocks.applications_memory)} MHz",
        power_limit=None if gpu.power_limit is None else _limit(gpu.power_limit, gpu.power_limit_most),
        PCIe=pcie and f"generation {_of(pcie.generation, pcie.generation_most)}, x{_of(pcie.width, pcie.width_most)}",
        NVLink=_nvlinks(gpu),
        fabric=gpu.fabric,
        throttle=_list(gpu.throttle),
        processes=None
        if gpu.processes is None
        else _list(
            [
                f"{one.pid} ({one.name or 'out of sight'}) {_gib(one.memory_bytes) or ''}".strip()
                for one in gpu.processes
            ]
        ),
    )


def _fields(**found: object) -> list[str]:
    """A line each; a field that is None was not read, and one that is empty text is left out."""
    return [
        f"{key.replace('_', ' ')}: {_NOT_READ if value is None else value}"
        for key, value in found.items()
        if value != ""
    ]


def _either(value: object) -> object:
    return _NOT_READ if value is None else value


def _of(value: int | None, most: int | None) -> str:
    return f"{_either(value)} of {_either(most)}"


def _limit(watts: float, most: float | None) -> str:
    return f"{watts:g} of {_NOT_READ if most is None else f'{most:g}'} W"


def _gib(size: int | None) -> str | None:
    return None if size is None else f"{size / _GIB:.1f} GiB"


def _mode(mode: Mode | None) -> str | None:
    if mode is None:
        return None
    if mode.pending in (None, mode.current):
        return mode.current
    return f"{mode.current}, {mode.pending} after a reset"


def _list(words: Iterable[str] | None) -> str | None:
    return None if words is None else ", ".join(words) or "none"


def _nvlinks(gpu: GpuFacts) -> str | None:
    if not gpu.nvlinks:
        return None if gpu.nvlinks is None else "none"
    totals: dict[str, int] = {}
    for link in gpu.nvlinks:
        for name, number in link.errors.items():
            totals[name] = totals.get(name, 0) + number
    errors = ", ".join(f"{number} {name}" for name, number in totals.items()) or _NOT_READ
    return f"{sum(link.up for link in gpu.nvlinks)} of {len(gpu.nvlinks)} up; errors: {errors}"


def _xids(found: Inventory) -> list[str]:
    if found.xids is None:
        return [_NOT_READ]
    said = [f"Xid {xid.number} on {xid.gpu or xid.pci}{_when(xid)}: {xid.message}" for xid in found.xids[-_MOST_XIDS:]]
    more = len(found.xids) - len(said)
    return [*([f"{more} older ones"] if more else []), *said] or ["none"]


def _when(xid: Xid) -> str:
    return "" if xid.seconds is None else f" at {xid.seconds:.0f} s"
