"""A driver and a runtime that change together: over edges, and what these add up to."""

from __future__ import annotations

from dataclasses import replace

from compat.model import (
    Arm,
    Decision,
    MetricPolicy,
    Phase,
    Policy,
    Status,
)

from .build import scaled
from .upgrades import RUNTIME, UPGRADED, among, matmul, of, with_route

NEXT = matmul(RUNTIME).key


SUM = "whole/operator:matmul[square]"


def test_a_route_is_go_when_its_edges_and_their_sum_are() -> None:
    w = with_route()
    verdict = w.verdict()
    assert verdict.decision is Decision.GO, verdict.reasons
    found = of(w, "latency", SUM)
    assert found.status is Status.PASS
    assert "2 edges: 1 of 2 control, 2 of 2 paired" in found.reason
    assert "bitwise equal, from end to end, on node u1" in of(w, "outputs", SUM).reason


def test_what_each_edge_lets_pass_may_be_too_much_together() -> None:
    policy = Policy(metrics={"latency": MetricPolicy(ignore=0.025)})
    w = with_route({"policy": policy}, runtime_slower=0.018, shift=among(UPGRADED, Phase.AFTER, 0.018))
    assert of(w, "latency").status is Status.PASS
    assert of(w, "latency", NEXT).status is Status.PASS
    assert of(w, "latency", SUM).status is not Status.PASS
    assert w.verdict().decision is not Decision.GO


def test_memory_is_compared_from_end_to_end() -> None:
    """Each edge takes 1.5 % more, which is allowed; together they take 3 %, and that is not."""
    w = with_route({"policy": Policy(metrics={"memory": MetricPolicy(relative=0.02)})})
    w.edit(scaled("memory", 1.015), arm=Arm.CANDIDATE)
    w.edit(lambda e: scaled("memory", 1.015)(e) if e.phase is None else e)
    assert of(w, "memory").status is Status.PASS
    assert of(w, "memory", NEXT).status is Status.PASS
    assert of(w, "memory", SUM).status is Status.REGRESS
    assert w.verdict().decision is Decision.NO_GO


def test_an_edge_that_was_not_measured_leaves_the_sum_open() -> None:
    w = with_route().edit(lambda e: None if e.phase is None else e)
    found = of(w, "latency", SUM)
    assert found.status is Status.INCONCLUSIVE
    assert "edge 2 of 2 was not measured" in found.reason
    w = with_route()
    w.evidence = []
    assert of(w, "latency", SUM).status is Status.MISSING
    assert w.verdict().decision is Decision.HOLD


def test_ends_with_other_inputs_do_not_compare() -> None:
    w = with_route().edit(lambda e: replace(e, inputs="others") if e.phase is None else e)
    assert of(w, "outputs", SUM).status is Status.INVALID
