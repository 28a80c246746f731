"""The control design: for what two stacks cannot share a node for, a driver or firmware.

One group of nodes is upgraded and a control group is not; both are measured before and after. A node's *change* is its
mean over the generations after, less that before; the effect is the mean change of the upgraded group less that of the
control group (difference in differences), so what happened to all nodes meanwhile cancels. The node is the unit: its
generations share its reboot, its cooling and its neighbours. No change is trimmed away: of few nodes, the odd one is
what there is to see.

Two errors, because the two claims have different nulls (tests/bench/test_designs.py has the figures):

- REGRESS by the pooled error, sqrt(s2 (1/u + 1/c)) with u + c - 2 degrees of freedom (Student 1908). If nothing
  changed, the groups are alike, and the test is exact in groups of any sizes. Welch's is not: with 3 and 9 nodes it
  raises three times the false alarms that it should at the level that a hundred measurements share, and more beyond.
- PASS by Welch's, sqrt(s2u/u + s2c/c) with Satterthwaite's degrees of freedom (Welch 1947). What must not pass is an
  upgrade that is worse, and such a one need not be worse on every node alike. With 4 and 12 nodes of which the upgraded
  vary twice as much, the pooled test passes 12 % of what is at the margin, Welch's the 5 % it should.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from compat.judge.centre import Centres
from compat.judge.moderated import within_families
from compat.judge.path import NO_VARIANCE, Bools, Edges, Limits, log_limits, refuse, satterthwaite, weigh
from compat.judge.series import Floats
from compat.judge.text import percent
from compat.model import FEWEST_UNITS, Design, MetricPolicy, Policy, Status

__all__ = ["NodeChange", "Reach", "control", "reach"]

_HARDLY_EVER = 0.001


@dataclass(frozen=True)
class NodeChange:
    """What one node measured: oriented log-medians (natural logarithm; greater is worse), a row a measurement."""

    node: str
    upgraded: bool
    before: Floats  # (measurements, generations)
    after: Floats  # (measurements, generations); they need not be as many


def control(
    changes: Sequence[NodeChange],
    limits: Limits,
    policy: Policy,
    measured: int,
    families: Sequence[str] = (),
) -> Edges:
    """Judge every measurement of at least one node.

    ``measured``: sampled measurements that share the budget for REGRESS; nodes do not count, they are judged together.
    ``families``: a label for each measurement, within which variances are moderated (in a merged ring only).
    PASS besides: no upgraded node is shown to be worse than the control group by more than the margin by itself.
    """
    rows = {len(values) for change in changes for values in (change.before, change.after)}
    if len(rows) != 1:
        raise ValueError(f"nodes with {len(rows)} different numbers of measurements, expected one")
    count = rows.pop()
    upgraded, controls = ([c for c in changes if c.upgraded is group] for group in (True, False))
    basis = f"{len(upgraded)} upgraded and {len(controls)} control nodes"
    if refused := _refused(changes, policy.design.nodes):
        return refuse(Design.CONTROL, count, *refused)
    with np.errstate(invalid="ignore"):
        moved, still = (np.stack([_change(c) for c in group], axis=1) for group in (upgraded, controls))
        level = np.mean([c.before.mean(axis=1) for c in upgraded], axis=0)
        welch, pooled = _errors(moved, still, families)
        alike = {
            int(row): (Status.INCONCLUSIVE, f"all {name} nodes changed exactly alike, as copies would")
            for name, group in (("upgraded", moved), ("control", still))
            for row in np.flatnonzero(np.ptp(group, axis=1) <= NO_VARIANCE)
        }
        odd = _standing_out(moved, still, log_limits(limits, count)[0], policy.pass_alpha, measured)
    no_pass = {
        row: f"node {upgraded[node].node} alone is worse than the control group by {percent(math.expm1(by))}"
        for row, (node, by) in odd.items()
    }
    levels = (policy.pass_alpha, policy.regress_alpha / max(1, measured))
    return weigh(
        Design.CONTROL,
        basis,
        level,
        welch,
        limits,
        policy,
        levels,
        against=pooled,
        barred=alike,
        no_pass=no_pass,
    )


def _refused(changes: Sequence[NodeChange], fewest: int) -> tuple[Status, str] | None:
    """What keeps all measurements from being judged."""
    names = Counter(change.node for change in changes)
    both = sorted({c.node for c in changes if c.upgraded} & {c.node for c in changes if not c.upgraded})
    twice = sorted(name for name, times in names.items() if times > 1)
    short = [
        f"node {c.node} has {values.shape[1]} of the {FEWEST_UNITS} generations {phase} the upgrade"
        for c in changes
        for phase, values in (("before", c.before), ("after", c.after))
        if values.shape[1] < FEWEST_UNITS
    ]
    sizes = [sum(c.upgraded is group for c in changes) for group in (True, False)]
    if both:
        return Status.INVALID, f"node {both[0]} is both upgraded and a control"
    if twice:
        return Status.INVALID, f"node {twice[0]} is there {names[twice[0]]} times"
    if short:
        return Status.MISSING, short[0]
    if min(sizes) < fewest:
        said = f"{sizes[0]} upgraded and {sizes[1]} control nodes, each group needs {fewest}"
        return Status.INCONCLUSIVE, said
    return None


def _change(change: NodeChange) -> Floats:
    found: Floats = change.after.mean(axis=1) - change.before.mean(axis=1)
    return found


def _errors(moved: Floats, still: Floats, families: Sequence[str]) -> tuple[Centres, Centres]:
    """The effect with Welch's and with the pooled error, from the changes of both groups (measurements, nodes)."""
    groups = (moved, still)
    sizes = [group.shape[1] for group in groups]
    count, units = len(moved), sum(sizes)
    effect = moved.mean(axis=1) - still.mean(axis=1)
    variances = [group.var(axis=1, ddof=1) for group in groups]
    freedoms = [np.full(count, size - 1) for size in sizes]
    pooled = sum(v * d for v, d in zip(variances, freedoms, strict=True)) / (units - 2)
    together = np.full(count, units - 2)
    if families:
        pooled, together = within_families(pooled, together, families)
        each = [within_families(v, d, families) for v, d in zip(variances, freedoms, strict=True)]
        variances, freedoms = [v for v, _ in each], [d for _, d in each]
    parts = [v / size for v, size in zip(variances, sizes, strict=True)]
    welch = Centres(effect, np.sqrt(sum(parts)), satterthwaite(parts, freedoms), units)
    return welch, Centres(effect, np.sqrt(pooled * sum(1.0 / size for size in sizes)), together, units)


