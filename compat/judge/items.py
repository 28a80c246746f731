"""One item: everything that is judged of it, node by node. The worst node decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compat.judge import faults, numerics
from compat.judge.admit import Pair, in_pairs, measurement
from compat.judge.confirm import can_be_confirmed
from compat.judge.exact import judge_values
from compat.judge.outcome import Outcome, worst
from compat.judge.returned import expects_outputs
from compat.judge.sampled import Sample
from compat.judge.text import plural
from compat.model import Arm, Evidence, Item, Kind, Plan, Status, Tier

__all__ = ["MEASURED_TIERS", "Examined", "conclude", "examine", "expected_metrics"]

# What these tiers find depends on the machine; what is compiled or interpreted does not.
MEASURED_TIERS = (Tier.CPU, Tier.GPU)

_SHOWN_DESPITE_A_FAULT = (Status.REGRESS, Status.INVALID, Status.PREEXISTING)


@dataclass(frozen=True)
class Examined:
    """What one item came to on one node, but for its ``samples``, which a ring judges together."""

    node: str
    outcomes: tuple[Outcome, ...]
    samples: tuple[Sample, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether it returns something wrong: then its speed is not judged."""
        return any(
            o.metric == numerics.METRIC and o.status in (Status.REGRESS, Status.PREEXISTING) for o in self.outcomes
        )


def expected_metrics(item: Item) -> tuple[str, ...]:
    """What must have been compared before an item can be part of a GO."""
    outputs = (numerics.METRIC,) if expects_outputs(item.case) else ()
    return (faults.METRIC, *outputs, *(metric.name for metric in item.case.metrics if metric.gated))


def examine(item: Item, evidence: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]) -> tuple[Examined, ...]:
    """One item from its admitted evidence, node by node."""
    nodes = sorted({record.node for record in evidence})
    return tuple(_on_node(item, node, [e for e in evidence if e.node == node], plan, blob) for node in nodes)


def conclude(
    item: Item,
    examined: Sequence[Examined],
    speeds: Iterator[Outcome],
    minimum_nodes: int,
    hardware: Mapping[str, str],
    quarantined: Mapping[str, str],
) -> list[Outcome]:
    """The outcomes of one item, one per metric.

    ``speeds`` gives the outcomes of its samples, in order. ``minimum_nodes``: nodes that have to measure it.
    ``hardware`` says what kind of machine a node is, ``quarantined`` which nodes are slow in both arms, and why: what
    is slow there is no evidence of speed.
    """
    if not examined:
        return [Outcome(name, Status.MISSING, f"{name}: no evidence", limit=None) for name in expected_metrics(item)]
    by_metric: dict[str, list[tuple[str, Outcome]]] = {}
    for each in examined:
        judged = [next(speeds) for _ in each.samples]
        if each.wrong:
            said = "not judged, a wrong result has no speed"
            judged = [replace(o, status=Status.INCONCLUSIVE, reason=f"{o.metric}: {said}") for o in judged]
        if each.node in quarantined and len(examined) > 1:
            judged = []
        for outcome in (*each.outcomes, *judged):
            by_metric.setdefault(outcome.metric, []).append((each.node, outcome))
    found = {}
    for metric, outcomes in by_metric.items():
        if metric == faults.METRIC:
            outcomes = _on_this_node_alone(outcomes, hardware)
        several = len(examined) > 1
        found[metric] = worst(
            replace(o, reason=f"{o.reason}, on node {node}") if several else o for node, o in outcomes
        )
    execution = found[faults.METRIC]
    counted = len([each for each in examined if each.node not in quarantined])
    if item.case.tier in MEASURED_TIERS and counted < minimum_nodes and execution.status is Status.PASS:
        said = f"{faults.METRIC}: it ran on {counted} of the {minimum_nodes} nodes that the ring asks for"
        found[faults.METRIC] = replace(execution, status=Status.MISSING, reason=said)
    return list(found.values())


def _on_this_node_alone(
    outcomes: Sequence[tuple[str, Outcome]], hardware: Mapping[str, str]
) -> list[tuple[str, Outcome]]:
    """A fault counts when a second machine of the same kind has it too, where there is one (statistics.md rule 15)."""
    found = []
    for node, outcome in outcomes:
        peers = [o for other, o in outcomes if other != node and hardware.get(other) == hardware.get(node)]
        clean = sum(peer.status is Status.PASS for peer in peers)
        if outcome.status is Status.REGRESS and clean and not any(peer.status is Status.REGRESS for peer in peers):
            said = f"{outcome.reason}; {plural(clean, 'other node')} of the same kind ran it cleanly: a sick node?"
            outcome = replace(outcome, status=Status.FLAKY, reason=said)
        found.append((node, outcome))
    return found


def _on_node(item: Item, node: str, evidence: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]) -> Examined:
    pairs, problems = in_pairs(evidence)
    if problems:
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Examined(node, (Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {problems[0]}{more}"),))
    policy = plan.policy.of(item.case.workload)
    execution = faults.judge_faults(evidence, policy)
    clean = [pair for pair in pairs if pair.clean]
    if execution.status is Status.FIXED:
        return Examined(node, (execution, *_candidate_alone(item, evidence, blob)))
    plain = _without_statistics(item, clean, plan, blob)
    despite = [o for o in plain if o.status in _SHOWN_DESPITE_A_FAULT]
    if execution.status is not Status.PASS:
        return Examined(node, (execution, *despite))
    if len(clean) < policy.fewest_pairs:
        said = f"{len(clean)} of the {policy.fewest_pairs} pairs that a case needs at least"
        short = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
        return Examined(node, (short, *despite))
    samples = tuple(
        Sample(metric, policy.metric(metric.name), clean, can_be_confirmed(plan, item))
        for metric in item.case.metrics
        if metric.gated and metric.kind is Kind.SAMPLED
    )
    return Examined(node, (execution, *plain), samples)


def _without_statistics(item: Item, clean: Sequence[Pair], plan: Plan, blob: Callable[[str], bytes]) -> list[Outcome]:
    """Outputs, exact and bounded metrics of the clean pairs."""
    if not clean:
        return []
    policy = plan.policy.of(item.case.workload)
    outputs = numerics.judge_outputs(clean, item.case, policy.numerics, blob)
    values = [
        judge_values(metric, clean, policy)
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
