"""Rule 10: a pair in which both arms throttle says nothing of speed, and one in which one arm does says a lot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from compat.judge import Wanted, wanted
from compat.judge.admit import in_pairs
from compat.judge.outcome import Outcome
from compat.model import THROTTLED, Arm, Conditions, Decision, Evidence, Policy, Status

from .build import LATENCY, World, case, item, judge_sampled, plan, scaled, world

SLOW = item(case("operator:slow", "a", LATENCY))
HOT = ("hw_thermal",)


def throttled(*reasons: str) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(record, conditions=Conditions(throttle=reasons))


def judged(w: World) -> Outcome:
    return judge_sampled(LATENCY, in_pairs(w.evidence)[0], Policy(), 1)


@pytest.mark.parametrize("reason", sorted(THROTTLED))
def test_where_both_arms_throttle_the_pair_is_not_counted(reason: str) -> None:
    w = world(plan(SLOW), pairs=12)
    # Two pairs that would be 60 % slower, if they counted.
    w.edit(scaled("latency", 1.6), arm=Arm.CANDIDATE, pairs=(3, 4)).edit(throttled("idle", reason), pairs=(3, 4))
    w.edit(lambda record: replace(record, round=1), pairs=(10, 11))
    outcome = judged(w)
    assert outcome.status is Status.PASS
    assert outcome.pairs == 10
    assert outcome.reason.endswith(f"; 2 pairs not counted, because both arms were throttled ({reason})")


def test_the_arms_may_throttle_for_different_reasons() -> None:
    w = world(plan(SLOW), pairs=10)
    w.edit(throttled("hw_thermal"), arm=Arm.KNOWN_GOOD, pairs=(3,)).edit(
        throttled("power_brake"), arm=Arm.CANDIDATE, pairs=(3,)
    )
    assert "1 pair not counted, because both arms were throttled (hw_thermal, power_brake)" in judged(w).reason


@pytest.mark.parametrize("arm", Arm)
def test_where_one_arm_throttles_the_pair_counts(arm: Arm) -> None:
    w = world(plan(SLOW), pairs=10).edit(throttled(*HOT), arm=arm)
    outcome = judged(w)
    assert outcome.pairs == 10
    assert "not counted" not in outcome.reason


def test_throttling_that_is_the_regression_is_named_as_such() -> None:
    w = world(plan(SLOW), pairs=30).edit(scaled("latency", 1.2), arm=Arm.CANDIDATE)
    assert judged(w.edit(throttled(*HOT), arm=Arm.CANDIDATE)).status is Status.REGRESS


def test_a_power_cap_and_an_idle_clock_drop_nothing() -> None:
    w = world(plan(SLOW), pairs=10).edit(throttled("idle", "sw_power_cap", "sync_boost"))
    assert (judged(w).status, judged(w).pairs) == (Status.PASS, 10)


def test_exact_and_bounded_metrics_and_outputs_count_all_pairs() -> None:
    w = world(pairs=10).edit(throttled(*HOT))
    comparisons = {(c.workload, c.metric): c for c in w.verdict().comparisons}
    assert comparisons["operator:average_pool", "memory"].pairs == 10
    assert comparisons["operator:average_pool", "outputs"].pairs == 10
    assert comparisons["kernel:matmul", "spills"].status is Status.PASS


def test_too_few_pairs_are_left_to_say_anything() -> None:
    w = world(pairs=10).edit(throttled(*HOT), pairs=(0, 1, 2))
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    (latency,) = (c for c in verdict.comparisons if c.metric == "latency")
    assert latency.status is Status.INCONCLUSIVE
    assert latency.reason == (
        "latency: 7 of the 10 pairs of round 1; 3 pairs not counted, because both arms were throttled (hw_thermal)"
    )


def test_others_are_measured_in_their_place() -> None:
    have = world(plan(SLOW), pairs=10).edit(throttled(*HOT), pairs=(0, 1, 2)).evidence
    assert wanted(plan(SLOW), SLOW, have) == Wanted(13, 1)


def test_a_node_that_is_always_too_hot_is_not_asked_for_ever() -> None:
    have = world(plan(SLOW), pairs=19).edit(throttled(*HOT)).evidence
    have = [replace(record, round=1) for record in have]
    assert wanted(plan(SLOW), SLOW, have) == Wanted(20, 1)
    more = [replace(record, pair=19) for record in have if record.pair == 18]
    assert wanted(plan(SLOW), SLOW, [*have, *more]).pairs <= 20
