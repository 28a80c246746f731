"""The plan of a calibration: the known-good stack beside itself, to see how its measurements vary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Kind

if TYPE_CHECKING:
    from compat.model import Item, Plan

__all__ = ["unchanged"]


def unchanged(plan: Plan, ring: str, pairs: int) -> Plan:
    """What ``plan`` measures in ``ring`` and judges by samples, with the known-good stack in both arms.

    The items keep their names. UsageError when nothing of the ring is judged by samples.
    """
    items = tuple(_unchanged(item) for item in plan.for_ring(ring) if item.required and item.cell.required)
    sampled = tuple(item for item in items if item.case.metrics)
    if not sampled:
        raise UsageError(f"ring {ring}", "judges no measurement by samples", "there is nothing to calibrate")
    policy = replace(plan.policy, rounds=(pairs,))
    rings = (replace(plan.ring(ring), after=None),)
    return replace(
        plan,
        candidate=plan.known_good,
        items=sampled,
        policy=policy,
        rings=rings,
        findings=(),
        rejections=(),
        routes=(),
    )


def _unchanged(item: Item) -> Item:
    metrics = tuple(m for m in item.case.metrics if m.gated and m.kind is Kind.SAMPLED)
    return replace(item, cell=replace(item.cell, stack=item.cell.known_good), case=replace(item.case, metrics=metrics))
