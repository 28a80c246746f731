from __future__ import annotations

import math

import pytest

from compat.judge.calibration import Spread
from compat.judge.forecast import Forecast, chances, forecast
from compat.model import Arm, Finding, MetricPolicy, Plan, Policy, Rejection, Ring, Tier

from .build import POOL, TEXT, item, plan
from .build import case as case_of

RING = Ring("canary", (Tier.CPU,), budget=600.0)


def ahead(made: Plan, **durations: float) -> Forecast:
    own = {(one.case.workload, one.case.id): seconds for one in made.items for seconds in durations.values()}
    return forecast(made, made.rings[0], own)


def of(*items: object, **changes: object) -> Plan:
    return plan(*items, rings=(changes.pop("ring", RING),), **changes)  # type: ignore[arg-type]


def test_quiet_pairs_pass_in_the_first_round_and_noisy_ones_need_more() -> None:
    policy = Policy()
    asked = chances(policy, 10)
    limits = MetricPolicy(margin=0.03, ignore=0.01)
    quiet, noisy, hopeless = (asked(limits, deviation) for deviation in (0.01, 0.04, 0.4))
    assert quiet.passes > 0.99
    assert quiet.pairs < 15
    assert noisy.passes > 0.9
    assert noisy.pairs > 2 * quiet.pairs
    assert hopeless.passes < 0.2
    assert hopeless.pairs > 200
    assert max(one.regresses for one in (quiet, noisy, hopeless)) < 0.01


def test_the_draws_are_the_same_each_time() -> None:
    limits = MetricPolicy(margin=0.03, ignore=0.01)
    assert chances(Policy(), 10)(limits, 0.03) == chances(Policy(), 10)(limits, 0.03)


def test_a_plan_that_can_reach_go() -> None:
    found = ahead(of(POOL, TEXT))
    assert found.obstacles == ()
    assert 0.95 < found.go <= 1.0
    assert found.items == 2
    assert found.known == 0
    assert {one.metric for one in found.least} == {"latency", "throughput"}
    assert all(one.assumed and one.least < one.margin for one in found.least)


def test_what_it_takes_follows_from_an_earlier_run() -> None:
    found = ahead(of(TEXT), seconds=2.0)
    assert (found.known, found.pairs) == (1, 2.0)
    assert found.seconds == pytest.approx(2 * 2 * 2.0)  # two pairs of two runs
    assert found.gpu_hours == 0.0


def test_gpu_hours_are_of_all_nodes_and_gpus() -> None:
    gpu = item(case_of("operator:sum", "large", tier=Tier.GPU))
    ring = Ring("canary", (Tier.GPU,), minimum_nodes=3, gpus=2, budget=600.0)
    found = ahead(of(gpu, ring=ring), seconds=10.0)
    assert found.gpu_hours == pytest.approx(2 * 2 * 10.0 * 3 * 2 / 3600)


def test_more_than_the_budget_is_no_plan() -> None:
    found = ahead(of(TEXT), seconds=400.0)
    assert found.obstacles == ("it takes 27 min on a node, and the ring's budget is 10 min",)
    assert found.remedies == ("a budget of 30 min, shards on more nodes, or fewer cases",)


def test_measurements_that_can_tell_nothing_are_refused_with_the_margin_that_would_do() -> None:
    many = [item(case_of("operator:pool", f"case-{number}", *POOL.case.metrics)) for number in range(10)]
    made = of(*many)
    noisy = Spread(error=0.4 / math.sqrt(120), pairs=120, generations=120)
    known = {(one.key, metric): noisy for one in many for metric in ("latency", "throughput")}
    found = forecast(made, RING, {}, known)
    assert "20 measurements of 20 cannot tell the margin, and 5 may be left uncovered" in found.obstacles[0]
    assert "by its calibration" in found.obstacles[0]
    assert found.remedies[0].startswith("a margin of ")
    wide = float(found.remedies[0].split()[3]) / 100
    assert all(one.least <= wide * 1.05 for one in found.least)
    wider = of(
        *many, policy=Policy(metrics={name: MetricPolicy(margin=wide * 1.1) for name in ("latency", "throughput")})
    )
    assert forecast(wider, RING, {}, known).obstacles == ()


def test_a_few_that_cannot_tell_may_be_left_uncovered() -> None:
    noisy = Spread(error=0.4 / math.sqrt(120), pairs=120, generations=120)
    found = forecast(of(POOL), RING, {}, {(POOL.key, "latency"): noisy})
    assert not [obstacle for obstacle in found.obstacles if "uncovered" in obstacle]
    assert not found.least[0].assumed


def test_what_the_tables_refuse_and_what_blocks() -> None:
    refused = Finding(TEXT.cell.id, Arm.CANDIDATE, "cuda-driver", "fail", "too old", "a table", "fail", "driver 580")
    fine = Finding(TEXT.cell.id, Arm.KNOWN_GOOD, "cuda-driver", "ok", "native", "a table")
    found = ahead(of(TEXT, findings=(fine, refused), rejections=(Rejection("x", "no node", blocking=True),)))
    assert found.refused
    assert found.obstacles[0].startswith(
        "static:cuda-driver: the tables refuse the candidate: too old; ok would be driver 580"
    )
    assert found.obstacles[1] == "x: no node"
    elsewhere = ahead(of(TEXT, rejections=(Rejection("x", "no node", blocking=True, ring="early"),)))
    assert elsewhere.obstacles == ()


def test_a_ring_of_tables_alone_never_reaches_go() -> None:
    found = ahead(of(ring=Ring("paper", (Tier.STATIC,))))
    assert found.obstacles == ("the ring asks for the tables alone, which never make it GO",)
