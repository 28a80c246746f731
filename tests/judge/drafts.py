"""Strategies: series of pairs of measurements, with noise of many kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from compat.judge.rounds import Course, Courses, courses
from compat.judge.series import Series
from compat.model import MetricPolicy, Policy

__all__ = ["LIMITS", "Draft", "Noise", "drafts", "every"]

LIMITS = MetricPolicy()


@dataclass(frozen=True)
class Noise:
    """One measurement, on the log scale."""

    shift: float  # of the candidate
    sigma: float  # of a pair's difference
    tails: tuple[float, float]  # share of each arm's processes that take twice as long
    step: float  # of the clock; 0 for none

    def arms(self, rng: np.random.Generator, pairs: int) -> tuple[Any, Any]:
        calm = rng.normal(0.0, 0.05, pairs)
        slow_good, slow_new = (0.7 * (rng.random(pairs) < share) for share in self.tails)
        good, new = calm + slow_good, calm + slow_new + self.shift + rng.normal(0.0, self.sigma, pairs)
        # Steps of a power of two are exact in whatever is done with them: what ties, ties.
        if self.step:
            good, new = (np.round(arm / self.step) * self.step for arm in (good, new))
        return good, new


@dataclass(frozen=True)
class Draft:
    """Series of pairs of some measurements, in complete rounds."""

    rows: tuple[Noise, ...]
    rounds: tuple[int, ...]
    per_generation: int
    measured: int
    seed: int

    @property
    def policy(self) -> Policy:
        return Policy(rounds=self.rounds)

    def series(self) -> Series:
        rng = np.random.default_rng(self.seed)
        count = sum(self.rounds)
        arms = [row.arms(rng, count) for row in self.rows]
        rounds = np.repeat(np.arange(1, len(self.rounds) + 1), self.rounds)
        good, new = (np.array([arm[side] for arm in arms]) for side in (0, 1))
        return Series(good, new, rounds, np.arange(count) // self.per_generation)

    def judged(self, series: Series, limits: MetricPolicy = LIMITS) -> Courses:
        return courses(series, limits, self.policy, self.measured)


SHIFTS = st.sampled_from([0.0, 0.004, 0.015, 0.02, 0.03, 0.05, 0.5, -0.02, -0.5]) | st.floats(-0.1, 0.1)
STEPS = st.sampled_from([0.0, 2.0**-9, 2.0**-6])


@st.composite
def drafts(
    draw: st.DrawFn, steps: st.SearchStrategy[float] = STEPS, most_rows: int = 4, one_round: bool = False
) -> Draft:
    share, sizes = st.sampled_from([0.0, 0.0, 0.1, 0.5]), st.integers(1, 6) | st.integers(7, 16)
    rows = st.builds(Noise, SHIFTS, st.sampled_from([1e-4, 0.003, 0.02, 0.2]), st.tuples(share, share), steps)
    return Draft(
        rows=tuple(draw(st.lists(rows, min_size=1, max_size=most_rows))),
        rounds=tuple(draw(st.lists(sizes, min_size=1, max_size=1 if one_round else 4))),
        per_generation=draw(st.integers(1, 3)),
        measured=draw(st.sampled_from([1, 10, 2000])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def every(found: Courses) -> list[Course]:
    return [found.at(row) for row in range(len(found.round))]
