"""Which evidence counts: records that are what the plan asked for, once each, and matched into pairs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from compat.judge.unsound import is_clean
from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Evidence,
    Identity,
    Item,
    Kind,
    Measurement,
    Metric,
    Node,
    Place,
    Plan,
    digest,
)

__all__ = ["Pair", "by_fingerprint", "contradictions", "defects", "in_pairs", "measurement", "strayed"]


_SAMPLED = 1e-30, 1e30  # what anything that is sampled lies between, in whatever unit
_MOST = 1e18  # bytes, counts: an exabyte


@dataclass(frozen=True)
class Pair:
    """One run of each arm, interleaved on one node: what the paired design compares."""

    number: int
    round: int
    generation: int
    known_good: Evidence
    candidate: Evidence

    @property
    def clean(self) -> bool:
        """Whether neither arm faulted, on GPUs that were sound."""
        return is_clean(self.known_good) and is_clean(self.candidate)


def _fingerprint(evidence: Evidence) -> str:
    """The digest of a record; of its repr where it has no canonical text because a number is not finite."""
    try:
        return digest(evidence)
    except ValueError:
        return digest(repr(evidence))


def by_fingerprint(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    """Every record once, by its fingerprint, in an order that does not depend on the order given."""
    once = {_fingerprint(record): record for record in evidence}
    return dict(sorted(once.items(), key=lambda x: (x[1].item, x[1].place, x[1].pair, x[1].arm.value, x[0])))


def measurement(evidence: Evidence, name: str) -> Measurement | None:
    """The measurement of one metric, or None."""
    return next((m for m in evidence.measurements if m.metric == name), None)


def contradictions(evidence: Iterable[Evidence]) -> list[str]:
    """Records that claim to be the same run and differ (``evidence`` has every record once)."""
    counts = Counter((e.arm.value, e.node, e.pair) for e in evidence)
    return [
        f"pair {pair} on {node} has {count} different records of the {arm} arm"
        for (arm, node, pair), count in sorted(counts.items())
        if count > 1
    ]


def strayed(evidence: Iterable[Evidence]) -> list[str]:
    """Pairs whose arms ran in different places: a node numbers the pairs of an item over all its GPUs."""
    places: dict[tuple[str, int], set[Place]] = {}
    for record in evidence:
        places.setdefault((record.node, record.pair), set()).add(record.place)
    return [
        f"the arms of pair {pair} on {node} ran on different devices"
        for (node, pair), found in sorted(places.items())
        if len(found) > 1
    ]


def defects(
    evidence: Evidence,
    item: Item,
    plan: Plan,
    plan_digest: str,
    identities: Mapping[str, Identity],
    nodes: Mapping[str, Node],
) -> list[str]:
    """What makes a record something else than what was asked for; nothing if it counts."""
    stack = item.cell.known_good if evidence.arm is Arm.KNOWN_GOOD else item.cell.stack
    runtime = plan.runtimes.get(evidence.runtime)
    identity = identities.get(evidence.identity)
    node = nodes.get(evidence.node)
    found = []
    if evidence.schema_version != SCHEMA_VERSION:
        found.append(f"schema version {evidence.schema_version}, expected {SCHEMA_VERSION}")
    if evidence.plan != plan_digest:
        found.append("it belongs to another plan")
    if evidence.content != item.case.content:
        found.append("the workload's file was another one")
    if evidence.stack != stack:
        found.append(f"the stack is not that of the {evidence.arm.value} arm")
    if evidence.tier is not item.case.tier:
        found.append(f"tier {evidence.tier.value}, expected {item.case.tier.value}")
    if runtime is None:
        found.append(f"runtime {evidence.runtime!r} is not in the plan")
    elif any(stack.get(axis, value) != value for axis, value in runtime.values.items()):
        found.append(f"runtime {evidence.runtime!r} does not realise the stack of the {evidence.arm.value} arm")
    if node is None or node.id != evidence.node:
        found.append(f"node {evidence.node!r} is not in the inventory")
    if identity is None or digest(identity) != evidence.identity:
        found.append("what the arm really was (its identity) is not there, or is not what its digest says")
    if node is not None and identity is not None:
        on_the_way = item.cell.phased or any(item.cell.id in route.edges for route in plan.routes)
        found += _wrong_driver(node, identity, stack, item.cell.phased, on_the_way)
    if not (evidence.round >= 1 and evidence.pair >= 0 and evidence.generation >= 0):
        found.append(f"round {evidence.round}, generation {evidence.generation}, pair {evidence.pair} cannot be")
    if (evidence.installation == 2) is not plan.policy.on_second(evidence.round):
        found.append(f"it ran on installation {evidence.installation} of its runtime in round {evidence.round}")
    if not (math.isfinite(evidence.seconds) and evidence.seconds >= 0):
        found.append(f"it took {evidence.seconds} s")
    return found + _measurement_defects(evidence, {metric.name: metric for metric in item.case.metrics})


def _wrong_driver(
    node: Node, identity: Identity, stack: Mapping[str, str], phased: bool, on_the_way: bool
) -> list[str]:
    """Whether the driver that was running is not the stack's, or not the inventory's.

    The inventory is of the moment when measuring began; the driver of a node that is ``on_the_way`` changes meanwhile.
    What was not read is not known, and then nothing says which phase it was.
    """
    running, stated = identity.driver_version, stack.get("driver")
    if running is None:
        return [f"which driver was running is not known, and its phase has {stated}"] if phased and stated else []
    if stated not in (None, running):
        return [f"driver {running} was running, and its stack has {stated}"]
    if on_the_way or node.driver in (None, running):
        return []
    return [f"the inventory of {node.hostname} is stale: it has driver {node.driver}, and {running} was running"]


def _measurement_defects(evidence: Evidence, declared: Mapping[str, Metric]) -> list[str]:
    found = []
    counts = Counter(m.metric for m in evidence.measurements)
    found += [f"{name} is there {count} times" for name, count in sorted(counts.items()) if count > 1]
    for m in evidence.measurements:
        metric = declared.get(m.metric)
        if metric is None:
            found.append(f"{m.metric} is not a metric that the case declares")
            continue
        found += [
            f"{m.metric} has {what} {had!r}, declared is {should!r}"
            for what, had, should in (
                ("unit", m.unit, metric.unit),
                ("direction", m.direction.value, metric.direction.value),
                ("kind", m.kind.value, metric.kind.value),
            )
            if had != should
        ]
        if not m.samples:
            found.append(f"{m.metric} has no samples")
        low, high = _SAMPLED if metric.kind is Kind.SAMPLED else (0.0, _MOST)
        for sample in m.samples:
            if not (low <= sample <= high):
                expected = "positive" if metric.kind is Kind.SAMPLED else "zero or positive"
                found.append(f"{m.metric} has the sample {sample!r}, expected finite and {expected}")
                break
    return found


def in_pairs(evidence: Sequence[Evidence]) -> tuple[list[Pair], list[str]]:
    """The pairs of one item in one place in order, and what is wrong with them.

    A run without its other arm is in no pair. The arms of a pair must have the same place in the plan and, unless one
    of them faulted before it had read them, the same inputs.
    """
    arms: dict[int, dict[Arm, Evidence]] = {}
    for record in evidence:
        arms.setdefault(record.pair, {})[record.arm] = record
    pairs, problems = [], []
    for number, sides in sorted(arms.items()):
        if len(sides) < 2:
            continue
        a, b = sides[Arm.KNOWN_GOOD], sides[Arm.CANDIDATE]
        pair = Pair(number, a.round, a.generation, a, b)
        if (a.round, a.generation) != (b.round, b.generation):
            problems.append(f"the arms of pair {number} are of different rounds or generations")
        if pair.clean and a.inputs != b.inputs:
            problems.append(f"the arms of pair {number} had different inputs")
        pairs.append(pair)
    return pairs, problems
