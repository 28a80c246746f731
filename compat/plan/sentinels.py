"""The few cases that stand for a plan: what is run while an upgrade soaks, and on the way back from it.

They are chosen, not declared: ``sentinel: true`` in a selection is something else, work that the upgrade does not touch
and by which the stored design knows how a session was. Such work is none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compat.model import Item, MetricPolicy, Plan, Policy, Tier
from compat.patterns import name_pattern

__all__ = ["EXECUTED", "large", "narrowed", "sentinels"]

EXECUTED = (Tier.CPU, Tier.GPU, Tier.INTERPRETED)  # what is only compiled says nothing of a node

_ROUNDS = (4, 8)  # pairs: enough to pass what is quiet, and to find what is large
_NO_FAMILY = 10**9  # members that a family would have to have: a few cases are none


def sentinels(plan: Plan, ring: str, seconds: Mapping[str, float], pattern: str = "*") -> tuple[Item, ...]:
    """Of each workload and cell of the candidate the required case that takes least time, in the plan's order.

    ``seconds`` of a run, by item, as far as they are known: what is known comes before what is not, and among those of
    which nothing is known the first is taken. ``pattern`` (``compat.patterns``) narrows what is chosen from.
    """
    wild = name_pattern(pattern)
    chosen: dict[tuple[str, str], Item] = {}
    for item in plan.for_ring(ring):
        fits = item.required and item.cell.required and item.case.tier in EXECUTED and not item.sentinel
        if not (fits and wild.fullmatch(item.key)):
            continue
        place = item.case.workload, item.cell.id
        known = chosen.get(place)
        if known is None or seconds.get(item.key, float("inf")) < seconds.get(known.key, float("inf")):
            chosen[place] = item
    keys = {item.key for item in chosen.values()}
    return tuple(item for item in plan.items if item.key in keys)


def large(policy: Policy, workload: str, metric: str) -> float:
    """The slowdown (relative) that a few runs may show: what one node decides by itself, or the metric's own margin."""
    return max(policy.design.least, policy.of(workload).metric(metric).margin)


def narrowed(plan: Plan, ring: str, items: tuple[Item, ...]) -> Plan:
    """A plan of these items alone, for one node: few pairs of each, that find what is large.

    Its digest is another, so what is measured for it is never evidence of ``plan``.
    """
    names = sorted({metric.name for item in items for metric in item.case.metrics})
    policy = replace(
        plan.policy,
        metrics={**plan.policy.metrics, **_wide(plan.policy, "", names)},
        workloads={
            name: replace(own, metrics={**own.metrics, **_wide(plan.policy, name, names)})
            for name, own in plan.policy.workloads.items()
        },
        group=replace(plan.policy.group, members=_NO_FAMILY),
        rounds=_ROUNDS,
        pairs_per_generation=1,
        confirm=0.0,  # no second installations: what is looked at is this one
    )
    return replace(
        plan,
        rings=(replace(plan.ring(ring), minimum_nodes=1, minimum_controls=0, after=None),),
        policy=policy,
        items=items,
        findings=(),
        rejections=(),
        routes=(),
        cells=(),
        windows=(),
    )


def _wide(policy: Policy, workload: str, names: list[str]) -> dict[str, MetricPolicy]:
    """Metrics whose slowdowns count where they are large; what is exact and bounded keeps its limits."""
    own = policy.of(workload)
    return {
        name: replace(own.metric(name), margin=(most := large(policy, workload, name)), ignore=most) for name in names
    }
