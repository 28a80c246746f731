"""What is planned: cases, runtimes, cells, rings, and the Plan that holds them."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import Any

from compat.model.coverage import Coverage
from compat.model.foreseen import Finding, Rejection, Window
from compat.model.measured import Node, Output
from compat.model.moments import Seconds
from compat.model.policy import Policy
from compat.model.words import Design, Direction, Kind, Loads, Stack, Tier

__all__ = [
    "NODE_AXES",
    "SENTINEL_METRIC",
    "Artifact",
    "Case",
    "Cell",
    "Item",
    "Metric",
    "Plan",
    "Ring",
    "Route",
    "Runtime",
]


NODE_AXES = ("driver", "firmware")  # what a node has and no runtime can bring
SENTINEL_METRIC = "latency"  # of a sentinel: one measurement of each case, or one case would be three of them


@dataclass(frozen=True)
class Metric:
    """Something a case promises to measure. ``gated`` is false for what is shown and never judged."""

    name: str
    unit: str
    direction: Direction
    kind: Kind
    gated: bool = True


@dataclass(frozen=True)
class Artifact:
    """A file that a case needs: where it comes from, and the digest it must have.

    ``package`` is a pinned distribution (``name==version``) whose wheel carries the file at ``path``. Where it is empty
    the matrix names a file or a folder, and ``path`` begins at the matrix's own folder.
    """

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Case:
    """One parameterisation of a workload.

    ``components`` are the distributions the case exercises: a reason names their versions. ``tolerance`` bounds the
    relative L2 difference of each floating-point output between the arms; everything else must be equal. ``golden`` are
    outputs that are known to be right, by digest; None where the content declares none.
    """

    workload: str
    id: str
    tier: Tier
    params: dict[str, Any]
    metrics: tuple[Metric, ...]
    components: tuple[str, ...]
    tolerance: float
    seeds: int
    artifact: Artifact | None
    content: str  # sha256 of the file that defines the workload
    imports: tuple[str, ...] = ()  # what the zygote may import before it forks
    golden: tuple[Output, ...] | None = None
    oracle: bool = False  # whether it returns a reference beside its outputs
    all_gpus: bool = False  # whether it runs once, on all measured GPUs of a node, and not on each of them
    loads: Loads | None = None  # whose saved files its arms load, beside its artifact


@dataclass(frozen=True)
class Runtime:
    """The software a case runs in, as the matrix states it. Exactly one of the four ways to get it is set.

    ``image``: a container image as it is. ``requirements``: built once, as an image on ``base`` where an engine
    answers and as a virtual environment elsewhere. ``python``: an interpreter in place; empty for our own.
    """

    name: str
    image: str | None = None
    base: str | None = None
    requirements: tuple[str, ...] | None = None
    python: str | None = None
    values: Stack = field(default_factory=dict)  # the axis values this runtime realises
    env: dict[str, str] = field(default_factory=dict)
    assembler: Artifact | None = None  # the ptxas of the CUDA it states, where kernels are compiled with that too
    cuda_compat: bool | None = field(
        default=None, metadata={"later": True}
    )  # whether it has NVIDIA's cuda-compat package; None: not stated
    ptx: bool = field(default=False, metadata={"later": True})  # whether the driver has to compile PTX of its CUDA
    brings: Stack = field(
        default_factory=dict, metadata={"later": True}
    )  # component -> version that it has by the support tables

    @property
    def kind(self) -> str:
        """``image``, ``requirements`` or ``in_place``."""
        if self.image is not None:
            return "image"
        return "requirements" if self.requirements is not None else "in_place"


@dataclass(frozen=True)
class Cell:
    """One point of the matrix that is compared with its known-good counterpart.

    ``required`` cells are the candidate's: the verdict rests on them. The others lie between the known-good and the
    candidate point; they are measured and shown. The arms of a ``rollback`` cell are the other way round: what the
    newer stack saved is loaded by the one that it would be rolled back to.
    """

    id: str
    stack: Stack
    known_good: Stack
    model: str | None
    required: bool = True
    rollback: bool = False

    @property
    def phased(self) -> bool:
        """Whether its stacks cannot share a node, so that they run in phases: before an upgrade of it, and after."""
        return any(self.stack.get(axis) != self.known_good.get(axis) for axis in NODE_AXES)


@dataclass(frozen=True)
class Route:
    """A cell that is reached over others, its edges: each is compared by itself, and what they add up to is judged.

    ``cell`` has no items of its own. ``edges`` are ids of cells, of which each begins where the one before it ends.
    """

    cell: Cell
    edges: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """A case of a cell: what is measured in pairs, and one pytest item. ``key`` is its readable, stable name."""

    key: str
    cell: Cell
    case: Case
    timeout: float  # seconds, for one run of the case in one arm
    required: bool = True
    sentinel: bool = False  # whether it is work that the upgrade does not touch, which shows how a session was


@dataclass(frozen=True)
class Ring:
    """An ordered group of nodes, with the evidence it requires."""

    name: str
    tiers: tuple[Tier, ...]
    minimum_nodes: int = 1
    budget: Seconds = 1200.0  # seconds that a node may spend measuring
    labels: dict[str, str] = field(default_factory=dict)
    after: str | None = None
    gpus: int | None = None  # of each node, that are measured; None: all of them
    controls: dict[str, str] = field(default_factory=dict)  # labels of nodes that are not upgraded; none: no control
    minimum_controls: int = 0
    stored: bool = False  # whether sessions are compared, where a driver changes
    cards: tuple[str, ...] = field(
        default=(), metadata={"later": True}
    )  # of its nodes, as nvidia-smi names them, ``*`` is wild; none: any
    coverage: Coverage | None = field(default=None, metadata={"later": True})  # None: every cell is the ring's
    # The gate's, in seconds: how long the upgrade stays in the ring before the next one, how old a verdict may be, and
    # how old a rehearsal of the way back (None: none is asked for).
    soak: Seconds = field(default=0.0, metadata={"later": True})
    valid: Seconds | None = field(default=None, metadata={"later": True})
    rehearsal: Seconds | None = field(default=None, metadata={"later": True})
    attested: bool = field(default=False, metadata={"later": True})  # whether the next ring asks for a signed verdict

    @property
    def on_paper(self) -> bool:
        """Whether it asks for the tables alone: nothing is run for it, on no node."""
        return self.tiers == (Tier.STATIC,)

    @property
    def design(self) -> Design:
        """How cells are compared whose stacks cannot share a node."""
        if self.stored:
            return Design.STORED
        return Design.CONTROL if self.controls else Design.ABA

    def other_card(self, node: Node) -> str | None:
        """A GPU of the node that is none of the ring's cards; one that was not read is none of them either."""
        if not self.cards:
            return None
        named = (gpu.product or "a GPU that was not read" for gpu in node.gpus)
        return next((name for name in named if not any(fnmatch.fnmatchcase(name, card) for card in self.cards)), None)

    def is_control(self, node: Node) -> bool:
        """Whether the node is of the control group."""
        return bool(self.controls) and self.controls.items() <= node.labels.items()

    def has(self, cell: str) -> bool:
        """Whether the cell of that id is one of the ring's."""
        return self.coverage is None or cell in self.coverage.ids

    def watches(self, item: Item) -> bool:
        """Whether the item shows how sessions were, so that its own speed is compared with nothing."""
        return self.stored and item.sentinel and item.cell.phased


