from __future__ import annotations

import dataclasses

from compat.model import Status
from compat.report.view import view
from tests.report import build
from tests.report.large import Large


def test_a_single_stack_is_shown_by_metric_and_few_by_what_they_change() -> None:
    (demo,), (path,) = build.demo().maps, build.path().maps
    assert [column.name for column in demo.columns] == [
        *("execution", "outputs", "matrix instructions", "environment", "latency"),  # the worst first
        *("static", "memory", "spills"),
    ]
    assert [(column.name, column.required) for column in path.columns] == [
        ("runtime stack-2025", True),
        ("runtime stack-2024-numpy-2", False),
    ]
    rows = {row.workload: row.spots for row in path.rows}
    spot = rows["operator:average_pool"][0]
    assert (spot.status, spot.count, spot.total) == (Status.REGRESS, 1, 3)
    assert rows["operator:average_pool"][1].status is Status.PASS
    assert rows["operator:gemm"][1].status is None


def test_of_many_axes_there_is_a_map_for_each_of_the_others_with_the_same_rows() -> None:
    made = Large(135).view()  # three drivers, toolkits and runtimes, five workloads
    assert len(made.maps) == 9
    assert {one.across for one in made.maps} == {"driver"}
    assert made.maps[0].name == "cuda 13.0, runtime torch-2.10"
    assert {tuple(column.name for column in one.columns) for one in made.maps} == {
        ("580.95.05", "581.95.05", "582.95.05")
    }
    rows = {tuple(row.workload for row in one.rows) for one in made.maps}
    assert len(rows) == 1
    spots = [spot for one in made.maps for row in one.rows for spot in row.spots]
    assert len(spots) == 135
    assert {spot.anchor for spot in spots} == {item.anchor for item in made.items}
    assert sum(spot.status is Status.REGRESS for spot in spots) == 5


def test_versions_are_in_the_order_of_their_numbers() -> None:
    made = Large(1_000).view()
    assert [column.name for column in made.maps[0].columns] == [f"58{n}.95.05" for n in range(6)]
    verdict, plan, *others = Large(135).parts()
    values = {"580.95.05": "9.2", "581.95.05": "10.1", "582.95.05": "9.10"}
    items = [
        dataclasses.replace(
            item,
            cell=dataclasses.replace(item.cell, stack=item.cell.stack | {"driver": values[item.cell.stack["driver"]]}),
        )
        for item in plan.items
    ]
    turned = view(verdict, dataclasses.replace(plan, items=tuple(items)), *others)
    assert [column.name for column in turned.maps[0].columns] == ["9.2", "9.10", "10.1"]


def test_a_stack_that_begins_elsewhere_is_not_put_among_the_others() -> None:
    verdict, plan, *others = Large(135).parts()
    first, *rest = plan.items
    elsewhere = dataclasses.replace(first.cell, known_good=first.cell.known_good | {"cuda": "12.6"})
    items = (dataclasses.replace(first, cell=elsewhere), *rest)
    (one,) = view(verdict, dataclasses.replace(plan, items=items), *others).maps
    assert any(column.name.endswith(" on cuda 12.6") for column in one.columns)
