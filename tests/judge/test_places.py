"""GPUs are judged one by one: one of eight that is slower is found, and one that was left out is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from compat.judge.budget import measured, places
from compat.judge.sampling import wanted
from compat.model import Arm, Comparison, Decision, Evidence, Gpu, Policy, Ring, Status, Tier, digest

from .build import LATENCY, NEW, OLD, TEXT, World, case, faulting, item, plan, scaled, world

KERNEL = item(case("kernel:softmax", "fp16", LATENCY, tier=Tier.GPU))
GPUS = tuple(f"GPU-{n}" for n in range(8))


def node_of_eight(gpus: int | None = None, pairs: int = 30) -> World:
    """Every pair of one node measured on each of its eight GPUs; a node numbers its pairs over all of them."""
    ring = Ring("canary", (Tier.STATIC, Tier.GPU), gpus=gpus)
    w = world(plan(KERNEL, rings=(ring,), policy=Policy(confirm=0.0)), pairs=0)
    w.nodes["n1"] = replace(w.nodes["n1"], gpus=tuple(Gpu(uuid, "NVIDIA H100") for uuid in GPUS))
    for place, uuid in enumerate(GPUS):
        own = world(w.plan, pairs=pairs, seed=place)
        w.blobs |= own.blobs
        w.evidence += [replace(e, devices=(uuid,), pair=e.pair * len(GPUS) + place) for e in own.evidence]
    return w


def on(w: World, uuid: str, change: Callable[[Evidence], Evidence | None], *arms: Arm) -> World:
    for arm in arms:
        w.edit(lambda e: change(e) if e.devices == (uuid,) else e, arm=arm)
    return w


def of(w: World, metric: str) -> Comparison:
    (found,) = [c for c in w.verdict().comparisons if c.item == KERNEL.key and c.metric == metric]
    return found


def test_eight_good_gpus_are_go() -> None:
    verdict = node_of_eight().verdict()
    assert (verdict.decision, verdict.nodes) == (Decision.GO, ("n1",))


def test_one_gpu_of_eight_that_is_six_percent_slower_is_found() -> None:
    w = on(node_of_eight(), "GPU-5", scaled("latency", 1.06), Arm.CANDIDATE)
    found = of(w, "latency")
    assert found.status is Status.REGRESS
    assert found.reason.endswith("on node n1 GPU-5")
    assert w.verdict().decision is Decision.NO_GO


def test_a_gpu_that_is_slow_in_both_arms_is_quarantined_and_the_others_are_judged() -> None:
    w = on(node_of_eight(), "GPU-5", scaled("latency", 1.2), *Arm)
    verdict = w.verdict()
    assert verdict.decision is Decision.GO
    said = "node n1 GPU-5 is quarantined: slower than 7 other GPUs of its kind in both arms, by "
    assert any(text.startswith(said) for text in verdict.not_covered)


def test_a_gpu_without_evidence_is_missed_unless_the_ring_asks_for_fewer() -> None:
    def without(w: World) -> World:
        return on(w, "GPU-5", lambda _: None, *Arm)

    w = without(node_of_eight())
    assert w.verdict().decision is Decision.HOLD
    assert of(w, "execution").status is Status.MISSING
    assert of(w, "execution").reason == "execution: it ran on 7 of the 8 GPUs of node n1 (not on GPU-5)"
    assert without(node_of_eight(gpus=8)).verdict().decision is Decision.HOLD
    assert without(node_of_eight(gpus=7)).verdict().decision is Decision.GO


def test_a_gpu_that_fell_off_the_bus_is_missed_where_the_ring_says_how_many_there_are() -> None:
    w = on(node_of_eight(gpus=8), "GPU-7", lambda _: None, *Arm)
    w.nodes["n1"] = replace(w.nodes["n1"], gpus=w.nodes["n1"].gpus[:7])
    assert w.verdict().decision is Decision.HOLD
    assert of(w, "execution").reason == "execution: it ran on 7 of the 8 GPUs of node n1"


def test_a_fault_on_one_gpu_is_not_reproduced_and_on_two_it_is() -> None:
    w = on(node_of_eight(), "GPU-5", faulting(), Arm.CANDIDATE)
    assert of(w, "execution").status is Status.FLAKY
    assert "7 other GPUs of the same kind ran it cleanly: a sick GPU?, on node n1 GPU-5" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD
    assert on(w, "GPU-2", faulting(), Arm.CANDIDATE).verdict().decision is Decision.NO_GO


def test_a_pair_over_two_gpus_is_none() -> None:
    w = node_of_eight()
    w.edit(lambda e: replace(e, devices=("GPU-3",)), arm=Arm.CANDIDATE, pairs=[8])
    assert "the arms of pair 8 on n1 ran on different devices" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_what_a_run_wants_is_asked_gpu_by_gpu() -> None:
    w = node_of_eight(pairs=10)
    own = [e for e in w.evidence if e.devices == ("GPU-3",)]
    assert wanted(w.plan, KERNEL, own).pairs == 10
    assert wanted(w.plan, KERNEL, own[:4]).pairs == 10
    assert wanted(w.plan, KERNEL, w.evidence[:-2]).pairs == 10  # the neediest answers


def test_every_gpu_has_its_share_of_the_budget() -> None:
    made = node_of_eight().plan
    ring = made.rings[0]
    assert measured(made, ring) == measured(made, replace(ring, gpus=8)) == 8
    assert measured(made, replace(ring, gpus=2, minimum_nodes=3)) == 6
    assert places(replace(ring, minimum_nodes=3), Tier.CPU) == 3


def with_drivers(drivers: dict[str, str], later: str | None = None) -> World:
    """Nodes that have a driver each; with ``later`` the last pair of the first ran with that one."""
    w = world(plan(TEXT, rings=(Ring("canary", (Tier.STATIC, Tier.CPU), len(drivers)),)), nodes=tuple(drivers))
    for name, driver in drivers.items():
        w.nodes[name] = replace(w.nodes[name], driver=driver)
        for arm, base in ((Arm.KNOWN_GOOD, OLD), (Arm.CANDIDATE, NEW)):
            for version, pairs in ((driver, None), (later, [1])):
                if version is None or (pairs and name != min(drivers)):
                    continue
                library = {"/usr/lib/libcuda.so.1": digest(version)}
                one = replace(base, driver={"kernel_module": version}, libraries=library)
                w.identities[digest(one)] = one
                w.edit(lambda r, one=one: replace(r, identity=digest(one)), arm=arm, node=name, pairs=pairs)  # type: ignore[misc]
    return w


def test_nodes_of_a_ring_may_have_different_drivers() -> None:
    """Both arms of a pair have the same: where no axis says which, each node is compared with itself."""
    assert with_drivers({"n1": "535.54.03", "n2": "570.124.06", "n3": "580.95.05"}).verdict().decision is Decision.GO


def test_the_driver_of_a_node_may_not_change_meanwhile() -> None:
    found = with_drivers({"n1": "535.54.03", "n2": "570.124.06"}, later="580.95.05").verdict()
    assert found.decision is Decision.HOLD
    assert any("the inventory of n1 is stale" in reason for reason in found.reasons)
    unread = with_drivers({"n1": "535.54.03", "n2": "570.124.06"}, later="580.95.05")
    unread.nodes = {name: replace(node, driver=None) for name, node in unread.nodes.items()}
    found = unread.verdict()
    assert found.decision is Decision.HOLD
    assert any("driver: kernel_module is not the same in all of its runs" in reason for reason in found.reasons)
