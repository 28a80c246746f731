"""How many sampled measurements share a ring's budget for REGRESS: known from the plan, before the first pair."""

from __future__ import annotations

from compat.model import Design, Item, Kind, Metric, Plan, Ring, Tier

__all__ = ["measured", "places", "sampled", "strictest"]

_GPUS = 8  # of a node, where the ring does not say: what most servers have. Where there are more, they share its budget


def measured(plan: Plan, ring: Ring) -> int:
    """The sampled measurements of a ring that are gated and required, in each of its places."""
    required = [i for i in plan.for_ring(ring.name) if i.required and i.cell.required and not ring.watches(i)]
    edges = sum(len(sampled(item)) * _times(item, ring) for item in required)
    ends = {route.edges[-1] for route in plan.routes if route.cell.required and ring.has(route.cell.id)}
    sums = sum(len(sampled(item)) * places(ring, item.case.tier) for item in required if item.cell.id in ends)
    return max(1, edges + sums)


def sampled(item: Item) -> list[Metric]:
    """The metrics of an item that are judged by rounds of pairs."""
    return [metric for metric in item.case.metrics if metric.gated and metric.kind is Kind.SAMPLED]


def _times(item: Item, ring: Ring) -> int:
    """How often a measurement is judged: a control group is judged as one, on each GPU of a node."""
    if item.cell.phased and ring.design is Design.CONTROL:
        return (ring.gpus or _GPUS) if item.case.tier is Tier.GPU else 1
    return places(ring, item.case.tier)


def places(ring: Ring, tier: Tier) -> int:
    """Where each measurement of a tier is judged by itself, as far as a plan can know it: nodes, or their GPUs."""
    return max(1, ring.minimum_nodes) * ((ring.gpus or _GPUS) if tier is Tier.GPU else 1)


def strictest(plan: Plan, tier: Tier) -> int:
    """The greatest number of measurements that share the budget of a ring with this tier: rings differ in theirs."""
    return max((measured(plan, ring) for ring in plan.rings if tier in ring.tiers), default=1)
