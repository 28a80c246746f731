"""One arm now, beside what it did before on the same node: what a few runs can tell, and what they leave open."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compat.judge.as_before import (
    changed_node,
    not_as_before,
    not_what_it_was,
    slower_beside,
    slower_than_before,
)
from compat.model import Arm, Conditions, EventKind, Evidence, Gpu, HealthEvent, Item, Node, digest
from compat.plan.sentinels import narrowed
from tests.judge.build import NEW, OLD, POOL, TEXT, World, drop, faulting, plan, samples, scaled, world

GOOD = Arm.KNOWN_GOOD
Change = Callable[[Evidence], Evidence | None]


class Twice:
    """The small ring as it was measured, and once more with a few pairs of some of its items."""

    def __init__(self, *changes: Change, of: Item = POOL, arm: Arm = GOOD, noise: float = 0.003, seed: int = 2) -> None:
        whole = plan()
        self.of, self.arm = of, arm
        self.then = world(whole)
        self.plan = narrowed(whole, "canary", (POOL, TEXT))
        self.now = world(self.plan, pairs=4, noise=noise, seed=seed)
        for change in changes:
            self.now.edit(change, of=of, arm=arm)
        self.blobs = {**self.then.blobs, **self.now.blobs}

    def runs(self, of: World, item: Item | None = None) -> list[Evidence]:
        return [e for e in of.evidence if e.item == (item or self.of).key and e.arm is self.arm]

    def said(self) -> list[str]:
        runs = self.runs(self.then), self.runs(self.now)
        return not_as_before(self.of, self.arm, *runs, self.plan, self.blobs.__getitem__)

    def slower(self, tests: int = 10) -> list[str]:
        return slower_than_before(self.of, self.arm, self.runs(self.then), self.runs(self.now), self.plan, tests)


@pytest.mark.parametrize("item", [POOL, TEXT], ids=lambda item: item.case.workload)
@pytest.mark.parametrize("arm", list(Arm))
def test_what_is_as_it_was_says_nothing(item: Item, arm: Arm) -> None:
    assert Twice(of=item, arm=arm).said() == []
    assert Twice(of=item, arm=arm).slower() == []


def test_a_fault_that_never_was_is_told_and_one_that_always_was_is_not() -> None:
    found = Twice(faulting())
    assert found.said() == [
        "operator:average_pool[ceil] of candidate, known-good arm: it faulted in 4 of 4 runs, as it never did before: "
        "at stage run: crash (SIGSEGV): ended by SIGSEGV; it printed 'Segmentation fault' last"
    ]
    found.then.edit(faulting(), of=POOL, arm=GOOD, pairs=[0])
    assert found.said() == []


def test_one_fault_of_several_runs_is_told() -> None:
    found = Twice()
    found.now.edit(faulting(), of=POOL, arm=GOOD, pairs=[2])
    (said,) = found.said()
    assert "it faulted in 1 of 4 runs" in said


def test_a_gpu_that_was_not_sound_is_told() -> None:
    sick = Conditions(events=(HealthEvent(EventKind.XID, "GPU-1", 1, 79),))
    (said,) = Twice(lambda record: replace(record, conditions=sick)).said()
    assert said.endswith("known-good arm: a GPU was not sound: Xid 79 on GPU-1, during 4 runs of the known_good arm")


def test_outputs_that_are_others() -> None:
    found = Twice(of=TEXT)
    found.now.edit(found.now.wrong(TEXT), of=TEXT, arm=GOOD)
    found.blobs |= found.now.blobs
    (said,) = found.said()
    assert "known-good arm: outputs: text changed: 'a b c' -> 'wrong', compared with before" in said


def test_a_lost_blob_is_not_as_before() -> None:
    found = Twice()
    found.blobs = dict.fromkeys(found.blobs, b"")
    assert len(found.said()) == 1


def test_more_memory_than_the_policy_allows() -> None:
    (said,) = Twice(samples("memory", 100.0 * 2**20)).said()
    assert "memory 64.02 MiB -> 100 MiB; at most 16 MiB more would pass, compared with before" in said
    assert Twice(samples("memory", 70.0 * 2**20)).said() == []


def test_other_inputs_compare_with_nothing() -> None:
    (said,) = Twice(lambda record: replace(record, inputs="others")).said()
    assert said.endswith("its inputs are not those of before: nothing of it compares")


def test_without_runs_nothing_is_said_to_be_fine() -> None:
    found = Twice()
    found.now.edit(drop, of=POOL, arm=GOOD)
    assert found.said() == ["operator:average_pool[ceil] of candidate, known-good arm: it did not run now"]
    bare = Twice()
    bare.then.edit(drop, of=POOL, arm=GOOD)
    (said,) = bare.said()
    assert said.endswith("it has no run without a fault from before: there is nothing to compare with")


# -- speed -------------------------------------------------------------------------------------------------------------


def _drift(by: float) -> Change:
    return scaled("latency", by)


@pytest.mark.parametrize("quiet", [True, False])
def test_a_large_slowdown_of_one_arm_by_itself(quiet: bool) -> None:
    """Fifty per cent, in sessions whose processes vary by 5 %; the worlds' own drift from pair to pair is that."""
    found = Twice(_drift(1.5), noise=0.003 if quiet else 0.01)
    (said,) = found.slower(tests=2)
    assert said.startswith("operator:average_pool[ceil] of candidate, known-good arm: latency ")
    assert "% slower than before (95 % interval " in said
    assert said.endswith("; 10 % more is large")


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.1, 0.5])
def test_what_is_not_large_is_never_told(factor: float) -> None:
    told = [bool(Twice(_drift(factor), seed=seed).slower(tests=2)) for seed in range(2, 40)]
    assert sum(told) <= 1


