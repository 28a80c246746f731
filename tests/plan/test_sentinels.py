from __future__ import annotations

from dataclasses import replace

import pytest

from compat.model import Cell, Item, MetricPolicy, Plan, Ring, Tier, WorkloadPolicy, digest
from compat.plan.sentinels import large, narrowed, sentinels
from tests.judge.build import CELL, LATENCY, MATMUL, POOL, TEXT, case, item, plan

BETWEEN = Cell("between", {"runtime": "new"}, {"runtime": "old"}, None, required=False)
SLOW = item(case("operator:average_pool", "large", LATENCY))
MANY = plan(POOL, SLOW, TEXT, MATMUL)


def chosen(made: Plan, seconds: dict[str, float] | None = None, pattern: str = "*") -> list[Item]:
    return list(sentinels(made, "canary", seconds or {}, pattern))


def test_one_case_of_each_workload_that_is_run_the_first_where_nothing_is_known() -> None:
    assert chosen(MANY) == [POOL, TEXT]


def test_the_one_that_takes_least_time_as_far_as_that_is_known() -> None:
    assert chosen(MANY, {POOL.key: 2.0, SLOW.key: 1.0}) == [SLOW, TEXT]
    assert chosen(MANY, {SLOW.key: 100.0}) == [SLOW, TEXT], "what is known comes before what is not"
    assert chosen(MANY, {POOL.key: 1.0, SLOW.key: 1.0}) == [POOL, TEXT]


def test_a_pattern_narrows_what_is_chosen_from() -> None:
    assert chosen(MANY, pattern="*[large]*") == [SLOW]
    assert chosen(MANY, pattern="nothing") == []


def test_each_cell_has_its_own() -> None:
    other = replace(POOL, key="other", cell=replace(CELL, id="other"))
    assert chosen(plan(POOL, other)) == [POOL, other]


@pytest.mark.parametrize(
    "left",
    [
        replace(POOL, required=False),
        replace(POOL, cell=BETWEEN),
        replace(POOL, sentinel=True),
        replace(POOL, case=replace(POOL.case, tier=Tier.AOT)),
        replace(POOL, case=replace(POOL.case, tier=Tier.GPU)),
    ],
    ids=["not required", "of no candidate", "of what the upgrade does not touch", "compiled", "of another ring"],
)
def test_what_is_none(left: Item) -> None:
    assert chosen(plan(left, TEXT)) == [TEXT]


def test_a_narrowed_plan_is_another_one_of_one_node_and_finds_what_is_large() -> None:
    ring = Ring("early", (Tier.CPU,), minimum_nodes=4, after="canary", gpus=2)
    whole = replace(MANY, rings=(*MANY.rings, ring))
    small = narrowed(whole, "early", (POOL,))
    assert digest(small) != digest(whole)
    assert [one.name for one in small.rings] == ["early"]
    assert (small.rings[0].minimum_nodes, small.rings[0].after, small.rings[0].gpus) == (1, None, 2)
    assert (small.items, small.findings, small.rejections) == ((POOL,), (), ())
    assert small.for_ring("early") == (POOL,)
    latency, memory = small.policy.metric("latency"), small.policy.metric("memory")
    assert (latency.margin, latency.ignore) == (0.1, 0.1)
    assert memory.absolute == whole.policy.metric("memory").absolute > 0
    assert small.policy.confirm == 0
    assert len(small.policy.rounds) == 2, "of one round nothing is ever shown to be slower"


def test_what_is_large_is_at_least_what_the_matrix_lets_pass() -> None:
    own = {"operator:average_pool": WorkloadPolicy({"latency": MetricPolicy(margin=0.5, relative=0.3)})}
    policy = replace(MANY.policy, metrics={"latency": MetricPolicy(margin=0.2)}, workloads=own)
    assert large(policy, "operator:tokenize", "latency") == 0.2
    assert large(policy, "operator:average_pool", "latency") == 0.5
    assert large(policy, "operator:average_pool", "first_call") == 0.1
    small = narrowed(replace(MANY, policy=policy), "canary", (POOL,))
    found = small.policy.of("operator:average_pool").metric("latency")
    assert (found.margin, found.ignore, found.relative) == (0.5, 0.5, 0.3)
