"""Exact and bounded metrics: no p-value, an allowance.

An exact metric has one value per process, the same each time; one that varies inside an arm is judged as bounded, and
says so. Bounded: the worst value over the processes counts. Of what code does in each process alike, such as a leak, it
is the worst that is in several: a quarter of them and more, for an allocator that grows in one process is no leak.
"""

from __future__ import annotations

from collections.abc import Sequence

from compat.judge.admit import Pair, measurement
from compat.judge.outcome import Outcome
from compat.judge.text import exactly, plural, quantity
from compat.model import Direction, Evidence, Kind, Metric, Policy, Status

__all__ = ["judge_values"]

_IN_SEVERAL = frozenset({"leak"})  # what one process has alone is its allocator's
_NOTHING_IS_GOOD = frozenset({"leak", "throttled"})  # rates: that of what does not happen is 0


def judge_values(metric: Metric, pairs: Sequence[Pair], policy: Policy) -> Outcome:
    """One exact or bounded metric of one item on one node, from its clean pairs.

    Worse by more than max(absolute, relative * known-good) is REGRESS; samples are finite and not negative
    (``admit.defects``).
    """
    good = _values(metric, [pair.known_good for pair in pairs])
    new = _values(metric, [pair.candidate for pair in pairs])
    if not good or not new:
        why = "some runs did not measure it" if pairs else "there is no pair of runs"
        return Outcome(metric.name, Status.MISSING, f"{metric.name}: {why}", metric.kind, metric.unit, pairs=len(pairs))
    limits = policy.metric(metric.name)
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    a, b = _counting(metric, good, sign), _counting(metric, new, sign)
    allowed = max(limits.absolute, limits.relative * abs(a))
    varies = metric.kind is Kind.EXACT and (len(set(good)) > 1 or len(set(new)) > 1)
    kind = Kind.BOUNDED if varies else metric.kind
    said = f"{metric.name} {_change(a, b, metric.unit, kind)}"
    status = Status.PASS
    if not (sign * (b - a) <= allowed):
        status = Status.REGRESS
        more = "more" if sign > 0 else "fewer" if kind is Kind.EXACT else "less"
        said += f"; at most {_amount(allowed, metric.unit, kind)} {more} would pass"
    elif kind is Kind.BOUNDED and b == 0.0 and a > limits.absolute and sign > 0 and not _may_vanish(metric):
        # A peak of nothing where there was something is a meter that stopped, not an improvement.
        status = Status.INVALID
        said += ": a measurement that vanished"
    elif a == b:
        said = f"{metric.name} unchanged: {_amount(a, metric.unit, kind)}"
    elif sign * (b - a) < 0:
        said += ", better"
    else:
        said += f", within the {_amount(allowed, metric.unit, kind)} allowed"
    if metric.name in _IN_SEVERAL and (alone := max(new)) > max(b, a + allowed):
        said += f"; {_amount(alone, metric.unit, kind)} in the worst process, but not in several"
    if varies:
        said += f"; varies inside an arm (over {plural(len(pairs), 'pair')}), so the worst value is compared"
    return Outcome(metric.name, status, said, kind, metric.unit, a, b, limit=float(allowed), pairs=len(pairs))


def _counting(metric: Metric, values: Sequence[float], sign: float) -> float:
    """The value of an arm: its worst, or the worst that several of its processes reach."""
    worst_first = sorted(values, reverse=sign > 0)
    if metric.name not in _IN_SEVERAL:
        return worst_first[0]
    several = min(len(values), max(2, len(values) // 4))
    return worst_first[several - 1]


def _may_vanish(metric: Metric) -> bool:
    """Whether none of it is a measurement: of rates, and of counts that only vary from run to run."""
    return metric.name in _NOTHING_IS_GOOD or metric.kind is Kind.EXACT


def _values(metric: Metric, runs: Sequence[Evidence]) -> list[float]:
    """Every value of an arm; nothing if a run lacks the metric."""
    found = [measurement(run, metric.name) for run in runs]
    if any(m is None for m in found):
        return []
    return [float(sample) for m in found if m is not None for sample in m.samples]


def _amount(value: float, unit: str, kind: Kind) -> str:
    return f"{exactly(value)} {unit}".rstrip() if kind is Kind.EXACT else quantity(value, unit)


def _change(a: float, b: float, unit: str, kind: Kind) -> str:
    if kind is Kind.EXACT:
        return f"{exactly(a)} -> {exactly(b)} {unit}".rstrip()
    return f"{quantity(a, unit)} -> {quantity(b, unit)}"
