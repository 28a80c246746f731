"""Sick nodes: slow in both arms, or the only one of their kind with a fault. They are never blamed on the upgrade."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.judge.nodes import hardware
from compat.model import Arm, Comparison, Decision, Gpu, Node, Place, Status, Tier

from .build import POOL, TEXT, World, faulting, plan, scaled, world

NODES = ("n1", "n2", "n3", "n4")


def ring(minimum_nodes: int = 1) -> World:
    made = plan()
    return world(replace(made, rings=(replace(made.rings[0], minimum_nodes=minimum_nodes),)), nodes=NODES, pairs=30)


def of(w: World, metric: str, item: str = POOL.key) -> Comparison:
    (found,) = [c for c in w.verdict().comparisons if c.item == item and c.metric == metric]
    return found


def slow(w: World, node: str, factor: float, *arms: Arm) -> World:
    for arm in arms:
        w.edit(scaled("latency", factor), of=POOL, arm=arm, node=node)
        w.edit(scaled("throughput", 1 / factor), of=POOL, arm=arm, node=node)
    return w


def test_a_node_that_is_slow_in_both_arms_is_quarantined() -> None:
    w = slow(ring(), "n3", 1.5, *Arm)
    verdict = w.verdict()
    assert verdict.decision is Decision.GO
    assert verdict.nodes == ("n1", "n2", "n4")
    said = "node n3 is quarantined: slower than 3 other nodes of its kind in both arms, by 4"
    assert any(text.startswith(said) for text in verdict.not_covered)


def test_what_is_slower_on_a_quarantined_node_is_not_blamed_on_the_upgrade() -> None:
    w = slow(slow(ring(), "n3", 1.5, *Arm), "n3", 1.5, Arm.CANDIDATE)
    assert w.verdict().decision is Decision.GO
    healthy = slow(ring(), "n3", 1.5, Arm.CANDIDATE)
    assert of(healthy, "latency").status is Status.REGRESS
    assert healthy.verdict().decision is Decision.NO_GO


def test_a_quarantined_node_does_not_count() -> None:
    assert ring(4).verdict().decision is Decision.GO
    w = slow(ring(4), "n3", 1.5, *Arm)
    assert w.verdict().decision is Decision.HOLD
    assert any("3 nodes, the ring asks for 4" in reason for reason in w.verdict().reasons)
    assert "it ran on 3 of the 4 nodes that the ring asks for" in of(w, "execution").reason


@pytest.mark.parametrize("arm", list(Arm))
def test_one_slow_arm_is_no_sick_node(arm: Arm) -> None:
    assert slow(ring(), "n3", 1.5, arm).verdict().nodes == NODES


def test_little_is_no_outlier_and_another_kind_is_no_peer() -> None:
    assert slow(ring(), "n3", 1.04, *Arm).verdict().nodes == NODES
    other = slow(ring(), "n3", 1.5, *Arm)
    other.nodes["n3"] = replace(other.nodes["n3"], cpu="an older one")
    assert other.verdict().nodes == NODES


def test_of_two_nodes_nobody_knows_which_is_sick() -> None:
    w = world(plan(), nodes=NODES[:2])
    assert slow(w, "n2", 1.2, *Arm).verdict().nodes == NODES[:2]


def test_the_kind_of_a_node_is_its_processor_and_its_gpus() -> None:
    gpu = Gpu("GPU-1", "NVIDIA H100")
    nodes = {
        "a": Node("a", "a", "EPYC", 2, None, "6.1", gpus=(gpu,)),
        "b": Node("b", "b", "EPYC", 2, None, "6.1", gpus=(replace(gpu, uuid="GPU-2"),)),
        "c": Node("c", "c", "EPYC", 2, None, "6.1"),
    }
    kinds = hardware([Place("a"), Place("b"), Place("c"), Place("a", ("GPU-1",)), Place("gone")], nodes)
    assert kinds[Place("a")] == kinds[Place("b")] == "node: EPYC + NVIDIA H100"
    assert kinds[Place("c")] == "node: EPYC"
    assert kinds[Place("a", ("GPU-1",))] == "GPU: EPYC + NVIDIA H100"
    assert Place("gone") not in kinds


def test_a_fault_on_one_node_of_a_kind_is_not_reproduced() -> None:
    w = ring().edit(faulting(), of=TEXT, arm=Arm.CANDIDATE, node="n2")
    found = of(w, "execution", TEXT.key)
    assert found.status is Status.FLAKY
    assert "3 other nodes of the same kind ran it cleanly: a sick node?, on node n2" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_a_fault_on_two_nodes_or_on_the_only_one_of_its_kind_counts() -> None:
    two = ring().edit(faulting(), of=TEXT, arm=Arm.CANDIDATE, node="n2")
    two.edit(faulting(), of=TEXT, arm=Arm.CANDIDATE, node="n4")
    assert two.verdict().decision is Decision.NO_GO
    alone = ring().edit(faulting(), of=TEXT, arm=Arm.CANDIDATE, node="n2")
    alone.nodes["n2"] = replace(alone.nodes["n2"], cpu="an older one")
    assert alone.verdict().decision is Decision.NO_GO


def test_compiled_cases_do_not_depend_on_the_machine() -> None:
    w = ring(2)
    w.edit(lambda record: None if record.node != "n1" else record, of=w.plan.items[2])
    assert w.plan.items[2].case.tier is Tier.AOT
    assert w.verdict().decision is Decision.GO
