"""Sampled metrics: rounds of pairs, in each of which a measurement may pass or, on fresh pairs, regress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compat.judge.admit import Pair
from compat.judge.centre import Centre, centre, unit_means
from compat.judge.outcome import Outcome
from compat.judge.points import Point, points, too_few
from compat.judge.tails import DELAY_LEVEL, REGRESS_SHARE, Tail, tail
from compat.judge.text import change, percent, plural, quantity
from compat.judge.throttled import dropped, kept
from compat.model import Direction, Kind, Metric, MetricPolicy, Policy, Status

__all__ = ["Course", "course", "judge_sampled"]

_FLAG_LEVEL = 0.05  # round 1: slower than nobody cares about, so it is looked at again


@dataclass(frozen=True)
class Course:
    """How far the rounds came. ``status`` is None while the next round is not complete."""

    status: Status | None
    round: int  # that decided or, where none did, that was the last complete one
    judged: tuple[Point, ...]
    centre: Centre | None
    tail: Tail | None
    flagged: bool  # shown to be worse than what nobody cares about
    by_tail: bool  # it is the slow processes that keep it from PASS, or that made it REGRESS
    detectable: float | None  # the oriented log ratio that the last complete round would have found in 99 of 100 cases


def course(found: Sequence[Point], limits: MetricPolicy, policy: Policy, measured: int) -> Course:
    """Judge complete rounds in order; the first decision is final.

    ``measured``: sampled measurements that share the budget for REGRESS, known before the first pair.
    PASS: the effect is shown to be below log(1 + margin), at ``pass_alpha`` shared by the rounds, over all pairs so
    far; in round 1 only if it is not flagged. REGRESS, after round 1: the effect is shown to be above log(1 + ignore)
    on that round's fresh pairs alone, so a policy of one round never says REGRESS. Pairs beyond a round's size are
    surplus and are not judged.
    """
    rounds = policy.rounds
    delta, ignore = math.log1p(limits.margin), math.log1p(limits.ignore)
    pass_level = policy.pass_alpha / max(1, len(rounds))
    level = policy.regress_alpha / max(1, len(rounds) - 1) / max(1, measured)
    so_far: list[Point] = []
    last = Course(None, 0, (), None, None, False, False, None)
    for number, size in enumerate(rounds, 1):
        fresh = sorted((p for p in found if p.round == number), key=lambda p: p.number)[:size]
        if len(fresh) < max(1, size):
            return last
        so_far += fresh
        whole, slow = centre(unit_means(so_far)), tail(so_far)
        alone, slow_alone = centre(unit_means(fresh)), tail(fresh)
        flagged = whole is not None and whole.p_worse(ignore) <= _FLAG_LEVEL
        delayed = slow.excess > 0 if number == 1 else slow.p <= DELAY_LEVEL
        within = whole is not None and whole.p_within(delta) <= pass_level
        regressed = number > 1 and alone is not None and alone.p_worse(ignore) <= level
        slower_tail = number > 1 and slow_alone.p <= level * REGRESS_SHARE
        status = None
        if within and not delayed and not (number == 1 and flagged):
            status = Status.PASS
        elif regressed or slower_tail:
            status = Status.REGRESS
        by_tail = slower_tail and not regressed if status is Status.REGRESS else delayed
        last = Course(status, number, tuple(so_far), whole, slow, flagged, by_tail, _detectable(alone, ignore, level))
        if status is not None:
            return last
    return Course(
        Status.INCONCLUSIVE,
        last.round,
        last.judged,
        last.centre,
        last.tail,
        last.flagged,
        last.by_tail,
        last.detectable,
    )


def _detectable(alone: Centre | None, ignore: float, level: float) -> float | None:
    if alone is None:
        return None
    return ignore + (alone.quantile(1.0 - level) + alone.quantile(0.99)) * alone.error


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
    state = course(found, limits, policy, measured)
    if not state.judged:
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
    good = math.exp(sign * float(np.median([p.known_good for p in state.judged])))
    # The candidate's value follows from the effect: the medians of the arms apart carry the machine's drift between
    # pairs, and could contradict it.
    effect = float(np.median([p.candidate - p.known_good for p in state.judged]))
    new = good * math.exp(sign * (effect if state.centre is None else state.centre.effect))
    count = len(state.judged)
    values = f"{quantity(good, metric.unit)} -> {quantity(new, metric.unit)}"
    if state.centre is None:
        generations = len({p.unit for p in state.judged})
        said = f"{metric.name}: {plural(generations, 'generation')} of {plural(count, 'pair')} are too few: {values}"
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
        remarks.append(f"slow processes: {state.tail.known_good} -> {state.tail.candidate} of {len(state.judged)}")
    if status is Status.PASS and state.flagged:
        remarks.append(f"worse than the {percent(limits.ignore)} that is ignored, within the margin")
    if state.status is None:
        remarks.append(f"open after round {state.round} of {len(policy.rounds)}: more pairs are needed")
    elif status is Status.INCONCLUSIVE:
        found = "" if state.detectable is None else f"; would have found {percent(math.expm1(state.detectable))}"
        remarks.append(f"open after all {plural(len(policy.rounds), 'round')}{found}")
    return "".join(f"; {remark}" for remark in remarks)
