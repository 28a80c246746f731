"""Measurements that were taken in the same pairs, as arrays: what the tests of sampled metrics work on.

A ring has thousands of measurements and most of them share their layout (as many pairs, in the same rounds and
generations), so they are judged together: one call of numpy for all of them, instead of fifty for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compat.judge.points import Point

__all__ = ["Floats", "Integers", "Series"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """The oriented log-medians of both arms (natural logarithm; greater is worse), a row for each measurement.

    The pairs are in order of their rounds and, within a round, of their numbers.
    """

    known_good: Floats  # (measurements, pairs)
    candidate: Floats  # (measurements, pairs)
    rounds: Integers  # (pairs,) the round of each pair
    generations: Integers  # (pairs,)

    def __len__(self) -> int:
        return len(self.known_good)

    @classmethod
    def of(cls, measurements: Sequence[Sequence[Point]]) -> Series:
        """At least one measurement, whose points have the same numbers, rounds and generations. Else ValueError."""
        first = sorted(measurements[0], key=lambda p: p.place)
        places = [p.place for p in first]
        known_good, candidate = (np.empty((len(measurements), len(first))) for _ in range(2))
        for row, points in enumerate(measurements):  # row by row: of millions of points there is never a list
            ordered = sorted(points, key=lambda p: p.place)
            if [p.place for p in ordered] != places:
                raise ValueError("several layouts of pairs, expected one")
            known_good[row] = [p.known_good for p in ordered]
            candidate[row] = [p.candidate for p in ordered]
        return cls(
            known_good,
            candidate,
            np.array([p.round for p in first], dtype=int),
            np.array([p.generation for p in first], dtype=int),
        )

    def of_round(self, number: int, most: int) -> Integers:
        """The first ``most`` pairs of a round, as columns."""
        return np.flatnonzero(self.rounds == number)[: max(0, most)]

    def take(self, rows: Any, columns: Any) -> Series:
        """Some of the measurements, and some of their pairs."""
        return Series(
            self.known_good[rows][:, columns],
            self.candidate[rows][:, columns],
            self.rounds[columns],
            self.generations[columns],
        )

    @property
    def units(self) -> Integers:
        """(pairs,) which generation a pair is of, counted from 0: fresh pairs never share one with earlier ones."""
        places = np.stack([self.rounds, self.generations], axis=1)
        return np.unique(places, axis=0, return_inverse=True)[1].reshape(-1)

    def per_unit(self, values: Any) -> Floats:
        """(measurements, units) the sum over each generation of values (measurements, pairs)."""
        units = self.units
        order = np.argsort(units, kind="stable")
        starts = np.flatnonzero(np.diff(units[order], prepend=-1))
        return np.add.reduceat(np.asarray(values, dtype=float)[:, order], starts, axis=1)

    def unit_means(self) -> Floats:
        """(measurements, units) the mean difference of each generation.

        Processes of one generation share a zygote and are not independent.
        """
        return self.per_unit(self.candidate - self.known_good) / np.bincount(self.units)
