"""What is judged: comparisons, and the verdict that rests on them."""

from __future__ import annotations

from dataclasses import dataclass

from compat.model.policy import Policy
from compat.model.words import Arm, Decision, Kind, Stack, Status, Tier

__all__ = [
    "Closeness",
    "Comparison",
    "Verdict",
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
