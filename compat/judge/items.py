"""One item: everything that is judged of it, place by place (a node, or a GPU of it). The worst place decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compat.judge import faults, numerics, suite
from compat.judge.admit import Pair, in_pairs, measurement
from compat.judge.confirm import can_be_confirmed
from compat.judge.exact import judge_values
from compat.judge.halves import halves, worsened
from compat.judge.outcome import Outcome, worst
from compat.judge.returned import expects_outputs
from compat.judge.sampled import Sample
from compat.judge.text import plural
from compat.model import Arm, Evidence, Item, Kind, Place, Plan, Ring, Status, Tier

__all__ = [
    "MEASURED_TIERS",
    "SHOWN_DESPITE_A_FAULT",
    "Examined",
    "candidate_alone",
    "conclude",
    "examine",
    "expected_metrics",
    "without_statistics",
]

# What these tiers find depends on the machine; what is compiled or interpreted does not.
MEASURED_TIERS = (Tier.CPU, Tier.GPU)

SHOWN_DESPITE_A_FAULT = (Status.REGRESS, Status.INVALID, Status.PREEXISTING)


@dataclass(frozen=True)
class Examined:
    """What one item came to in one place, but for its ``samples``, which a ring judges together."""

    place: Place
    outcomes: tuple[Outcome, ...]
    samples: tuple[Sample, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether it returns something wrong: then its speed is not judged."""
        return any(
            o.metric == numerics.METRIC and o.status in (Status.REGRESS, Status.PREEXISTING) for o in self.outcomes
        )


def expected_metrics(item: Item, *, speed: bool = True) -> tuple[str, ...]:
    """What must have been compared before an item can be part of a GO; without sampled metrics if not ``speed``."""
    returned = suite.METRIC if suite.is_suite(item.case) else numerics.METRIC
    outputs = (returned,) if expects_outputs(item.case) else ()
    gated = (m.name for m in item.case.metrics if m.gated and (speed or m.kind is not Kind.SAMPLED))
    return (faults.METRIC, *outputs, *gated)


def examine(item: Item, evidence: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]) -> tuple[Examined, ...]:
    """One item from its admitted evidence, place by place."""
    here: dict[Place, list[Evidence]] = {}
    for record in evidence:
        here.setdefault(record.place, []).append(record)
    return tuple(_in_place(item, place, here[place], plan, blob) for place in sorted(here))


def conclude(
    item: Item,
    examined: Sequence[Examined],
    speeds: Iterator[Outcome],
    ring: Ring,
    hardware: Mapping[Place, str],
    quarantined: Mapping[Place, str],
    gpus: Mapping[str, Sequence[str]],
) -> list[Outcome]:
    """The outcomes of one item, one per metric.

    ``speeds`` gives the outcomes of its samples, in order. ``hardware`` says what kind of machine a place is,
    ``quarantined`` which places are slow in both arms, and why: what is slow there is no evidence of speed. ``gpus``
    are those that each node has.
    """
    if not examined:
        return [Outcome(name, Status.MISSING, f"{name}: no evidence", limit=None) for name in expected_metrics(item)]
    by_metric: dict[str, list[tuple[Place, Outcome]]] = {}
    for each in examined:
        judged = [next(speeds) for _ in each.samples]
        if each.wrong:
            said = "not judged, a wrong result has no speed"
            judged = [replace(o, status=Status.INCONCLUSIVE, reason=f"{o.metric}: {said}") for o in judged]
        if each.place in quarantined and len(examined) > 1:
            judged = []
        for outcome in (*each.outcomes, *judged):
            by_metric.setdefault(outcome.metric, []).append((each.place, outcome))
    found = {}
    for metric, outcomes in by_metric.items():
        if metric == faults.METRIC:
            outcomes = _in_this_place_alone(outcomes, hardware)
        several = len(examined) > 1
        found[metric] = worst(
            replace(o, reason=f"{o.reason}, on node {place}") if several else o for place, o in outcomes
        )
    execution = found[faults.METRIC]
    lacking = _lacking(item, examined, ring, quarantined, gpus) if item.case.tier in MEASURED_TIERS else ""
    if lacking and execution.status in (Status.PASS, Status.FIXED):
        found[faults.METRIC] = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: it ran on {lacking}")
    return list(found.values())


