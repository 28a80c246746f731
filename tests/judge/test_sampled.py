"""Rules 1 to 5: centre, rounds, tails."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from compat.judge.centre import centre
from compat.judge.points import Point
from compat.judge.rounds import Course, courses
from compat.judge.series import Series
from compat.judge.tails import Tail, tails
from compat.model import Arm, Direction, Metric, MetricPolicy, Policy, Status

from .build import LATENCY, THROUGHPUT, judge_sampled, pairs_with, round_of

POLICY = Policy()
LIMITS = MetricPolicy()


def made(count: int, shift: float, noise: float = 0.02, seed: int = 0, generation_noise: float = 0.0) -> list[Point]:
    """Pairs of processes with a slowdown of ``shift`` (log scale), as many as asked for, in the policy's rounds."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        if number % 2 == 0:
            generation = rng.normal(0, generation_noise)
        drift = rng.normal(0, 0.1)
        good, new = (drift + rng.normal(0, noise / math.sqrt(2)) for _ in range(2))
        round_ = round_of(number, POLICY.rounds)
        found.append(Point(number, round_, number // 2, good, new + shift + generation))
    return found


def course(points: list[Point], limits: MetricPolicy, policy: Policy, measured: int) -> Course:
    return courses(Series.of([points]), limits, policy, measured).at(0)


def tail(points: list[Point]) -> Tail:
    return tails(Series.of([points]), POLICY.tail).at(0)


def follow(shift: float, seed: int, measured: int = 1, **how: float) -> Course:
    return course(made(240, shift, seed=seed, **how), LIMITS, POLICY, measured)


def test_centre_is_yuens_test_as_in_scipy() -> None:
    values = np.random.default_rng(3).standard_t(3, 23) * 0.02 + 0.01
    found = centre(list(values))
    # Welch's form of Yuen's test against a group that is the same constant has the same statistic.
    constant = np.zeros(23)
    expected = stats.ttest_ind(values, constant, trim=0.2, equal_var=False)
    assert found is not None
    assert found.effect == pytest.approx(stats.trim_mean(values, 0.2))
    assert found.effect / found.error == pytest.approx(float(expected.statistic))
    assert found.freedom == 23 - 2 * 4 - 1
    assert found.p_worse(0.0) == pytest.approx(float(expected.pvalue) / 2)
    assert found.p_worse(0.01) + found.p_within(0.01) == pytest.approx(1.0)
    low, high = found.interval()
    assert low < found.effect < high


def test_too_few_generations_say_nothing() -> None:
    assert centre([]) is None
    assert centre([0.5, 0.5]) is None


def test_without_variance_the_value_decides() -> None:
    found = centre([0.05] * 5)
    assert found is not None
    assert (found.error, found.p_worse(0.03), found.p_within(0.03)) == (0.0, 0.0, 1.0)
    at_limit = centre([0.03] * 5)
    assert at_limit is not None
    assert (at_limit.p_worse(0.03), at_limit.p_within(0.03)) == (1.0, 1.0)


def test_equal_values_in_the_middle_are_not_taken_for_certainty() -> None:
    found = centre([0.0, 0.0, 0.0, 0.4, -0.1])
    assert found is not None
    assert found.error > 0.01


def test_generations_are_the_unit() -> None:
    points = [Point(n, 1, n // 2, 0.0, float(n)) for n in range(6)]
    assert Series.of([points]).unit_means().tolist() == [[0.5, 2.5, 4.5]]


def test_a_generation_never_spans_rounds() -> None:
    points = [Point(0, 1, 0, 0.0, 1.0), Point(1, 2, 0, 0.0, 3.0)]
    assert Series.of([points]).unit_means().tolist() == [[1.0, 3.0]]


def test_unchanged_passes() -> None:
    found = [follow(0.0, seed) for seed in range(60)]
    assert all(state.status is Status.PASS for state in found)
    assert sum(state.round <= 2 for state in found) >= 50


def test_five_percent_regresses_and_is_named() -> None:
    assert all(follow(math.log(1.05), seed, measured=200).status is Status.REGRESS for seed in range(60))


def test_three_percent_does_not_pass() -> None:
    found = [follow(math.log(1.03), seed, measured=200).status for seed in range(100)]
    assert sum(status is Status.PASS for status in found) <= 5
    assert sum(status is Status.REGRESS for status in found) >= 80


def test_faster_passes_in_either_direction_of_the_metric() -> None:
    assert follow(-0.2, 1).status is Status.PASS


def test_a_session_effect_of_the_generation_does_not_make_regressions() -> None:
    found = [follow(0.0, seed, measured=100, generation_noise=0.0075).status for seed in range(100)]
    assert Status.REGRESS not in found


def test_round_one_never_regresses() -> None:
    state = course(made(10, math.log(5.0)), LIMITS, POLICY, 1)
    assert (state.status, state.round) == (None, 1)


def test_regress_needs_fresh_pairs() -> None:
    # 3.5 % slower in round 1, and no longer: together the pairs say that it is slower, the fresh ones do not.
    policy = Policy(rounds=(20, 10))
    found = made(30, 0.0, noise=0.004, seed=4)
    points = [replace(p, round=1 + (p.number >= 20), candidate=p.candidate + 0.035 * (p.number < 20)) for p in found]
    state = course(points, LIMITS, policy, 1)
    assert state.centre is not None
    assert state.centre.p_worse(math.log(1.01)) < policy.regress_alpha
    assert state.status is Status.INCONCLUSIVE


def test_the_tail_too_needs_fresh_pairs() -> None:
    policy = Policy(rounds=(40, 40))
    flat = [Point(n, 1, n // 2, 0.001 * (n % 3), 0.001 * (n % 2) + 0.4 * (n % 4 == 0)) for n in range(40)]
    assert tail(flat).p < 0.001
    assert course(flat, LIMITS, policy, 1).status is None
    again = [replace(p, number=p.number + 40, round=2) for p in flat]
    assert course(flat + again, LIMITS, policy, 1).status is Status.REGRESS


def test_a_policy_of_one_round_passes_or_stays_open() -> None:
    policy = Policy(rounds=(10,))
    assert course(made(10, 0.0, noise=0.002), LIMITS, policy, 1).status is Status.PASS
    assert course(made(10, 0.5, noise=0.002), LIMITS, policy, 1).status is Status.INCONCLUSIVE


@pytest.mark.parametrize("rounds", [(), (0,), (0, 10)])
def test_a_policy_without_pairs_never_passes(rounds: tuple[int, ...]) -> None:
    status = course(made(10, 0.0, noise=0.0), LIMITS, Policy(rounds=rounds), 1).status
    assert status in (None, Status.INCONCLUSIVE)


def test_only_complete_rounds_are_judged_and_surplus_is_not() -> None:
    clean = made(10, 0.0, noise=0.002)
    assert course(clean[:9], LIMITS, POLICY, 1).status is None
    surplus = [Point(100 + n, 1, 50, 0.0, 3.0) for n in range(20)]
    assert course(clean + surplus, LIMITS, POLICY, 1) == course(clean, LIMITS, POLICY, 1)


def test_the_first_decision_is_final() -> None:
    clean = made(10, 0.0, noise=0.002)
    later = [replace(p, candidate=p.candidate + 1.0) for p in made(240, 0.0)[10:]]
    state = course(clean + later, LIMITS, POLICY, 1)
    assert (state.status, state.round) == (Status.PASS, 1)


def test_flagged_measurements_do_not_pass_in_round_one() -> None:
    # 2 % slower, very precisely: below the margin, but somebody cares.
    found = made(30, math.log(1.02), noise=0.002)
    assert course(found[:10], LIMITS, POLICY, 1).status is None
    state = course(found, LIMITS, POLICY, 1)
    assert (state.status, state.round, state.flagged) == (Status.PASS, 2, True)


def test_the_budget_is_shared_by_the_measurements_of_the_ring() -> None:
    decided = [
        (follow(math.log(1.03), seed).round, follow(math.log(1.03), seed, measured=10**6).round) for seed in range(20)
    ]
    assert all(few <= many for few, many in decided)
    assert any(few < many for few, many in decided)


def test_spent_budget_is_inconclusive_and_says_what_would_have_been_found() -> None:
    rng = np.random.default_rng(5)
    pairs = pairs_with(LATENCY, *([math.exp(rng.normal(0.0, 0.5)) for _ in range(240)] for _ in Arm))
    pairs = [replace(p, round=round_of(p.number, POLICY.rounds)) for p in pairs]
    outcome = judge_sampled(LATENCY, pairs, POLICY, 1000)
    assert outcome.status is Status.INCONCLUSIVE
    assert "open after all 5 rounds; would have found" in outcome.reason


def test_a_tail_keeps_from_passing_what_the_trimmed_mean_cannot_see() -> None:
    calm = made(240, 0.0, noise=0.01, seed=9)
    # One process in six is 40 % slower, in the candidate only, spread over all rounds.
    heavy = [replace(p, candidate=p.candidate + (math.log(1.4) if p.number % 6 == 3 else 0.0)) for p in calm]
    for points, slow in ((calm, False), (heavy, True)):
        flat = [replace(p, candidate=p.candidate - p.known_good, known_good=0.001 * (p.number % 3)) for p in points]
        state = course(flat, LIMITS, POLICY, 1)
        assert (state.status is Status.PASS) is not slow
        assert state.status is (Status.REGRESS if slow else Status.PASS)
    assert state.by_tail


def test_slow_processes_of_both_arms_are_nobodys_regression() -> None:
    flat = [Point(n, 1, n // 2, 0.5 * (n % 5 == 0), 0.5 * (n % 5 == 1)) for n in range(40)]
    found = tail(flat)
    assert found.known_good == found.candidate == 8
    assert found.p > 0.4


def test_one_slow_process_delays_but_does_not_condemn() -> None:
    calm = made(30, 0.0, noise=0.004, seed=3)
    flat = [replace(p, candidate=p.candidate - p.known_good, known_good=0.001 * (p.number % 3)) for p in calm]
    points = [replace(p, candidate=p.candidate + 0.4 * (p.number == 3)) for p in flat]
    assert course(flat[:10], LIMITS, POLICY, 1).status is Status.PASS
    assert course(points[:10], LIMITS, POLICY, 1).status is None
    assert course(points, LIMITS, POLICY, 1).status is Status.PASS


def test_false_alarms_of_the_tail_stay_within_their_budget() -> None:
    # Outliers of 50 % in 8 % of the processes of both arms alike.
    rng = np.random.default_rng(11)
    bad = 0
    for _ in range(150):
        points = [
            Point(
                n,
                round_of(n, POLICY.rounds),
                n // 2,
                *(0.4 * (rng.random() < 0.08) + rng.normal(0, 0.01) for _ in "ab"),
            )
            for n in range(240)
        ]
        bad += course(points, LIMITS, POLICY, 1).status is Status.REGRESS
    assert bad <= 7  # 5 % of 150, with room for chance


@pytest.mark.parametrize("metric", [LATENCY, THROUGHPUT])
def test_reasons_have_numbers_and_units(metric: Metric) -> None:
    rng = np.random.default_rng(2)
    worse = 1.042 if metric.direction is Direction.LOWER else 1 / 1.042
    good = [0.0121 * math.exp(rng.normal(0, 0.003)) for _ in range(30)]
    new = [0.0121 * worse * math.exp(rng.normal(0, 0.003)) for _ in range(30)]
    pairs = [replace(p, round=round_of(p.number, POLICY.rounds)) for p in pairs_with(metric, good, new)]
    outcome = judge_sampled(metric, pairs, POLICY, 10)
    assert outcome.status is Status.REGRESS
    assert outcome.effect == pytest.approx(math.log(1.042), abs=0.002)
    assert outcome.interval is not None
    assert outcome.effect is not None
    assert outcome.interval[0] < outcome.effect < outcome.interval[1]
    assert (outcome.limit, outcome.pairs) == (math.log1p(0.03), 30)
    if metric is LATENCY:
        assert outcome.reason == (
            "latency 4.3 % slower (95 % interval 4.2 to 4.4 %, 30 pairs), margin 3 %: 12.1 ms -> 12.62 ms"
        )
    else:
        assert outcome.reason == (
            "throughput 3.9 % lower (95 % interval 3.8 to 4.1 %, 30 pairs), margin 3 %: "
            "0.0121 items/s -> 0.01162 items/s"
        )


def test_no_pairs_or_no_measurements_are_missing() -> None:
    assert judge_sampled(LATENCY, [], POLICY, 1).status is Status.MISSING
    other = pairs_with(THROUGHPUT, [1.0] * 10, [1.0] * 10)
    assert judge_sampled(LATENCY, other, POLICY, 1).status is Status.MISSING


def test_a_process_that_lost_its_samples_is_invalid() -> None:
    pairs = pairs_with(LATENCY, [(1.0, 1.0, 1.0)] * 10, [(1.0, 1.0, 1.0)] * 9 + [(1.0,)])
    outcome = judge_sampled(LATENCY, pairs, POLICY, 1)
    assert outcome.status is Status.INVALID
    assert "1 of up to 3 samples in pair 9 (candidate)" in outcome.reason
    once = pairs_with(LATENCY, [1.0] * 10, [1.0] * 10)
    assert judge_sampled(LATENCY, once, POLICY, 1).status is Status.PASS


def test_two_generations_are_too_few() -> None:
    outcome = judge_sampled(LATENCY, pairs_with(LATENCY, [1.0] * 4, [9.0] * 4), Policy(rounds=(4,)), 1)
    assert outcome.status is Status.INCONCLUSIVE
    assert "2 generations of 4 pairs are too few" in outcome.reason
