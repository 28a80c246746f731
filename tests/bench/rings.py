"""Synthetic rings, measured as the product measures: a round for what is still open, until nothing is."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compat.judge.rounds import courses
from compat.judge.series import Floats, Integers, Series
from compat.model import MetricPolicy, Policy, Status

from .noise import Shape

__all__ = ["Outcomes", "measure_rings", "upper_bound"]

_AT_ONCE = 50  # rings in memory together


@dataclass(frozen=True)
class Outcomes:
    """What measurements came to, and how many pairs each took. All are (rings, measurements)."""

    passed: NDArray[np.bool_]
    regressed: NDArray[np.bool_]
    pairs: Integers

    @property
    def no_go(self) -> int:
        """Rings in which anything has regressed."""
        return int(self.regressed.any(axis=1).sum())

    @property
    def go(self) -> int:
        """Rings in which everything has passed."""
        return int(self.passed.all(axis=1).sum())

    def of(self, measurements: NDArray[np.bool_]) -> Outcomes:
        """Some of each ring's measurements."""
        return Outcomes(self.passed[:, measurements], self.regressed[:, measurements], self.pairs[:, measurements])


def upper_bound(found: int, of: int) -> float:
    """The upper end of a one-sided 95 % interval for a share (Clopper and Pearson 1934)."""
    return 1.0 if found >= of else float(special.betaincinv(found + 1, of - found, 0.95))


def measure_rings(
    shape: Shape,
    pair_deviation: float,
    rings: int,
    each: int,
    budget: int,
    slower: float | Floats = 0.0,
    seed: int = 20261124,
    policy: Policy | None = None,
) -> Outcomes:
    """So many ``rings`` of ``each`` measurements, in rings whose ``budget`` measurements share that for REGRESS.

    ``slower`` is planted in every measurement, or (each,) in the measurements of a ring, as a log ratio.
    """
    policy = policy or Policy()
    rng = np.random.default_rng(seed)
    parts = [
        _measure(shape, pair_deviation, min(_AT_ONCE, rings - start), each, budget, slower, rng, policy)
        for start in range(0, rings, _AT_ONCE)
    ]
    return Outcomes(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Outcomes)))


def _measure(
    shape: Shape,
    pair_deviation: float,
    rings: int,
    each: int,
    budget: int,
    slower: float | Floats,
    rng: np.random.Generator,
    policy: Policy,
) -> Outcomes:
    count = rings * each
    ring = np.repeat(np.arange(rings), each)
    planted: Floats = np.tile(np.broadcast_to(np.asarray(slower, dtype=float), each), rings)
    passed, regressed = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    pairs: Integers = np.zeros(count, dtype=int)
    rows: Integers = np.arange(count)
    so_far: Series | None = None
    for number, size in enumerate(policy.rounds, 1):
        fresh = shape.draw(rng, ring[rows], pair_deviation, number, size, policy.pairs_per_generation, planted[rows])
        so_far = fresh if so_far is None else _joined(so_far, fresh)
        found = courses(so_far, MetricPolicy(), policy, budget)
        pairs[rows] = found.pairs
        passed[rows], regressed[rows] = found.came_to(Status.PASS), found.came_to(Status.REGRESS)
        left = found.still_open()
        if not len(left):
            break
        rows, so_far = rows[left], so_far.take(left, slice(None))
    return Outcomes(passed.reshape(rings, each), regressed.reshape(rings, each), pairs.reshape(rings, each))


def _joined(one: Series, other: Series) -> Series:
    return Series(
        np.concatenate([one.known_good, other.known_good], axis=1),
        np.concatenate([one.candidate, other.candidate], axis=1),
        np.concatenate([one.rounds, other.rounds]),
        np.concatenate([one.generations, other.generations]),
    )
