"""The matrix at a glance: workloads down and stacks across; of more than two axes, a small map for each of the rest.

An axis counts where the stacks that were compared differ in it. The one with the most values goes across, and the
others make small maps. Few stacks, stacks on the way and ways back have one map, in which a column says what its stack
changes. Cells that differ only in their model share a column, because a model's workload runs in that model's cell
alone. With a single stack there would be one column: there the columns are what was compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from compat.model import Comparison
from compat.report.items import item_anchor
from compat.report.parts import HeatColumn, HeatMap, HeatRow, HeatSpot
from compat.report.statuses import WORST_FIRST, worst
from compat.report.text import NOTHING

if TYPE_CHECKING:
    from compat.model import Cell, Stack, Status, Verdict

__all__ = ["heat"]

_FIRST = ("environment", "static", "execution", "outputs")
_FEW = 6  # stacks that one map shows with what each changes
_LEAST = 10  # workloads that are shown, however many stacks there are
_SQUARES = 20_000  # that a report has room for
_NUMBER = re.compile(r"(\d+)")
_WHOLE = "the stack as a whole"  # what is said of a cell, and of no workload in it

_Place = tuple[str, str]  # the name of a map, and of a column
_Spots = Mapping[tuple[str, str], Sequence[Comparison]]  # by row and column


def heat(verdict: Verdict, known_good: Stack, cells: Mapping[str, Cell]) -> tuple[tuple[HeatMap, ...], int]:
    """The maps, and how many workloads they have no room for; ``cells`` are all of the plan, by their ids."""
    if not verdict.comparisons:
        return (), 0
    across, place = _placing(verdict, known_good, cells)
    maps: dict[str, dict[tuple[str, str], list[Comparison]]] = {}
    required: dict[_Place, bool] = {}
    for found in verdict.comparisons:
        name, column = place(found)
        maps.setdefault(name, {}).setdefault((_row(found), column), []).append(found)
        required[name, column] = required.get((name, column), False) or found.required
    every = _rows(verdict.comparisons)
    rows = every[: max(_LEAST, _SQUARES // len(required))]
    made = (_map(name, across, rows, spots, required) for name, spots in maps.items())
    return tuple(one for one in made if one.rows), len(every) - len(rows)


def _rows(comparisons: Sequence[Comparison]) -> list[str]:
    """The worst first; in the same order in each map, so that they can be compared."""
    found: dict[str, list[Status]] = {}
    for comparison in comparisons:
        found.setdefault(_row(comparison), []).append(comparison.status)
    return sorted(found, key=lambda row: (WORST_FIRST.index(worst(found[row])), row))


def _row(found: Comparison) -> str:
    return _WHOLE if found.item == found.cell else found.workload


def _placing(
    verdict: Verdict, known_good: Stack, cells: Mapping[str, Cell]
) -> tuple[str, Callable[[Comparison], _Place]]:
    """The axis that goes across, and what says in which map and column a comparison is."""
    compared = [cells[name] for name in dict.fromkeys(found.cell for found in verdict.comparisons) if name in cells]
    labels = {cell.id: _label(cell, known_good) or cell.id for cell in compared}
    if len({labels.get(found.cell, found.cell) for found in verdict.comparisons}) == 1:
        return "", lambda found: ("", found.metric.partition(":")[0].replace("_", " "))
    axes = _axes([cell.stack for cell in compared])
    apart = any(cell.rollback or cell.known_good != known_good for cell in compared)
    if len(axes) < 2 or len(set(labels.values())) <= _FEW or apart:
        return "", lambda found: ("", labels.get(found.cell, found.cell))
    across, *others = axes

    def in_one_of_many(found: Comparison) -> _Place:
        cell = cells.get(found.cell)
        if cell is None:
            return "", found.cell
        return ", ".join(f"{axis} {cell.stack.get(axis, NOTHING)}" for axis in others), cell.stack.get(across, NOTHING)

    return across, in_one_of_many


def _axes(stacks: Sequence[Stack]) -> list[str]:
    """The axes in which stacks differ: the one with the most values, and the others in the order that they have."""
    values: dict[str, set[str | None]] = {}
    for axis in dict.fromkeys(axis for stack in stacks for axis in stack):
        values[axis] = {stack.get(axis) for stack in stacks}
    differ = [axis for axis, found in values.items() if len(found) > 1]
    across = max(differ, key=lambda axis: len(values[axis]), default=None)
    return sorted(differ, key=lambda axis: axis != across)


def _map(name: str, across: str, rows: Sequence[str], spots: _Spots, required: Mapping[_Place, bool]) -> HeatMap:
    statuses: dict[str, list[Status]] = {}
    for (_, column), found in spots.items():
        statuses.setdefault(column, []).extend(one.status for one in found)

    def rank(column: str) -> tuple[bool, int, tuple[int, list[str]]]:
        """Worse columns come first where they are no axis's values: a telephone shows but the first."""
        return not required[name, column], 0 if across else WORST_FIRST.index(worst(statuses[column])), _order(column)

    columns = sorted(statuses, key=rank)
    there = {row for row, _ in spots}
    return HeatMap(
        name,
        across,
        tuple(HeatColumn(column, required[name, column]) for column in columns),
        tuple(HeatRow(row, tuple(_spot(spots.get((row, to), ())) for to in columns)) for row in rows if row in there),
    )


def _label(cell: Cell, known_good: Stack) -> str:
    """What a cell changes and, where it does not begin at the matrix's known-good stack, on what."""
    if cell.rollback:
        return f"back from {_changed(cell.stack, cell.known_good)}"
    begins = _changed(known_good, cell.known_good)
    return _changed(cell.known_good, cell.stack) + (f" on {begins}" if begins else "")


def _changed(old: Stack, new: Stack) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in new.items() if old.get(axis) != value)


def _order(name: str) -> tuple[int, list[str]]:
    """Metrics as a reader wants them, and versions by their numbers: 2.9 is before 2.10."""
    parts = [part.zfill(20) if part.isdecimal() else part for part in _NUMBER.split(name)]
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), parts)


def _spot(group: Sequence[Comparison]) -> HeatSpot:
    if not group:
        return HeatSpot(None, 0, 0, "")
    status = worst([found.status for found in group])
    same = [found for found in group if found.status is status]
    return HeatSpot(status, len(same), len(group), item_anchor(same[0].item))
