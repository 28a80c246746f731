"""The rate of slow processes in each arm: what a trimmed mean cannot see ("one process in ten is 40 % slower").

A process is *slow* when its log-median lies above the median of the known-good arm by more than 10 % and by more than
five robust deviations (1.4826 times the median absolute deviation) of the known-good arm. A generation counts for the
arm that has more slow processes in it; if nothing changed, either arm is as likely (they are interleaved in random
order), so the number of generations that count for the candidate is binomial with 1/2: an exact sign test, whatever
drift both arms share. The generation is the unit for the reason that it is the unit of the centre.

The false alarm budget: the test only ever delays a PASS (in round 1 any excess does; afterwards p <= 0.05 over all
pairs so far), except that fresh pairs alone may make it a REGRESS at a level whose sum over rounds and over the ring's
measurements is a quarter of the centre's: with the default policy 0.01 beside 0.04.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from compat.judge.points import Point

__all__ = ["DELAY_LEVEL", "REGRESS_SHARE", "Tail", "tail"]

DELAY_LEVEL = 0.05
REGRESS_SHARE = 0.25  # of the budget that the centre has for REGRESS

_LEAST = math.log(1.10)
_DEVIATIONS = 5.0
_TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


@dataclass(frozen=True)
class Tail:
    """Slow processes of each arm, and how surprising the candidate's excess is."""

    known_good: int
    candidate: int
    excess: int  # generations that count for the candidate, less those that count for the known-good arm
    p: float


def tail(points: Sequence[Point]) -> Tail:
    """Compare the slow processes of the arms over ``points`` (at least one)."""
    good = np.array([point.known_good for point in points])
    centre = float(np.median(good))
    deviation = _TO_SIGMA * float(np.median(np.abs(good - centre)))
    threshold = centre + max(_LEAST, _DEVIATIONS * deviation)
    balance: dict[tuple[int, int], int] = {}
    slow_good = slow_new = 0
    for point in points:
        a, b = int(point.known_good > threshold), int(point.candidate > threshold)
        slow_good, slow_new = slow_good + a, slow_new + b
        balance[point.unit] = balance.get(point.unit, 0) + b - a
    worse, better = sum(v > 0 for v in balance.values()), sum(v < 0 for v in balance.values())
    p = float(stats.binom.sf(worse - 1, worse + better, 0.5)) if worse else 1.0
    return Tail(slow_good, slow_new, worse - better, p)
