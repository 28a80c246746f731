"""Batches: the kinds of node that a ring is measured on, and what a scheduler has to know of each.

A driver belongs to the node, so there is a batch for each driver: of the cells that need it, and where a cell runs in
phases one before the upgrade and one after it. Where no cell says a driver, there is one for each driver that the nodes
have, or one for all where nobody said which nodes there are. Both arms of a pair run on one node at once, so a batch is
never of one arm, but in phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compat.model import Node, Phase, Plan, Ring
from compat.plan.placement import Placement, gpus_needed, place

__all__ = ["Batch", "batches"]


@dataclass(frozen=True)
class Batch:
    """Nodes that are alike for a scheduler, and that measure all shards of a ring.

    ``nodes`` is how many of them measure each shard. ``hosts`` are those that there are; empty where nobody said.
    ``pinned`` ones are measured before and after: each shard runs on each of the ``hosts``.
    """

    ring: str
    driver: str | None
    labels: dict[str, str]
    nodes: int
    gpus: int = 0  # of each node; 0 where nothing needs one
    budget: float = 0.0  # seconds that a shard may measure on a node
    phase: Phase | None = None
    control: bool = False
    pinned: bool = False
    hosts: tuple[str, ...] = ()
    cells: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """What makes it another batch than the others of its ring."""
        parts = ["control" if self.control else "", f"driver-{self.driver}" if self.driver else ""]
        parts.append(self.phase.value if self.phase else "")
        return "-".join(part for part in parts if part)


def batches(plan: Plan, ring: str, nodes: Sequence[Node] | None = None) -> tuple[Batch, ...]:
    """The batches of a ring, the known-good driver's first. With ``nodes`` only those that there are nodes for."""
    asked = plan.ring(ring)
    items = plan.for_ring(ring)
    cells = {item.cell.id: item.cell for item in items}
    phased = [cell for cell in cells.values() if cell.phased]
    placed = None if nodes is None else place(plan, ring, nodes)
    if any("driver" in cell.stack for cell in cells.values()):
        start = plan.known_good.get("driver")
        drivers = dict.fromkeys(
            driver for cell in cells.values() for driver in (cell.known_good.get("driver"), cell.stack.get("driver"))
        )
        ordered = sorted(drivers, key=lambda driver: (driver != start, driver or ""))
    else:
        ordered = [None]
    found = []
    for driver in ordered:
        own = [cell for cell in cells.values() if driver in (cell.stack.get("driver"), cell.known_good.get("driver"))]
        phases = [cell for cell in phased if cell in own]
        phase = None
        if phases:
            phase = Phase.BEFORE if all(c.known_good.get("driver") == driver for c in phases) else Phase.AFTER
        names = tuple(sorted(cell.id for cell in own or cells.values()))
        base = Batch(
            ring=ring,
            driver=driver,
            labels=dict(asked.labels),
            nodes=asked.minimum_nodes,
            gpus=gpus_needed(asked, items),
            budget=asked.budget,
            phase=phase,
            pinned=bool(phases),
            cells=names,
        )
        found += _on_nodes(base, asked, nodes, placed)
    found += _controls(plan, asked, [cell.id for cell in phased], nodes, placed)
    return tuple(found)


def _on_nodes(batch: Batch, ring: Ring, nodes: Sequence[Node] | None, placed: Placement | None) -> list[Batch]:
    """The batch on the nodes that there are: one for each driver, where it does not say which."""
    if nodes is None or placed is None:
        return [batch]
    can = {host for cell in batch.cells for host in placed.cells.get(cell, ())}
    there = [node for node in nodes if node.hostname in can]
    if batch.driver is None:
        drivers = sorted({node.driver for node in there}, key=lambda driver: driver or "")
        groups = [(driver, [node for node in there if node.driver == driver]) for driver in drivers]
    elif batch.pinned:  # on their way from one driver to the other
        groups = [(batch.driver, there)]
    else:
        groups = [(batch.driver, [node for node in there if node.driver == batch.driver])]
    return [_with(batch, ring, driver, own) for driver, own in groups if own]


def _with(batch: Batch, ring: Ring, driver: str | None, own: Sequence[Node]) -> Batch:
    """The batch on these nodes. Every GPU of a node is measured, unless the ring says how many."""
    gpus = batch.gpus and (ring.gpus or min(len(node.gpus) for node in own))
    wanted = len(own) if batch.pinned else min(len(own), batch.nodes)
    hosts = tuple(sorted(node.hostname for node in own))
    return replace(batch, driver=driver, nodes=wanted, gpus=gpus, hosts=hosts)


def _controls(
    plan: Plan, ring: Ring, cells: Sequence[str], nodes: Sequence[Node] | None, placed: Placement | None
) -> list[Batch]:
    """The control group before and after: it keeps its driver, so its phase has to be said."""
    if not ring.controls or not cells:
        return []
    items = [item for item in plan.for_ring(ring.name) if item.cell.phased]
    found = []
    for phase in (Phase.BEFORE, Phase.AFTER):
        batch = Batch(
            ring=ring.name,
            driver=plan.known_good.get("driver"),
            labels=dict(ring.controls),
            nodes=ring.minimum_controls,
            gpus=gpus_needed(ring, items),
            budget=ring.budget,
            phase=phase,
            control=True,
            pinned=True,
            cells=tuple(sorted(cells)),
        )
        if nodes is None or placed is None:
            found.append(batch)
            continue
        can = {host for own in placed.controls.values() for host in own}
        there = [node for node in nodes if node.hostname in can]
        found += [_with(batch, ring, batch.driver, there)] if there else []
    return found
