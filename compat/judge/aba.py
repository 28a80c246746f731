"""A-B-A on one node: before the upgrade, after it, and back again. For fewer nodes than a control group needs.

The effect is what was measured after, less the mean of before and back: a drift that is even in time cancels. How much
the sessions of this node differ is only known from the two that should be alike, so the error of the effect,
sqrt(3/2 s2) with s2 = (back - before)^2 / 2, has one degree of freedom, and a t-test finds nothing at the levels that
many measurements share. Therefore only changes above 10 % are decided:

- REGRESS: the candidate is worse than *each* known-good phase by more than 10 %, by more than one and a half times the
  largest drift (between before and back) that any measurement of its family had, and by more than the noise of its
  generations (Welch's t, at the level of every other design). In effect it is a rank test: the candidate's phase must
  stand out from all that the node was seen to do by itself. That any phase is as likely to be the odd one is all that
  it assumes of sessions. In simulation, however much they vary, it is wrong on 1 % of the nodes with twenty or more
  measurements, on 3 % where sessions are t-distributed with five degrees of freedom; one measurement alone is
  wrong in 1 % up to a deviation of 4 %, in 3 % at 5 % and in 13 % at worst (tests/bench/test_designs.py).
- PASS: the margin is at least 10 %, and the t-test, with the variances of a family moderated, shows the effect to be
  below it.
- A drift as large as the effect refuses, and everything else is INCONCLUSIVE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compat.judge.centre import Centres, almost_always
from compat.judge.moderated import within_families
from compat.judge.path import Edges, Limits, log_limits, refuse, satterthwaite, weigh
from compat.judge.series import Floats
from compat.judge.text import percent, plural
from compat.model import FEWEST_UNITS, Design, Policy, Status

__all__ = ["aba"]


def aba(
    before: Floats,
    after: Floats,
    back: Floats,
    limits: Limits,
    policy: Policy,
    measured: int,
    families: Sequence[str] = (),
) -> Edges:
    """Judge every measurement of one node: oriented log-medians (measurements, generations) of the three phases.

    ``measured``: sampled measurements that share the budget for REGRESS. ``families``: a label for each measurement;
    drifts and variances are compared within. Without them all measurements are one family.
    """
    phases = (before, after, back)
    count = len(before)
    if {len(phase) for phase in phases} != {count}:
        raise ValueError(f"phases of {[len(phase) for phase in phases]} measurements, expected as many in each")
    short = [
        f"{phase.shape[1]} of the {FEWEST_UNITS} generations {name}"
        for name, phase in zip(("before", "after", "back again"), phases, strict=True)
        if phase.shape[1] < FEWEST_UNITS
    ]
    if short:
        return refuse(Design.ABA, count, Status.MISSING, ", ".join(short))
    with np.errstate(invalid="ignore"):
        first, candidate, last = (phase.mean(axis=1) for phase in phases)
        own = [phase.var(axis=1, ddof=1) / phase.shape[1] for phase in phases]
        effect, drift = candidate - (first + last) / 2.0, np.abs(last - first)
        nearer, farther = candidate - np.maximum(first, last), candidate - np.minimum(first, last)
        noise = [own[1], own[0] / 4.0, own[2] / 4.0]
        variance, freedom = within_families(np.square(drift) / 2.0, np.ones(count), families or ["all"] * count)
        error = np.sqrt(np.maximum(1.5 * variance, sum(noise)))
    needed = np.maximum(math.log1p(policy.design.least), policy.design.drifts * _largest(drift, families))
    generations = satterthwaite(noise, [[phase.shape[1] - 1] for phase in (after, before, back)])
    against = Centres(nearer, np.sqrt(sum(noise)), generations, FEWEST_UNITS)
    delta, ignore = log_limits(limits, count)
    no_pass, no_regress = {}, {}
    for row in range(count):
        if not (delta[row] >= math.log1p(policy.design.least)):
            no_pass[row] = f"A-B-A passes no margin below {percent(policy.design.least)}"
        elif not (farther[row] <= delta[row]):
            no_pass[row] = "worse than one of the two known-good phases by more than the margin"
        if not (drift[row] < effect[row]):
            no_regress[row] = "the two known-good phases are as far apart as that: refused"
        elif not (nearer[row] > needed[row]):
            no_regress[row] = f"not worse than both known-good phases by more than {percent(math.expm1(needed[row]))}"
    basis = [
        f"{plural(degrees, 'degree')} of freedom, before and back again {percent(math.expm1(apart))} apart"
        for degrees, apart in zip(freedom, drift, strict=True)
    ]
    levels = (policy.pass_alpha, policy.regress_alpha / max(1, measured))
    found = weigh(
        Design.ABA,
        basis,
        first,
        Centres(effect, error, freedom, FEWEST_UNITS),
        limits,
        policy,
        levels,
        against=against,
        no_pass=no_pass,
        no_regress=no_regress,
    )
    shown = ignore + almost_always(generations, levels[1]) * against.error
    return replace(found, detectable=drift / 2.0 + np.maximum(shown, needed + 3.0 * against.error))


def _largest(drift: Floats, families: Sequence[str]) -> Floats:
    """The largest finite drift of each measurement's family."""
    labels = np.asarray(families or [""] * len(drift), dtype=str)
    _, place = np.unique(labels, return_inverse=True)
    found = np.zeros(len(labels))
    np.maximum.at(found, place, np.where(np.isfinite(drift), drift, 0.0))
    largest: Floats = found[place]
    return largest
