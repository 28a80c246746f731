"""The inventory of a node: everything that was read of a machine, its driver and its GPUs, wider than a ``Node``.

What could not be read is None, which is not the same as none: a tuple that is empty was read. ``Node`` and ``Gpu`` are
stored with evidence and stay small; this is a document of its own, with a version of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "INVENTORY_VERSION",
    "Clocks",
    "DriverFacts",
    "EccErrors",
    "GpuFacts",
    "GpuProcess",
    "Inventory",
    "Machine",
    "Mode",
    "NvLink",
    "PcieLink",
    "RemappedRows",
    "Tools",
    "Xid",
]

INVENTORY_VERSION = 1


@dataclass(frozen=True)
class Machine:
    """The machine without its GPUs."""

    hostname: str | None = None
    id: str | None = None  # the Node's
    cpu: str | None = None
    cores: int | None = None  # that we may use; of another node those that it has
    memory_bytes: int | None = None
    kernel: str | None = None


@dataclass(frozen=True)
class DriverFacts:
    """The NVIDIA driver: its version, and those of its parts, which should all be the same."""

    version: str | None = None  # as NVML says it, else the kernel module's
    cuda: str | None = None  # the newest CUDA that the driver speaks: 12.8
    nvml: str | None = None  # NVML's own: 12.570.124.06
    nvml_problem: str | None = None  # why NVML does not start, in its words
    kernel_module: str | None = None
    flavour: str | None = None  # of the kernel module: open or proprietary
    libcuda: str | None = None  # of the library's file: 570.124.06
    fabric_manager: str | None = None


@dataclass(frozen=True)
class Tools:
    """What gives GPUs to containers."""

    container_toolkit: str | None = None
    device_plugin: str | None = None  # of the container that runs on the node


@dataclass(frozen=True)
class Mode:
    """A mode in force, and the one that a restart or a reset would bring: ``on`` and ``off``."""

    current: str
    pending: str | None = None


@dataclass(frozen=True)
class EccErrors:
    """Errors of memory that ECC saw: volatile since the driver was loaded, aggregate in the GPU's life."""

    corrected_volatile: int | None = None
    corrected_aggregate: int | None = None
    uncorrected_volatile: int | None = None
    uncorrected_aggregate: int | None = None


@dataclass(frozen=True)
class RemappedRows:
    """Rows of memory that were replaced, after how many errors of a kind; whether one waits for a reset, or failed."""

    corrected: int
    uncorrected: int
    pending: bool
    failed: bool


@dataclass(frozen=True)
class Clocks:
    """In MHz: as they are, the most that the GPU can, and those that are set for applications."""

    sm: int | None = None
    memory: int | None = None
    sm_most: int | None = None
    memory_most: int | None = None
    applications: int | None = None
    applications_memory: int | None = None


@dataclass(frozen=True)
class PcieLink:
    """A GPU's link, and the most that the GPU in this machine could have. An idle GPU lowers the generation."""

    generation: int | None = None
    generation_most: int | None = None
    width: int | None = None
    width_most: int | None = None


@dataclass(frozen=True)
class NvLink:
    """One link of a GPU. ``errors`` are those that are counted: replay, recovery, crc_flit, crc_data."""

    number: int
    up: bool
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class GpuProcess:
    """A process that holds memory of a GPU. ``name`` is the kernel's, where the process is in sight."""

    pid: int
    name: str | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class GpuFacts:
    """A physical GPU. One that NVML counts and cannot open has an ``index`` and a ``problem`` and nothing else.

    ``processes`` are none of ours; ``throttle`` has every reason why the clock is not higher, ``idle`` among them.
    """

    index: int | None = None
    uuid: str | None = None
    pci: str | None = None  # 00000000:3b:00.0
    product: str | None = None
    architecture: str | None = None
    compute_capability: str | None = None
    memory_bytes: int | None = None
    vbios: str | None = None
    inforom: str | None = None  # of the image
    gsp_firmware: str | None = None
    ecc: Mode | None = None
    ecc_errors: EccErrors | None = None
    remapped_rows: RemappedRows | None = None
    mig: Mode | None = None
    instances: tuple[str, ...] | None = None  # UUIDs of its MIG instances
    persistence: str | None = None
    compute_mode: str | None = None
    clocks: Clocks | None = None
    power_limit: float | None = None  # W, enforced
    power_limit_most: float | None = None  # W, that could be set
    pcie: PcieLink | None = None
    nvlinks: tuple[NvLink, ...] | None = None
    fabric: str | None = None  # not supported, not started, in progress, completed
    throttle: tuple[str, ...] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    problem: str | None = None  # NVML's word for it, such as GPU is lost


@dataclass(frozen=True)
class Xid:
    """One ``NVRM: Xid`` line of the kernel's log, since the machine was started."""

    number: int
    pci: str
    gpu: str | None  # UUID; None where no GPU that can be read has that address
    message: str
    seconds: float | None = None  # after the start


@dataclass(frozen=True)
class Inventory:
    """What is known of a node, and from where: ``this machine``, ``labels``, ``slurm``."""

    source: str
    machine: Machine = field(default_factory=Machine)
    driver: DriverFacts = field(default_factory=DriverFacts)
    gpus: tuple[GpuFacts, ...] | None = None
    on_the_bus: tuple[str, ...] | None = None  # PCI addresses of NVIDIA's GPUs, whatever the driver makes of them
    xids: tuple[Xid, ...] | None = None
    tools: Tools = field(default_factory=Tools)
    labels: dict[str, str] = field(default_factory=dict)
    schema_version: int = INVENTORY_VERSION
