"""The moderated t: variances of measurements that belong together are shrunk towards each other.

A variance of few generations is itself a guess, and a test pays for that. Measurements of one metric, kernel family and
kind of hardware have variances of a kind, so all of them together say what a variance is worth. With s2 of d degrees of
freedom, and true variances scattered as s02 * d0 / chi2(d0), the posterior variance is

    (d0 * s02 + d * s2) / (d0 + d)    with d0 + d degrees of freedom

(Smyth 2004, *Linear models and empirical Bayes methods*, section 3; as limma does). d0 and s02 are estimated from the
mean and the variance of log s2, whose distribution is a shifted log F (section 6.2).

One thing is not Smyth's. How much the true variances scatter is itself estimated, and where it is taken for too little,
the few members that vary most are false alarms, at the small levels that many measurements share: in simulation up to
seven times too many with three degrees of freedom each, and twenty with one. So the scatter is taken at the upper end
of its one-sided 95 % interval, which makes d0 the lower end of its own. That keeps the level whatever the shape of the
scatter; it costs a few points of power, and with one degree of freedom most of what there was to gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compat.judge.centre import Centres
from compat.judge.series import Floats, Integers

__all__ = ["FEWEST_MEMBERS", "Moderated", "moderate", "moderated", "whole", "within_families"]

FEWEST_MEMBERS = 20  # fewer say too little about their prior
_UPPER = 1.6449  # the normal quantile of 95 %
_MOST_FREEDOM = 1_000_000  # from here on t is normal


@dataclass(frozen=True)
class Moderated:
    """Posterior variances with their degrees of freedom, and the prior; without one nothing was changed."""

    variance: Floats  # (members,)
    freedom: Floats  # (members,)
    prior_variance: float  # nan where there is no prior
    prior_freedom: float  # 0 where there is no prior, inf where the members do not differ more than by chance


def moderate(variance: Floats, freedom: Floats | Integers) -> Moderated:
    """Shrink the variances (members,), each with its degrees of freedom, towards their common prior.

    Members without variance or without degrees of freedom say nothing about the prior. Where fewer than
    ``FEWEST_MEMBERS`` are left, or no more than half of all, everything stays as it is. Otherwise a member without
    variance gets one, which makes it less certain; one that is not finite stays as it is. Nobody gets more degrees of
    freedom than all members have together, since the prior is estimated from them (so does limma's ``eBayes``).
    """
    d = np.asarray(freedom, dtype=float)
    finite = np.isfinite(variance) & np.isfinite(d) & (d > 0) & (variance >= 0)
    members = finite & (variance > 0)
    if members.sum() < max(FEWEST_MEMBERS, len(variance) // 2 + 1):
        return Moderated(variance, d, np.nan, 0.0)
    half = d[members] / 2.0
    logs = np.log(variance[members]) - special.digamma(half) + np.log(half)
    mean, scatter = float(logs.mean()), float(logs.var(ddof=1))
    # log s2 has the variance trigamma(d / 2) by chance, and trigamma(d0 / 2) from the scatter of the true variances.
    chance, fourth = (float(special.polygamma(order, half).mean()) for order in (1, 3))
    # The variance of a sample variance: (fourth cumulant + 2 variance^2) / n.
    unsure = _UPPER * np.sqrt((fourth + 2.0 * max(scatter, chance) ** 2) / len(logs))
    excess = scatter - chance + unsure
    half_prior = _inverse_trigamma(excess) if excess > 0.0 else np.inf
    shift = special.digamma(half_prior) - np.log(half_prior) if np.isfinite(half_prior) else 0.0
    prior_variance, prior_freedom = float(np.exp(mean + shift)), 2.0 * half_prior
    weight = np.divide(prior_freedom, prior_freedom + d) if np.isfinite(prior_freedom) else np.ones(len(d))
    return Moderated(
        np.where(finite, weight * prior_variance + (1.0 - weight) * variance, variance),
        np.where(finite, np.minimum(d + prior_freedom, d[members].sum()), d),
        prior_variance,
        prior_freedom,
    )


def within_families(variance: Floats, freedom: Floats | Integers, families: Sequence[str]) -> tuple[Floats, Integers]:
    """Moderate the variances (members,) within each family; a label (metric, kernel family, hardware) for each.

    Degrees of freedom are whole: rounded down, which errs to the safe side. An empty label belongs to no family.
    """
    if len(families) != len(variance):
        raise ValueError(f"{len(families)} families for {len(variance)} variances")
    variance, found = np.array(variance, dtype=float), np.array(freedom, dtype=float)
    names, place = np.unique(np.asarray(families, dtype=str), return_inverse=True)
    for number, name in enumerate(names):
        if name:
            own = np.flatnonzero(place == number)
            posterior = moderate(variance[own], found[own])
            variance[own], found[own] = posterior.variance, posterior.freedom
    return variance, whole(found)


def whole(freedom: Any) -> NDArray[np.int64]:
    """Degrees of freedom rounded down; 0 for what is not a number."""
    found: NDArray[np.int64] = np.nan_to_num(np.clip(freedom, 0, _MOST_FREEDOM), nan=0.0).astype(int)
    return found


def moderated(found: Centres, families: Sequence[str]) -> Centres:
    """The same centres with moderated errors. ``found`` has as many generations in each, so errors compare."""
    variance, freedom = within_families(np.square(found.error), found.freedom, families)
    return Centres(found.effect, np.sqrt(variance), freedom, found.units)


def _inverse_trigamma(value: float) -> float:
    """X with trigamma(x) = value > 0, by Newton's method on 1 / trigamma, which is nearly straight (appendix)."""
    x = 0.5 + 1.0 / value
    for _ in range(50):
        slope = float(special.polygamma(1, x))
        step = slope * (1.0 - slope / value) / float(special.polygamma(2, x))
        x += step
        if abs(step) <= 1e-10 * x:
            break
    return x
