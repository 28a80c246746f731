"""Families of cases, each a little slower: forty that are 1 % slower each are invisible one by one.

The unit is the trimmed mean over a group's members in one generation; slow processes, which that trims away, have a
test of their own (``compat.judge.group_tails``). What round 1 flags in either way is tried again on fresh generations
of all members, in a round of its own after the rounds of the single measurements: only that may be REGRESS.
A mean that is worse by less than ``Policy.confirm`` has to be so on second installations, too, where they can be made:
an installation is a level of its own (``compat.judge.confirm``), and of one release of tokenizers two in three were
1.5 % slower than the one before, with intervals of 0.4 %. A group never gives a PASS to anybody; it only takes GO away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from compat.judge.budget import places
from compat.judge.centre import Centre, centre
from compat.judge.confirm import LEVEL
from compat.judge.group_tails import SlowProcesses, slow_processes
from compat.judge.outcome import Outcome
from compat.judge.points import Point
from compat.judge.text import change, percent, plural
from compat.model import Design, Item, Kind, Metric, Plan, Policy, Ring, Status

__all__ = ["EVERYTHING", "Group", "fresh_short", "judge_group", "planned_groups"]

EVERYTHING = "all workloads"

_TRIM = 0.2


@dataclass(frozen=True)
class Group:
    """The items of one workload in one cell, or of all its workloads, that measure the same sampled metric."""

    name: str  # a workload, or EVERYTHING
    cell: str
    metric: Metric
    members: tuple[str, ...]  # items


def planned_groups(plan: Plan, items: Iterable[Item], *, phased: bool = False) -> tuple[Group, ...]:
    """The groups of ``items`` in pairs, or in phases, known before the first pair: their number shares the budget."""
    found: dict[tuple[str, str, Metric], list[Item]] = {}
    for item in items:
        if item.cell.phased is not phased or not (item.required and item.cell.required):
            continue
        for metric in item.case.metrics:
            if metric.gated and metric.kind is Kind.SAMPLED:
                for name in (item.case.workload, EVERYTHING):
                    found.setdefault((name, item.cell.id, metric), []).append(item)
    return tuple(
        Group(name, cell, metric, tuple(item.key for item in members))
        for (name, cell, metric), members in found.items()
        if len(members) >= plan.policy.group.members
        and not (name == EVERYTHING and len({item.case.workload for item in members}) == 1)
    )


def tests_of(plan: Plan, ring: Ring) -> int:
    """How many group tests share a ring's budget: two of each group of pairs, one of each beside controls."""
    items = plan.for_ring(ring.name)
    tiers = {item.key: item.case.tier for item in items}
    count = 2 * sum(max(places(ring, tiers[key]) for key in group.members) for group in planned_groups(plan, items))
    if ring.design is Design.CONTROL:
        together = replace(ring, minimum_nodes=1)  # all nodes are judged together
        for group in planned_groups(plan, items, phased=True):
            count += max(places(together, tiers[key]) for key in group.members)
    return max(1, count)


def judge_group(
    group: Group, points: Mapping[str, Sequence[Point]], policy: Policy, tests: int, *, confirmable: bool = False
) -> Outcome | None:
    """One group on one node; None if round 1 is complete for fewer members than a group has.

    ``points`` by item, without those that are slower by themselves. ``tests`` share the level of REGRESS.
    ``confirmable``: whether both runtimes can be installed once more.
    """
    members = _members(group, points, policy)
    if len(members) < policy.group.members:
        return None
    first, slow = _centre(members, 1), slow_processes(members, 1, policy.tail)
    if first is None:
        return _say(group, Status.INCONCLUSIVE, None, len(members), policy, "")
    if not (_flagged(first, policy) or _has_slow(slow, policy.group.flag, policy)):
        return _say(group, Status.PASS, first, len(members), policy, "")
    short = _short(members, policy, policy.group_round)
    if short:
        said = f"; round 1 flagged it, and {plural(short, 'fresh pair')} of each member are still to be measured"
        return _say(group, Status.INCONCLUSIVE, first, len(members), policy, said)
    fresh = _centre(members, policy.group_round)
    if fresh is None:
        return _say(group, Status.INCONCLUSIVE, None, len(members), policy, "")
    level, slow = policy.group.alpha / max(1, tests), slow_processes(members, policy.group_round, policy.tail)
    if slow is not None and _has_slow(slow, level, policy):
        said = f"; slow processes: {slow.known_good} -> {slow.candidate} of {slow.processes}, over fresh pairs"
        return _say(group, Status.REGRESS, fresh, len(members), policy, said)
    if _worse(fresh, level, policy):
        return _confirmed(group, members, fresh, policy, confirmable=confirmable)
    return _say(group, Status.PASS, fresh, len(members), policy, "; round 1 flagged it, fresh pairs do not confirm it")


