"""Sampled metrics in words: what the rounds of pairs came to, with the numbers. All of a ring's are judged together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compat.judge.admit import Pair, measurement
from compat.judge.confirm import confirmed
from compat.judge.outcome import Outcome
from compat.judge.points import Points, points, too_few
from compat.judge.rounds import Course, Courses, courses
from compat.judge.series import Series
from compat.judge.text import change, grown, percent, plural, quantity
from compat.judge.throttled import dropped, kept
from compat.model import Direction, Kind, Metric, MetricPolicy, Policy, Status

__all__ = ["Sample", "judge_samples", "judge_series"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sampled metric of one item on one node, with its limits: what was measured of it, without the runs."""

    metric: Metric
    limits: MetricPolicy
    points: Points | None  # of each pair in which not both arms throttled; None if a run lacks the metric
    lost: Outcome | None  # what keeps it from being judged at all
    dropped: str  # which pairs do not count, and why
    confirmable: bool = False  # whether both runtimes can be installed once more

    @classmethod
    def of(cls, metric: Metric, limits: MetricPolicy, pairs: Sequence[Pair], confirmable: bool = False) -> Sample:
        """From the clean pairs that were to measure it."""
        taken = points(metric, kept(pairs))
        return cls(metric, limits, taken, _lost(metric, pairs), dropped(pairs), confirmable)


def judge_samples(samples: Sequence[Sample], policy: Policy, measured: int) -> list[Outcome]:
    """The outcome of each of ``samples``; ``measured`` of them share the ring's budget for REGRESS."""
    found: dict[int, Outcome] = {}
    layouts: dict[tuple[tuple[int, int, int], ...], list[tuple[int, Points]]] = {}
    for place, sample in enumerate(samples):
        if sample.lost is not None:
            found[place] = sample.lost
            continue
        taken = sample.points or Points()
        layouts.setdefault(taken.places, []).append((place, taken))
    for members in layouts.values():
        places = [place for place, _ in members]
        own = [samples[place] for place in places]
        series = Series.of([taken for _, taken in members])
        state = _courses(series, [s.limits for s in own], policy, measured)
        for row, (place, taken) in enumerate(members):
            sample, course = samples[place], state.at(row)
            outcome = _outcome(sample.metric, course, sample.limits, policy, series)
            if sample.confirmable:
                outcome = confirmed(outcome, course, taken, sample.metric, sample.limits.ignore, policy)
            found[place] = outcome
    return [
        replace(found[place], reason=found[place].reason + sample.dropped) if sample.dropped else found[place]
        for place, sample in enumerate(samples)
    ]


def judge_series(
    series: Series, metrics: Sequence[Metric], limits: Sequence[MetricPolicy], policy: Policy, measured: int
) -> list[Outcome]:
    """The outcome of each row of ``series``, with its metric and its limits. None of them asks to be confirmed."""
    found = _courses(series, limits, policy, measured)
    return [
        _outcome(metric, found.at(row), limit, policy, series)
        for row, (metric, limit) in enumerate(zip(metrics, limits, strict=True))
    ]


def _courses(series: Series, limits: Sequence[MetricPolicy], policy: Policy, measured: int) -> Courses:
    margins, ignored = (np.array([getattr(one, name) for one in limits]) for name in ("margin", "ignore"))
    return courses(series, (margins, ignored), policy, measured)


def _lost(metric: Metric, pairs: Sequence[Pair]) -> Outcome | None:
    """What keeps a metric from being judged at all."""
    if not pairs:
        return _bare(metric, Status.MISSING, "there is no pair of runs", 0)
    if few := too_few(metric, pairs):
        return Outcome(metric.name, Status.INVALID, few, metric.kind, metric.unit, pairs=len(pairs))
    if any(measurement(run, metric.name) is None for pair in pairs for run in (pair.known_good, pair.candidate)):
        return _bare(metric, Status.MISSING, "some runs did not measure it", len(pairs))
    return None


def _bare(metric: Metric, status: Status, why: str, pairs: int) -> Outcome:
    return Outcome(metric.name, status, f"{metric.name}: {why}", Kind.SAMPLED, metric.unit, pairs=pairs)


def _outcome(metric: Metric, state: Course, limits: MetricPolicy, policy: Policy, series: Series) -> Outcome:
    status = state.status or Status.INCONCLUSIVE
    count = state.pairs
    if not count:
        have = int((series.rounds == 1).sum())
        said = f"{have} of the {policy.rounds[0] if policy.rounds else 0} pairs of round 1"
        return _bare(metric, Status.INCONCLUSIVE, said, len(series.rounds))
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    good = math.exp(sign * state.known_good)
    # The candidate's value follows from the effect: the medians of the arms apart carry the machine's drift between
    # pairs, and could contradict it.
    new = good * math.exp(sign * (state.difference if state.centre is None else state.centre.effect))
    values = f"{quantity(good, metric.unit)} -> {quantity(new, metric.unit)}"
    if state.centre is None:
        said = (
            f"{metric.name}: {plural(state.generations, 'generation')} of {plural(count, 'pair')} are too few: {values}"
        )
        return Outcome(metric.name, status, said, Kind.SAMPLED, metric.unit, good, new, pairs=count)
    interval = state.centre.interval()
    moved, span = change(state.centre.effect, interval, metric.unit, metric.direction)
    said = (
        f"{metric.name} {moved} (95 % interval {span}, {plural(count, 'pair')}), "
        f"margin {percent(limits.margin)}: {values}{_remark(status, state, limits, policy)}"
    )
    return Outcome(
        metric.name,
        status,
        said,
        Kind.SAMPLED,
        metric.unit,
        good,
        new,
        state.centre.effect,
        interval,
        math.log1p(limits.margin),
        count,
    )


def _remark(status: Status, state: Course, limits: MetricPolicy, policy: Policy) -> str:
    remarks = []
    if state.by_tail and state.tail is not None:
        remarks.append(f"slow processes: {state.tail.known_good} -> {state.tail.candidate} of {state.pairs}")
    if status is Status.PASS and state.flagged:
        remarks.append(f"worse than the {percent(limits.ignore)} that is ignored, within the margin")
    if state.status is None:
        remarks.append(f"open after round {state.round} of {len(policy.rounds)}: more pairs are needed")
    elif status is Status.INCONCLUSIVE:
        found = "" if state.detectable is None else f"; would have found {percent(grown(state.detectable))}"
        remarks.append(f"open after all {plural(len(policy.rounds), 'round')}{found}")
    return "".join(f"; {remark}" for remark in remarks)
