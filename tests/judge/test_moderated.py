"""The moderated t: against Smyth's formulas, and its level whatever the shape of the scatter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from compat.judge.centre import Centres, centres
from compat.judge.moderated import FEWEST_MEMBERS, Moderated, moderate, moderated, within_families
from compat.judge.series import Floats


def scattered(members: int, freedom: int, prior: float, seed: int = 0, scale: float = 4e-4) -> tuple[Floats, Floats]:
    """Variances of so many degrees of freedom, and the true ones, which are scale * d0 / chi2(d0)."""
    rng = np.random.default_rng(seed)
    true = scale * prior / rng.chisquare(prior, members)
    return true * rng.chisquare(freedom, members) / freedom, true


def of(variance: Floats, freedom: int) -> Moderated:
    return moderate(variance, np.full(len(variance), freedom))


def test_the_posterior_is_smyths() -> None:
    variance, _ = scattered(200, 6, 5.0)
    found = of(variance, 6)
    d0, s02 = found.prior_freedom, found.prior_variance
    assert 0.0 < d0 < np.inf
    assert found.variance == pytest.approx((d0 * s02 + 6 * variance) / (d0 + 6))
    assert found.freedom == pytest.approx(np.full(200, d0 + 6))


def test_of_many_members_the_prior_is_found() -> None:
    variance, _ = scattered(200_000, 6, 5.0)
    found = of(variance, 6)
    # The scatter is taken at the upper end of its interval, so a little below the true 5.
    assert 4.7 < found.prior_freedom < 5.05
    assert found.prior_variance == pytest.approx(4e-4, rel=0.02)


def test_the_prior_solves_its_equations() -> None:
    variance, _ = scattered(50, 8, 5.0, seed=4)
    found = of(variance, 8)
    logs = np.log(variance) - special.digamma(4.0) + np.log(4.0)
    chance = stats.loggamma(4.0).var()  # of log chi2(8)
    fourth = stats.loggamma(4.0).stats(moments="k") * chance**2
    scatter = max(logs.var(ddof=1), chance)
    excess = logs.var(ddof=1) - chance + 1.6449 * np.sqrt((fourth + 2.0 * scatter**2) / 50)
    half = optimize.brentq(lambda x: float(special.polygamma(1, x)) - excess, 1e-3, 1e6)
    assert found.prior_freedom == pytest.approx(2.0 * half, rel=1e-6)
    assert found.prior_variance == pytest.approx(np.exp(logs.mean() + special.digamma(half) - np.log(half)))


def test_few_members_stay_as_they_are() -> None:
    variance, _ = scattered(FEWEST_MEMBERS - 1, 6, 5.0)
    found = of(variance, 6)
    assert found.variance.tolist() == variance.tolist()
    assert found.freedom.tolist() == [6.0] * len(variance)
    assert (found.prior_freedom, np.isnan(found.prior_variance)) == (0.0, True)


def test_equal_variances_are_shrunk_to_one_and_never_better_known_than_all_together() -> None:
    found = of(np.full(30, 4e-4), 7)
    assert found.prior_freedom == np.inf
    assert found.freedom.tolist() == [30.0 * 7.0] * 30
    assert np.ptp(found.variance) == 0.0
    # A variance of 7 degrees of freedom is more often too small than too great.
    assert found.variance[0] == pytest.approx(4e-4 * np.exp(np.log(3.5) - special.digamma(3.5)))


def test_no_variance_becomes_less_certain_and_changes_nobody_else() -> None:
    variance, _ = scattered(40, 6, 5.0)
    alone = of(variance, 6)
    found = of(np.concatenate([variance, [0.0, np.nan, -1.0]]), 6)
    assert found.variance[:40].tolist() == alone.variance.tolist()
    assert found.variance[40] == pytest.approx(alone.prior_variance * alone.prior_freedom / (alone.prior_freedom + 6))
    assert np.isnan(found.variance[41])
    assert found.variance[42] == -1.0
    assert found.freedom[41:].tolist() == [6.0, 6.0]


def test_a_member_without_degrees_of_freedom_stays_as_it_is() -> None:
    variance, _ = scattered(40, 6, 5.0)
    found = moderate(variance, np.array([0.0] + [6.0] * 39))
    assert (found.variance[0], found.freedom[0]) == (variance[0], 0.0)


def test_where_most_have_no_variance_nothing_is_done() -> None:
    variance, _ = scattered(30, 6, 5.0)
    found = of(np.concatenate([variance, np.zeros(30)]), 6)
    assert found.variance[:30].tolist() == variance.tolist()
    assert found.prior_freedom == 0.0


def test_families_are_apart() -> None:
    quiet, loud = scattered(30, 6, 5.0, scale=1e-4)[0], scattered(30, 6, 5.0, scale=1e-2)[0]
    variance = np.stack([quiet, loud], axis=1).reshape(-1)
    freedom = np.full(60, 6)
    found, degrees = within_families(variance, freedom, ["latency|matmul|h100", "load|matmul|h100"] * 30)
    assert found[::2] == pytest.approx(of(quiet, 6).variance)
    assert found[1::2] == pytest.approx(of(loud, 6).variance)
    assert degrees.dtype == int
    assert set(degrees[::2]) == {int(of(quiet, 6).freedom[0])}
    same, unlabelled = within_families(variance, freedom, [""] * 60)
    assert same.tolist() == variance.tolist()
    assert unlabelled.tolist() == freedom.tolist()


def test_every_measurement_has_a_label() -> None:
    with pytest.raises(ValueError, match="1 families for 2 variances"):
        within_families(np.ones(2), np.ones(2), ["a"])


def test_it_plugs_into_centres() -> None:
    rng = np.random.default_rng(2)
    plain = centres(rng.normal(0.0, 0.02, (100, 10)))
    found = moderated(plain, ["latency"] * 100)
    assert found.effect.tolist() == plain.effect.tolist()
    assert np.std(found.error) < np.std(plain.error) / 2
    assert found.freedom.min() > plain.freedom.max()
    one = found.at(0)
    assert one is not None
    assert one.interval()[0] < one.effect < one.interval()[1]
    assert one.p_within(0.03) == pytest.approx(found.p_within(np.full(100, 0.03))[0])


def test_the_order_of_the_members_does_not_matter() -> None:
    variance, _ = scattered(64, 6, 5.0)
    assert of(variance[::-1].copy(), 6).variance[::-1] == pytest.approx(of(variance, 6).variance, rel=1e-12)


def _false_alarms(true: Floats, freedom: int, level: float, seed: int) -> tuple[float, float]:
    """How often a t-test of nothing rejects, over the level: moderated and plain. ``true`` (families, members)."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0.0, 1.0, true.shape) * np.sqrt(true)
    variance = true * rng.chisquare(freedom, true.shape) / freedom
    members = true.shape[1]
    found = []
    for row in range(len(true)):
        posterior, degrees = within_families(variance[row], np.full(members, freedom), ["one"] * members)
        tested = Centres(effect[row], np.sqrt(posterior), degrees, freedom + 1)
        found.append(np.mean(tested.p_worse(np.zeros(members)) <= level))
    plain = special.stdtr(freedom, -effect / np.sqrt(variance))
    return float(np.mean(found)) / level, float(np.mean(plain <= level)) / level


@pytest.mark.parametrize(("freedom", "members"), [(1, 100), (3, 100), (5, 40), (14, 100)])
@pytest.mark.parametrize("shape", ["alike", "scattered", "one in twenty thrice as noisy", "half thrice as noisy"])
def test_the_level_holds_whatever_the_scatter(freedom: int, members: int, shape: str) -> None:
    rng = np.random.default_rng(freedom)
    size = (60_000 // members, members)
    true = {
        "alike": np.ones(size),
        "scattered": 4.0 / rng.chisquare(4.0, size),
        "one in twenty thrice as noisy": np.where(rng.random(size) < 0.05, 9.0, 1.0),
        "half thrice as noisy": np.where(rng.random(size) < 0.5, 9.0, 1.0),
    }[shape]
    often, plain = _false_alarms(true, freedom, 0.05, seed=7)
    assert plain == pytest.approx(1.0, abs=0.05)
    assert often <= 1.06
    # At the level that members share, 60,000 tests give 24 to 60 false alarms by right.
    rare, _ = _false_alarms(true, freedom, 0.04 / members, seed=8)
    assert rare <= 1.6