def _lacking(
    item: Item,
    examined: Sequence[Examined],
    ring: Ring,
    quarantined: Mapping[Place, str],
    gpus: Mapping[str, Sequence[str]],
) -> str:
    """On how few of the nodes and GPUs that the ring asks for it ran; or nothing. Quarantined GPUs did their part."""
    nodes = {each.place.node for each in examined if each.place not in quarantined}
    if len(nodes) < ring.minimum_nodes:
        return f"{len(nodes)} of the {ring.minimum_nodes} nodes that the ring asks for"
    for node in sorted(nodes) if item.case.tier is Tier.GPU else ():
        ran = {uuid for each in examined if each.place.node == node for uuid in each.place.devices}
        have = gpus.get(node, ())
        asked = len(have) if ring.gpus is None else ring.gpus
        if len(ran) < asked:
            left = sorted(set(have) - ran)
            named = f" (not on {', '.join(left)})" if left else ""
            return f"{len(ran)} of the {plural(asked, 'GPU')} of node {node}{named}"
    return ""


def _in_this_place_alone(
    outcomes: Sequence[tuple[Place, Outcome]], hardware: Mapping[Place, str]
) -> list[tuple[Place, Outcome]]:
    """A fault counts when a second GPU or machine of the same kind has it too, where there is one.

    One of the known-good arm says that nothing can be compared here, and that is fine only where it is so everywhere.
    """
    found = []
    everywhere = all(outcome.status is Status.FIXED for _, outcome in outcomes)
    for place, outcome in outcomes:
        peers = [o for other, o in outcomes if other != place and hardware.get(other) == hardware.get(place)]
        clean = sum(peer.status is Status.PASS for peer in peers)
        if outcome.status is Status.REGRESS and clean and not any(peer.status is Status.REGRESS for peer in peers):
            what = "GPU" if place.devices else "node"
            said = f"{outcome.reason}; {plural(clean, f'other {what}')} of the same kind ran it cleanly: a sick {what}?"
            outcome = replace(outcome, status=Status.FLAKY, reason=said)
        if outcome.status is Status.FIXED and not everywhere:
            said = f"{outcome.reason}; elsewhere it ran cleanly, and here nothing can be compared"
            outcome = replace(outcome, status=Status.FLAKY, reason=said)
        found.append((place, outcome))
    return found


def _in_place(
    item: Item, place: Place, evidence: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]
) -> Examined:
    pairs, problems = in_pairs(evidence)
    alone, more_problems = halves(evidence)
    problems += more_problems
    if problems:
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Examined(place, (Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {problems[0]}{more}"),))
    policy = plan.policy.of(item.case.workload)
    execution = faults.judge_faults(evidence, policy)
    clean = [pair for pair in pairs if pair.clean]
    if execution.status is Status.FIXED:
        return Examined(place, (execution, *candidate_alone(item, evidence, blob)))
    plain = without_statistics(item, clean, plan, blob)
    if alone:
        plain = worsened(plain, without_statistics(item, [*clean, *alone], plan, blob), len(alone))
    despite = [o for o in plain if o.status in SHOWN_DESPITE_A_FAULT]
    if execution.status is not Status.PASS:
        return Examined(place, (execution, *despite))
    if len(clean) < policy.fewest_pairs:
        said = f"{len(clean)} of the {policy.fewest_pairs} pairs that a case needs at least"
        short = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
        return Examined(place, (short, *despite))
    samples = tuple(
        Sample.of(metric, policy.metric(metric.name), clean, can_be_confirmed(plan, item))
        for metric in item.case.metrics
        if metric.gated and metric.kind is Kind.SAMPLED
    )
    return Examined(place, (execution, *plain), samples)


def without_statistics(item: Item, clean: Sequence[Pair], plan: Plan, blob: Callable[[str], bytes]) -> list[Outcome]:
    """Outputs, exact and bounded metrics of the clean pairs."""
    if not clean:
        return []
    policy = plan.policy.of(item.case.workload)
    values = [
        judge_values(metric, clean, policy)
        for metric in item.case.metrics
        if metric.gated and metric.kind is not Kind.SAMPLED
    ]
    if suite.is_suite(item.case):
        return [*suite.judge_suite(clean, blob), *values]
    outputs = numerics.judge_outputs(clean, item.case, policy.numerics, blob)
    return values if outputs is None else [outputs, *values]


def candidate_alone(item: Item, evidence: Sequence[Evidence], blob: Callable[[str], bytes]) -> list[Outcome]:
    """What speaks against a candidate whose known-good arm does not run: there is nothing to compare it with."""
    runs = [e for e in evidence if e.arm is Arm.CANDIDATE]
    missing = [
        Outcome(m.name, Status.MISSING, f"{m.name}: some runs did not measure it", m.kind, m.unit)
        for m in item.case.metrics
        if m.gated and any(measurement(run, m.name) is None for run in runs)
    ]
    if suite.is_suite(item.case):
        return [*suite.judge_suite_alone(runs, blob), *missing]
    outputs = numerics.judge_alone(runs, item.case, blob)
    return missing if outputs is None else [outputs, *missing]
