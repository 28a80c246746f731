"""Cells onto nodes, and the batches that a scheduler is told of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compat.model import Cell, Gpu, Item, Node, Phase, Plan, Ring, Tier
from compat.plan.batches import batches
from compat.plan.placement import place

from .test_shards import item, plan_of

if TYPE_CHECKING:
    from collections.abc import Sequence

OLD, NEW = "570.124.06", "580.95.05"
PHASED = Cell("driver-1", {"runtime": "old", "driver": NEW}, {"runtime": "old", "driver": OLD}, None)
PAIRED = Cell("runtime-1", {"runtime": "new", "driver": NEW}, {"runtime": "old", "driver": NEW}, None)
FREE = Cell("new-1", {"runtime": "new"}, {"runtime": "old"}, None)


def node(name: str, driver: str | None = OLD, gpus: int = 0, **labels: str) -> Node:
    made = tuple(Gpu(f"{name}/{number}") for number in range(gpus))
    return Node(name, name, None, 0, None, "", driver, made, labels)


def ring(**changes: object) -> Ring:
    return replace(Ring("canary", (Tier.CPU, Tier.GPU)), **changes)  # type: ignore[arg-type] # what a test says


def planned(*cells: Cell, ring: Ring, tier: Tier = Tier.CPU) -> Plan:
    items: Sequence[Item] = [item("operator:a", tier=tier, cell=cell) for cell in cells]
    return replace(plan_of(list(items), ring=ring), known_good={"runtime": "old", "driver": OLD})


def test_a_cell_goes_where_its_driver_is() -> None:
    plan = planned(PAIRED, PHASED, ring=ring())
    found = place(plan, "canary", [node("a"), node("b", NEW), node("c", "535.54.03"), node("d", None)])
    assert found.cells == {"driver-1": ("a", "b"), "runtime-1": ("b",)}
    assert found.rejections == ()


def test_a_cell_without_a_node_blocks_its_ring_and_says_why() -> None:
    plan = planned(PAIRED, ring=ring(labels={"ring": "canary"}))
    nodes = [node(f"a{n}", OLD, ring="canary") for n in range(5)] + [node("b", None, ring="canary"), node("c", NEW)]
    (said,) = place(plan, "canary", nodes).rejections
    assert (said.what, said.blocking, said.ring) == ("runtime-1", True, "canary")
    assert said.reason == (
        f"unplaced: it needs driver {NEW} and ring=canary, and fits on no node "
        f"(driver {OLD}: a0, a1, a2 and 2 more; driver none: b; without the ring's labels: c)"
    )
    shown = replace(plan, items=(replace(plan.items[0], cell=replace(PAIRED, required=False)),))
    assert not place(shown, "canary", nodes).rejections[0].blocking
    assert "there are no nodes" in place(plan, "canary", []).rejections[0].reason


def test_too_few_nodes_and_too_few_gpus_block_too() -> None:
    plan = planned(FREE, ring=ring(minimum_nodes=2, gpus=4), tier=Tier.GPU)
    found = place(plan, "canary", [node("a", gpus=4), node("b", gpus=2)])
    assert found.cells == {"new-1": ("a",)}
    assert "it needs 4 GPUs, and fits on 1 of the 2 nodes that the ring asks for" in found.rejections[0].reason
    assert "driver 570.124.06 and 2 GPUs: b" in found.rejections[0].reason
    assert place(plan, "canary", [node("a", gpus=4), node("b", gpus=8)]).rejections == ()


def test_controls_are_counted_apart() -> None:
    group = ring(minimum_nodes=2, controls={"group": "control"}, minimum_controls=2)
    nodes = [node("a"), node("b"), node("c", group="control"), node("d", NEW, group="control")]
    found = place(planned(PHASED, ring=group), "canary", nodes)
    assert (found.cells, found.controls) == ({"driver-1": ("a", "b")}, {"driver-1": ("c",)})
    (said,) = found.rejections
    assert said.blocking
    assert f"its controls are 1 of the 2 nodes that the ring asks for, with driver {OLD}" in said.reason


def test_firmware_is_not_read_so_no_node_has_it() -> None:
    cell = Cell("fw-1", {"runtime": "old", "firmware": "2"}, {"runtime": "old", "firmware": "1"}, None)
    (said,) = place(planned(cell, ring=ring()), "canary", [node("a")]).rejections
    assert "firmware 2, which is not read" in said.reason


# -- batches -----------------------------------------------------------------------------------------------------------


def test_without_a_driver_there_is_a_batch_for_each_that_nodes_have() -> None:
    plan = planned(FREE, ring=ring(minimum_nodes=2))
    (one,) = batches(plan, "canary")
    assert (one.driver, one.nodes, one.hosts, one.key) == (None, 2, (), "")
    found = batches(plan, "canary", [node("a"), node("b", NEW), node("c"), node("d"), node("e", None)])
    assert [(b.driver, b.nodes, b.hosts) for b in found] == [
        (None, 1, ("e",)),
        (OLD, 2, ("a", "c", "d")),
        (NEW, 1, ("b",)),
    ]


def test_a_driver_is_measured_before_and_after_on_the_same_nodes() -> None:
    plan = planned(PHASED, PAIRED, ring=ring(minimum_nodes=2))
    before, after = batches(plan, "canary")
    assert (before.driver, before.phase, before.cells) == (OLD, Phase.BEFORE, ("driver-1",))
    assert (after.driver, after.phase, after.cells) == (NEW, Phase.AFTER, ("driver-1", "runtime-1"))
    nodes = [node("a"), node("b", NEW), node("c"), node("d", "535.54.03")]
    before, after = batches(plan, "canary", nodes)
    assert before.hosts == after.hosts == ("a", "b", "c")
    assert before.nodes == after.nodes == 3
    assert before.pinned
    assert after.pinned


def test_controls_say_their_phase_and_keep_their_driver() -> None:
    group = ring(labels={"group": "upgraded"}, controls={"group": "control"}, minimum_controls=1)
    nodes = [node("a", group="upgraded"), node("c", group="control")]
    found = batches(planned(PHASED, ring=group), "canary", nodes)
    assert [(b.key, b.hosts, b.labels["group"]) for b in found] == [
        (f"driver-{OLD}-before", ("a",), "upgraded"),
        (f"driver-{NEW}-after", ("a",), "upgraded"),
        (f"control-driver-{OLD}-before", ("c",), "control"),
        (f"control-driver-{OLD}-after", ("c",), "control"),
    ]


def test_what_no_node_can_run_is_in_no_batch() -> None:
    assert batches(planned(PAIRED, ring=ring()), "canary", [node("a")]) == ()


def test_every_gpu_of_a_node_is_asked_for_unless_the_ring_says_how_many() -> None:
    nodes = [node("a", gpus=8), node("b", gpus=4)]
    assert batches(planned(FREE, ring=ring(), tier=Tier.GPU), "canary", nodes)[0].gpus == 4
    assert batches(planned(FREE, ring=ring(gpus=2), tier=Tier.GPU), "canary", nodes)[0].gpus == 2
    assert batches(planned(FREE, ring=ring(), tier=Tier.GPU), "canary")[0].gpus == 1
    assert batches(planned(FREE, ring=ring()), "canary", nodes)[0].gpus == 0


def test_a_node_with_another_card_than_the_rings_is_not_of_it() -> None:
    cell = Cell("c", {"runtime": "new"}, {"runtime": "old"}, None)
    made = planned(cell, ring=ring(cards=("Some GPU*",)))
    right, wrong = node("right", gpus=1), node("wrong", gpus=1)
    right = replace(right, gpus=(replace(right.gpus[0], product="Some GPU 80GB"),))
    wrong = replace(wrong, gpus=(replace(wrong.gpus[0], product="Another GPU"),))
    assert place(made, "canary", [right, wrong]).cells == {"c": ("right",)}
    (short,) = place(made, "canary", [wrong]).rejections
    assert short.blocking
    assert "Another GPU, no card of the ring: wrong" in short.reason
