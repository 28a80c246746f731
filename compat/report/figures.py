"""What is shown of an item and not judged: how close its outputs are, what else was measured, which path it took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.judge.ratios import log_ratio
from compat.model import Arm, Closeness
from compat.report.measured import median
from compat.report.parts import Change, ClosenessView, Observed
from compat.report.statuses import ARMS
from compat.report.text import NOTHING, percent, quantity, with_not_finite

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from compat.model import Evidence
    from compat.report.measured import Runs

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


def observed(metrics: Mapping[str, Runs], judged: Container[str]) -> tuple[Observed, ...]:
    """The metrics of an item's evidence that are not among ``judged``, by name.

    A median is that of the finite values; the others are counted beside it, and there is no change then.
    """
    found = []
    for metric, runs in metrics.items():
        if metric in judged:
            continue
        (good, bad_good), (new, bad_new) = map(_median, runs.every)
        ratio = None if bad_good or bad_new else log_ratio(good, new)
        unit = runs.first.unit
        found.append(
            Observed(
                metric,
                with_not_finite(quantity(good, unit), bad_good),
                with_not_finite(quantity(new, unit), bad_new),
                NOTHING if ratio is None else percent(ratio),
            )
        )
    return tuple(found)


def _median(values: Sequence[float]) -> tuple[float | None, int]:
    """That of the finite values, and how many are not finite."""
    finite = [value for value in values if math.isfinite(value)]
    return median(finite) if finite else None, len(values) - len(finite)


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
