"""Cells that are reached over edges: what the edges, each compared by its own design, come to together.

Each edge is judged by itself, and that is where a regression is found. The sum says what the whole way costs: two edges
that are each within the margin may together be beyond it. Whatever needs no statistics is compared from end to end:
what the known-good arm of the first edge returned and took, with the candidate's of the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from compat.judge.items import without_statistics
from compat.judge.legs import Legs
from compat.judge.outcome import Outcome, worst
from compat.judge.path import Edges, along, in_words, of_courses
from compat.judge.phased import cross
from compat.judge.rounds import courses
from compat.judge.sampled import Sample
from compat.judge.series import Series
from compat.model import Arm, Evidence, Item, Kind, Metric, MetricPolicy, Place, Plan, Policy, Status

__all__ = ["Edge", "judge_route", "paired_leg"]


@dataclass(frozen=True)
class Edge:
    """What one item came to on one edge."""

    item: Item
    legs: Legs
    evidence: Sequence[Evidence]  # that counts, without faults


def paired_leg(sample: Sample, outcome: Outcome, policy: Policy, measured: int) -> Edges | None:
    """A sampled metric of the paired design as an edge, with the status that it came to in the end."""
    points = sample.points
    if not points:
        return None
    edges = of_courses(courses(Series.of([points]), sample.limits, policy, measured))
    return replace(edges, status=(outcome.status,))


def judge_route(edges: Sequence[Edge], plan: Plan, measured: int, blob: Callable[[str], bytes]) -> list[Outcome]:
    """One case over all edges of a route, in order: an outcome for each gated metric, and for its outputs.

    ``measured`` share the ring's budget for REGRESS.
    """
    case = edges[-1].item.case
    policy = plan.policy.of(case.workload)
    found = [
        _sum(metric, policy.metric(metric.name), edges, plan.policy, measured)
        for metric in case.metrics
        if metric.gated and metric.kind is Kind.SAMPLED
    ]
    known_good = [e for e in edges[0].evidence if e.arm is Arm.KNOWN_GOOD]
    candidate = [e for e in edges[-1].evidence if e.arm is Arm.CANDIDATE]
    pairs = cross(known_good, candidate)
    if len({run.inputs for pair in pairs for run in (pair.known_good, pair.candidate)}) > 1:
        said = "the ends of the route had different inputs"
        return [*found, Outcome("outputs", Status.INVALID, f"outputs: {said}")]
    return [*found, *(_from_end_to_end(o) for o in without_statistics(edges[-1].item, pairs, plan, blob))]


def _from_end_to_end(outcome: Outcome) -> Outcome:
    return replace(outcome, reason=f"{outcome.reason}, from end to end")


def _sum(metric: Metric, limits: MetricPolicy, edges: Sequence[Edge], policy: Policy, measured: int) -> Outcome:
    """A sampled metric, place by place; the worst one decides."""
    known = sorted({place for edge in edges for name, place in edge.legs if name == metric.name and place is not None})
    places: list[Place | None] = [*known] or [None]
    outcomes = [_at(metric, place, limits, edges, policy, measured) for place in places]
    if len(outcomes) < 2:
        return outcomes[0]
    return worst(replace(o, reason=f"{o.reason}, on node {place}") for place, o in zip(places, outcomes, strict=True))


def _at(
    metric: Metric, place: Place | None, limits: MetricPolicy, edges: Sequence[Edge], policy: Policy, measured: int
) -> Outcome:
    legs = {
        f"{number} of {len(edges)}": edge.legs.get((metric.name, place), edge.legs.get((metric.name, None)))
        for number, edge in enumerate(edges, 1)
    }
    if all(leg is None for leg in legs.values()):
        said = f"{metric.name}: none of its {len(edges)} edges was measured"
        return Outcome(metric.name, Status.MISSING, said, Kind.SAMPLED, metric.unit)
    return in_words(metric, along(legs, limits, policy, measured).at(0), limits)
