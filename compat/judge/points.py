"""A pair of processes as two numbers: what the tests of sampled metrics work on."""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import overload

from compat.judge.admit import Pair, measurement
from compat.model import Direction, Metric

__all__ = ["REPEATED", "Point", "Points", "points", "too_few"]

REPEATED = 3  # samples: a process of a metric that is repeated at all repeats it at least so often


@dataclass(frozen=True, slots=True)
class Point:
    """The oriented log-medians of both arms (natural logarithm; greater is worse)."""

    number: int
    round: int
    generation: int
    known_good: float
    candidate: float

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the pair is in the course of a run: round, number, generation."""
        return self.round, self.number, self.generation


class Points(Sequence[Point]):
    """The points of one measurement in 16 bytes each: a ring has millions of them. One is made when it is asked for."""

    __slots__ = ("_candidate", "_known_good", "places")

    def __init__(self, points: Sequence[Point] = ()) -> None:
        self.places = _shared(tuple(point.place for point in points))  # in order, as ``Point.place``
        self._known_good = array("d", [point.known_good for point in points])
        self._candidate = array("d", [point.candidate for point in points])

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Point: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Point]: ...
    def __getitem__(self, at: int | slice) -> Point | Sequence[Point]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        number, pair, generation = self.places[at]
        return Point(pair, number, generation, self._known_good[at], self._candidate[at])

    def __iter__(self) -> Iterator[Point]:
        for (number, pair, generation), good, new in zip(self.places, self._known_good, self._candidate, strict=True):
            yield Point(pair, number, generation, good, new)


@functools.lru_cache(maxsize=4096)
def _shared(places: tuple[tuple[int, int, int], ...]) -> tuple[tuple[int, int, int], ...]:
    """The same places, once: most measurements of a ring were taken in the same pairs."""
    return places


def points(metric: Metric, pairs: Sequence[Pair]) -> Points | None:
    """One point a pair, or None if a run lacks the metric. Samples are finite and positive (``admit.defects``)."""
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    found = []
    for pair in pairs:
        a, b = measurement(pair.known_good, metric.name), measurement(pair.candidate, metric.name)
        if a is None or b is None:
            return None
        values = [sign * math.log(median(m.samples)) for m in (a, b)]
        found.append(Point(pair.number, pair.round, pair.generation, values[0], values[1]))
    return Points(found)


def too_few(metric: Metric, pairs: Sequence[Pair]) -> str:
    """Which process lost its samples, or nothing. A metric that every process takes once is fine."""
    counts = {
        (pair.number, run.arm.value): len(m.samples)
        for pair in pairs
        for run in (pair.known_good, pair.candidate)
        if (m := measurement(run, metric.name)) is not None
    }
    if max(counts.values(), default=0) < REPEATED:
        return ""
    return next(
        (
            f"{metric.name} has {count} of up to {max(counts.values())} samples in pair {number} ({arm}): too few"
            for (number, arm), count in sorted(counts.items())
            if count < REPEATED
        ),
        "",
    )
