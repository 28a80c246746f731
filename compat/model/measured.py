"""What is measured: the evidence of one run of a case, and where it ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from compat.model.health import HealthEvent
from compat.model.words import Arm, Direction, FaultKind, Kind, Phase, Stack, Tier

__all__ = [
    "LOCKED_CLOCKS",
    "THROTTLED",
    "Conditions",
    "Evidence",
    "Fault",
    "Gpu",
    "Identity",
    "Measurement",
    "Node",
    "Output",
    "Place",
]


@dataclass(frozen=True)
class Measurement:
    """Values of one metric from one process. Sampled: seconds (or the unit) of each repetition, in order."""

    metric: str
    unit: str
    direction: Direction
    kind: Kind
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Output:
    """An array a case returned: ``dtype`` in numpy's spelling (``<f4``), the bytes in C order under ``digest``.

    ``reference`` outputs are the oracle's, in float64, for the output of the same name.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str
    seed: int = 0
    reference: bool = False


@dataclass(frozen=True)
class Fault:
    """A case that did not produce its measurements."""

    stage: str  # start, import, save, load, prepare, run, compile, reference, split, observe, report
    kind: FaultKind
    detail: str
    signal: str | None = None
    output: str = ""  # the useful end of what it printed

    @property
    def signature(self) -> str:
        """What makes two faults the same fault."""
        return f"{self.kind.value}/{self.stage}/{self.signal or self.detail.split(':', 1)[0]}"


@dataclass(frozen=True)
class Identity:
    """What an arm really is, read from inside the runtime; from ``settings`` on by the controller, on the host.

    ``settings``: how the machine and the arm's GPUs were set when its probe was ready, by name, with units; what could
    not be read is not there. ``image``: the id of the container image it ran from, empty elsewhere.
    ``image_digests``: by which registries give that image, as far as the engine knows.
    """

    python: str
    implementation: str
    machine: str
    distributions: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    # Loaded shared library -> sha256: ``torch:torch/lib/libc10.so`` where a distribution has it, else its path.
    libraries: dict[str, str] = field(default_factory=dict)
    driver: dict[str, str] = field(default_factory=dict)  # kernel_module, flavour, libcuda, cuda, nvml: those there are
    settings: dict[str, str] = field(default_factory=dict)
    image: str = ""
    image_digests: tuple[str, ...] = ()

    @property
    def driver_version(self) -> str | None:
        """The kernel module's, else what NVML's version ends with (``12.570.124.06``); None if neither was read."""
        _, _, tail = self.driver.get("nvml", "").partition(".")
        return self.driver.get("kernel_module") or tail or None


# Why a GPU's clock is held down, of nvmlClocksEventReasons: thermal limits, the hardware's slowdown (to half or less)
# and the board's power brake. Staying within a power cap, or idling, is ordinary work.
THROTTLED = frozenset({"hw_slowdown", "hw_thermal", "power_brake", "sw_thermal"})

LOCKED_CLOCKS = "locked-clocks"  # label of a node whose clocks were held for diagnosis: no evidence for a ring


@dataclass(frozen=True)
class Conditions:
    """What the node was like while a case ran, read by the controller on the host. What could not be read is None."""

    load: float | None = None  # processes that ran or wanted to, the minute before
    governor: str | None = None  # of the first CPU's clock
    throttle: tuple[
        str, ...
    ] = ()  # why a GPU's clock was held down during the case: thermal, hardware, power_brake, ...
    events: tuple[HealthEvent, ...] = field(default=(), metadata={"later": True})  # what happened to its GPUs


class Place(NamedTuple):
    """Where a case runs: a node, and those of its GPUs that the case has. Places are judged one by one."""

    node: str
    devices: tuple[str, ...] = ()  # UUIDs

    def __str__(self) -> str:
        return " ".join((self.node, *self.devices))


@dataclass(frozen=True)
class Evidence:
    """The immutable record of one case run once by one arm on one node."""

    schema_version: int
    plan: str
    item: str
    content: str
    arm: Arm
    stack: Stack
    runtime: str
    node: str
    identity: str  # digest of the Identity document
    tier: Tier
    round: int
    generation: int
    pair: int
    started: str  # UTC, ISO 8601
    seconds: float
    inputs: str  # digest over everything the harness's generator gave to the case
    measurements: tuple[Measurement, ...] = ()
    outputs: tuple[Output, ...] = ()
    fault: Fault | None = None
    notes: tuple[str, ...] = ()  # what could not be bounded or measured here
    took: dict[str, str] = field(default_factory=dict)  # which path the case took, in its own words
    devices: tuple[str, ...] = ()  # UUIDs of the GPUs it ran on
    conditions: Conditions = field(default_factory=Conditions)
    installation: int = 1  # of the runtime: the first, or the second one that was made to confirm a slowdown
    phase: Phase | None = None  # None where both arms run on the node as it is
    session: str = ""  # of a phase: when it began, UTC; runs of one session share their hour and their neighbours

    @property
    def place(self) -> Place:
        """Where it ran."""
        return Place(self.node, self.devices)


@dataclass(frozen=True)
class Gpu:
    """A GPU as NVML sees it, or a MIG instance, which is a device of its own. What could not be read is None."""

    uuid: str
    product: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = None
    parent: str | None = None  # UUID of the GPU that a MIG instance is on; None for a whole GPU


@dataclass(frozen=True)
class Node:
    """A machine and what was read from it. What could not be read is None; a machine without a GPU is a node."""

    id: str
    hostname: str
    cpu: str | None
    cores: int
    memory_bytes: int | None
    kernel: str
    driver: str | None = None
    gpus: tuple[Gpu, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
