"""What is shown of an item and not judged: how close its outputs are, what else was measured, which path it took."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from compat.model import Arm, Closeness
from compat.report.parts import Change, ClosenessView, Observed
from compat.report.plots import median_of
from compat.report.statuses import ARMS
from compat.report.text import NOTHING, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from compat.model import Evidence

__all__ = ["closeness_views", "observed", "paths"]


def closeness_views(figures: Iterable[Closeness]) -> tuple[ClosenessView, ...]:
    """The figures in words, three digits each; a dash where one has no meaning."""
    return tuple(
        ClosenessView(
            output=one.output,
            arm=ARMS[one.arm],
            elements=f"{one.elements:,}",
            max_error=_short(one.max_error),
            relative_l2=_short(one.relative_l2),
            ulps=NOTHING if one.ulps is None else f"{one.ulps:,}" if one.ulps < 1_000_000 else f"{one.ulps:.3g}",
            cosine=NOTHING if one.cosine is None else f"{one.cosine:.12g}",
            wrong=_wrong(one),
        )
        for one in figures
    )


def _short(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _wrong(one: Closeness) -> str:
    said = [] if one.mismatches is None else [f"{one.mismatches:,} not exact"]
    if one.nonfinite:
        said.append(f"{one.nonfinite:,} not finite")
    return ", ".join(said) or "none"


def observed(evidence: Sequence[Evidence], judged: Collection[str]) -> tuple[Observed, ...]:
    """The metrics of an item's evidence that are not among ``judged``, by name."""
    units: dict[str, str] = {}
    medians: dict[tuple[str, Arm], list[float]] = {}
    for record in evidence:
        for measurement in record.measurements:
            if measurement.metric not in judged:
                units.setdefault(measurement.metric, measurement.unit)
                medians.setdefault((measurement.metric, record.arm), []).append(median_of(measurement))
    found = []
    for metric, unit in sorted(units.items()):
        good, new = (_median(medians.get((metric, arm), ())) for arm in Arm)
        change = NOTHING
        if good is not None and new is not None:
            change = percent(math.log(new / good)) if good > 0 and new > 0 else NOTHING
        found.append(Observed(metric, quantity(good, unit), quantity(new, unit), change))
    return tuple(found)


def _median(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else None


def paths(evidence: Sequence[Evidence]) -> tuple[Change, ...]:
    """Which path the case took in each arm, by what it is a path of; several where the runs differ."""
    sides: dict[str, dict[Arm, dict[str, None]]] = {}
    for record in evidence:
        for what, path in record.took.items():
            sides.setdefault(what, {}).setdefault(record.arm, {})[path] = None
    return tuple(
        Change(what, *(", ".join(sorted(arms.get(arm, ()))) or NOTHING for arm in Arm))
        for what, arms in sorted(sides.items())
    )
