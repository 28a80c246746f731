"""The control design over items: rows and families, each on all nodes together.

GPUs are judged one by one: the first GPU of each node beside the first of every other, then the second. The node stays
the unit, and no GPU vanishes in a mean. So all nodes must have as many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compat.judge.control import NodeChange, control
from compat.judge.groups import Group, planned_groups, tests_of
from compat.judge.legs import Leg, Row, bare, enter, limits_of
from compat.judge.outcome import Outcome, worst
from compat.judge.path import in_words
from compat.judge.phased import Taken, Values
from compat.judge.series import Floats
from compat.judge.text import percent, plural
from compat.model import Item, MetricPolicy, Phase, Place, Plan, Ring, Status

__all__ = ["beside_controls", "judge_families", "stacked"]

_Layout = tuple[tuple[str, bool, int, int], ...]  # of each node: name, control, generations before and after
_TRIM = 0.2


@dataclass(frozen=True)
class _Slice:
    """A row on one GPU of every node."""

    row: int
    gpu: int
    where: str
    upgraded: tuple[Place, ...]
    values: Sequence[Values]  # of each node


def beside_controls(rows: Sequence[Row], plan: Plan, measured: int) -> list[list[Leg]]:
    """The legs of each row, one for each GPU of a node. ``measured`` share the ring's budget for REGRESS."""
    found: list[list[Leg]] = [[] for _ in rows]
    for layout, members in _slices(rows, found).items():
        own = [rows[each.row] for each in members]
        families = [f"{row.metric.name} {row.item.case.tier.value}" for row in own]
        changes = _changes(layout, members)
        edges = control(changes, limits_of(own), plan.policy, measured, families)
        places = [each.upgraded for each in members]
        enter(edges, [each.row for each in members], rows, found, [each.where for each in members], places)
    return found


def _slices(rows: Sequence[Row], found: Sequence[list[Leg]]) -> dict[_Layout, list[_Slice]]:
    """Rows that were measured on the same nodes, as often, are judged together. Others are told apart in ``found``."""
    alike: dict[_Layout, list[_Slice]] = {}
    for number, row in enumerate(rows):
        nodes: dict[str, list[Taken]] = {}
        for one in row.places:
            nodes.setdefault(one.place.node, []).append(one)
        counts = {len(own) for own in nodes.values()}
        if len(counts) > 1:
            said = f"nodes with {min(counts)} and with {max(counts)} GPUs do not compare"
            found[number].append(bare(row, (), Status.INCONCLUSIVE, said))
            continue
        for gpu in range(max(counts)):
            own = [nodes[node][gpu] for node in sorted(nodes)]
            layout = tuple(
                (one.place.node, one.control, len(one.values[Phase.BEFORE]), len(one.values[Phase.AFTER]))
                for one in own
            )
            upgraded = tuple(one.place for one in own if not one.control)
            where = f"GPU {gpu} of each node" if max(counts) > 1 else "all nodes"
            alike.setdefault(layout, []).append(_Slice(number, gpu, where, upgraded, [one.values for one in own]))
    return alike


def _changes(layout: _Layout, members: Sequence[_Slice]) -> list[NodeChange]:
    return [
        NodeChange(
            node,
            not is_control,
            stacked([each.values[place] for each in members], Phase.BEFORE),
            stacked([each.values[place] for each in members], Phase.AFTER),
        )
        for place, (node, is_control, _, _) in enumerate(layout)
    ]


def judge_families(rows: Sequence[Row], items: Iterable[Item], plan: Plan, ring: Ring) -> list[tuple[Group, Outcome]]:
    """The group tests: the trimmed mean over a family's members is worse by more than nobody cares about.

    ``rows`` are those that are not slower by themselves. There are no fresh pairs to confirm it on: a phase is over.
    """
    groups = planned_groups(plan, items, phased=True)
    tests = tests_of(plan, ring)
    policy = replace(plan.policy, regress_alpha=plan.policy.group.alpha)
    limits = MetricPolicy(margin=plan.policy.group.ignore, ignore=plan.policy.group.ignore)
    slices = _slices(rows, [[] for _ in rows])
    found = []
    for group in groups:
        outcomes = []
        for layout, members in slices.items():
            for gpu in sorted({each.gpu for each in members}):
                own = [e for e in members if e.gpu == gpu and _is_of(rows[e.row], group)]
                if len(own) >= plan.policy.group.members:
                    changes = [_mean(change) for change in _changes(layout, own)]
                    edge = control(changes, limits, policy, tests).at(0)
                    status = edge.status if edge.status is Status.REGRESS else Status.PASS
                    said = in_words(group.metric, replace(edge, status=status, why=""), limits)
                    outcomes.append(_named(said, group, len(own), plan.policy.group.ignore))
        if outcomes:
            found.append((group, worst(outcomes)))
    return found


def _is_of(row: Row, group: Group) -> bool:
    return row.metric == group.metric and row.item.key in group.members


def _named(said: Outcome, group: Group, members: int, ignore: float) -> Outcome:
    told = said.reason.removeprefix(f"{group.metric.name} ").partition(", margin")[0]
    reason = f"{group.metric.name} of {plural(members, 'case')} together {told}, {percent(ignore)} is ignored"
    return replace(said, metric=f"group:{group.metric.name}", reason=reason, limit=math.log1p(ignore))


def _mean(change: NodeChange) -> NodeChange:
    """A node's members as one: the mean of how they moved, without a fifth at each end, generation by generation."""
    level = change.before.mean(axis=1, keepdims=True)
    return replace(change, before=_trimmed(change.before - level), after=_trimmed(change.after - level))


def _trimmed(values: Floats) -> Floats:
    cut = int(_TRIM * len(values))
    kept = np.sort(values, axis=0)[cut : len(values) - cut]
    mean: Floats = kept.mean(axis=0, keepdims=True)
    return mean


def stacked(values: Sequence[Mapping[Phase, list[float]]], phase: Phase) -> Floats:
    """(measurements, generations) of one phase; as many generations in each."""
    return np.array([own[phase] for own in values], dtype=float).reshape(len(values), -1)
