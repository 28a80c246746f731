"""Which points and cells a ring takes, and what it says of the others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.model import Coverage, Rejection
from compat.plan import build_plan, load_matrix
from compat.plan.cells import cells_of, make_cells

from .conftest import MODEL
from .test_load import refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from compat.model import Cell, Plan

    from .conftest import PlanText, Write

RUNTIMES = ("a", "b", "c", "d")
TEXT = """\
name: many
axes:
  driver: ["1", "2", "3"]
  cuda: ["12", "13"]
  runtime: [a, b, c, d]
  model: [tiny, small, large]
known_good: {driver: "1", runtime: a}
candidate: {driver: "2", runtime: b}
runtimes:
  a: {image: x, cuda: "12"}
  b: {image: x, cuda: "13"}
  c: {image: x, cuda: "12"}
  d: {image: x, cuda: "13"}
workloads:
  - {select: "*:*", targets: [sm_80]}
rings:
  - {name: canary, tiers: [cpu], coverage: COVERAGE}
policy:
  latency: {margin: 10%}
"""


@pytest.fixture
def models(shipped: Path) -> Path:
    for name in ("small", "large"):
        (shipped / "workloads" / f"{name}.py").write_text(MODEL)
    return shipped


def own_cells(plan: Plan, ring: str = "canary") -> list[Cell]:
    return list({item.cell.id: item.cell for item in plan.for_ring(ring)}.values())


def pairs_of(points: Iterable[dict[str, str]]) -> set[tuple[tuple[str, str], ...]]:
    return {pair for point in points for pair in itertools.combinations(sorted(point.items()), 2)}


def test_full_is_the_default_and_takes_every_cell(plan_text: PlanText, models: Path) -> None:
    plan = plan_text(TEXT.replace("COVERAGE", "full"))
    default = plan_text(TEXT.replace(", coverage: COVERAGE", ""))
    assert replace(default, matrix_digest=plan.matrix_digest) == plan
    assert plan.rings[0].coverage is None
    assert plan.for_ring("canary") == plan.items
    assert not [one for one in plan.rejections if one.ring]


def test_changed_takes_what_is_on_the_way_with_every_model(plan_text: PlanText, models: Path) -> None:
    plan = plan_text(TEXT.replace("COVERAGE", "changed"))
    stacks = {(cell.stack["driver"], cell.stack["runtime"]) for cell in own_cells(plan)}
    assert stacks == {("1", "b"), ("2", "a"), ("2", "b")}
    assert {cell.model for cell in own_cells(plan)} == {None, "tiny", "small", "large"}
    found = plan.rings[0].coverage
    assert found is not None
    assert (found.name, found.points, found.of) == ("changed", 12, 36)
    # 2 x 2 stacks, and 2 x 3 of each of their axes with a model, of 3 x 4, 3 x 3 and 4 x 3.
    assert (found.covered, found.tuples) == (4 + 6 + 6, 12 + 9 + 12)
    said = "it takes 12 of 36 points, and leaves out the others; they cover 16 of 33 pairs of"
    (rejection,) = (one for one in plan.rejections if one.ring)
    assert rejection == Rejection(
        "ring canary: coverage changed", f"{said} driver, runtime, model", blocking=False, ring="canary"
    )


def test_pairwise_has_every_pair_and_the_candidate_with_every_model(
    write: Write, plan_text: PlanText, models: Path
) -> None:
    text = TEXT.replace("COVERAGE", "pairwise")
    points = load_matrix(write(text)).points
    found = [{**stack, **({} if model is None else {"model": model})} for stack, model in points.points]
    every = [{**stack, "model": str(model)} for stack, model in points.space.walk()]
    assert len(every) == 36
    assert 12 <= len(found) < 24
    assert pairs_of(found) == pairs_of(every)  # of cuda too, which follows from the runtime
    for stack in (points.known_good, points.candidate):
        assert {model for one, model in points.points if one == stack} == {"tiny", "small", "large"}
    plan = plan_text(text)
    coverage = plan.rings[0].coverage
    assert coverage is not None
    assert (coverage.covered, coverage.tuples, coverage.points) == (33, 33, len(found))
    assert [cell.model for cell in own_cells(plan) if cell.required and cell.stack == plan.candidate].count("tiny") == 1


def test_triples(write: Write, models: Path) -> None:
    points = load_matrix(write(TEXT.replace("COVERAGE", "3-wise"))).points
    assert len(points.points) == 36
    assert (points.rings["canary"].covered, points.rings["canary"].tuples) == (36, 36)


def test_the_plan_is_the_same_however_the_file_is_ordered(plan_text: PlanText, models: Path) -> None:
    text = TEXT.replace("COVERAGE", "pairwise")
    assert plan_text(text).rings == plan_text(text).rings


def test_each_ring_has_its_own_cells(plan_text: PlanText, models: Path) -> None:
    early = "  - {name: early, after: canary, tiers: [cpu], coverage: changed}\n  - {name: broad, tiers: [cpu]}\n"
    plan = plan_text(TEXT.replace("COVERAGE}\n", "pairwise}\n" + early))
    numbers = [len(plan.for_ring(name)) for name in ("canary", "early", "broad")]
    assert len(plan.items) == numbers[2] > numbers[0] > numbers[1] > 0
    changed = {item.cell.id for item in plan.for_ring("early")}
    assert changed < set(plan.rings[1].coverage.cells)  # type: ignore[union-attr]
    assert {one.ring for one in plan.rejections if one.ring} == {"canary", "early"}


def test_what_a_cell_is_reached_over_belongs_to_its_ring(plan_text: PlanText, models: Path) -> None:
    plan = plan_text(TEXT.replace("COVERAGE", "pairwise"))
    ring = plan.rings[0]
    own = [route for route in plan.routes if ring.has(route.cell.id)]
    assert own
    assert all(ring.has(edge) for route in own for edge in route.edges)
    assert any(route.cell.required for route in own)
    assert {item.cell.id for item in plan.items} == {cell.id for cell in own_cells(plan)}


def test_a_way_back_belongs_to_the_ring_of_its_cell(write: Write, models: Path) -> None:
    matrix = load_matrix(write(TEXT.replace("COVERAGE", "changed")))
    cells, routes, _ = make_cells(matrix.points, without_model=True, rollbacks=True)
    only = [point for point in matrix.points.points if point[0] == matrix.points.candidate and point[1] == "tiny"]
    ids = cells_of(only, cells, routes, matrix.points.known_good)
    backs = {cell.id for cell in cells if cell.rollback}
    assert {one for one in ids if one in backs} == {one for one in backs if one.removeprefix("rollback-from-") in ids}
    assert ids & backs
    assert backs - ids


def test_pairs_that_no_point_has_are_listed_and_do_not_block(plan_text: PlanText, models: Path) -> None:
    text = TEXT.replace("COVERAGE", "pairwise").replace(
        "runtimes:\n", "exclude: [{driver: '3', cuda: '13'}]\nruntimes:\n"
    )
    plan = plan_text(text)
    listed = {one.what: one for one in plan.rejections if one.ring and "=" in one.what}
    assert set(listed) == {"ring canary: driver=3, runtime=b", "ring canary: driver=3, runtime=d"}
    assert {(one.reason, one.blocking) for one in listed.values()} == {
        ("no point of the matrix has it: it is not covered", False)
    }
    coverage = plan.rings[0].coverage
    assert coverage is not None
    assert (coverage.covered, coverage.tuples) == (31, 31)
    assert not [cell for cell in own_cells(plan) if cell.stack["driver"] == "3" and cell.stack["cuda"] == "13"]


def test_points_that_include_adds_are_taken_for_the_pairs_that_only_they_have(write: Write, models: Path) -> None:
    text = TEXT.replace("COVERAGE", "pairwise").replace(
        "runtimes:\n",
        'include:\n  - {driver: "9", runtime: c, model: tiny}\n  - {driver: "9", runtime: d, model: tiny}\nruntimes:\n',
    )
    points = load_matrix(write(text)).points
    added = [(stack["runtime"], model) for stack, model in points.points if stack["driver"] == "9"]
    assert added == [("c", "tiny"), ("d", "tiny")]
    ring = points.rings["canary"]
    assert (ring.covered, ring.tuples, ring.of) == (36, 36, 38)
    assert ring.impossible == ()  # of the values that the axes have


def test_a_model_that_the_known_good_stack_does_not_run_covers_nothing(plan_text: PlanText, models: Path) -> None:
    text = TEXT.replace("COVERAGE", "pairwise").replace(
        "runtimes:\n", "exclude: [{runtime: a, model: large}]\nruntimes:\n"
    )
    plan = plan_text(text)
    assert "large" not in {cell.model for cell in own_cells(plan)}
    coverage = plan.rings[0].coverage
    assert coverage is not None
    assert (coverage.covered, coverage.tuples) == (12 + 6 + 8, 12 + 6 + 8)
    assert [one.blocking for one in plan.rejections if "known-good counterpart is excluded" in one.reason] == [True]


def _large(coverage: str) -> str:
    numbers = ", ".join(f'"{n}"' for n in range(5, 205))
    text = TEXT.replace('"3"]', f'"3", {numbers}]').replace("axes:\n", f"axes:\n  firmware: [{numbers}]\n")
    for stack in ('{driver: "1"', '{driver: "2"'):
        text = text.replace(stack, f'{stack}, firmware: "5"')
    return text.replace("COVERAGE", coverage).replace("  model: [tiny, small, large]\n", "")


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [
        (
            "full",
            "coverage: full of the ring 'canary' comes to 162400 points, and a plan has at most 20000; "
            "say coverage: changed or coverage: pairwise, or exclude more",
        ),
        (
            "pairwise",
            "coverage: pairwise of the ring 'canary': it takes more than 20000 points; "
            "say coverage: changed, or give the axes fewer values",
        ),
        (
            "3-wise",
            "coverage: 3-wise of the ring 'canary': it takes more than 20000 points; "
            "say coverage: changed, or give the axes fewer values",
        ),
    ],
)
def test_a_plan_of_too_many_points_is_refused(write: Write, models: Path, coverage: str, expected: str) -> None:
    path = write(_large(coverage))
    with pytest.raises(MatrixError) as caught:
        build_plan(load_matrix(path), compat_version="0")
    assert str(caught.value) == f"{path}:17: {expected}"


def test_changed_is_planned_however_many_points_there_are(plan_text: PlanText, models: Path) -> None:
    plan = plan_text(_large("changed"))
    coverage = plan.rings[0].coverage
    assert coverage is not None
    assert (coverage.points, coverage.of) == (4, 162400)


def test_too_many_tuples_are_refused(write: Write, models: Path) -> None:
    path = write(_large("3-wise").replace('"3", ', '"3", ' + "".join(f'"x{n}", ' for n in range(60))))
    with pytest.raises(MatrixError) as caught:
        build_plan(load_matrix(path), compat_version="0")
    said = "coverage: 3-wise of the ring 'canary': 210400 tuples are more than 200000"
    assert str(caught.value) == f"{path}:17: {said}; say coverage: changed, or give the axes fewer values"


@pytest.mark.parametrize("word", ["some", "1-wise", "2-wise", "7-wise", "pair-wise", "FULL"])
def test_another_word_is_refused(write: Write, word: str) -> None:
    said = refused(write, TEXT.replace("COVERAGE", word))
    assert said == f"FILE:17: rings[0].coverage: {word!r} is not a coverage; write full, changed, pairwise or 3-wise"


def test_a_ring_knows_its_cells() -> None:
    coverage = Coverage("changed", ("x", "y"), 2, 9)
    assert coverage.ids == {"x", "y"}


def test_a_plan_of_too_many_cases_is_refused(
    write: Write, models: Path, monkeypatch: pytest.MonkeyPatch, plan_text: PlanText
) -> None:
    text = TEXT.replace("COVERAGE", "full")
    cases = len(plan_text(text).items)
    monkeypatch.setattr("compat.plan.plan.MAX_ITEMS", cases)
    assert len(plan_text(text).items) == cases
    path = write(text)
    two = write(text.replace("policy:", "  - {name: early, tiers: [cpu], coverage: changed}\npolicy:"), "two.yaml")
    for limit, which in ((cases - 1, path), (cases, two)):
        monkeypatch.setattr("compat.plan.plan.MAX_ITEMS", limit)
        with pytest.raises(MatrixError, match=f"the plan comes to more than {limit} cases of all rings, in"):
            build_plan(load_matrix(which), compat_version="0")
