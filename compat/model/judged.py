"""What is judged: comparisons, and the verdict that rests on them."""

from __future__ import annotations

from dataclasses import dataclass

from compat.model.policy import Policy
from compat.model.words import Decision, Kind, Stack, Status, Tier

__all__ = [
    "Comparison",
    "Verdict",
]


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
