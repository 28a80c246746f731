"""What a measurement can tell here: how it varies when nothing changes, and so the least slowdown that can be gated.

Where that is more than the margin, a ring would be undecided for ever: the measurement is *uncovered*, which is listed
and capped by policy (``accepted``). A slowdown that is shown nevertheless is a regression as anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scipy import special

from compat.judge.admit import in_pairs
from compat.judge.budget import measured
from compat.judge.centre import centre
from compat.judge.evidence import ByItem, by_item
from compat.judge.points import points, too_few
from compat.judge.rounds import Levels
from compat.judge.series import Series
from compat.judge.text import grown, percent, plural
from compat.judge.throttled import kept
from compat.model import Comparison, Evidence, Kind, Metric, Place, Plan, Policy, Status

__all__ = [
    "Calibrated",
    "Spread",
    "calibrated",
    "least_effect",
    "spreads",
    "uncover",
]

_FEWEST_PAIRS, _FEWEST_GENERATIONS = 60, 5  # statistics of fewer say too little of the tails


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measurement varies between pairs in which nothing changed, in the place where it varies most.

    ``error`` is the standard error of the trimmed mean over ``generations`` (log ratio): Yuen's, as in the judgement.
    """

    error: float
    pairs: int
    generations: int

    def error_over(self, pairs: int) -> float:
        """The standard error over so many pairs instead."""
        return self.error * math.sqrt(self.pairs / pairs)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration says of one metric of one item. Log ratios; None where there was too little to say more."""

    item: str
    metric: str
    spread: Spread | None
    least: float | None  # the least slowdown that can be gated
    margin: float

    @property
    def covered(self) -> bool:
        """Whether what must not pass can be told."""
        return self.least is not None and self.least <= self.margin


def calibrated(plan: Plan, ring: str, alike: Plan, evidence: ByItem | Iterable[Evidence]) -> tuple[Calibrated, ...]:
    """What the evidence of ``alike`` (``compat.plan.unchanged``) says of each sampled metric of a ring of ``plan``."""
    known = spreads(alike, evidence)
    share = measured(plan, plan.ring(ring))
    found = []
    for item in alike.items:
        for metric in item.case.metrics:
            spread = known.get((item.key, metric.name))
            limits = plan.policy.of(item.case.workload).metric(metric.name)
            least = None if spread is None else least_effect(spread, limits.ignore, plan.policy, share)
            found.append(Calibrated(item.key, metric.name, spread, least, math.log1p(limits.margin)))
    return tuple(found)


def spreads(
    plan: Plan, evidence: ByItem | Iterable[Evidence], nodes: Collection[str] | None = None
) -> dict[tuple[str, str], Spread]:
    """By item and metric, from the evidence of a ``plan`` whose arms are the same. What is too little is left out.

    ``evidence`` as the judge takes it; of ``nodes`` alone, by id, where they are given.
    """
    found: dict[tuple[str, str], Spread] = {}
    own = by_item(evidence)
    for item in plan.items:
        here: dict[Place, list[Evidence]] = {}
        for record in own.get(item.key, ()):
            if nodes is None or record.node in nodes:
                here.setdefault(record.place, []).append(record)
        for records in here.values():
            for metric in item.case.metrics:
                spread = _spread(metric, records) if metric.gated and metric.kind is Kind.SAMPLED else None
                key = item.key, metric.name
                if spread is not None and (key not in found or spread.error > found[key].error):
                    found[key] = spread
    return found


def _spread(metric: Metric, records: Sequence[Evidence]) -> Spread | None:
    pairs, problems = in_pairs(records)
    clean = kept([pair for pair in pairs if pair.clean])
    taken = None if problems or too_few(metric, clean) else points(metric, clean)
    if not taken:
        return None
    means = Series.of([taken]).unit_means()[0].tolist()
    middle = centre(means)
    if middle is None or len(taken) < _FEWEST_PAIRS or len(means) < _FEWEST_GENERATIONS:
        return None
    return Spread(middle.error, len(taken), len(means))


def least_effect(spread: Spread, ignore: float, policy: Policy, sharing: int) -> float:
    """The least slowdown (log ratio) that the largest round finds in 99 of 100 cases.

    It has to be shown to be more than log(1 + ``ignore``), over that round's pairs alone, at the level that
    ``sharing`` measurements have together: log(1 + ignore) + [z(1 - level) + z(0.99)] standard errors.
    """
    largest = max(policy.rounds[1:] or policy.rounds)
    level = Levels.of(policy, sharing).worse
    quantiles = float(special.ndtri(1.0 - level)) + float(special.ndtri(0.99))
    return math.log1p(ignore) + quantiles * spread.error_over(largest)


def uncover(
    comparisons: Sequence[Comparison], known: Mapping[tuple[str, str], Spread], policy: Policy, sharing: int
) -> tuple[Comparison, ...]:
    """``comparisons``, with those uncovered that are undecided and of which calibration says that they must be."""
    return tuple(_uncovered(c, known.get((c.item, c.metric)), policy, sharing) for c in comparisons)


def _uncovered(comparison: Comparison, spread: Spread | None, policy: Policy, sharing: int) -> Comparison:
    if spread is None or comparison.kind is not Kind.SAMPLED or comparison.status is not Status.INCONCLUSIVE:
        return comparison
    limits = policy.of(comparison.workload).metric(comparison.metric)
    least = least_effect(spread, limits.ignore, policy, sharing)
    if not (least > math.log1p(limits.margin)):
        return comparison
    said = (
        f"{comparison.reason}; calibration over {plural(spread.pairs, 'pair')} says that {percent(grown(least))} "
        f"is the least that can be told here, margin {percent(limits.margin)}"
    )
    return replace(comparison, status=Status.UNCOVERED, reason=said)
