"""The least time that a case can take on a card: what must be moved at its bandwidth, and computed at its peak.

The roofline model of Williams, Waterman and Patterson (Communications of the ACM 52(4), 2009): the later of the two
bounds. Launches, latencies and caches are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.plan.cost import Cost
    from compat.plan.support.rows import Card

__all__ = ["Roofline", "roofline"]


@dataclass(frozen=True)
class Roofline:
    """Of one case on one card: operations, bytes, and the seconds of both bounds; no ``compute`` without a peak."""

    operations: float
    bytes: float
    memory: float
    compute: float | None

    @property
    def seconds(self) -> float:
        """The least time: the later bound."""
        return max(self.memory, self.compute or 0.0)

    @property
    def bound(self) -> str:
        """What bounds it, ``memory`` or ``compute``."""
        return "memory" if self.memory >= (self.compute or 0.0) else "compute"


def roofline(cost: Cost, params: Mapping[str, Any], card: Card, *, matrix: bool) -> Roofline:
    """The estimate for a case. ``matrix``: whether its products are the matrix units'; else they are scalar."""
    operations, size = cost.of(params)
    peak = card.peaks.get(str(params.get("dtype")) if matrix else "fp32")
    return Roofline(operations, size, size / card.bandwidth, None if peak is None else operations / peak)
