"""The rivals of the benchmark are what their sources say: beside scipy, one by one, and on cases made by hand."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
import pytest
from scipy import optimize, stats

from compat.judge.series import Floats
from tests.bench.noise import inside
from tests.bench.rivals import LOOKS, RIVALS, asv, benchstat, kayenta, looking, paired, threshold, welch


def arms(processes: int, samples: int, rows: int = 60, spread: float = 0.02, seed: int = 7) -> tuple[Floats, Floats]:
    """Log times of both arms; the candidate of each row is faster or slower by up to two spreads."""
    rng = np.random.default_rng(seed)
    good, new = rng.normal(0.0, spread, (2, rows, processes, samples))
    return good, new + np.linspace(-2 * spread, 2 * spread, rows)[:, None, None]


def one(*times: float) -> Floats:
    """One measurement of one process with these times."""
    return np.asarray(np.log(times), dtype=float).reshape(1, 1, -1)


def medians(arm: Floats) -> Floats:
    return np.asarray(np.median(arm, axis=2), dtype=float)


def both(expected: list[bool]) -> list[bool]:
    """What is compared with must have both answers in it."""
    assert len(set(expected)) == 2
    return expected


def test_threshold() -> None:
    good = one(1.0, 2.0, 3.0)
    assert not threshold(good, one(1.049, 2.098, 3.147)).any()
    assert threshold(good, one(1.051, 2.102, 3.153)).all()
    assert threshold(good, one(1.0, 2.0, 3.4)).all()  # the mean, not the median
    assert not threshold(good, one(0.5, 1.0, 1.5)).any()


@pytest.mark.parametrize(("samples", "method"), [(10, "exact"), (50, "exact"), (51, "asymptotic"), (300, "asymptotic")])
def test_benchstat_is_mann_whitney(samples: int, method: Literal["exact", "asymptotic"]) -> None:
    good, new = arms(1, samples)
    tests = [stats.mannwhitneyu(b, a, method=method) for a, b in zip(good[:, 0], new[:, 0], strict=True)]
    expected = [bool(t.pvalue < 0.05 and t.statistic > samples**2 / 2) for t in tests]
    assert benchstat(good, new).tolist() == both(expected)


def test_benchstat_counts_orders() -> None:
    """With four samples an arm the least p is 2 of 70 orders, with three 2 of 20; written out for five."""
    assert benchstat(one(1, 2, 3, 4), one(5, 6, 7, 8)).all()
    assert not benchstat(one(5, 6, 7, 8), one(1, 2, 3, 4)).any()
    assert not benchstat(one(1, 2, 3), one(70, 80, 90)).any()
    sums = [sum(ranks) for ranks in itertools.combinations(range(1, 11), 5)]
    for ranks in ((4, 6, 8, 9, 10), (3, 6, 8, 9, 10), (2, 5, 8, 9, 10)):
        others = [rank for rank in range(1, 11) if rank not in ranks]
        p = 2 * sum(total >= sum(ranks) for total in sums) / len(sums)
        assert benchstat(one(*others), one(*ranks)).tolist() == [p < 0.05]
    assert not benchstat(one(2, 2, 2, 2), one(2, 2, 2, 2)).any()  # nothing but ties
    good, new = np.arange(10.0, 18.0), np.array([1.0, 12.5, *range(20, 26)])  # 13 pairs of 64 the other way
    p_exact, p_normal = (stats.mannwhitneyu(new, good, method=method).pvalue for method in ("exact", "asymptotic"))
    assert p_exact < 0.05 < p_normal
    assert benchstat(one(*good), one(*new)).all()


def test_asv_wants_ten_percent_and_significance() -> None:
    good = np.linspace(1.0, 1.02, 10)
    assert asv(one(*good), one(*good * 1.11)).all()
    assert not asv(one(*good), one(*good * 1.09)).any()
    assert not asv(one(*good * 1.11), one(*good)).any()
    almost = np.append(good[:-1] * 1.3, 0.9)
    p_exact, p_normal = (stats.mannwhitneyu(almost, good, method=method).pvalue for method in ("exact", "asymptotic"))
    assert p_exact < 0.002 < p_normal
    assert asv(one(*good), one(*almost)).all()
    mixed = good * np.where(np.arange(10) < 6, 1.3, 0.9)  # its median is much higher, but not the whole of it
    assert stats.mannwhitneyu(mixed, good).pvalue > 0.002
    assert np.median(mixed) > 1.1 * np.median(good)
    assert not asv(one(*good), one(*mixed)).any()


def test_asv_at_six_samples_sees_nothing() -> None:
    good = np.linspace(1.0, 1.02, 6)
    assert not asv(one(*good), one(*good * 5.0)).any()
    with pytest.raises(ValueError, match="5 samples an arm are too few"):
        asv(one(*good[:5]), one(*good[:5]))


@pytest.mark.parametrize(("processes", "samples"), [(1, 10), (4, 10), (10, 1)])
def test_kayenta_is_the_interval_against_a_quarter_of_the_shift(processes: int, samples: int) -> None:
    """The interval's end is found as Kayenta finds it: the root of the test's p-value."""
    good, new = arms(processes, samples, rows=40)

    def expected(known: Floats, found: Floats) -> bool:
        def excess(shift: float) -> float:
            test = stats.mannwhitneyu(found - shift, known, alternative="greater", method="asymptotic")
            return float(test.pvalue) - 0.01

        lower = optimize.brentq(excess, found.min() - known.max() - 1e-6, found.max() - known.min() + 1e-6)
        shift = np.median([b - a for b in found for a in known])
        return bool(lower > 0.25 * abs(shift) and found.mean() / known.mean() >= 1.0)

    rows = zip(np.exp(good).reshape(40, -1), np.exp(new).reshape(40, -1), strict=True)
    assert kayenta(good, new).tolist() == both([expected(known, found) for known, found in rows])


def test_kayenta_scales_with_what_it_saw() -> None:
    good = np.linspace(1.0, 1.001, 20)
    assert kayenta(one(*good), one(*good + 0.002)).all()  # 0.2 % slower, and nobody cares
    assert not kayenta(one(*good), one(*good)).any()
    odd = np.append(good[:-2] + 0.002, [50.0, 50.0])
    assert kayenta(one(*good), one(*odd)).all()  # the shift is a median, and two samples do not move it
    mean_falls = np.append(good[:-1] + 0.002, 0.5)  # the ranks are higher, the mean is lower
    assert stats.mannwhitneyu(mean_falls, good, alternative="greater").pvalue < 1e-3
    assert not kayenta(one(*good), one(*mean_falls)).any()


def test_welch_and_the_paired_t_are_scipys() -> None:
    good, new = arms(4, 5, rows=200)
    good = good * 5.0  # for Welch's t the arms need not vary alike
    rows = list(zip(medians(good), medians(new), strict=True))
    apart = [stats.ttest_ind(b, a, equal_var=False) for a, b in rows]
    together = [stats.ttest_rel(b, a) for a, b in rows]
    for rule, tests in ((welch, apart), (paired, together)):
        assert rule(good, new).tolist() == both([bool(t.pvalue < 0.05 and t.statistic > 0) for t in tests])
    same = [stats.ttest_ind(b, a).pvalue < 0.05 for a, b in rows]
    assert same != [t.pvalue < 0.05 for t in apart]


def test_looking_is_the_paired_t_at_every_look() -> None:
    good, new = arms(LOOKS[1], 1, rows=1_000)
    first, last = LOOKS
    expected = np.zeros(1_000, dtype=bool)
    for pairs in range(first, last + 1):
        test = stats.ttest_rel(medians(new)[:, :pairs], medians(good)[:, :pairs], axis=1)
        expected |= (test.pvalue < 0.05) & (test.statistic > 0)
    assert looking(good, new).tolist() == both(expected.tolist())
    assert (looking(good, new) & ~paired(good, new)).any()  # who looks often finds more


def test_every_rule_takes_what_it_asks_for() -> None:
    for rule in RIVALS:
        good, _ = arms(rule.processes, rule.samples, rows=2, spread=0.002, seed=1)
        _, new = arms(rule.processes, rule.samples, rows=2, spread=0.002, seed=2)
        slower = rule.slower(good, new + np.log([0.5, 2.0])[:, None, None])
        assert slower.tolist() == [False, True], rule.name


def test_samples_lie_around_their_process() -> None:
    middle = np.array([[0.0, 0.1], [-0.2, 0.3]])
    found = inside(np.random.default_rng(1), np.repeat(middle, 500, axis=0), 31, 0.02)
    assert found.shape == (1000, 2, 31)
    np.testing.assert_allclose(np.median(found, axis=2), np.repeat(middle, 500, axis=0), atol=1e-12)
    own = np.clip(found - np.median(found, axis=2, keepdims=True), -0.1, 0.1)
    assert math.isclose(1.4826 * np.median(np.abs(own)), 0.02, rel_tol=0.2)
    assert 0.3 < np.corrcoef(own[..., 1:].ravel(), own[..., :-1].ravel())[0, 1] < 0.6
