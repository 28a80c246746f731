"""How samples lie within the processes of each arm: quantiles, shown beside the medians that are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Kind
from compat.report.case_parts import Spread
from compat.report.measured import in_head
from compat.report.statuses import ARMS
from compat.report.text import NOTHING, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.report.measured import Runs

__all__ = ["QUANTILES", "spreads"]

QUANTILES = ("least", "p10", "p50", "p90", "p99", "greatest")
_SHARES = ((0.1, 1), (0.5, 1), (0.9, 1), (0.99, 100))  # and how many samples such a quantile needs


def spreads(metrics: Mapping[str, Runs]) -> tuple[Spread, ...]:
    """The samples of each metric that is taken several times in a process, all processes of an arm together.

    Processes with samples that are not all finite are counted apart, and none of their samples is among them.
    """
    found = []
    for metric, runs in metrics.items():
        if runs.first.kind is not Kind.SAMPLED:
            continue
        name, unit = in_head(metric, runs.first.unit)
        for side, arm in enumerate(ARMS.values()):
            processes, samples = runs.samples(side)
            if any(len(each) > 1 for _, _, each in runs.sides[side].values()):
                omitted = len(runs.sides[side]) - processes
                found.append(Spread(name, arm, processes, omitted, len(samples), _quantiles(samples, unit)))
    return tuple(found)


def _quantiles(ordered: list[float], unit: str) -> tuple[str, ...]:
    """Each the sample itself that is nearest to that share of the others."""
    if not ordered:
        return (NOTHING,) * len(QUANTILES)
    last = len(ordered) - 1
    inner = [
        quantity(ordered[round(share * last)], unit) if len(ordered) >= least else NOTHING for share, least in _SHARES
    ]
    return (quantity(ordered[0], unit), *inner, quantity(ordered[last], unit))
