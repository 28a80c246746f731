"""The geometry of the plots: medians of processes in both arms, and the change of each pair."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from compat.judge.ratios import log_ratio
from compat.model import Comparison, Direction, Evidence, Kind, Measurement, MetricPolicy
from compat.report.measured import measured, median
from compat.report.parts import EffectPlot, Lane, Pair, Plot
from compat.report.strokes import dots, place, scale
from compat.report.text import count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["pairs_of", "plot"]

_LANES = {"known-good": 20, "candidate": 48}
_EFFECT = 20
_SPREAD = (0, 4, -4, 2, -6, 6, -2)  # dots of equal value stay apart


def pairs_of(evidence: Iterable[Evidence], metric: str) -> tuple[Pair, ...]:
    """List the pairs of one item's evidence for ``metric``, in the order they were run.

    Where an arm was tried again in the same pair, the later attempt stands.
    """
    found = measured(evidence).get(metric)
    return () if found is None else found.pairs()


def plot(
    measurement: Measurement, pairs: Sequence[Pair], comparison: Comparison | None, policy: MetricPolicy
) -> Plot | None:
    """Draw the plot of a metric, or None where there is nothing to see.

    That is where it is exact, where an arm has no finite median, or where all medians are equal.
    ``measurement`` gives the unit and the direction; ``comparison`` the judged effect, an oriented log ratio.
    """
    medians = {
        "known-good": [pair.known_good for pair in pairs if pair.known_good is not None],
        "candidate": [pair.candidate for pair in pairs if pair.candidate is not None],
    }
    finite = {arm: [value for value in values if math.isfinite(value)] for arm, values in medians.items()}
    every = [value for values in finite.values() for value in values]
    if measurement.kind is Kind.EXACT or not all(finite.values()) or min(every) == max(every):
        return None
    low, high = min(every), max(every)
    unit = measurement.unit
    lanes = tuple(
        Lane(
            label=arm,
            dots=_dots(values, low, high, _LANES[arm]),
            center=_place(middle := median(values), low, high),
            median=quantity(middle, unit),
            count=len(values),
        )
        for arm, values in finite.items()
    )
    return Plot(
        metric=measurement.metric,
        label=f"{measurement.metric}, medians of processes: "
        + "; ".join(f"{lane.label} {lane.median} over {count(lane.count, 'process', 'processes')}" for lane in lanes),
        lanes=lanes,
        low=quantity(low, unit),
        high=quantity(high, unit),
        effect=_effect(measurement, pairs, comparison, policy),
        omitted=sum(map(len, medians.values())) - len(every),
    )


def _effect(
    measurement: Measurement, pairs: Sequence[Pair], comparison: Comparison | None, policy: MetricPolicy
) -> EffectPlot | None:
    if measurement.kind is not Kind.SAMPLED:
        return None
    sign = 1.0 if measurement.direction is Direction.LOWER else -1.0
    changes = [sign * ratio for pair in pairs if (ratio := log_ratio(pair.known_good, pair.candidate)) is not None]
    if not changes:
        return None
    margin = math.log1p(policy.margin)
    interval = comparison.interval if comparison and comparison.interval else ()
    if any(map(math.isnan, interval)):
        interval = ()
    effect = comparison.effect if comparison else None
    marks = [value for value in (*interval, effect) if value is not None and math.isfinite(value)]
    low, high = min(0.0, *changes, *marks), max(margin, *changes, *marks)
    # An interval that is open to one side is drawn to the edge of the plot.
    ends = [_place(min(max(value, low), high), low, high) for value in interval]
    return EffectPlot(
        dots=_dots(changes, low, high, _EFFECT),
        zero=_place(0.0, low, high),
        margin=_place(margin, low, high),
        margin_label=percent(margin),
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        effect=_place(effect, low, high) if effect is not None and math.isfinite(effect) else None,
        label=f"change of {measurement.metric} in each of {count(len(changes), 'pair')}, + is worse; "
        f"margin {percent(margin)}",
    )


def _place(value: float, low: float, high: float) -> float:
    return round(place(value, low, high), 1)


def _dots(values: Sequence[float], low: float, high: float, height: int) -> str:
    across = scale(low, high)
    return dots((across(value), height + apart) for value, apart in zip(values, itertools.cycle(_SPREAD)))
