"""What one metric of one item came to, before it is bound to the item as a Comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compat.model import Closeness, Kind, Status

__all__ = ["SEVERITY", "Outcome", "worst"]

# Worst first. What is shown to be worse outranks what is unknown, and what is unknown outranks what is fine.
SEVERITY = (
    Status.REGRESS,
    Status.INVALID,
    Status.MISSING,
    Status.PREEXISTING,
    Status.FLAKY,
    Status.UNDECLARED,
    Status.INCONCLUSIVE,
    Status.UNCOVERED,
    Status.WAIVED,
    Status.FIXED,
    Status.PASS,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fields of a Comparison that do not depend on whose it is; they mean what they mean there."""

    metric: str
    status: Status
    reason: str
    kind: Kind | None = None
    unit: str = ""
    known_good: float | str | None = None
    candidate: float | str | None = None
    effect: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    pairs: int = 0
    closeness: tuple[Closeness, ...] = ()


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that decides; among equals the greatest effect, then the first one given. ValueError for none."""
    return min(outcomes, key=lambda o: (SEVERITY.index(o.status), -(o.effect if o.effect is not None else 0.0)))
