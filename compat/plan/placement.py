"""Placement: the cells of a ring onto nodes, by what the nodes have. What no node can run is said, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compat.model import Cell, Item, Node, Plan, Rejection, Ring, Tier
from compat.plan.cells import unplaced

__all__ = ["Placement", "fits", "gpus_needed", "is_control_of", "place"]

_NAMED = 3  # nodes of a kind that a reason names


@dataclass(frozen=True)
class Placement:
    """By cell: the hostnames of the nodes that can run it, those of controls apart; and what is short of nodes."""

    cells: dict[str, tuple[str, ...]]
    controls: dict[str, tuple[str, ...]]  # of cells that run in phases, where the ring has controls
    rejections: tuple[Rejection, ...]


def place(plan: Plan, ring: str, nodes: Sequence[Node]) -> Placement:
    """Place the cells of a ring on its nodes: those with its labels, the driver and the GPUs.

    A cell that runs in phases takes nodes that have the driver of either. A required cell on fewer nodes than the ring
    asks for is a blocking Rejection: its ring is HOLD.
    """
    asked = plan.ring(ring)
    by_cell: dict[str, list[Item]] = defaultdict(list)
    for item in plan.for_ring(ring):
        by_cell[item.cell.id].append(item)
    cells, controls, short = {}, {}, []
    for name, items in sorted(by_cell.items()):
        cell, gpus = items[0].cell, gpus_needed(asked, items)
        fitting = [node for node in nodes if fits(cell, node, asked, gpus)]
        cells[name] = tuple(node.hostname for node in fitting)
        if len(fitting) < asked.minimum_nodes:
            reason = _short(cell, asked, gpus, len(fitting), nodes)
            short.append(Rejection(name, f"unplaced: {reason}", blocking=cell.required, ring=ring))
        if asked.controls and cell.phased:
            own = [node.hostname for node in nodes if is_control_of(cell, node, asked, gpus)]
            controls[name] = tuple(own)
            if len(own) < asked.minimum_controls:
                said = f"{_on(len(own), asked.minimum_controls)}, with driver {cell.known_good.get('driver')}"
                reason = f"unplaced: its controls are {said}"
                short.append(Rejection(name, reason, blocking=cell.required, ring=ring))
    return Placement(cells, controls, tuple(short))


def gpus_needed(ring: Ring, items: Iterable[Item]) -> int:
    """How many GPUs a node has at least, to run these; 0 where none of them is for a GPU."""
    return (ring.gpus or 1) if any(item.case.tier is Tier.GPU for item in items) else 0


def fits(cell: Cell, node: Node, ring: Ring, gpus: int) -> bool:
    """Whether a node of the ring, that is no control, can run the cell with so many GPUs."""
    return _of_ring(node, ring) and len(node.gpus) >= gpus and unplaced(cell, node) is None


def is_control_of(cell: Cell, node: Node, ring: Ring, gpus: int) -> bool:
    """Whether a control has what the cell needs: it keeps the known-good driver."""
    return ring.is_control(node) and len(node.gpus) >= gpus and node.driver == cell.known_good.get("driver")


def _of_ring(node: Node, ring: Ring) -> bool:
    return not ring.is_control(node) and ring.labels.items() <= node.labels.items() and ring.other_card(node) is None


def _on(have: int, wanted: int) -> str:
    return f"{have} of the {wanted} nodes that the ring asks for" if wanted > 1 or have else "no node"


def _short(cell: Cell, ring: Ring, gpus: int, have: int, nodes: Sequence[Node]) -> str:
    """What the cell needs, and what the nodes have."""
    drivers = dict.fromkeys(stack.get("driver") for stack in (cell.known_good, cell.stack))
    needs = [f"driver {' or '.join(str(one) for one in drivers)}"] if None not in drivers else []
    firmware = cell.stack.get("firmware") or cell.known_good.get("firmware")
    needs += [f"firmware {firmware}, which is not read"] if firmware else []
    needs += [f"{gpus} GPU{'s' if gpus > 1 else ''}"] if gpus else []
    needs += [f"{key}={value}" for key, value in sorted(ring.labels.items())]
    kinds: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        kinds[_has(node, ring, gpus)].append(node.hostname)
    has = "; ".join(f"{what}: {_some(names)}" for what, names in sorted(kinds.items())) or "there are no nodes"
    return f"it needs {' and '.join(needs) or 'a node'}, and fits on {_on(have, ring.minimum_nodes)} ({has})"


def _has(node: Node, ring: Ring, gpus: int) -> str:
    if ring.is_control(node):
        return "controls"
    if not _of_ring(node, ring):
        other = ring.other_card(node)
        return "without the ring's labels" if other is None else f"{other}, no card of the ring"
    return f"driver {node.driver or 'none'}{f' and {len(node.gpus)} GPUs' if gpus else ''}"


def _some(names: Sequence[str]) -> str:
    left = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {left} more" if left > 0 else "")