def _confirmed(
    group: Group, members: Mapping[str, Sequence[Point]], fresh: Centre, policy: Policy, *, confirmable: bool
) -> Outcome:
    """What fresh pairs show to be worse, with what second installations of both runtimes say of it."""
    if not _to_confirm(fresh, policy, confirmable=confirmable):
        return _say(group, Status.REGRESS, fresh, len(members), policy, ", over fresh pairs")
    short = _short(members, policy, policy.group_confirm_round)
    again = None if short else _centre(members, policy.group_confirm_round)
    if again is None:
        lacking = plural(short, "pair") if short else "generations that they share"
        said = f", over fresh pairs; {lacking} of each member on second installations are still to confirm it"
        return _say(group, Status.INCONCLUSIVE, fresh, len(members), policy, said)
    moved, span = change(again.effect, again.interval(), group.metric.unit, group.metric.direction)
    told = f"second installations of both runtimes: {moved} ({span}, {plural(again.units, 'generation')})"
    if _worse(again, LEVEL, policy):
        said = f", over fresh pairs; confirmed on {told}"
        return _say(group, Status.REGRESS, fresh, len(members), policy, said)
    said = f", over fresh pairs; not confirmed on {told}: it is an installation that is slower, not the release"
    return _say(group, Status.PASS, fresh, len(members), policy, said)


def _to_confirm(fresh: Centre, policy: Policy, *, confirmable: bool) -> bool:
    return confirmable and fresh.effect < math.log1p(policy.confirm)


def _worse(found: Centre, level: float, policy: Policy) -> bool:
    return found.p_worse(math.log1p(policy.group.ignore)) <= level


def fresh_short(
    group: Group, points: Mapping[str, Sequence[Point]], policy: Policy, tests: int = 1, *, confirmable: bool = False
) -> dict[str, tuple[int, int]]:
    """By member: the round and the pairs of it that are still lacking, if round 1 flagged the group on this node.

    Fresh pairs first; then, of a mean that they show to be worse, pairs on second installations.
    """
    members = _members(group, points, policy)
    if len(members) < policy.group.members:
        return {}
    first, slow = _centre(members, 1), slow_processes(members, 1, policy.tail)
    if first is None or not (_flagged(first, policy) or _has_slow(slow, policy.group.flag, policy)):
        return {}
    lacking = _lacking(members, policy, policy.group_round)
    fresh = None if lacking else _centre(members, policy.group_round)
    if fresh is None or not _worse(fresh, policy.group.alpha / max(1, tests), policy):
        return lacking
    return (
        _lacking(members, policy, policy.group_confirm_round)
        if _to_confirm(fresh, policy, confirmable=confirmable)
        else {}
    )


def _lacking(members: Mapping[str, Sequence[Point]], policy: Policy, number: int) -> dict[str, tuple[int, int]]:
    short = {key: policy.group.pairs - sum(p.round == number for p in own) for key, own in members.items()}
    return {key: (number, pairs) for key, pairs in short.items() if pairs > 0}


def _members(group: Group, points: Mapping[str, Sequence[Point]], policy: Policy) -> dict[str, Sequence[Point]]:
    """The members that have round 1."""
    have = {key: points[key] for key in group.members if key in points}
    size = policy.rounds[0] if policy.rounds else 0
    return {key: own for key, own in have.items() if sum(p.round == 1 for p in own) >= max(1, size)}


def _flagged(first: Centre | None, policy: Policy) -> bool:
    """Whether round 1 shows the mean to be worse than what nobody cares about."""
    return first is not None and first.p_worse(math.log1p(policy.group.ignore)) <= policy.group.flag


def _has_slow(slow: SlowProcesses | None, level: float, policy: Policy) -> bool:
    """Whether more of the candidate's processes are slow, by more than nobody cares about."""
    return slow is not None and slow.p <= level and slow.excess > policy.group.slow


def _short(members: Mapping[str, Sequence[Point]], policy: Policy, number: int) -> int:
    return max(max(0, policy.group.pairs - sum(p.round == number for p in own)) for own in members.values())


def _centre(members: Mapping[str, Sequence[Point]], number: int) -> Centre | None:
    """Of the generations of one round in which at least half of the members were measured."""
    units: dict[int, dict[str, list[float]]] = {}
    for key, own in members.items():
        for point in own:
            if point.round == number:
                units.setdefault(point.generation, {}).setdefault(key, []).append(point.candidate - point.known_good)
    means = [
        _trimmed([math.fsum(values) / len(values) for values in unit.values()])
        for _, unit in sorted(units.items())
        if 2 * len(unit) >= len(members)
    ]
    return centre(means)


def _trimmed(values: Sequence[float]) -> float:
    """The mean without a fifth at each end: one process in a hundred is an outlier, and of forty some always are."""
    cut = int(_TRIM * len(values))
    kept = sorted(values)[cut : len(values) - cut]
    return math.fsum(kept) / len(kept)


def _say(group: Group, status: Status, found: Centre | None, members: int, policy: Policy, remark: str) -> Outcome:
    metric = group.metric
    name = f"group:{metric.name}"
    if found is None:
        said = f"{metric.name} of {plural(members, 'case')} together: too few generations that they share{remark}"
        return Outcome(name, status, said, metric.kind, metric.unit)
    interval = found.interval()
    moved, span = change(found.effect, interval, metric.unit, metric.direction)
    said = (
        f"{metric.name} of {plural(members, 'case')} together {moved} (95 % interval {span}, "
        f"{plural(found.units, 'generation')}), {percent(policy.group.ignore)} is ignored{remark}"
    )
    limit = math.log1p(policy.group.ignore)
    return Outcome(name, status, said, metric.kind, metric.unit, effect=found.effect, interval=interval, limit=limit)
