"""How many pairs are still wanted: what a run may ask. It never learns a verdict from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compat.judge.admit import Pair, distinct, in_pairs
from compat.judge.exact import judge_values
from compat.judge.faults import attempts_needed
from compat.judge.points import points, too_few
from compat.judge.rounds import courses
from compat.judge.series import Series
from compat.judge.throttled import kept
from compat.model import Evidence, Item, Kind, Plan, Ring, Status

__all__ = ["Wanted", "measured", "wanted"]


@dataclass(frozen=True)
class Wanted:
    """The pairs that an item should have on this node, all together, and the round that the next one belongs to."""

    pairs: int
    round: int


def measured(plan: Plan, ring: Ring) -> int:
    """The sampled measurements that share a ring's budget for REGRESS: gated and required, on each of its nodes."""
    metrics = sum(
        metric.gated and metric.kind is Kind.SAMPLED
        for item in plan.for_ring(ring.name)
        if item.required and item.cell.required
        for metric in item.case.metrics
    )
    return max(1, metrics * max(1, ring.minimum_nodes))


def wanted(plan: Plan, item: Item, evidence: Sequence[Evidence]) -> Wanted:
    """What the run should still do for one item, given what there is of it (of one node; other items are ignored).

    ``pairs`` is at most what exists exactly when nothing more is wanted. A fault is tried again and then not sampled
    on; a metric that is lost, or an exact one that failed, gets no more pairs after the first generation. Where a pair
    lacks an arm, another one is wanted in its place. So it is where both arms were throttled, until that is as many
    pairs as the round has: then the node is too hot for it. With evidence of several nodes, the neediest node answers.
    """
    own = [record for record in distinct(evidence) if record.item == item.key]
    groups = {node: [e for e in own if e.node == node] for node in sorted({e.node for e in own})}
    if not groups:
        return _on_node(plan, item, [])
    answers = [_on_node(plan, item, group) for group in groups.values()]
    return max(answers, key=lambda answer: (answer.pairs, answer.round))


def _on_node(plan: Plan, item: Item, evidence: Sequence[Evidence]) -> Wanted:
    policy = plan.policy
    pairs, problems = in_pairs(evidence)
    numbers = len({e.pair for e in evidence})
    enough = Wanted(len(pairs), max((e.round for e in evidence), default=1))
    if any(record.fault is not None for record in evidence):
        short = attempts_needed(evidence, policy)
        return Wanted(numbers + short, enough.round) if short else enough
    if len(pairs) < policy.fewest_pairs:
        return Wanted(numbers + policy.fewest_pairs - len(pairs), 1)
    sampled = [m for m in item.case.metrics if m.gated and m.kind is Kind.SAMPLED]
    if problems or not sampled or _failed(plan, item, pairs):
        return enough
    for number, size in enumerate(policy.rounds, 1):
        own = [pair for pair in pairs if pair.round == number]
        short = size - len(kept(own))
        if short <= 0:
            continue
        if len(own) >= 2 * size or (number > 1 and not _open(plan, item, pairs)):
            break
        return Wanted(numbers + min(short, 2 * size - len(own)), number)
    return enough


def _failed(plan: Plan, item: Item, pairs: Sequence[Pair]) -> bool:
    """Whether something that needs no statistics has failed, so that the speed is of no interest."""
    outcomes = [
        judge_values(m, pairs, plan.policy) for m in item.case.metrics if m.gated and m.kind is not Kind.SAMPLED
    ]
    return any(outcome.status is Status.REGRESS for outcome in outcomes)


def _open(plan: Plan, item: Item, pairs: Sequence[Pair]) -> bool:
    """Whether a sampled metric is still undecided. Rings differ in their budgets: the strictest one is asked."""
    budget = max(
        (measured(plan, ring) for ring in plan.rings if item.case.tier in ring.tiers),
        default=1,
    )
    for metric in item.case.metrics:
        if not (metric.gated and metric.kind is Kind.SAMPLED):
            continue
        found = None if too_few(metric, pairs) else points(metric, kept(pairs))
        if found is None:
            continue
        state = courses(Series.of([found]), plan.policy.metric(metric.name), plan.policy, budget)
        if len(state.still_open()):
            return True
    return False
