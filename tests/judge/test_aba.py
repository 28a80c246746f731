"""A-B-A on one node: what it decides, and how seldom it decides wrongly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.random import Generator

from compat.judge.aba import aba
from compat.judge.path import Edge, Edges, in_words
from compat.judge.series import Floats
from compat.model import MetricPolicy, Policy, Status

from .build import LATENCY

POLICY = Policy()
LIMITS = MetricPolicy()
Phases = tuple[Floats, Floats, Floats]
WIDE = MetricPolicy(margin=0.10)


def phase(rng: Generator, centre: Floats | float, count: int = 1, noise: float = 0.002, generations: int = 5) -> Floats:
    """Generations (measurements, generations) around the centre of a session."""
    return -5.0 + np.broadcast_to(centre, count)[:, None] + rng.normal(0.0, noise, (count, generations))


def three(before: Floats | float, after: Floats | float, back: Floats | float, count: int = 1, seed: int = 0) -> Phases:
    rng = np.random.default_rng(seed)
    return phase(rng, before, count), phase(rng, after, count), phase(rng, back, count)


def constant(before: float, after: float, back: float, apart: float = 0.0) -> Phases:
    """Generations that are all alike, but for a distance between them."""
    steps = apart * np.arange(4.0).reshape(1, 4)
    return before + steps, after + steps, back + steps


def one(before: float, after: float, back: float, limits: MetricPolicy = LIMITS, measured: int = 1) -> Edge:
    return aba(*three(before, after, back), limits, POLICY, measured).at(0)


def drawn(count: int, deviation: float, shift: float = 0.0, seed: int = 0, freedom: float = math.inf) -> Phases:
    """Sessions that vary independently: normal, or t-distributed with so many degrees of freedom."""
    rng = np.random.default_rng(seed)

    def session() -> Floats:
        if math.isinf(freedom):
            return rng.normal(0.0, deviation, count)
        return rng.standard_t(freedom, count) * deviation * math.sqrt((freedom - 2.0) / freedom)

    return tuple(phase(rng, session() + by, count) for by in (0.0, shift, 0.0))  # type: ignore[return-value]


def share(found: Edges, status: Status) -> float:
    return float(found.came_to(status).mean())


def test_a_change_above_ten_percent_is_named() -> None:
    found = one(0.0, 0.2, 0.005)
    assert found.status is Status.REGRESS
    assert found.centre is not None
    assert found.centre.effect == pytest.approx(0.2 - 0.0025, abs=0.003)
    assert found.centre.freedom == 1


@pytest.mark.parametrize("after", [-0.2, 0.0, 0.05, 0.09])
def test_everything_else_is_inconclusive(after: float) -> None:
    found = one(0.0, after, 0.001)
    assert found.status is Status.INCONCLUSIVE
    assert found.detectable == pytest.approx(math.log(1.1), abs=0.02)


def test_the_error_is_that_of_the_two_phases_that_should_be_alike() -> None:
    found = aba(*constant(0.0, 0.3, 0.04, 1e-6), LIMITS, POLICY, 1)
    # Var(after - (before + back) / 2) = 3/2 s2, where s2 is estimated by (back - before)^2 / 2.
    assert found.found.error[0] == pytest.approx(0.04 * math.sqrt(0.75))


def test_the_error_is_at_least_that_of_the_generations() -> None:
    values = np.array([[-0.03, 0.0, 0.03]])
    found = aba(values, values + 0.2, values, LIMITS, POLICY, 1)
    assert found.found.error[0] == pytest.approx(math.sqrt(1.5 * 0.03**2 / 3.0))


@pytest.mark.parametrize(("before", "back"), [(0.0, 0.3), (0.3, 0.0)])
def test_a_drift_as_large_as_the_effect_refuses(before: float, back: float) -> None:
    found = one(before, 0.4, back)
    assert found.status is Status.INCONCLUSIVE
    assert found.why == "the two known-good phases are as far apart as that: refused"


def test_each_known_good_phase_must_be_better_by_ten_percent_and_by_more_than_the_drift() -> None:
    assert one(0.0, 0.12, 0.04).why == "not worse than both known-good phases by more than 10 %"
    assert one(0.0, 0.16, 0.08).why.startswith("not worse than both known-good phases by more than 12.4 %")
    assert one(0.0, 0.30, 0.08).status is Status.REGRESS


def test_a_drift_of_the_family_counts_for_each_of_its_members() -> None:
    before, after, back = np.zeros(4), np.full(4, 0.2), np.array([0.0, 0.15, 0.0, 0.0])
    values = three(before, after, back, 4)
    assert Status.REGRESS not in aba(*values, LIMITS, POLICY, 4).status
    apart = aba(*values, LIMITS, POLICY, 4, ["load", "load", "latency", "latency"])
    assert apart.status == (Status.INCONCLUSIVE,) * 2 + (Status.REGRESS,) * 2


def test_the_noise_of_the_generations_counts() -> None:
    rng = np.random.default_rng(2)
    before, after, back = (phase(rng, centre, noise=0.1, generations=3) for centre in (0.0, 0.2, 0.0))
    assert aba(before, after, back, LIMITS, POLICY, 500).status == (Status.INCONCLUSIVE,)


def test_it_passes_no_margin_below_ten_percent() -> None:
    values = drawn(200, 0.005)
    assert share(aba(*values, LIMITS, POLICY, 200), Status.PASS) == 0.0
    said = in_words(LATENCY, aba(*values, LIMITS, POLICY, 200).at(0), LIMITS)
    assert "; A-B-A passes no margin below 10 %; would have found 10." in said.reason
    assert share(aba(*values, WIDE, POLICY, 200), Status.PASS) > 0.9


def test_it_passes_nothing_that_is_worse_than_one_known_good_phase_by_more_than_the_margin() -> None:
    rng = np.random.default_rng(0)
    before, after, back = (rng.normal(0.0, 0.001, 200) for _ in range(3))
    before[0], after[0], back[0] = -0.03, 0.075, 0.0
    found = aba(*three(before, after, back, 200), WIDE, replace(POLICY, pass_alpha=0.5), 200).at(0)
    assert found.status is Status.INCONCLUSIVE
    assert found.why == "worse than one of the two known-good phases by more than the margin"


@pytest.mark.parametrize("freedom", [math.inf, 5.0])
@pytest.mark.parametrize("deviation", [0.01, 0.02, 0.04])
def test_false_pass_at_the_margin(deviation: float, freedom: float) -> None:
    passed = [
        share(aba(*drawn(100, deviation, math.log(1.10), seed, freedom), WIDE, POLICY, 100), Status.PASS)
        for seed in range(100)
    ]
    assert np.mean(passed) <= 1.1 * POLICY.pass_alpha


@pytest.mark.parametrize("freedom", [math.inf, 5.0])
@pytest.mark.parametrize("deviation", [0.01, 0.03, 0.10])
@pytest.mark.parametrize("count", [20, 500])
def test_false_alarms_of_a_node_however_its_sessions_vary(count: int, deviation: float, freedom: float) -> None:
    nodes = 300
    alarms = sum(
        Status.REGRESS in aba(*drawn(count, deviation, 0.0, seed, freedom), LIMITS, POLICY, count).status
        for seed in range(nodes)
    )
    assert alarms / nodes <= 0.05


def test_what_would_have_been_found_is_found() -> None:
    quiet = aba(*drawn(500, 0.005), LIMITS, POLICY, 500)
    shift = float(np.median(quiet.detectable)) + 0.02  # the next sessions drift by themselves
    assert share(aba(*drawn(500, 0.005, shift, seed=1), LIMITS, POLICY, 500), Status.REGRESS) > 0.97


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("after", [0.0, 0.5])
def test_too_few_generations(place: int, after: float) -> None:
    before, changed, back = (
        values[:, :2] if n == place else values for n, values in enumerate(three(0.0, after, 0.0, 2))
    )
    found = aba(before, changed, back, WIDE, POLICY, 1)
    name = ("before", "after", "back again")[place]
    assert found.status == (Status.MISSING,) * 2
    assert found.why == (f"2 of the 3 generations {name}",) * 2
    assert in_words(LATENCY, found.at(0), WIDE).reason == f"latency: 2 of the 3 generations {name}"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("after", [0.0, 0.5])
def test_what_is_not_finite_is_invalid_and_the_others_are_judged(place: int, value: float, after: float) -> None:
    values = three(0.0, after, 0.001, 30)
    clean = aba(*values, WIDE, POLICY, 30)
    values[place][7, 0] = value
    found = aba(*values, WIDE, POLICY, 30)
    assert (found.status[7], found.why[7]) == (Status.INVALID, "not every value is finite")
    assert [found.status[row] for row in range(30) if row != 7] == [clean.status[row] for row in range(30) if row != 7]


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_without_any_variance_nothing_is_said(after: float) -> None:
    found = aba(*constant(0.0, after, 0.0), WIDE, POLICY, 1).at(0)
    assert (found.status, found.centre) == (Status.INCONCLUSIVE, None)
    assert found.why == "without any variance nothing can be said"


def test_phases_of_different_measurements_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"phases of \[1, 1, 2\] measurements"):
        aba(np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((2, 3)), LIMITS, POLICY, 1)


def test_in_words_shows_the_drift() -> None:
    said = in_words(LATENCY, one(0.0, 0.5, 0.05), LIMITS)
    assert said.status is Status.REGRESS
    assert said.reason.startswith("latency 61 % slower (95 % interval ")
    assert ", 1 degree of freedom, before and back again 4.9 % apart), margin 3 %: 6.7" in said.reason
    assert said.reason.count("; ") == 0
