"""What is judged: comparisons, and the verdict that rests on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from compat.model.moments import Day, Moment
from compat.model.policy import Policy
from compat.model.words import Arm, Decision, Kind, Stack, Status, Tier

__all__ = [
    "Closeness",
    "Comparison",
    "Skew",
    "Verdict",
    "Waiver",
    "WaiverUse",
]


@dataclass(frozen=True)
class Closeness:
    """How far an output of one arm is from its reference: the worst process, over all seeds.

    A figure is None where it has no meaning: ``mismatches`` is for what must be exact, the others for floating point.
    """

    output: str
    arm: Arm
    elements: int  # of one process
    max_error: float | None = None  # the greatest absolute difference of an element
    relative_l2: float | None = None
    ulps: int | None = None  # in the output's own type
    cosine: float | None = None
    mismatches: int | None = None  # elements that are not the reference's
    nonfinite: int = 0  # elements that are NaN or Inf


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
    closeness: tuple[Closeness, ...] = ()  # of the outputs that have a reference
    waived: Status | None = None  # what it would be without its waiver


@dataclass(frozen=True)
class Waiver:
    """An accepted change: of what, why, by whom, until when.

    ``cell``, ``case`` (``WORKLOAD[CASE]``) and ``metric`` are patterns in which ``*`` and ``?`` are wild. ``at_most``
    is how much worse it may be, relative; None accepts any amount. It is in force through the day ``expires`` (ISO
    8601).
    """

    case: str
    metric: str
    reason: str
    owner: str
    expires: Day
    cell: str = "*"
    at_most: float | None = None


@dataclass(frozen=True)
class WaiverUse:
    """What became of a waiver: in force, not needed, not covering, or one of the errors expired and unmatched."""

    waiver: Waiver
    state: str
    comparisons: int  # that it accepted
    said: str = ""  # in words

    @property
    def error(self) -> bool:
        """Whether somebody should do something about it."""
        return self.state in ("expired", "unmatched")


@dataclass(frozen=True)
class Skew:
    """Parts that should be of one version and are not. ``values``: where, and which version.

    ``kind``: ``driver`` (its parts), ``libraries`` (of one runtime), ``image`` (its label), ``tables``, or ``nodes`` of
    a ring. ``new``: only the candidate arm has it.
    """

    kind: str
    what: str
    values: dict[str, str]
    new: bool

    @property
    def in_words(self) -> str:
        """``the driver's parts: kernel module 570.211, libcuda 580.159``."""
        return f"{self.what}: {', '.join(f'{where} {value}' for where, value in self.values.items())}"


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
    judged_at: Moment
    known_good: Stack
    candidate: Stack
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    tiers: dict[str, int]  # tier -> comparisons that rest on it
    nodes: tuple[str, ...]
    not_covered: tuple[str, ...]
    differences: tuple[tuple[str, str, str, bool], ...]  # what, known-good, candidate, declared
    policy: Policy
    waivers: tuple[WaiverUse, ...] = ()
    calibration: str = ""  # digest of what a calibration has shown; empty without one
    skew: tuple[Skew, ...] = ()  # those of the candidate alone first
    judge: str = field(default="", metadata={"later": True})  # digest of the code that judged
    # node -> records of it that ``evidence`` is over: the first so many of the ring, in the order written
    records: dict[str, int] = field(default_factory=dict, metadata={"later": True})
