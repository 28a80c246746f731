"""One item: everything that is judged of it, node by node. The worst node decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from compat.judge import faults, numerics
from compat.judge.admit import Pair, in_pairs, measurement
from compat.judge.exact import judge_values
from compat.judge.outcome import Outcome, worst
from compat.judge.returned import expects_outputs
from compat.judge.sampled import judge_sampled
from compat.model import Arm, Evidence, Item, Kind, Plan, Status, Tier

__all__ = ["MEASURED_TIERS", "expected_metrics", "judge_item"]

# What these tiers find depends on the machine; what is compiled or interpreted does not.
MEASURED_TIERS = (Tier.CPU, Tier.GPU)

_SHOWN_DESPITE_A_FAULT = (Status.REGRESS, Status.INVALID, Status.PREEXISTING)


def expected_metrics(item: Item) -> tuple[str, ...]:
    """What must have been compared before an item can be part of a GO."""
    outputs = (numerics.METRIC,) if expects_outputs(item.case) else ()
    return (faults.METRIC, *outputs, *(metric.name for metric in item.case.metrics if metric.gated))


def judge_item(
    item: Item,
    evidence: Sequence[Evidence],
    plan: Plan,
    measured: int,
    minimum_nodes: int,
    blob: Callable[[str], bytes],
) -> list[Outcome]:
    """The outcomes of one item, from its admitted evidence, one per metric.

    ``measured``: sampled measurements that share the ring's budget. ``minimum_nodes``: nodes that have to measure it.
    """
    nodes = sorted({record.node for record in evidence})
    by_metric: dict[str, list[Outcome]] = {}
    for node in nodes:
        for outcome in _on_node(item, [e for e in evidence if e.node == node], plan, measured, blob):
            named = replace(outcome, reason=f"{outcome.reason}, on node {node}") if len(nodes) > 1 else outcome
            by_metric.setdefault(outcome.metric, []).append(named)
    if not nodes:
        return [Outcome(name, Status.MISSING, f"{name}: no evidence", limit=None) for name in expected_metrics(item)]
    found = {metric: worst(outcomes) for metric, outcomes in by_metric.items()}
    execution = found[faults.METRIC]
    if item.case.tier in MEASURED_TIERS and len(nodes) < minimum_nodes and execution.status is Status.PASS:
        said = f"{faults.METRIC}: it ran on {len(nodes)} of the {minimum_nodes} nodes that the ring asks for"
        found[faults.METRIC] = replace(execution, status=Status.MISSING, reason=said)
    return list(found.values())


def _on_node(
    item: Item, evidence: Sequence[Evidence], plan: Plan, measured: int, blob: Callable[[str], bytes]
) -> list[Outcome]:
    pairs, problems = in_pairs(evidence)
    if problems:
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        return [Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {problems[0]}{more}")]
    execution = faults.judge_faults(evidence, plan.policy)
    clean = [pair for pair in pairs if pair.clean]
    if execution.status is Status.FIXED:
        return [execution, *_candidate_alone(item, evidence, blob)]
    plain = _without_statistics(item, clean, plan, blob)
    if execution.status is not Status.PASS:
        return [execution, *(o for o in plain if o.status in _SHOWN_DESPITE_A_FAULT)]
    if len(clean) < plan.policy.fewest_pairs:
        said = f"{len(clean)} of the {plan.policy.fewest_pairs} pairs that a case needs at least"
        short = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
        return [short, *(o for o in plain if o.status in _SHOWN_DESPITE_A_FAULT)]
    sampled = [
        judge_sampled(metric, clean, plan.policy, measured)
        for metric in item.case.metrics
        if metric.gated and metric.kind is Kind.SAMPLED
    ]
    if any(o.metric == numerics.METRIC and o.status in (Status.REGRESS, Status.PREEXISTING) for o in plain):
        sampled = [
            replace(o, status=Status.INCONCLUSIVE, reason=f"{o.metric}: not judged, a wrong result has no speed")
            for o in sampled
        ]
    return [execution, *plain, *sampled]


def _without_statistics(item: Item, clean: Sequence[Pair], plan: Plan, blob: Callable[[str], bytes]) -> list[Outcome]:
    """Outputs, exact and bounded metrics of the clean pairs."""
    if not clean:
        return []
    outputs = numerics.judge_outputs(clean, item.case, plan.policy.numerics, blob)
    values = [
        judge_values(metric, clean, plan.policy)
        for metric in item.case.metrics
        if metric.gated and metric.kind is not Kind.SAMPLED
    ]
    return values if outputs is None else [outputs, *values]


def _candidate_alone(item: Item, evidence: Sequence[Evidence], blob: Callable[[str], bytes]) -> list[Outcome]:
    """What speaks against a candidate whose known-good arm does not run: there is nothing to compare it with."""
    runs = [e for e in evidence if e.arm is Arm.CANDIDATE]
    missing = [
        Outcome(m.name, Status.MISSING, f"{m.name}: some runs did not measure it", m.kind, m.unit)
        for m in item.case.metrics
        if m.gated and any(measurement(run, m.name) is None for run in runs)
    ]
    outputs = numerics.judge_alone(runs, item.case, blob)
    return missing if outputs is None else [outputs, *missing]
