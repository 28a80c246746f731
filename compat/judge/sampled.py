"""Sampled metrics in words: what the rounds of pairs came to, with the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from compat.judge.admit import Pair
from compat.judge.outcome import Outcome
from compat.judge.points import points, too_few
from compat.judge.rounds import Course, courses
from compat.judge.series import Series
from compat.judge.text import change, percent, plural, quantity
from compat.judge.throttled import dropped, kept
from compat.model import Direction, Kind, Metric, MetricPolicy, Policy, Status

__all__ = ["judge_sampled"]


def judge_sampled(metric: Metric, pairs: Sequence[Pair], policy: Policy, measured: int) -> Outcome:
    """One sampled metric of one item on one node, from its clean pairs, without those in which both arms throttled."""
    if not pairs:
        return _bare(metric, Status.MISSING, "there is no pair of runs", 0)
    if lost := too_few(metric, pairs):
        return Outcome(metric.name, Status.INVALID, lost, metric.kind, metric.unit, pairs=len(pairs))
    if points(metric, pairs) is None:
        return _bare(metric, Status.MISSING, "some runs did not measure it", len(pairs))
    note = dropped(pairs)
    found = points(metric, kept(pairs)) or []
    limits = policy.metric(metric.name)
    state = courses(Series.of([found]), limits, policy, measured).at(0)
    if not state.pairs:
        have = sum(point.round == 1 for point in found)
        expected = policy.rounds[0] if policy.rounds else 0
        return _bare(metric, Status.INCONCLUSIVE, f"{have} of the {expected} pairs of round 1{note}", len(found))
    outcome = _outcome(metric, state, limits, policy)
    return replace(outcome, reason=outcome.reason + note)


def _bare(metric: Metric, status: Status, why: str, pairs: int) -> Outcome:
    return Outcome(metric.name, status, f"{metric.name}: {why}", Kind.SAMPLED, metric.unit, pairs=pairs)


def _outcome(metric: Metric, state: Course, limits: MetricPolicy, policy: Policy) -> Outcome:
    status = state.status or Status.INCONCLUSIVE
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    good = math.exp(sign * state.known_good)
    # The candidate's value follows from the effect: the medians of the arms apart carry the machine's drift between
    # pairs, and could contradict it.
    new = good * math.exp(sign * (state.difference if state.centre is None else state.centre.effect))
    count = state.pairs
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
        found = "" if state.detectable is None else f"; would have found {percent(math.expm1(state.detectable))}"
        remarks.append(f"open after all {plural(len(policy.rounds), 'round')}{found}")
    return "".join(f"; {remark}" for remark in remarks)
