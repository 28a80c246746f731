"""Routes: cells that cannot be compared in one step, and the edges over which they are reached.

Where a driver and a runtime change together, the new runtime need not run on the old driver, nor does one comparison
say which of the two is to blame. So the cell is reached over the point between, if the matrix has it: the node's axes
change first, with the runtime as it was, and then the runtime, in pairs on upgraded nodes. Where the matrix lacks that
point, the runtime goes first. Without either the cell is compared in one step, in phases.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compat.model import NODE_AXES, Cell, Route, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["split_routes"]


def split_routes(
    cells: Sequence[Cell],
    has: Callable[[Stack, str | None], bool],
    name: Callable[[Stack, Stack, str | None], str],
) -> tuple[list[Cell], tuple[Route, ...]]:
    """The cells that are compared, edges among them, and the routes of those that are reached over edges.

    ``has`` says whether the matrix has a stack with a model, or with any. ``name`` gives the id of a cell of a stack, a
    known-good stack and a model. A cell that is an edge of a required route is required.
    """
    found: dict[str, Cell] = {}
    routes = []
    for cell in cells:
        middle = next((one for one in _between(cell) if has(one, cell.model)), None)
        if middle is None:
            edges = [cell]
        else:
            edges = [
                Cell(name(stack, start, cell.model), stack, start, cell.model, cell.required)
                for start, stack in ((cell.known_good, middle), (middle, cell.stack))
            ]
            routes.append(Route(cell, tuple(edge.id for edge in edges)))
        for edge in edges:
            known = found.get(edge.id, edge)
            found[edge.id] = replace(edge, required=edge.required or known.required)
    return sorted(found.values(), key=lambda cell: cell.id), tuple(routes)


def _between(cell: Cell) -> list[Stack]:
    """The points between the stacks of a cell that changes the node and more; none where one step is enough."""
    changed = {a for a in cell.stack.keys() | cell.known_good.keys() if cell.stack.get(a) != cell.known_good.get(a)}
    if not cell.phased or changed <= set(NODE_AXES):
        return []
    node_first = {a: (cell.stack if a in NODE_AXES else cell.known_good)[a] for a in cell.stack}
    runtime_first = {a: (cell.known_good if a in NODE_AXES else cell.stack)[a] for a in cell.stack}
    return [node_first, runtime_first]
