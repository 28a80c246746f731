"""The rate of slow processes in each arm: what a trimmed mean cannot see ("one process in ten is 40 % slower").

A process is *slow* when its log-median lies above the median of the known-good arm by more than 10 % and by more than
five robust deviations (1.4826 times the median absolute deviation) of the known-good arm (``TailPolicy``). A generation
counts for the arm that has more slow processes in it; if nothing changed, either arm is as likely (they are interleaved
in random order), so the number of generations that count for the candidate is binomial with 1/2: an exact sign test,
whatever drift both arms share. The generation is the unit for the reason that it is the unit of the centre.

The false alarm budget: the test only ever delays a PASS (in round 1 any excess does; afterwards p <= 0.05 over all
pairs so far), except that fresh pairs alone may make it a REGRESS at its share of ``regress_alpha``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compat.judge.series import Floats, Integers, Series
from compat.model import TailPolicy

__all__ = ["Tail", "Tails", "sign_test", "slow", "tails"]

Bools = NDArray[np.bool_]

_TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


@dataclass(frozen=True, slots=True)
class Tail:
    """Slow processes of each arm, and how surprising the candidate's excess is."""

    known_good: int
    candidate: int
    excess: int  # generations that count for the candidate, less those that count for the known-good arm
    p: float


@dataclass(frozen=True)
class Tails:
    """The same of many measurements."""

    known_good: Integers
    candidate: Integers
    excess: Integers
    p: Floats

    def at(self, row: int) -> Tail:
        """That of one measurement."""
        return Tail(int(self.known_good[row]), int(self.candidate[row]), int(self.excess[row]), float(self.p[row]))


def tails(series: Series, policy: TailPolicy) -> Tails:
    """Compare the slow processes of the arms of every measurement, over all pairs of ``series`` (at least one)."""
    slow_good, slow_new = slow(series.known_good, series.candidate, policy)
    balance = series.per_unit(slow_new.astype(float) - slow_good)
    worse, better = (balance > 0).sum(axis=1), (balance < 0).sum(axis=1)
    return Tails(slow_good.sum(axis=1), slow_new.sum(axis=1), worse - better, sign_test(worse, better))


def slow(known_good: Floats, candidate: Floats, policy: TailPolicy) -> tuple[Bools, Bools]:
    """(measurements, processes) which processes of each arm are slow, beside the known-good arm of their row."""
    centre = np.median(known_good, axis=1, keepdims=True)
    deviation = _TO_SIGMA * np.median(np.abs(known_good - centre), axis=1, keepdims=True)
    threshold = centre + np.maximum(math.log1p(policy.least), policy.deviations * deviation)
    return known_good > threshold, candidate > threshold


def sign_test(worse: Integers, better: Integers) -> Floats:
    """The chance of so many or more of ``worse + better`` where both are as likely."""
    # bdtrc is the chance of more than k: of at least ``worse`` with k = worse - 1.
    found = special.bdtrc(np.maximum(worse - 1.0, 0.0), np.maximum(worse + better, 1), 0.5)
    p: Floats = np.where(worse > 0, found, 1.0)
    return p