def _standing_out(
    moved: Floats, still: Floats, delta: Floats, alpha: float, measured: int
) -> dict[int, tuple[int, float]]:
    """By measurement: the upgraded node that is worst, and by how much, where it is shown to be beyond the margin.

    A node is tested against the mean of the controls with the pooled variance of all others (an externally studentised
    residual, Cook and Weisberg 1982), at ``alpha`` shared by nodes and measurements. One that is beyond it over all
    measurements together is odd in each in which it is beyond the margin.
    """
    beyond = moved - still.mean(axis=1, keepdims=True) - delta[:, None]
    finite = np.isfinite(beyond).all(axis=1) & np.isfinite(still).all(axis=1)
    if not finite.any():
        return {}
    nodes = moved.shape[1]
    found = np.full(moved.shape, False)
    found[finite] = _beyond(beyond[finite], still[finite], alpha / (nodes * max(1, measured)))
    mean = [group[finite].mean(axis=0, keepdims=True) for group in (beyond, still)]
    found |= (beyond > 0.0) & _beyond(mean[0], mean[1], alpha / nodes)
    worst = np.argmax(np.where(found, beyond, -np.inf), axis=1)
    return {
        int(row): (int(worst[row]), float(beyond[row, worst[row]] + delta[row]))
        for row in np.flatnonzero(found.any(axis=1))
    }


def _beyond(distance: Floats, still: Floats, level: float) -> Bools:
    """Which upgraded nodes (measurements, nodes) are at a distance above 0, the variance being that of the others."""
    nodes, others = distance.shape[1], still.shape[1]
    freedom = nodes + others - 3
    apart = np.square(distance - distance.mean(axis=1, keepdims=True))
    without = apart.sum(axis=1, keepdims=True) - apart * nodes / (nodes - 1)
    around = np.square(still - still.mean(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
    error = np.sqrt(np.maximum(without + around, 0.0) / freedom * (1.0 + 1.0 / others))
    found: Bools = (distance > 0.0) & (distance >= -special.stdtrit(freedom, level) * error)
    return found


@dataclass(frozen=True)
class Reach:
    """What groups of so many nodes can say, before anything is measured."""

    upgraded: int
    controls: int
    least: float  # the oriented log ratio that is REGRESS in 99 of 100 cases; inf where nothing is
    passing: float  # the chance that one measurement passes if nothing changed
    go: float  # that all of them do, if they vary independently

    def in_words(self, measured: int) -> str:
        """``4 upgraded and 4 control nodes: ...``."""
        found = "no change" if math.isinf(self.least) else f"a change of {percent(math.expm1(self.least))}"
        go = "practically none" if self.go < _HARDLY_EVER else percent(self.go)
        return (
            f"{self.upgraded} upgraded and {self.controls} control nodes: {found} is found in 99 of 100 cases; "
            f"if nothing changed, one measurement passes in {percent(self.passing)} and all {measured} in {go} of them"
        )


def reach(upgraded: int, controls: int, deviation: float, limits: MetricPolicy, policy: Policy, measured: int) -> Reach:
    """What ``control`` can find with so many nodes whose changes have this standard deviation (log ratio).

    The least effect is that of the noncentral t. The chance to pass is Welch's test averaged over the two variances,
    which are gamma distributed: by Gauss and Laguerre's quadrature. Moderated variances do better, by as much as the
    measurements are alike.
    """
    if min(upgraded, controls) < policy.design.nodes or not (0.0 < deviation < math.inf):
        return Reach(upgraded, controls, math.inf, 0.0, 0.0)
    error = deviation * math.sqrt(1.0 / upgraded + 1.0 / controls)
    freedom = upgraded + controls - 2
    quantile = special.stdtrit(freedom, 1.0 - policy.regress_alpha / max(1, measured))
    least = math.log1p(limits.ignore) + error * float(special.nctdtrinc(freedom, 0.01, quantile))
    weights, variances = zip(*(_variances(nodes) for nodes in (upgraded, controls)), strict=True)
    parts = [variances[0][:, None] / upgraded, variances[1][None, :] / controls]
    whole = np.broadcast_arrays(*parts)
    degrees = satterthwaite(whole, [[[upgraded - 1]], [[controls - 1]]])
    critical = special.stdtrit(degrees, 1.0 - policy.pass_alpha) * deviation * np.sqrt(sum(whole))
    chance = special.ndtr((math.log1p(limits.margin) - critical) / error)
    passing = float(weights[0] @ chance @ weights[1])
    return Reach(upgraded, controls, least, passing, passing ** max(1, measured))


def _variances(nodes: int) -> tuple[Floats, Floats]:
    """Weights and nodes of a quadrature over chi2(n - 1) / (n - 1), the distribution of a variance of 1."""
    half = (min(nodes, 300) - 1) / 2.0  # beyond that the gamma function is too great, and the variance as good as known
    places, weights = special.roots_genlaguerre(40, half - 1.0)
    return weights / weights.sum(), places / half
