"""What can be told on a node: measured with nothing changed, and what is undecided for want of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from compat.errors import UsageError
from compat.judge.calibration import Spread, calibrated, least_effect, spreads, uncover
from compat.judge.rounds import courses
from compat.judge.series import Series
from compat.model import Arm, Decision, MetricPolicy, Plan, Policy, Ring, Status, Tier, Verdict
from compat.plan.unchanged import unchanged

from .build import LATENCY, MEMORY, POOL, World, case, drop, faulting, item, plan, scaled, world

CASE = item(case("operator:slow", "a", LATENCY, MEMORY))
RINGS = (Ring("canary", (Tier.STATIC, Tier.CPU)),)
PLAN = plan(CASE, rings=RINGS)
KEY = CASE.key, "latency"


def alike(pairs: int = 60) -> Plan:
    return unchanged(PLAN, "canary", pairs)


def measured(noise: float, pairs: int = 60, nodes: tuple[str, ...] = ("n1",), seed: int = 1) -> World:
    w = world(alike(pairs), pairs=pairs, noise=noise, nodes=nodes, seed=seed)
    good = next(e.identity for e in w.evidence if e.arm is Arm.KNOWN_GOOD)
    return w.edit(lambda e: replace(e, runtime="old", stack=CASE.cell.known_good, identity=good))


def test_the_plan_of_a_calibration_has_the_known_good_stack_in_both_arms() -> None:
    made = alike()
    assert made.candidate == made.known_good == PLAN.known_good
    (one,) = made.items
    assert (one.key, one.cell.stack) == (CASE.key, CASE.cell.known_good)
    assert one.case.metrics == (LATENCY,)  # what is not judged by samples has nothing to calibrate
    assert made.policy.rounds == (60,)
    assert made.for_ring("canary") == made.items


def test_a_ring_without_samples_has_nothing_to_calibrate() -> None:
    with pytest.raises(UsageError, match="ring canary: judges no measurement by samples"):
        unchanged(plan(item(case("operator:x", "a", MEMORY)), rings=RINGS), "canary", 60)


def test_what_varies_more_tells_less() -> None:
    quiet, loud = (spreads(alike(), measured(noise).evidence)[KEY] for noise in (0.01, 0.05))
    assert quiet.pairs == quiet.generations == 60
    assert 0.6 < quiet.error * math.sqrt(60) / (0.01 * math.sqrt(2)) < 1.6
    assert loud.error > 3 * quiet.error


def test_the_node_that_varies_most_decides() -> None:
    w = measured(0.01, nodes=("n1", "n2"))
    loud = measured(0.05, seed=2)
    w.evidence = [e for e in w.evidence if e.node == "n1"] + [replace(e, node="n2") for e in loud.evidence]
    assert spreads(alike(), w.evidence)[KEY] == spreads(alike(), loud.evidence)[KEY]


def test_too_little_says_nothing() -> None:
    assert spreads(alike(), []) == {}
    assert spreads(alike(59), measured(0.01, pairs=59).evidence) == {}
    few = measured(0.01).edit(lambda e: replace(e, generation=e.pair // 15))
    assert spreads(alike(), few.evidence) == {}
    assert spreads(alike(), measured(0.01).edit(faulting(), pairs=[3]).evidence) == {}
    assert spreads(alike(), measured(0.01).edit(drop, arm=Arm.CANDIDATE, pairs=[3]).evidence) == {}


def test_the_least_effect_is_found_in_99_of_100_cases() -> None:
    """The formula against the rounds themselves, on plain noise of that deviation."""
    policy, deviation, runs = Policy(), 0.05, 400
    largest = max(policy.rounds)
    spread = Spread(deviation / math.sqrt(60), 60, 60)
    least = least_effect(spread, 0.01, policy, 1)
    rng = np.random.default_rng(5)
    sizes = np.repeat(np.arange(1, 6), policy.rounds)
    good = np.zeros((runs, len(sizes)))
    series = Series(good, good + rng.normal(least, deviation, good.shape), sizes, np.arange(len(sizes)))
    found = courses(series, MetricPolicy(margin=0.02, ignore=0.01), policy, 1)
    assert largest == 120
    assert found.came_to(Status.REGRESS).mean() > 0.97  # the trimmed mean loses a little beside the mean
    assert not found.came_to(Status.PASS).any()


def test_each_measurement_is_told_whether_it_is_covered() -> None:
    (quiet,) = calibrated(PLAN, "canary", alike(), measured(0.005).evidence)
    (loud,) = calibrated(PLAN, "canary", alike(), measured(0.2).evidence)
    (none,) = calibrated(PLAN, "canary", alike(), [])
    assert (quiet.item, quiet.metric, quiet.margin) == (*KEY, math.log1p(0.03))
    assert (quiet.covered, loud.covered, none.covered) == (True, False, False)
    assert none.least is None


def judged(w: World, known: dict[tuple[str, str], Spread]) -> Verdict:
    from compat.judge import judge

    return judge(w.plan, "canary", w.evidence, w.identities, w.nodes, w.blobs.__getitem__, "2026-11-23", (), known)


LOUD = {KEY: Spread(0.05, 60, 60)}


def undecided() -> World:
    return world(PLAN, pairs=240, noise=0.4, seed=2)


def test_what_cannot_be_told_is_uncovered_and_said() -> None:
    assert judged(undecided(), {}).decision is Decision.HOLD
    verdict = judged(undecided(), LOUD)
    assert verdict.decision is Decision.GO
    (found,) = [c for c in verdict.comparisons if c.metric == "latency"]
    assert found.status is Status.UNCOVERED
    assert "; calibration over 60 pairs says that " in found.reason
    assert found.reason.endswith("is the least that can be told here, margin 3 %")
    assert verdict.calibration
    assert not judged(undecided(), {}).calibration


def test_uncovered_is_capped() -> None:
    w = undecided()
    w.plan = replace(PLAN, policy=Policy(accepted_least=0))
    w.edit(lambda e: replace(e, plan=_digest(w.plan)))
    verdict = judged(w, LOUD)
    assert verdict.decision is Decision.HOLD
    assert any("1 uncovered of" in reason for reason in verdict.reasons)


def _digest(made: Plan) -> str:
    from compat.model import digest

    return digest(made)


def test_a_slowdown_that_is_shown_regresses_whatever_calibration_says() -> None:
    w = world(PLAN, pairs=30).edit(scaled("latency", 1.5), arm=Arm.CANDIDATE)
    assert judged(w, LOUD).decision is Decision.NO_GO


def test_only_what_was_judged_by_samples_and_is_undecided_is_uncovered() -> None:
    verdict = judged(undecided(), {})
    quiet = {KEY: Spread(1e-6, 60, 60)}
    assert uncover(verdict.comparisons, quiet, PLAN.policy, 1) == verdict.comparisons  # it ought to have been told
    missing = judged(world(PLAN, pairs=240, noise=0.4, seed=2).edit(drop, arm=Arm.CANDIDATE), {})
    assert uncover(missing.comparisons, LOUD, PLAN.policy, 1) == missing.comparisons


def test_points_of_other_items_are_not_asked() -> None:
    assert (POOL.key, "latency") not in spreads(alike(), world(plan(POOL), pairs=60).evidence)