def test_what_varies_too_much_stays_undecided() -> None:
    rng = np.random.default_rng(5)

    def wild(record: Evidence) -> Evidence:
        return scaled("latency", math.exp(0.3 + rng.normal(0, 0.5)))(record)

    assert Twice(wild).slower() == []


def test_two_generations_show_nothing_and_a_lost_metric_is_told() -> None:
    few = Twice(_drift(3.0))
    few.now.edit(drop, of=POOL, arm=GOOD, pairs=[0, 1])
    assert few.slower() == []
    lost = Twice(lambda record: replace(record, measurements=record.measurements[1:]))
    (said,) = lost.slower()
    assert said.endswith("latency: some runs did not measure it")


def test_higher_is_better_the_other_way_round() -> None:
    of = replace(POOL, case=replace(POOL.case, metrics=POOL.case.metrics[1:2]))
    found = Twice(scaled("throughput", 0.4))
    said = slower_than_before(of, GOOD, found.runs(found.then), found.runs(found.now), found.plan, 1)
    assert len(said) == 1
    assert re.search(r"throughput \d\d\.\d % lower than before", said[0]), said


def test_the_candidate_beside_the_known_good_arm() -> None:
    quiet = Twice()
    items = {POOL.key: POOL}
    assert slower_beside(items, quiet.now.evidence, quiet.plan, 2) == {}
    slow = narrowed(plan(), "canary", (POOL,))
    now = world(slow, pairs=12)
    now.edit(scaled("latency", 1.4), of=POOL, arm=Arm.CANDIDATE)
    found = slower_beside(items, now.evidence, slow, 2)
    assert found.keys() == {(POOL.key, "latency")}
    assert re.search(r"latency (39|40)[.\d]* % slower .*12 pairs", found[POOL.key, "latency"]), found
    assert slower_beside(items, now.evidence, slow, 2, {(POOL.key, "latency"): 0.45}) == {}, "it is known"
    assert slower_beside(items, now.evidence, slow, 2, {(POOL.key, "latency"): 0.3}).keys() == found.keys(), "so far"
    assert slower_beside(items, now.evidence, slow, 2, {(POOL.key, "latency"): 0.01}) == found, "large stays large"
    now.edit(scaled("latency", 1.05 / 1.4), of=POOL, arm=Arm.CANDIDATE)
    assert slower_beside(items, now.evidence, slow, 2) == {}


