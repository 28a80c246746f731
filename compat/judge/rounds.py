"""Rounds of pairs, in each of which a measurement may pass or, on fresh pairs, regress. Many are judged together."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compat.judge.centre import Centre, Centres, almost_always, centres
from compat.judge.series import Floats, Integers, Series
from compat.judge.tails import Tail, Tails, tails
from compat.model import MetricPolicy, Policy, Status

__all__ = ["Course", "Courses", "Levels", "courses"]

_STATUS = (None, Status.PASS, Status.REGRESS, Status.INCONCLUSIVE)
_OPEN, _PASS, _REGRESS, _INCONCLUSIVE = range(4)


@dataclass(frozen=True)
class Levels:
    """The levels of one test, for a ring whose ``measured`` sampled measurements share the budget for REGRESS."""

    within: float
    worse: float
    slow: float

    @classmethod
    def of(cls, policy: Policy, measured: int) -> Levels:
        """Bonferroni over rounds and measurements, known before the first pair: shards of a ring agree."""
        each = policy.regress_alpha / max(1, len(policy.rounds) - 1) / max(1, measured)
        share = policy.tail.share
        return cls(policy.pass_alpha / max(1, len(policy.rounds)), each * (1.0 - share), each * share)


@dataclass(frozen=True, slots=True)
class Course:
    """How far the rounds came. ``status`` is None while the next round is not complete."""

    status: Status | None
    round: int  # that decided or, where none did, that was the last complete one
    pairs: int  # that were judged
    generations: int  # of these
    known_good: float  # the median over the judged pairs: oriented log-median of a process
    difference: float  # the same of the pairs' differences
    centre: Centre | None
    tail: Tail | None
    flagged: bool  # shown to be worse than what nobody cares about
    by_tail: bool  # it is the slow processes that keep it from PASS, or that made it REGRESS
    # Undecided: the oriented log ratio that the last complete round would have found in 99 of 100 cases.
    detectable: float | None


class Courses:
    """The courses of many measurements: PASS, REGRESS or INCONCLUSIVE, or open while the next round is not complete."""

    def __init__(self, series: Series, ignore: Floats, levels: Levels) -> None:
        self._ignore, self._levels = ignore, levels
        self._looks: list[_Look] = []
        self.round: Integers = np.zeros(len(series), dtype=int)
        self._decision: Integers = np.full(len(series), _OPEN)
        self._place: Integers = np.zeros(len(series), dtype=int)  # the row of a measurement in its last look

    @property
    def pairs(self) -> Integers:
        """How many pairs of each were judged."""
        sizes = np.array([0, *(len(look.columns) for look in self._looks)])
        found: Integers = sizes[self.round]
        return found

    def came_to(self, status: Status) -> NDArray[np.bool_]:
        """(measurements,) which of them have this status."""
        found: NDArray[np.bool_] = self._decision == _STATUS.index(status)
        return found

    def still_open(self) -> Integers:
        """The measurements without a status."""
        return np.flatnonzero(self._decision == _OPEN)

    def enter(self, look: _Look, rows: Integers, decision: Integers) -> None:
        """What one round came to for the measurements that it was to decide."""
        self._looks.append(look)
        self.round[rows] = len(self._looks)
        self._place[rows] = np.arange(len(rows))
        self._decision[rows] = decision

    def spent(self) -> None:
        """There are no more rounds: what is open stays undecided."""
        self._decision[self._decision == _OPEN] = _INCONCLUSIVE

    def at(self, row: int) -> Course:
        """That of one measurement."""
        status, number = _STATUS[self._decision[row]], int(self.round[row])
        if not number:
            return Course(status, 0, 0, 0, math.nan, math.nan, None, None, False, False, None)
        look, place = self._looks[number - 1], int(self._place[row])
        alone = look.alone.at(place)
        detectable = None
        if alone is not None and status in (None, Status.INCONCLUSIVE):
            detectable = float(self._ignore[row]) + _errors(alone.freedom, self._levels.worse) * alone.error
        return Course(
            status,
            number,
            len(look.columns),
            look.whole.units,
            float(look.known_good[place]),
            float(look.difference[place]),
            look.whole.at(place),
            look.slow.at(place),
            bool(look.flagged[place]),
            bool(look.by_tail[place]),
            detectable,
        )


@dataclass(frozen=True)
class _Look:
    """One complete round, with a row for each measurement that was open before it."""

    columns: Integers  # the pairs so far
    known_good: Floats  # the median over these: oriented log-median of a process
    difference: Floats  # the same of the pairs' differences
    whole: Centres  # over these
    alone: Centres  # over this round's pairs
    slow: Tails
    flagged: NDArray[np.bool_]
    by_tail: NDArray[np.bool_]


@functools.lru_cache(maxsize=4096)
def _errors(freedom: int, level: float) -> float:
    return float(almost_always(np.array([freedom]), level)[0])


def courses(series: Series, limits: MetricPolicy | tuple[Floats, Floats], policy: Policy, measured: int) -> Courses:
    """Judge complete rounds in order; the first decision is final.

    ``limits`` of all measurements, or (margin, ignore) with a value for each. ``measured``: sampled measurements that
    share the budget for REGRESS, known before the first pair.
    PASS: the effect is shown to be below log(1 + margin), at ``pass_alpha`` shared by the rounds, over all pairs so
    far; in round 1 only if it is not flagged. REGRESS, after round 1: the effect is shown to be above log(1 + ignore)
    on that round's fresh pairs alone, so a policy of one round never says REGRESS. Pairs beyond a round's size are
    surplus and are not judged.
    """
    each = (limits.margin, limits.ignore) if isinstance(limits, MetricPolicy) else limits
    delta, ignore = (np.log1p(np.broadcast_to(np.asarray(limit, dtype=float), len(series))) for limit in each)
    levels = Levels.of(policy, measured)
    found = Courses(series, ignore, levels)
    so_far: Integers = np.empty(0, dtype=int)
    for number, size in enumerate(policy.rounds, 1):
        fresh = series.of_round(number, size)
        if len(fresh) < max(1, size):
            return found
        so_far = np.concatenate([so_far, fresh])
        rows = found.still_open()
        if not len(rows):
            return found
        look, decision = _look(series, rows, so_far, fresh, delta[rows], ignore[rows], levels, policy, number == 1)
        found.enter(look, rows, decision)
    found.spent()
    return found


def _look(
    series: Series,
    rows: Integers,
    so_far: Integers,
    fresh: Integers,
    delta: Floats,
    ignore: Floats,
    levels: Levels,
    policy: Policy,
    first: bool,
) -> tuple[_Look, Integers]:
    """What one round shows of the measurements that are still open."""
    every, new = series.take(rows, so_far), series.take(rows, fresh)
    whole, slow = centres(every.unit_means()), tails(every, policy.tail)
    alone, slow_alone = (whole, slow) if first else (centres(new.unit_means()), tails(new, policy.tail))
    flagged = whole.p_worse(ignore) <= policy.flag_alpha
    delayed = slow.excess > 0 if first else slow.p <= policy.tail.delay
    within = whole.p_within(delta) <= levels.within
    passed = within & ~delayed & ~(flagged & first)
    regressed = (alone.p_worse(ignore) <= levels.worse) & (not first)
    slower_tail = (slow_alone.p <= levels.slow) & (not first)
    failed = ~passed & (regressed | slower_tail)
    by_tail = np.where(failed, slower_tail & ~regressed, delayed)
    decision = np.where(passed, _PASS, np.where(failed, _REGRESS, _OPEN))
    medians = np.median(every.known_good, axis=1), np.median(every.candidate - every.known_good, axis=1)
    return _Look(so_far, *medians, whole, alone, slow, flagged, by_tail), decision
