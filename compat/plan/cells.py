"""Cells: the stacks of a matrix, each against the known-good stack, with each model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compat.model import Cell, Rejection, Route, digest
from compat.plan.routes import split_routes
from compat.plan.space import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from compat.model import Node, Stack
    from compat.plan.points import Points
    from compat.plan.space import StackPoint

__all__ = ["cells_of", "make_cells", "unplaced"]

# The order of the parts of an id; axes of the user follow by name.
_ORDER = ("driver", "firmware", "cuda", "runtime")
_LONGEST = 100
_BACK = "rollback-from-"


def make_cells(
    points: Points, *, without_model: bool, rollbacks: bool = False
) -> tuple[list[Cell], tuple[Route, ...], list[Rejection]]:
    """All cells but the known-good's own, sorted by id, and the routes of those that are reached over others.

    ``without_model`` asks for a cell of each stack for the work that needs no model, ``rollbacks`` for one more in
    which two runtimes are the other way round. A cell whose known-good counterpart is excluded cannot be compared: a
    Rejection, blocking when it is the candidate's.
    """
    varying = _varying([points.known_good, *(stack for stack, _ in points.points)])
    wanted: dict[tuple[str, str | None], tuple[Stack, str | None]] = {}
    for stack, model in points.points:
        if stack == points.known_good:
            continue
        if without_model:
            wanted[show(stack), None] = (stack, None)
        if model is not None:
            wanted[show(stack), model] = (stack, model)
    cells, rejections = [], []
    for stack, model in wanted.values():
        required = stack == points.candidate
        cell = Cell(_cell_id(stack, points.known_good, model, varying), stack, points.known_good, model, required)
        counterpart = points.known_good if model is None else {**points.known_good, "model": model}
        if model is not None and points.space.excludes(points.known_good, model):
            reason = f"its known-good counterpart is excluded: {show(counterpart)}"
            rejections.append(Rejection(cell.id, reason, blocking=required))
        else:
            cells.append(cell)

    def name(stack: Stack, known_good: Stack, model: str | None) -> str:
        return _cell_id(stack, known_good, model, varying)

    kept, routes = split_routes(cells, points.space.has, name)
    if rollbacks:
        kept = sorted([*kept, *_rollbacks(kept)], key=lambda cell: cell.id)
    return kept, routes, rejections


def _rollbacks(cells: Sequence[Cell]) -> list[Cell]:
    """The way back of each cell without a model in which two runtimes meet on one node."""
    return [
        Cell(
            f"{_BACK}{cell.id}",
            cell.known_good,
            cell.stack,
            None,
            cell.required,
            rollback=True,
        )
        for cell in cells
        if cell.model is None and not cell.phased and cell.stack["runtime"] != cell.known_good["runtime"]
    ]


def cells_of(
    taken: Iterable[StackPoint], cells: Sequence[Cell], routes: Sequence[Route], known_good: Stack
) -> set[str]:
    """The ids of the cells that a ring has with these points, of those that ``make_cells`` made.

    Those of their stacks with their models and without one; what they are reached over, where that is not in one step;
    and their ways back.
    """
    points = {(show(stack), own) for stack, model in taken for own in (model, None)}
    ids = {c.id for c in cells if c.known_good == known_good and (show(c.stack), c.model) in points and not c.rollback}
    for route in routes:
        if (show(route.cell.stack), route.cell.model) in points:
            ids |= {route.cell.id, *route.edges}
    return ids | {cell.id for cell in cells if cell.rollback and cell.id.removeprefix(_BACK) in ids}


def unplaced(cell: Cell, node: Node) -> str | None:
    """Why the cell cannot be measured on the node, or None when it can.

    Both arms run there, in pairs; of a cell that runs in phases the one whose driver the node has now.
    """
    reasons = [
        reason
        for arm, stack in (("candidate", cell.stack), ("known-good", cell.known_good))
        if (reason := _lacks(arm, stack, node)) is not None
    ]
    return None if len(reasons) < (2 if cell.phased else 1) else reasons[0]


def _lacks(arm: str, stack: Stack, node: Node) -> str | None:
    driver, firmware = stack.get("driver"), stack.get("firmware")
    if driver is not None and node.driver != driver:
        found = f"driver {node.driver}" if node.driver else "no driver that could be read"
        return f"its {arm} arm needs driver {driver}, and the node {node.hostname} has {found}"
    if firmware is not None:
        return f"its {arm} arm needs firmware {firmware}, and the firmware of {node.hostname} was not read"
    return None


def _varying(stacks: list[Stack]) -> list[str]:
    axes = {axis for stack in stacks for axis in stack if stack[axis] != stacks[0].get(axis)}
    return [axis for axis in _ORDER if axis in axes] + sorted(axes - set(_ORDER))


def _cell_id(stack: Stack, known_good: Stack, model: str | None, varying: list[str]) -> str:
    parts = [stack[axis] for axis in varying] + ([model] if model is not None else [])
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts))[:_LONGEST].strip("-")
    return f"{slug}-{digest({'stack': stack, 'known_good': known_good, 'model': model})[:6]}"
