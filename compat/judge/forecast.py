"""What a plan will cost and whether it can reach GO, looked at before the first pair.

The chance is that of a ring in which nothing changed: measurements are drawn whose pairs differ by chance alone, and
are judged by the rounds that will judge the real ones. How much pairs differ is known from a calibration, or assumed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.budget import measured, sampled
from compat.judge.calibration import Spread, least_effect
from compat.judge.rounds import courses
from compat.judge.sampling import fewest_pairs
from compat.judge.series import Series
from compat.judge.tables import judge_tables
from compat.judge.text import grown, percent, plural
from compat.model import Item, Metric, MetricPolicy, Plan, Policy, Ring, Status, Tier

__all__ = ["DEVIATION", "Chances", "Forecast", "Least", "chances", "forecast"]

DEVIATION = 0.02  # of a pair's log ratio, where nothing is known: that of a quiet node (shared statistics: 2 to 6 %)
_DRAWS = 4000
_POOR = 0.5  # a chance of GO below this is no plan


@dataclass(frozen=True)
class Chances:
    """What becomes of one unchanged measurement: how often it passes, how often it regresses, pairs on average."""

    passes: float
    regresses: float
    pairs: float


@dataclass(frozen=True)
class Least:
    """The least slowdown (relative) that one metric of one item can gate in its largest round; ``assumed`` spread."""

    item: str
    metric: str
    least: float
    margin: float
    assumed: bool


@dataclass(frozen=True)
class Forecast:
    """Of one ring. ``seconds`` of measuring on each node, of the items whose ``known`` duration somebody measured."""

    ring: str
    items: int
    known: int
    pairs: float  # over all items
    seconds: float
    gpu_hours: float  # over all nodes and their GPUs, of the same items
    go: float  # the chance, if nothing changed
    least: tuple[Least, ...]  # the largest first
    obstacles: tuple[str, ...]  # why it cannot reach GO
    remedies: tuple[str, ...]  # what would make it possible
    refused: bool  # whether it is the support tables that are against it


def forecast(
    plan: Plan,
    ring: Ring,
    durations: Mapping[tuple[str, str], float],
    spreads: Mapping[tuple[str, str], Spread] | None = None,
) -> Forecast:
    """Look ahead at a ring of ``plan``.

    ``durations``: seconds of one run of (workload, case), as an earlier run took them. ``spreads`` by item and metric,
    as a calibration has shown them (``compat.judge.calibration.spreads``).
    """
    items = plan.for_ring(ring.name)
    sharing = measured(plan, ring)
    known = spreads or {}
    ahead = chances(plan.policy, sharing)
    pairs, seconds, gpu_seconds, timed = 0.0, 0.0, 0.0, 0
    go, least = 1.0, []
    for item in items:
        policy = plan.policy.of(item.case.workload)
        own = [(metric, known.get((item.key, metric.name))) for metric in sampled(item)]
        found = [ahead(policy.metric(metric.name), _deviation(spread)) for metric, spread in own]
        expected = max([fewest_pairs(item, policy), *(one.pairs for one in found)])
        pairs += expected
        duration = durations.get((item.case.workload, item.case.id))
        if duration is not None:
            timed += 1
            seconds += 2 * expected * duration
            gpu_seconds += 2 * expected * duration if item.case.tier is Tier.GPU else 0.0
        if item.required and item.cell.required and not ring.watches(item):
            go *= math.prod(one.passes for one in found)
            least += [_least(item, metric, spread, policy, sharing) for metric, spread in own]
    least.sort(key=lambda one: (-one.least / max(one.margin, 1e-9), one.item, one.metric))
    refused = _refused(plan, ring)
    obstacles, remedies = _obstacles(plan, ring, refused, least, seconds, timed, go)
    return Forecast(
        ring.name,
        len(items),
        timed,
        pairs,
        seconds,
        gpu_seconds * ring.minimum_nodes * (ring.gpus or 1) / 3600,
        go,
        tuple(least),
        tuple(obstacles),
        tuple(remedies),
        bool(refused),
    )


def chances(policy: Policy, sharing: int) -> Callable[[MetricPolicy, float], Chances]:
    """Of an unchanged measurement with such limits, whose pairs have such a deviation (log ratio).

    ``sharing`` measurements share the ring's budget. Each answer is found once.
    """
    random = np.random.Generator(np.random.Philox(20261129))  # the same draws each time
    numbers = np.concatenate([np.full(size, number) for number, size in enumerate(policy.rounds, 1)])
    generations = np.arange(len(numbers)) // max(1, policy.pairs_per_generation)
    good, new = random.standard_normal((2, _DRAWS, len(numbers))) / math.sqrt(2.0)  # both arms vary alike

    @functools.cache
    def of(margin: float, ignore: float, deviation: float) -> Chances:
        series = Series(good * deviation, new * deviation, numbers, generations)
        found = courses(series, MetricPolicy(margin=margin, ignore=ignore), policy, sharing)
        passes, regresses = found.came_to(Status.PASS), found.came_to(Status.REGRESS)
        return Chances(float(passes.mean()), float(regresses.mean()), float(found.pairs.mean()))

    return lambda limits, deviation: of(limits.margin, limits.ignore, round(deviation, 5))


def _deviation(spread: Spread | None) -> float:
    return DEVIATION if spread is None else spread.error_over(1)


def _least(item: Item, metric: Metric, spread: Spread | None, policy: Policy, sharing: int) -> Least:
    limits = policy.metric(metric.name)
    pairs = max(policy.rounds[1:] or policy.rounds, default=1)
    used = spread or Spread(DEVIATION / math.sqrt(pairs), pairs, pairs)
    found = grown(least_effect(used, limits.ignore, policy, sharing))
    return Least(item.key, metric.name, found, limits.margin, spread is None)


def _obstacles(
    plan: Plan, ring: Ring, refused: Sequence[str], least: Sequence[Least], seconds: float, timed: int, go: float
) -> tuple[list[str], list[str]]:
    """What keeps the ring from GO whatever is measured, and what would change that."""
    obstacles = list(refused)
    remedies: list[str] = []
    blocking = [one for one in plan.rejections if one.blocking and one.ring in (None, ring.name)]
    obstacles += [f"{one.what}: {one.reason}" for one in blocking]
    if ring.on_paper:
        obstacles.append("the ring asks for the tables alone, which never make it GO")
        remedies.append("a tier that is measured")
    covered = _uncovered(plan, least)
    if covered is not None:
        obstacles.append(covered[0])
        remedies.append(covered[1])
    if timed and seconds > ring.budget:
        obstacles.append(
            f"it takes {seconds / 60:.0f} min on a node, and the ring's budget is {ring.budget / 60:g} min"
        )
        remedies.append(f"a budget of {math.ceil(seconds / 60 / 5) * 5} min, shards on more nodes, or fewer cases")
    elif go < _POOR and covered is None:
        obstacles.append(f"the chance of GO is {percent(go)} although nothing changes: pairs differ too much for it")
        remedies.append("a larger last round, fewer measurements, or a wider margin that somebody writes down")
    return obstacles, remedies


def _refused(plan: Plan, ring: Ring) -> list[str]:
    """What the support tables alone are against."""
    found = [one for one in judge_tables(plan, ring) if one.required and one.status is Status.REGRESS]
    return list(dict.fromkeys(one.reason for one in found))


def _uncovered(plan: Plan, least: Iterable[Least]) -> tuple[str, str] | None:
    """That more cannot be told than may be left uncovered, and the margin that would do."""
    all_ = list(least)
    wide = [one for one in all_ if one.least > one.margin]
    allowed = max(plan.policy.accepted_least, int(plan.policy.accepted_share * len(all_)))
    if len(wide) <= allowed:
        return None
    worst = wide[0]
    needed = sorted(wide, key=lambda one: one.least)[len(wide) - 1 - allowed].least
    how = "if pairs differ by 2 %, which is assumed" if worst.assumed else "by its calibration"
    told = f"{worst.item} {worst.metric} tells {percent(worst.least)} at least {how}"
    said = (
        f"{plural(len(wide), 'measurement')} of {len(all_)} cannot tell the margin, and {allowed} may be left "
        f"uncovered: {told}, its margin is {percent(worst.margin)}"
    )
    wider = f"a margin of {100 * needed:.2g} % that somebody writes down"
    return said, f"{wider}, a larger last round (policy.rounds), or fewer measurements"
