"""Rules 6, 16 and 18: from comparisons to a verdict."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from compat.errors import UsageError
from compat.judge.outcome import Outcome
from compat.model import (
    LOCKED_CLOCKS,
    STANDARD,
    Arm,
    Decision,
    Evidence,
    FaultKind,
    Gpu,
    Node,
    Rejection,
    Ring,
    Status,
    Tier,
    canonical,
)

from .build import (
    CELL,
    LATENCY,
    MATMUL,
    NOW,
    POOL,
    TEXT,
    World,
    case,
    drop,
    faulting,
    item,
    plan,
    samples,
    scaled,
    world,
)

TIERS = (Tier.STATIC, Tier.AOT, Tier.CPU)


def holds(w: World, *said: str) -> None:
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD, verdict.reasons
    for text in said:
        assert any(text in reason for reason in verdict.reasons), verdict.reasons


def test_a_good_ring_is_go() -> None:
    verdict = world().verdict()
    assert verdict.decision is Decision.GO, verdict.reasons
    assert {c.status for c in verdict.comparisons} == {Status.PASS}
    assert verdict.tiers == {"aot": 3, "cpu": 7, "static": 1}
    assert verdict.nodes == ("n1",)
    assert verdict.judged_at == NOW
    assert len(verdict.reasons) == 1


def test_locked_clocks_are_hold() -> None:
    w = world()
    w.nodes = {name: replace(node, labels={**node.labels, LOCKED_CLOCKS: "1410 MHz"}) for name, node in w.nodes.items()}
    holds(w, "had its clocks locked (1410 MHz): for diagnosis only")


def test_a_metric_that_is_not_gated_is_not_judged() -> None:
    w = world().edit(samples("registers", 255.0), of=MATMUL, arm=Arm.CANDIDATE)
    verdict = w.verdict()
    assert verdict.decision is Decision.GO
    assert "registers" not in {c.metric for c in verdict.comparisons}


def test_no_go_names_case_metric_values_and_versions() -> None:
    w = world().edit(samples("matrix_instructions", 0.0), of=MATMUL, arm=Arm.CANDIDATE)
    verdict = w.verdict()
    assert verdict.decision is Decision.NO_GO
    assert verdict.reasons == (
        "kernel:matmul[fp16-sm_75] matrix_instructions 32 -> 0 instructions; at most 0.64 instructions fewer would "
        "pass "
        "(onnxruntime 1.20.1 -> 1.23.2, numpy 1.26.4 -> 2.2.6)",
    )
    spills = next(c for c in verdict.comparisons if c.metric == "spills")
    assert spills.versions == (("onnxruntime", "1.20.1", "1.23.2"), ("numpy", "1.26.4", "2.2.6"))


def test_versions_that_did_not_change_are_left_out() -> None:
    alone = item(replace(POOL.case, components=("pip", "numpy", "torch"), metrics=()))
    w = world(plan(alone, rings=(Ring("canary", (Tier.CPU,)),)))
    w.edit(w.wrong(alone), arm=Arm.CANDIDATE)
    (reason,) = w.verdict().reasons
    assert reason.endswith("(numpy 1.26.4 -> 2.2.6)")


@pytest.mark.parametrize(
    ("metric", "factor"), [("latency", 1.3), ("throughput", 0.7)], ids=["lower is better", "higher is better"]
)
def test_slower_is_no_go_and_faster_is_go(metric: str, factor: float) -> None:
    slow = world(pairs=30).edit(scaled(metric, factor), of=POOL, arm=Arm.CANDIDATE).verdict()
    assert slow.decision is Decision.NO_GO
    assert metric in slow.reasons[0]
    assert "operator:average_pool[ceil]" in slow.reasons[0]
    assert (
        world(pairs=10).edit(scaled(metric, 1 / factor), of=POOL, arm=Arm.CANDIDATE).verdict().decision is Decision.GO
    )


def test_no_go_reasons_come_before_hold_reasons() -> None:
    w = world().edit(drop, of=POOL).edit(faulting(), of=TEXT, arm=Arm.CANDIDATE)
    reasons = w.verdict().reasons
    assert "operator:tokenize[plain] execution: the candidate faulted in 2 of 2" in reasons[0]
    assert reasons[1].startswith("operator:average_pool[ceil] execution: no evidence")
    assert len(reasons) == 2


def test_everything_expected_has_a_comparison() -> None:
    verdict = world().edit(drop, of=POOL).verdict()
    missing = {c.metric for c in verdict.comparisons if c.item == POOL.key}
    assert missing == {"execution", "outputs", "latency", "throughput", "memory"}
    assert {c.status for c in verdict.comparisons if c.item == POOL.key} == {Status.MISSING}


def test_what_was_not_compared_is_missing_whoever_forgot_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = Outcome("execution", Status.PASS, "execution: fine")
    monkeypatch.setattr("compat.judge.comparisons.conclude", lambda *_: [fine])
    holds(world(), "latency: it was not compared", "spills: it was not compared", "outputs: it was not compared")
    monkeypatch.setattr("compat.judge.comparisons.conclude", lambda *_: [])
    holds(world(), "execution: it was not compared")


def test_no_evidence_and_no_items_are_hold() -> None:
    empty = world()
    empty.evidence = []
    holds(empty, "no required case was executed", "evidence from 0 nodes", "no evidence of tier aot, cpu")
    holds(World(replace(plan(), items=()), {}), "no required case was executed")
    static = world(plan(TEXT, rings=(Ring("canary", (Tier.STATIC,)),)))
    holds(static, "no required case was executed")


def test_only_optional_items_are_hold() -> None:
    items = tuple(replace(one, required=False) for one in (POOL, TEXT, MATMUL))
    holds(world(plan(*items)), "no required case was executed")


def test_optional_items_and_cells_on_the_way_do_not_gate() -> None:
    between = replace(CELL, id="between", required=False)
    extra = item(TEXT.case, between)
    optional = item(case("operator:optional", "a"), required=False)
    w = world(plan(POOL, TEXT, MATMUL, extra, optional))
    w.edit(w.wrong(optional), of=optional, arm=Arm.CANDIDATE)
    w.edit(w.wrong(extra), of=extra, arm=Arm.CANDIDATE)
    verdict = w.verdict()
    assert verdict.decision is Decision.GO, verdict.reasons
    assert {c.item for c in verdict.comparisons if c.status is Status.REGRESS} == {extra.key, optional.key}


def test_several_cells_are_named() -> None:
    second = item(TEXT.case, replace(CELL, id="second"))
    made = plan(POOL, TEXT, MATMUL, second)
    w = world(replace(made, findings=made.findings + tuple(replace(f, cell="second") for f in made.findings)))
    assert w.verdict().decision is Decision.GO
    w.edit(w.wrong(second), of=second, arm=Arm.CANDIDATE)
    assert w.verdict().reasons[0].startswith("operator:tokenize[plain] of second outputs: ")


def test_a_tier_that_the_ring_asks_for_and_nobody_has_is_hold() -> None:
    holds(world(plan(rings=(Ring("canary", (*TIERS, Tier.GPU)),))), "no evidence of tier gpu")


def test_only_items_of_the_rings_tiers_are_judged() -> None:
    w = world(plan(rings=(Ring("canary", TIERS), Ring("compiled", (Tier.AOT,)))))
    w.edit(faulting(), of=TEXT, arm=Arm.CANDIDATE)
    assert w.verdict("compiled").decision is Decision.GO
    assert w.verdict("canary").decision is Decision.NO_GO


def test_too_few_nodes_are_hold() -> None:
    made = plan(rings=(Ring("canary", TIERS, minimum_nodes=2),))
    holds(world(made), "evidence from 1 node, the ring asks for 2", "it ran on 1 of the 2 nodes")
    assert world(made, nodes=("n1", "n2")).verdict().decision is Decision.GO
    partly = world(made, nodes=("n1", "n2")).edit(drop, of=POOL, node="n2")
    holds(partly, "operator:average_pool[ceil] execution: it ran on 1 of the 2 nodes")


def test_nodes_are_judged_one_by_one_and_named() -> None:
    w = world(pairs=30, nodes=tuple(f"n{n}" for n in range(8)))
    assert w.verdict().decision is Decision.GO
    w.edit(scaled("latency", 1.3), of=POOL, arm=Arm.CANDIDATE, node="n5")
    verdict = w.verdict()
    assert verdict.decision is Decision.NO_GO
    assert "on node n5" in verdict.reasons[0]
    assert "slower" in verdict.reasons[0]


def test_nodes_without_the_rings_labels_are_left_aside() -> None:
    w = world(plan(rings=(Ring("canary", TIERS, labels={"ring": "canary"}),)))
    holds(w, "n1 left aside: without the ring's labels")
    w.nodes["n1"] = replace(w.nodes["n1"], labels={"ring": "canary", "rack": "7"})
    assert w.verdict().decision is Decision.GO


def test_blocking_rejections_are_hold_and_others_are_listed() -> None:
    harmless = world(plan(rejections=(Rejection("model:tiny", "no such file"),))).verdict()
    assert (harmless.decision, harmless.not_covered) == (Decision.GO, ("model:tiny: no such file",))
    holds(
        world(plan(rejections=(Rejection("model:tiny", "no node has this driver", blocking=True),))),
        "model:tiny will not be measured: no node has this driver",
    )


def test_a_ring_waits_for_the_one_before_it() -> None:
    rings = (Ring("canary", TIERS, minimum_nodes=2), Ring("early", TIERS, after="canary"))
    w = world(plan(rings=rings))
    assert w.verdict("canary").decision is Decision.HOLD
    early = w.verdict("early")
    assert (early.decision, early.reasons) == (Decision.HOLD, ("ring canary, which comes before it, is HOLD",))
    good = world(plan(rings=(replace(rings[0], minimum_nodes=1), rings[1])))
    assert (good.verdict("canary").decision, good.verdict("early").decision) == (Decision.GO, Decision.GO)


def test_a_ring_that_waits_for_itself_or_for_nobody_is_hold() -> None:
    for after in ("early", "nowhere"):
        w = world(plan(rings=(Ring("early", TIERS, after=after),)))
        assert w.verdict("early").reasons == (f"ring {after}, which comes before it, is HOLD",)


def test_a_rejection_of_one_ring_does_not_hold_another() -> None:
    other = Rejection("ring early: tier gpu", "no required case gives any", blocking=True, ring="early")
    assert world(plan(rejections=(other,))).verdict().decision is Decision.GO
    holds(
        world(plan(rejections=(replace(other, ring="canary"),))),
        "ring early: tier gpu will not be measured: no required case gives any",
    )


def test_a_wrong_result_has_no_speed() -> None:
    w = world(pairs=30)
    w.edit(w.wrong(POOL), of=POOL, arm=Arm.CANDIDATE)
    w.edit(scaled("latency", 0.5), of=POOL, arm=Arm.CANDIDATE)
    speed = next(c for c in w.verdict().comparisons if c.metric == "latency")
    assert (speed.status, speed.reason) == (Status.INCONCLUSIVE, "latency: not judged, a wrong result has no speed")


def test_pre_existing_flaky_and_infrastructure_are_hold() -> None:
    holds(world().edit(faulting(), of=TEXT), "both arms fault")
    holds(world().edit(faulting(), of=TEXT, arm=Arm.CANDIDATE, pairs=[1]), "execution: the candidate faulted in 1 of 1")
    broken = world().edit(faulting(FaultKind.INFRASTRUCTURE), of=TEXT, arm=Arm.CANDIDATE)
    holds(broken, "reasons of our own")


def test_an_unpaired_run_beside_whole_pairs_is_ignored() -> None:
    w = world(pairs=11).edit(drop, of=POOL, arm=Arm.CANDIDATE, pairs=[10])
    assert w.verdict().decision is Decision.GO


def test_surplus_pairs_are_not_judged() -> None:
    w = world(pairs=12)
    w.edit(lambda r: replace(r, round=1), of=POOL, pairs=[10, 11])
    w.edit(scaled("latency", 3.0), of=POOL, arm=Arm.CANDIDATE, pairs=[10, 11])
    assert w.verdict().decision is Decision.GO


def test_identical_duplicates_count_once() -> None:
    once, twice = world(), world()
    twice.evidence += list(twice.evidence)
    assert once.verdict() == twice.verdict()


@pytest.mark.parametrize("change", ["none", "slow", "fault", "missing"])
def test_the_verdict_does_not_depend_on_the_order(change: str) -> None:
    w = world(pairs=30, nodes=("n1", "n2"))
    if change == "slow":
        w.edit(scaled("latency", 1.1), of=POOL, arm=Arm.CANDIDATE, node="n2")
    if change == "fault":
        w.edit(faulting(), of=TEXT, arm=Arm.CANDIDATE)
    if change == "missing":
        w.edit(drop, of=POOL, arm=Arm.CANDIDATE, pairs=[3, 4])
    expected = canonical(w.verdict())
    for seed in range(3):
        np.random.default_rng(seed).shuffle(w.evidence)
        assert canonical(w.verdict()) == expected


def test_the_verdict_is_a_document_and_bound_to_its_evidence() -> None:
    one, other = world().verdict(), world(seed=2).verdict()
    assert json.loads(canonical(one))["decision"] == "GO"
    assert one.evidence != other.evidence
    assert one.plan == other.plan
    bad = world().edit(samples("latency", float("nan")), of=POOL, pairs=[0], arm=Arm.CANDIDATE).verdict()
    assert json.loads(canonical(bad))["decision"] == "HOLD"


def test_an_unknown_ring_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="its rings are: canary"):
        world().verdict("broad")


def test_evidence_of_what_is_not_planned_is_hold() -> None:
    w = world()
    w.evidence.append(replace(w.evidence[0], item="operator:unknown[a]@candidate"))
    holds(w, "which is not in the plan")


def test_two_items_of_one_name_are_hold() -> None:
    holds(world(plan(POOL, TEXT, MATMUL, TEXT)), "the plan has 2 items called")


def test_a_node_that_is_not_what_its_key_says_is_refused() -> None:
    w = world()
    w.nodes["n1"] = Node("n9", "n9", None, 2, None, "6.1")
    holds(w, "node 'n1' is not in the inventory")


def test_importing_the_package_is_light() -> None:
    code = "import sys, compat.judge; assert not {'numpy', 'scipy'} & set(sys.modules); compat.judge.wanted"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_front_door() -> None:
    import compat.judge

    assert compat.judge.__all__ == [
        "Wanted",
        "calibrated",
        "judge",
        "spreads",
        "strictest",
        "wanted",
        "wanted_by_groups",
        "wanted_in_phase",
    ]
    with pytest.raises(AttributeError, match="nothing_like_this"):
        compat.judge.nothing_like_this  # noqa: B018 - the access is the test


def test_many_metrics_share_one_case() -> None:
    assert [m.name for m in POOL.case.metrics] == ["latency", "throughput", "memory"]
    assert LATENCY in POOL.case.metrics


SHOWN = tuple(replace(STANDARD[name], gated=False) for name in ("first_call", "memory_private", "nondeterministic"))
SHOWING = item(case("operator:shown", "a", LATENCY, *SHOWN))


def test_what_is_not_judged_may_be_absent_in_any_arm_and_of_any_kind() -> None:
    w = world(plan(SHOWING, MATMUL), pairs=10)
    assert w.verdict().decision is Decision.GO

    def without(record: Evidence) -> Evidence:
        return replace(record, measurements=tuple(m for m in record.measurements if m.metric == "latency"))

    assert w.edit(without, of=SHOWING, arm=Arm.CANDIDATE, pairs=(1, 2)).verdict().decision is Decision.GO
    assert w.edit(without, of=SHOWING).verdict().decision is Decision.GO
    assert {c.metric for c in w.verdict().comparisons if c.item == SHOWING.key} == {"execution", "latency", "outputs"}


def test_what_is_not_judged_and_is_worse_changes_nothing() -> None:
    w = world(plan(SHOWING, MATMUL), pairs=10)
    for metric in SHOWN:
        w.edit(scaled(metric.name, 50.0), arm=Arm.CANDIDATE)
    assert w.verdict().decision is Decision.GO


def test_what_is_judged_by_the_plan_must_be_there() -> None:
    gated = item(case("operator:shown", "a", LATENCY, *(replace(metric, gated=True) for metric in SHOWN)))
    w = world(plan(gated, MATMUL), pairs=10)
    assert w.verdict().decision is Decision.GO
    for metric in SHOWN:
        lost = world(plan(gated, MATMUL), pairs=10).edit(
            lambda record, name=metric.name: replace(
                record, measurements=tuple(m for m in record.measurements if m.metric != name)
            ),
            arm=Arm.CANDIDATE,
            pairs=(3,),
        )
        holds(lost, f"{metric.name}: some runs did not measure it")


def test_what_is_not_judged_is_still_refused_when_it_cannot_be() -> None:
    w = world(plan(SHOWING, MATMUL), pairs=10).edit(samples("first_call", math.nan), arm=Arm.CANDIDATE, pairs=(1,))
    holds(w, "first_call has the sample nan")


def test_nodes_with_other_cards_than_the_rings_are_left_aside() -> None:
    w = world(plan(rings=(Ring("canary", TIERS, cards=("NVIDIA H100*",)),)))
    w.verdict()  # a node without a GPU has no other card
    for product in ("NVIDIA A100-SXM4-80GB", None):
        w.nodes["n1"] = replace(w.nodes["n1"], gpus=(Gpu("GPU-1", "NVIDIA H100 PCIe"), Gpu("GPU-2", product)))
        holds(w, "n1 left aside: without the ring's labels or cards")
    w.nodes["n1"] = replace(w.nodes["n1"], gpus=(Gpu("GPU-1", "NVIDIA H100 PCIe"),))
    assert w.verdict().decision is Decision.GO
