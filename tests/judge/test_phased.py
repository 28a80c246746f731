"""A driver that is upgraded, through the front door: control groups, one node there and back, and routes over edges."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from compat.judge.budget import measured
from compat.judge.sampling import wanted_in_phase
from compat.model import (
    Arm,
    Decision,
    Evidence,
    Phase,
    Status,
    Tier,
    digest,
)

from .build import OLD, World, faulting, samples, scaled
from .upgrades import (
    AFTER,
    BEFORE,
    CONTROLS,
    DRIVER,
    ITEM,
    RUNTIME,
    UPGRADED,
    among,
    identity,
    matmul,
    of,
    upgraded,
    with_route,
)

NEXT = matmul(RUNTIME).key


def on(w: World, node: str, change: Callable[[Evidence], Evidence | None], *phases: Phase) -> World:
    return w.edit(lambda e: change(e) if e.phase in phases else e, node=node)


def test_an_upgrade_that_changes_nothing_is_go() -> None:
    verdict = upgraded().verdict()
    assert verdict.decision is Decision.GO
    assert verdict.nodes == UPGRADED  # controls are no nodes of the ring
    found = of(upgraded(), "latency")
    assert found.status is Status.PASS
    assert "6 upgraded and 6 control nodes" in found.reason


def test_what_is_slower_after_the_upgrade_is_no_go() -> None:
    w = upgraded(shift=among(UPGRADED, Phase.AFTER, 0.1))
    assert w.verdict().decision is Decision.NO_GO
    assert re.match(r"latency 1[01](\.\d)? % slower \(95 % interval", of(w, "latency").reason)


def test_what_happened_to_all_nodes_meanwhile_is_not_the_upgrades_doing() -> None:
    w = upgraded(shift=among((*UPGRADED, *CONTROLS), Phase.AFTER, 0.1))
    assert w.verdict().decision is Decision.GO


def test_what_the_controls_alone_were_slowed_by_hides_a_regression_and_is_found() -> None:
    """The upgraded nodes are as they were, and all others became faster: that is 10 % lost."""
    w = upgraded(shift=among(CONTROLS, Phase.AFTER, -0.1))
    assert of(w, "latency").status is Status.REGRESS


def test_one_upgraded_node_that_is_worse_is_not_averaged_away() -> None:
    w = upgraded(shift=among(("u3",), Phase.AFTER, 0.08))
    found = of(w, "latency")
    assert found.status is Status.INCONCLUSIVE
    assert w.verdict().decision is Decision.HOLD


@pytest.mark.parametrize("gpus", [1, 4])
def test_one_gpu_of_a_node_is_not_averaged_away_either(gpus: int) -> None:
    key = matmul(tier=Tier.GPU).key
    calm = upgraded(gpus=gpus)
    assert of(calm, "latency", key).status is Status.PASS
    w = upgraded(gpus=gpus, shift=among(tuple(f"{n} GPU-{n}-0" for n in UPGRADED), Phase.AFTER, 0.1))
    assert of(w, "latency", key).status is Status.REGRESS


def test_gpus_are_judged_one_by_one() -> None:
    """The first of each node, then the second: one that vanishes in a mean of four is found."""
    key = matmul(tier=Tier.GPU).key
    w = upgraded(gpus=4, shift=among(tuple(f"{n} GPU-{n}-2" for n in UPGRADED), Phase.AFTER, 0.06))
    found = of(w, "latency", key)
    assert found.status is Status.REGRESS
    assert found.reason.endswith("on GPU 2 of each node")


def family(by: float, members: int = 12) -> World:
    items = tuple(matmul(name=f"square{n}") for n in range(members))
    return upgraded(items, among(UPGRADED, Phase.AFTER, by), deviation=0.006)


def test_a_family_that_is_a_little_slower_is_found_together() -> None:
    assert family(0.0).verdict().decision is Decision.GO
    w = family(0.017)
    single = [c for c in w.verdict().comparisons if c.metric == "latency"]
    assert {c.status for c in single} == {Status.PASS}
    (found,) = [c for c in w.verdict().comparisons if c.metric == "group:latency"]
    assert found.status is Status.REGRESS
    assert "latency of 12 cases together 1." in found.reason
    assert "6 upgraded and 6 control nodes" in found.reason
    assert w.verdict().decision is Decision.NO_GO


def test_a_family_of_three_is_none() -> None:
    assert not [c for c in family(0.017, members=3).verdict().comparisons if c.metric.startswith("group:")]


def test_nodes_with_more_and_with_fewer_gpus_do_not_compare() -> None:
    w = upgraded(gpus=2)
    w.nodes["c1"] = replace(w.nodes["c1"], gpus=w.nodes["c1"].gpus[:1])
    w.edit(lambda e: None if e.devices == ("GPU-c1-1",) else e)
    found = of(w, "latency", matmul(tier=Tier.GPU).key)
    assert found.status is Status.INCONCLUSIVE
    assert "nodes with 1 and with 2 GPUs do not compare" in found.reason


@pytest.mark.parametrize("name", ["u2", "c2"])
@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.AFTER])
def test_a_node_that_did_not_come_back_holds_the_ring(name: str, phase: Phase) -> None:
    w = on(upgraded(), name, lambda _: None, phase)
    assert w.verdict().decision is Decision.HOLD
    found = of(w, "execution")
    assert found.status is Status.MISSING
    if name == "c2" or phase is Phase.AFTER:
        role = "control node c2" if name == "c2" else "node u2"
        assert f"{role} has 0 clean runs {phase.value} the upgrade" in found.reason or "only one arm" in found.reason


@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.AFTER])
@pytest.mark.parametrize("name", ["u2", "c2"])
def test_a_phase_that_is_not_whole_holds_the_ring(name: str, phase: Phase) -> None:
    lost = {e.pair for e in upgraded().evidence if e.node == name and e.phase is phase}
    w = upgraded().edit(lambda _: None, node=name, pairs=[max(lost)])
    found = of(w, "execution")
    assert found.status is Status.MISSING
    assert f"{name} has 4 clean runs {phase.value} the upgrade, 5 are needed" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_too_few_nodes_in_a_group() -> None:
    few = upgraded(nodes=UPGRADED[:2])
    assert "it ran on 2 of the 3 nodes that the ring asks for" in of(few, "execution").reason
    few = upgraded(controls=CONTROLS[:2])
    assert "it ran on 2 of the 3 control nodes that the ring asks for" in of(few, "execution").reason
    assert few.verdict().decision is Decision.HOLD


def test_faults_outputs_and_memory_need_no_controls() -> None:
    crashed = upgraded().edit(faulting(), arm=Arm.CANDIDATE)
    found = of(crashed, "execution")
    assert found.status is Status.REGRESS
    assert "the candidate faulted in 3 of 3 attempts (known-good 0 of 3)" in found.reason
    wrong = upgraded()
    wrong.edit(wrong.wrong(ITEM), arm=Arm.CANDIDATE)
    assert of(wrong, "outputs").status is Status.REGRESS
    assert of(wrong, "latency").reason == "latency: not judged, a wrong result has no speed"
    larger = upgraded().edit(scaled("memory", 2.0), arm=Arm.CANDIDATE)
    assert of(larger, "memory").status is Status.REGRESS
    assert {w.verdict().decision for w in (crashed, wrong, larger)} == {Decision.NO_GO}


def test_a_fault_before_the_upgrade_too_is_pre_existing() -> None:
    w = upgraded().edit(faulting(), node="u1")
    assert "both arms fault" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_a_fault_of_a_control_is_no_clean_run() -> None:
    w = on(upgraded(), "c4", faulting(), Phase.AFTER)
    assert "control node c4 has 0 clean runs after the upgrade" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: replace(e, phase=None), "it ran in no phase, and its stacks cannot share a node"),
        (lambda e: replace(e, phase=Phase.BACK), "it ran the candidate arm in the phase back, which a node in the"),
        (lambda e: replace(e, phase=Phase.BEFORE), "it ran the candidate arm in the phase before, which a node in"),
    ],
    ids=["none", "back", "before"],
)
def test_a_phase_that_cannot_be(change: Callable[[Evidence], Evidence], said: str) -> None:
    w = on(upgraded(), "u1", change, Phase.AFTER)
    assert said in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_a_control_runs_no_candidate() -> None:
    w = upgraded()
    candidate = {"driver": AFTER, "runtime": "old"}
    changed = identity(w, AFTER)
    on(w, "c1", lambda e: replace(e, arm=Arm.CANDIDATE, stack=candidate, identity=changed), Phase.AFTER)
    assert "it ran the candidate arm in the phase after, which a control node does not" in of(w, "execution").reason


def test_the_driver_that_was_running_is_the_one_of_the_phase() -> None:
    w = upgraded()
    old = identity(w, BEFORE)
    on(w, "u1", lambda e: replace(e, identity=old), Phase.AFTER)
    assert f"driver {BEFORE} was running, and its stack has {AFTER}" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_a_driver_that_nobody_read_is_no_phase() -> None:
    w = upgraded()
    w.identities[digest(OLD)] = OLD
    on(w, "u1", lambda e: replace(e, identity=digest(OLD)), Phase.BEFORE)
    assert "which driver was running is not known" in of(w, "execution").reason


def test_nvml_tells_the_driver_where_the_module_is_not_readable() -> None:
    w = upgraded()
    for driver in (BEFORE, AFTER):
        told = replace(OLD, driver={"nvml": f"12.{driver}"})
        w.identities[digest(told)] = told
        was = identity(w, driver)
        w.edit(lambda e, was=was, told=told: replace(e, identity=digest(told)) if e.identity == was else e)
    assert w.verdict().decision is Decision.GO


def test_a_metric_that_a_run_lacks_or_took_too_seldom() -> None:
    w = on(upgraded(), "c3", lambda e: replace(e, measurements=e.measurements[1:]), Phase.AFTER)
    assert (of(w, "latency").status, w.verdict().decision) == (Status.MISSING, Decision.HOLD)
    w = on(upgraded(), "u3", samples("latency", 0.012), Phase.AFTER)
    assert (of(w, "latency").status, w.verdict().decision) == (Status.INVALID, Decision.HOLD)


def test_evidence_of_a_paired_cell_is_in_no_phase() -> None:
    w = with_route()
    w.edit(lambda e: replace(e, phase=Phase.AFTER) if e.phase is None else e)
    assert "it ran in a phase, and both arms can run on a node as it is" in of(w, "execution", NEXT).reason


def test_a_control_group_shares_the_budget_as_one() -> None:
    made = upgraded().plan
    assert measured(made, made.rings[0]) == 1
    assert measured(made, replace(made.rings[0], controls={}, minimum_nodes=4)) == 4
    route = with_route().plan
    assert measured(route, route.rings[0]) == 1 + 3 + 3  # the driver; the runtime and the sum, on each node


def test_what_a_run_wants_in_a_phase() -> None:
    w = upgraded()
    own = [e for e in w.evidence if e.node == "u1" and e.phase is Phase.AFTER]
    rounds = w.plan.policy.rounds
    assert wanted_in_phase(w.plan, ITEM, ()).pairs == rounds[0]
    assert wanted_in_phase(w.plan, ITEM, own).pairs == rounds[0]
    assert wanted_in_phase(w.plan, ITEM, own * 2).pairs == rounds[0]
    crashed = [faulting()(e) for e in own]
    assert wanted_in_phase(w.plan, ITEM, crashed[:1]).pairs == 3
    assert wanted_in_phase(w.plan, ITEM, crashed[:3]).pairs == 3
    assert wanted_in_phase(w.plan, ITEM, [*own[:4], crashed[4]]).pairs == 5 + 2
    bare = replace(ITEM, case=replace(ITEM.case, metrics=()))
    assert wanted_in_phase(w.plan, bare, ()).pairs == w.plan.policy.fewest_pairs
    shown = replace(bare, case=replace(ITEM.case, metrics=tuple(replace(m, gated=False) for m in ITEM.case.metrics)))
    assert wanted_in_phase(w.plan, shown, ()).pairs == w.plan.policy.fewest_pairs
    assert wanted_in_phase(w.plan, replace(shown, sentinel=True), ()).pairs == rounds[0]
    assert DRIVER.phased
