"""The geometry of the plots: medians of processes, pair by pair, as the data of SVG paths.

A dot is a segment of no length with round ends, so a series is one path of ten bytes a dot however many pairs there
are. Coordinates come from numbers only; text around them is escaped by the template.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, TypeGuard

from compat.model import Arm, Comparison, Direction, Evidence, Kind, Measurement, MetricPolicy
from compat.report.parts import EffectPlot, Lane, Pair, Plot
from compat.report.text import count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["LEFT", "RIGHT", "pairs_of", "plot"]

LEFT, RIGHT = 8.0, 312.0  # where the plot's area begins and ends, of a width of 320
_LANES = {"known-good": 20.0, "candidate": 48.0}
_EFFECT = 20.0
_SPREAD = (0.0, 4.0, -4.0, 2.0, -6.0, 6.0, -2.0)  # dots of equal value stay apart


def median_of(measurement: Measurement) -> float:
    """Take the median of a measurement's samples: NaN if there is none or one of them is not finite."""
    if not measurement.samples or not all(map(math.isfinite, measurement.samples)):
        return math.nan
    return statistics.median(measurement.samples)


def pairs_of(evidence: Iterable[Evidence], metric: str) -> tuple[Pair, ...]:
    """List the pairs of one item's evidence for ``metric``, in the order they were run.

    Where an arm was tried again in the same pair, the later attempt stands.
    """
    found: dict[tuple[str, str, int, int, int], dict[Arm, float]] = {}
    for record in sorted(evidence, key=lambda record: record.started):
        for measurement in record.measurements:
            if measurement.metric == metric:
                place = (record.node, " ".join(record.devices), record.round, record.generation, record.pair)
                found.setdefault(place, {})[record.arm] = median_of(measurement)
    return tuple(
        Pair(*place, arms.get(Arm.KNOWN_GOOD), arms.get(Arm.CANDIDATE)) for place, arms in sorted(found.items())
    )


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
            center=_place(statistics.median(values), low, high),
            median=quantity(statistics.median(values), unit),
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
    changes = [
        sign * math.log(pair.candidate / pair.known_good)
        for pair in pairs
        if _positive(pair.known_good) and _positive(pair.candidate)
    ]
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


def _positive(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and value > 0


def _place(value: float, low: float, high: float) -> float:
    """Where ``value`` of the range lies between the edges; the middle if the range has no extent."""
    share = (value - low) / (high - low) if high > low else 0.5
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _dots(values: Sequence[float], low: float, high: float, height: float) -> str:
    return "".join(
        f"M{_place(value, low, high):g} {height + _SPREAD[index % len(_SPREAD)]:g}h0"
        for index, value in enumerate(values)
    )
