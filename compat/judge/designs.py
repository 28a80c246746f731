"""The sampled metrics of items whose stacks cannot share a node, by the design of their ring.

Of a node with several GPUs the control design takes the one that changed for the worse, in both groups alike: one GPU
in eight that is slower would vanish in a mean, and what the worst of eight is by chance cancels between the groups. So
all nodes must have as many. A-B-A judges every GPU by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from compat.judge import faults
from compat.judge.aba import aba
from compat.judge.control import NodeChange, control
from compat.judge.items import conclude
from compat.judge.legs import Leg, Legs, Row, bare, enter, limits_of
from compat.judge.outcome import Outcome, worst
from compat.judge.phased import Phases, examine_phases, gather, generations, lost, unjudged
from compat.judge.sampling import runs_wanted
from compat.judge.series import Floats
from compat.judge.sessions import by_sessions
from compat.model import Design, Evidence, Item, Kind, Metric, Node, Phase, Place, Plan, Ring, Status

__all__ = ["judge_phased"]

_Values = dict[Phase, list[float]]  # oriented log-medians, a mean for each generation


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
            if metric.kind is Kind.SAMPLED and item.sentinel and lost(metric, places, fewest) is None:
                sentinels.append(Row(item, metric, limits, places))
            if not (metric.gated and metric.kind is Kind.SAMPLED):
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
                replace(leg.outcome, reason=f"{leg.outcome.reason}, on node {leg.place}") if several else leg.outcome
                for leg in legs
            )
        )
        edges |= {(row.metric.name, leg.place): leg.edge for leg in legs if leg.edge is not None}
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
    """Rows that were measured on the same nodes, as often, are judged together."""
    alike: dict[tuple[tuple[str, bool, int, int], ...], list[tuple[int, list[_Values]]]] = {}
    for number, row in enumerate(rows):
        nodes: dict[str, list[Phases]] = {}
        for one in row.places:
            nodes.setdefault(one.place.node, []).append(one)
        gpus = {len(own) for own in nodes.values()}
        if len(gpus) > 1:
            said = f"nodes with {min(gpus)} and with {max(gpus)} GPUs do not compare"
            found[number].append(bare(row, None, Status.INCONCLUSIVE, said))
            continue
        values = {
            node: _worst_changed([_values(row.metric, one) for one in own]) for node, own in sorted(nodes.items())
        }
        layout = tuple(
            (node, nodes[node][0].control, len(own[Phase.BEFORE]), len(own[Phase.AFTER]))
            for node, own in values.items()
        )
        alike.setdefault(layout, []).append((number, list(values.values())))
    for layout, members in alike.items():
        changes = [
            NodeChange(
                node,
                not is_control,
                _stacked([own[place] for _, own in members], Phase.BEFORE),
                _stacked([own[place] for _, own in members], Phase.AFTER),
            )
            for place, (node, is_control, _, _) in enumerate(layout)
        ]
        own = [rows[number] for number, _ in members]
        families = [f"{row.metric.name} {row.item.case.tier.value}" for row in own]
        edges = control(changes, limits_of(own), plan.policy, measured, families)
        enter(edges, None, [number for number, _ in members], rows, found)


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
        enter(edges, place, [number for number, _ in members], rows, found)


def _values(metric: Metric, one: Phases) -> _Values:
    return {phase: generations(metric, one.clean(phase)) or [] for phase in Phase}


def _worst_changed(places: Sequence[_Values]) -> _Values:
    """Of a node's places the one that changed for the worse; the first where one has not run both phases."""
    if not all(own[Phase.BEFORE] and own[Phase.AFTER] for own in places):
        return min(places, key=lambda own: min(len(own[Phase.BEFORE]), len(own[Phase.AFTER])))
    return max(places, key=lambda own: fmean(own[Phase.AFTER]) - fmean(own[Phase.BEFORE]))


def _stacked(values: Sequence[Mapping[Phase, list[float]]], phase: Phase) -> Floats:
    """(measurements, generations) of one phase; as many generations in each."""
    return np.array([own[phase] for own in values], dtype=float).reshape(len(values), -1)
