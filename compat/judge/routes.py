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
    execution: Status
    legs: Legs
    evidence: Sequence[Evidence]  # that counts, without faults, controls and quarantined places

    def places(self, arm: Arm) -> set[Place]:
        """Where an arm ran."""
        return {e.place for e in self.evidence if e.arm is arm}


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
    if any(edge.execution is Status.FIXED for edge in edges):
        return []  # where the known-good arm of an edge does not run there is nothing to add up
    return [*found, *_from_end_to_end(edges, plan, blob)]


def _from_end_to_end(edges: Sequence[Edge], plan: Plan, blob: Callable[[str], bytes]) -> list[Outcome]:
    """Outputs, exact and bounded metrics, place by place; the worst one decides."""
    ends = [
        {place: [e for e in edge.evidence if e.place == place and e.arm is arm] for place in edge.places(arm)}
        for edge, arm in ((edges[0], Arm.KNOWN_GOOD), (edges[-1], Arm.CANDIDATE))
    ]
    places = sorted(ends[0].keys() & ends[1].keys())
    if not places:
        said = "no node ran both ends of the route"
        return [Outcome("outputs", Status.MISSING, f"outputs: {said}")] if all(ends) else []
    found: dict[str, list[Outcome]] = {}
    for place in places:
        pairs = cross(ends[0][place], ends[1][place])
        if len({run.inputs for pair in pairs for run in (pair.known_good, pair.candidate)}) > 1:
            outcomes = [Outcome("outputs", Status.INVALID, "outputs: the ends of the route had different inputs")]
        else:
            outcomes = without_statistics(edges[-1].item, pairs, plan, blob)
        for outcome in outcomes:
            where = f", on node {place}" if len(places) > 1 else ""
            said = f"{outcome.reason}, from end to end{where}"
            found.setdefault(outcome.metric, []).append(replace(outcome, reason=said))
    return [worst(each) for each in found.values()]


def _sum(metric: Metric, limits: MetricPolicy, edges: Sequence[Edge], policy: Policy, measured: int) -> Outcome:
    """A sampled metric, place by place; the worst one decides."""
    places = sorted({place for edge in edges for name, place in edge.legs if name == metric.name})
    if not places:
        said = f"{metric.name}: none of its {len(edges)} edges was measured"
        return Outcome(metric.name, Status.MISSING, said, Kind.SAMPLED, metric.unit)
    outcomes = [_at(metric, place, limits, edges, policy, measured) for place in places]
    if len(outcomes) < 2:
        return outcomes[0]
    return worst(replace(o, reason=f"{o.reason}, on node {place}") for place, o in zip(places, outcomes, strict=True))


def _at(
    metric: Metric, place: Place, limits: MetricPolicy, edges: Sequence[Edge], policy: Policy, measured: int
) -> Outcome:
    legs = {f"{number} of {len(edges)}": edge.legs.get((metric.name, place)) for number, edge in enumerate(edges, 1)}
    return in_words(metric, along(legs, limits, policy, measured).at(0), limits)
