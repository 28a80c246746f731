"""A driver and a runtime that change together: over which edges the candidate is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Cell, Route
from compat.plan import load_matrix
from compat.plan.cells import make_cells

from .conftest import AXES, MATRIX

if TYPE_CHECKING:
    from .conftest import Write

OLD = {"driver": "570.172.08", "cuda": "12.8", "runtime": "old"}
NEW = {"driver": "580.95.05", "cuda": "13.0", "runtime": "new"}
DRIVER_FIRST = {**OLD, "driver": "580.95.05"}
RUNTIME_FIRST = {**NEW, "driver": "570.172.08"}


def made(write: Write, exclude: str = "") -> tuple[dict[str, Cell], tuple[Route, ...]]:
    matrix = load_matrix(write(AXES.replace("runtimes:\n", f"exclude: [{exclude}]\nruntimes:\n")))
    cells, routes, _ = make_cells(matrix.points, without_model=True)
    return {cell.id: cell for cell in cells}, routes


def test_the_driver_goes_first_and_then_the_runtime_in_pairs(write: Write) -> None:
    cells, (route,) = made(write)
    assert (route.cell.known_good, route.cell.stack) == (OLD, NEW)
    assert route.cell.id not in cells
    first, second = (cells[name] for name in route.edges)
    assert (first.known_good, first.stack, first.phased, first.required) == (OLD, DRIVER_FIRST, True, True)
    assert (second.known_good, second.stack, second.phased, second.required) == (DRIVER_FIRST, NEW, False, True)
    (other,) = [cell for cell in cells.values() if cell not in (first, second)]
    assert (other.known_good, other.stack, other.required) == (OLD, RUNTIME_FIRST, False)


def test_without_that_point_the_runtime_goes_first(write: Write) -> None:
    cells, (route,) = made(write, '{driver: "580.95.05", runtime: old}')
    first, second = (cells[name] for name in route.edges)
    assert (first.known_good, first.stack, first.phased) == (OLD, RUNTIME_FIRST, False)
    assert (second.known_good, second.stack, second.phased) == (RUNTIME_FIRST, NEW, True)
    assert first.required
    assert second.required
    assert len(cells) == 2


def test_without_a_point_between_it_is_one_step_in_phases(write: Write) -> None:
    cells, routes = made(write, '{driver: "580.95.05", runtime: old}, {driver: "570.172.08", runtime: new}')
    assert routes == ()
    (cell,) = cells.values()
    assert (cell.known_good, cell.stack, cell.phased, cell.required) == (OLD, NEW, True, True)


def test_where_nothing_of_the_node_changes_there_is_no_route(write: Write) -> None:
    matrix = load_matrix(write(MATRIX))
    cells, routes, _ = make_cells(matrix.points, without_model=True)
    assert routes == ()
    assert not any(cell.phased for cell in cells)


def test_a_model_takes_the_edges_that_it_has(write: Write) -> None:
    text = AXES.replace("  runtime: [old, new]\n", "  runtime: [old, new]\n  model: [tiny, small]\n")
    text = text.replace("runtimes:\n", 'exclude: [{driver: "580.95.05", runtime: old, model: small}]\nruntimes:\n')
    matrix = load_matrix(write(text))
    cells, routes, _ = make_cells(matrix.points, without_model=False)
    middle = {route.cell.model: next(c.stack for c in cells if c.id == route.edges[0]) for route in routes}
    assert middle == {"tiny": DRIVER_FIRST, "small": RUNTIME_FIRST}
