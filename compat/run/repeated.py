"""What came of repeating one case: how its metrics spread, which outputs changed, which faults there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.arrays import Array, Arrays, UnreadableOutputError, described, largest, not_finite, relative_l2
from compat.judge.centre import centre
from compat.judge.ratios import log_ratio
from compat.judge.text import plural
from compat.judge.unsound import events_in_words
from compat.model import Arm, Direction, Evidence, Fault, Item, Kind, Measurement, Output

__all__ = ["Change", "Failure", "MetricRow", "Repeated", "Spread", "summary"]

_Key = tuple[str, int]


@dataclass(frozen=True)
class Spread:
    """One metric in one arm, in the metric's unit. Each run counts once, with the median of its samples."""

    runs: int
    median: float
    quartiles: float  # the distance from the first to the third
    least: float
    most: float


@dataclass(frozen=True)
class MetricRow:
    """One metric. ``effect`` and ``interval`` are log ratios of a sampled metric, as the judge's: positive is worse.

    The effect is the mean over generations, trimmed and with a 95 % interval where there are three or more of them.
    """

    metric: str
    unit: str
    direction: Direction
    kind: Kind
    arms: dict[Arm, Spread]
    effect: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Change:
    """An output that was not the same in all runs, and how far two of its values are apart."""

    output: str
    seed: int
    values: dict[Arm, int]  # how many different ones each arm returned
    between: bool  # no value of the candidate is one of the known-good arm's
    detail: str


@dataclass(frozen=True)
class Failure:
    """A fault, and in how many runs of an arm there was one like it."""

    arm: Arm
    fault: Fault
    runs: int


@dataclass(frozen=True)
class Repeated:
    """All of it. ``runs`` has the arms that were asked for, known-good first."""

    item: Item
    runs: dict[Arm, int]
    generations: int
    metrics: tuple[MetricRow, ...]
    outputs: int  # by name and seed
    changes: tuple[Change, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    stopped: bool = False  # before all runs were done
    events: tuple[str, ...] = ()  # what happened to the GPUs meanwhile, in words


def summary(item: Item, arms: Sequence[Arm], evidence: Sequence[Evidence], blob: Callable[[str], bytes]) -> Repeated:
    """Sum up the evidence of one item. ``blob`` reads outputs by digest."""
    ordered = sorted(evidence, key=lambda record: (record.pair, record.arm))
    names = dict.fromkeys(m.metric for record in ordered for m in record.measurements)
    failures: dict[tuple[Arm, str], Fault] = {}
    counts: Counter[tuple[Arm, str]] = Counter()
    for record in ordered:
        if record.fault is not None:
            key = record.arm, record.fault.signature
            failures.setdefault(key, record.fault)
            counts[key] += 1
    return Repeated(
        item=item,
        runs={arm: sum(record.arm is arm for record in ordered) for arm in Arm if arm in arms},
        generations=len({record.generation for record in ordered}),
        metrics=tuple(_row(name, ordered) for name in sorted(names)),
        outputs=len({key for record in ordered for key in _outputs(record)}),
        changes=tuple(_changes(ordered, Arrays(blob))),
        failures=tuple(Failure(arm, fault, counts[arm, kind]) for (arm, kind), fault in failures.items()),
        events=tuple(said for hard in (True, False) if (said := events_in_words(ordered, hard=hard))),
        notes=tuple(dict.fromkeys(note for record in ordered for note in record.notes)),
    )


# -- metrics -----------------------------------------------------------------------------------------------------------


def _row(name: str, evidence: Sequence[Evidence]) -> MetricRow:
    found = [(record, m) for record in evidence for m in record.measurements if m.metric == name]
    first = found[0][1]
    arms = {}
    for arm in Arm:
        values = [_median(m) for record, m in found if record.arm is arm]
        if values:
            low, middle, high = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
            arms[arm] = Spread(len(values), middle, high - low, min(values), max(values))
    means = _means(found, first) if first.kind is Kind.SAMPLED else []
    middle_of_all = centre(means)
    effect = middle_of_all.effect if middle_of_all else sum(means) / len(means) if means else None
    interval = middle_of_all.interval() if middle_of_all else None
    return MetricRow(name, first.unit, first.direction, first.kind, arms, effect, interval)


def _median(measurement: Measurement) -> float:
    return float(np.median(measurement.samples))


def _means(found: Sequence[tuple[Evidence, Measurement]], first: Measurement) -> list[float]:
    """The mean log ratio of the pairs of each generation: its processes share a zygote and are not independent."""
    sign = 1.0 if first.direction is Direction.LOWER else -1.0
    values = {(record.generation, record.pair, record.arm): _median(m) for record, m in found}
    generations: dict[int, list[float]] = {}
    for (generation, pair, arm), value in values.items():
        other = values.get((generation, pair, Arm.KNOWN_GOOD))
        ratio = log_ratio(other, value) if arm is Arm.CANDIDATE else None
        if ratio is not None:
            generations.setdefault(generation, []).append(sign * ratio)
    return [sum(group) / len(group) for group in generations.values()]


# -- outputs -----------------------------------------------------------------------------------------------------------


def _outputs(record: Evidence) -> dict[_Key, Output]:
    return {(output.name, output.seed): output for output in record.outputs if not output.reference}


def _changes(evidence: Sequence[Evidence], arrays: Arrays) -> Iterator[Change]:
    """The outputs of which there is more than one value, by name and seed."""
    seen: dict[_Key, dict[Arm, dict[tuple[str, str, tuple[int, ...]], Output]]] = {}
    for record in evidence:
        for key, output in _outputs(record).items():
            values = seen.setdefault(key, {}).setdefault(record.arm, {})
            values.setdefault((output.digest, output.dtype, output.shape), output)
    for (name, seed), arms in sorted(seen.items()):
        known_good, candidate = arms.get(Arm.KNOWN_GOOD, {}), arms.get(Arm.CANDIDATE, {})
        every = [*known_good.values(), *(output for key, output in candidate.items() if key not in known_good)]
        if len(every) > 1:
            between = bool(known_good and candidate) and known_good.keys().isdisjoint(candidate)
            other = next(iter(candidate.values())) if between else every[1]
            counts = {arm: len(arms[arm]) for arm in Arm if arm in arms}
            yield Change(name, seed, counts, between, _apart(every[0], other, arrays))


def _apart(one: Output, other: Output, arrays: Arrays) -> str:
    """How far two values of an output are apart, for people."""
    try:
        a, b = arrays.value(one), arrays.value(other)
    except UnreadableOutputError as problem:
        return str(problem)
    if (
        isinstance(a, str)
        or isinstance(b, str)
        or a.dtype != b.dtype
        or a.shape != b.shape
        or a.dtype.kind not in "biufc"
    ):
        return f"{described(a)} -> {described(b)}"
    return f"{_distance(a, b)}; {largest(one.name, a, b)}"


def _distance(a: Array, b: Array) -> str:
    if a.dtype.kind not in "fc":
        return f"{int((a != b).sum())} of {a.size} elements differ"
    odd = int((not_finite(a) != not_finite(b)).sum())
    return f"relative L2 difference {relative_l2(b, a):.3g}" + (
        f", {plural(odd, 'element')} not finite alike" if odd else ""
    )
