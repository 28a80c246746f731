"""Rule 8: a candidate that is reached over edges, and what these add up to."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from compat.judge.centre import Centres, almost_always
from compat.judge.control import NodeChange, control
from compat.judge.path import (
    Design,
    Edge,
    Edges,
    along,
    in_words,
    of_courses,
    refuse,
    satterthwaite,
    weigh,
)
from compat.judge.rounds import courses
from compat.judge.series import Floats, Series
from compat.model import MetricPolicy, Policy, Status

from .build import LATENCY, THROUGHPUT

POLICY = Policy()
LIMITS = MetricPolicy()
MARGIN = math.log1p(LIMITS.margin)
IGNORED = math.log1p(LIMITS.ignore)


def edges(effect: list[float], error: float = 0.002, freedom: int = 14, design: Design = Design.CONTROL) -> Edges:
    """One edge of measurements with these effects, each judged by itself."""
    count = len(effect)
    found = Centres(np.array(effect), np.full(count, error), np.full(count, freedom), freedom + 2)
    return weigh(design, "nodes", np.full(count, -5.0), found, LIMITS, POLICY, (0.05, 0.04))


def summed(*legs: Edges | None, measured: int = 1) -> Edges:
    return along({f"leg{n}": leg for n, leg in enumerate(legs)}, LIMITS, POLICY, measured)


def only(*legs: Edges | None) -> Edge:
    return summed(*legs).at(0)


def pairs(count: int, shift: float, seed: int, deviation: float = 0.02) -> Series:
    """All rounds of the paired design, a generation a pair."""
    rng = np.random.default_rng(seed)
    size = sum(POLICY.rounds)
    drift = rng.normal(0.0, 0.05, (count, size))
    arms = [drift + rng.normal(0.0, deviation / math.sqrt(2.0), (count, size)) for _ in range(2)]
    rounds = np.repeat(np.arange(1, len(POLICY.rounds) + 1), POLICY.rounds)
    return Series(arms[0], arms[1] + shift, rounds, np.arange(size))


def paired(count: int, shift: float, seed: int = 0, measured: int = 1) -> Edges:
    return of_courses(courses(pairs(count, shift, seed), LIMITS, POLICY, measured))


def controlled(count: int, shift: float, seed: int = 0, nodes: int = 8, deviation: float = 0.01) -> Edges:
    rng = np.random.default_rng(seed)
    base = np.zeros((count, 3))
    changes = [
        NodeChange(f"n{n}", n < nodes, base, base + (shift * (n < nodes) + rng.normal(0.0, deviation, (count, 1))))
        for n in range(2 * nodes)
    ]
    return control(changes, LIMITS, POLICY, 1)


def share(found: Edges, status: Status) -> float:
    return float(found.came_to(status).mean())


def test_effects_and_variances_add_up_and_the_degrees_of_freedom_are_welchs() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.01, 0.004, 7), rng.normal(0.005, 0.009, 16)
    found = summed(
        *(edges([float(x.mean())], float(x.std(ddof=1)) / math.sqrt(len(x)), len(x) - 1, Design.STORED) for x in (a, b))
    )
    welch = stats.ttest_ind(a, -b, equal_var=False)
    assert found.found.effect[0] == pytest.approx(a.mean() + b.mean())
    assert found.found.effect[0] / found.found.error[0] == pytest.approx(float(welch.statistic))
    assert found.found.freedom.tolist() == [math.floor(welch.df)]


def test_satterthwaite() -> None:
    assert satterthwaite([[1.0], [1.0]], [[7], [7]]).tolist() == [14]
    assert satterthwaite([[1.0], [0.0]], [[7], [3]]).tolist() == [7]
    assert satterthwaite([[0.0], [0.0]], [[7], [3]]).tolist() == [0]
    assert satterthwaite([[math.nan], [1.0]], [[7], [3]]).tolist() == [0]


def test_two_edges_within_the_margin_may_be_beyond_it_together() -> None:
    leg = edges([math.log(1.02), 0.0, math.log(1.02)], 0.001)
    other = edges([math.log(1.02), math.log(1.02), -math.log(1.02)], 0.001)
    assert leg.status == other.status == (Status.PASS,) * 3
    assert summed(leg, other).status == (Status.REGRESS, Status.PASS, Status.PASS)


def test_an_edge_that_is_worse_is_its_own_regression_and_the_sum_says_what_it_comes_to() -> None:
    worse, better = edges([math.log(1.05)]), edges([-math.log(1.05)])
    assert worse.status == (Status.REGRESS,)
    assert only(worse, better).status is Status.PASS
    assert only(worse, edges([0.0])).status is Status.REGRESS


def test_the_sum_of_one_edge_is_that_edge() -> None:
    leg = edges([math.log(1.05), 0.0])
    assert summed(leg).status == leg.status
    assert summed(leg).found.effect.tolist() == leg.found.effect.tolist()


@pytest.mark.parametrize("other", [0.0, 0.2])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.PASS, Status.REGRESS)])
def test_an_edge_that_is_not_decided_leaves_the_sum_undecided(status: Status, first: bool, other: float) -> None:
    lost = refuse(Design.STORED, 1, status, "why")
    decided = edges([other])
    found = only(*((lost, decided) if first else (decided, lost)))
    assert (found.status, found.centre) == (Status.INCONCLUSIVE, None)
    name = "leg0" if first else "leg1"
    assert found.why == f"the sum over its edges is not known: edge {name} (stored) is {status.value}"


@pytest.mark.parametrize("other", [0.0, 0.2])
def test_an_edge_that_is_missing_leaves_the_sum_undecided(other: float) -> None:
    found = summed(edges([other, other]), None)
    assert found.status == (Status.INCONCLUSIVE,) * 2
    assert found.why[1] == "the sum over its edges is not known: edge leg1 was not measured"


def test_an_inconclusive_edge_with_numbers_does_not_count() -> None:
    unsure = edges([0.02], 0.02)
    assert unsure.status == (Status.INCONCLUSIVE,)
    assert unsure.at(0).centre is not None
    assert only(unsure, edges([0.2])).status is Status.INCONCLUSIVE


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_never_a_sum(value: float) -> None:
    leg = edges([0.0])
    odd = replace(leg, found=replace(leg.found, effect=np.array([value])))
    assert only(leg, odd).status is Status.INVALID
    assert only(leg, replace(leg, found=replace(leg.found, error=np.array([value])))).status is Status.INVALID


def test_without_any_variance_there_is_no_sum() -> None:
    leg = edges([0.0])
    certain = replace(leg, found=replace(leg.found, error=np.zeros(1)))
    assert only(certain, certain).status is Status.INCONCLUSIVE
    assert only(leg, certain).status is Status.PASS


def test_nothing_to_add_up_is_an_error() -> None:
    for legs in ((), (None,), (edges([0.0]), edges([0.0, 0.0]))):
        with pytest.raises(ValueError, match="different sizes"):
            summed(*legs)


def test_the_order_of_the_edges_does_not_matter() -> None:
    legs = edges([0.0, 0.02, 0.04]), edges([0.01, 0.02, -0.01], 0.004, 6), edges([0.001] * 3)
    assert summed(*legs).status == summed(*legs[::-1]).status


def test_the_paired_edge_is_what_its_rounds_came_to() -> None:
    course = courses(pairs(300, math.log(1.03), 1), LIMITS, POLICY, 20)
    found = of_courses(course)
    for row in range(300):
        state, edge = course.at(row), found.at(row)
        assert edge.status is state.status
        assert edge.basis == f"{state.pairs} pairs"
        assert edge.flagged == state.flagged
        assert state.centre is not None
        assert edge.centre is not None
        assert (edge.centre.effect, edge.centre.error) == (state.centre.effect, state.centre.error)
        assert (edge.known_good, edge.detectable) == (state.known_good, state.detectable)
    assert {Status.PASS, Status.REGRESS} <= set(found.status)


def test_a_paired_edge_that_is_still_open_is_not_decided() -> None:
    series = pairs(2, math.log(1.02), 1)
    some = series.take(slice(None), series.of_round(1, 5))
    found = of_courses(courses(some, LIMITS, POLICY, 1))
    assert found.status == (Status.INCONCLUSIVE,) * 2
    assert found.at(0).centre is None
    assert only(found, edges([0.0, 0.0])).status is Status.INCONCLUSIVE


def _sums(effects: tuple[float, float], designs: tuple[Design, Design], measured: int, count: int = 4000) -> Edges:
    legs: list[Edges | None] = [
        paired(count, effect, seed, measured) if design is Design.PAIRED else controlled(count, effect, seed)
        for seed, (effect, design) in enumerate(zip(effects, designs, strict=True))
    ]
    return summed(*legs, measured=measured)


@pytest.mark.parametrize("second", [Design.PAIRED, Design.CONTROL])
@pytest.mark.parametrize("parts", [(0.5, 0.5), (0.0, 1.0), (1.0, 0.0)])
def test_what_is_at_the_margin_altogether_passes_at_the_level(second: Design, parts: tuple[float, float]) -> None:
    found = _sums((parts[0] * MARGIN, parts[1] * MARGIN), (Design.PAIRED, second), 1)
    assert share(found, Status.PASS) <= POLICY.pass_alpha


@pytest.mark.parametrize("second", [Design.PAIRED, Design.CONTROL])
@pytest.mark.parametrize("parts", [(0.5, 0.5), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("measured", [1, 10])
def test_what_nobody_cares_about_altogether_regresses_at_the_level(
    second: Design, parts: tuple[float, float], measured: int
) -> None:
    found = _sums((parts[0] * IGNORED, parts[1] * IGNORED), (Design.PAIRED, second), measured)
    assert share(found, Status.REGRESS) <= POLICY.regress_alpha / measured


def test_the_noncentral_t_says_what_is_found_in_99_of_100_cases() -> None:
    for freedom, level in ((2, 0.04), (6, 8e-5), (14, 2e-5), (200, 1e-4)):
        effect = float(almost_always(np.array([freedom]), level)[0])
        quantile = stats.t(freedom).isf(level)
        assert stats.nct(freedom, effect).sf(quantile) == pytest.approx(0.99, abs=1e-4)


def test_why_something_did_not_become_what_it_would_have_been() -> None:
    found = Centres(np.array([0.0, 0.1, 0.025]), np.full(3, 0.009), np.full(3, 14), 16)
    given = ("nodes", np.zeros(3), found, LIMITS, POLICY, (0.05, 0.04))
    plain = weigh(Design.CONTROL, *given)
    assert plain.status == (Status.PASS, Status.REGRESS, Status.INCONCLUSIVE)
    reasons = dict.fromkeys(range(3), "not here")
    kept = weigh(Design.CONTROL, *given, no_pass=reasons, no_regress=reasons)
    assert kept.status == (Status.INCONCLUSIVE,) * 3
    assert kept.why == ("not here", "not here", "")


def test_limits_may_differ_by_measurement() -> None:
    found = Centres(np.full(2, 0.04), np.full(2, 0.005), np.full(2, 14), 16)
    limits = (np.array([0.10, 0.03]), np.array([0.05, 0.01]))
    judged = weigh(Design.CONTROL, "nodes", np.zeros(2), found, limits, POLICY, (0.05, 0.04))
    assert judged.status == (Status.PASS, Status.REGRESS)


def test_in_words() -> None:
    found = only(edges([math.log(1.02)], 0.001), edges([math.log(1.02)], 0.001, design=Design.PAIRED))
    said = in_words(LATENCY, found, LIMITS)
    assert said.status is Status.REGRESS
    assert said.reason.startswith(
        "latency 4 % slower (95 % interval 3.7 to 4.3 %, 2 edges: leg0 control, leg1 paired), "
    )
    assert said.reason.endswith("margin 3 %: 6.738 ms -> 7.01 ms")
    lower = in_words(THROUGHPUT, found, LIMITS)
    assert lower.reason.startswith("throughput 3.9 % lower (95 % interval 3.6 to 4.2 %, ")
    assert lower.known_good == pytest.approx(math.exp(5.0))
    missing = in_words(LATENCY, only(edges([0.0]), None), LIMITS)
    assert missing.reason == "latency: the sum over its edges is not known: edge leg1 was not measured"
    assert (missing.known_good, missing.effect, missing.interval) == (None, None, None)


def test_an_effect_that_nothing_would_have_found_is_said_to_be_so() -> None:
    unsure = edges([0.05], 0.5, 2).at(0)
    assert in_words(LATENCY, unsure, LIMITS).reason.endswith("; would not have found a tenfold change")


def _flat(values: Floats) -> Edges:
    found = Centres(values, np.full(len(values), 0.002), np.full(len(values), 14), 16)
    return weigh(Design.CONTROL, "nodes", values, found, LIMITS, POLICY, (0.05, 0.04))


def test_thousands_are_judged_in_one_call_as_one_by_one() -> None:
    values = np.random.default_rng(0).normal(0.01, 0.02, 3000)
    together = along({"a": _flat(values), "b": _flat(-values / 2.0)}, LIMITS, POLICY, 10)
    for row in range(0, 3000, 300):
        one = values[[row]]
        assert along({"a": _flat(one), "b": _flat(-one / 2.0)}, LIMITS, POLICY, 10).at(0) == together.at(row)
