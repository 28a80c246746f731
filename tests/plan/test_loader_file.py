"""Loaders as content, and the way back that they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import Loads, Tier
from compat.plan import load_matrix
from compat.plan.cases import cases_of
from compat.plan.cells import make_cells
from compat.plan.content import read_file

from .conftest import AXES, MATRIX

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import PlanText, Write

LOADER = '''\
"""A format."""

KIND = "loader"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
# Bits.
TOLERANCE = 0.0
CASES = {"a": {}}


def save(params, tools):
    pass


def prepare(params, tools):
    pass
'''


def test_a_loader_loads_what_the_known_good_arm_saved_and_is_not_timed(write: Write) -> None:
    workload = read_file(write(LOADER, "w.py"), kernel=False)
    assert (workload.name, workload.timed) == ("loader:w", frozenset())
    (case,) = cases_of(workload, {Tier.CPU})
    assert case.loads is Loads.KNOWN_GOOD
    names = {metric.name for metric in case.metrics}
    assert "load_time" in names
    assert "latency" not in names


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def save(params, tools)", "def keep(params, tools)", "FILE:3: expected: a loader has a function save with"),
        ("def save(params, tools)", "def save(tools)", "FILE:11: expected: a loader has a function save with"),
        ('"loader"', '"operator"', "FILE:11: expected: a function save only in a file of kind loader"),
        ("# Bits.", "TIMED = True", "FILE:6: expected: no TIMED in a loader, which loads what save"),
        ("# Bits.", "SEEDS = 2", "FILE:6: expected: no SEEDS in a loader, which loads what save"),
        ("# Bits.", "ITEMS = 2", "FILE:6: expected: no ITEMS in a loader, which loads what save"),
        ('"loader"', '"loading"', "FILE:3: expected: KIND is 'operator', 'model', 'loader' or 'pytest'"),
    ],
)
def test_what_is_no_loader_is_an_error_with_its_line(write: Write, old: str, new: str, expected: str) -> None:
    assert old in LOADER
    path = write(LOADER.replace(old, new), "w.py")
    with pytest.raises(ContentError) as found:
        read_file(path, kernel=False)
    assert str(found.value).replace(str(path), "FILE").startswith(expected)


def test_the_way_back_of_a_cell_has_its_arms_the_other_way_round(write: Write) -> None:
    matrix = load_matrix(write(MATRIX))
    cells, _, _ = make_cells(matrix.points, without_model=True, rollbacks=True)
    (forward,) = (cell for cell in cells if cell.model is None and not cell.rollback)
    (back,) = (cell for cell in cells if cell.rollback)
    assert (back.stack, back.known_good) == (forward.known_good, forward.stack)
    assert back.required
    assert back.id.startswith("rollback-from-new-")


def test_there_is_no_way_back_where_only_the_node_changes_or_stacks_cannot_meet(write: Write) -> None:
    matrix = load_matrix(write(AXES))
    cells, _, _ = make_cells(matrix.points, without_model=True, rollbacks=True)
    ways = {(cell.stack["driver"], cell.known_good["driver"]) for cell in cells if cell.rollback}
    assert all(one == other for one, other in ways)
    assert len({cell.id for cell in cells}) == len(cells)


def test_a_loader_where_only_the_driver_changes_is_not_measured_and_that_is_said(
    plan_text: PlanText, shipped: Path
) -> None:
    (shipped / "workloads" / "w.py").write_text(LOADER)
    text = AXES.replace("runtime: [old, new]", "runtime: [old]").replace('cuda: ["12.8", "13.0"]', 'cuda: ["12.8"]')
    text = text.replace("runtime: new}", "runtime: old}").replace(
        '  new: {image: "example/torch:2.11", values: {cuda: "13.0"}}\n', ""
    )
    plan = plan_text(text.replace('{select: "operator:*"}', '{select: "*:*", targets: [sm_80]}'))
    assert not [item for item in plan.items if item.case.workload == "loader:w"]
    reasons = {rejection.what: rejection.reason for rejection in plan.rejections}
    assert reasons["loader:w"] == "it compares two runtimes, and no cell has two that share a node"


def test_both_directions_are_planned_and_required(plan_text: PlanText, shipped: Path) -> None:
    (shipped / "workloads" / "w.py").write_text(LOADER)
    text = MATRIX.replace('{select: "operator:*"}', '{select: "loader:*"}')
    found = {item.cell.rollback: item for item in plan_text(text).items if item.case.workload == "loader:w"}
    assert found[True].required
    assert found[False].required
    assert found[True].cell.stack == found[False].cell.known_good
    back = [item for item in plan_text(text).items if item.cell.rollback]
    assert {item.case.workload for item in back} == {"loader:w"}  # nothing else runs there