# -- the arm and the node ----------------------------------------------------------------------------------------------


def test_an_arm_that_is_exactly_one_of_before_is_what_it_was() -> None:
    found = Twice()
    identities = {digest(OLD): OLD, digest(NEW): NEW}
    runs = found.runs(found.then), found.runs(found.now)
    assert not_what_it_was(POOL, GOOD, *runs, identities) == []
    assert [said for _, said in not_what_it_was(POOL, GOOD, *runs, {})] == [
        "known-good arm: what it is, or was, is not known"
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"distributions": {**OLD.distributions, "numpy": "2.0"}}, "numpy was 1.26.4, and is 2.0"),
        ({"driver": {"kernel_module": "580.1"}}, "driver: kernel_module was absent, and is 580.1"),
        ({"environment": {"OMP_NUM_THREADS": "2"}}, "variable OMP_NUM_THREADS was absent, and is 2"),
        ({"image": "sha256:" + "c" * 64}, "container image was absent, and is cccccccccccc"),
        ({"settings": {"kernel": "6.2"}}, "setting kernel was absent, and is 6.2"),
        ({"python": "3.12.1"}, "python was 3.11.9, and is 3.12.1"),
    ],
)
def test_what_of_an_arm_drifted(changes: dict[str, object], said: str) -> None:
    other = replace(OLD, **changes)
    found = Twice(lambda record: replace(record, identity=digest(other)))
    identities = {digest(OLD): OLD, digest(other): other}
    drift = not_what_it_was(POOL, GOOD, found.runs(found.then), found.runs(found.now), identities)
    assert [sentence for _, sentence in drift] == [f"known-good arm (candidate): {said}"]


def test_a_library_that_was_built_again_under_the_same_version() -> None:
    one, other = (replace(OLD, libraries={"libc.so.6": name * 64}) for name in "ab")
    found = Twice(lambda record: replace(record, identity=digest(other)))
    then = [replace(run, identity=digest(one)) for run in found.runs(found.then)]
    drift = not_what_it_was(POOL, GOOD, then, found.runs(found.now), {digest(one): one, digest(other): other})
    assert [what for what, _ in drift] == ["library libc.so.6"]


NODE = Node("n", "host", "CPU", 2, 1 << 30, "6.1", "570.1", (Gpu("GPU-1", "H100", 80, "9.0"),), {"ring": "canary"})


@pytest.mark.parametrize(
    ("changes", "said", "upgraded"),
    [
        ({}, [], []),
        ({"labels": {}}, [], []),
        ({"kernel": "6.2"}, ["the node's kernel was 6.1, and is 6.2"], []),
        ({"driver": None}, ["the node's driver was 570.1, and is None"], []),
        ({"hostname": "other"}, ["the node's name was host, and is other"], ["the node's name was host, and is other"]),
        ({"gpus": ()}, ["GPU-1 is not there any more"], ["GPU-1 is not there any more"]),
    ],
)
def test_what_of_a_node_drifted(changes: dict[str, object], said: list[str], upgraded: list[str]) -> None:
    assert changed_node(NODE, replace(NODE, **changes), upgraded=False) == said
    assert changed_node(NODE, replace(NODE, **changes), upgraded=True) == upgraded


def test_a_gpu_that_is_another_one_under_its_name() -> None:
    now = replace(NODE, gpus=(replace(NODE.gpus[0], product="H200"), Gpu("GPU-2")))
    added, changed = changed_node(NODE, now, upgraded=True)
    assert added == "GPU-2 was not there before"
    assert changed.startswith("GPU-1 was Gpu(uuid='GPU-1', product='H100'")
