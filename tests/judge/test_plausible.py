"""What a record says that cannot be: it is refused, and the ring waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from compat.model import Arm, Decision, Evidence, Gpu, Node, Ring, Tier

from .build import LATENCY, NOW, POOL, World, case, item, plan, world

GPU_CASE = item(case("kernel:softmax", "fp16", LATENCY, tier=Tier.GPU))


def setting(**changes: object) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(record, **changes)  # type: ignore[arg-type]


def held(w: World, said: str) -> None:
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    assert any(said in reason for reason in verdict.reasons), verdict.reasons


def one(change: Callable[[Evidence], Evidence]) -> World:
    return world().edit(change, of=POOL, arm=Arm.CANDIDATE, pairs=[3])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting(started="yesterday"), "it started at 'yesterday', which is no moment"),
        (setting(started="2026-11-23T12:00:00"), "which is no moment"),  # of which time zone?
        (setting(started="2026-11-23T11:59:50Z"), "pair 3 on n1 started before pair 2: a clock was set back"),
        (setting(seconds=0.01), "it took 0.01 s, less than its samples together"),
        (setting(inputs=""), "what it was given is not recorded"),
    ],
)
def test_one_record_that_cannot_be(change: Callable[[Evidence], Evidence], said: str) -> None:
    held(one(change), said)


def test_a_clock_that_is_kept_in_time_is_no_disorder() -> None:
    assert one(setting(started="2026-11-23T11:59:59.5Z")).verdict().decision is Decision.GO


def copied(w: World, source: Evidence, **place: object) -> World:
    return w.edit(lambda _: replace(source, **place), of=POOL, arm=Arm.CANDIDATE, pairs=[9])  # type: ignore[arg-type]


def test_a_pair_that_was_written_twice_is_found() -> None:
    w = world()
    first = next(e for e in w.evidence if e.item == POOL.key and e.arm is Arm.CANDIDATE and e.pair == 0)
    held(copied(w, first, pair=9, generation=9), "pair 9 on n1 (candidate) has the latency of pair 0 on n1 (candidate)")


def test_one_arm_written_as_the_other_is_found() -> None:
    w = world()
    taken = {e.pair: e.measurements for e in w.evidence if e.item == POOL.key and e.arm is Arm.KNOWN_GOOD}
    w.edit(lambda e: replace(e, measurements=taken[e.pair]), of=POOL, arm=Arm.CANDIDATE)
    held(w, "pair 0 on n1 (known_good) has the latency of pair 0 on n1 (candidate) to the last bit")


def test_equal_readings_of_a_coarse_clock_are_no_copies() -> None:
    w = world()
    coarse = (0.01, 0.01, 0.02, 0.01, 0.01, 0.01, 0.02, 0.01, 0.01)
    w.edit(
        lambda e: replace(
            e, measurements=tuple(replace(m, samples=coarse) if m.metric == "latency" else m for m in e.measurements)
        ),
        of=POOL,
    )
    assert w.verdict().decision is Decision.GO


def on_gpu(devices: tuple[str, ...] = ("GPU-1",)) -> World:
    w = world(plan(GPU_CASE, rings=(Ring("canary", (Tier.STATIC, Tier.GPU), gpus=1),)))
    w.nodes["n1"] = replace(w.nodes["n1"], gpus=(Gpu("GPU-1"), Gpu("GPU-2")))
    return w.edit(setting(devices=devices))


def test_evidence_of_a_gpu_names_one_that_its_node_has() -> None:
    assert on_gpu().verdict().decision is Decision.GO
    held(on_gpu(()), "it is of tier gpu, and names no GPU")
    held(on_gpu(("GPU-7",)), "it ran on GPU-7, which its node does not have")
    held(on_gpu().edit(setting(devices=("GPU-2",)), arm=Arm.CANDIDATE, pairs=[4]), "ran on different devices")


def test_an_inventory_of_another_machine_is_stale() -> None:
    w = world()
    w.nodes["n1"] = replace(w.nodes["n1"], cpu="EPYC 9654")
    assert w.verdict().decision is Decision.GO  # nobody said what the arms ran on
    from compat.model import digest

    renamed = {name: replace(one, settings={"CPU": "EPYC 7763"}) for name, one in w.identities.items()}
    w.edit(lambda e: replace(e, identity=digest(renamed[e.identity])))
    w.identities = {digest(one): one for one in renamed.values()}
    held(w, "the CPU was EPYC 7763, and the inventory of its node says EPYC 9654")


def test_the_moments_are_those_of_the_node() -> None:
    w = world(nodes=("n1", "n2"))
    w.nodes["n2"] = Node("n2", "n2", None, 2, None, "6.1")
    w.edit(setting(started="2026-11-20T12:00:00Z"), node="n2")
    assert NOW.startswith("2026-11-23")
    assert w.verdict().decision is Decision.GO
