"""The matrix at a glance: workloads down, and across the stacks, or for a single stack what was compared.

Cells that differ only in their model are one column, because a model's workload runs in that model's cell alone. With
one stack there would be one column, so there the columns are the metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.report.items import item_anchor
from compat.report.parts import HeatColumn, HeatRow, HeatSpot
from compat.report.statuses import WORST_FIRST, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.model import Cell, Comparison, Plan, Stack, Verdict

__all__ = ["heat"]

_FIRST = ("environment", "static", "execution", "outputs")
_WHOLE = "the stack as a whole"  # what is said of a cell, and of no workload in it


def heat(verdict: Verdict, plan: Plan) -> tuple[tuple[HeatColumn, ...], tuple[HeatRow, ...]]:
    """The columns and the rows of the heat map; both are empty if nothing was compared."""
    cells = plan.every_cell() | {route.cell.id: route.cell for route in plan.routes}
    names_of = {name: _label(cell, plan.known_good) or name for name, cell in cells.items()}
    by_stack = {found.cell: names_of.get(found.cell, found.cell) for found in verdict.comparisons}
    single = len(set(by_stack.values())) <= 1
    places: dict[tuple[str, str], list[Comparison]] = {}
    required: dict[str, bool] = {}
    for found in verdict.comparisons:
        column = found.metric.partition(":")[0] if single else by_stack[found.cell]
        row = _WHOLE if found.item == found.cell else found.workload
        places.setdefault((row, column), []).append(found)
        required[column] = required.get(column, False) or found.required
    names = (
        sorted(required, key=_by_metric) if single else sorted(required, key=lambda name: (not required[name], name))
    )
    rows = [
        HeatRow(row, tuple(_spot(places.get((row, name), ())) for name in names))
        for row in dict.fromkeys(row for row, _ in places)
    ]
    return (
        tuple(HeatColumn(name.replace("_", " ") if single else name, required[name]) for name in names),
        tuple(sorted(rows, key=_badness)),
    )


def _label(cell: Cell, known_good: Stack) -> str:
    """What a cell changes and, where it does not begin at the matrix's known-good stack, on what."""
    if cell.rollback:
        return f"back from {_changed(cell.stack, cell.known_good)}"
    begins = _changed(known_good, cell.known_good)
    return _changed(cell.known_good, cell.stack) + (f" on {begins}" if begins else "")


def _changed(old: Stack, new: Stack) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in new.items() if old.get(axis) != value)


def _by_metric(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _spot(group: Sequence[Comparison]) -> HeatSpot:
    if not group:
        return HeatSpot(None, 0, 0, "")
    status = worst([found.status for found in group])
    same = [found for found in group if found.status is status]
    return HeatSpot(status, len(same), len(group), item_anchor(same[0].item))


def _badness(row: HeatRow) -> tuple[int, str]:
    return WORST_FIRST.index(worst([spot.status for spot in row.spots if spot.status])), row.workload
