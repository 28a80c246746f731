"""The sampled metrics of items whose stacks cannot share a node, by the design of their ring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from compat.judge import faults
from compat.judge.aba import aba
from compat.judge.beside import beside_controls, judge_families, stacked
from compat.judge.groups import Group
from compat.judge.items import conclude
from compat.judge.legs import Leg, Legs, Row, enter, limits_of
from compat.judge.nodes import hardware
from compat.judge.outcome import Outcome, worst
from compat.judge.phased import Phases, Values, gather, lost, taken, unjudged
from compat.judge.sampling import runs_wanted
from compat.judge.sessions import by_sessions
from compat.judge.upgraded import examine_phases
from compat.model import (
    SENTINEL_METRIC,
    Design,
    Evidence,
    Item,
    Kind,
    Metric,
    Node,
    Phase,
    Place,
    Plan,
    Ring,
    Status,
)

__all__ = ["InPhases", "examine_in_phases", "judge_phased"]


@dataclass(frozen=True)
class InPhases:
    """What one item that runs in phases came to, but for its ``rows``, which a ring judges together."""

    outcomes: tuple[Outcome, ...]  # one per metric
    rows: tuple[Row, ...] = ()
    sentinels: tuple[Row, ...] = ()  # what shows how sessions were


def examine_in_phases(
    item: Item,
    evidence: Sequence[Evidence],
    plan: Plan,
    ring: Ring,
    nodes: Mapping[str, Node],
    blob: Callable[[str], bytes],
) -> InPhases:
    """One item from its admitted evidence."""
    gpus = {name: [gpu.uuid for gpu in node.gpus] for name, node in nodes.items()}
    places = gather(evidence, ring, nodes)
    examined = examine_phases(item, places, ring, plan, blob)
    kinds = hardware({each.place for each in examined}, nodes)
    outcomes = conclude(item, examined, iter(()), ring, kinds, {}, gpus)
    if not any(o.metric == faults.METRIC and o.status is Status.PASS for o in outcomes):
        return InPhases(tuple(outcomes))
    rows, sentinels = [], []
    fewest = runs_wanted(item, plan.policy)
    for metric in item.case.metrics:
        if ring.watches(item) and metric.name == SENTINEL_METRIC and lost(metric, places, fewest) is None:
            sentinels.append(_row(item, metric, plan, places))
        if not (metric.gated and metric.kind is Kind.SAMPLED) or ring.watches(item):
            continue
        said = unjudged(metric) if any(each.wrong for each in examined) else lost(metric, places, fewest)
        if said is not None:
            outcomes.append(said)
        else:
            rows.append(_row(item, metric, plan, places))
    return InPhases(tuple(outcomes), tuple(rows), tuple(sentinels))


def _row(item: Item, metric: Metric, plan: Plan, places: Sequence[Phases]) -> Row:
    limits = plan.policy.of(item.case.workload).metric(metric.name)
    fewest = runs_wanted(item, plan.policy)
    return Row(item, metric, limits, [taken(metric, one, fewest) for one in places])


def judge_phased(
    read: Mapping[str, InPhases], items: Mapping[str, Item], plan: Plan, ring: Ring, measured: int
) -> tuple[dict[str, tuple[list[Outcome], Legs]], list[tuple[Group, Outcome]]]:
    """By item: its outcomes, one per metric, and its sampled metrics as edges; and what families came to.

    ``read`` is what each of ``items`` came to by itself; ``measured`` share the ring's budget for REGRESS.
    """
    found: dict[str, tuple[list[Outcome], Legs]] = {key: (list(own.outcomes), {}) for key, own in read.items()}
    rows = [row for own in read.values() for row in own.rows]
    sentinels = [row for own in read.values() for row in own.sentinels]
    for row, legs in zip(rows, _judge_rows(rows, sentinels, plan, ring, measured), strict=True):
        outcomes, edges = found[row.item.key]
        several = len(legs) > 1
        outcomes.append(
            worst(
                replace(leg.outcome, reason=f"{leg.outcome.reason}, on {leg.where}") if several else leg.outcome
                for leg in legs
            )
        )
        edges |= {(row.metric.name, place): leg.edge for leg in legs for place in leg.places if leg.edge is not None}
    slower = {(key, o.metric) for key, (own, _) in found.items() for o in own if o.status is Status.REGRESS}
    members = [row for row in rows if (row.item.key, row.metric.name) not in slower]
    families = judge_families(members, items.values(), plan, ring) if ring.design is Design.CONTROL else []
    return found, families


def _judge_rows(
    rows: Sequence[Row], sentinels: Sequence[Row], plan: Plan, ring: Ring, measured: int
) -> list[list[Leg]]:
    """The legs of each row: one over all nodes in the control design, else one for each upgraded place.

    ``measured`` share the ring's budget for REGRESS. Every run has its metric (``phased.lost``).
    """
    if ring.design is Design.STORED:
        return by_sessions(rows, sentinels, plan, measured)
    if ring.design is Design.CONTROL:
        return beside_controls(rows, plan, measured)
    return _there_and_back(rows, plan, measured)


def _there_and_back(rows: Sequence[Row], plan: Plan, measured: int) -> list[list[Leg]]:
    """Every upgraded place by itself."""
    found: list[list[Leg]] = [[] for _ in rows]
    alike: dict[tuple[Place, tuple[int, ...]], list[tuple[int, Values]]] = {}
    for number, row in enumerate(rows):
        for one in row.places:
            counts = tuple(len(one.values[phase]) for phase in Phase)
            alike.setdefault((one.place, counts), []).append((number, one.values))
    for (place, _), members in sorted(alike.items(), key=lambda each: each[0]):
        own = [rows[number] for number, _ in members]
        before, after, back = (stacked([values for _, values in members], phase) for phase in Phase)
        families = [row.metric.name for row in own]
        edges = aba(before, after, back, limits_of(own), plan.policy, measured, families)
        count = len(members)
        enter(edges, [number for number, _ in members], rows, found, [f"node {place}"] * count, [(place,)] * count)
    return found
