"""One node whose driver is upgraded and rolled back: what it decides by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from compat.model import (
    Decision,
    DesignPolicy,
    Evidence,
    MetricPolicy,
    Phase,
    Policy,
    Status,
)

from .build import World
from .upgrades import among, matmul, of, upgraded

LOOSE = Policy(metrics={"latency": MetricPolicy(margin=0.15)})


def on(w: World, node: str, change: Callable[[Evidence], Evidence | None], *phases: Phase) -> World:
    return w.edit(lambda e: change(e) if e.phase in phases else e, node=node)


def alone(shift: float = 0.0, phase: Phase = Phase.AFTER, policy: Policy = LOOSE, items: int = 1) -> World:
    many = tuple(matmul(name=f"square{n}") for n in range(items)) if items > 1 else ()
    return upgraded(many, among(("u1",), phase, shift), ("u1",), (), policy=policy, deviation=0.002)


def test_one_node_there_and_back() -> None:
    w = alone(items=24)
    assert w.verdict().decision is Decision.GO
    (found, *_) = [c for c in w.verdict().comparisons if c.metric == "latency"]
    assert "before and back again" in found.reason


def test_a_large_change_is_found_on_one_node() -> None:
    w = alone(0.2, items=24)
    assert w.verdict().decision is Decision.NO_GO


def test_a_small_one_is_not_decided() -> None:
    w = alone(0.05, policy=Policy())
    found = of(w, "latency")
    assert found.status is Status.INCONCLUSIVE
    assert "A-B-A passes no margin below 10 %" in found.reason or "not worse than both" in found.reason


def test_a_drift_that_stays_is_not_the_upgrades() -> None:
    w = upgraded((), lambda _, now, __: 0.0 if now is Phase.BEFORE else 0.2, ("u1",), (), policy=LOOSE, deviation=0.002)
    assert of(w, "latency").status is Status.INCONCLUSIVE


def test_without_the_way_back_speed_is_missing() -> None:
    w = on(alone(), "u1", lambda _: None, Phase.BACK)
    found = of(w, "latency")
    assert found.status is Status.MISSING
    assert "0 of the 3 generations back again" in found.reason
    last = max(e.pair for e in alone().evidence)
    w = alone().edit(lambda _: None, pairs=[last])
    assert (of(w, "latency").status, w.verdict().decision) == (Status.MISSING, Decision.HOLD)
    assert "4 clean runs back again, 5 are needed" in of(w, "latency").reason
    assert of(w, "memory").status is Status.PASS
    assert w.verdict().decision is Decision.HOLD


def test_what_one_node_decides_is_policy() -> None:
    strict = replace(LOOSE, design=DesignPolicy(least=0.3))
    assert of(alone(0.2, policy=strict), "latency").status is Status.INCONCLUSIVE
