"""The sampled metrics of items whose stacks cannot share a node, by the design of their ring.

GPUs are judged one by one. In the control design the first GPU of each node beside the first of every other, then the
second: the node stays the unit, and no GPU vanishes in a mean. So all nodes must have as many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compat.judge import faults
from compat.judge.aba import aba
from compat.judge.control import NodeChange, control
from compat.judge.items import conclude
from compat.judge.legs import Leg, Legs, Row, bare, enter, limits_of
from compat.judge.outcome import Outcome, worst
from compat.judge.phased import Phases, gather, generations, lost, unjudged
from compat.judge.sampling import runs_wanted
from compat.judge.series import Floats
from compat.judge.sessions import WATCHED, by_sessions, watched
from compat.judge.upgraded import examine_phases
from compat.model import Design, Evidence, Item, Kind, Metric, Node, Phase, Place, Plan, Ring, Status

__all__ = ["judge_phased"]

_Values = dict[Phase, list[float]]  # oriented log-medians, a mean for each generation


@dataclass(frozen=True)
class _Slice:
    """A row on one GPU of every node."""

    row: int
    where: str
    upgraded: tuple[Place, ...]
    values: Sequence[_Values]  # of each node


def judge_phased(
    items: Mapping[str, Item],
    admitted: Mapping[str, Sequence[Evidence]],
    plan: Plan,
    ring: Ring,
    nodes: Mapping[str, Node],
    kinds: Mapping[Place, str],
    measured: int,
    blob: Callable[[str], bytes],
) -> dict[str, tuple[list[Outcome], Legs]]:
    """By item: its outcomes, one per metric, and its sampled metrics as edges. ``items`` are those that run in phases.

    ``kinds`` of hardware by place; ``measured`` share the ring's budget for REGRESS.
    """
    gpus = {name: [gpu.uuid for gpu in node.gpus] for name, node in nodes.items()}
    found: dict[str, tuple[list[Outcome], Legs]] = {}
    rows, sentinels = [], []
    for key, item in items.items():
        places = gather(admitted[key], ring, nodes)
        examined = examine_phases(item, places, ring, plan, blob)
        outcomes = conclude(item, examined, iter(()), ring, kinds, {}, gpus)
        found[key] = outcomes, {}
        fewest = runs_wanted(item, plan.policy)
        if not any(o.metric == faults.METRIC and o.status is Status.PASS for o in outcomes):
            continue
        for metric in item.case.metrics:
            limits = plan.policy.of(item.case.workload).metric(metric.name)
            if watched(item, ring) and metric.name == WATCHED and lost(metric, places, fewest) is None:
                sentinels.append(Row(item, metric, limits, places))
            if not (metric.gated and metric.kind is Kind.SAMPLED) or watched(item, ring):
                continue
            said = unjudged(metric) if any(each.wrong for each in examined) else lost(metric, places, fewest)
            if said is not None:
                outcomes.append(said)
            else:
                rows.append(Row(item, metric, limits, places))
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
    return found


def _judge_rows(
    rows: Sequence[Row], sentinels: Sequence[Row], plan: Plan, ring: Ring, measured: int
) -> list[list[Leg]]:
    """The legs of each row: one over all nodes in the control design, else one for each upgraded place.

    ``measured`` share the ring's budget for REGRESS. Every run has its metric (``phased.lost``).
    """
    if ring.design is Design.STORED:
        return by_sessions(rows, sentinels, plan, measured)
    found: list[list[Leg]] = [[] for _ in rows]
    if ring.design is Design.CONTROL:
        _by_groups(rows, plan, measured, found)
    else:
        _place_by_place(rows, plan, measured, found)
    return found


def _by_groups(rows: Sequence[Row], plan: Plan, measured: int, found: list[list[Leg]]) -> None:
    """Rows that were measured on the same nodes, as often, are judged together; a row for each GPU of a node."""
    alike: dict[tuple[tuple[str, bool, int, int], ...], list[_Slice]] = {}
    for number, row in enumerate(rows):
        nodes: dict[str, list[Phases]] = {}
        for one in row.places:
            nodes.setdefault(one.place.node, []).append(one)
        counts = {len(own) for own in nodes.values()}
        if len(counts) > 1:
            said = f"nodes with {min(counts)} and with {max(counts)} GPUs do not compare"
            found[number].append(bare(row, (), Status.INCONCLUSIVE, said))
            continue
        for gpu in range(max(counts)):
            own = [(nodes[node][gpu], _values(row.metric, nodes[node][gpu])) for node in sorted(nodes)]
            layout = tuple(
                (one.place.node, one.control, len(values[Phase.BEFORE]), len(values[Phase.AFTER]))
                for one, values in own
            )
            upgraded = tuple(one.place for one, _ in own if not one.control)
            where = f"GPU {gpu} of each node" if max(counts) > 1 else "all nodes"
            alike.setdefault(layout, []).append(_Slice(number, where, upgraded, [values for _, values in own]))
    for layout, members in alike.items():
        changes = [
            NodeChange(
                node,
                not is_control,
                _stacked([each.values[place] for each in members], Phase.BEFORE),
                _stacked([each.values[place] for each in members], Phase.AFTER),
            )
            for place, (node, is_control, _, _) in enumerate(layout)
        ]
        own_rows = [rows[each.row] for each in members]
        families = [f"{row.metric.name} {row.item.case.tier.value}" for row in own_rows]
        edges = control(changes, limits_of(own_rows), plan.policy, measured, families)
        places = [each.upgraded for each in members]
        enter(edges, [each.row for each in members], rows, found, [each.where for each in members], places)


def _place_by_place(rows: Sequence[Row], plan: Plan, measured: int, found: list[list[Leg]]) -> None:
    alike: dict[tuple[Place, tuple[int, ...]], list[tuple[int, _Values]]] = {}
    for number, row in enumerate(rows):
        for one in row.places:
            values = _values(row.metric, one)
            counts = tuple(len(values[phase]) for phase in Phase)
            alike.setdefault((one.place, counts), []).append((number, values))
    for (place, _), members in sorted(alike.items(), key=lambda each: each[0]):
        own = [rows[number] for number, _ in members]
        before, after, back = (_stacked([values for _, values in members], phase) for phase in Phase)
        families = [row.metric.name for row in own]
        edges = aba(before, after, back, limits_of(own), plan.policy, measured, families)
        count = len(members)
        enter(edges, [number for number, _ in members], rows, found, [f"node {place}"] * count, [(place,)] * count)


def _values(metric: Metric, one: Phases) -> _Values:
    return {phase: generations(metric, one.steady(phase)) or [] for phase in Phase}


def _stacked(values: Sequence[Mapping[Phase, list[float]]], phase: Phase) -> Floats:
    """(measurements, generations) of one phase; as many generations in each."""
    return np.array([own[phase] for own in values], dtype=float).reshape(len(values), -1)
