"""The measurements of one item's evidence, by metric: read once, for all that is shown of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.model import Arm
from compat.report.parts import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from compat.model import Evidence, Measurement

__all__ = ["Runs", "in_head", "measured", "median", "median_of"]

_SCALED = frozenset({"s", "B"})  # units that are written in multiples: they stay beside their numbers

_Place = tuple[str, str, int, int, int]  # node, GPUs, round, generation, pair
_Run = tuple[float, str, "Sequence[float]"]  # the median, when it began, the samples in ascending order


class Runs:
    """All measurements of one metric. Where an arm was tried again in the same pair, the later attempt stands.

    ``sides`` and ``every`` are of the known-good arm, then of the candidate; ``every`` has all attempts' medians.
    """

    __slots__ = ("every", "first", "sides")

    def __init__(self, first: Measurement) -> None:
        self.first = first  # for its unit, kind and direction
        self.sides: tuple[dict[_Place, _Run], dict[_Place, _Run]] = {}, {}
        self.every: tuple[list[float], list[float]] = [], []

    def pairs(self) -> tuple[Pair, ...]:
        """The pairs, node by node, in the order in which they were run."""
        good, new = self.sides
        nothing: tuple[None] = (None,)
        return tuple(
            Pair(*place, good.get(place, nothing)[0], new.get(place, nothing)[0]) for place in sorted(good | new)
        )

    def samples(self, side: int) -> tuple[int, list[float]]:
        """How many processes of an arm have samples that are all finite, and these samples, in ascending order."""
        runs = [samples for middle, _, samples in self.sides[side].values() if not math.isnan(middle)]
        found: list[float] = []
        for run in runs:
            found += run
        found.sort()  # of runs that are sorted: quick
        return len(runs), found


def measured(evidence: Iterable[Evidence]) -> dict[str, Runs]:
    """What was measured, by the names of the metrics, sorted."""
    found: dict[str, Runs] = {}
    for record in sorted(evidence, key=lambda record: record.started):
        place = (record.node, " ".join(record.devices), record.round, record.generation, record.pair)
        side, started = int(record.arm is not Arm.KNOWN_GOOD), record.started
        for measurement in record.measurements:
            runs = found.get(measurement.metric)
            if runs is None:
                runs = found[measurement.metric] = Runs(measurement)
            samples: Sequence[float] = measurement.samples
            if len(samples) == 1:
                middle = samples[0] if math.isfinite(samples[0]) else math.nan
            else:
                samples = sorted(samples)
                middle = _middle(samples)
            runs.sides[side][place] = middle, started, samples
            runs.every[side].append(middle)
    return dict(sorted(found.items()))


def median(values: Sequence[float]) -> float:
    """The median of at least one finite number."""
    return _halfway(sorted(values))


def median_of(measurement: Measurement) -> float:
    """Take the median of a measurement's samples: NaN if there is none or one of them is not finite."""
    return _middle(sorted(measurement.samples))


def _middle(ordered: Sequence[float]) -> float:
    # The sum is the quick test: only where it is no number is each looked at.
    if not ordered or not (math.isfinite(sum(ordered)) or all(map(math.isfinite, ordered))):
        return math.nan
    return _halfway(ordered)


def _halfway(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    both = ordered[half - 1] + ordered[half]
    return both / 2 if math.isfinite(both) else ordered[half - 1] / 2 + ordered[half] / 2


def in_head(metric: str, unit: str) -> tuple[str, str]:
    """What a table calls a metric, and the unit left for its numbers: one that has no multiples is said once."""
    if unit in _SCALED or not unit:
        return metric, unit
    return (metric if unit in metric else f"{metric}, {unit}"), ""
