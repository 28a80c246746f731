"""Slow drift: what several promotions come to together, of which each alone was within its margin.

Sessions that lie months apart say nothing of each other, so old values are not compared with new ones. Each verdict has
paired effects, of its candidate against its known-good stack; where one promotion's known-good stack is the one before
its candidate, the effects of a measurement add up (they are logarithms), and the variances of their means do too.
Of values that need no statistics (exact and bounded metrics) the steps are added as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compat.judge.text import change, exactly, quantity
from compat.model import Comparison, Direction, Kind, Metric, Plan, Policy, Promotion, Verdict

__all__ = ["Drift", "Drifted", "drift"]

_Key = tuple[str, str, str]  # workload, case, metric


@dataclass(frozen=True)
class Drift:
    """How far one measurement has moved over ``steps`` promotions, and whether that is more than one may move it.

    ``effect`` and ``interval`` are log ratios, positive is worse; None for values that are compared as they are.
    """

    workload: str
    case: str
    metric: str
    steps: int
    said: str  # in words: how far
    beyond: bool
    effect: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Drifted:
    """What came to be since ``since``, the oldest kept entry that a stack came from; or why that is not known."""

    since: Promotion | None = None
    drift: tuple[Drift, ...] = ()
    unknown: tuple[str, ...] = ()


def drift(verdicts: Sequence[Verdict], plan: Plan) -> tuple[Drift, ...]:
    """Of each measurement that every one of ``verdicts`` has, in the order of their promotions; the worst first.

    The first verdict's known-good stack is where the drift is counted from; ``plan`` is the last one's. What a verdict
    along the way did not measure is not in it: nothing can be said of that. Of several cells with one case the one that
    moved most for the worse counts, at each step: cells of two matrices have no names in common.
    """
    if not verdicts:
        return ()
    metrics = {
        (item.case.workload, item.case.id, metric.name): metric for item in plan.items for metric in item.case.metrics
    }
    steps = [_by_key(verdict, metrics) for verdict in verdicts]
    shared = [key for key in steps[-1] if all(key in step for step in steps)]
    found = [_one(key, metrics[key], [step[key] for step in steps], verdicts[-1].policy) for key in shared]
    there = [one for one in found if one is not None]
    return tuple(
        sorted(there, key=lambda one: (not one.beyond, -(one.effect or 0.0), one.workload, one.case, one.metric))
    )


def _by_key(verdict: Verdict, metrics: Mapping[_Key, Metric]) -> dict[_Key, Comparison]:
    """The required measurements that are numbers, each of the cell where it moved most for the worse."""
    found: dict[_Key, Comparison] = {}
    for c in verdict.comparisons:
        key = c.workload, c.case, c.metric
        numbers = isinstance(c.candidate, (int, float)) and isinstance(c.known_good, (int, float))
        if not c.required or c.kind is None or not numbers or key not in metrics:
            continue
        if key not in found or _worse(c, metrics[key]) > _worse(found[key], metrics[key]):
            found[key] = c
    return found


def _worse(c: Comparison, metric: Metric) -> float:
    """By how much a step is for the worse: a log ratio of what is sampled, else in the metric's unit."""
    if c.effect is not None:
        return c.effect
    moved = float(c.candidate or 0.0) - float(c.known_good or 0.0)
    return moved if metric.direction is Direction.LOWER else -moved


def _one(key: _Key, metric: Metric, steps: Sequence[Comparison], policy: Policy) -> Drift | None:
    limits = policy.of(key[0]).metric(metric.name)
    if metric.kind is Kind.SAMPLED:
        effects = [(step.effect, *step.interval) for step in steps if step.effect is not None and step.interval]
        if len(effects) < len(steps):
            return None
        effect = math.fsum(own for own, _, _ in effects)
        below = math.hypot(*(own - low for own, low, _ in effects))
        above = math.hypot(*(high - own for own, _, high in effects))
        interval = effect - below, effect + above
        moved, span = change(effect, interval, metric.unit, metric.direction)
        beyond = effect > math.log1p(limits.margin) and interval[0] > math.log1p(limits.ignore)
        return Drift(*key, len(steps), f"{moved} ({span})", beyond, effect, interval)
    old = float(steps[0].known_good or 0.0)
    worse = math.fsum(_worse(step, metric) for step in steps)
    new = old + worse if metric.direction is Direction.LOWER else old - worse
    allowed = max(limits.absolute, limits.relative * abs(old))
    before, after = (_amount(value, metric) for value in (old, new))
    return Drift(*key, len(steps), f"{before} -> {after}", not worse <= allowed)


def _amount(value: float, metric: Metric) -> str:
    counted = metric.kind is Kind.EXACT
    return f"{exactly(value)} {metric.unit}".rstrip() if counted else quantity(value, metric.unit)
