from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from compat.model import Cell, Node
from compat.plan import load_matrix
from compat.plan.cells import make_cells, unplaced

from .conftest import AXES, MATRIX

if TYPE_CHECKING:
    from .conftest import Write


def ids(write: Write, text: str) -> list[str]:
    matrix = load_matrix(write(text))
    cells, _, _ = make_cells(matrix.points, without_model=True)
    return [cell.id for cell in cells]


def test_ids_are_readable(write: Write) -> None:
    slugs = [re.sub(r"-[0-9a-f]{6}$", "", cell) for cell in ids(write, AXES)]
    assert slugs == ["570.172.08-13.0-new", "580.95.05-12.8-old", "580.95.05-13.0-new"]
    slugs = [re.sub(r"-[0-9a-f]{6}$", "", cell) for cell in ids(write, MATRIX)]
    assert slugs == ["new", "new-tiny"]


def test_ids_do_not_depend_on_the_order_in_the_file(write: Write) -> None:
    text = AXES.replace('["570.172.08", "580.95.05"]', '["580.95.05", "570.172.08"]')
    text = text.replace(
        '  cuda: ["12.8", "13.0"]\n  runtime: [old, new]\n', '  runtime: [new, old]\n  cuda: ["13.0", "12.8"]\n'
    )
    assert text != AXES
    assert ids(write, text) == ids(write, AXES)


def test_ids_depend_on_the_content(write: Write) -> None:
    other = ids(write, AXES.replace("570.172.08", "570.172.09"))
    (same,) = set(other) & set(ids(write, AXES))
    assert same.startswith("580.95.05-13.0-new-")  # the edge that begins on the new driver


def test_only_the_candidate_is_required(write: Write) -> None:
    matrix = load_matrix(write(MATRIX))
    cells, _, _ = make_cells(matrix.points, without_model=True)
    assert [cell.required for cell in cells] == [True, True]
    assert all(cell.known_good == matrix.points.known_good for cell in cells)
    assert matrix.points.known_good not in [cell.stack for cell in cells]


def test_without_work_that_needs_no_model(write: Write) -> None:
    matrix = load_matrix(write(MATRIX))
    cells, _, _ = make_cells(matrix.points, without_model=False)
    assert [cell.model for cell in cells] == ["tiny"]


def test_a_counterpart_that_is_excluded(write: Write) -> None:
    text = MATRIX.replace("[tiny]", "[tiny, small]").replace(
        "runtimes:\n", "exclude: [{runtime: old, model: small}]\nruntimes:\n"
    )
    matrix = load_matrix(write(text))
    cells, _, rejections = make_cells(matrix.points, without_model=False)
    assert [cell.model for cell in cells] == ["tiny"]
    assert [(item.reason, item.blocking) for item in rejections] == [
        ("its known-good counterpart is excluded: model=small, runtime=old", True)
    ]


def test_placement(node: Node) -> None:
    same = {"driver": "580.95.05", "runtime": "new"}
    cell = Cell("c", same, {**same, "runtime": "old"}, None)
    assert unplaced(cell, node) is None
    assert unplaced(Cell("c", {"runtime": "new"}, {"runtime": "old"}, None), node) is None
    older = {"driver": "570.26", "runtime": "new"}
    other = dataclasses.replace(cell, stack=older, known_good={**older, "runtime": "old"})
    assert unplaced(other, node) == "its candidate arm needs driver 570.26, and the node gpu-1 has driver 580.95.05"
    for changed in (Cell("c", same, older, None), Cell("c", older, same, None)):  # one arm now, the other in its phase
        assert unplaced(changed, node) is None
    other = Cell("c", {**same, "driver": "590.44.01"}, older, None)
    assert unplaced(other, node) == "its candidate arm needs driver 590.44.01, and the node gpu-1 has driver 580.95.05"
    bare = dataclasses.replace(node, driver=None)
    expected = "its candidate arm needs driver 580.95.05, and the node gpu-1 has no driver that could be read"
    assert unplaced(cell, bare) == expected
    other = Cell("c", {"firmware": "96.0", "runtime": "b"}, {"firmware": "96.0", "runtime": "a"}, None)
    assert unplaced(other, node) == "its candidate arm needs firmware 96.0, and the firmware of gpu-1 was not read"