@dataclass(frozen=True)
class Plan:
    """What will be measured, and what will not: written before the run, and judged against afterwards."""

    schema_version: int
    name: str
    matrix_digest: str  # sha256 of the matrix file's text
    compat_version: str
    known_good: Stack
    candidate: Stack
    runtimes: dict[str, Runtime]
    rings: tuple[Ring, ...]
    policy: Policy
    items: tuple[Item, ...]
    findings: tuple[Finding, ...]
    rejections: tuple[Rejection, ...]
    content: dict[str, str]  # workload -> sha256 of its file
    routes: tuple[Route, ...] = ()
    cells: tuple[Cell, ...] = field(default=(), metadata={"later": True})  # also those in which nothing runs
    windows: tuple[Window, ...] = field(default=(), metadata={"later": True})  # of the values of both ends

    def every_cell(self) -> dict[str, Cell]:
        """Cells by id: what the tables say is said of those in which nothing runs, too."""
        return {item.cell.id: item.cell for item in self.items} | {cell.id: cell for cell in self.cells}

    def ring(self, name: str) -> Ring:
        """The ring called ``name``; KeyError if there is none."""
        for ring in self.rings:
            if ring.name == name:
                return ring
        raise KeyError(name)

    def for_ring(self, name: str) -> tuple[Item, ...]:
        """The items of the ring's cells whose tier it asks for."""
        ring = self.ring(name)
        return tuple(item for item in self.items if item.case.tier in ring.tiers and ring.has(item.cell.id))
