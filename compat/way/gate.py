"""The gate of a ring: its verdict, and what its place in the order of rings adds to that."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.model import digest
from compat.way.conclude import Concluded, conclude
from compat.way.options import ring_of

if TYPE_CHECKING:
    from compat.gate.standing import Stand
    from compat.model import Plan
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["Gated", "gate", "stored_gate", "stored_standing"]


@dataclass(frozen=True)
class Gated:
    """What a gate says, and the verdict that was reached for it."""

    stand: Stand
    concluded: Concluded


def gate(
    store: Store,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Where | None = None,
) -> Gated:
    """Judge the stored evidence anew, of the rings before it too, keep the verdicts, and ask the gate."""
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    for earlier in _before(chosen, name):
        conclude(store, earlier, digest(chosen), waivers, calibration)
    concluded = conclude(store, name, digest(chosen), waivers, calibration)
    return Gated(stored_gate(store, concluded.verdict.ring, concluded.verdict.plan), concluded)


def stored_gate(store: Store, ring: str | None = None, plan: str | None = None) -> Stand:
    """What the gate says by stored verdicts alone: nothing is judged. UsageError where there is no such ring."""
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    return next(stand for stand in stored_standing(store, chosen) if stand.ring == name)


def stored_standing(store: Store, plan: Plan, now: datetime.datetime | None = None) -> tuple[Stand, ...]:
    """Where the plan's upgrade stands, ring by ring, by stored documents alone."""
    from compat.gate.standing import Stored, standing

    name = digest(plan)
    verdicts = [(digest(verdict), verdict) for ring in plan.rings for verdict in store.verdicts(name, ring.name)]
    hostnames = {node.id: node.hostname for node in store.nodes().values()}
    stored = Stored(verdicts, store.watches(name), store.rehearsals(name), None, hostnames)
    return standing(plan, stored, now or datetime.datetime.now(datetime.UTC))


def _before(plan: Plan, ring: str) -> list[str]:
    """The rings before one, the first of them first."""
    earlier = {one.name: one.after for one in plan.rings}
    found: list[str] = []
    after = earlier[ring]
    while after in earlier and after not in found:
        found.append(after)
        after = earlier[after]
    return found[::-1]
